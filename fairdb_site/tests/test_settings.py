"""The settings are documented, and wrong ones are refused with a plain message."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from fairdb_site import settings

ReadSettings = Callable[..., dict[str, Any]]

ROOT = Path(__file__).resolve().parents[2]


PRODUCTION = {
    "SUPABASE_URL": "https://example.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_SECRET_KEY": "sb_secret_x",
    "DATABASE_URL": "postgresql://postgres:x@db.example.org:5432/postgres",
    "SECRET_KEY": "2f0c3b7d9a1e4856b0d7c8e9f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4",
    "FAIRDB_TOKEN_KEYS": "5oYk0c0Vw4mJm4mMQ0m0m1YV0m5S8Zb3mGq3X2mR6mA=",
    "FAIRDB_PSEUDONYM_KEY": "c0ffee" * 11,
    "ALLOWED_HOSTS": "fairdb.example.org",
    "FAIRDB_SITE_URL": "https://fairdb.example.org",
}


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.M)
    assert sorted(settings.env.scheme) == documented


@pytest.fixture
def read_settings(monkeypatch: pytest.MonkeyPatch) -> ReadSettings:
    """Return a function that reads the settings module in an environment of these alone."""

    def read(**environment: str) -> dict[str, Any]:
        with monkeypatch.context() as patch:
            for name in settings.env.scheme:
                if name != "FAIRDB_LOCAL_DIR":
                    patch.delenv(name, raising=False)
            for name, value in environment.items():
                patch.setenv(name, value)
            return runpy.run_path(settings.__file__)

    return read


def errors_of(read: dict[str, Any]) -> list[str | None]:
    """Return the ids of what our own checks have against settings that were read."""
    ours = ("DEBUG", "FAIRDB_EMBEDDED", "FAIRDB_ALLOW_EMBEDDED", "FAIRDB_MAX_COLUMNS")
    with override_settings(**{name: read[name] for name in ours}):
        found = checks.run_checks(tags=[checks.Tags.security])
    return [message.id for message in found if isinstance(message, checks.Error)]


def test_production_settings_pass_the_deployment_check() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=PRODUCTION | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_deployment_without_its_own_address_is_warned_of_links_elsewhere() -> None:
    for address, expected in (("", ["fairdb_site.W001"]), ("https://fairdb.example.org", [])):
        with override_settings(FAIRDB_SITE_URL=address):
            found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
        assert [m.id for m in found if str(m.id) == "fairdb_site.W001"] == expected


def test_supabase_without_its_keys_is_refused_by_name(read_settings: ReadSettings) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SUPABASE_SECRET_KEY.*docs/settings\.md"):
        read_settings(SUPABASE_URL="https://example.supabase.co")


def test_embedded_default_outside_debug_is_an_error_unless_allowed(
    read_settings: ReadSettings,
) -> None:
    asked = {"DEBUG": "false", "ALLOWED_HOSTS": "x.example.org"}
    assert errors_of(read_settings(**asked)) == ["fairdb_site.E001"]
    assert errors_of(read_settings(**asked, FAIRDB_ALLOW_EMBEDDED="true")) == []


def test_a_limit_that_turns_every_file_away_is_an_error(read_settings: ReadSettings) -> None:
    assert errors_of(read_settings(**PRODUCTION)) == []
    assert errors_of(read_settings(**PRODUCTION, FAIRDB_MAX_COLUMNS="0")) == ["fairdb_site.E002"]


def test_an_empty_folder_of_state_is_the_default_one(read_settings: ReadSettings) -> None:
    read = read_settings(**PRODUCTION, FAIRDB_LOCAL_DIR="")

    assert read["FAIRDB_LOCAL_DIR"] == ROOT / ".local"


def test_a_value_out_of_range_is_refused_by_name(read_settings: ReadSettings) -> None:
    with pytest.raises(ImproperlyConfigured, match="FAIRDB_REGISTRATION"):
        read_settings(**PRODUCTION, FAIRDB_REGISTRATION="everyone")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FAIRDB_LIMIT_SIGN_IN", "often"),
        ("FAIRDB_LOG_FORMAT", "xml"),
        ("FAIRDB_MAX_OWNER_BYTES", "-1"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    read_settings: ReadSettings, name: str, value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read_settings(**PRODUCTION | {name: value})


def test_logs_are_json_where_asked_for(read_settings: ReadSettings) -> None:
    logging = read_settings(**PRODUCTION, FAIRDB_LOG_FORMAT="json")["LOGGING"]
    assert logging["handlers"]["stderr"]["formatter"] == "json"


def test_transaction_pooler_keeps_no_connection(read_settings: ReadSettings) -> None:
    url = "postgresql://postgres.x:x@pooler.example.org:6543/postgres"
    database = read_settings(**PRODUCTION | {"DATABASE_URL": url})["DATABASES"]["default"]
    assert (database["CONN_MAX_AGE"], database["DISABLE_SERVER_SIDE_CURSORS"]) == (0, True)


def test_the_set_up_page_names_what_has_to_be_set() -> None:
    page = (ROOT / "docs/supabase.md").read_text()
    blocks = re.findall(r"^```sh\n(SUPABASE_URL=.*?)^```", page, re.M | re.S)
    assert [re.findall(r"^([A-Z_]+)=", block, re.M) for block in blocks] == [list(PRODUCTION)]


def test_the_set_up_pages_connection_asks_for_a_certificate(read_settings: ReadSettings) -> None:
    page = (ROOT / "docs/supabase.md").read_text()
    (url,) = re.findall(r"^DATABASE_URL='([^']+)'", page, re.M)
    database = read_settings(**PRODUCTION | {"DATABASE_URL": url})["DATABASES"]["default"]
    options = {name: database["OPTIONS"][name] for name in ("sslmode", "sslrootcert")}
    assert options == {"sslmode": "verify-full", "sslrootcert": "/etc/fairdb/supabase-ca.crt"}
    assert (database["PORT"], database["CONN_MAX_AGE"]) == (5432, 60)
