-- The objects of the schemas as lines of text, equal where the objects are: (kind, line), sorted.
--
-- Left out are tables that %(left_out)s names, what extensions bring, functions of event triggers
-- (Supabase puts some of its own into public), and what an owner may do with their own objects.

with schemas as (
  select n.oid, n.nspname, n.nspowner, n.nspacl
    from pg_namespace n where n.nspname = any (%(schemas)s)
),
relations as (
  select c.*, format('%%I.%%I', s.nspname, c.relname) as label, s.nspname
    from pg_class c join schemas s on s.oid = c.relnamespace
   where c.relname <> all (%(left_out)s)
     and not exists (select from pg_depend e
                      where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
),
tables as (select * from relations where relkind in ('r', 'p', 'v', 'm')),
routines as (
  select p.*, p.oid::regprocedure::text as label
    from pg_proc p join schemas s on s.oid = p.pronamespace
   where p.prokind in ('f', 'p') and p.prorettype <> 'event_trigger'::regtype
     and not exists (select from pg_depend e
                      where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
),
granted as (
  select c.label, c.relowner as owner, a.* from relations c, aclexplode(c.relacl) a
  union all
  select concat_ws(' ', c.label, t.attname), c.relowner, a.*
    from relations c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
  union all
  select p.label, p.proowner, a.*
    from routines p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  union all
  select s.nspname, s.nspowner, a.* from schemas s, aclexplode(s.nspacl) a
   where s.nspname <> 'public'  -- which is the project's
),
lines (kind, line) as (
  select 'tables', concat_ws(' ', label, relkind, relpersistence, relowner::regrole)
    from relations where relkind in ('r', 'p', 'v', 'm', 'S')
  union all
  select 'row level security', concat_ws(' ', label, relrowsecurity, relforcerowsecurity)
    from tables
  union all
  select 'columns', concat_ws(' ', t.label,
           row_number() over (partition by t.oid order by a.attnum), a.attname,
           format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
           a.attstorage, pg_get_expr(d.adbin, d.adrelid))
    from tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
  union all
  -- PostgreSQL 18 lists NOT NULL among them, as `columns` does for all versions
  select 'constraints', concat_ws(' ', t.label, k.conname, pg_get_constraintdef(k.oid))
    from pg_constraint k join tables t on t.oid = k.conrelid where k.contype <> 'n'
  union all
  select 'indexes', pg_get_indexdef(i.indexrelid)
    from pg_index i join tables t on t.oid = i.indrelid
  union all
  select 'policies', concat_ws(' ', t.label, p.polname, p.polcmd, p.polpermissive,
           array(select case r when 0 then 'public' else r::regrole::text end
                   from unnest(p.polroles) r order by 1),
           pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_policy p join tables t on t.oid = p.polrelid
  union all
  select 'triggers', concat_ws(' ', pg_get_triggerdef(g.oid), g.tgenabled)
    from pg_trigger g join tables t on t.oid = g.tgrelid where not g.tgisinternal
  union all
  select 'functions', concat_ws(' ', pg_get_functiondef(oid), proowner::regrole) from routines
  union all
  select 'grants', concat_ws(' ', label, case grantee when 0 then 'public'
           else grantee::regrole::text end, privilege_type, is_grantable)
    from granted where grantee <> owner
  union all
  select 'sequences', concat_ws(' ', r.label, s.last_value, s.increment_by, s.cycle)
    from relations r
    join pg_sequences s on s.schemaname = r.nspname and s.sequencename = r.relname
)
select kind, line from lines order by kind collate "C", line collate "C"
