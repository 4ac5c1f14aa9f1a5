-- Making, sealing and dropping parts: the tables that hold rows of data.
--
-- A part is made empty by the service role, with row level security and policies but no grants, so
-- nobody reads a load in progress. `seal_part`, in the transaction that loads it, opens it to its
-- owner. A part not planned by a dataset of that owner is registered all the same but belongs to
-- no dataset: users cannot reach it and `reap_uploads` takes it.

-- require_data_schema: every function that takes a schema refuses any but the one in use ---------

create function :"data_schema".require_data_schema(p_schema_name text) returns void
language plpgsql immutable security invoker set search_path = ''
as $$
begin
  if p_schema_name is distinct from :'data_schema' then
    raise sqlstate '22023' using message = 'Unknown schema.',
      hint = 'Leave p_schema_name out: there is one schema of data.';
  end if;
end
$$;
revoke all on function :"data_schema".require_data_schema(text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_data_schema(text) to authenticated;

-- require_name: PostgreSQL silently cuts longer names, and two could then collide ----------------

create function :"data_schema".require_name(p_name text, p_what text) returns void
language plpgsql immutable security invoker set search_path = ''
as $$
begin
  if p_name is null or p_name = '' or octet_length(p_name) > 63 then
    raise sqlstate '22023' using message = p_what || ' must be 1 to 63 bytes long.';
  end if;
end
$$;
revoke all on function :"data_schema".require_name(text, text)
  from public, anon, authenticated, service_role;

-- create_data_table ------------------------------------------------------------------------------
-- Columns 1 to 3 of a part are always rowid, user_id and the pseudonym; `seal_part` and
-- `update_table_row` rely on that order.

create function public.create_data_table(
  p_schema_name text,
  p_table_name text,
  p_column_names text[],
  p_id_column text,
  p_user_id uuid,
  p_column_types text[] default null
) returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '60s'
as $$
declare
  -- the system columns of PostgreSQL 14 to 18, and ours
  c_reserved constant text[] := array['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid',
                                      'rowid', 'user_id'];
  c_types constant jsonb := '{"integer": "bigint", "float": "double precision",
    "boolean": "boolean", "date": "date", "timestamp": "timestamp without time zone",
    "text": "text"}';
  v_names text[] := coalesce(p_column_names, '{}');
  v_types text[] := coalesce(p_column_types, array_fill('text'::text, array[cardinality(v_names)]));
  v_hash text := p_id_column;
  v_name text;
  v_columns text;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  perform :"data_schema".require_name(p_table_name, 'The table''s name');
  perform :"data_schema".require_name(p_id_column, 'The id column''s name');
  while octet_length(v_hash) > 63 - length('_hash') loop
    v_hash := left(v_hash, -1);  -- a whole character at a time, never half of one
  end loop;
  v_hash := v_hash || '_hash';

  foreach v_name in array v_names loop
    perform :"data_schema".require_name(v_name, 'A column''s name');
    if v_name = any (c_reserved || v_hash) then
      raise sqlstate '22023' using message = format('The column name %I is reserved.', v_name);
    end if;
  end loop;
  if (select count(distinct n) from unnest(v_names) n) <> cardinality(v_names) then
    raise sqlstate '22023' using message = 'Two columns have the same name.';
  end if;
  if v_hash = any (c_reserved) then
    raise sqlstate '22023' using message = 'The id column''s name is reserved.';
  end if;
  if cardinality(v_types) <> cardinality(v_names) then
    raise sqlstate '22023' using message = 'There must be one type for each column.';
  end if;
  if exists (select from unnest(v_types) t where t is null or not c_types ? t) then
    raise sqlstate '22023' using message =
      'A column''s type must be integer, float, boolean, date, timestamp or text.';
  end if;
  if p_user_id is null or not exists (select from auth.users u where u.id = p_user_id) then
    raise sqlstate '22023' using message = 'The owner has no account.';
  end if;

  select string_agg(format(', %I %s', n.name, c_types ->> v_types[n.number]), '' order by n.number)
    into v_columns
    from unnest(v_names) with ordinality n (name, number);
  begin
    execute format(
      'create table %1$I.%2$I (rowid bigint not null, '
      'user_id uuid not null default %3$L::uuid check (user_id = %3$L::uuid), '
      '%4$I text not null%5$s)',
      :'data_schema', p_table_name, p_user_id, v_hash, coalesce(v_columns, '')
    );
    insert into :"data_schema".metadata_tables
        (table_name, user_id, dataset_id, main_table, description, origin)
      select p_table_name, p_user_id, d.id,
             coalesce(d.title, ''), coalesce(d.description, ''), coalesce(d.origin, '')
        from (values (1)) one
        left join :"data_schema".datasets d
          on d.user_id = p_user_id and d.state in ('created', 'loading')
         and p_table_name = any (d.parts)
        limit 1;
  exception
    when duplicate_table or duplicate_object or unique_violation then
      raise sqlstate 'PT409' using message = 'A table of this name exists already.';
  end;

  -- else rows of many columns would each move it out of the row (TOAST): a tenth of a load's time
  execute format('alter table %I.%I alter column %I set storage main',
                 :'data_schema', p_table_name, v_hash);
  execute format('alter table %I.%I enable row level security', :'data_schema', p_table_name);
  execute format('revoke all on %I.%I from public, anon, authenticated, service_role',
                 :'data_schema', p_table_name);
  execute format('create policy owner on %1$I.%2$I for all to authenticated '
                 'using (user_id = (select %1$I.require_caller())) '
                 'with check (user_id = (select %1$I.require_caller()))',
                 :'data_schema', p_table_name);
  return true;
