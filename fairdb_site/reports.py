"""What Django shows where a request fails outside of every view: our pages, in debug mode too.

The embedded default runs in debug mode, and people try it. Django's own debug pages list settings,
paths of the server and what was sent, to whoever asked. They, and Django's handlers outside of
debug mode, parse a request that cannot be parsed once more and fail over it, so nothing here looks
at the request. The log has the traceback.
"""

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

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
        return _page("400.html" if self.is_theirs else "500.html")

    def get_traceback_text(self) -> SafeString:
        """Return the sentence for a client that takes no HTML."""
        return SafeString(NOT_UNDERSTOOD if self.is_theirs else OUR_MISTAKE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what could not be understood (handler400)."""
    return HttpResponse(_page("400.html"), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a mistake of ours (handler500)."""
    return HttpResponse(_page("500.html"), status=500)


def _page(template: str) -> SafeString:
    return SafeString(get_template(template).render())
