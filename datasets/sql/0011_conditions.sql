-- Conditions on rows: which rows of a dataset somebody means, for pages, exports and joins alike.
--
-- A list of conditions is a jsonb array, all of which have to hold:
--
--   [{"position": 3, "operator": "between", "values": ["20", "40"]}, ...]
--
-- Columns are named by their position in the file, and where they are stored is looked up here, so
-- no identifier ever comes from a client. Operators are those of `require_condition`; values are
-- texts, bound as one parameter and cast to the column's type. A missing cell meets no condition but
-- `missing`. Text is compared by code point (collate "C"), and in capitals or not where a part of it
-- is sought. Everything runs as the caller, under row level security.

-- texts_of: a jsonb array of strings as an array. Immutable, so that a plan has it as a constant ---

create function :"data_schema".texts_of(p_values jsonb) returns text[]
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select coalesce(array_agg(v.value order by v.number), '{}')
    from jsonb_array_elements_text(p_values) with ordinality v (value, number)
$$;
revoke all on function :"data_schema".texts_of(jsonb)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".texts_of(jsonb) to authenticated;

-- stored_type: what PostgreSQL calls the type of a column, as `create_data_table` made it ----------

create function :"data_schema".stored_type(p_data_type text) returns text
language sql immutable parallel safe security invoker set search_path = ''
as $$
  select case p_data_type
    when 'integer' then 'bigint'
    when 'float' then 'double precision'
    when 'timestamp' then 'timestamp without time zone'
    else p_data_type
  end
$$;
revoke all on function :"data_schema".stored_type(text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".stored_type(text) to authenticated;

-- require_fit: refuse a text that is no value of a column, naming the column and never the value ---

create function :"data_schema".require_fit(
  p_column :"data_schema".dataset_columns, p_value text, p_what text
) returns void
language plpgsql stable security invoker set search_path = '' set datestyle = 'ISO, YMD'
as $$
declare
  c_form constant jsonb := jsonb_build_object(
    'integer', '^\s*[+-]?\d+\s*$',
    'date', '^\d{4,}-\d{2}-\d{2}$',
    -- without a zone: PostgreSQL would drop it silently
    'timestamp', '^\d{4,}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$'
  );
begin
  if p_value is null or p_value !~ (c_form ->> p_column.data_type) then
    raise data_exception;
  end if;
  execute format('select cast($1 as %s)', :"data_schema".stored_type(p_column.data_type))
    using p_value;
exception
  when data_exception then
    raise sqlstate '22023' using message = format(
      'Column "%s" takes %s; %s is something else.', left(p_column.label, 100),
      case p_column.data_type
        when 'integer' then 'a whole number'
        when 'float' then 'a number'
        when 'boolean' then 'true or false'
        when 'date' then 'a date (YYYY-MM-DD)'
        when 'timestamp' then 'a date and time (YYYY-MM-DD HH:MM:SS)'
        else 'text'
      end, p_what);
end
$$;
revoke all on function :"data_schema".require_fit(:"data_schema".dataset_columns, text, text)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_fit(:"data_schema".dataset_columns, text, text)
  to authenticated;

-- require_condition: refuse a condition that makes no sense of its column --------------------------

create function :"data_schema".require_condition(
  p_column :"data_schema".dataset_columns, p_operator text, p_values jsonb
) returns void
language plpgsql stable security invoker set search_path = ''
as $$
declare
  c_values constant jsonb := '{"eq": 1, "ne": 1, "lt": 1, "le": 1, "gt": 1, "ge": 1, "between": 2,
    "contains": 1, "starts": 1, "ends": 1, "in": 1000, "missing": 0, "present": 0}';
  v_most constant integer := c_values ->> p_operator;
  v_count integer;
