-- Schema auth of the embedded default: accounts as Supabase's auth service (GoTrue) keeps them,
-- so that foreign keys, policies and queries written against it hold on a hosted project too.
-- Table and column names are GoTrue's; what its other features need (codes by mail or phone, SSO,
-- several identities of one account) is left out.
--
-- Run by the bootstrap superuser after bootstrap.sql, which makes the roles and the schema.
-- Safe to run again: everything is `if not exists`, `or replace` or a repeated grant.

create schema if not exists auth authorization supabase_auth_admin;

-- ------------------------------------------------------------------------------------- types

do $$ begin
  if to_regtype('auth.aal_level') is null then
    create type auth.aal_level as enum ('aal1', 'aal2', 'aal3');
  end if;
  if to_regtype('auth.one_time_token_type') is null then
    create type auth.one_time_token_type as enum (
      'confirmation_token', 'reauthentication_token', 'recovery_token',
      'email_change_token_new', 'email_change_token_current', 'phone_change_token'
    );
  end if;
  if to_regtype('auth.factor_type') is null then
    create type auth.factor_type as enum ('totp', 'webauthn', 'phone');
  end if;
  if to_regtype('auth.factor_status') is null then
    create type auth.factor_status as enum ('unverified', 'verified');
  end if;
end $$;
alter type auth.factor_type owner to supabase_auth_admin;
alter type auth.factor_status owner to supabase_auth_admin;
alter type auth.aal_level owner to supabase_auth_admin;
alter type auth.one_time_token_type owner to supabase_auth_admin;

-- ------------------------------------------------------------------------------------- users

create table if not exists auth.users (
  instance_id uuid,
  id uuid primary key,
  aud varchar(255),
  role varchar(255),
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_sent_at timestamptz,
  recovery_sent_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  created_at timestamptz,
  updated_at timestamptz,
  phone text unique,
  phone_confirmed_at timestamptz,
  confirmed_at timestamptz
    generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  banned_until timestamptz,
  is_sso_user boolean not null default false,
  deleted_at timestamptz,
  is_anonymous boolean not null default false
);
-- one account per address, also when two people sign up with it in the same moment
create unique index if not exists users_email_partial_key on auth.users (email)
  where is_sso_user = false;
create index if not exists users_created_at_idx on auth.users (created_at desc, id);

-- ---------------------------------------------------------------------------------- sessions

create table if not exists auth.sessions (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz,
  updated_at timestamptz,
  aal auth.aal_level,
  not_after timestamptz,
  refreshed_at timestamp without time zone,  -- UTC, as GoTrue keeps it
  user_agent text,
  ip inet
);
alter table auth.sessions add column if not exists factor_id uuid;  -- proven last in the session
create index if not exists sessions_user_id_idx on auth.sessions (user_id);

-- ---------------------------------------------------------------------------- refresh tokens

create table if not exists auth.refresh_tokens (
  instance_id uuid,
  id bigserial primary key,
  token varchar(255) unique,
  user_id varchar(255),
  revoked boolean,
  created_at timestamptz,
  updated_at timestamptz,
  parent varchar(255),
  session_id uuid references auth.sessions (id) on delete cascade
);
create index if not exists refresh_tokens_session_id_revoked_idx
  on auth.refresh_tokens (session_id, revoked);
create index if not exists refresh_tokens_user_id_idx on auth.refresh_tokens (user_id);

-- --------------------------------------------------------------------------- one-time tokens

create table if not exists auth.one_time_tokens (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  token_type auth.one_time_token_type not null,
  token_hash text not null check (char_length(token_hash) > 0),
  relates_to text not null,
  created_at timestamp without time zone not null default now(),
  updated_at timestamp without time zone not null default now()
);
create unique index if not exists one_time_tokens_user_id_token_type_key
  on auth.one_time_tokens (user_id, token_type);
create index if not exists one_time_tokens_token_hash_idx
  on auth.one_time_tokens using hash (token_hash);

-- ---------------------------------------------------------------------------- second factors

create table if not exists auth.mfa_factors (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  friendly_name text,
  factor_type auth.factor_type not null,
  status auth.factor_status not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  secret text,
  phone text,
  last_challenged_at timestamptz
);
create index if not exists mfa_factors_user_id_idx on auth.mfa_factors (user_id);
create unique index if not exists mfa_factors_user_friendly_name_unique
  on auth.mfa_factors (friendly_name, user_id) where trim(friendly_name) <> '';

create table if not exists auth.mfa_challenges (
  id uuid primary key,
  factor_id uuid not null references auth.mfa_factors (id) on delete cascade,
  created_at timestamptz not null,
  verified_at timestamptz,
  ip_address inet not null,
  otp_code text  -- of an app's code that was right: its time step, by which it is known again
);
create index if not exists mfa_challenges_factor_id_idx on auth.mfa_challenges (factor_id);

-- how a session was opened, and what was proven in it since
create table if not exists auth.mfa_amr_claims (
  session_id uuid not null references auth.sessions (id) on delete cascade,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  authentication_method text not null,
  id uuid not null,
  constraint amr_id_pk primary key (id),
  constraint mfa_amr_claims_session_id_authentication_method_pkey
    unique (session_id, authentication_method)
);

-- ------------------------------------------------------------------------ who is calling?
-- The gateway (PostgREST on a hosted project) puts the verified claims into request.jwt.claims.
-- No `set search_path` here: it would keep the planner from inlining these into policies.

create or replace function auth.jwt() returns jsonb
language sql stable
return coalesce(
  nullif(current_setting('request.jwt.claim', true), ''),
  nullif(current_setting('request.jwt.claims', true), '')
)::jsonb;

create or replace function auth.uid() returns uuid
language sql stable
return coalesce(
  nullif(current_setting('request.jwt.claim.sub', true), ''),
  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
)::uuid;

create or replace function auth.role() returns text
language sql stable
return coalesce(
  nullif(current_setting('request.jwt.claim.role', true), ''),
  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
);

create or replace function auth.email() returns text
language sql stable
return coalesce(
  nullif(current_setting('request.jwt.claim.email', true), ''),
  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
);

-- --------------------------------------------------------------------- owners, RLS, grants

do $$
declare
  relation text;
  routine text;
begin
  foreach relation in array array[
    'users', 'sessions', 'refresh_tokens', 'one_time_tokens',
    'mfa_factors', 'mfa_challenges', 'mfa_amr_claims'
  ]
  loop
    execute format('alter table auth.%I owner to supabase_auth_admin', relation);
    -- no policies: as on a hosted project, a grant made by mistake still shows no row
    execute format('alter table auth.%I enable row level security', relation);
    execute format('revoke all on auth.%I from public, anon, authenticated, service_role', relation);
    execute format('grant all on auth.%I to postgres', relation);
  end loop;
  foreach routine in array array['jwt', 'uid', 'role', 'email']
  loop
    execute format('alter function auth.%I() owner to supabase_auth_admin', routine);
    execute format('revoke all on function auth.%I() from public', routine);
    execute format(
      'grant execute on function auth.%I() to postgres, anon, authenticated, service_role', routine
    );
  end loop;
end $$;

revoke all on schema auth from public;
grant usage on schema auth to postgres, anon, authenticated, service_role;
grant all on sequence auth.refresh_tokens_id_seq to postgres;  -- as hosted: a restore sets it

-- a request at work on a session makes others wait: not for ever
alter role supabase_auth_admin set statement_timeout = '10s';
