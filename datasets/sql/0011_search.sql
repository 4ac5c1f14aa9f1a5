-- What the search finds beside columns, as the caller, under row level security.

-- search_datasets: the caller's ready ones with this in their title, description or origin, or in the
-- name of their file; newest first

create function public.search_datasets(
  p_query text,
  p_limit integer default 50,
  p_schema_name text default :'data_schema'
) returns jsonb
language plpgsql stable security invoker set search_path = '' set statement_timeout = '6s'
as $$
declare
  v_pattern constant text := :"data_schema".contains_pattern(p_query);
begin
  perform :"data_schema".require_data_schema(p_schema_name);
  return (
    select coalesce(jsonb_agg(found.facts order by found.created_at desc, found.id desc), '[]')
      from (
        select d.id, d.created_at, :"data_schema".dataset_facts(d) as facts
          from :"data_schema".datasets d
          where d.state = 'ready'
            and (d.title ilike v_pattern or d.description ilike v_pattern
                 or d.origin ilike v_pattern or d.file_name ilike v_pattern)
          order by d.created_at desc, d.id desc
          limit least(greatest(coalesce(p_limit, 50), 0), 1000)
      ) found
  );
end
$$;
revoke all on function public.search_datasets(text, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function public.search_datasets(text, integer, text) to authenticated;

notify pgrst, 'reload schema';
