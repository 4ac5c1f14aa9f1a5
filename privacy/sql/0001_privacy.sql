-- What role each column plays in who could be identified, the thresholds of a dataset, its reports,
-- and the codes of its columns, from which reports are made.

alter table :"data_schema".dataset_columns
  add column privacy_role text,
  add constraint dataset_columns_privacy_role check (
    privacy_role in ('direct_identifier', 'quasi_identifier', 'sensitive', 'other'));
comment on column :"data_schema".dataset_columns.privacy_role is
  'One role or none, so a column is never quasi-identifier and sensitive; null where none is chosen.';

-- null is the platform's default
alter table :"data_schema".datasets
  add column privacy_k integer check (privacy_k >= 1),
  add column privacy_l integer check (privacy_l >= 1),
  add column privacy_t double precision check (privacy_t between 0 and 1),
  add column privacy_risk double precision check (privacy_risk > 0 and privacy_risk <= 1),
  add column privacy_missing text check (privacy_missing in ('own', 'any', 'drop')),
  add column privacy_population bigint check (privacy_population >= 1),
  add column privacy_population_dataset uuid,
  add column privacy_changed_at timestamptz,
  add constraint datasets_one_population
    check (privacy_population is null or privacy_population_dataset is null),
  -- so that it is never another owner's
  add constraint datasets_population_of_owner foreign key (privacy_population_dataset, user_id)
    references :"data_schema".datasets (id, user_id)
    on delete set null (privacy_population_dataset);
create index datasets_population on :"data_schema".datasets (privacy_population_dataset, user_id)
  where privacy_population_dataset is not null;
comment on column :"data_schema".datasets.privacy_population is
  'Of how many people the rows are a sample, as the owner knows; null where nobody said.';
comment on column :"data_schema".datasets.privacy_population_dataset is
  'The dataset that holds these people, where it is a table; matched by labels of columns.';
comment on column :"data_schema".datasets.privacy_changed_at is
  'When roles or thresholds last changed.';

grant update (privacy_role) on :"data_schema".dataset_columns to authenticated;
grant update (
  privacy_k, privacy_l, privacy_t, privacy_risk, privacy_missing, privacy_population,
  privacy_population_dataset, privacy_changed_at
) on :"data_schema".datasets to authenticated;

-- content_state: which rows and columns a dataset has, in so far as they can change ---------------
-- Another one after each correction, deletion, restoration, attachment and detachment: those of rows
-- write the moment in the same transaction (0008), those of columns the parts.

create function :"data_schema".content_state(p_dataset :"data_schema".datasets) returns text
language sql stable security invoker set search_path = ''
as $$
  select encode(sha256(convert_to(concat_ws('|',
    p_dataset.id, p_dataset.digest, p_dataset.row_count,
    extract(epoch from p_dataset.edited_at), extract(epoch from p_dataset.rows_changed_at),
    to_json(p_dataset.parts)::text), 'UTF8')), 'hex')
$$;
revoke all on function :"data_schema".content_state(:"data_schema".datasets)
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".content_state(:"data_schema".datasets) to authenticated;

-- privacy_reports --------------------------------------------------------------------------------

create table :"data_schema".privacy_reports (
  id uuid primary key default gen_random_uuid(),
  dataset_id uuid not null,
  user_id uuid not null,
  at timestamptz not null default clock_timestamp(),
  content_state text not null,
  roles jsonb not null,
  thresholds jsonb not null,
  figures jsonb not null,
  -- so that a report is never on another owner's dataset
  foreign key (dataset_id, user_id)
    references :"data_schema".datasets (id, user_id) on delete cascade
);
create index privacy_reports_newest
  on :"data_schema".privacy_reports (dataset_id, user_id, at desc, id desc);
comment on column :"data_schema".privacy_reports.content_state is
  'Of which rows and columns it is: the dataset''s content_state then.';

