-- Datasets, the record of who owns which table of data, and the description of every column.
-- `user_id` is Supabase's user; nothing here refers to Django's own tables.

create schema if not exists :"data_schema";
revoke all on schema :"data_schema" from public, anon, authenticated, service_role;
grant usage on schema :"data_schema" to authenticated;
comment on schema :"data_schema" is
  'FAIRDatabase: datasets and their rows. Never expose this schema over REST; functions in public read it under row level security.';

-- The schema these migrations were run with: a later change of FAIRDB_DATA_SCHEMA would leave the
-- data behind, so `datasets.checks` compares it with the setting.
create table public.fairdb_installation (
  singleton boolean primary key default true check (singleton),
  data_schema text not null,
  migrated_at timestamptz not null default now()
);
insert into public.fairdb_installation (data_schema) values (:'data_schema');
alter table public.fairdb_installation enable row level security;
revoke all on public.fairdb_installation from public, anon, authenticated, service_role;

-- require_caller: who asks, as every policy has it -----------------------------------------------
-- A token is believed by PostgREST until it runs out. Here, past our pages too, it opens nothing once
-- its session was signed out or its account banned; nor does the password alone where the account
-- has a second factor. It reads Supabase's tables with its owner's rights and tells nothing but the
-- caller's own id. An owner whom row level security binds would see no factor of anybody's:
-- row_security = off makes that an error. `parallel safe`, or no query under a policy could run in
-- parallel. Every token of Supabase names its session; `database.as_user` has none to name.

create function :"data_schema".require_caller() returns uuid
language plpgsql stable parallel safe security definer
  set search_path = '' set row_security = off
as $$
declare
  v_caller constant uuid := auth.uid();
  v_session constant uuid := auth.jwt() ->> 'session_id';
begin
  if v_session is not null and not exists (
    select from auth.sessions s join auth.users u on u.id = s.user_id
      where s.id = v_session and u.id = v_caller
        and coalesce(u.banned_until <= now(), true)
  ) then
    raise sqlstate 'PT401' using message = 'Your session has ended. Please sign in again.';
  end if;
  if auth.jwt() ->> 'aal' is distinct from 'aal2' and exists (
    select from auth.mfa_factors f where f.user_id = v_caller and f.status = 'verified'
  ) then
    raise sqlstate 'PT403' using message = 'Sign in with your second factor first.';
  end if;
  return v_caller;
end
$$;
revoke all on function :"data_schema".require_caller()
  from public, anon, authenticated, service_role;
grant execute on function :"data_schema".require_caller() to authenticated;

-- datasets -------------------------------------------------------------------------------------

create table :"data_schema".datasets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  title text not null,
  description text not null default '',
  origin text not null default '',
  state text not null default 'created',
  id_label text,
  id_position integer,
  row_count bigint,
  column_count integer,
  parts text[] not null default '{}',
  file_name text,
  file_bytes bigint,
  file_digest text,
  digest text,
  key_fingerprint text,
  submission uuid,
  receipt jsonb,
  seconds double precision,
  created_at timestamptz not null default now(),
  ready_at timestamptz,
  -- a file that replaces another's dataset is the next version in the same series
  series uuid not null default gen_random_uuid(),
  version integer not null default 1,
  -- what the ownership record below refers to, so that it can never name another owner
  unique (id, user_id),
  -- a form sent twice is one dataset
  unique (user_id, submission),
  constraint datasets_state check (state in ('created', 'loading', 'ready', 'deleting')),
  constraint datasets_ready_at check (state <> 'ready' or ready_at is not null)
);
create index datasets_newest on :"data_schema".datasets (user_id, created_at desc, id desc);
create index datasets_series on :"data_schema".datasets (series, version desc);
comment on column :"data_schema".datasets.parts is
  'Physical names of the planned parts, in order: part n of a column is parts[n].';
comment on column :"data_schema".datasets.column_count is 'Data columns, without the id.';

alter table :"data_schema".datasets enable row level security;
revoke all on :"data_schema".datasets from public, anon, authenticated, service_role;
grant select on :"data_schema".datasets to authenticated;
create policy owner_select on :"data_schema".datasets for select to authenticated
  using (user_id = (select :"data_schema".require_caller()));

-- metadata_tables ------------------------------------------------------------------------------
-- A row per part: the record of ownership. It deliberately outlives its dataset and its owner
-- (dataset_id becomes null, user_id is no foreign key), so that the reaper still finds the part.

create table :"data_schema".metadata_tables (
  id bigint generated always as identity primary key,
  table_name text not null unique,
  main_table text not null default '',
  description text not null default '',
  origin text not null default '',
  user_id uuid not null,
  dataset_id uuid,
  created_at timestamptz not null default now(),
  constraint metadata_tables_dataset foreign key (dataset_id, user_id)
    references :"data_schema".datasets (id, user_id) on delete set null (dataset_id)
);
create index metadata_tables_dataset on :"data_schema".metadata_tables (dataset_id, user_id);
create index metadata_tables_owner on :"data_schema".metadata_tables (user_id);

alter table :"data_schema".metadata_tables enable row level security;
revoke all on :"data_schema".metadata_tables from public, anon, authenticated, service_role;
revoke all on sequence :"data_schema".metadata_tables_id_seq
  from public, anon, authenticated, service_role;
-- Ownership (table_name, user_id, dataset_id) is not the owner's to change: description only.
grant select, update (main_table, description, origin)
  on :"data_schema".metadata_tables to authenticated;
create policy owner_select on :"data_schema".metadata_tables for select to authenticated
  using (user_id = (select :"data_schema".require_caller()));
create policy owner_update on :"data_schema".metadata_tables for update to authenticated
  using (user_id = (select :"data_schema".require_caller()))
  with check (user_id = (select :"data_schema".require_caller()));

-- dataset_columns ------------------------------------------------------------------------------

create table :"data_schema".dataset_columns (
  dataset_id uuid not null references :"data_schema".datasets (id) on delete cascade,
  position integer not null check (position > 0),
  label text not null,
  name text not null,
  part integer check (part > 0),
  data_type text not null,
  role text,
  missing bigint,
  distinct_count bigint,
  minimum text,
  maximum text,
  mean double precision,
  top jsonb,
  primary key (dataset_id, position),
  constraint dataset_columns_data_type
    check (data_type in ('integer', 'float', 'boolean', 'date', 'timestamp', 'text'))
);
comment on column :"data_schema".dataset_columns.part is
  'Which of datasets.parts holds the column; null for the id column, whose pseudonym is in all.';

alter table :"data_schema".dataset_columns enable row level security;
revoke all on :"data_schema".dataset_columns from public, anon, authenticated, service_role;
grant select on :"data_schema".dataset_columns to authenticated;
-- Not correlated with the row, so it runs once a statement, over the caller's datasets alone.
create policy owner_select on :"data_schema".dataset_columns for select to authenticated
  using (
    dataset_id in (
      select d.id from :"data_schema".datasets d where d.user_id = (select :"data_schema".require_caller())
    )
  );

notify pgrst, 'reload schema';
