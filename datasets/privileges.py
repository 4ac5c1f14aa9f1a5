"""Close Django's own tables to everyone who comes through Supabase.

They live in schema `public`, which PostgREST serves. Whether new tables there are granted to
`anon` and `authenticated` depends on the age of the project (default privileges), so after each
migrate every grant is taken back and row level security is switched on without a policy. Django
connects as the owner, whom neither binds.
"""

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder

# Also found on hosted Supabase: the service role would read sessions and tokens over REST.
_OUTSIDERS = "public, anon, authenticated, service_role"


def close_django_tables(*, using: str, **kwargs: object) -> None:
    """Revoke every grant on Django's tables and their sequences; enable row level security.

    A `post_migrate` receiver. Touches tables of Django's models and of its migration record only,
    never other tables an operator keeps in `public`.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in django_tables(connection):
            _close(cursor, table)


def django_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the existing tables of Django's models, and of its migration record."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return sorted({*tables, MigrationRecorder.Migration._meta.db_table})


def _close(cursor: CursorWrapper, table: str) -> None:
    cursor.execute(
        """
        select pg_catalog.format('%%I.%%I', n.nspname, c.relname), c.relrowsecurity,
               array(select pg_catalog.format('%%I.%%I', n.nspname, s.relname)
                       from pg_catalog.pg_depend d
                       join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
                      where d.refobjid = c.oid and d.deptype in ('a', 'i'))
          from pg_catalog.pg_class c
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname = 'public' and c.relname = %s
        """,
        [table],
    )
    for name, protected, sequences in cursor.fetchall():
        cursor.execute(f"revoke all on {name} from {_OUTSIDERS}")
        for sequence in sequences:
            cursor.execute(f"revoke all on sequence {sequence} from {_OUTSIDERS}")
        if not protected:
            cursor.execute(f"alter table {name} enable row level security")
