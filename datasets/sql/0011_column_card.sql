-- What the card of a column draws, computed as it is read, as the caller, under row level security.

-- get_column_profile -------------------------------------------------------------------------------
-- {"rows", "missing", "minimum", "maximum", "mean", "low", "high", "bars", "top"}: of numbers and
-- dates `bars` counts the values in p_bars steps of equal width from `low` to `high`, [[step from 1,
-- count], ...], as numbers: dates as days, moments as seconds, from 1970 on. NaN and infinity are in
-- no step. Of other columns `top` has the 12 most frequent values, [[value, count], ...], where they
-- can be counted in a moment; else those that were counted as the file was loaded.

create function public.get_column_profile(
  p_dataset_id uuid,
  p_position integer,
  p_bars integer default 24,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
  set datestyle = 'ISO, YMD' set extra_float_digits = 1 set statement_timeout = '6s'
as $$
declare
  c_countable constant bigint := 10000;
  v_bars integer := least(greatest(coalesce(p_bars, 24), 1), 200);
  v_dataset :"data_schema".datasets;
  v_column :"data_schema".dataset_columns;
  v_table text;
  v_number text;
  v_select text;
  v_profile jsonb;
  v_low double precision;
  v_high double precision;
  v_step double precision;
  v_counts jsonb := '[]';
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  select c.* into v_column from :"data_schema".dataset_columns c
    where c.dataset_id = p_dataset_id and c.position = p_position and c.part is not null;
  if not found or v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such column.';
  end if;
  v_table := format('%I.%I', :'data_schema', v_dataset.parts[v_column.part]);
  v_number := format(
    case v_column.data_type
      when 'integer' then '%I::double precision'
      when 'float' then 'nullif(nullif(nullif(%1$I, ''NaN''), ''Infinity''), ''-Infinity'')'
      when 'date' then '(%I - date ''1970-01-01'')::double precision'
      when 'timestamp' then 'extract(epoch from %I)::double precision'
    end, v_column.name);

  if v_number is null then
    execute format(
      'select jsonb_build_object(''rows'', count(*), ''missing'', count(*) - count(%I)) from %s',
      v_column.name, v_table) into v_profile;
    if v_column.data_type = 'boolean' or coalesce(v_column.distinct_count, 0) <= c_countable then
      execute format(
        'select coalesce(jsonb_agg(jsonb_build_array(left(t.value, 1000), t.count) '
        'order by t.count desc, t.value), ''[]'') from (select %1$I::text collate "C" as value, '
        'count(*) as count from %2$s where %1$I is not null group by 1 '
        'order by 2 desc, 1 limit 12) t', v_column.name, v_table) into v_counts;
    else
      v_counts := coalesce(v_column.top, '[]');
    end if;
    return v_profile || jsonb_build_object('top', v_counts, 'bars', '[]'::jsonb);
  end if;

  v_select := format(
    'select jsonb_build_object(''rows'', count(*), ''missing'', count(*) - count(%1$I), '
    '''minimum'', min(%1$I)::text, ''maximum'', max(%1$I)::text, ''mean'', %%s, '
    '''low'', min(%2$s), ''high'', max(%2$s)), min(%2$s), max(%2$s) from %3$s',
    v_column.name, v_number, v_table);
  begin
    execute format(v_select, case when v_column.data_type in ('integer', 'float')
        then format('avg(%s)', v_number) else 'null' end)
      into v_profile, v_low, v_high;
  exception
    when numeric_value_out_of_range then  -- of values near the largest there are
      execute format(v_select, 'null') into v_profile, v_low, v_high;
  end;
  if v_column.data_type in ('integer', 'date') then
    -- a step is a whole number of units: each value of a few has its own
    v_step := ceil((v_high - v_low + 1) / v_bars);
    v_bars := ceil((v_high - v_low + 1) / v_step);
    v_high := v_low + v_bars * v_step;
    v_profile := v_profile || jsonb_build_object('high', v_high);
  end if;
  if v_low < v_high and v_high - v_low < 'Infinity' then
    execute format(
      'select coalesce(jsonb_agg(jsonb_build_array(t.step, t.count) order by t.step), ''[]'') '
      'from (select least(width_bucket(%1$s, $1, $2, $3), $3) as step, count(*) as count '
      'from %2$s where %1$s is not null group by 1) t', v_number, v_table
    ) into v_counts using v_low, v_high, v_bars;
  elsif v_low = v_high then
    v_counts := jsonb_build_array(jsonb_build_array(
      1, (v_profile ->> 'rows')::bigint - (v_profile ->> 'missing')::bigint));
    v_bars := 1;
  end if;
  return v_profile || jsonb_build_object('bars', v_counts, 'steps', v_bars, 'top', '[]'::jsonb);
end
$$;
revoke all on function public.get_column_profile(uuid, integer, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_column_profile(uuid, integer, integer, text)
  to authenticated;

notify pgrst, 'reload schema';
