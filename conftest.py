"""One throwaway Supabase (PostgreSQL and gateway) for the whole test run, and the people in it.

PostgREST's and Django's transactions are separate, so tests commit: there is no rollback and no
`test_` copy. Every test makes its own people with e-mail addresses of their own, and so meets
nothing of another test.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
import pytest

_folder = Path(tempfile.mkdtemp(prefix="fairdb-test-"))
_folder.chmod(0o711)  # as root the server runs as somebody else, who has to get in
for _name in ("SUPABASE_URL", "DATABASE_URL", "DEBUG"):
    os.environ.pop(_name, None)
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "fairdb_site.settings",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's sync API keeps a loop beside the ORM
    "FAIRDB_LOCAL_DIR": str(_folder),
    "FAIRDB_REGISTRATION": "open",
    "FAIRDB_LOG_LEVEL": "WARNING",
}


# pytest-django looked for the settings before this file was read, and so set nothing up; conftest
# files further down import models.
django.setup()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let every worker make a database of its own, before it reads the settings of this process."""
    del os.environ["DJANGO_SETTINGS_MODULE"], os.environ["FAIRDB_LOCAL_DIR"]


def pytest_unconfigure(config: pytest.Config) -> None:
    from fairdb_site.local.stack import reset

    reset(_folder)
    shutil.rmtree(_folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Path:
    """Start the embedded stack; give its state folder."""
    from fairdb_site.embedded import start_if_embedded

    start_if_embedded()
    return _folder


@pytest.fixture(scope="session")
def db_ready(stack: Path, django_db_blocker: Any) -> Iterator[None]:
    """Migrate once and let the tests of this run use the database."""
    from django.core.management import call_command
    from django.db import connections

    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        yield
        connections.close_all()


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and a signed-in session of theirs."""

    user: Any
    email: str
    password: str = field(repr=False)
    access_token: str = field(repr=False)

    def rpc(self, name: str, params: dict[str, Any] | None = None) -> Any:
        """Call a function through REST as this person."""
        from fairdb_site.supabase.clients import Supabase

        return Supabase(self.access_token).safe_rpc_call(name, params or {})


@dataclass(frozen=True)
class People:
    """The three people of every access test: an owner, another owner, a member of staff."""

    alice: Person
    bob: Person
    carol: Person


def make_person(name: str, *, staff: bool = False) -> Person:
    """Create an account with an address of its own and sign it in."""
    from accounts.services import account_create
    from fairdb_site.supabase import auth

    email, password = f"{name}-{uuid4().hex[:12]}@example.org", uuid4().hex
    user = account_create(email=email, password=password, staff=staff)
    session = auth.sign_in(email, password)
    return Person(user, email, password, session.access_token)


@pytest.fixture
def people(db_ready: None) -> People:
    return People(make_person("alice"), make_person("bob"), make_person("carol", staff=True))


@pytest.fixture
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture
def bob(db_ready: None) -> Person:
    return make_person("bob")
