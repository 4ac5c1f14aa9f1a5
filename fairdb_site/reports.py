"""What Django shows where a request fails outside of every view: our pages, in debug mode too.

The embedded default runs in debug mode, and people try it. Django's own debug pages list settings,
paths of the server and what was sent, to whoever asked. They, and Django's handlers outside of
debug mode, parse a request that cannot be parsed once more and fail over it, so nothing here looks
at more of the request than its headers. The log has the traceback.
"""

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from fairdb_site.http import is_htmx

NOT_UNDERSTOOD = "This request could not be understood."
OUR_MISTAKE = "Something on our side went wrong. It has been written down; please try again."


class PlainReport(ExceptionReporter):
    """The page for a request that could not be understood, or for a mistake of ours."""

    @property
    def is_theirs(self) -> bool:
        """Whether the request was at fault, which Django answers with 400."""
        theirs = SuspiciousOperation, BadRequest, MultiPartParserError
        return isinstance(self.exc_value, theirs)

    def get_traceback_html(self) -> SafeString:
        """Return the page."""
        if isinstance(self.exc_value, RequestDataTooBig):
            return _too_much(self.request)
        return _page("400.html" if self.is_theirs else "500.html")

    def get_traceback_text(self) -> SafeString:
        """Return the sentence for a client that takes no HTML."""
        if isinstance(self.exc_value, RequestDataTooBig):
            return SafeString(too_much_typed())
        return SafeString(NOT_UNDERSTOOD if self.is_theirs else OUR_MISTAKE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what could not be understood (handler400)."""
    too_much = isinstance(exception, RequestDataTooBig)
    return HttpResponse(_too_much(request) if too_much else _page("400.html"), status=400)


def too_much_typed() -> str:
    """Say how much may be typed into the fields of a form."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20
    return f"The fields of a form take up to {most} MiB. Send it as a file, or in pieces."


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a mistake of ours (handler500)."""
    return HttpResponse(_page("500.html"), status=500)


def _too_much(request: HttpRequest | None) -> SafeString:
    if request is not None and is_htmx(request):
        return _page("_error.html", message=too_much_typed())
    return _page("400.html", too_much=too_much_typed())


def _page(template: str, **context: str) -> SafeString:
    return SafeString(get_template(template).render(context))
