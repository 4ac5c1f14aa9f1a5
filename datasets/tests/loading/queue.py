"""The queue in tests: files submitted without a page, and a worker's own loop in this process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from uuid import uuid4

from django.db import connections
from django.test import Client
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from conftest import Person
from datasets.loading.asked import Asked
from datasets.loading.submissions import submission_draft, submission_start
from datasets.models import Submission
from datasets.staging import Staged
from datasets.uploads import StagedUpload

TABLE = b"id,age\nP1,31\nP2,44\n"


def load_by_page(client: Client, form: dict[str, Any], **kwargs: Any) -> Any:
    """Send the upload form to be loaded at once, do what is queued, and look at the load's page.

    Returns the answer of the form where it was refused, else that of the page, which leads to the
    receipt of a load that is stored.
    """
    answer = client.post("/datasets/new/", {"at_once": "on"} | form, **kwargs)
    where = answer.headers.get("Location") or answer.headers.get("HX-Redirect") or ""
    if not where.startswith("/loads/"):
        return answer
    drain()
    return client.get(where, headers=kwargs.get("headers"))


def form_to_mend(client: Client, form: dict[str, Any]) -> Any:
    """Send a form that will be refused, at once or by a worker; return the page to mend it on."""
    answer = load_by_page(client, form)
    if answer.status_code >= 400:
        return answer
    links = r'href="(/loads/[^"]+/preview/|/datasets/new/\?load=[^"]+)"'
    [where] = re.findall(links, answer.content.decode())
    return client.get(where)


def drain(*, deferred: bool = False) -> None:
    """Do all that is in the queue, as `manage.py db_worker --batch` does; what is put off, too."""
    if deferred:
        DBTaskResult.objects.ready().model.objects.filter(status="READY").update(
            run_after=timezone.now()
        )
    a_worker().run()


def a_worker() -> Worker:
    """Return a worker of django-tasks-db that ends when the queue is empty."""
    return Worker(
        queue_names=["default"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=uuid4().hex,
        excluded_queue_names=[],
    )


def uploaded(content: bytes = TABLE, name: str = "table.csv") -> StagedUpload:
    """Stage a file as a request does."""
    staged = Staged()
    staged.write(content)
    staged.finish()
    return StagedUpload(staged, name, "text/csv", len(content), None)


def drafted(owner: Person, content: bytes = TABLE, **asked: Any) -> Submission:
    """Send a file, and say nothing yet but what is asked of it."""
    said = Asked(**({"title": "A table"} | asked))
    return submission_draft(owner=owner.user, uploaded=uploaded(content), asked=said)


def submitted(owner: Person, content: bytes = TABLE, **asked: Any) -> Submission:
    """Send a file to be loaded; it waits."""
    draft = drafted(owner, content, **asked)
    return submission_start(owner_id=owner.user.pk, submission_id=draft.pk)


@contextmanager
def working() -> Iterator[None]:
    """Have a worker's loop run in a thread of this process, for tests in a browser."""
    worker = a_worker()
    worker.batch, worker.interval = False, 0.05

    def work() -> None:
        try:
            worker.run()
        finally:
            connections.close_all()

    thread = Thread(target=work, name="worker")
    thread.start()
    try:
        yield
    finally:
        worker.running = False
        thread.join()


def now(submission: Submission) -> Submission:
    """Return it as it is now."""
    return Submission.objects.get(pk=submission.pk)
