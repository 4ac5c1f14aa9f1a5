-- Pages of rows: any columns of any parts as one table, filtered, sorted, from either end. All run
-- as the caller, under row level security, but `index_dataset_column`, which makes an index.

-- rows_at ----------------------------------------------------------------------------------------
-- Rows by rowid, in the order given, as the text of a JSON array: [[rowid, pseudonym, value, ...],
-- ...], the values of the columns at p_positions, in their order, as the text COPY TO writes, or
-- null. Rowids that are not there are passed over. A text longer than p_longest characters is as many
-- of them and, right behind, how many it has: what is longer than asked for is cut, and by how much
-- is read from there.
--
-- Every part is looked up by its primary key for these rows, and parts without a chosen column are
-- not opened. Measured at 1,000 columns out of 50 parts of 300: 50 rows in 0.1 s; joined, the same
-- page took 0.5 s, most of it planning. The rows are written as text once and never parsed.

create function :"data_schema".rows_at(
  p_dataset :"data_schema".datasets, p_positions integer[], p_rowids bigint[],
  p_longest integer default null
) returns text
language plpgsql stable security invoker set search_path = ''
  set datestyle = 'ISO, YMD' set extra_float_digits = 1
as $$
declare
  v_positions constant integer[] := coalesce(p_positions, '{}');
  v_hash text;
  v_chosen bigint;
  v_base integer;
  v_values text;
  v_order bigint[];
  v_rows text;
begin
  if cardinality(v_positions) > 1000 then
    raise sqlstate '22023' using message = 'Choose at most 1,000 columns.';
  end if;

  -- One text array for each part, joined by ||, then brought into the order asked for. The first
  -- part needed is the base; the id column, whose pseudonym every part has, is read from it.
  with chosen as (
    select u.number, coalesce(c.part, min(c.part) over (), 1) as part,
           coalesce(min(c.part) over (), 1) as base,
           -- cast to text, true says true; its output, in COPY too, is t
           format(case
                    when c.data_type = 'boolean' then 'left(%s.%I::text, 1)'
                    when c.data_type = 'text' and p_longest is not null then
                      'case when length(%1$s.%2$I) > %3$s'
                      ' then left(%1$s.%2$I, %3$s) || length(%1$s.%2$I) else %1$s.%2$I end'
                    else '%s.%I::text' end,
                  case when c.part > min(c.part) over () then 'p' else 'base' end,
                  c.name, greatest(p_longest, 1)) as value
      from unnest(v_positions) with ordinality u (position, number)
      join :"data_schema".dataset_columns c
        -- the places twice: else a general plan reads all columns of all datasets to find a few
        on c.dataset_id = p_dataset.id and c.position = u.position
          and c.position = any (v_positions)
  ), by_part as (
    select part, base, array_agg(number order by number) as numbers,
           format(case when part = base then 'array[%1$s]'
                       else '(select array[%1$s] from %2$I.%3$I p where p.rowid = base.rowid)' end,
                  string_agg(value, ', ' order by number), :'data_schema', p_dataset.parts[part]
           ) as part_values
      from chosen
      group by part, base
  ), in_order as (
    select array_agg(n order by b.part, n) as places, array_agg(n order by n) as sorted
      from by_part b, unnest(b.numbers) n
  )
  select (select c.name from :"data_schema".dataset_columns c
            where c.dataset_id = p_dataset.id and c.position = p_dataset.id_position),
         (select coalesce(cardinality(o.places), 0) from in_order o),
         (select o.places from in_order o where o.places <> o.sorted),
         string_agg(b.part_values, ' || ' order by b.part),
         coalesce(min(b.base), 1)
    into v_hash, v_chosen, v_order, v_values, v_base
    from by_part b;
  if v_chosen <> cardinality(v_positions) then
    raise sqlstate '22023' using message = 'A chosen column does not exist.';
  end if;
  if v_order is not null then
    v_values := format('(select array_agg(u.value order by u.number) '
                       'from unnest(%s, $2) u (value, number))', v_values);
  end if;

  -- looked up one by one: a plan that expected many rows might read the whole table instead
  execute format(
    'select string_agg(row_text.value, '','' order by wanted.number) '
    'from unnest($1) with ordinality wanted (rowid, number), lateral ('
    'select ''['' || base.rowid || '','' || substr(array_to_json('
    'array[base.%I] || %s)::text, 2) as value from %I.%I base '
    'where base.rowid = wanted.rowid limit 1) row_text',
    v_hash, coalesce(v_values, 'array[]::text[]'), :'data_schema', p_dataset.parts[v_base]
  ) into v_rows using p_rowids, v_order;
  return '[' || coalesce(v_rows, '') || ']';
end
$$;
revoke all on function :"data_schema".rows_at(:"data_schema".datasets, integer[], bigint[], integer)
  from public, anon, authenticated, service_role;
