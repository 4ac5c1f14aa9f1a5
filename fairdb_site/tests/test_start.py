"""What a process imports as it starts: servers the Supabase library, commands not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STARTS = """
import sys
import django
from django.core.management import call_command

django.setup()
call_command("list_datasets")
assert not {"supabase", "polars", "numpy"} & set(sys.modules), "a command is slow to start"
call_command("check")
assert "supabase" not in sys.modules, "checks are slow"

import fairdb_site.%s

assert "supabase" in sys.modules, "the first visitor would wait for it"
"""


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_library_of_supabase_is_imported_by_servers_alone(db_ready: None, server: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTS % server],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "fairdb_site.settings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
