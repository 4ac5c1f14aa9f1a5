-- What the pages read of a dataset: facts, columns, and rows across its parts. All run as the
-- caller, under row level security.

-- dataset_facts ----------------------------------------------------------------------------------

create function :"data_schema".dataset_facts(p_dataset :"data_schema".datasets) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_dataset.id,
    'title', p_dataset.title,
    'description', p_dataset.description,
    'origin', p_dataset.origin,
    'state', p_dataset.state,
    'id_label', p_dataset.id_label,
    'id_position', p_dataset.id_position,
    'row_count', p_dataset.row_count,
    'column_count', p_dataset.column_count,
    'parts', p_dataset.parts,
    'file_name', p_dataset.file_name,
    'file_bytes', p_dataset.file_bytes,
    'file_digest', p_dataset.file_digest,
    'digest', p_dataset.digest,
    'seconds', p_dataset.seconds,
    'created_at', p_dataset.created_at,
    'ready_at', p_dataset.ready_at
  )
$$;
revoke all on function :"data_schema".dataset_facts(:"data_schema".datasets)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".dataset_facts(:"data_schema".datasets) to authenticated;

-- require_own_dataset ----------------------------------------------------------------------------

create function :"data_schema".require_own_dataset(p_dataset_id uuid, p_schema_name text)
returns :"data_schema".datasets
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_dataset :"data_schema".datasets;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  select d.* into v_dataset from :"data_schema".datasets d where d.id = p_dataset_id;
  if not found then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  return v_dataset;
