"""Everything with one command: start, migrate, make people, load samples, serve and work."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser

from accounts.mirror import mirror_account
from accounts.models import User
from accounts.services import account_by_email, account_create, generated_password
from datasets.models import Dataset
from datasets.samples import SAMPLES, Sample
from fairdb_site.commands import FairdbCommand, Json, ProgressBar
from fairdb_site.embedded import start_if_embedded
from fairdb_site.errors import NotFound, Refused
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import import_supabase

RESEARCHER, STAFF = "researcher@example.org", "staff@example.org"
TOTP_KEY = "totp_secret"  # in the file of passwords: of staff's second factor
HOST = "127.0.0.1"
WHO = ("researcher", "staff")
_TO_END = 3.0  # seconds that a worker gets each time it is told to end
ENDINGS = (signal.SIGINT, signal.SIGTERM)


class Command(FairdbCommand):
    """Everything with one command: start, migrate, make people, load samples, serve and work."""

    help = "Run FAIRDatabase on this machine with two accounts and sample tables."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add where to serve, whether to, and whether to start afresh."""
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-serve", action="store_true", help="load, leave the stack up, end")
        parser.add_argument(
            "--code", action="store_true", help="print the code of the demo's staff account, end"
        )
        parser.add_argument("--reset", action="store_true", help="remove the embedded data first")
        parser.add_argument("--yes", action="store_true", help="do not ask before --reset")
        super().add_arguments(parser)

    def run(self, **options: Any) -> Json:
        """Set everything up; serve unless told otherwise."""
        if not settings.FAIRDB_EMBEDDED:
            raise Refused("The demo runs on the embedded default: unset SUPABASE_URL first.")
        if options["code"]:
            return {"code": code_of_staff()}
        serve = not options["no_serve"]
        if serve:
            require_free_port(options["port"])
            for (
                ending
            ) in ENDINGS:  # SIGINT too: a shell that starts us in the background ignores it
                signal.signal(ending, end_once)
        if options["reset"]:
            self._reset(sure=options["yes"])
        if serve:  # while the stack starts, which is mostly waiting
            Thread(target=import_supabase, daemon=True).start()
        started = start_if_embedded()
        try:
            result = self._set_up(f"http://{HOST}:{options['port']}/")
            if serve:
                self.report(result)
                self._serve(options["port"])
        finally:
            if serve:
                self._stop(started)
        return result

    def report(self, result: Json) -> None:
        """Say where to go and who to be."""
        if "code" in result:
            self.stdout.write(str(result["code"]))
            return
        lines = [
            f"\n  FAIRDatabase  {result['url']}\n",
            *(f"  {who:<11} {result[who]['email']}  {result[who]['password']}" for who in WHO),
            "\n  Staff sign in with a second factor. This one's key is no secret on this machine:",
            f"  put {result['staff']['totp_secret']} into an authenticator app, or have",
            "  `manage.py demo --code` print the code of the moment.",
            f"\n  {len(result['datasets'])} sample datasets belong to the researcher.",
            f"  Accounts and data stay on this machine, in {settings.FAIRDB_LOCAL_DIR}.",
            "  No mail is sent: `manage.py local outbox` prints invitations and reset links.",
        ]
        self.stdout.write("\n".join(lines))
        self.stdout.flush()  # a pipe or a log file would hold it back until the end

    def _reset(self, *, sure: bool) -> None:
        if not sure:
            self.confirm("Remove the embedded database with everything in it?")
        from fairdb_site.local.stack import reset

        reset(settings.FAIRDB_LOCAL_DIR)
        # The settings of this process hold the passwords and keys that are gone: begin again.
        arguments = [word for word in sys.argv if word != "--reset"]
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  no shell, our own words

    def _set_up(self, url: str) -> dict[str, Any]:
        call_command("migrate", verbosity=0)
        passwords = demo_passwords()
        researcher = ensure_account(RESEARCHER, passwords[RESEARCHER], staff=False)
        ensure_account(STAFF, passwords[STAFF], staff=True)
        secret = ensure_second_factor(STAFF, passwords)
        return {
            "url": url,
            "researcher": {"email": RESEARCHER, "password": passwords[RESEARCHER]},
            "staff": {"email": STAFF, "password": passwords[STAFF], "totp_secret": secret},
            "datasets": self._load_samples(researcher),
        }

    def _load_samples(self, owner: User) -> list[str]:
        """Load what is not there yet; return all datasets of the samples."""
        # The same key at every run, so that a sample is loaded once.
        keys = {sample: uuid5(NAMESPACE_URL, f"sample:{sample.title}") for sample in SAMPLES}
        datasets: dict[UUID | None, UUID] = dict(
            Dataset.objects.filter(
                user_id=owner.pk, state=Dataset.State.READY, submission__in=keys.values()
            ).values_list("submission", "id")
        )
        progress = ProgressBar(self.stderr._out)
        with tempfile.TemporaryDirectory() as scratch:
            for sample, key in keys.items():
                if key not in datasets:
                    datasets[key] = load_sample(owner, sample, key, Path(scratch), progress)
        progress.clear()
        return [str(datasets[key]) for key in keys.values()]

    def _serve(self, port: int) -> None:
        """Serve until Ctrl-C or SIGTERM, which both end the process by SystemExit."""
        self.stdout.write("  Ctrl-C stops it.\n")
        self.stdout.flush()
        with one_worker():
            call_command("runserver", f"{HOST}:{port}", use_reloader=False)

    def _stop(self, started: tuple[str, ...]) -> None:
        from fairdb_site.local.stack import stop

        if started:
            stop(settings.FAIRDB_LOCAL_DIR, started)


