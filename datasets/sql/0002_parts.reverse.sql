drop function :"data_schema".orphan_parts();
drop function :"data_schema".seal_part(text);
drop function public.drop_data_table(text, uuid, text);
drop function public.create_data_table(text, text, text[], text, uuid, text[]);
drop function :"data_schema".require_name(text, text);
drop function :"data_schema".require_data_schema(text);

notify pgrst, 'reload schema';
