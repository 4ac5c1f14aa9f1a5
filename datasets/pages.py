"""What views of datasets share: fields of addresses, and one view for page and fragment."""

from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from fairdb_site.http import HtmxHttpRequest, is_htmx


def valid(form: Form) -> dict[str, Any]:
    """Return the fields of an address that make sense; the others are passed over."""
    form.is_valid()
    return form.cleaned_data


def page_or_fragment(
    request: HtmxHttpRequest, page: str, fragment: str, context: dict[str, Any]
) -> HttpResponse:
    """Answer with the fragment where HTMX asks, else with the page that includes it."""
    return vary(render(request, fragment if is_htmx(request) else page, context))


def vary(response: HttpResponse) -> HttpResponse:
    """Mark an answer that is a page or a fragment, so that no cache takes one for the other."""
    patch_vary_headers(response, ["HX-Request"])
    return response