end
$$;
revoke all on function public.create_data_table(text, text, text[], text, uuid, text[])
  from public, anon, authenticated, service_role;
grant execute on function public.create_data_table(text, text, text[], text, uuid, text[])
  to service_role;

-- drop_data_table --------------------------------------------------------------------------------
-- Returns false where that person has no table of this name, so dropping again does no harm.

create function public.drop_data_table(
  p_table_name text,
  p_user_id uuid,
  p_schema_name text default :'data_schema'
) returns boolean
language plpgsql volatile security definer set search_path = '' set statement_timeout = '60s'
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  if exists (
    select from :"data_schema".metadata_tables m
      join :"data_schema".datasets d on d.id = m.dataset_id
      where m.table_name = p_table_name and m.user_id = p_user_id and d.state = 'ready'
  ) then
    raise sqlstate 'PT409' using message = 'This table belongs to a dataset in use.',
      hint = 'Set the dataset''s state to deleting first.';
  end if;
  delete from :"data_schema".metadata_tables m
    where m.table_name = p_table_name and m.user_id = p_user_id;
  if not found then
    return false;
  end if;
  execute format('drop table if exists %I.%I', :'data_schema', p_table_name);
  return true;
end
$$;
revoke all on function public.drop_data_table(text, uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.drop_data_table(text, uuid, text) to service_role;

-- seal_part --------------------------------------------------------------------------------------
-- For Django's own connection, last in the transaction that loads a part. FORCE makes the policies
-- bind the table's owner too, which is why it cannot come before COPY. UPDATE is granted column by
-- column (36 ms for 900): rowid, user_id and the pseudonym stay out of every user's reach.

create function :"data_schema".seal_part(p_table_name text) returns void
language plpgsql volatile security invoker set search_path = ''
  set default_statistics_target = 1
as $$
declare
  v_table regclass := to_regclass(format('%I.%I', :'data_schema', p_table_name));
  v_columns text;
begin
  if v_table is null or not exists (
    select from :"data_schema".metadata_tables m
      where m.table_name = p_table_name and m.dataset_id is not null
  ) then
    raise sqlstate 'PT404' using message = 'No dataset has a part of this name.';
  end if;
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum) into v_columns
    from pg_catalog.pg_attribute a
    where a.attrelid = v_table and a.attnum > 3 and not a.attisdropped;
  -- an index over rows that are there costs a fraction of one that grows row by row
  execute format('alter table %s add primary key (rowid), force row level security', v_table);
  execute format('create index on %s (user_id)', v_table);
  execute format('create trigger keep_change after insert or update or delete on %s '
                 'for each row execute function %I.keep_change()', v_table, :'data_schema');
  -- every row is of one user, which the planner must know: else it reads them all for one page
  execute format('analyze %s (rowid, user_id)', v_table);
  execute format('grant select, insert, delete on %s to authenticated', v_table);
  if v_columns is not null then
    execute format('grant update (%s) on %s to authenticated', v_columns, v_table);
  end if;
end
$$;
revoke all on function :"data_schema".seal_part(text)
  from public, anon, authenticated, service_role;

-- orphan_parts -----------------------------------------------------------------------------------
-- For Django's own connection: parts whose dataset, or whose owner's account, is gone, and parts
-- that no dataset had planned.

create function :"data_schema".orphan_parts() returns table (table_name text, user_id uuid)
language sql stable security invoker set search_path = ''
as $$
  select m.table_name, m.user_id
    from :"data_schema".metadata_tables m
    where m.dataset_id is null
    order by m.id
$$;
revoke all on function :"data_schema".orphan_parts()
  from public, anon, authenticated, service_role;

notify pgrst, 'reload schema';
