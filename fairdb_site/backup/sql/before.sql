-- Before anything is restored, in the transaction that restores.
--
-- A dump says what differs from PostgreSQL's own defaults. Where the project has default privileges
-- of its own (older Supabase projects grant everything in public to anon and authenticated), tables
-- and functions that had been closed would come back open. So they are taken back here for the role
-- that restores, and given again in after.sql. In this transaction nobody else sees either.

create temporary table fairdb_default_grants on commit drop as
  select coalesce(' in schema ' || quote_ident(n.nspname), '') as place,
         case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
           when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' end as kind,
         a.privilege_type as privilege,
         case a.grantee when 0 then 'public' else a.grantee::regrole::text end as grantee,
         a.is_grantable as grantable
    from pg_default_acl d
    left join pg_namespace n on n.oid = d.defaclnamespace,
         aclexplode(d.defaclacl) a
   where d.defaclrole = current_user::regrole
     and a.grantee <> d.defaclrole
     -- PostgreSQL's own: everybody may run functions and use types
     and not (d.defaclnamespace = 0 and a.grantee = 0 and d.defaclobjtype in ('f', 'T'))
     and d.defaclobjtype in ('r', 'S', 'f', 'T', 'n');

do $$
declare
  v_grant record;
begin
  for v_grant in select * from fairdb_default_grants loop
    execute format('alter default privileges%s revoke %s on %s from %s',
                   v_grant.place, v_grant.privilege, v_grant.kind, v_grant.grantee);
  end loop;
end
$$;
