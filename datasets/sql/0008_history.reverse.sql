-- Parts stay as they are but for their triggers: nothing is kept of corrections from here on.

do $$
declare
  v_trigger record;
begin
  for v_trigger in
    select t.tgname, t.tgrelid::regclass as part from pg_catalog.pg_trigger t
      where t.tgfoid = pg_catalog.to_regprocedure(
        pg_catalog.quote_ident(:'data_schema') || '.keep_change()')
  loop
    execute pg_catalog.format('drop trigger %I on %s', v_trigger.tgname, v_trigger.part);
  end loop;
end
$$;

drop function public.get_changes(uuid, bigint, bigint, integer, integer, text);
drop function public.undo_change(uuid, text);
drop function public.delete_dataset_rows(uuid, bigint[], text);
drop function public.update_dataset_row(uuid, bigint, jsonb, jsonb, text);
drop function :"data_schema".change_made(uuid);
drop function :"data_schema".keep_change();
drop function :"data_schema".begin_change(uuid);
alter table :"data_schema".dataset_columns drop column edited_at, drop column counted_at;
alter table :"data_schema".datasets
  drop column edited_at, drop column rows_changed_at, drop column recounted_at;
drop table :"data_schema".changed_rows;
drop table :"data_schema".changes;

notify pgrst, 'reload schema';
