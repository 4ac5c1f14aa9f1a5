-- What a dataset and its columns are, in its owner's words, for people and for a data dictionary.

alter table :"data_schema".datasets
  add column keywords text[] not null default '{}',
  add column licence text not null default '',
  add column described_at timestamptz;
comment on column :"data_schema".datasets.licence is
  'An identifier of SPDX (https://spdx.org/licenses/), or a sentence; empty where none is given.';
alter table :"data_schema".dataset_columns
  add column description text not null default '',
  add column unit text not null default '';

-- Exactly what describes, and nothing that says whose a dataset is, where it lies or what it holds.
grant update (title, description, origin, keywords, licence)
  on :"data_schema".datasets to authenticated;
grant update (description, unit) on :"data_schema".dataset_columns to authenticated;
create policy owner_update on :"data_schema".datasets for update to authenticated
  using (user_id = (select :"data_schema".require_caller()))
  with check (user_id = (select :"data_schema".require_caller()));
create policy owner_update on :"data_schema".dataset_columns for update to authenticated
  using (
    dataset_id in (
      select d.id from :"data_schema".datasets d where d.user_id = (select :"data_schema".require_caller())
    )
  )
  with check (
    dataset_id in (
      select d.id from :"data_schema".datasets d where d.user_id = (select :"data_schema".require_caller())
    )
  );

-- note_description: when a description last changed, and that it did on the audit trail ------------
-- Its owner's rights: nobody writes these themselves. Once a dataset and transaction, which the
-- setting tells; REST gives nobody to set it, and as an operator's command says by another who it is.

create function :"data_schema".note_description() returns trigger
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_dataset uuid;
begin
  if tg_table_name = 'datasets' then
    v_dataset := new.id;
  else
    v_dataset := new.dataset_id;
  end if;
  if current_setting('fairdb.described', true) is distinct from v_dataset::text then
    update :"data_schema".datasets set described_at = clock_timestamp() where id = v_dataset;
    perform public.accounts_event_once(
      'dataset described',
      case when current_setting('fairdb.by_operator', true) is distinct from 'on' then auth.uid() end,
      v_dataset, (auth.jwt() ->> 'session_id')::uuid);
    perform set_config('fairdb.described', v_dataset::text, true);
  end if;
  return null;
end
$$;
revoke all on function :"data_schema".note_description()
  from public, anon, authenticated, service_role;

create trigger note_description
  after update of title, description, origin, keywords, licence on :"data_schema".datasets
  for each row
  -- one by one: PostgreSQL writes a comparison of rows otherwise once a backup was restored
  when (old.title is distinct from new.title or old.description is distinct from new.description
        or old.origin is distinct from new.origin or old.keywords is distinct from new.keywords
        or old.licence is distinct from new.licence)
  execute function :"data_schema".note_description();
create trigger note_description
  after update of description, unit on :"data_schema".dataset_columns
  for each row
  when (old.description is distinct from new.description or old.unit is distinct from new.unit)
  execute function :"data_schema".note_description();

-- require_texts: refuse what is no text, or a longer one than its place takes ---------------------

create function :"data_schema".require_texts(p_values jsonb, p_most jsonb) returns void
language plpgsql immutable security invoker set search_path = ''
as $$
declare
  v_key text;
begin
  if jsonb_typeof(p_values) is distinct from 'object' then
    raise sqlstate '22023' using message = 'A description is an object of texts.';
  end if;
  for v_key in select k from jsonb_object_keys(p_values) k loop
    if not p_most ? v_key then
      raise sqlstate '22023' using message = format('There is no %s to describe.', left(v_key, 50));
    end if;
    if jsonb_typeof(p_values -> v_key) <> 'string' then
      raise sqlstate '22023' using message = format('The %s is a text.', v_key);
    end if;
    if length(p_values ->> v_key) > (p_most ->> v_key)::integer then
      raise sqlstate '22023' using message = format(
        'The %s is at most %s characters long.', v_key, p_most ->> v_key);
    end if;
  end loop;
end
$$;
revoke all on function :"data_schema".require_texts(jsonb, jsonb)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_texts(jsonb, jsonb) to authenticated;

-- describe_dataset -------------------------------------------------------------------------------
-- p_facts has any of title, description, origin, licence (texts) and keywords (a list of texts).
-- p_expected has what was seen of them: where one is another by now, nothing is stored (PT409).
-- Returns the names of what changed.

