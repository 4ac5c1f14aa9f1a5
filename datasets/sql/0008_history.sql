-- What was corrected: a trigger on every part in use keeps who changed which row, when, what was
-- there before and what came in its place, whichever way the change came. What one transaction did
-- to a dataset is one change; it can be undone, which is a change again.

-- changes and changed_rows -----------------------------------------------------------------------
-- Values are kept as the text that casts back to them exactly (row_to_json writes a float so), by
-- physical column name. They go with their dataset.

create table :"data_schema".changes (
  id uuid primary key,
  number bigint generated always as identity unique,
  dataset_id uuid not null references :"data_schema".datasets (id) on delete cascade,
  at timestamptz not null default clock_timestamp(),
  account uuid,
  undoes uuid
);
create index changes_dataset on :"data_schema".changes (dataset_id, number desc);
comment on column :"data_schema".changes.account is
  'Whose token it was; null for a command of the operator, or SQL past the platform.';
comment on column :"data_schema".changes.undoes is 'The change that this one took back.';

create table :"data_schema".changed_rows (
  id bigint generated always as identity primary key,
  change_id uuid not null references :"data_schema".changes (id) on delete cascade,
  dataset_id uuid not null,
  row_number bigint not null,
  part text not null,
  kind text not null,
  old jsonb,
  new jsonb,
  constraint changed_rows_kind check (kind in ('edited', 'deleted', 'restored'))
);
create index changed_rows_change on :"data_schema".changed_rows (change_id, id);
create index changed_rows_row on :"data_schema".changed_rows (dataset_id, row_number, id desc);
comment on column :"data_schema".changed_rows.old is
  'Of an edited row its columns that changed; of a deleted row everything that the part held.';

alter table :"data_schema".changes enable row level security;
alter table :"data_schema".changed_rows enable row level security;
revoke all on :"data_schema".changes, :"data_schema".changed_rows
  from public, anon, authenticated, service_role;
revoke all on sequence :"data_schema".changes_number_seq, :"data_schema".changed_rows_id_seq
  from public, anon, authenticated, service_role;
grant select on :"data_schema".changes, :"data_schema".changed_rows to authenticated;
create policy owner_select on :"data_schema".changes for select to authenticated
  using (
    dataset_id in (
      select d.id from :"data_schema".datasets d where d.user_id = (select :"data_schema".require_caller())
    )
  );
create policy owner_select on :"data_schema".changed_rows for select to authenticated
  using (
    dataset_id in (
      select d.id from :"data_schema".datasets d where d.user_id = (select :"data_schema".require_caller())
    )
  );

-- What is to be counted again: statistics of a column are older than what it holds where
-- `edited_at`, or its dataset's `rows_changed_at`, is later than `counted_at`. A dataset is looked at
-- where its `edited_at` is later than its `recounted_at`.
alter table :"data_schema".datasets
  add column edited_at timestamptz,
  add column rows_changed_at timestamptz,
  add column recounted_at timestamptz;
alter table :"data_schema".dataset_columns
  add column edited_at timestamptz,
  add column counted_at timestamptz;

-- begin_change: the change that this transaction makes to a dataset ------------------------------
-- Its owner's rights, through `keep_change`: nobody else writes history. The operator's commands run
-- as the owner of the data and say so by `fairdb.by_operator`, which REST gives nobody to set.

create function :"data_schema".begin_change(p_dataset_id uuid) returns uuid
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_known constant text[] := string_to_array(current_setting('fairdb.change', true), ' ');
  v_account constant uuid := case
    when current_setting('fairdb.by_operator', true) is distinct from 'on' then auth.uid() end;
  v_change uuid;
begin
  if v_known[1] = p_dataset_id::text then
    return v_known[2]::uuid;
  end if;
  -- who counts again waits until this is committed
  perform pg_advisory_xact_lock_shared(hashtextextended('change ' || p_dataset_id, 0));
  insert into :"data_schema".changes (id, dataset_id, account, undoes)
    values (gen_random_uuid(), p_dataset_id, v_account,
            nullif(current_setting('fairdb.undoes', true), '')::uuid)
    returning id into v_change;
  update :"data_schema".datasets set edited_at = clock_timestamp() where id = p_dataset_id;
  perform public.accounts_event_once(
    'dataset corrected', v_account, p_dataset_id, (auth.jwt() ->> 'session_id')::uuid);
  perform set_config('fairdb.change', p_dataset_id || ' ' || v_change, true);
  return v_change;