begin
  if v_most is null then
    raise sqlstate '22023' using message = 'A condition has an operator that does not exist.';
  end if;
  if jsonb_typeof(p_values) is distinct from 'array'
      or jsonb_path_exists(p_values, 'strict $[*] ? (@.type() != "string")') then
    raise sqlstate '22023' using message = 'The values of a condition are a list of texts.';
  end if;
  v_count := jsonb_array_length(p_values);
  if v_count > v_most or v_count < least(v_most, (case p_operator when 'between' then 2 else 1 end)) then
    raise sqlstate '22023' using message = format(
      'The condition on column "%s" takes %s.', left(p_column.label, 100),
      case v_most when 0 then 'no value' when 1 then 'one value' when 2 then 'two values'
        else '1 to 1,000 values' end);
  end if;
  if (case
      when p_column.part is null then p_operator not in ('eq', 'in')
      when p_operator in ('contains', 'starts', 'ends') then p_column.data_type <> 'text'
      when p_operator in ('lt', 'le', 'gt', 'ge', 'between') then p_column.data_type = 'boolean'
      else false
    end) then
    raise sqlstate '22023' using message = format(
      'Column "%s" cannot be compared this way: it holds %s.', left(p_column.label, 100),
      case when p_column.part is null then 'pseudonyms, which are equal or not'
        when p_column.data_type = 'boolean' then 'true or false' else 'no text' end);
  end if;
  -- a part of a text is not of the column's type, but any text will do
  if p_column.data_type <> 'text' then
    perform :"data_schema".require_fit(p_column, v.value, 'the condition on it')
      from jsonb_array_elements_text(p_values) v (value);
  end if;