create function public.describe_dataset(
  p_dataset_id uuid,
  p_facts jsonb,
  p_expected jsonb default null,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  c_most constant jsonb :=
    '{"title": 200, "description": 10000, "origin": 1000, "licence": 1000}';
  v_dataset :"data_schema".datasets;
  v_before jsonb;
  v_keywords text[];
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  perform :"data_schema".require_texts(p_facts - 'keywords', c_most);
  if trim(p_facts ->> 'title') = '' then
    raise sqlstate '22023' using message = 'A dataset has a title.';
  end if;
  if p_facts ? 'keywords' then
    if jsonb_typeof(p_facts -> 'keywords') <> 'array'
        or jsonb_path_exists(p_facts, 'strict $.keywords[*] ? (@.type() != "string")') then
      raise sqlstate '22023' using message = 'Keywords are a list of texts.';
    end if;
    select coalesce(array_agg(k.value order by k.number), '{}') into v_keywords
      from jsonb_array_elements_text(p_facts -> 'keywords') with ordinality k (value, number);
    if cardinality(v_keywords) > 50
        or (select max(length(k)) from unnest(v_keywords) k) > 100 then
      raise sqlstate '22023' using message = 'There are at most 50 keywords of 100 characters each.';
    end if;
  end if;

  -- read again under the lock: two who write at once come one behind the other
  select to_jsonb(d) into v_before
    from :"data_schema".datasets d where d.id = p_dataset_id for update;
  if exists (select from jsonb_each(p_expected) e where p_facts ? e.key
               and v_before -> e.key is distinct from e.value) then
    raise sqlstate 'PT409' using message =
      'Somebody described this meanwhile. Nothing of yours was stored: look at it again.';
  end if;
  update :"data_schema".datasets d
    set title = coalesce(p_facts ->> 'title', d.title),
        description = coalesce(p_facts ->> 'description', d.description),
        origin = coalesce(p_facts ->> 'origin', d.origin),
        licence = coalesce(p_facts ->> 'licence', d.licence),
        keywords = coalesce(v_keywords, d.keywords)
    where d.id = p_dataset_id;
  return (
    select coalesce(jsonb_agg(f.key order by f.key), '[]')
      from jsonb_each(p_facts) f where v_before -> f.key is distinct from f.value
  );
end
$$;
revoke all on function public.describe_dataset(uuid, jsonb, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function public.describe_dataset(uuid, jsonb, jsonb, text) to authenticated;

-- describe_columns -------------------------------------------------------------------------------
-- p_columns maps positions of columns to objects of description and unit, or one of them:
-- {"3": {"description": "...", "unit": "kg"}, ...}. p_expected maps them to what was seen: where one
-- is another by now, nothing is stored (PT409). p_seen is when the dataset was last described, as it
-- was seen ('' for never), for who writes without having seen each column. All of it, or nothing.
-- Returns how many columns changed.
--
-- How many p_columns has no plan can know: of 10,000 a nested loop made 100,000,000 comparisons.

create function public.describe_columns(
  p_dataset_id uuid,
  p_columns jsonb,
  p_expected jsonb default null,
  p_seen text default null,
  p_schema_name text default :'data_schema'
) returns bigint
language plpgsql volatile security invoker set search_path = '' set enable_nestloop = off
as $$
declare
  c_most constant jsonb := '{"description": 2000, "unit": 100}';
  c_told constant text :=
    ' Nothing of yours was stored: look at it again.';
  v_dataset :"data_schema".datasets;
  v_unknown text;
  v_label text;
  v_changed bigint;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if jsonb_typeof(p_columns) is distinct from 'object' then
    raise sqlstate '22023' using message = 'Columns are an object: a position, and what describes it.';
  end if;
  perform :"data_schema".require_texts(c.value, c_most) from jsonb_each(p_columns) c;
  select k into v_unknown from jsonb_object_keys(p_columns) k where k !~ '^[1-9]\d{0,8}$' limit 1;
  if found then
    raise sqlstate '22023' using message = 'A column is named by its position.';
  end if;

  -- one who describes it at a time: rows are locked in no order of their own
  select d.* into v_dataset from :"data_schema".datasets d where d.id = p_dataset_id for update;
  if p_seen is not null and v_dataset.described_at is distinct from nullif(p_seen, '')::timestamptz then
    raise sqlstate 'PT409' using message = 'Somebody described this meanwhile.' || c_told;
  end if;
  select k into v_unknown from jsonb_object_keys(p_columns) k
    where not exists (select from :"data_schema".dataset_columns c
                        where c.dataset_id = p_dataset_id and c.position = k::integer) limit 1;
  if found then
    raise sqlstate '22023' using message = format('There is no column %s.', v_unknown);
  end if;
  select c.label into v_label
    from :"data_schema".dataset_columns c
    join jsonb_each(p_expected) e on e.key = c.position::text and p_columns ? e.key
    where c.dataset_id = p_dataset_id
      and not (jsonb_build_object('description', c.description, 'unit', c.unit) @> e.value)
    order by c.position limit 1;
  if found then
    raise sqlstate 'PT409' using message = format(
      'Somebody described column "%s" meanwhile.', left(v_label, 100)) || c_told;
  end if;

  update :"data_schema".dataset_columns c
    set description = coalesce(n.value ->> 'description', c.description),
        unit = coalesce(n.value ->> 'unit', c.unit)
    from jsonb_each(p_columns) n
    where c.dataset_id = p_dataset_id and c.position = n.key::integer
      and (c.description, c.unit) is distinct from
          (coalesce(n.value ->> 'description', c.description), coalesce(n.value ->> 'unit', c.unit));
  get diagnostics v_changed = row_count;
  return v_changed;
end
$$;
revoke all on function public.describe_columns(uuid, jsonb, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.describe_columns(uuid, jsonb, jsonb, text, text)
  to authenticated;

notify pgrst, 'reload schema';