@contextmanager
def one_worker() -> Iterator[None]:
    """Have what people send loaded in a process of its own, which ends with this one.

    Told twice, it ends at once, and gives back what it was loading to the next start.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "db_worker", "--verbosity=0"]
    # a group of its own: Ctrl-C is for us, who tell it in our time
    worker = subprocess.Popen(command, start_new_session=True)  # noqa: S603  our own words
    try:
        yield
    finally:
        for _ in range(2):
            worker.terminate()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=_TO_END)
        worker.kill()
        worker.wait()


def end_once(number: int, frame: FrameType | None) -> None:
    """End the process, deaf to a second signal: it would leave half of what was started running.

    An impatient second Ctrl-C is one; uv passes on another of its own.
    """
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(0)


def require_free_port(port: int) -> None:
    """Refuse a port on which something listens, before any work is done."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            raise Refused(
                f"Port {port} is taken or not yours: choose another with --port."
            ) from None


def demo_passwords() -> dict[str, str]:
    """Return the demo accounts' passwords: random, made once, readable by this user alone."""
    from fairdb_site.local.state import DEMO_PASSWORDS, write_private

    path = settings.FAIRDB_LOCAL_DIR / DEMO_PASSWORDS
    if not path.exists():
        passwords = {email: generated_password() for email in (RESEARCHER, STAFF)}
        write_private(path, json.dumps(passwords))
    found: dict[str, str] = json.loads(path.read_text())
    return found


def ensure_second_factor(email: str, passwords: dict[str, str]) -> str:
    """Return the key of the account's second factor, set up anew where it is not known."""
    from pyotp import TOTP

    from fairdb_site.local.state import DEMO_PASSWORDS, write_private

    user = account_by_email(email)
    if TOTP_KEY in passwords and user.has_second_factor:
        return passwords[TOTP_KEY]
    auth.admin_remove_factors(user.pk)
    session = auth.sign_in(email, passwords[email])
    tokens = session.access_token, session.refresh_token
    new = auth.factor_enrol(*tokens, name="Demo")
    write_private(
        settings.FAIRDB_LOCAL_DIR / DEMO_PASSWORDS, json.dumps(passwords | {TOTP_KEY: new.secret})
    )
    raised = auth.factor_verify(*tokens, factor=new.id, code=TOTP(new.secret).now())
    mirror_account(auth.get_account(raised.access_token))
    return new.secret


def code_of_staff() -> str:
    """Return the code that an app with the demo's key would show now."""
    from pyotp import TOTP

    from fairdb_site.local.state import DEMO_PASSWORDS

    path = settings.FAIRDB_LOCAL_DIR / DEMO_PASSWORDS
    secret = json.loads(path.read_text()).get(TOTP_KEY) if path.exists() else None
    if secret is None:
        raise Refused("There is no demo here yet: run manage.py demo first.")
    return TOTP(secret).now()


def load_sample(
    owner: User, sample: Sample, key: UUID, scratch: Path, progress: ProgressBar
) -> UUID:
    """Load one sample; return its dataset."""
    from datasets.ingest.pipeline import dataset_import  # 1.5 s, which later starts need not spend

    path = sample.path(scratch)
    receipt = dataset_import(
        owner=owner,
        source=path,
        file_name=path.name,
        title=sample.title,
        description=sample.description,
        origin=sample.origin,
        id_column=sample.id_column,
        missing=sample.missing,
        submission=key,
        progress=progress,
    )
    return receipt.dataset


def ensure_account(email: str, password: str, *, staff: bool) -> User:
    """Return the account of this address, made with this password where there is none."""
    try:
        return account_by_email(email)
    except NotFound:
        return account_create(email=email, password=password, staff=staff)
