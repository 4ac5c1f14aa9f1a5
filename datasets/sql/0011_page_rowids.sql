-- Which rows are on a page: sorted by a column, filtered, from either end. All run as the caller,
-- under row level security; `select_dataset_rows` asks, `rows_from` writes the conditions.

-- is_indexed: whether a column has an index that sorts, as `index_dataset_column` makes it -----------

create function :"data_schema".is_indexed(p_table text, p_name text) returns boolean
language sql stable security invoker set search_path = ''
as $$
  select exists (
    select from pg_catalog.pg_index i
      join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attname = p_name
      where i.indrelid = to_regclass(format('%I.%I', :'data_schema', p_table))
        and i.indisvalid and i.indnatts = 2 and i.indkey[0] = a.attnum and i.indkey[1] = 1
  )
$$;
revoke all on function :"data_schema".is_indexed(text, text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".is_indexed(text, text) to authenticated;

-- page_orders --------------------------------------------------------------------------------------
-- What stands behind the `where ... and` of a sorted page: past which place, in which order. The
-- place is row $2, whose value p_of_place reads: p_place_is_missing says whether there is none, and
-- is null where the page begins at an end.
--
-- By an index the rows with a value and those without are two queries, as an index on (value,
-- rowid) answers each from either end, wherever the page lies. Else they are one.

create function :"data_schema".page_orders(
  p_cell text,
  p_rowid text,
  p_of_place text,
  p_place_is_missing boolean,
  p_backward boolean,
  p_direction text,
  p_by_index boolean
) returns text[]
language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_past_value constant text := format('(%s, %s) %s (%s, $2)', p_cell, p_rowid,
    case p_direction when 'desc' then '<' else '>' end, p_of_place);
  v_past_rowid constant text := format('%s %s $2', p_rowid,
    case p_direction when 'desc' then '<' else '>' end);
  v_valued text;
  v_missing text;
begin
  if not p_by_index then
    return array[format(
      '%1$s order by %2$s %3$s nulls %4$s, %5$s %3$s',
      case
        when p_place_is_missing is null then 'true'
        when p_backward and p_place_is_missing
          then format('(%s is not null or %s)', p_cell, v_past_rowid)
        when p_backward then v_past_value
        when p_place_is_missing then format('%s is null and %s', p_cell, v_past_rowid)
        else format('(%s or %s is null)', v_past_value, p_cell)
      end,
      p_cell, p_direction, case when p_backward then 'first' else 'last' end, p_rowid)];
  end if;
  v_valued := format('%1$s is not null%2$s order by %1$s %3$s, %4$s %3$s', p_cell,
    case when not p_place_is_missing then ' and ' || v_past_value else '' end, p_direction, p_rowid);
  v_missing := format('%1$s is null%2$s order by %1$s %3$s, %4$s %3$s', p_cell,
    case when p_place_is_missing then ' and ' || v_past_rowid else '' end, p_direction, p_rowid);
  return case
    when p_backward and not p_place_is_missing then array[v_valued]
    when p_backward then array[v_missing, v_valued]
    when p_place_is_missing then array[v_missing]
    else array[v_valued, v_missing]
  end;
end
$$;
revoke all on function
  :"data_schema".page_orders(text, text, text, boolean, boolean, text, boolean)
  from public, anon, authenticated, service_role;
grant execute on function
  :"data_schema".page_orders(text, text, text, boolean, boolean, text, boolean)
  to authenticated;

-- walked_rowids ------------------------------------------------------------------------------------
-- The rowids of a sorted page (as `page_rowids`) where conditions on other columns are tried on rows
-- in the order of the index, one by one; null where c_most rows were tried and the page is not full.
-- Most conditions meet a page's rows within a few thousand: of 1,000,000 rows that took 1/20 of
-- reading them all.

create function :"data_schema".walked_rowids(
  p_dataset :"data_schema".datasets,
  p_conditions jsonb,
  p_column :"data_schema".dataset_columns,
  p_base integer,
  p_clause text,
  p_orders text[],
  p_direction text,
  p_place bigint,
  p_limit integer
) returns bigint[]
language plpgsql stable security invoker set search_path = ''
  set datestyle = 'ISO, YMD' set enable_indexscan = on set enable_indexonlyscan = on
as $$
declare
  c_most constant integer := 20000;
  v_rowids bigint[] := '{}';
  v_order text;
  v_walk text;
  v_found bigint[];
  v_tried bigint;
begin
  foreach v_order in array p_orders loop
    v_walk := format('select %s as value, p%s.rowid from %I.%I p%2$s where %5$s limit %6$s',
                     :"data_schema".column_cell(p_column, p_base), p_column.part,
                     :'data_schema', p_dataset.parts[p_column.part], v_order, c_most);
    -- a limit inside keeps each row's conditions a question of that row alone
    execute format(
      'select array_agg(page.rowid) from (select w.rowid from (%s) w, '
      'lateral (select %s and p%s.rowid = w.rowid limit 1) met '
      'order by w.value %4$s, w.rowid %4$s limit $3) page',
      v_walk, p_clause, p_base, p_direction)
      into v_found using p_conditions, p_place, p_limit + 1 - cardinality(v_rowids);
    v_rowids := v_rowids || v_found;
    exit when cardinality(v_rowids) > p_limit;
    execute format('select count(*) from (%s) w', v_walk) into v_tried using p_conditions, p_place;
    if v_tried = c_most then
      return null;
    end if;
  end loop;
  return v_rowids;
end
$$;
revoke all on function :"data_schema".walked_rowids(
    :"data_schema".datasets, jsonb, :"data_schema".dataset_columns, integer, text, text[], text,
    bigint, integer)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".walked_rowids(
    :"data_schema".datasets, jsonb, :"data_schema".dataset_columns, integer, text, text[], text,
    bigint, integer)
  to authenticated;

