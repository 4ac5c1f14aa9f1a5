"""Events that the database itself adds, of what people do past the pages as well as on them."""

from django.db import migrations

# Of several with the same account, dataset and hour, the first alone. A session of the pages tells
# where it is from; who calls the database with a token of their own is known by the account alone.
_NOTE = """
create function accounts_event_once(
  p_action text, p_actor uuid, p_dataset uuid, p_session uuid
) returns void
language sql volatile security invoker set search_path = ''
as $$
  insert into public.accounts_auditevent
      (at, action, outcome, actor, dataset, origin, request_id, once)
    select clock_timestamp(), p_action, 'done', p_actor, p_dataset, (
        select o.id
          from public.accounts_supabasesession s
          join public.accounts_auditorigin o
            on o.account = s.user_id and o.device = s.device
           and o.address is not distinct from s.address
          where s.supabase_id = p_session and s.user_id = p_actor
          limit 1
      ), '',
      encode(sha256(convert_to(concat_ws(' ', p_action, p_dataset, p_actor,
        to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24')), 'UTF8')), 'hex')
    on conflict (once) do nothing
$$;
revoke all on function accounts_event_once(text, uuid, uuid, uuid)
  from public, anon, authenticated, service_role;
"""
_REVERSE = "drop function accounts_event_once(text, uuid, uuid, uuid);"


class Migration(migrations.Migration):

    dependencies = [("accounts", "0005_banned_until")]

    operations = [migrations.RunSQL(_NOTE, _REVERSE)]