grant execute on function
  :"data_schema".rows_at(:"data_schema".datasets, integer[], bigint[], integer)
  to authenticated;

-- matching_rows -----------------------------------------------------------------------------------
-- How many rows meet all conditions: counted where p_exact says so or the dataset is small, else
-- estimated from about 20,000 rows on pages drawn evenly from the base part, always the same ones.

create function :"data_schema".matching_rows(
  p_dataset :"data_schema".datasets,
  p_conditions jsonb,
  p_exact boolean default false,
  out matching bigint,
  out exact boolean
)
language plpgsql stable security invoker set search_path = '' set datestyle = 'ISO, YMD'
as $$
declare
  c_small constant bigint := 100000;
  c_sample constant bigint := 20000;
  v_percent constant double precision := 100.0 * c_sample / greatest(p_dataset.row_count, 1);
  v_from record;
  v_seen bigint;
begin
  exact := true;
  if p_conditions = '[]' then
    matching := p_dataset.row_count;
    return;
  end if;
  if not p_exact and p_dataset.row_count > c_small then
    select * into v_from from :"data_schema".rows_from(
      p_dataset, p_conditions, p_sample => v_percent) f;
    execute 'select count(*) ' || v_from.clause into matching using p_conditions;
    execute format('select count(*) from %I.%I tablesample system (%s) repeatable (1)',
                   :'data_schema', p_dataset.parts[v_from.base], v_percent) into v_seen;
    matching := round(matching::numeric * p_dataset.row_count / greatest(v_seen, 1));
    exact := false;
    return;
  end if;
  select * into v_from from :"data_schema".rows_from(p_dataset, p_conditions) f;
  execute 'select count(*) ' || v_from.clause into matching using p_conditions;
end
$$;
revoke all on function :"data_schema".matching_rows(:"data_schema".datasets, jsonb, boolean)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".matching_rows(:"data_schema".datasets, jsonb, boolean)
  to authenticated;

-- select_dataset_rows ----------------------------------------------------------------------------
-- A page of at most 500 rows: {"rows": [[rowid, pseudonym, value, ...], ...], "first", "last",
-- "has_previous", "has_next", "matching", "exact"}, the values of at most 1,000 columns in the order
-- of p_positions, as the text COPY TO writes, or null, cut at p_longest characters (as `rows_at`). p_conditions says which rows (as
-- `rows_from`), p_sort by which column (none: in the order of the file). A page begins after the row
-- p_after, ends before the row p_before, or (p_last) at the end. `matching` counts the rows that
-- meet the conditions, where `exact` is false by an estimate.
-- It returns json, not jsonb: the rows are written as text once and never parsed into a tree.

create function public.select_dataset_rows(
  p_dataset_id uuid,
  p_positions integer[],
  p_after bigint default null,
  p_before bigint default null,
  p_limit integer default 50,
  p_conditions jsonb default '[]',
  p_sort integer default null,
  p_descending boolean default false,
  p_last boolean default false,
  p_longest integer default null,
  p_schema_name text default :'data_schema'
) returns json
language plpgsql stable security invoker set search_path = '' set statement_timeout = '6s'
as $$
declare
  c_small constant bigint := 100000;  -- rows, as `matching_rows`
  v_dataset :"data_schema".datasets;
  v_limit constant integer := least(greatest(coalesce(p_limit, 50), 1), 500);
  v_conditions constant jsonb := coalesce(p_conditions, '[]');
  v_backward constant boolean := coalesce(p_last, false) or p_before is not null;
  v_matching bigint;
  v_exact boolean := true;
  v_few boolean := false;
  v_page record;
  v_rowids bigint[];
  v_more boolean;
  v_first bigint;
  v_last bigint;
  v_previous boolean;
  v_next boolean;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if (p_after is not null)::integer + (p_before is not null)::integer + p_last::integer > 1 then
    raise sqlstate '22023' using message = 'Page after a row or before one, not both.';
  end if;

  if v_conditions = '[]' then
    v_matching := v_dataset.row_count;
  elsif v_dataset.row_count <= c_small then
    v_few := true;
  else
    select m.matching, m.exact into v_matching, v_exact
      from :"data_schema".matching_rows(v_dataset, v_conditions) m;
    -- of 1,000,000 rows reading all takes as long as trying 200,000 one by one
    v_few := v_matching < 8 * v_limit;
  end if;
  select * into v_page from :"data_schema".page_rowids(
    v_dataset, v_conditions, p_sort, coalesce(p_descending, false), p_after, p_before,
    coalesce(p_last, false), v_limit, v_few) p;
  if v_few then
    v_matching := v_page.counted;
    v_exact := true;
  end if;
  v_rowids := v_page.rowids;
  v_more := cardinality(v_rowids) > v_limit;
  select coalesce(array_agg(u.rowid order by case when v_backward then -u.number else u.number end),
                  '{}')
    into v_rowids
    from unnest(v_rowids[:v_limit]) with ordinality u (rowid, number);
  v_first := v_rowids[1];
  v_last := v_rowids[cardinality(v_rowids)];

  -- A page that begins at a row was led to from the other side of it.
  v_previous := case when v_backward then v_more else p_after is not null end;
  v_next := case when v_backward then p_before is not null else v_more end;
  if v_conditions = '[]' and p_sort is null then  -- any number may be asked for, and none be there
    execute format('select coalesce(min(rowid) < $1, false), coalesce(max(rowid) > $2, false) '
                   'from %I.%I', :'data_schema', v_dataset.parts[1])
      into v_previous, v_next
      -- an empty page lies after p_after or before p_before, and so between two rowids
      using coalesce(v_first, p_before, p_after + 1, 0), coalesce(v_last, p_before - 1, p_after, 0);
  end if;
  return json_build_object(
    'rows', :"data_schema".rows_at(v_dataset, p_positions, v_rowids, p_longest)::json,
    'first', v_first, 'last', v_last, 'has_previous', v_previous, 'has_next', v_next,
    'matching', v_matching, 'exact', v_exact
  );
