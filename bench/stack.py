"""A stack for one measurement: made in a temporary folder, migrated, gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def throwaway_stack() -> Iterator[Path]:
    """Give a folder to work in while Django runs on an embedded stack of its own."""
    folder = Path(tempfile.mkdtemp(prefix="fairdb-bench-"))
    folder.chmod(0o711)  # as root the server runs as somebody else, who has to get in
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "fairdb_site.settings",
        "FAIRDB_LOCAL_DIR": str(folder / "local"),
    }
    import django

    django.setup()

    from django.conf import settings
    from django.core.management import call_command

    from fairdb_site.embedded import start_if_embedded
    from fairdb_site.local.stack import reset

    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    try:
        start_if_embedded()
        call_command("migrate", verbosity=0)
        yield folder
    finally:
        reset(folder / "local")
        shutil.rmtree(folder, ignore_errors=True)
