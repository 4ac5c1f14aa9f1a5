"""The faults of `bench.faults`: what is brought where, what strikes it there, and with what."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.models import SupabaseSession
from bench.fault_disks import SmallDisks, superuser
from bench.fault_pages import Pages, page_of
from bench.fault_parties import Process, Processes, Someone, Upload, ask, wait_until
from bench.fault_proxy import Proxy
from bench.fault_trial import UNDER_WAY, Trial
from datasets.jobs.lease import _BEAT
from datasets.models import StagedFile, Submission
from datasets.services import reap_uploads
from fairdb_site.local.postgres import Postgres
from fairdb_site.local.processes import send, still_runs
from fairdb_site.local.stack import ensure_started

PATIENCE = 1.5  # seconds that a worker waits for a Supabase that is too slow
LEASE = 3.0  # seconds


@dataclass(frozen=True)
class Harmed:
    """The processes of a trial: `worker` where the fault strikes a load, not the sending."""

    web: Process
    worker: Process | None
    proxy: Proxy | None

    @property
    def all(self) -> list[Process]:
        """Both of them."""
        return [self.web, *([self.worker] if self.worker else [])]

    @property
    def struck(self) -> Process:
        """The one that is harmed."""
        return self.worker or self.web


class Strikes:
    """Harms one load of a person's at a time.

    Their file takes `stored` bytes in the database, and `seconds` to be loaded where nothing harms.
    """

    def __init__(
        self,
        *,
        owner: Someone,
        content: bytes,
        stored: int,
        seconds: float,
        processes: Processes,
        disks: SmallDisks,
        pages: Pages,
    ) -> None:
        self._owner = owner
        self._content = content
        self._bytes = stored
        self._seconds = seconds
        self._processes = processes
        self._disks = disks
        self._pages = pages
        self._pool = ThreadPoolExecutor(12)  # of those who wait for an answer

    def strike(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        """Send the form and harm it; return what the person got to see of that."""
        fault = "supabase" if trial.fault.startswith("Supabase") else trial.fault
        said: str = getattr(self, f"_{fault.replace(' ', '_')}")(trial, key, harmed)
        return said

    # Where a fault strikes ------------------------------------------------------------------------

    @contextmanager
    def harmed(self, trial: Trial) -> Iterator[Harmed]:
        """Give the processes of a trial, in the surroundings it asks for."""
        order: dict[str, Any] = {"bytes": len(self._content)}
        if trial.step not in ("sending", "time") and "disk" not in trial.fault:
            order["hold"] = [trial.step, trial.share]
        if trial.fault == "worker paused" and trial.step in ("sealed", "time"):
            order["lease"] = LEASE  # its transaction has the row, so only time lets it run out
        with self._surroundings(trial, order) as proxy:
            harmed = Harmed(
                self._processes.web(**order),
                self._processes.worker(**order) if trial.is_of_a_worker else None,
                proxy,
            )
            try:
                yield harmed
            finally:
                for process in harmed.all:
                    process.kill()
                    wait_until_left(process)

    @contextmanager
    def _surroundings(self, trial: Trial, order: dict[str, Any]) -> Iterator[Proxy | None]:
        if trial.fault.startswith("Supabase"):
            proxy = Proxy(settings.SUPABASE_URL)
            order |= {"supabase": proxy.url, "patience": PATIENCE}
            try:
                yield proxy
            finally:
                proxy.finish()
        elif trial.fault == "disk of staged files full":
            disk = self._disks.disk("staged", int(len(self._content) * trial.share))
            order["staging"] = str(disk / "files")
            yield None
        elif trial.fault == "disk of the database full":
            with self._disks.tablespace(int(self._bytes * trial.share)):
                yield None
        else:
            yield None

    def _brought(self, trial: Trial, key: UUID, harmed: Harmed) -> Upload:
        """Bring a form, or its load, to the place where the fault is to strike."""
        upload = Upload(harmed.web, self._owner, self._content, key)
        if trial.step == "sending":
            known = StagedFile.objects.count()
            upload.send(trial.share)
            wait_until(lambda: StagedFile.objects.count() > known)
            time.sleep(0.1)  # the server takes in the rest of what was sent
        elif harmed.worker is None:
            upload.send_all(self._pool)
            self._processes.wait_until_held(harmed.web)
        elif trial.step == "time":
            upload.answer()
            time.sleep(self._seconds * trial.share)
        else:
            upload.answer()
            self._processes.wait_until_held(harmed.worker)
        return upload

    def _gone_on(self, upload: Upload, harmed: Harmed) -> str:
        """Let what is held still go on to its end; return what the form was answered."""
        with suppress(ProcessLookupError):
            harmed.struck.go_on()
        said = self._pages.said(upload.answer())
        if harmed.worker:
            self._processes.wait_if_busy(harmed.worker)
        return said

    # The faults, each returning what the person got to see of the form ----------------------------

    def _server_killed(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        harmed.web.kill()
        return self._gone_on(upload, harmed) if harmed.worker else self._pages.said(upload.answer())

    def _worker_killed(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        harmed.struck.kill()
        wait_until_left(harmed.struck)
        return self._pages.said(upload.answer())

    def _worker_killed_and_cleared_up(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        said = self._worker_killed(trial, key, harmed)
        reap_uploads()  # before another worker takes over
        return said

    def _worker_paused(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        harmed.struck.send(signal.SIGSTOP)
        return self._pages.said(upload.answer())

    def wake(self, harmed: Harmed) -> None:
        """Wake a worker that was paused, and wait until it has done whatever it believes in."""
        assert harmed.worker
        harmed.worker.send(signal.SIGCONT)
        harmed.worker.go_on()
        self._processes.wait_if_busy(harmed.worker)

    def _worker_told_to_end(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        harmed.struck.send(signal.SIGTERM)
        said = self._gone_on(upload, harmed)
        harmed.struck.wait()
        return said

    def _worker_told_to_end_at_once(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        for _ in range(2):
            harmed.struck.send(signal.SIGTERM)
            time.sleep(0.2)  # two that wait are taken for one
        said = self._gone_on(upload, harmed)
        harmed.struck.wait()
        return said

    def _connections_terminated(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        self._terminate(harmed.struck)
        return self._gone_on(upload, harmed)

    def _terminate(self, process: Process) -> None:
        with superuser() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                " where application_name = %s",
                [process.name],
            )

    def _connections_terminated_and_cleared_up(
        self, trial: Trial, key: UUID, harmed: Harmed
    ) -> str:
        upload = self._brought(trial, key, harmed)
        self._terminate(harmed.struck)
        reap_uploads()  # which nothing holds off any more from what is on its way
        return self._gone_on(upload, harmed)

    def _database_restarted(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        server = Postgres(settings.FAIRDB_LOCAL_DIR).running()
        assert server
        send(server, signal.SIGQUIT)  # an immediate shutdown, without a checkpoint
        wait_until(lambda: not still_runs(server))
        ensure_started(settings.FAIRDB_LOCAL_DIR)
        connection.close()
        return self._gone_on(upload, harmed)

    def _browser_closed(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        known = set(StagedFile.objects.values_list("name", flat=True))
        upload = self._brought(trial, key, harmed)
        upload.close()
        if trial.share == 1:  # all was sent, and is loaded though nobody waits for the answer
            wait_until(lambda: Submission.objects.filter(key=key, state__in=UNDER_WAY).exists())
        else:
            wait_until(lambda: not StagedFile.objects.exclude(name__in=known).exists())
        return "nobody is there"

    def _cancelled(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        ask(harmed.web, self._owner, f"{page_of(key)}cancel/", "POST")
        time.sleep(_BEAT + 0.5)  # by then its worker has heard of it
        return self._gone_on(upload, harmed)

    def _session_ended(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        upload = self._brought(trial, key, harmed)
        SupabaseSession.objects.filter(user=self._owner.user).delete()
        said = self._gone_on(upload, harmed)
        if harmed.worker:
            said = self._pages.followed(self._owner, page_of(key))
        self._owner.sign_in()
        return said

    def _disk_of_staged_files_full(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        return self._pages.said(Upload(harmed.web, self._owner, self._content, key).answer())

    def _disk_of_the_database_full(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        assert harmed.worker
        upload = Upload(harmed.web, self._owner, self._content, key)
        upload.answer()
        return self._gone_on(upload, harmed)

    def _supabase(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        assert harmed.proxy
        upload = self._brought(trial, key, harmed)
        harmed.proxy.misbehave(trial.fault.removeprefix("Supabase "))
        said = self._gone_on(upload, harmed)
        harmed.proxy.finish()
        return said

    def _sent_ten_times_at_once(self, trial: Trial, key: UUID, harmed: Harmed) -> str:
        workers = [self._processes.worker() for _ in range(2)]
        uploads = [Upload(harmed.web, self._owner, self._content, key) for _ in range(10)]
        answers = set(self._pool.map(lambda upload: self._pages.said(upload.answer()), uploads))
        self._pages.end_of(self._owner, key)
        for worker in workers:
            worker.end()
        return ", ".join(sorted(filter(None, answers)))


def wait_until_left(process: Process) -> None:
    """Wait until the database has noticed that a process is gone."""
    query = "select count(*) from pg_stat_activity where application_name = %s"

    def is_left() -> bool:
        with superuser() as cursor:
            cursor.execute(query, [process.name])
            return bool(cursor.fetchone() == (0,))

    wait_until(is_left)