alter table :"data_schema".privacy_reports enable row level security;
revoke all on :"data_schema".privacy_reports from public, anon, authenticated, service_role;
grant select, insert, delete on :"data_schema".privacy_reports to authenticated;
create policy owner_all on :"data_schema".privacy_reports for all to authenticated
  using (user_id = (select :"data_schema".require_caller()))
  with check (user_id = (select :"data_schema".require_caller()));

-- privacy_codes ----------------------------------------------------------------------------------
-- Which rows of a column agree: sealed, for the platform's own connection alone, and good for the
-- state they were read of. What no key opens, or is of another state, is read again.

create table :"data_schema".privacy_codes (
  dataset_id uuid not null references :"data_schema".datasets (id) on delete cascade,
  position integer not null,
  content_state text not null,
  sealed_key bytea not null,
  sealed bytea not null,
  primary key (dataset_id, position)
);
alter table :"data_schema".privacy_codes alter column sealed set storage external;
alter table :"data_schema".privacy_codes enable row level security;
revoke all on :"data_schema".privacy_codes from public, anon, authenticated, service_role;

-- privacy_population_codes -----------------------------------------------------------------------
-- Which rows of a population have the values of a dataset's column, in the numbers of that column's
-- codes; likewise sealed. content_state is that of both.

create table :"data_schema".privacy_population_codes (
  dataset_id uuid not null references :"data_schema".datasets (id) on delete cascade,
  position integer not null,
  population_id uuid not null references :"data_schema".datasets (id) on delete cascade,
  content_state text not null,
  sealed_key bytea not null,
  sealed bytea not null,
  primary key (dataset_id, position)
);
create index privacy_population_codes_population
  on :"data_schema".privacy_population_codes (population_id);
alter table :"data_schema".privacy_population_codes alter column sealed set storage external;
alter table :"data_schema".privacy_population_codes enable row level security;
revoke all on :"data_schema".privacy_population_codes
  from public, anon, authenticated, service_role;

-- set_privacy_roles ------------------------------------------------------------------------------
-- p_roles maps positions of columns to roles, or to null for none: {"3": "sensitive", "4": null}.
-- p_expected maps positions to what was seen of them; p_seen is when roles or thresholds last changed,
-- as it was seen ('' for never), for who writes without having seen each column. Where either is
-- another by now nothing is stored (PT409). All of it, or nothing. Returns how many changed.

