-- Columns of one dataset attached to the rows of another by the pseudonym: sample metadata beside
-- abundances. They are stored as parts of their own, as they were when attached, so whatever reads,
-- filters, corrects or exports columns does so with them too.

create table :"data_schema".attachments (
  id uuid primary key default gen_random_uuid(),
  dataset_id uuid not null references :"data_schema".datasets (id) on delete cascade,
  source_id uuid references :"data_schema".datasets (id) on delete set null,
  source_title text not null,
  columns integer not null,
  matched bigint not null,
  only_here bigint not null,
  only_there bigint not null,
  no_id text not null,
  source_names jsonb not null,
  at timestamptz not null default now()
);
create index attachments_dataset on :"data_schema".attachments (dataset_id, at);
create index attachments_source on :"data_schema".attachments (source_id);
comment on column :"data_schema".attachments.matched is
  'Ids that both had; only_here and only_there are those of the dataset and of the source alone.';
comment on column :"data_schema".attachments.no_id is
  'The pseudonym of an empty id, which matches nothing.';
comment on column :"data_schema".attachments.source_names is
  'Of each column its physical name, and that of the source''s: {"age_2": "age", ...}.';

alter table :"data_schema".attachments enable row level security;
revoke all on :"data_schema".attachments from public, anon, authenticated, service_role;
grant select on :"data_schema".attachments to authenticated;
create policy owner_select on :"data_schema".attachments for select to authenticated
  using (
    dataset_id in (
      select d.id from :"data_schema".datasets d where d.user_id = (select :"data_schema".require_caller())
    )
  );

alter table :"data_schema".dataset_columns
  add column attachment_id uuid references :"data_schema".attachments (id);
create index dataset_columns_attachment on :"data_schema".dataset_columns (attachment_id)
  where attachment_id is not null;

-- pseudonym_name: the physical name of the column of pseudonyms, in every part ---------------------

create function :"data_schema".pseudonym_name(p_dataset_id uuid) returns text
language sql stable security invoker set search_path = ''
as $$
  select c.name from :"data_schema".dataset_columns c
    where c.dataset_id = p_dataset_id and c.part is null
$$;
revoke all on function :"data_schema".pseudonym_name(uuid)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".pseudonym_name(uuid) to authenticated;

-- fill_attached ------------------------------------------------------------------------------------
-- Rows that are in the dataset but not in what was attached to it since (they were deleted before,
-- and are back) come into it too, else no page shows them: with the cells of their match in the
-- source as it is now, missing where there is none, or more than one.

create function :"data_schema".fill_attached(p_dataset_id uuid, p_rows bigint[]) returns void
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  v_parts text[];
  v_ours constant text := :"data_schema".pseudonym_name(p_dataset_id);
  v_part record;
begin
  if p_rows = '{}' then
    return;
  end if;
  select d.parts into v_parts from :"data_schema".datasets d where d.id = p_dataset_id;
  for v_part in
    select v_parts[c.part] as name, a.no_id, d.parts as source,
           :"data_schema".pseudonym_name(d.id) as theirs,
           coalesce(array_agg(distinct s.part) filter (where s.part is not null), '{}') as numbers,
           string_agg(format(', %I', c.name), '' order by c.position) as names,
           string_agg(case when s.part is null then ', null'
                        else format(', p%s.%I', s.part, s.name) end, '' order by c.position) as cells
      from :"data_schema".dataset_columns c
      join :"data_schema".attachments a on a.id = c.attachment_id
      left join :"data_schema".datasets d on d.id = a.source_id and d.state = 'ready'
      left join :"data_schema".dataset_columns s
        on s.dataset_id = d.id and s.name = a.source_names ->> c.name and s.part is not null
       and s.data_type = c.data_type
      where c.dataset_id = p_dataset_id and c.attachment_id is not null
      group by c.part, a.id, d.id
  loop
    execute format(
      'insert into %1$I.%2$I (rowid, %3$I%4$s) select here.rowid, here.%3$I%5$s'
      '  from %1$I.%6$I here', :'data_schema', v_part.name, v_ours, v_part.names, v_part.cells,
      v_parts[1]
    ) || coalesce((
      select format(
          ' left join (select min(t.rowid) as rowid, t.%2$I as id from %1$I.%3$I t'
          '   where t.%2$I <> $2 group by t.%2$I having count(*) = 1) there on there.id = here.%4$I',
          :'data_schema', v_part.theirs, v_part.source[1], v_ours)
        || string_agg(format(' left join %I.%I p%s on p%3$s.rowid = there.rowid',
                             :'data_schema', v_part.source[n], n), '' order by n)
        from unnest(v_part.numbers) n having count(*) > 0), '')
    || format(' where here.rowid = any ($1) and here.rowid not in (select rowid from %I.%I)',
              :'data_schema', v_part.name)
      using p_rows, v_part.no_id;
  end loop;
