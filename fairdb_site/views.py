"""Pages of the platform itself: the front page, and the answer to a form that no longer counts."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import retarget

from fairdb_site.errors import Forbidden
from fairdb_site.http import error_response, is_htmx, wants_json


@login_not_required
@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Say what this is and what works today; open to everyone."""
    return render(
        request,
        "landing.html",
        {
            "registration": settings.FAIRDB_REGISTRATION,
            "max_columns": settings.FAIRDB_MAX_COLUMNS,
            "max_upload_bytes": settings.FAIRDB_MAX_UPLOAD_BYTES,
        },
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF token is missing or stale; `reason` is Django's, for the log.

    What was typed is never kept here: whoever sent it may be another site. A form sent by HTMX
    stays in its page as it is, and is given a token that counts.
    """
    if wants_json(request):
        return error_response(request, Forbidden("The form was too old. Load it again."))
    if is_htmx(request):
        above = retarget(render(request, "_stale_form.html", status=403), "#main")
        above["HX-Reswap"] = "afterbegin show:#main:top"
        return above
    return render(request, "403_csrf.html", status=403)
