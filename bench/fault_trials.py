"""One trial after another, on a stack that is up: for `bench.faults`."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from accounts.models import SupabaseSession
from bench.fault_disks import SmallDisks, superuser
from bench.fault_parties import Site, Sites, Upload, someone, wait_until
from bench.fault_proxy import Proxy
from bench.fault_trial import Result, Trial
from datasets.browse.export_file import dataset_export
from datasets.models import Dataset, StagedFile
from datasets.services import dataset_delete, reap_uploads
from fairdb_site.errors import FairdbError
from fairdb_site.local.binaries import MAJOR, package_folder
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.processes import send, still_runs
from fairdb_site.local.stack import ensure_started
from fairdb_site.local.state import SUPERUSER, local_state
from fairdb_site.supabase.clients import Supabase

ROWS, COLUMNS = 1_500, 700  # three parts
SENTINEL = "Sentinel-"  # raw ids begin with it, and nothing that is kept or shown holds it
PATIENCE = 1.5  # seconds that a site waits for a Supabase that is too slow
_RECORDS = {"datasets", "dataset_columns", "metadata_tables"}


class Laboratory:
    """The people, their file, and a live load of a neighbour's that no trial may touch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._content = _table()
        self._owner, self._other, self._neighbour = (someone() for _ in range(3))
        self._pool = ThreadPoolExecutor(12)
        self._disks = SmallDisks(folder)
        self._log = folder / "sites.log"
        self._sites = Sites(self._log)
        try:
            self._plain = self._sites.start()
            self._digest, self._bytes = self._undisturbed()
            self._live: tuple[Site, Upload] | None = None
            self._begin_neighbour()
        except BaseException:
            self.close()
            raise

    def run(self, trial: Trial) -> Result:
        """Run a trial."""
        result, submission = Result(), uuid4()
        if trial.fault == "database restarted":
            result.problems += self.end_neighbour()  # who would not survive it
        before = self._kept()
        fault = "supabase" if trial.fault.startswith("Supabase") else trial.fault
        strike = getattr(self, f"_{fault.replace(' ', '_')}")
        with self._site(trial) as site_and_more:
            result.answer = strike(trial, submission, *site_and_more)
        dataset = Dataset.objects.filter(submission=submission).first()
        ready = dataset is not None and dataset.state == "ready"
        result.problems += self._seen(dataset if ready else None)
        result.reaped = reap_uploads()
        result.problems += self._left(before, dataset if ready else None)
        if self._live and not still_alive(self._live[0]):
            result.problems.append("the neighbour's load died")
        result.problems += self._sent_again(submission, dataset if ready else None)
        if SENTINEL in self._log.read_text():
            result.problems.append("a log names a raw id")
        return result

    def end_neighbour(self) -> list[str]:
        """Let the neighbour's load go on to its end; return what is not as it must be."""
        if not self._live:
            return []
        (site, upload), self._live = self._live, None
        site.go_on()
        status, _, _ = upload.answer()
        problems = [] if status == 302 else [f"the neighbour's live load ended with {status}"]
        for dataset in Dataset.objects.filter(user_id=self._neighbour.user.pk):
            problems += self._differs(dataset)
        site.kill()
        return problems + self._raw_ids()

    def close(self) -> None:
        """End every process, and unmount the small disks."""
        self._sites.close()
        self._pool.shutdown(cancel_futures=True)
        self._disks.close()

    # Where a fault strikes ------------------------------------------------------------------------

    @contextmanager
    def _site(self, trial: Trial) -> Iterator[tuple[Any, ...]]:
        """Give the site of a trial, and what it is to be harmed by."""
        order: dict[str, Any] = {}
        if (
            trial.step in {"reading", "creating", "storing", "sealing"}
            and "disk" not in trial.fault
        ):
            order["hold"] = [trial.step, trial.share]
        with self._surroundings(trial, order) as more:
            site = self._sites.start(size=len(self._content), **order)
            try:
                yield (site, *more)
            finally:
                site.kill()
                wait_until(lambda: not self._connections(site))

    @contextmanager
    def _surroundings(self, trial: Trial, order: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        if trial.fault.startswith("Supabase"):
            proxy = Proxy(settings.SUPABASE_URL)
            order |= {"supabase": proxy.url, "patience": PATIENCE}
            try:
                yield (proxy,)
            finally:
                proxy.finish()
        elif trial.fault == "disk of staged files full":
            disk = self._disks.disk("staged", int(len(self._content) * trial.share))
            order["staging"] = str(disk / "files")
            yield ()
        elif trial.fault == "disk of the database full":
            with self._disks.tablespace(int(self._bytes * trial.share)):
                yield ()
        else:
            yield ()

    def _upload(self, trial: Trial, site: Site, submission: UUID) -> Upload:
        """Bring an upload to the place where the fault is to strike."""
        upload = Upload(site, self._owner, self._content, submission)
        if trial.step == "sending":
            known = StagedFile.objects.count()
            upload.send(trial.share)
            wait_until(lambda: StagedFile.objects.count() > known)
            time.sleep(0.1)  # the site takes in the rest of what was sent
        else:
            upload.send_all(self._pool)
            self._sites.wait_until_held(site)
        return upload

    # The faults, each returning what the person got to see ----------------------------------------

    def _process_killed(self, trial: Trial, submission: UUID, site: Site) -> str:
        upload = self._upload(trial, site, submission)
        site.kill()
        return self._said(upload)

    def _connections_terminated(self, trial: Trial, submission: UUID, site: Site) -> str:
        upload = self._upload(trial, site, submission)
        with superuser() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                " where application_name = %s",
                [site.name],
            )
        site.go_on()
        return self._said(upload)

    def _database_restarted(self, trial: Trial, submission: UUID, site: Site) -> str:
        upload = self._upload(trial, site, submission)
        server = Postgres(settings.FAIRDB_LOCAL_DIR).running()
        assert server
        send(server, signal.SIGQUIT)  # an immediate shutdown, without a checkpoint
        wait_until(lambda: not still_runs(server))
        ensure_started(settings.FAIRDB_LOCAL_DIR)
        connection.close()
        site.go_on()
        return self._said(upload)

    def _browser_closed(self, trial: Trial, submission: UUID, site: Site) -> str:
        known = set(StagedFile.objects.values_list("name", flat=True))
        upload = self._upload(trial, site, submission)
        upload.close()
        site.go_on()  # which is told of nothing: what it has begun, it ends
        wait_until(lambda: not StagedFile.objects.exclude(name__in=known).exists())
        return "nobody is there"

    def _session_ended(self, trial: Trial, submission: UUID, site: Site) -> str:
        upload = self._upload(trial, site, submission)
        SupabaseSession.objects.filter(user=self._owner.user).delete()
        said = self._said(upload)
        self._owner.sign_in()
        return said

    def _disk_of_staged_files_full(self, trial: Trial, submission: UUID, site: Site) -> str:
        return self._said(Upload(site, self._owner, self._content, submission))

    _disk_of_the_database_full = _disk_of_staged_files_full

    def _supabase(self, trial: Trial, submission: UUID, site: Site, proxy: Proxy) -> str:
        upload = self._upload(trial, site, submission)
        proxy.misbehave(trial.fault.removeprefix("Supabase "))
        site.go_on()
        said = self._said(upload)
        proxy.finish()
        return said

    def _sent_ten_times_at_once(self, trial: Trial, submission: UUID, site: Site) -> str:
        uploads = [Upload(site, self._owner, self._content, submission) for _ in range(10)]
        answers = set(self._pool.map(self._said, uploads))
        return ", ".join(sorted(answers))

    def _said(self, upload: Upload) -> str:
        """Return what an answer says, in short."""
        status, address, page = upload.answer()
        if SENTINEL in page:
            raise AssertionError("a page shows a raw id")
        if not status:
            return "no answer"
        if status == 500:
            raise AssertionError(self._log.read_text()[-3_000:])
        if status == 302:
            return "receipt" if "/receipt/" in address else "sign in again"
        page = page[page.find('notice bad" role="alert" tabindex') :].replace("</a>", "")
        told = re.findall(r"<(li|strong)>(.*?)</", page.partition("</ul>")[0], re.DOTALL)
        text = re.sub(r"<[^>]*>", "", min(told)[1]) if told else ""  # a field's own words first
        return f"{status} {' '.join(unescape(text).split())}"

    # What must hold afterwards --------------------------------------------------------------------

    def _seen(self, ready: Dataset | None) -> list[str]:
        """Look as the owner, as somebody else and as nobody, before anything is cleared up."""
        with superuser() as cursor:
            cursor.execute(
                f"select table_name from {_schema()}.metadata_tables where user_id = %s"
                f" union select unnest(parts) from {_schema()}.datasets where user_id = %s",
                [self._owner.user.pk] * 2,
            )
            names = [name for (name,) in cursor.fetchall()]
        problems = self._differs(ready) if ready else []
        for who, supabase in (
            ("the owner", self._owner.supabase),
            ("somebody else", self._other.supabase),
            ("nobody", Supabase()),
        ):
            own = ready if who == "the owner" else None
            if _asked(supabase, "list_datasets") != (1 if own else 0):
                problems.append(f"{who} sees a dataset in the list")
            if _asked(supabase, "get_all_tables") != (len(own.parts) if own else 0):
                problems.append(f"{who} sees a table in the list")
            for name in names if not own else ():
                if _asked(supabase, "select_from_table", p_table_name=name, p_row_limit=1):
                    problems.append(f"{who} reads rows of {name}")
        return problems

    def _kept(self) -> set[str]:
        """Return all there is of data: datasets, records, tables, staged files."""
        with superuser() as cursor:
            cursor.execute(
                f"select id::text from {_schema()}.datasets"
                f" union all select table_name from {_schema()}.metadata_tables"
                " union all select 'table ' || c.relname from pg_class c"
                " where c.relnamespace = %s::regnamespace and c.relkind = 'r'",
                [settings.FAIRDB_DATA_SCHEMA],
            )
            found = {name for (name,) in cursor.fetchall()}
        found |= set(StagedFile.objects.values_list("name", flat=True))
        folders = [
            settings.STORAGES["staged"]["OPTIONS"]["location"],
            self._folder / "disk-staged",
        ]
        for folder in map(Path, folders):
            with suppress(FileNotFoundError, NotADirectoryError):
                found |= {f"file {path.name}" for path in folder.rglob("*") if path.is_file()}
        return found - {f"table {name}" for name in _RECORDS}

    def _left(self, before: set[str], ready: Dataset | None) -> list[str]:
        mine = (
            {str(ready.pk), *ready.parts, *(f"table {n}" for n in ready.parts)} if ready else set()
        )
        now = self._kept() - mine
        problems = [f"left behind: {name}" for name in sorted(now - before)]
        return problems + [f"taken away: {name}" for name in sorted(before - now)]

    def _sent_again(self, submission: UUID, ready: Dataset | None) -> list[str]:
        """Send the same form again: it gives the dataset that an undisturbed load gives."""
        said = self._said(Upload(self._plain, self._owner, self._content, submission))
        found = list(Dataset.objects.filter(user_id=self._owner.user.pk))
        if said != "receipt" or len(found) != 1:
            return [f"sent again, it made {len(found)} datasets and said {said}"]
        problems = self._differs(found[0])
        if ready and found[0].pk != ready.pk:
            problems.append("sent again, it made another dataset")
        dataset_delete(owner_id=self._owner.user.pk, dataset_id=found[0].pk)
        return problems

    def _differs(self, dataset: Dataset) -> list[str]:
        """Compare what is stored, read as its owner, with what an undisturbed load stored."""
        if (dataset.state, dataset.row_count) != ("ready", ROWS):
            return [f"a dataset is {dataset.state} with {dataset.row_count} rows"]
        if self._exported(dataset) != self._digest.get(dataset.user_id):
            return ["a dataset differs from that of an undisturbed load"]
        return []

    def _exported(self, dataset: Dataset) -> str:
        out = self._folder / "export.csv"
        exported = dataset_export(
            dataset_id=dataset.pk, reader_id=dataset.user_id, out=out, overwrite=True
        )
        if SENTINEL in out.read_text() or not exported.unchanged:
            raise AssertionError("an export holds raw ids, or is not what was loaded")
        return exported.digest

    def _raw_ids(self) -> list[str]:
        """Look for raw ids in a dump of the database and in every file but the database's own."""
        program = package_folder() / f"pginstall{MAJOR}" / "bin" / "pg_dump"
        state = local_state(settings.FAIRDB_LOCAL_DIR)
        dump = self._folder / "dump.sql"
        subprocess.run([program, state.database_url(SUPERUSER), "-f", dump], check=True)
        data = Postgres(settings.FAIRDB_LOCAL_DIR).data
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        return [
            f"raw ids are in {path.relative_to(self._folder)}"
            for path in files
            if data not in path.parents and SENTINEL.encode() in path.read_bytes()
        ]

    # What the trials stand on ---------------------------------------------------------------------

    def _undisturbed(self) -> tuple[dict[UUID, str], int]:
        """Load the file for both owners; return the digests by owner, and the bytes one takes."""
        digests, stored = {}, 0
        for person in (self._owner, self._neighbour):
            if self._said(Upload(self._plain, person, self._content, uuid4())) != "receipt":
                raise RuntimeError("an undisturbed load failed")
            dataset = Dataset.objects.get(user_id=person.user.pk)
            digests[person.user.pk] = self._exported(dataset)
            with superuser() as cursor:
                cursor.execute(
                    "select sum(pg_total_relation_size(format('%%I.%%I', %s, n)::regclass))"
                    " from unnest(%s) n",
                    [settings.FAIRDB_DATA_SCHEMA, dataset.parts],
                )
                stored = int(cursor.fetchone()[0])
            dataset_delete(owner_id=person.user.pk, dataset_id=dataset.pk)
        return digests, stored

    def _begin_neighbour(self) -> None:
        site = self._sites.start(size=len(self._content), hold=["storing", 0.5])
        upload = Upload(site, self._neighbour, self._content, uuid4(), patience=3_600)
        upload.send_all(self._pool)
        self._sites.wait_until_held(site)
        self._live = site, upload

    def _connections(self, site: Site) -> int:
        with superuser() as cursor:
            cursor.execute(
                "select count(*) from pg_stat_activity where application_name = %s", [site.name]
            )
            return int(cursor.fetchone()[0])


def still_alive(site: Site) -> bool:
    """Whether a site's process runs."""
    return Path(f"/proc/{site.pid}").exists()


def _asked(supabase: Supabase, name: str, **params: Any) -> int:
    """Return how many things a function gives; none where it refuses."""
    try:
        return len(supabase.safe_rpc_call(name, params))
    except FairdbError:
        return 0


def _table() -> bytes:
    header = ",".join(["id", *(f"c{n}" for n in range(COLUMNS))])
    cells = ",".join(f"w{n}" for n in range(COLUMNS))
    rows = (f"{SENTINEL}{n:06d},{cells}\n" for n in range(ROWS))
    return f"{header}\n{''.join(rows)}".encode()


def _schema() -> str:
    return f'"{settings.FAIRDB_DATA_SCHEMA}"'
