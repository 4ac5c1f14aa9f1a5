"""The settings are documented, and wrong ones are refused with a plain message."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_check(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    inherited = {"PATH", "HOME", "LANG", "FAIRDB_LOCAL_DIR"}
    environment = {name: os.environ[name] for name in inherited if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT,
        env=environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )


PRODUCTION = {
    "SUPABASE_URL": "https://example.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_x",
    "DATABASE_URL": "postgresql://postgres:x@db.example.org:5432/postgres",
    "SECRET_KEY": "2f0c3b7d9a1e4856b0d7c8e9f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4",
    "FAIRDB_TOKEN_KEYS": "5oYk0c0Vw4mJm4mMQ0m0m1YV0m5S8Zb3mGq3X2mR6mA=",
    "FAIRDB_PSEUDONYM_KEY": "c0ffee" * 11,
    "ALLOWED_HOSTS": "fairdb.example.org",
}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    from fairdb_site import settings

    documented = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.M)
    assert sorted(settings.env.scheme) == documented


def test_production_settings_pass_the_deployment_check() -> None:
    done = run_check("--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr


def test_supabase_without_its_keys_is_refused_by_name() -> None:
    done = run_check(SUPABASE_URL="https://example.supabase.co")
    assert done.returncode != 0
    assert "SUPABASE_SECRET_KEY" in done.stderr
    assert "docs/settings.md" in done.stderr


def test_embedded_default_outside_debug_is_an_error_unless_allowed() -> None:
    refused = run_check("--deploy", DEBUG="false", ALLOWED_HOSTS="x.example.org")
    assert "fairdb_site.E001" in refused.stderr
    allowed = run_check(
        "--deploy", DEBUG="false", ALLOWED_HOSTS="x.example.org", FAIRDB_ALLOW_EMBEDDED="true"
    )
    assert "fairdb_site.E001" not in allowed.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("FAIRDB_REGISTRATION", "everyone"), ("FAIRDB_MAX_COLUMNS", "0")],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    done = run_check("--deploy", **PRODUCTION, **{name: value})
    assert done.returncode != 0
    assert name in done.stderr


def test_transaction_pooler_keeps_no_connection() -> None:
    code = (
        "from django.conf import settings; d = settings.DATABASES['default'];"
        "print(d['CONN_MAX_AGE'], d['DISABLE_SERVER_SIDE_CURSORS'])"
    )
    url = "postgresql://postgres.x:x@pooler.example.org:6543/postgres"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=PRODUCTION
        | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "fairdb_site.settings"}
        | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0", "True"]
