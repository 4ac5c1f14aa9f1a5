"""One throwaway Supabase (PostgreSQL and gateway) for the whole test run, and the people in it.

PostgREST's and Django's transactions are separate, so tests commit: there is no rollback and no
`test_` copy. Every test makes its own people with e-mail addresses of their own, and so meets
nothing of another test.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import django
import pytest


def memory_or_disk() -> Path:
    """Where clusters are thrown away after the tests: in memory where there is room."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 6 * 1024**3
    return memory if roomy else Path(tempfile.gettempdir())


_folder = Path(tempfile.mkdtemp(prefix="fairdb-test-", dir=memory_or_disk()))
_folder.chmod(0o711)  # as root the server runs as somebody else, who has to get in
for _name in ("SUPABASE_URL", "DATABASE_URL", "DEBUG"):
    os.environ.pop(_name, None)
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "fairdb_site.settings",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",  # Playwright's sync API keeps a loop beside the ORM
    "FAIRDB_LOCAL_DIR": str(_folder),
    "FAIRDB_REGISTRATION": "open",
    "FAIRDB_LOG_LEVEL": "WARNING",
    # all tests come from one address, in which they are no attack; accounts are limited as ever
    "FAIRDB_LIMIT_SIGN_IN": "address=1000000/1s",
    "FAIRDB_LIMIT_REGISTER": "address=1000000/1s",
    "FAIRDB_LIMIT_UPLOAD": "address=1000000/1s",
}


# pytest-django looked for the settings before this file was read, and so set nothing up; conftest
# files further down import models.
django.setup()


pytest_plugins = ["fairdb_site.tests.browser", "fairdb_site.tests.log"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Let every worker make a database of its own, before it reads the settings of this process."""
    del os.environ["DJANGO_SETTINGS_MODULE"], os.environ["FAIRDB_LOCAL_DIR"]


@pytest.hookimpl(trylast=True)  # after the shuffle
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, lest it keep one worker busy when the others are done."""
    items.sort(key=lambda item: not {"browser", "dear"} & {m.name for m in item.iter_markers()})


def pytest_unconfigure(config: pytest.Config) -> None:
    from datasets.ingest.slots import places
    from fairdb_site.local.stack import reset

    reset(_folder)
    shutil.rmtree(_folder, ignore_errors=True)
    for slot in Path(tempfile.gettempdir()).glob(f"{places.name}-*.lock"):
        slot.unlink()


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
    """Somebody with an account, and a session of theirs as soon as it is asked for."""

    user: Any
    email: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False, default="")  # of the second factor, if they have one

    def code(self) -> str:
        """Return the code that the person's app shows now, as if the last was used long ago."""
        import pyotp
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "delete from auth.mfa_challenges c using auth.mfa_factors f"
                " where f.id = c.factor_id and f.user_id = %s",
                [str(self.user.pk)],
            )
        return pyotp.TOTP(self.totp_secret).now()

    @cached_property
    def access_token(self) -> str:
        """The token of a session, signed in to once, with the second factor of who has one."""
        from fairdb_site.supabase import auth

        session = auth.sign_in(self.email, self.password)
        if self.totp_secret:
            (factor,) = auth.get_account(session.access_token).factors
            session = auth.factor_verify(
                session.access_token, session.refresh_token, factor=factor.id, code=self.code()
            )
        return session.access_token

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


# What GoTrue writes of a confirmed account with a password.
_ADD_ACCOUNT = """
    insert into auth.users (instance_id, id, aud, role, email, encrypted_password,
      email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
    values (%(instance)s, %(id)s, 'authenticated', 'authenticated', %(email)s, %(hash)s,
      now(), %(app_metadata)s, '{}', now(), now())
"""


_ADD_FACTOR = """
    insert into auth.mfa_factors
      (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
    values (gen_random_uuid(), %s, 'app', 'totp', 'verified', now(), now(), %s)
"""


def make_person(name: str, *, staff: bool = False, factor: bool = False) -> Person:
    """Create an account with an address of its own, staff with the second factor they have to have.

    The password's hash is Argon2's, which tells in itself what it costs, at the lowest cost there
    is: some thousand sign-ins of a test run would otherwise take a minute of hashing.
    """
    import pyotp
    from argon2 import PasswordHasher
    from django.db import connection

    from accounts.mirror import mirror_account
    from fairdb_site.supabase.auth import STAFF, Account

    email, password = f"{name}-{uuid4().hex[:12]}@example.org", uuid4().hex
    account = Account(uuid4(), email, is_staff=staff, is_confirmed=True)
    email_alone = {"provider": "email", "providers": ["email"]}
    values = {
        "instance": str(UUID(int=0)),
        "id": str(account.id),
        "email": email,
        "hash": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password),
        "app_metadata": json.dumps(email_alone | ({STAFF: True} if staff else {})),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD_ACCOUNT, values)
        secret = pyotp.random_base32() if staff or factor else ""
        if secret:
            cursor.execute(_ADD_FACTOR, [str(account.id), secret])
    return Person(mirror_account(account), email, password, secret)


@pytest.fixture
def people(db_ready: None) -> People:
    return People(make_person("alice"), make_person("bob"), make_person("carol", staff=True))


@pytest.fixture
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture
def bob(db_ready: None) -> Person:
    return make_person("bob")


@pytest.fixture
def typed(db_ready: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs manage.py on words in this process and gives how it exits."""
    import manage

    # a second setup would leave the log with the stderr of this test, which ends with it
    monkeypatch.setattr("django.setup", lambda: None)

    def run(*words: object) -> Any:
        monkeypatch.setattr("sys.argv", ["manage.py", *map(str, words)])
        try:
            manage.main()
        except SystemExit as ended:
            return ended.code
        return 0

    return run