-- page_rowids --------------------------------------------------------------------------------------
-- The rowids of a page in the direction in which it was asked for: after a row, before a row, or
-- (p_last) before the end; with one more than p_limit where there are more rows that way.
--
-- The order is by the value, then by rowid, both descending where asked for, missing values last in
-- either. What a page begins at is a rowid: the row's value is looked up, so no address holds it.
--
-- Where p_few meet the conditions, those are all found, and `counted`. Else rows are met in the order
-- of an index, if there is one; where conditions on other columns stand in the way, only so far
-- (`walked_rowids`). Or all rows are read, in parallel, and the page is sorted out of them. Rows in
-- their own order are tried one by one.

create function :"data_schema".page_rowids(
  p_dataset :"data_schema".datasets,
  p_conditions jsonb,
  p_sort integer,
  p_descending boolean,
  p_after bigint,
  p_before bigint,
  p_last boolean,
  p_limit integer,
  p_few boolean,
  out rowids bigint[],
  out counted bigint
)
language plpgsql stable security invoker set search_path = ''
  set datestyle = 'ISO, YMD' set enable_indexscan = on set enable_indexonlyscan = on
as $$
declare
  v_backward constant boolean := p_last or p_before is not null;
  v_place constant bigint := coalesce(p_before, p_after);
  -- backward on a rising order and forward on a falling one the query goes down
  v_direction constant text :=
    case when v_backward <> (p_sort is not null and p_descending) then 'desc' else 'asc' end;
  v_column :"data_schema".dataset_columns;
  v_from record;
  v_rowid text;
  v_cell text;
  v_is_indexed boolean;
  v_by_index boolean := true;
  v_of_place text;
  v_place_is_missing boolean;
  v_orders text[];
  v_order text;
  v_found bigint[];
begin
  if p_sort is not null then
    select c.* into v_column from :"data_schema".dataset_columns c
      where c.dataset_id = p_dataset.id and c.position = p_sort and c.part is not null;
    if not found then
      raise sqlstate '22023' using message = 'Rows cannot be sorted by this column.';
    end if;
  end if;
  select * into v_from
    from :"data_schema".rows_from(p_dataset, p_conditions, array[v_column.part]) f;
  v_rowid := case when p_few then 'few.rowid' else format('p%s.rowid', v_from.base) end;

  if p_sort is null then
    v_orders := array[format(
      '%1$s order by %2$s %3$s',
      case when v_place is null then 'true'
        else format('%s %s $2', v_rowid, case v_direction when 'asc' then '>' else '<' end)
      end, v_rowid, v_direction)];
  else
    v_cell := :"data_schema".column_cell(v_column, v_from.base);
    v_is_indexed := not p_few
      and :"data_schema".is_indexed(p_dataset.parts[v_column.part], v_column.name);
    v_by_index := v_is_indexed
      and not jsonb_path_exists(
        p_conditions, '$[*] ? (@.position != $sort || @.operator == "in"
                               || @.operator like_regex "contains|starts|ends|ne")',
        jsonb_build_object('sort', p_sort));
    if v_place is not null then
      execute format('select %I is null from %I.%I where rowid = $1', v_column.name,
                     :'data_schema', p_dataset.parts[v_column.part])
        into v_place_is_missing using v_place;
      if v_place_is_missing is null then
        raise sqlstate '22023' using
          message = 'The row that this page begins at is not there any more.';
      end if;
    end if;
    v_of_place := format('(select %I from %I.%I where rowid = $2)', v_column.name,
                         :'data_schema', p_dataset.parts[v_column.part]);
    if v_is_indexed and not v_by_index then
      rowids := :"data_schema".walked_rowids(
        p_dataset, p_conditions, v_column, v_from.base, v_from.clause,
        :"data_schema".page_orders(
          v_cell, format('p%s.rowid', v_column.part), v_of_place, v_place_is_missing, v_backward,
          v_direction, true),
        v_direction, v_place, p_limit);
      if rowids is not null then
        return;
      end if;
    end if;
    v_orders := :"data_schema".page_orders(
      case when p_few then 'few.value' else v_cell end, v_rowid, v_of_place, v_place_is_missing,
      v_backward, v_direction, v_by_index);
  end if;

  if p_few then
    execute format(
      'with few as materialized (select p%s.rowid, %s as value %s) '
      'select array(select few.rowid from few where %s limit $3), (select count(*) from few)',
      v_from.base, coalesce(v_cell, 'null::integer'), v_from.clause, v_orders[1])
      into rowids, counted using p_conditions, v_place, p_limit + 1;
    return;
  end if;
  rowids := '{}';
  perform set_config('enable_indexscan', v_by_index::text, true),
          set_config('enable_indexonlyscan', v_by_index::text, true);
  foreach v_order in array v_orders loop
    exit when cardinality(rowids) > p_limit;
    execute format('select array_agg(page.rowid) from (select %s %s and %s limit $3) page',
                   v_rowid, v_from.clause, v_order)
      into v_found using p_conditions, v_place, p_limit + 1 - cardinality(rowids);
    rowids := rowids || v_found;
  end loop;
end
$$;
revoke all on function :"data_schema".page_rowids(
    :"data_schema".datasets, jsonb, integer, boolean, bigint, bigint, boolean, integer, boolean)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".page_rowids(
    :"data_schema".datasets, jsonb, integer, boolean, bigint, bigint, boolean, integer, boolean)
  to authenticated;
