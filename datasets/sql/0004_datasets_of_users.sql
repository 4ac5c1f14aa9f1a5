-- What the pages read of a dataset: facts and columns (rows: 0011). All run as the caller, under row
-- level security.

-- dataset_facts ----------------------------------------------------------------------------------
-- A dataset's row for pages and programs: columns that later files add are in it by themselves.

create function :"data_schema".dataset_facts(p_dataset :"data_schema".datasets) returns jsonb
language sql stable security invoker set search_path = ''
as $$
  select to_jsonb(p_dataset) - array['user_id', 'key_fingerprint', 'submission', 'receipt']
$$;
revoke all on function :"data_schema".dataset_facts(:"data_schema".datasets)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".dataset_facts(:"data_schema".datasets) to authenticated;

-- cut_text: a text longer than p_longest as so many characters and, right behind, how many it has --

create function :"data_schema".cut_text(p_text text, p_longest integer) returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select case when length(p_text) > p_longest then left(p_text, p_longest) || length(p_text)
              else p_text end
$$;
revoke all on function :"data_schema".cut_text(text, integer)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".cut_text(text, integer) to authenticated;

-- has_turn: whether this transaction may do an account's work of seconds, of which one is done at once

create function :"data_schema".has_turn(p_account uuid) returns boolean
language sql volatile security invoker set search_path = ''
as $$
  select pg_try_advisory_xact_lock(hashtextextended('work of ' || p_account, 0))
$$;
revoke all on function :"data_schema".has_turn(uuid) from public, anon, authenticated, service_role;
grant execute on function :"data_schema".has_turn(uuid) to authenticated;

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
    -- a policy asks who it is only where there is a row: an account's that is gone has none
    perform :"data_schema".require_caller();
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  return v_dataset;
end
$$;
revoke all on function :"data_schema".require_own_dataset(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_own_dataset(uuid, text) to authenticated;

-- is_newest: whether a ready dataset has no later version that is ready --------------------------

create function :"data_schema".is_newest(p_dataset :"data_schema".datasets) returns boolean
language sql stable security invoker set search_path = ''
as $$
  select not exists (
    select from :"data_schema".datasets later
      where later.series = p_dataset.series and later.version > p_dataset.version
        and later.user_id = p_dataset.user_id and later.state = 'ready'
  )
$$;
revoke all on function :"data_schema".is_newest(:"data_schema".datasets)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".is_newest(:"data_schema".datasets) to authenticated;

-- list_datasets: ready ones in their newest version, newest first ---------------------------------
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
          where d.state = 'ready' and :"data_schema".is_newest(d)
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

-- list_versions: the ready versions of a dataset, newest first -------------------------------------

create function public.list_versions(
  p_dataset_id uuid,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_dataset :"data_schema".datasets;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  return (
    select coalesce(jsonb_agg(:"data_schema".dataset_facts(d) order by d.version desc), '[]')
      from :"data_schema".datasets d
      where d.series = v_dataset.series and d.state = 'ready'
  );
end
$$;
revoke all on function public.list_versions(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.list_versions(uuid, text) to authenticated;

-- get_dataset: in any state, with the receipt of its load ----------------------------------------
-- `newest` is {"id", "version"} of the newest ready version, null where none is later than this one.

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
    || jsonb_build_object('receipt', v_dataset.receipt, 'newest', (
      select jsonb_build_object('id', d.id, 'version', d.version)
        from :"data_schema".datasets d
        where d.series = v_dataset.series and d.version > v_dataset.version
          and d.user_id = v_dataset.user_id and d.state = 'ready'
        order by d.version desc limit 1));
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

notify pgrst, 'reload schema';
