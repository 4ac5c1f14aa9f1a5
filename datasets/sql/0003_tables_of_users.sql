-- What a signed-in user may do with one table of theirs. All run as the caller: row level security
-- answers who owns what, so a table of someone else and one that does not exist are the same 404.

-- require_own_part -------------------------------------------------------------------------------

create function :"data_schema".require_own_part(p_table_name text, p_schema_name text)
returns :"data_schema".metadata_tables
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_part :"data_schema".metadata_tables;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  select m.* into v_part
    from :"data_schema".metadata_tables m
    join :"data_schema".datasets d on d.id = m.dataset_id
    where m.table_name = p_table_name and d.state = 'ready';
  if not found then
    raise sqlstate 'PT404' using message = 'No such table.';
  end if;
  return v_part;
end
$$;
revoke all on function :"data_schema".require_own_part(text, text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_own_part(text, text) to authenticated;

-- contains_pattern: an ILIKE pattern for text that may itself hold % and _ -----------------------

create function :"data_schema".contains_pattern(p_text text) returns text
language sql immutable security invoker set search_path = ''
as $$
  select '%' || replace(replace(replace(p_text, '\', '\\'), '%', '\%'), '_', '\_') || '%'
$$;
revoke all on function :"data_schema".contains_pattern(text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".contains_pattern(text) to authenticated;

-- get_all_tables ---------------------------------------------------------------------------------

create function public.get_all_tables(p_schema_name text default :'data_schema') returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select coalesce(
        jsonb_agg(
          jsonb_build_object('table_name', m.table_name, 'table_type', 'BASE TABLE')
          order by d.created_at desc, d.id, m.id
        ), '[]')
      from :"data_schema".metadata_tables m
      join :"data_schema".datasets d on d.id = m.dataset_id
      where d.state = 'ready'
  );
end
$$;
revoke all on function public.get_all_tables(text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_all_tables(text) to authenticated;

-- get_table_columns ------------------------------------------------------------------------------

create function public.get_table_columns(
  p_table_name text,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_own_part(p_table_name, p_schema_name);
  return (
    select jsonb_agg(
        jsonb_build_object(
          'column_name', a.attname,
          'data_type', pg_catalog.format_type(a.atttypid, null),
          'is_nullable', case when a.attnotnull then 'NO' else 'YES' end
        ) order by a.attnum
      )
      from pg_catalog.pg_attribute a
      where a.attrelid = to_regclass(format('%I.%I', :'data_schema', p_table_name))
        and a.attnum > 0 and not a.attisdropped
  );
end
$$;
revoke all on function public.get_table_columns(text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_table_columns(text, text) to authenticated;

-- table_exists -----------------------------------------------------------------------------------

create function public.table_exists(
  p_table_name text,
  p_schema_name text default :'data_schema'
) returns boolean
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_own_part(p_table_name, p_schema_name);
  return true;
exception
  when sqlstate 'PT404' then
    return false;
end
$$;
revoke all on function public.table_exists(text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.table_exists(text, text) to authenticated;

-- search_tables_by_column ------------------------------------------------------------------------
-- By the label in the file, which is the name people know. The id column (part null) is in every
-- part of its dataset.

create function public.search_tables_by_column(
  p_column_name text,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select coalesce(
        jsonb_agg(
          jsonb_build_object('table_name', found.table_name, 'table_type', 'BASE TABLE')
          order by found.created_at desc, found.dataset_id, found.part
        ), '[]')
      from (
        select hit.created_at, hit.dataset_id, p.part, p.table_name
          from (
            select distinct d.id as dataset_id, d.created_at, d.parts, c.part
              from :"data_schema".datasets d
              join :"data_schema".dataset_columns c on c.dataset_id = d.id
              where d.state = 'ready'
                and c.label ilike :"data_schema".contains_pattern(p_column_name)
          ) hit
          cross join lateral unnest(hit.parts) with ordinality p (table_name, part)
          where hit.part = p.part or hit.part is null
          group by 1, 2, 3, 4
      ) found
  );
end
$$;
revoke all on function public.search_tables_by_column(text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.search_tables_by_column(text, text) to authenticated;

-- select_from_table ------------------------------------------------------------------------------
-- At most 1,000 rows (PostgREST's max-rows), by rowid, as objects without the owner's id.

create function public.select_from_table(
  p_table_name text,
  p_row_limit integer default 100,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_rows jsonb;
begin
  perform :"data_schema".require_own_part(p_table_name, p_schema_name);
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(t) - ''user_id'' order by t.rowid), ''[]'') '
    'from (select * from %I.%I order by rowid limit $1) t', :'data_schema', p_table_name
  ) into v_rows using least(greatest(coalesce(p_row_limit, 100), 0), 1000);
  return v_rows;
end
$$;
revoke all on function public.select_from_table(text, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.select_from_table(text, integer, text) to authenticated;

-- update_table_row -------------------------------------------------------------------------------
-- p_updates maps physical column names to new values: strings, numbers, booleans or null. Returns
-- false where the table has no such row. Errors name the column as in the file, never the value.
-- p_expected maps columns to the values that were seen: where one is another by now, nothing is
-- stored (PT409). Two people on one cell are told so, and neither overwrites the other unawares.
-- Corrections of a dataset wait for each other: each touches a row of several parts, and the
-- dataset's own, and they would lock them in different orders.

create function public.update_table_row(
  p_table_name text,
  p_row_id bigint,
  p_updates jsonb,
  p_expected jsonb default null,
  p_schema_name text default :'data_schema'
) returns boolean
language plpgsql volatile security invoker set search_path = '' set datestyle = 'ISO, YMD'
as $$
declare
  c_form constant jsonb := jsonb_build_object(
    'bigint', '^\s*[+-]?\d+\s*$',
    'date', '^\d{4,}-\d{2}-\d{2}$',
    -- without a zone: PostgreSQL would drop it silently
    'timestamp without time zone', '^\d{4,}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$'
  );
  v_table regclass;
  v_part :"data_schema".metadata_tables;
  v_key text;
  v_value text;
  v_type text;
  v_label text;
  v_updated bigint;
  v_assignments text[] := '{}';
  v_unchanged text := '';
begin
  v_part := :"data_schema".require_own_part(p_table_name, p_schema_name);
  v_table := to_regclass(format('%I.%I', :'data_schema', p_table_name));
  if jsonb_typeof(p_updates) is distinct from 'object' or p_updates = '{}' then
    raise sqlstate '22023' using message = 'Name at least one column to change.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('correct ' || v_part.dataset_id, 0));

  for v_key, v_value in select u.key, u.value from jsonb_each_text(p_updates) u loop
    -- columns 1 to 3 are rowid, user_id and the pseudonym
    select format_type(a.atttypid, null) into v_type
      from pg_catalog.pg_attribute a
      where a.attrelid = v_table and a.attname = v_key and a.attnum > 3 and not a.attisdropped;
    if not found then
      raise sqlstate '22023' using message = format('There is no column %I to change.', v_key);
    end if;
    select c.label into v_label
      from :"data_schema".dataset_columns c
      where c.dataset_id = v_part.dataset_id and c.name = v_key and c.part is not null
      limit 1;
    begin
      if jsonb_typeof(p_updates -> v_key) in ('object', 'array')
          or v_value !~ (c_form ->> v_type) then
        raise data_exception;
      end if;
      execute format('select cast($1 as %s)', v_type) using v_value;
    exception
      when data_exception then
        raise sqlstate '22023' using message = format(
          'Column "%s" takes %s; the new value is something else.', coalesce(v_label, v_key),
          case v_type
            when 'bigint' then 'a whole number'
            when 'double precision' then 'a number'
            when 'boolean' then 'true or false'
            when 'date' then 'a date (YYYY-MM-DD)'
            when 'timestamp without time zone' then 'a date and time (YYYY-MM-DD HH:MM:SS)'
            else 'text'
          end);
    end;
    v_assignments := v_assignments
      || format('%I = cast($1 ->> %L as %s)', v_key, v_key, v_type);
  end loop;

  for v_key in select e.key from jsonb_each(p_expected) e loop
    select format_type(a.atttypid, null) into v_type
      from pg_catalog.pg_attribute a
      where a.attrelid = v_table and a.attname = v_key and a.attnum > 3 and not a.attisdropped;
    if not found then
      raise sqlstate '22023' using message = format('There is no column %I to compare.', v_key);
    end if;
    v_unchanged := v_unchanged
      || format(' and %I is not distinct from cast($3 ->> %L as %s)', v_key, v_key, v_type);
  end loop;

  execute format('update %s set %s where rowid = $2%s', v_table,
                 array_to_string(v_assignments, ', '), v_unchanged)
    using p_updates, p_row_id, p_expected;
  get diagnostics v_updated = row_count;
  if v_updated = 0 and v_unchanged <> '' then
    execute format('select count(*) from %s where rowid = $1', v_table)
      into v_updated using p_row_id;
    if v_updated > 0 then
      raise sqlstate 'PT409' using message =
        'Somebody changed this meanwhile. Nothing of yours was stored: look at it again.';
    end if;
  end if;
  return v_updated > 0;
end
$$;
revoke all on function public.update_table_row(text, bigint, jsonb, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function public.update_table_row(text, bigint, jsonb, jsonb, text)
  to authenticated;

-- insert_metadata --------------------------------------------------------------------------------
-- Ownership was registered with the table; this describes it. Also while it is being loaded.

create function public.insert_metadata(
  p_table_name text,
  p_main_table text,
  p_description text,
  p_origin text,
  p_schema_name text default :'data_schema'
) returns bigint
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_id bigint;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  if greatest(length(p_main_table), length(p_description), length(p_origin)) > 10000 then
    raise sqlstate '22023' using message = 'A description is at most 10,000 characters long.';
  end if;
  update :"data_schema".metadata_tables m
    set main_table = coalesce(p_main_table, ''),
        description = coalesce(p_description, ''),
        origin = coalesce(p_origin, '')
    where m.table_name = p_table_name
    returning m.id into v_id;
  if v_id is null then
    raise sqlstate 'PT404' using message = 'No such table.';
  end if;
  return v_id;
end
$$;
revoke all on function public.insert_metadata(text, text, text, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.insert_metadata(text, text, text, text, text) to authenticated;

notify pgrst, 'reload schema';
