-- Roles, schemas and limits of a Supabase project on a plain PostgreSQL.
-- Run by a superuser, first in template1, so that databases made later have them too; safe to run
-- again. Passwords are set by the caller; auth.sql follows.

-- -------------------------------------------------------------------------------------- roles

do $$
begin
  if to_regrole('anon') is null then
    create role anon nologin noinherit;
  end if;
  if to_regrole('authenticated') is null then
    create role authenticated nologin noinherit;
  end if;
  if to_regrole('service_role') is null then
    create role service_role nologin noinherit bypassrls;
  end if;
  if to_regrole('authenticator') is null then
    create role authenticator login noinherit;
  end if;
  if to_regrole('supabase_auth_admin') is null then
    create role supabase_auth_admin login noinherit createrole;
  end if;
  if to_regrole('postgres') is null then
    -- as hosted: no superuser, but past row level security and able to make roles and databases
    create role postgres login createdb createrole bypassrls;
  end if;
end $$;

grant anon, authenticated, service_role to authenticator;

do $$
begin
  -- on a server of somebody's own `postgres` may be the superuser, who needs no grants
  if not (select rolsuper from pg_roles where rolname = 'postgres') then
    grant anon, authenticated, service_role to postgres;
    grant pg_monitor, pg_signal_backend to postgres;
    alter role postgres set search_path = '$user', public, extensions;
    alter role postgres set statement_timeout = '2min';
  end if;
end $$;

-- hosted limits (https://supabase.com/docs/guides/database/postgres/timeouts)
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';

-- ------------------------------------------------------------------------------------ schemas

create schema if not exists extensions;
create schema if not exists auth authorization supabase_auth_admin;

revoke create on schema public from public;
grant usage on schema public to postgres, anon, authenticated, service_role;
grant usage on schema extensions to postgres, anon, authenticated, service_role;
-- no CREATE in auth, as hosted since 2025-04-21; and no default privileges in public, as hosted
-- for new projects since 2026: what anon and authenticated may touch is granted by name
grant usage on schema auth to postgres, anon, authenticated, service_role;
revoke create on schema auth from public, postgres;
