drop function public.delete_privacy_report(uuid, text);
drop function public.get_privacy_report(uuid, text);
drop function public.list_privacy_reports(uuid, timestamptz, uuid, integer, text);
drop function public.keep_privacy_report(uuid, text, jsonb, jsonb, jsonb, text);
drop function public.set_privacy_thresholds(uuid, jsonb, text, text);
drop function public.set_privacy_roles(uuid, jsonb, jsonb, text, text);
drop table :"data_schema".privacy_population_codes;
drop table :"data_schema".privacy_codes;
drop table :"data_schema".privacy_reports;
drop function :"data_schema".content_state(:"data_schema".datasets);
alter table :"data_schema".datasets
  drop column privacy_k, drop column privacy_l, drop column privacy_t, drop column privacy_risk,
  drop column privacy_missing, drop column privacy_population, drop column privacy_population_dataset,
  drop column privacy_changed_at;
alter table :"data_schema".dataset_columns drop column privacy_role;

notify pgrst, 'reload schema';
