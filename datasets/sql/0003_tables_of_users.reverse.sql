drop function public.insert_metadata(text, text, text, text, text);
drop function public.update_table_row(text, bigint, jsonb, jsonb, text);
drop function public.select_from_table(text, integer, text);
drop function public.search_tables_by_column(text, text);
drop function public.table_exists(text, text);
drop function public.get_table_columns(text, text);
drop function public.get_all_tables(text);
drop function :"data_schema".contains_pattern(text);
drop function :"data_schema".require_own_part(text, text);

notify pgrst, 'reload schema';
