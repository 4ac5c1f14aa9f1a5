drop function public.select_dataset_rows(uuid, integer[], bigint, bigint, integer, text);
drop function public.search_columns(text, integer, text);
drop function public.get_dataset_columns(uuid, text, integer, integer, text);
drop function public.get_dataset(uuid, text);
drop function public.list_datasets(timestamptz, integer, uuid, text);
drop function :"data_schema".require_own_dataset(uuid, text);
drop function :"data_schema".dataset_facts(:"data_schema".datasets);

notify pgrst, 'reload schema';
