drop function public.describe_columns(uuid, jsonb, jsonb, text, text);
drop function public.describe_dataset(uuid, jsonb, jsonb, text);
drop function :"data_schema".require_texts(jsonb, jsonb);
drop trigger note_description on :"data_schema".dataset_columns;
drop trigger note_description on :"data_schema".datasets;
drop function :"data_schema".note_description();
drop policy owner_update on :"data_schema".dataset_columns;
drop policy owner_update on :"data_schema".datasets;
revoke update (description, unit) on :"data_schema".dataset_columns from authenticated;
revoke update (title, description, origin, keywords, licence)
  on :"data_schema".datasets from authenticated;
alter table :"data_schema".dataset_columns drop column description, drop column unit;
alter table :"data_schema".datasets
  drop column keywords, drop column licence, drop column described_at;

notify pgrst, 'reload schema';
