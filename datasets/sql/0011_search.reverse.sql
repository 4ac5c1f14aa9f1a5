drop function public.search_datasets(text, integer, text);

notify pgrst, 'reload schema';
