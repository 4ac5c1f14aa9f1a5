-- Attached columns stay, as columns like any other.

drop function public.get_join_report(uuid, uuid, text, text);
drop function :"data_schema".fill_attached(uuid, bigint[]);
drop function :"data_schema".pseudonym_name(uuid);
alter table :"data_schema".dataset_columns drop column attachment_id;
drop table :"data_schema".attachments;

notify pgrst, 'reload schema';
