"""One trial after another, on a stack that is up: for `bench.faults`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from bench.fault_checks import SENTINEL, Checks
from bench.fault_disks import SmallDisks, superuser
from bench.fault_pages import Pages
from bench.fault_parties import Process, Processes, Upload, ask, someone
from bench.fault_strikes import Strikes
from bench.fault_trial import UNDER_WAY, Result, Trial
from datasets.models import Dataset, Submission
from datasets.services import Reaped, dataset_delete, reap_uploads

ROWS, COLUMNS = 1_500, 700  # three parts
SIGNED_IN = 1_800.0  # seconds; tokens are good for an hour
State = Submission.State


class Laboratory:
    """The people, their file, and a live load of a neighbour's that no trial may touch.

    No worker but the harmed one and the neighbour's, which is busy, is there until a trial's harm
    is done; then a plain one comes, as there would be others all along, and takes what is left.
    """

    def __init__(self, folder: Path) -> None:
        self._content = _table()
        self._owner, self._other, self._neighbour = (someone() for _ in range(3))
        self._since = time.monotonic()
        self._disks = SmallDisks(folder)
        self._log = folder / "processes.log"
        self._processes = Processes(self._log)
        self._checks = Checks(folder, self._owner, self._other, ROWS)
        self._live: tuple[Process, str] | None = None
        try:
            self._plain = self._processes.web()
            self._pages = Pages(self._plain, self._log)
            stored, seconds = self._undisturbed()
            self._strikes = Strikes(
                owner=self._owner,
                content=self._content,
                stored=stored,
                seconds=seconds,
                processes=self._processes,
                disks=self._disks,
                pages=self._pages,
            )
            self._begin_neighbour()
        except BaseException:
            self.close()
            raise

    def run(self, trial: Trial) -> Result:
        """Run a trial."""
        if time.monotonic() - self._since > SIGNED_IN:
            self._since = time.monotonic()
            for person in (self._owner, self._other):
                person.sign_in()
        result, key, since = Result(), uuid4(), timezone.now()
        if trial.fault == "database restarted":
            result.problems += self.end_neighbour()  # who would not survive it
        before = self._checks.kept()
        with self._strikes.harmed(trial) as harmed:
            said = self._strikes.strike(trial, key, harmed)
            result.problems += self._checks.seen(self._ready(key))
            with self._other_worker(key):
                ended = self._pages.end_of(self._owner, key)
                result.answer = ", ".join(filter(None, [said, ended]))
                if trial.fault == "worker paused":
                    self._strikes.wake(harmed)
        sent = Submission.objects.filter(key=key).first()
        result.attempts = sent.attempt if sent else 0
        result.reaped, problems = self._once_it_ended(key, before, since)
        result.problems += problems + self._again(key)
        result.problems += self._checks.left(before, None, None)
        if SENTINEL in self._log.read_text():
            result.problems.append("a log names a raw id")
        return result

    def end_neighbour(self) -> list[str]:
        """Let the neighbour's load go on to its end; return what is not as it must be."""
        if not self._live:
            return []
        (worker, where), self._live = self._live, None
        worker.go_on()
        said = self._pages.followed(self._neighbour, where)
        problems = [] if said == "receipt" else [f"the neighbour's live load ended with {said}"]
        for dataset in Dataset.objects.filter(user_id=self._neighbour.user.pk):
            problems += self._checks.differs(dataset)
        self._processes.wait_until_done(worker)
        worker.kill()
        return problems

    def end(self) -> list[str]:
        """End the neighbour's load and look for raw ids; return what is not as it must be."""
        return self.end_neighbour() + self._checks.raw_ids()

    def close(self) -> None:
        """End every process, and unmount the small disks."""
        self._processes.close()
        self._disks.close()

    # What becomes of it ---------------------------------------------------------------------------

    @contextmanager
    def _other_worker(self, key: UUID) -> Iterator[None]:
        """Have a plain worker there, as if a minute went by.

        The lease of a load whose worker is gone has run out, one that was in no worker's hands is
        missed by the queue, and one that was to come later comes.
        """
        under_way = Submission.objects.filter(key=key, state__in=UNDER_WAY)
        a_minute_ago = timezone.now() - timedelta(minutes=1)
        with transaction.atomic():
            # whoever is paused within a transaction has their rows
            for sent in under_way.select_for_update(skip_locked=True):
                sent.created_at = a_minute_ago
                sent.lease_until = sent.lease_until and a_minute_ago
                sent.save(update_fields=["created_at", "lease_until"])
            for task in DBTaskResult.objects.select_for_update(skip_locked=True):
                if task.status == "READY":
                    task.run_after = timezone.now()
                    task.save(update_fields=["run_after"])
        worker = self._processes.worker()
        try:
            yield
        finally:
            worker.end()

    def _once_it_ended(
        self, key: UUID, before: set[str], since: datetime
    ) -> tuple[Reaped, list[str]]:
        """Look at what is there; what is left over is cleared up meanwhile."""
        ready = self._ready(key)
        sent = Submission.objects.filter(key=key).first()
        problems = self._checks.seen(ready)
        reaped = reap_uploads()
        problems += self._checks.left(before, ready, sent)
        if sent and sent.attempt:  # a worker had it
            ends = {State.STORED: "done", State.FAILED: "failed", State.CANCELLED: "refused"}
            problems += self._checks.on_record(since, [ends.get(State(sent.state), "an end")])
        if self._live and not self._neighbour_lives():
            problems.append("the neighbour's load died, or was taken from its worker")
        return reaped, problems

    def _neighbour_lives(self) -> bool:
        load = Submission.objects.filter(
            owner=self._neighbour.user,
            state=State.RUNNING,
            attempt=1,
            lease_until__gt=timezone.now(),
        )
        return load.exists()

    def _again(self, key: UUID) -> list[str]:
        """Try again what failed, and send the same form again: it is the one dataset it must be."""
        ready, since, said = self._ready(key), timezone.now(), []
        with self._other_worker(key):
            held = Submission.objects.filter(key=key, state=State.FAILED).exclude(staged="").first()
            if held:
                ask(self._plain, self._owner, f"/loads/{held.pk}/retry/", "POST")
                said.append(self._pages.end_of(self._owner, key))
            answer = Upload(self._plain, self._owner, self._content, key).answer()
            said.append(self._pages.said(answer) or self._pages.end_of(self._owner, key))
        found = list(Dataset.objects.filter(user_id=self._owner.user.pk))
        if set(said) != {"receipt"} or len(found) != 1:
            return [f"tried again, it made {len(found)} datasets and said {', '.join(said)}"]
        problems = self._checks.differs(found[0])
        problems += self._checks.on_record(since, [] if ready else ["done"])
        if ready and found[0].pk != ready.pk:
            problems.append("sent again, it made another dataset")
        dataset_delete(owner_id=self._owner.user.pk, dataset_id=found[0].pk)
        return problems

    def _ready(self, key: UUID) -> Dataset | None:
        """Return the dataset that a form became."""
        sent = Submission.objects.filter(key=key).first()
        found = Dataset.objects.filter(submission=sent.pk, state="ready") if sent else None
        return found.first() if found else None

    # What the trials stand on ---------------------------------------------------------------------

    def _undisturbed(self) -> tuple[int, float]:
        """Load the file for both owners, keep the digests; return its bytes and seconds."""
        stored, seconds = 0, 0.0
        for person in (self._owner, self._neighbour):
            with self._other_worker(uuid4()):
                answer = Upload(self._plain, person, self._content, uuid4()).answer()
                started = time.monotonic()
                if self._pages.followed(person, answer.location) != "receipt":
                    raise RuntimeError("an undisturbed load failed")
                seconds = time.monotonic() - started
            dataset = Dataset.objects.get(user_id=person.user.pk)
            self._checks.digests[person.user.pk] = self._checks.exported(dataset)
            with superuser() as cursor:
                cursor.execute(
                    "select sum(pg_total_relation_size(format('%%I.%%I', %s, n)::regclass))"
                    " from unnest(%s) n",
                    [settings.FAIRDB_DATA_SCHEMA, dataset.parts],
                )
                stored = int(cursor.fetchone()[0])
            dataset_delete(owner_id=person.user.pk, dataset_id=dataset.pk)
        return stored, seconds

    def _begin_neighbour(self) -> None:
        worker = self._processes.worker(bytes=len(self._content), hold=["storing", 0.5])
        answer = Upload(self._plain, self._neighbour, self._content, uuid4()).answer()
        self._processes.wait_until_held(worker)
        self._live = worker, answer.location


def _table() -> bytes:
    header = ",".join(["id", *(f"c{n}" for n in range(COLUMNS))])
    cells = ",".join(f"w{n}" for n in range(COLUMNS))
    rows = (f"{SENTINEL}{n:06d},{cells}\n" for n in range(ROWS))
    return f"{header}\n{''.join(rows)}".encode()
