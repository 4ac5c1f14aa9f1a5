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

-- list_datasets: ready ones, newest first; p_before is the created_at of the last one seen -------

create function public.list_datasets(
  p_before timestamptz default null,
  p_limit integer default 100,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select coalesce(jsonb_agg(page.facts order by page.created_at desc, page.id), '[]')
      from (
        select d.id, d.created_at, :"data_schema".dataset_facts(d) as facts
          from :"data_schema".datasets d
          where d.state = 'ready' and (p_before is null or d.created_at < p_before)
          order by d.created_at desc, d.id
          limit least(greatest(coalesce(p_limit, 100), 0), 1000)
      ) page
  );
end
$$;
revoke all on function public.list_datasets(timestamptz, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.list_datasets(timestamptz, integer, text) to authenticated;

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

-- search_columns: over all ready datasets of the caller, by label --------------------------------

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
                             'label', hit.label, 'data_type', hit.data_type)
          order by hit.created_at desc, hit.id, hit.position
        ), '[]')
      from (
        select d.id, d.title, d.created_at, c.position, c.label, c.data_type
          from :"data_schema".datasets d
          join :"data_schema".dataset_columns c on c.dataset_id = d.id
          where d.state = 'ready'
            and c.label ilike :"data_schema".contains_pattern(p_query)
          order by d.created_at desc, d.id, c.position
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
-- The first part needed fixes the window of rowids; every other part is read over that window by
-- its primary key. Only parts that hold a chosen column are read, whatever the dataset's width.

create function public.select_dataset_rows(
  p_dataset_id uuid,
  p_positions integer[],
  p_after bigint default null,
  p_before bigint default null,
  p_limit integer default 50,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
  set datestyle = 'ISO, YMD' set extra_float_digits = 1 set join_collapse_limit = 1
as $$
declare
  v_dataset :"data_schema".datasets;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 500);
  v_positions integer[] := coalesce(p_positions, '{}');
  v_parts integer[];
  v_base text;
  v_hash text;
  v_values text;
  v_joins text;
  v_first bigint;
  v_last bigint;
  v_rows jsonb;
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

  select c.name into v_hash
    from :"data_schema".dataset_columns c
    where c.dataset_id = p_dataset_id and c.part is null;
  -- text values, in order; boolean's cast to text says true, its output in COPY says t
  select array_agg(distinct c.part) filter (where c.part is not null),
         string_agg(
           case
             when c.part is null then format('base.%I', v_hash)
             when c.data_type = 'boolean'
               then format('left(p%s.%I::text, 1)', c.part, c.name)
             else format('p%s.%I::text', c.part, c.name)
           end, ', ' order by chosen.number)
    into v_parts, v_values
    from unnest(v_positions) with ordinality chosen (position, number)
    join :"data_schema".dataset_columns c
      on c.dataset_id = p_dataset_id and c.position = chosen.position
    having count(*) = cardinality(v_positions);
  if not found then
    raise sqlstate '22023' using message = 'A chosen column does not exist.';
  end if;

  v_base := format('%I.%I', :'data_schema', v_dataset.parts[coalesce(v_parts[1], 1)]);
  execute format(
    'select min(w.rowid), max(w.rowid) from (select rowid from %s where %s limit $2) w', v_base,
    case
      when p_before is not null then 'rowid < $1 order by rowid desc'
      when p_after is not null then 'rowid > $1 order by rowid'
      else 'true order by rowid'
    end
  ) into v_first, v_last using coalesce(p_before, p_after), v_limit;

  select string_agg(
      format('join %I.%I p%s on p%s.rowid = base.rowid and p%s.rowid between $1 and $2',
             :'data_schema', v_dataset.parts[part], part, part, part), ' ' order by part)
    into v_joins
    from unnest(v_parts) part;
  execute format(
    'select coalesce(jsonb_agg(jsonb_build_array(base.rowid, base.%I) || to_jsonb(array[%s]::text[])'
    ' order by base.rowid), ''[]'') from %s base %s where base.rowid between $1 and $2',
    v_hash, v_values, v_base, v_joins
  ) into v_rows using v_first, v_last;
  execute format(
    'select exists (select from %1$s where rowid < $1), exists (select from %1$s where rowid > $2)',
    v_base
  ) into v_previous, v_next
    using coalesce(v_first, p_before, p_after + 1, 0), coalesce(v_last, p_before - 1, p_after, 0);

  return jsonb_build_object('rows', v_rows, 'first', v_first, 'last', v_last,
                            'has_previous', v_previous, 'has_next', v_next);
end
$$;
revoke all on function
  public.select_dataset_rows(uuid, integer[], bigint, bigint, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function
  public.select_dataset_rows(uuid, integer[], bigint, bigint, integer, text)
  to authenticated;

notify pgrst, 'reload schema';
