-- What the pages need to draw a dataset of any width in one small read: the columns on show, the
-- outline of all columns, and the caller's account at a glance. All run as the caller, under row
-- level security.

-- get_columns_at: the columns at these positions, in their order; unknown positions are passed over

create function public.get_columns_at(
  p_dataset_id uuid,
  p_positions integer[],
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if cardinality(p_positions) > 1000 then
    raise sqlstate '22023' using message = 'Choose at most 1,000 columns.';
  end if;
  return (
    select coalesce(jsonb_agg(to_jsonb(c) - 'dataset_id' order by chosen.number), '[]')
      from unnest(p_positions) with ordinality chosen (position, number)
      join :"data_schema".dataset_columns c
        on c.dataset_id = p_dataset_id and c.position = chosen.position
  );
end
$$;
revoke all on function public.get_columns_at(uuid, integer[], text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_columns_at(uuid, integer[], text) to authenticated;

-- get_dataset_outline ------------------------------------------------------------------------------
-- The data columns in at most p_bars bars of equal width, counted by bar and type:
-- [{"bar", "data_type", "count", "missing", "different", "first", "last"}, ...]; `missing` counts
-- cells, `different` adds up the distinct values of each column, `first` and `last` are positions.

create function public.get_dataset_outline(
  p_dataset_id uuid,
  p_bars integer default 240,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_bars integer := least(greatest(coalesce(p_bars, 240), 1), 1000);
  v_total integer;
begin
  perform :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  select max(c.position) into v_total
    from :"data_schema".dataset_columns c where c.dataset_id = p_dataset_id;
  return (
    select coalesce(jsonb_agg(to_jsonb(counted) order by counted.bar, counted.data_type), '[]')
      from (
        select ((c.position - 1)::bigint * least(v_bars, v_total) / v_total)::integer as bar,
               c.data_type, count(*) as count, coalesce(sum(c.missing), 0) as missing,
               coalesce(sum(c.distinct_count), 0) as different,
               min(c.position) as first, max(c.position) as last
          from :"data_schema".dataset_columns c
          where c.dataset_id = p_dataset_id and c.part is not null
          group by 1, 2
      ) counted
  );
end
$$;
revoke all on function public.get_dataset_outline(uuid, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_dataset_outline(uuid, integer, text) to authenticated;

-- get_overview -------------------------------------------------------------------------------------
-- {"datasets", "rows", "columns", "unfinished"}: sums over the newest versions that are ready, and the facts of the ten
-- newest that are not.

create function public.get_overview(
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select jsonb_build_object(
        'datasets', count(*), 'rows', coalesce(sum(d.row_count), 0),
        'columns', coalesce(sum(d.column_count), 0),
        'unfinished', (
          select coalesce(jsonb_agg(load.facts order by load.created_at desc), '[]')
            from (
              select u.created_at, :"data_schema".dataset_facts(u) as facts
                from :"data_schema".datasets u
                where u.state <> 'ready' order by u.created_at desc limit 10
            ) load
        ))
      from :"data_schema".datasets d
      where d.state = 'ready' and :"data_schema".is_newest(d)
  );
end
$$;
revoke all on function public.get_overview(text) from public, anon, authenticated, service_role;
grant execute on function public.get_overview(text) to authenticated;

notify pgrst, 'reload schema';
