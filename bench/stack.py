"""A stack for one measurement: made in a temporary folder, migrated, gone afterwards.

Autovacuum is off in it: whose turn it would fall on is chance. `settle` does its work by itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def throwaway_stack() -> Iterator[Path]:
    """Give a folder to work in while Django runs on an embedded stack of its own."""
    folder = Path(tempfile.mkdtemp(prefix="fairdb-bench-"))
    folder.chmod(0o711)  # as root the server runs as somebody else, who has to get in
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "fairdb_site.settings",
        "FAIRDB_LOCAL_DIR": str(folder / "local"),
        "FAIRDB_LIMIT_UPLOAD": "off",  # a run loads more in an hour than a person does
    }
    import django

    django.setup()

    from django.conf import settings
    from django.core.management import call_command

    from fairdb_site.embedded import start_if_embedded
    from fairdb_site.local.bootstrap import connect
    from fairdb_site.local.stack import reset
    from fairdb_site.local.state import SUPERUSER, read_state

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    try:
        start_if_embedded()
        with closing(connect(read_state(folder / "local").database_url(SUPERUSER))) as server:
            server.autocommit = True
            with server.cursor() as cursor:
                cursor.execute("alter system set autovacuum = off")
                cursor.execute("select pg_reload_conf()")
        call_command("migrate", verbosity=0)
        yield folder
    finally:
        reset(folder / "local")
        shutil.rmtree(folder, ignore_errors=True)


def settle() -> None:
    """Do what autovacuum does after a load: readers need write nothing, planners know our tables.

    Of parts the planner knows enough as they are sealed; to analyze thousands of columns takes
    minutes.
    """
    from django.conf import settings
    from django.db import connection

    schema = connection.ops.quote_name(settings.FAIRDB_DATA_SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
        cursor.execute("vacuum")
        for table in ("datasets", "dataset_columns", "metadata_tables"):
            cursor.execute(f"analyze {schema}.{table}")
        cursor.execute("reset statement_timeout")