end
$$;
revoke all on function :"data_schema".begin_change(uuid)
  from public, anon, authenticated, service_role;

-- keep_change: the trigger -----------------------------------------------------------------------

create function :"data_schema".keep_change() returns trigger
language plpgsql volatile security definer
  set search_path = '' set datestyle = 'ISO, YMD' set extra_float_digits = 1
as $$
declare
  c_kinds constant jsonb := '{"UPDATE": "edited", "DELETE": "deleted", "INSERT": "restored"}';
  v_dataset uuid;
  v_is_first boolean;
  v_row bigint;
  v_change uuid;
  v_old jsonb;
  v_new jsonb;
begin
  select d.id, d.parts[1] = tg_table_name into v_dataset, v_is_first
    from :"data_schema".metadata_tables m
    join :"data_schema".datasets d on d.id = m.dataset_id
    where m.table_name = tg_table_name;
  if not found then
    raise exception 'No dataset has this part.';
  end if;
  if tg_op = 'UPDATE' then
    v_row := new.rowid;
    select jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, n.value) into v_old, v_new
      from json_each_text(row_to_json(old)) o
      join json_each_text(row_to_json(new)) n on n.key = o.key
      where o.value is distinct from n.value;
    if v_old is null then
      return null;  -- the same as before
    end if;
  elsif tg_op = 'DELETE' then
    v_row := old.rowid;
    select jsonb_object_agg(o.key, o.value) into v_old from json_each_text(row_to_json(old)) o;
  else
    v_row := new.rowid;
  end if;

  v_change := :"data_schema".begin_change(v_dataset);
  insert into :"data_schema".changed_rows (change_id, dataset_id, row_number, part, kind, old, new)
    values (v_change, v_dataset, v_row, tg_table_name, c_kinds ->> tg_op, v_old, v_new);
  if tg_op = 'UPDATE' then
    update :"data_schema".dataset_columns c set edited_at = clock_timestamp()
      from jsonb_object_keys(v_new) k
      where c.dataset_id = v_dataset and c.part is not null and c.name = k;
  elsif v_is_first then
    update :"data_schema".datasets
      set row_count = row_count + case tg_op when 'DELETE' then -1 else 1 end,
          rows_changed_at = clock_timestamp()
      where id = v_dataset;
  end if;
  return null;
end
$$;
revoke all on function :"data_schema".keep_change()
  from public, anon, authenticated, service_role;

-- change_made: what the caller's transaction did to a dataset, null where nothing ----------------

create function :"data_schema".change_made(p_dataset_id uuid) returns uuid
language sql stable security invoker set search_path = ''
as $$
  select split_part(said.it, ' ', 2)::uuid
    from (select current_setting('fairdb.change', true) as it) said
    where split_part(said.it, ' ', 1) = p_dataset_id::text
$$;
revoke all on function :"data_schema".change_made(uuid)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".change_made(uuid) to authenticated;

-- update_dataset_row -----------------------------------------------------------------------------
-- One row over all its parts: p_updates and p_expected map positions of columns ("3") to values, as
-- update_table_row takes them. All of it, or nothing. Returns {"change": uuid or null}: null where
-- every value was as it is given.

