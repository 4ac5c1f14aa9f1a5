drop function public.index_dataset_column(uuid, integer, text);
drop function public.count_dataset_rows(uuid, jsonb, text);
drop function public.select_dataset_rows(
  uuid, integer[], bigint, bigint, integer, jsonb, integer, boolean, boolean, integer, text);
drop function :"data_schema".matching_rows(:"data_schema".datasets, jsonb, boolean);
drop function :"data_schema".rows_at(:"data_schema".datasets, integer[], bigint[], integer);
