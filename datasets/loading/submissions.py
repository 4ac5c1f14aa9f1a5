"""What becomes of a file that somebody sent: drafted, started, cancelled, tried again.

A submission is its owner's: a missing one and someone else's are the same NotFound.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import User
from datasets.ingest.load import next_version, require_same_key
from datasets.ingest.pipeline import told
from datasets.ingest.pseudonyms import key_fingerprint
from datasets.loading.asked import Asked
from datasets.loading.holding import UNDER_WAY, make_place, take_place
from datasets.loading.tasks import enqueue
from datasets.models import Submission
from datasets.quota import require_room
from datasets.staging import discard_kept
from datasets.uploads import StagedUpload
from fairdb_site.errors import Conflict, NotFound
from fairdb_site.logs import current_request_id

State = Submission.State
STARTABLE = (State.DRAFT, State.FAILED)

AFRESH = {
    "step": "",
    "step_since": None,
    "bytes_done": 0,
    "rows_done": 0,
    "rows_total": 0,
    "error": "",
    "error_status": None,
    "error_option": "",
    "suggestion": "",
    "losses": 0,
    "worker": "",
    "lease_until": None,
    "cancel_asked": False,
    "started_at": None,
    "ended_at": None,
}
"""What is known of an attempt, before the first."""

_ON_ITS_WAY = "This load is on its way or has ended, so nothing about it can be changed."
_NO_FILE = "The file of this load is not held any more. Send it again: what you said of it is kept."


def submission_draft(
    *,
    owner: User,
    uploaded: StagedUpload,
    asked: Asked,
    key: UUID | None = None,
    replaces: UUID | None = None,
    request: HttpRequest | None = None,
) -> Submission:
    """Keep an uploaded file past its request, with what was said of it; nothing is loaded yet.

    The same `key` (of the form) is one submission: one that waits, runs or is stored is returned as
    it is, and another takes the new file and what is said of it now. Whoever is left a draft for
    FAIRDB_STAGED_HOURS has to send the file again. What `replaces` a dataset becomes its next
    version; NotFound where that is not there, or not theirs.
    """
    if replaces:
        next_version(owner.pk, replaces)
    title, description, origin = told(asked.title, asked.description, asked.origin)
    _require_place(owner.pk)
    make_place(owner.pk)
    facts = asked.as_columns() | {
        "title": title,
        "description": description,
        "origin": origin,
        "state": State.DRAFT,
        "file_name": uploaded.name or "",
        "file_bytes": uploaded.size,
        "replaces": replaces,
        "created_at": timezone.now(),
    }
    if request is not None:
        facts["seen_from"] = audit.origin_seen(request, owner.pk)
        facts["request_id"] = current_request_id.get()

    replaced: list[str] = []

    def hand_over(staged: str) -> Submission:
        new = facts | {"staged": staged}
        with transaction.atomic():
            take_place(owner.pk, key)
            if key is None:
                return Submission.objects.create(owner=owner, **new)
            sent = Submission.objects.select_for_update()
            made, is_new = sent.get_or_create(owner=owner, key=key, defaults=new)
            if not is_new and made.state not in (*UNDER_WAY, State.STORED):
                replaced.append(made.staged)
                _change(made, AFRESH | new)
        return made

    submission = uploaded.staged.keep(hand_over)
    if submission.staged != uploaded.staged.name:
        replaced.append(uploaded.staged.name)  # it was sent before, and is on its way
    for name in replaced:
        discard_kept(name)
    return submission


def submission_start(
    *, owner_id: UUID, submission_id: UUID, asked: Asked | None = None
) -> Submission:
    """Have a draft, or a load that failed, loaded by the next worker that is free.

    `asked` replaces what was said of it before. One that waits, runs or is stored is returned as it
    is. Raises a FairdbError where nothing can be loaded now, and Conflict where the file is gone.
    """
    if asked is not None:
        told(asked.title, asked.description, asked.origin)
    with transaction.atomic():
        submission = _get(owner_id, submission_id, for_update=True)
        if submission.state in (*UNDER_WAY, State.STORED):
            return submission
        if submission.state not in STARTABLE or not submission.staged:
            raise Conflict(_NO_FILE)
        _require_place(owner_id)
        said = asked.as_columns() if asked else {}
        _change(submission, AFRESH | said | {"state": State.WAITING})
        enqueue(submission.pk)
    return submission


def submission_change(*, owner_id: UUID, submission_id: UUID, asked: Asked) -> Submission:
    """Change what is said of a file that is held and not loaded yet; Conflict for any other."""
    title, description, origin = told(asked.title, asked.description, asked.origin)
    said = asked.as_columns() | {"title": title, "description": description, "origin": origin}
    with transaction.atomic():
        submission = _get(owner_id, submission_id, for_update=True)
        if submission.state not in STARTABLE or not submission.staged:
            raise Conflict(_NO_FILE if submission.state in STARTABLE else _ON_ITS_WAY)
        _change(submission, said)
    return submission


def submission_cancel(*, owner_id: UUID, submission_id: UUID) -> Submission:
    """Cancel a load: at once where no worker has it, else as soon as its worker looks up.

    A load that has ended is returned as it is.
    """
    with transaction.atomic():
        submission = _get(owner_id, submission_id, for_update=True)
        staged = ""
        if submission.state == State.RUNNING:
            submission.cancel_asked = True
        elif submission.state in (State.DRAFT, State.WAITING):
            staged, submission.staged = submission.staged, ""
            submission.state, submission.ended_at = State.CANCELLED, timezone.now()
        submission.save(update_fields=["cancel_asked", "state", "staged", "ended_at"])
    discard_kept(staged)
    return submission


def submission_get(*, owner_id: UUID, submission_id: UUID) -> Submission:
    """Return a submission of this owner; a missing one and someone else's are NotFound alike."""
    return _get(owner_id, submission_id)


def _require_place(owner_id: UUID) -> None:
    """Refuse at once what every load would refuse, whatever its file."""
    require_room(owner_id)
    require_same_key(key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY))


def _change(submission: Submission, fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        setattr(submission, name, value)
    submission.save(update_fields=fields)


def _get(owner_id: UUID, submission_id: UUID, *, for_update: bool = False) -> Submission:
    found = Submission.objects.filter(owner=owner_id, pk=submission_id)
    submission = (found.select_for_update() if for_update else found).first()
    if submission is None:
        raise NotFound("There is no such load, or it is not yours.")
    return submission
