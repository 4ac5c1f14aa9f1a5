"""Pages of the platform itself: the front page, and the answer to a form that no longer counts."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


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
    """Answer a form whose CSRF token is missing or stale; `reason` is Django's, for the log."""
    return render(request, "403_csrf.html", status=403)
