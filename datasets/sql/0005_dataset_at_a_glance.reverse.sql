drop function public.get_overview(text);
drop function public.get_dataset_outline(uuid, integer, text);
drop function public.get_columns_at(uuid, integer[], text);

notify pgrst, 'reload schema';
