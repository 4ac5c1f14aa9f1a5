-- After all is restored, in the same transaction: the default privileges of before.sql again.

do $$
declare
  v_grant record;
begin
  for v_grant in select * from pg_temp.fairdb_default_grants loop
    execute format('alter default privileges%s grant %s on %s to %s%s',
                   v_grant.place, v_grant.privilege, v_grant.kind, v_grant.grantee,
                   case when v_grant.grantable then ' with grant option' else '' end);
  end loop;
end
$$;

notify pgrst, 'reload schema';
