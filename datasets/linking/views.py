"""The page on which a researcher's raw ids become their own pseudonyms."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods

from accounts import audit, limits
from accounts.limits import Limit
from accounts.models import AuditAction
from datasets.linking.forms import IdsForm
from datasets.linking.pseudonyms import Linked, csv_pieces, ids_pseudonymize
from datasets.linking.uploads import MOST_BYTES, too_large
from fairdb_site.errors import FairdbError, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx, memory_only

MOST_IDS = 10_000
"""Different ids that are taken at once; with their pseudonyms they make a page of about 2 MB."""

SHOWN = 500
"""Pairs that are drawn on the page; the CSV has all."""


@memory_only
@require_http_methods(["GET", "HEAD", "POST"])
def pseudonyms(request: HtmxHttpRequest) -> HttpResponse:
    """Show the form; on POST, answer with the pseudonyms, as a table or (`csv`) as a file.

    Ids come in the body of a POST alone, never in an address. They are neither stored nor logged,
    and no answer that holds them may be (`Cache-Control: no-store`).
    """
    if request.method != "POST":
        return _page(request, {"form": IdsForm()})
    form = IdsForm(request.POST, request.FILES, too_large=too_large(request))
    status = 422
    if form.is_valid():
        try:
            limits.require(Limit.IDS, request=request)
            with audit.trail(AuditAction.IDS_LINKED, actor=request.user.pk, request=request):
                linked = ids_pseudonymize(
                    owner_id=request.user.pk,
                    ids=form.given_ids(),
                    most=MOST_IDS,
                    most_bytes=MOST_BYTES,
                )
        except SignInRequired:
            raise
        except FairdbError as error:
            form.refuse(error)
            status = error.status
        else:
            if "csv" in request.POST:
                return _csv(linked)
            return _page(request, _shown(linked, is_list=form.is_list) | {"form": IdsForm()})
    return _page(request, {"form": form}, status=status)


def _shown(linked: Linked, *, is_list: bool) -> dict[str, Any]:
    return {
        "linked": linked,
        "pairs": [pair for pair, _ in zip(linked.pairs, range(SHOWN), strict=False)],
        "all_ids": "\n".join(linked.ids),
        "like_cells": linked.like_cells if is_list else 0,
    }


def _csv(linked: Linked) -> HttpResponse:
    answer = HttpResponse(csv_pieces(linked), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="pseudonyms.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def _page(request: HtmxHttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    template = "datasets/_pseudonyms.html" if is_htmx(request) else "datasets/pseudonyms.html"
    answer = render(request, template, context | {"most": MOST_IDS}, status=status)
    answer["Cache-Control"] = "no-store"
    patch_vary_headers(answer, ["HX-Request"])
    return answer
