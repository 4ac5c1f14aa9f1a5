"""The check of whether what people sent is being loaded, once the tables of loads are there."""

from collections.abc import Iterator

from django.db.backends.utils import CursorWrapper

from datasets.loading.workers import loads_stuck
from datasets.templatetags.fairdb import times
from fairdb_site.doctor.finding import Finding


def examine_workers(cursor: CursorWrapper) -> Iterator[Finding]:
    """Where loads wait, a worker was seen lately."""
    cursor.execute("select to_regclass('public.datasets_worker') is not null")
    if cursor.fetchone() != (True,):
        return  # the migrations' check says so
    if stuck := loads_stuck():
        yield Finding(
            "workers",
            f"{times(stuck, 'load')} waiting, and no worker was seen for a minute.",
            "Start `manage.py db_worker` as a service (docs/operate.md); its log says how it ended",
        )
