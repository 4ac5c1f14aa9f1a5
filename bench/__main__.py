"""Run every measurement on a throwaway stack: `uv run python -m bench [--rows N]`."""

import argparse
import os
import platform
import shutil
import tempfile
from pathlib import Path

parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the mixed table")
options = parser.parse_args()

folder = Path(tempfile.mkdtemp(prefix="fairdb-bench-"))
folder.chmod(0o711)  # as root the server runs as somebody else, who has to get in
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "fairdb_site.settings",
    "FAIRDB_LOCAL_DIR": str(folder / "local"),
}

import django

django.setup()

from django.core.management import call_command

from bench import ingest
from fairdb_site.embedded import start_if_embedded
from fairdb_site.local.stack import reset

try:
    start_if_embedded()
    call_command("migrate", verbosity=0)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    ingest.run(folder, options.rows)
finally:
    reset(folder / "local")
    shutil.rmtree(folder, ignore_errors=True)
