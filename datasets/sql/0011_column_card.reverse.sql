drop function public.get_column_profile(uuid, integer, integer, text);

notify pgrst, 'reload schema';