end
$$;
revoke all on function :"data_schema".require_own_dataset(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_own_dataset(uuid, text) to authenticated;

-- list_datasets: ready ones, newest first ---------------------------------------------------------
-- p_before and p_before_id are created_at and id of the last one seen; without the id, those of the
-- same moment are passed over.

create function public.list_datasets(
  p_before timestamptz default null,
  p_limit integer default 100,
  p_before_id uuid default null,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_smallest constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select coalesce(jsonb_agg(page.facts order by page.created_at desc, page.id desc), '[]')
      from (
        select d.id, d.created_at, :"data_schema".dataset_facts(d) as facts
          from :"data_schema".datasets d
          where d.state = 'ready'
            and (p_before is null
                 or (d.created_at, d.id) < (p_before, coalesce(p_before_id, v_smallest)))
          order by d.created_at desc, d.id desc
          limit least(greatest(coalesce(p_limit, 100), 0), 1000)
      ) page
  );
end
$$;
revoke all on function public.list_datasets(timestamptz, integer, uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.list_datasets(timestamptz, integer, uuid, text) to authenticated;

-- get_dataset: in any state, with the receipt of its load ----------------------------------------

create function public.get_dataset(
  p_dataset_id uuid,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_dataset :"data_schema".datasets;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  return :"data_schema".dataset_facts(v_dataset)
    || jsonb_build_object('receipt', v_dataset.receipt);
end
$$;
revoke all on function public.get_dataset(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_dataset(uuid, text) to authenticated;

-- get_dataset_columns ----------------------------------------------------------------------------
-- In file order after position p_after; p_search is part of a label. `total` counts all columns
-- with the id's, `matching` those whose label matches.

create function public.get_dataset_columns(
  p_dataset_id uuid,
  p_search text default null,
  p_after integer default 0,
  p_limit integer default 200,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_pattern text := :"data_schema".contains_pattern(nullif(p_search, ''));
begin
  perform :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  return jsonb_build_object(
    'total', (
      select count(*) from :"data_schema".dataset_columns c where c.dataset_id = p_dataset_id
    ),
    'matching', (
      select count(*) from :"data_schema".dataset_columns c
        where c.dataset_id = p_dataset_id and (v_pattern is null or c.label ilike v_pattern)
    ),
    'columns', (
      select coalesce(jsonb_agg(to_jsonb(page) - 'dataset_id' order by page.position), '[]')
        from (
          select c.* from :"data_schema".dataset_columns c
            where c.dataset_id = p_dataset_id and c.position > coalesce(p_after, 0)
              and (v_pattern is null or c.label ilike v_pattern)
            order by c.position
            limit least(greatest(coalesce(p_limit, 200), 0), 1000)
        ) page
    )
  );
end
$$;
revoke all on function public.get_dataset_columns(uuid, text, integer, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_dataset_columns(uuid, text, integer, integer, text)
  to authenticated;

-- search_columns: over all ready datasets of the caller, by label ---------------------------------
-- Every dataset's first hits come before any dataset's later ones, so that a wide table does not
-- crowd out the others; `matching` counts all hits of that dataset.

create function public.search_columns(
  p_query text,
  p_limit integer default 100,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select coalesce(
        jsonb_agg(
          jsonb_build_object('dataset', hit.id, 'title', hit.title, 'position', hit.position,
                             'label', hit.label, 'data_type', hit.data_type,
                             'is_id', hit.is_id, 'matching', hit.matching)
          order by hit.created_at desc, hit.id, hit.position
        ), '[]')
      from (
        select d.id, d.title, d.created_at, c.position, c.label, c.data_type,
               c.part is null as is_id, count(*) over (partition by d.id) as matching,
               row_number() over (partition by d.id order by c.position) as number
          from :"data_schema".datasets d
          join :"data_schema".dataset_columns c on c.dataset_id = d.id
          where d.state = 'ready'
            and c.label ilike :"data_schema".contains_pattern(p_query)
          order by number, d.created_at desc, d.id
          limit least(greatest(coalesce(p_limit, 100), 0), 1000)
      ) hit
  );
end
$$;
revoke all on function public.search_columns(text, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.search_columns(text, integer, text) to authenticated;

-- select_dataset_rows ----------------------------------------------------------------------------
-- A page of at most 500 rows: {"rows": [[rowid, pseudonym, value, ...], ...], "first", "last",
-- "has_previous", "has_next"}, the values of at most 1,000 columns in the order of p_positions, as
-- the text COPY TO writes, or null. p_after pages forward, p_before backward, both by rowid.
--
-- The first part needed gives the page's rowids; each further part is looked up by its primary key
-- for those rows, and parts without a chosen column are not opened. Measured at 1,000 columns out
-- of 50 parts of 300: 50 rows in 0.1 s; joined, the same page took 0.5 s, most of it planning.
-- It returns json, not jsonb: the rows are written as text once and never parsed into a tree.

create function public.select_dataset_rows(
  p_dataset_id uuid,
  p_positions integer[],
  p_after bigint default null,
  p_before bigint default null,
  p_limit integer default 50,
  p_schema_name text default :'data_schema'
) returns json
language plpgsql stable security invoker set search_path = ''
  set datestyle = 'ISO, YMD' set extra_float_digits = 1
as $$
declare
  v_dataset :"data_schema".datasets;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 500);
  v_positions integer[] := coalesce(p_positions, '{}');
  v_hash text;
  v_chosen bigint;
  v_base integer;
  v_values text;
  v_order bigint[];
  v_rows text;
  v_first bigint;
  v_last bigint;
  v_least bigint;
  v_greatest bigint;
  v_previous boolean;
  v_next boolean;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if cardinality(v_positions) > 1000 then
    raise sqlstate '22023' using message = 'Choose at most 1,000 columns.';
  end if;
  if p_after is not null and p_before is not null then
    raise sqlstate '22023' using message = 'Page after a row or before one, not both.';
  end if;

  -- One text array for each part, joined by ||, then brought into the order asked for. The first
  -- part needed is the base; the id column, whose pseudonym every part has, is read from it.
  with chosen as (
    select u.number, coalesce(c.part, min(c.part) over (), 1) as part,
           coalesce(min(c.part) over (), 1) as base,
           -- cast to text, true says true; its output, in COPY too, is t
           format(case c.data_type when 'boolean' then 'left(%s.%I::text, 1)' else '%s.%I::text' end,
                  case when c.part > min(c.part) over () then 'p' else 'base' end,
                  c.name) as value
      from unnest(v_positions) with ordinality u (position, number)
      join :"data_schema".dataset_columns c
        -- the places twice: else a general plan reads all columns of all datasets to find a few
        on c.dataset_id = p_dataset_id and c.position = u.position
          and c.position = any (v_positions)
  ), by_part as (
    select part, base, array_agg(number order by number) as numbers,
           format(case when part = base then 'array[%1$s]'
                       else '(select array[%1$s] from %2$I.%3$I p where p.rowid = base.rowid)' end,
                  string_agg(value, ', ' order by number), :'data_schema', v_dataset.parts[part]
           ) as part_values
      from chosen
      group by part, base
  ), in_order as (
    select array_agg(n order by b.part, n) as places, array_agg(n order by n) as sorted
      from by_part b, unnest(b.numbers) n
  )
  select (select c.name from :"data_schema".dataset_columns c
            where c.dataset_id = p_dataset_id and c.position = v_dataset.id_position),
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
                       'from unnest(%s, $3) u (value, number))', v_values);
  end if;

  -- least and greatest are read from the index, where `exists` may go through every row to find none
  execute format(
    'select string_agg(''['' || base.rowid || '','' || substr(array_to_json('
    'array[base.%1$I] || %2$s)::text, 2), '','' order by base.rowid), min(base.rowid), max(base.rowid), '
    '(select min(rowid) from %3$s), (select max(rowid) from %3$s) '
    'from (select * from %3$s where %4$s limit $2) base',
    v_hash, coalesce(v_values, 'array[]::text[]'),
    format('%I.%I', :'data_schema', v_dataset.parts[v_base]),
    case
      when p_before is not null then 'rowid < $1 order by rowid desc'
      when p_after is not null then 'rowid > $1 order by rowid'
      else 'true order by rowid'
    end
  ) into v_rows, v_first, v_last, v_least, v_greatest
    using coalesce(p_before, p_after), v_limit, v_order;
  -- an empty page lies after p_after or before p_before, and so between two rowids
  v_previous := coalesce(v_least < coalesce(v_first, p_before, p_after + 1, 0), false);
  v_next := coalesce(v_greatest > coalesce(v_last, p_before - 1, p_after, 0), false);

  return json_build_object(
    'rows', ('[' || coalesce(v_rows, '') || ']')::json, 'first', v_first, 'last', v_last,
    'has_previous', v_previous, 'has_next', v_next
  );
end
$$;
revoke all on function
  public.select_dataset_rows(uuid, integer[], bigint, bigint, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function
  public.select_dataset_rows(uuid, integer[], bigint, bigint, integer, text)
  to authenticated;

notify pgrst, 'reload schema';