end
$$;
revoke all on function public.select_dataset_rows(
    uuid, integer[], bigint, bigint, integer, jsonb, integer, boolean, boolean, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.select_dataset_rows(
    uuid, integer[], bigint, bigint, integer, jsonb, integer, boolean, boolean, integer, text)
  to authenticated;

-- count_dataset_rows: exactly how many rows meet all conditions ------------------------------------

create function public.count_dataset_rows(
  p_dataset_id uuid,
  p_conditions jsonb,
  p_schema_name text default :'data_schema'
) returns bigint
language plpgsql stable security invoker set search_path = '' set statement_timeout = '6s'
as $$
declare
  v_dataset :"data_schema".datasets;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  return (
    select m.matching
      from :"data_schema".matching_rows(v_dataset, coalesce(p_conditions, '[]'), true) m
  );
end
$$;
revoke all on function public.count_dataset_rows(uuid, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function public.count_dataset_rows(uuid, jsonb, text) to authenticated;

-- index_dataset_column -----------------------------------------------------------------------------
-- Make an index that sorts by a column, where it is worth its room: of a table that takes long to
-- read, ten at most, on values short enough for an index. Measured at 1,000,000 x 20: a sorted page
-- by reading all rows 270 to 300 ms, by an index 0.5 ms; an index takes 1 to 2 s and 30 to 39 MB, so
-- none is made before somebody sorts by its column. Returns whether there is one.
--
-- It runs as its owner, who alone may make indexes, for the service role: the page whose rows are
-- sorted has read the dataset as its own before. Nobody waits for long: of a larger table, or where
-- other work of the account is under way, there is none.

create function public.index_dataset_column(
  p_dataset_id uuid,
  p_position integer,
  p_schema_name text default :'data_schema'
) returns boolean
language plpgsql volatile security definer set search_path = ''
  set statement_timeout = '20s' set lock_timeout = '1s'
as $$
declare
  c_least_rows constant bigint := 100000;
  c_most_rows constant bigint := 5000000;
  c_most constant integer := 10;
  c_longest constant integer := 500;  -- bytes, of the 2,704 that an index takes
  v_dataset :"data_schema".datasets;
  v_column :"data_schema".dataset_columns;
  v_table regclass;
  v_is_long boolean := false;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  select d.* into v_dataset from :"data_schema".datasets d
    where d.id = p_dataset_id and d.state = 'ready';
  if not found then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  select c.* into v_column from :"data_schema".dataset_columns c
    where c.dataset_id = p_dataset_id and c.position = p_position and c.part is not null;
  if not found then
    raise sqlstate '22023' using message = 'Rows cannot be sorted by this column.';
  end if;
  if :"data_schema".is_indexed(v_dataset.parts[v_column.part], v_column.name) then
    return true;
  end if;
  v_table := to_regclass(format('%I.%I', :'data_schema', v_dataset.parts[v_column.part]));
  if v_dataset.row_count not between c_least_rows and c_most_rows
      or (select count(*) from pg_catalog.pg_index i
            where i.indrelid = v_table and i.indnatts = 2) >= c_most
      or not :"data_schema".has_turn(v_dataset.user_id) then
    return false;
  end if;
  if v_column.data_type = 'text' then
    execute format('select exists (select from %s where octet_length(%I) > %s)',
                   v_table, v_column.name, c_longest) into v_is_long;
  end if;
  if not v_is_long then
    execute format('create index on %s (%I%s, rowid)', v_table, v_column.name,
                   case v_column.data_type when 'text' then ' collate "C"' else '' end);
  end if;
  return not v_is_long;
exception
  when lock_not_available or program_limit_exceeded then
    return false;
end
$$;
revoke all on function public.index_dataset_column(uuid, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.index_dataset_column(uuid, integer, text) to service_role;

notify pgrst, 'reload schema';