end
$$;
revoke all on function :"data_schema".fill_attached(uuid, bigint[])
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".fill_attached(uuid, bigint[]) to authenticated;

-- get_join_report: how the ids of two of the caller's datasets match ------------------------------
-- Ids are compared by their pseudonyms; p_no_id is that of an empty id, which matches nothing.
-- {"matched", "only_here", "only_there"}: distinct ids;
-- {"rows_matched", "rows_unmatched"}: rows of the first; "repeated_there": ids that the second has
-- more than once; "rows_here", "rows_there": the first 20 rows of each whose id the other lacks.

create function public.get_join_report(
  p_dataset_id uuid,
  p_source_id uuid,
  p_no_id text default null,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_here :"data_schema".datasets;
  v_there :"data_schema".datasets;
  v_ids constant text := 'select nullif(%1$I, $1) as id, count(*) as rows, min(rowid) as row'
                         '  from %2$I.%3$I group by 1';
  v_report jsonb;
begin
  v_here := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  v_there := :"data_schema".require_own_dataset(p_source_id, p_schema_name);
  if v_here.state <> 'ready' or v_there.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if not :"data_schema".has_turn(v_here.user_id) then
    raise sqlstate 'PT409' using message =
      'Another search, join or privacy report of this account is under way. '
      'Wait until it has ended, then try again.';
  end if;
  execute format(
    'with here as (%s), there as (%s), pairs as ('
    '  select h.rows as here, t.rows as there, h.row as row_here, t.row as row_there,'
    '         t.id as theirs'
    '    from here h full join there t on t.id = h.id)'
    'select jsonb_build_object('
    '  ''matched'', count(*) filter (where here > 0 and there > 0),'
    '  ''only_here'', count(*) filter (where there is null),'
    '  ''only_there'', count(*) filter (where here is null),'
    '  ''rows_matched'', coalesce(sum(here) filter (where there > 0), 0),'
    '  ''rows_unmatched'', coalesce(sum(here) filter (where there is null), 0),'
    '  ''repeated_there'', count(*) filter (where there > 1 and theirs is not null),'
    '  ''rows_here'', (select coalesce(jsonb_agg(l.row_here order by l.row_here), ''[]'') from ('
    '     select row_here from pairs where there is null order by 1 limit 20) l),'
    '  ''rows_there'', (select coalesce(jsonb_agg(l.row_there order by l.row_there), ''[]'') from ('
    '     select row_there from pairs where here is null order by 1 limit 20) l)'
    ') from pairs',
    format(v_ids, :"data_schema".pseudonym_name(p_dataset_id), :'data_schema', v_here.parts[1]),
    format(v_ids, :"data_schema".pseudonym_name(p_source_id), :'data_schema', v_there.parts[1])
  ) into v_report using p_no_id;
  return v_report;
end
$$;
revoke all on function public.get_join_report(uuid, uuid, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_join_report(uuid, uuid, text, text) to authenticated;

notify pgrst, 'reload schema';
