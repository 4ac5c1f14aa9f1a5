-- Refuses while any part is left: its rows could be reached by nobody afterwards.

do $$
declare
  v_parts bigint;
begin
  select count(*) into v_parts
    from pg_catalog.pg_class c
    where c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(:'data_schema'))
      and c.relkind = 'r'
      and c.relname not in ('datasets', 'metadata_tables', 'dataset_columns');
  if v_parts > 0 then
    raise exception '% tables of data are still in the data schema', v_parts
      using hint = 'Delete the datasets (delete_dataset, reap_uploads) before undoing this.';
  end if;
end
$$;

drop table :"data_schema".dataset_columns;
drop table :"data_schema".metadata_tables;
drop table :"data_schema".datasets;
drop function :"data_schema".require_caller();
drop table public.fairdb_installation;

-- The schema goes only where nothing else lives in it and it is ours to drop.
do $$
begin
  execute pg_catalog.format('drop schema %I restrict', :'data_schema');
exception
  when dependent_objects_still_exist or insufficient_privilege then
    raise notice 'the data schema is kept: something else is in it, or someone else owns it';
end
$$;

notify pgrst, 'reload schema';
