drop function public.search_columns(text, integer, text);
drop function public.get_dataset_columns(uuid, text, integer, integer, text);
drop function public.get_dataset(uuid, text);
drop function public.list_versions(uuid, text);
drop function public.list_datasets(timestamptz, integer, uuid, text);
drop function :"data_schema".is_newest(:"data_schema".datasets);
drop function :"data_schema".cut_text(text, integer);
drop function :"data_schema".has_turn(uuid);
drop function :"data_schema".require_own_dataset(uuid, text);
drop function :"data_schema".dataset_facts(:"data_schema".datasets);

notify pgrst, 'reload schema';
