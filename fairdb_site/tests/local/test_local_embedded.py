"""The embedded default is used where no SUPABASE_URL is set, and only there."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from fairdb_site.embedded import start_if_embedded
from fairdb_site.local import stack as local_stack
from fairdb_site.local.state import local_state
from fairdb_site.tests.local.stacks import PROJECT

HOSTED = {
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_x",
    "SECRET_KEY": "x" * 50,
    "DATABASE_URL": "postgresql://postgres:x@db.project.supabase.co:5432/postgres",
    "FAIRDB_TOKEN_KEYS": "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
    "FAIRDB_PSEUDONYM_KEY": "x" * 32,
}


def hosted(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | HOSTED | {"FAIRDB_LOCAL_DIR": str(folder)},
        timeout=60,
        check=False,
    )


def test_with_supabase_url_nothing_of_it_is_imported_or_made(tmp_path: Path) -> None:
    code = (
        "import os, sys, django; "
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'fairdb_site.settings'); "
        "django.setup(); "
        "from fairdb_site.embedded import start_if_embedded; "
        "assert start_if_embedded() == (); "
        "print([name for name in sys.modules if name.startswith('fairdb_site.local')])"
    )
    done = hosted("-c", code, folder=tmp_path / "state")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert not (tmp_path / "state").exists()


def test_with_supabase_url_the_local_command_refuses(tmp_path: Path) -> None:
    done = hosted("manage.py", "local", "reset", "--yes", folder=tmp_path / "state")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "SUPABASE_URL is set" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_follow_a_gateway_that_had_to_move(running: Path, settings: Any) -> None:
    local_stack.stop(running, ("gateway",))
    state = local_state(running)
    settings.FAIRDB_EMBEDDED = True
    settings.FAIRDB_LOCAL_DIR = running
    settings.SUPABASE_URL = state.supabase_url
    settings.SUPABASE_JWT_ISSUER = f"{state.supabase_url}/auth/v1"
    try:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", state.gateway_port))
            other.listen()
            assert start_if_embedded() == ("gateway",)
        moved = local_state(running)
        assert moved.gateway_port != state.gateway_port
        assert moved.supabase_url == settings.SUPABASE_URL
        assert f"{moved.supabase_url}/auth/v1" == settings.SUPABASE_JWT_ISSUER
        assert start_if_embedded() == ()
    finally:
        local_stack.stop(running, ("gateway",))


def test_an_issuer_of_ones_own_is_kept(running: Path, settings: Any) -> None:
    settings.FAIRDB_EMBEDDED = True
    settings.FAIRDB_LOCAL_DIR = running
    settings.SUPABASE_URL = "http://127.0.0.1:1"
    settings.SUPABASE_JWT_ISSUER = "https://issuer.example.org"
    try:
        start_if_embedded()
        assert settings.SUPABASE_JWT_ISSUER == "https://issuer.example.org"
        assert local_state(running).supabase_url == settings.SUPABASE_URL
    finally:
        local_stack.stop(running, ("gateway",))
