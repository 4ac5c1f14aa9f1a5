"""The upload form's way in: files are held, and loaded at once if asked to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from accounts import audit
from accounts.models import AuditAction
from datasets.forms import UploadForm
from datasets.loading.asked import Asked
from datasets.loading.submissions import submission_draft, submission_get, submission_start
from datasets.models import Submission
from datasets.titles import title_from, title_of_next
from fairdb_site.errors import FairdbError
from fairdb_site.http import HtmxHttpRequest


def submission_named(request: HtmxHttpRequest) -> Submission | None:
    """Return the load that an address or a form names as `load`; None where it names none.

    A missing one and someone else's are NotFound alike.
    """
    named = request.POST.get("load") or request.GET.get("load")
    try:
        number = UUID(named) if named else None
    except ValueError:
        return None
    return submission_get(owner_id=request.user.pk, submission_id=number) if number else None


def fields_of(submission: Submission) -> dict[str, Any]:
    """Return a form's initial fields: what was said before, with what was suggested since."""
    fields = Asked.of(submission).as_fields()
    if submission.suggestion and submission.error_option in fields:
        fields[submission.error_option] = submission.suggestion
    return fields


def submissions_sent(*, request: HtmxHttpRequest, form: UploadForm) -> list[Submission]:
    """Hold the files of a valid form, and have them loaded if it asks for that.

    Of several files each is a submission of its own, called as its file. Raises a FairdbError where
    one cannot be held or loaded; that is on record as a load that came to nothing.
    """
    owner, asked = request.user, form.as_asked()
    if form.held:  # the form does not show which columns were left out
        before = Asked.of(form.held)
        asked = replace(asked, leave_out=before.leave_out)
        # what is typed names columns by their labels; places left out are those of one header
        asked = replace(asked, header=before.header if before.leave_out else "")
    files, key = form.cleaned_data["files"], form.cleaned_data["submission"]
    replaces = form.cleaned_data["replaces"]
    if not asked.title:
        asked = replace(asked, title=title_of_next(owner.pk, replaces, files[0].name))
    try:
        sent = [
            submission_draft(
                owner=owner,
                uploaded=file,
                asked=replace(asked, title=title_from(file.name)) if len(files) > 1 else asked,
                key=uuid5(key, str(number)) if key and number else key,
                replaces=replaces,
                request=request,
            )
            for number, file in enumerate(files)
        ]
        if form.cleaned_data["at_once"]:
            for one in sent:
                submission_start(owner_id=owner.pk, submission_id=one.pk)
        return sent
    except FairdbError as error:
        audit.record(
            AuditAction.DATASET_LOADED,
            actor=owner.pk,
            outcome=audit.outcome_of(error),
            request=request,
        )
        raise