create function public.set_privacy_roles(
  p_dataset_id uuid,
  p_roles jsonb,
  p_expected jsonb default null,
  p_seen text default null,
  p_schema_name text default :'data_schema'
) returns bigint
language plpgsql volatile security invoker set search_path = '' set enable_nestloop = off
as $$
declare
  c_roles constant text[] := '{direct_identifier,quasi_identifier,sensitive,other}';
  c_told constant text := ' Nothing of yours was stored: look at it again.';
  v_dataset :"data_schema".datasets;
  v_text text;
  v_changed bigint;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if jsonb_typeof(p_roles) is distinct from 'object' then
    raise sqlstate '22023' using message = 'Roles are an object: a position, and its role or null.';
  end if;
  if jsonb_typeof(p_expected) <> 'object' then
    raise sqlstate '22023' using message = 'What was seen is an object: a position, and its role.';
  end if;
  select r.key into v_text from jsonb_each(p_roles) r where r.key !~ '^[1-9]\d{0,8}$' limit 1;
  if found then
    raise sqlstate '22023' using message = 'A column is named by its position.';
  end if;
  perform from jsonb_each(p_roles) r
    where jsonb_typeof(r.value) not in ('string', 'null')
       or (jsonb_typeof(r.value) = 'string' and r.value #>> '{}' <> all (c_roles)) limit 1;
  if found then
    raise sqlstate '22023' using message =
      'A role is direct_identifier, quasi_identifier, sensitive or other.';
  end if;

  -- one who writes roles of it at a time: rows are locked in no order of their own
  select d.* into v_dataset from :"data_schema".datasets d where d.id = p_dataset_id for update;
  if p_seen is not null
      and v_dataset.privacy_changed_at is distinct from nullif(p_seen, '')::timestamptz then
    raise sqlstate 'PT409' using message = 'Somebody changed roles or thresholds meanwhile.' || c_told;
  end if;
  select r.key into v_text
    from jsonb_each(p_roles) r
    left join :"data_schema".dataset_columns c
      on c.dataset_id = p_dataset_id and c.position = r.key::integer
    where c.position is null limit 1;
  if found then
    raise sqlstate '22023' using message = format('There is no column %s.', v_text);
  end if;
  perform from jsonb_each_text(p_roles) r
    join :"data_schema".dataset_columns c
      on c.dataset_id = p_dataset_id and c.position = r.key::integer
    where c.part is null and r.value is distinct from 'direct_identifier' and r.value is not null;
  if found then
    raise sqlstate '22023' using message =
      'The id column tells the persons: it is a direct identifier, or has no role.';
  end if;
  select c.label into v_text
    from jsonb_each_text(p_expected) e
    join :"data_schema".dataset_columns c
      on c.dataset_id = p_dataset_id and c.position::text = e.key
    where p_roles ? e.key and c.privacy_role is distinct from e.value
    order by c.position limit 1;
  if found then
    raise sqlstate 'PT409' using message = format(
      'Somebody gave column "%s" another role meanwhile.', left(v_text, 100)) || c_told;
  end if;

  update :"data_schema".dataset_columns c set privacy_role = r.value
    from jsonb_each_text(p_roles) r
    where c.dataset_id = p_dataset_id and c.position = r.key::integer
      and c.privacy_role is distinct from r.value;
  get diagnostics v_changed = row_count;
  if v_changed > 0 then
    update :"data_schema".datasets set privacy_changed_at = clock_timestamp()
      where id = p_dataset_id;
  end if;
  return v_changed;
end
$$;
revoke all on function public.set_privacy_roles(uuid, jsonb, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.set_privacy_roles(uuid, jsonb, jsonb, text, text) to authenticated;

-- set_privacy_thresholds -------------------------------------------------------------------------
-- p_thresholds has any of k, l (whole numbers of 1 or above), t (0..1), risk (above 0, at most 1),
-- missing ('own', 'any' or 'drop'), population (a whole number up to 10^12, which no population
-- passes) or population_dataset (another ready dataset of the caller); null is the platform's
-- default. p_seen as for roles.
-- Returns the names of what changed.

create function public.set_privacy_thresholds(
  p_dataset_id uuid,
  p_thresholds jsonb,
  p_seen text default null,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  c_names constant text[] := '{k,l,t,risk,missing,population,population_dataset}';
  v_dataset :"data_schema".datasets;
  v_key text;
  v_value jsonb;
  v_number numeric;
  v_before jsonb;
  v_changed jsonb;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if jsonb_typeof(p_thresholds) is distinct from 'object' then
    raise sqlstate '22023' using message = 'Thresholds are an object of names and numbers.';
  end if;
  for v_key, v_value in select t.key, t.value from jsonb_each(p_thresholds) t loop
    if v_key <> all (c_names) then
      raise sqlstate '22023' using message = format('There is no threshold %s.', left(v_key, 50));
    end if;
    if jsonb_typeof(v_value) = 'null' then
      continue;
    end if;
    if v_key = 'missing' then
      if v_value #>> '{}' not in ('own', 'any', 'drop') then
        raise sqlstate '22023' using message = 'Missing values are counted as own, any or drop.';
      end if;
      continue;
    end if;
    if v_key = 'population_dataset' then
      if v_value #>> '{}' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        raise sqlstate '22023' using message = 'The population is named by the id of a dataset.';
      end if;
      if (v_value #>> '{}')::uuid = p_dataset_id then
        raise sqlstate '22023' using message =
          'A dataset is not its own population: choose another, or none.';
      end if;
      perform from :"data_schema".datasets d
        where d.id = (v_value #>> '{}')::uuid and d.state = 'ready';
      if not found then
        raise sqlstate 'PT404' using message = 'No such dataset.';
      end if;
      continue;
    end if;
    v_number := case when jsonb_typeof(v_value) = 'number' then (v_value #>> '{}')::numeric end;
    if v_key in ('k', 'l')
        and (v_number is null or v_number not between 1 and 2147483647 or v_number % 1 <> 0) then
      raise sqlstate '22023' using message = format(
        'The threshold %s is a whole number of 1 or above.', v_key);
    elsif v_key = 't' and (v_number is null or v_number not between 0 and 1) then
      raise sqlstate '22023' using message = 'The threshold t is a number from 0 to 1.';
    elsif v_key = 'risk' and (v_number is null or v_number <= 0 or v_number > 1) then
      raise sqlstate '22023' using message = 'The threshold risk is a number above 0, at most 1.';
    elsif v_key = 'population'
        and (v_number is null or v_number not between 1 and 1000000000000 or v_number % 1 <> 0) then
      raise sqlstate '22023' using message =
        'The population is a whole number from 1 to 1,000,000,000,000.';
    end if;
  end loop;

  select d.* into v_dataset from :"data_schema".datasets d where d.id = p_dataset_id for update;
  if p_seen is not null
      and v_dataset.privacy_changed_at is distinct from nullif(p_seen, '')::timestamptz then
    raise sqlstate 'PT409' using message =
      'Somebody changed roles or thresholds meanwhile. Nothing of yours was stored: look at it again.';
  end if;
  v_before := jsonb_build_object(
    'k', v_dataset.privacy_k, 'l', v_dataset.privacy_l, 't', v_dataset.privacy_t,
    'risk', v_dataset.privacy_risk, 'missing', v_dataset.privacy_missing,
    'population', v_dataset.privacy_population,
    'population_dataset', v_dataset.privacy_population_dataset);
  select coalesce(jsonb_agg(t.key order by t.key), '[]') into v_changed
    from jsonb_each(p_thresholds) t where v_before -> t.key is distinct from t.value;
  if v_changed <> '[]' then
    v_before := v_before || p_thresholds;
    if v_before ->> 'population' is not null and v_before ->> 'population_dataset' is not null then
      raise sqlstate '22023' using message =
        'The population is a number of people or a dataset, not both.';
    end if;
    update :"data_schema".datasets
      set privacy_k = (v_before ->> 'k')::numeric::integer,
          privacy_l = (v_before ->> 'l')::numeric::integer,
          privacy_t = (v_before ->> 't')::double precision,
          privacy_risk = (v_before ->> 'risk')::double precision,
          privacy_missing = v_before ->> 'missing',
          privacy_population = (v_before ->> 'population')::numeric::bigint,
          privacy_population_dataset = (v_before ->> 'population_dataset')::uuid,
          privacy_changed_at = clock_timestamp()
      where id = p_dataset_id;
  end if;
  return v_changed;
end
$$;
revoke all on function public.set_privacy_thresholds(uuid, jsonb, text, text)
  from public, anon, authenticated, service_role;
grant execute on function public.set_privacy_thresholds(uuid, jsonb, text, text) to authenticated;

-- keep_privacy_report ----------------------------------------------------------------------------
-- p_state is the dataset's content_state that was measured: where it is another by now, the report is
-- not kept (PT409). Returns the report's id.

create function public.keep_privacy_report(
  p_dataset_id uuid,
  p_state text,
  p_roles jsonb,
  p_thresholds jsonb,
  p_figures jsonb,
  p_schema_name text default :'data_schema'
) returns uuid
language plpgsql volatile security invoker set search_path = ''
as $$
declare
  c_most constant integer := 1000;
  v_dataset :"data_schema".datasets;
  v_report uuid;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  if v_dataset.state <> 'ready' then
    raise sqlstate 'PT404' using message = 'No such dataset.';
  end if;
  if jsonb_typeof(p_roles) is distinct from 'object'
      or jsonb_typeof(p_thresholds) is distinct from 'object'
      or jsonb_typeof(p_figures) is distinct from 'object' then
    raise sqlstate '22023' using message = 'Roles, thresholds and figures are objects.';
  end if;
  if octet_length(p_roles::text) + octet_length(p_thresholds::text)
      + octet_length(p_figures::text) > 1048576 then
    raise sqlstate '22023' using message = 'A report is at most 1 MB.';
  end if;
  -- the lock keeps corrections out until the report is there, and two from passing the limit
  select d.* into v_dataset from :"data_schema".datasets d where d.id = p_dataset_id for update;
  if p_state is distinct from :"data_schema".content_state(v_dataset) then
    raise sqlstate 'PT409' using message =
      'The dataset was changed since it was measured. Make the report again.';
  end if;
  if (select count(*) from :"data_schema".privacy_reports r where r.dataset_id = p_dataset_id)
      >= c_most then
    raise sqlstate '22023' using message = format(
      'A dataset keeps at most %s reports. Delete some first.', c_most);
  end if;
  insert into :"data_schema".privacy_reports
      (dataset_id, user_id, content_state, roles, thresholds, figures)
    values (p_dataset_id, v_dataset.user_id, p_state, p_roles, p_thresholds, p_figures)
    returning id into v_report;
  return v_report;
end
$$;
revoke all on function public.keep_privacy_report(uuid, text, jsonb, jsonb, jsonb, text)
  from public, anon, authenticated, service_role;
grant execute on function public.keep_privacy_report(uuid, text, jsonb, jsonb, jsonb, text)
  to authenticated;

-- list_privacy_reports: newest first, without what is of single columns ---------------------------
-- p_before and p_before_id are `at` and `id` of the last one seen.

create function public.list_privacy_reports(
  p_dataset_id uuid,
  p_before timestamptz default null,
  p_before_id uuid default null,
  p_limit integer default 100,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_smallest constant uuid := '00000000-0000-0000-0000-000000000000';
  v_dataset :"data_schema".datasets;
begin
  v_dataset := :"data_schema".require_own_dataset(p_dataset_id, p_schema_name);
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', page.id, 'at', page.at, 'thresholds', page.thresholds,
        'is_current', page.content_state = :"data_schema".content_state(v_dataset),
        'figures', (
          select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(page.figures) f
            where jsonb_typeof(f.value) not in ('object', 'array'))
      ) order by page.at desc, page.id desc), '[]')
      from (
        select r.* from :"data_schema".privacy_reports r
          where r.dataset_id = p_dataset_id
            and (p_before is null
                 or (r.at, r.id) < (p_before, coalesce(p_before_id, v_smallest)))
          order by r.at desc, r.id desc
          limit least(greatest(coalesce(p_limit, 100), 0), 1000)
      ) page
  );
end
$$;
revoke all on function public.list_privacy_reports(uuid, timestamptz, uuid, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.list_privacy_reports(uuid, timestamptz, uuid, integer, text)
  to authenticated;

-- get_privacy_report -----------------------------------------------------------------------------

create function public.get_privacy_report(
  p_report_id uuid,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
  v_found jsonb;
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  select to_jsonb(r) - array['user_id', 'content_state']
      || jsonb_build_object('is_current', r.content_state = :"data_schema".content_state(d))
    into v_found
    from :"data_schema".privacy_reports r
    join :"data_schema".datasets d on d.id = r.dataset_id
    where r.id = p_report_id and d.state = 'ready';
  if not found then
    perform :"data_schema".require_caller();
    raise sqlstate 'PT404' using message = 'No such report.';
  end if;
  return v_found;
end
$$;
revoke all on function public.get_privacy_report(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.get_privacy_report(uuid, text) to authenticated;

-- delete_privacy_report --------------------------------------------------------------------------

create function public.delete_privacy_report(
  p_report_id uuid,
  p_schema_name text default :'data_schema'
) returns boolean
language plpgsql volatile security invoker set search_path = ''
as $$
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  delete from :"data_schema".privacy_reports r where r.id = p_report_id;
  if not found then
    perform :"data_schema".require_caller();
    raise sqlstate 'PT404' using message = 'No such report.';
  end if;
  return true;
end
$$;
revoke all on function public.delete_privacy_report(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function public.delete_privacy_report(uuid, text) to authenticated;

notify pgrst, 'reload schema';
