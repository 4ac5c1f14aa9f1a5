-- Functions that the gateway's tests call, one for each shape, volatility and way to fail.

create schema shut;  -- not exposed
create table public.notes (id int primary key, text text not null);
create type public.pair as (first int, second text);
create domain public.positive as int check (value > 0);

-- ------------------------------------------------------------------------------------ shapes

create function public.add_numbers(a int, b int default 2) returns int
  language sql immutable return a + b;
create function public.no_arguments() returns text language sql immutable return 'fine';
create function public.nothing() returns void language sql as '';
create function public.null_text() returns text language sql immutable return null;
create function public.one_pair(n int default 1) returns public.pair
  language sql stable return row(n, 'one')::public.pair;
create function public.numbers(n int) returns setof int
  language sql stable as 'select generate_series(1, n)';
create function public.rows_of(n int default 3) returns table (id int, name text, "odd % ""name""" int)
  language sql stable as $$ select i, 'p' || i, i % 2 from generate_series(1, n) i $$;
create function public.out_values(n int, out twice int, out thrice int)
  language sql immutable as 'select n * 2, n * 3';
create function public.as_json(value jsonb) returns jsonb language sql immutable return value;
create function public.many(variadic words text[]) returns text
  language sql immutable return array_to_string(words, '-');
create function public.a_domain(n public.positive) returns public.positive
  language sql immutable return n;
create function public.exact(value numeric) returns numeric language sql immutable return value;
create function public.wide_text(value char) returns text language sql immutable return value;
create function public."Odd ""name"" %"("an % ""arg""" text) returns text
  language sql immutable return "an % ""arg""";
create function public.unnamed(int, int) returns int language sql immutable return $1 + $2;
create function public.a_trigger() returns trigger language plpgsql as 'begin return new; end';
create function shut.secret() returns int language sql immutable return 1;

-- --------------------------------------------------------------------------------- overloads

create function public.area(width int) returns text language sql immutable return 'square';
create function public.area(width int, height int) returns text
  language sql immutable return 'rectangle';
create function public.unclear(value int) returns text language sql immutable return 'int';
create function public.unclear(value text) returns text language sql immutable return 'text';

-- ---------------------------------------------------------------- who is calling, and with what

create function public.caller() returns jsonb language sql stable as $$
  select jsonb_build_object(
    'user', current_user, 'uid', auth.uid(), 'role', auth.role(), 'email', auth.email())
$$;
create function public.setting(name text) returns text
  language sql stable return current_setting(name, true);
create function public.header(name text) returns text language sql stable
  return current_setting('request.headers')::json ->> name;
create function public.server_process() returns int language sql stable return pg_backend_pid();

-- ----------------------------------------------------------------------------------- writing

create function public.write_note(id int, text text) returns int language sql
  as 'insert into public.notes values (id, text) returning id';
create function public.count_notes() returns bigint language sql stable
  as 'select count(*) from public.notes';
create function public.stable_writer(id int) returns int language plpgsql stable
  as 'begin return public.write_note(id, $$x$$); end';
create function public.write_two(first int) returns setof public.notes language sql
  as $$ insert into public.notes values (first, 'a'), (first + 1, 'b') returning * $$;

-- ----------------------------------------------------------------------------------- failing

create function public.fail(code text, message text default 'no', detail text default 'why')
  returns void language plpgsql as $$
begin raise exception using errcode = code, message = message, detail = detail, hint = 'so'; end $$;
create function public.divide(n int) returns int language sql immutable return 1 / n;
create function public.forbidden() returns bigint language sql stable
  as 'select count(*) from auth.users';
create function public.only_service() returns int language sql immutable return 1;

-- ------------------------------------------------------------------------ settings and answers

create function public.sleep_briefly(seconds float8) returns void
  language sql set statement_timeout = '200ms' as 'select pg_sleep(seconds)';
create function public.sleep_longer(seconds float8) returns text
  language plpgsql set statement_timeout = '20s'
  as 'begin perform pg_sleep(seconds); return current_setting($$statement_timeout$$); end';
create function public.isolation() returns text language sql volatile
  set default_transaction_isolation = 'serializable'
  as $$ select current_setting('transaction_isolation') $$;
create function public.answer(status text, headers text default null) returns text
  language plpgsql as $$
begin
  perform set_config('response.status', status, true);
  if headers is not null then perform set_config('response.headers', headers, true); end if;
  return 'body';
end $$;

-- ------------------------------------------------------------------------------------ grants

alter table public.notes enable row level security;
create policy everybody on public.notes using (true) with check (true);
grant select, insert on public.notes to anon, authenticated, service_role;
revoke execute on function public.only_service() from public;
grant execute on function public.only_service() to service_role;