end
$$;
revoke all on function
  :"data_schema".require_condition(:"data_schema".dataset_columns, text, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function
  :"data_schema".require_condition(:"data_schema".dataset_columns, text, jsonb)
  to authenticated;

-- column_cell: a column as a query writes it, part n under the alias pn; text in its order ---------

create function :"data_schema".column_cell(p_column :"data_schema".dataset_columns, p_base integer)
returns text
language sql immutable security invoker set search_path = ''
as $$
  select format(case p_column.data_type when 'text' then 'p%s.%I collate "C"' else 'p%s.%I' end,
                coalesce(p_column.part, p_base), p_column.name)
$$;
revoke all on function :"data_schema".column_cell(:"data_schema".dataset_columns, integer)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".column_cell(:"data_schema".dataset_columns, integer)
  to authenticated;

-- condition_text: one condition as SQL. p_source writes the jsonb array, p_number counts from 0 -----

create function :"data_schema".condition_text(
  p_column :"data_schema".dataset_columns, p_operator text, p_number integer, p_source text,
  p_base integer
) returns text
language sql immutable security invoker set search_path = ''
as $$
  select format(
      case p_operator
        when 'eq' then '%1$s = %2$s'
        when 'ne' then '%1$s <> %2$s'
        when 'lt' then '%1$s < %2$s'
        when 'le' then '%1$s <= %2$s'
        when 'gt' then '%1$s > %2$s'
        when 'ge' then '%1$s >= %2$s'
        when 'between' then '%1$s between %2$s and %3$s'
        when 'contains' then '%5$s ilike %6$I.contains_pattern(%2$s)'
        when 'starts' then '%5$s ilike substr(%6$I.contains_pattern(%2$s), 2)'
        when 'ends' then '%5$s ilike left(%6$I.contains_pattern(%2$s), -1)'
        when 'in' then '%1$s = any (%4$s::%7$s[])'
        when 'missing' then '%1$s is null'
        when 'present' then '%1$s is not null'
      end,
      :"data_schema".column_cell(p_column, p_base),
      format(value.form, format('(%s #>> ''{%s,values,0}'')', p_source, p_number), value.type),
      format(value.form, format('(%s #>> ''{%s,values,1}'')', p_source, p_number), value.type),
      format(value.form, format('%I.texts_of(%s #> ''{%s,values}'')',
                                :'data_schema', p_source, p_number), value.type || '[]'),
      format('p%s.%I', coalesce(p_column.part, p_base), p_column.name),
      :'data_schema', value.type)
    from (
      select :"data_schema".stored_type(p_column.data_type) as type,
             -- a text becomes a date by the session's style, which is no constant of a plan: a
             -- subquery has it read once, and not for every row
             case when p_column.data_type in ('date', 'timestamp') then '(select %s::%s)'
               else '%s::%s' end as form
    ) value
$$;
revoke all on function
  :"data_schema".condition_text(:"data_schema".dataset_columns, text, integer, text, integer)
  from public, anon, authenticated, service_role;
grant execute on function
  :"data_schema".condition_text(:"data_schema".dataset_columns, text, integer, text, integer)
  to authenticated;

-- rows_from --------------------------------------------------------------------------------------
-- The rows that meet all conditions, as the `from ... where ...` of a query: every part that a
-- condition needs and those of p_parts, joined by rowid, part n under the alias pn. `base` is the
-- part whose rowid to read. The conditions' values are $1, to be bound to the same p_conditions;
-- where nothing can be bound (COPY), p_bound = false writes them in as a quoted literal.
-- p_sample reads but this percentage of the base part's pages, the same ones every time.

create function :"data_schema".rows_from(
  p_dataset :"data_schema".datasets,
  p_conditions jsonb,
  p_parts integer[] default '{}',
  p_bound boolean default true,
  p_sample double precision default null,
  out base integer,
  out clause text
)
language plpgsql stable security invoker set search_path = ''
as $$
declare
  c_most constant integer := 50;
  v_source constant text := case when p_bound then '$1' else format('%L::jsonb', p_conditions) end;
  v_columns :"data_schema".dataset_columns[] := '{}';
  v_column :"data_schema".dataset_columns;
  v_condition jsonb;
  v_parts integer[] := p_parts;
  v_wheres text[] := '{}';
begin
  if jsonb_typeof(p_conditions) is distinct from 'array'
      or jsonb_path_exists(p_conditions, 'strict $[*] ? (@.type() != "object")') then
    raise sqlstate '22023' using message = 'Conditions are a list of objects.';
  end if;
  if jsonb_array_length(p_conditions) > c_most then
    raise sqlstate '22023' using message = format('At most %s conditions are taken.', c_most);
  end if;

  for v_condition in select c.value from jsonb_array_elements(p_conditions) c loop
    if coalesce(v_condition ->> 'position', '') !~ '^\d{1,9}$' then
      raise sqlstate '22023' using message = 'A condition names its column by the position.';
    end if;
    select c.* into v_column from :"data_schema".dataset_columns c
      where c.dataset_id = p_dataset.id
        and c.position = (v_condition ->> 'position')::integer;
    if not found then
      raise sqlstate '22023' using message = 'The column of a condition does not exist.';
    end if;
    perform :"data_schema".require_condition(
      v_column, v_condition ->> 'operator', coalesce(v_condition -> 'values', '[]'));
    v_columns := v_columns || v_column;
    v_parts := v_parts || v_column.part;
  end loop;

  -- every part has the pseudonym
  select array_agg(distinct n order by n) into v_parts from unnest(v_parts) n where n is not null;
  v_parts := coalesce(v_parts, array[1]);
  base := v_parts[1];
  for number in 1 .. cardinality(v_columns) loop
    v_wheres := v_wheres || :"data_schema".condition_text(
      v_columns[number], p_conditions -> (number - 1) ->> 'operator', number - 1, v_source, base);
  end loop;
  select string_agg(
      case when n = base then
          format('from %I.%I p%s', :'data_schema', p_dataset.parts[n], n)
          || coalesce(' tablesample system (' || p_sample || ') repeatable (1)', '')
        else format('join %I.%I p%s on p%3$s.rowid = p%s.rowid',
                    :'data_schema', p_dataset.parts[n], n, base) end, ' ' order by n)
    into clause from unnest(v_parts) n;
  clause := clause || ' where ' || coalesce(nullif(array_to_string(v_wheres, ' and '), ''), 'true');
end
$$;
revoke all on function :"data_schema".rows_from(
    :"data_schema".datasets, jsonb, integer[], boolean, double precision)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".rows_from(
    :"data_schema".datasets, jsonb, integer[], boolean, double precision)
  to authenticated;