create function public.update_dataset_row(
  p_dataset_id uuid,
  p_row_id bigint,
  p_updates jsonb,
  p_expected jsonb default null,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_dataset :"data_schema".datasets;
  v_part record;
  v_found bigint := 0;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if jsonb_typeof(p_updates) is distinct from 'object' or p_updates = '{}' then
    raise sqlstate '22023' using message = 'Name at least one column to change.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('correct ' || p_dataset_id, 0));
  for v_part in
    select c.part, jsonb_object_agg(c.name, p_updates -> c.position::text) as updates,
           jsonb_object_agg(c.name, p_expected -> c.position::text)
             filter (where p_expected ? c.position::text) as expected,
           count(*) as columns
      from :"data_schema".dataset_columns c
      where c.dataset_id = p_dataset_id and c.part is not null
        and p_updates ? c.position::text
      group by c.part order by c.part
  loop
    if not public.update_table_row(v_dataset.parts[v_part.part], p_row_id, v_part.updates,
                                   v_part.expected, p_schema_name) then
      raise sqlstate 'PT404' using message = 'No such row.';
    end if;
    v_found := v_found + v_part.columns;
  end loop;
  if v_found <> (select count(*) from jsonb_object_keys(p_updates)) then
    raise sqlstate '22023' using message = 'There is no such column to change.';
  end if;
  return jsonb_build_object('change', :"data_schema".change_made(p_dataset_id));
end
$$;
revoke all on function public.update_dataset_row(uuid, bigint, jsonb, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function public.update_dataset_row(uuid, bigint, jsonb, jsonb, text)
  to authenticated;

-- delete_dataset_rows: at most 500 rows, from all parts -------------------------------------------
-- Returns {"change": uuid or null, "rows": how many were there to delete}.

create function public.delete_dataset_rows(
  p_dataset_id uuid,
  p_row_ids bigint[],
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql volatile security invoker set search_path = '' set statement_timeout = '60s'
as $$
declare
  v_dataset :"data_schema".datasets;
  v_part text;
  v_rows bigint := 0;
  v_deleted bigint;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if coalesce(cardinality(p_row_ids), 0) not between 1 and 500 then
    raise sqlstate '22023' using message = 'Name 1 to 500 rows to delete.';
  end if;
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('correct ' || p_dataset_id, 0));
  foreach v_part in array v_dataset.parts loop
    execute format('delete from %I.%I where rowid = any ($1)', :'data_schema', v_part)
      using p_row_ids;
    get diagnostics v_deleted = row_count;
    v_rows := greatest(v_rows, v_deleted);
  end loop;
  return jsonb_build_object(
    'change', :"data_schema".change_made(p_dataset_id), 'rows', v_rows);
end
$$;
revoke all on function public.delete_dataset_rows(uuid, bigint[], text)
  from public, anon, authenticated, service_role;
grant execute on function public.delete_dataset_rows(uuid, bigint[], text) to authenticated;

-- undo_change ------------------------------------------------------------------------------------
-- Puts back what a change found, last row first: old values into cells, deleted rows in their place,
-- and restored rows out again. Where one of them was changed again since, nothing is done (PT409).
-- Returns {"change": uuid, "rows": how many}.

create function public.undo_change(
  p_change_id uuid,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql volatile security invoker
  set search_path = '' set datestyle = 'ISO, YMD' set statement_timeout = '60s'
as $$
declare
  v_dataset uuid;
  v_run record;
  v_row record;
  v_missed bigint;
  v_rows bigint;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  select c.dataset_id into v_dataset
    from :"data_schema".changes c
    join :"data_schema".datasets d on d.id = c.dataset_id
    where c.id = p_change_id and d.state = 'ready';
  if not found then
    raise sqlstate 'PT404' using message = 'No such change.';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('correct ' || v_dataset, 0));
  perform set_config('fairdb.undoes', p_change_id::text, true);
  -- what was done alike to one part without a break is undone at once: whole rows of it
  for v_run in
    select r.part, r.kind, array_agg(r.id order by r.id desc) as ids
      from (
        select c.*, row_number() over (order by c.id)
                    - row_number() over (partition by c.part, c.kind order by c.id) as break
          from :"data_schema".changed_rows c where c.change_id = p_change_id
      ) r
      group by r.part, r.kind, r.break order by max(r.id) desc
  loop
    v_missed := null;
    if v_run.kind = 'edited' then
      for v_row in
        select r.row_number, r.old, r.new
          from :"data_schema".changed_rows r where r.id = any (v_run.ids) order by r.id desc
      loop
        begin
          if not public.update_table_row(v_run.part, v_row.row_number, v_row.old, v_row.new,
                                         p_schema_name) then
            raise sqlstate 'PT409';
          end if;
        exception
          when sqlstate 'PT409' then
            v_missed := v_row.row_number;
        end;
        exit when v_missed is not null;
      end loop;
    else
      execute format(
        case v_run.kind
          when 'deleted' then
            'with done as (insert into %1$I.%2$I select p.* from %1$I.changed_rows r,'
            '  jsonb_populate_record(null::%1$I.%2$I, r.old) p where r.id = any ($1)'
            '  on conflict do nothing returning rowid)'
          else
            'with done as (delete from %1$I.%2$I where rowid in ('
            '  select r.row_number from %1$I.changed_rows r where r.id = any ($1))'
            '  returning rowid)'
        end || ' select min(r.row_number) from %1$I.changed_rows r'
               '  where r.id = any ($1) and r.row_number not in (select rowid from done)',
        :'data_schema', v_run.part) into v_missed using v_run.ids;
    end if;
    if v_missed is not null then
      raise sqlstate 'PT409' using message = format(
        'Row %s was changed again since. Nothing was undone: undo the later change first.',
        v_missed);
    end if;
  end loop;
  perform :"data_schema".fill_attached(v_dataset, array(
    select distinct r.row_number from :"data_schema".changed_rows r
      where r.change_id = p_change_id and r.kind = 'deleted'));
  perform set_config('fairdb.undoes', '', true);
  select count(distinct r.row_number) into v_rows
    from :"data_schema".changed_rows r where r.change_id = p_change_id;
  return jsonb_build_object('change', :"data_schema".change_made(v_dataset), 'rows', v_rows);
end
$$;
revoke all on function public.undo_change(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.undo_change(uuid, text) to authenticated;

-- get_changes: of a dataset, or of one row of it; newest first ------------------------------------
-- [{"change", "number", "at", "account", "undoes", "undone", "kind", "rows", "cells", "first_rows",
-- "shown": [{"row", "kind", "position", "label", "old", "new"}, ...]}, ...]. `cells` counts the
-- edited ones, of which `shown` gives 20 at most, `first_rows` the first five rows; p_before is the number of the last change seen.
-- Values are whole, or cut at p_longest characters (as `cut_text` does).

create function public.get_changes(
  p_dataset_id uuid,
  p_row_id bigint default null,
  p_before bigint default null,
  p_limit integer default 50,
  p_longest integer default null,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
        'change', page.id, 'number', page.number, 'at', page.at, 'account', page.account,
        'undoes', page.undoes,
        'undone', exists (select from :"data_schema".changes u
                            where u.dataset_id = p_dataset_id and u.undoes = page.id),
        'kind', counted.kind, 'rows', counted.rows, 'cells', counted.cells,
        'first_rows', counted.first_rows, 'shown', coalesce(shown.cells, '[]')
      ) order by page.number desc), '[]')
      from (
        select c.* from :"data_schema".changes c
          where c.dataset_id = p_dataset_id and (p_before is null or c.number < p_before)
            and (p_row_id is null or exists (
              select from :"data_schema".changed_rows r
                where r.change_id = c.id and r.dataset_id = p_dataset_id
                  and r.row_number = p_row_id))
          order by c.number desc
          limit least(greatest(coalesce(p_limit, 50), 0), 500)
      ) page
      cross join lateral (
        select min(r.kind) as kind, count(distinct r.row_number) as rows,
               coalesce(sum((select count(*) from jsonb_object_keys(r.new))), 0) as cells,
               (array_agg(distinct r.row_number))[1:5] as first_rows
          from :"data_schema".changed_rows r where r.change_id = page.id
      ) counted
      cross join lateral (
        select jsonb_agg(to_jsonb(cell)) as cells
          from (
            select r.row_number as row, d.position, d.label, d.data_type,
                   :"data_schema".cut_text(r.old ->> d.name, p_longest) as old,
                   :"data_schema".cut_text(r.new ->> d.name, p_longest) as new
              from :"data_schema".changed_rows r
              join :"data_schema".dataset_columns d
                on d.dataset_id = p_dataset_id and d.part is not null and r.new ? d.name
              where r.change_id = page.id and r.kind = 'edited'
                and (p_row_id is null or r.row_number = p_row_id)
              order by r.row_number, d.position limit 20
          ) cell
      ) shown
  );
end
$$;
revoke all on function public.get_changes(uuid, bigint, bigint, integer, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_changes(uuid, bigint, bigint, integer, integer, text)
  to authenticated;

notify pgrst, 'reload schema';
