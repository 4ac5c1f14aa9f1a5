"""The page on how identifying a dataset is, and what is chosen for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from datasets import selectors
from datasets.browse.shown import Dataset
from datasets.templatetags.fairdb import times
from fairdb_site.errors import Conflict, FairdbError, NotFound, Refused, SignInRequired
from fairdb_site.http import HtmxHttpRequest, is_htmx
from privacy import rpc
from privacy.abundances import taxa_count
from privacy.measures.taxa import FEWEST_TAXA
from privacy.pages import shown
from privacy.pages.forms import (
    ROLES,
    ROLES_EXPLAINED,
    PatternForm,
    RolesForm,
    SuggestedForm,
    ThresholdsForm,
)
from privacy.pages.roles import RolesPlace, roles_context
from privacy.pages.sentences import MODELS
from privacy.populations import population_places, populations_listed
from privacy.services import choices_kept
from privacy.suggestions import roles_suggest

MOST_SUGGESTED = 200


@require_safe
def report(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show the verdict and the figures, or roles to begin with where none is chosen."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    return _page(request, dataset)


@require_POST
def take_suggestions(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Give columns the roles that were suggested and ticked."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    form = SuggestedForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused("Open the page anew: this form is not whole.")
        roles = form.roles
        if not roles:
            raise Refused("Tick one column at least.")
        changed = rpc.set_privacy_roles(
            request.supabase, dataset.id, roles, seen=form.cleaned_data["seen"]
        )
    except (NotFound, SignInRequired):
        raise
    except FairdbError as error:
        return _page(request, dataset, refusal=error.message, status=_status(error))
    messages.success(request, f"{times(changed, 'column')} given a role.")
    return redirect("privacy:report", dataset.id)


@require_POST
def thresholds(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Store the thresholds; the figures follow, in place where HTMX asks."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    owner_id = request.user.pk
    candidates = populations_listed(owner_id=owner_id, dataset_id=dataset.id)
    form = ThresholdsForm(request.POST, candidates=candidates)
    status = 422
    if form.is_valid():
        try:
            _require_columns(owner_id, dataset, form.cleaned_data["population_dataset"])
            rpc.set_privacy_thresholds(
                request.supabase, dataset.id, form.thresholds, seen=form.cleaned_data["seen"]
            )
        except (NotFound, SignInRequired):
            raise
        except FairdbError as error:
            about = "population_dataset" if error.option == "population_table" else None
            form.add_error(about, error.message)
            status = _status(error)
            if isinstance(error, Conflict):  # sent again, what was typed takes over
                form.data = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict
                form.data["seen"] = shown.changed_at(  # type: ignore[index]
                    owner_id=owner_id, dataset_id=dataset.id
                )
        else:
            if is_htmx(request):
                return _page(request, dataset)
            messages.success(request, "The thresholds are stored.")
            return redirect("privacy:report", dataset.id)
    return _page(request, dataset, form=form, status=status)


def _require_columns(owner_id: UUID, dataset: Dataset, population_id: UUID | None) -> None:
    """Refuse a population that lacks a column before it is stored; NotFound for another's."""
    if population_id is None:
        return
    kept = choices_kept(owner_id=owner_id, dataset_id=dataset.id)
    population_places(
        owner_id=owner_id,
        labels=kept.labels,
        positions=kept.roles.quasi_identifiers,
        population_id=population_id,
    )


@require_safe
def combinations(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show what every combination of a few quasi-identifiers singles out."""
    return _asked_for_itself(request, dataset_id, "sweep", shown.sweep_shown)


@require_safe
def taxa(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show how many taxa of a table of abundances single people out."""
    return _asked_for_itself(request, dataset_id, "taxa", shown.taxa_shown)


def _asked_for_itself(
    request: HtmxHttpRequest, dataset_id: UUID, name: str, make: Callable[..., object]
) -> HttpResponse:
    """Show a part of the report that takes longer: a page of its own, or swapped in by HTMX."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    context: dict[str, Any] = {"dataset": dataset}
    try:
        context[name] = make(owner_id=request.user.pk, dataset_id=dataset.id)
        audit.rows_read(request, dataset.id)
    except (NotFound, SignInRequired):
        raise
    except FairdbError as error:
        context["refusal"] = error.message
    part = f"privacy/_{name}.html" if is_htmx(request) else f"privacy/{name}.html"
    answer = render(request, part, context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def roles(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Show columns with their roles; on POST, store those chosen beside the columns listed."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    if request.method != "POST":
        return _roles_page(request, dataset, RolesPlace.of(request.GET))
    form = RolesForm(request.POST)
    place = RolesPlace.of(request.POST)
    if not form.is_valid():
        return _roles_page(request, dataset, place, refusal=_first_error(form), status=422)
    try:
        changed = rpc.set_privacy_roles(
            request.supabase, dataset.id, form.changed, expected=form.before
        )
    except (NotFound, SignInRequired):
        raise
    except FairdbError as error:
        return _roles_page(
            request, dataset, place, typed=form, refusal=error.message, status=_status(error)
        )
    return _roles_stored(request, dataset, place, changed)


@require_POST
def roles_by_pattern(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Give one role to all columns that names and patterns name."""
    dataset = selectors.dataset_ready(supabase=request.supabase, dataset_id=dataset_id)
    form = PatternForm(request.POST)
    place, status = RolesPlace(), 422
    if form.is_valid():
        kept = choices_kept(owner_id=request.user.pk, dataset_id=dataset.id)
        try:
            chosen = form.roles(kept.labels, kept.roles.id_position)
            changed = rpc.set_privacy_roles(
                request.supabase, dataset.id, chosen, seen=form.cleaned_data["seen_at"]
            )
        except (NotFound, SignInRequired):
            raise
        except FairdbError as error:
            form.add_error("columns", error.message)
            status = _status(error)
            if isinstance(error, Conflict):
                form.data = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict
                form.data["seen_at"] = shown.changed_at(  # type: ignore[index]
                    owner_id=request.user.pk, dataset_id=dataset.id
                )
        else:
            return _roles_stored(request, dataset, place, changed)
    return _roles_page(request, dataset, place, pattern=form, status=status)


def _roles_stored(
    request: HtmxHttpRequest, dataset: Dataset, place: RolesPlace, changed: int
) -> HttpResponse:
    said = f"{times(changed, 'role')} changed." if changed else "Nothing was changed."
    if is_htmx(request):
        return _roles_page(request, dataset, place, said=said)
    messages.success(request, said)
    query = urlencode({name: value for name, value in place.query.items() if value})
    page = resolve_url("privacy:roles", dataset.id)
    return redirect(f"{page}?{query}" if query else page)


def _roles_page(
    request: HtmxHttpRequest,
    dataset: Dataset,
    place: RolesPlace,
    *,
    typed: RolesForm | None = None,
    pattern: PatternForm | None = None,
    refusal: str = "",
    said: str = "",
    status: int = 200,
) -> HttpResponse:
    seen_at = shown.changed_at(owner_id=request.user.pk, dataset_id=dataset.id)
    context = roles_context(
        supabase=request.supabase,
        owner_id=request.user.pk,
        dataset=dataset,
        place=place,
        typed=typed,
    )
    context |= {
        "dataset": dataset,
        "report": shown.report_shown(
            owner_id=request.user.pk, dataset_id=dataset.id, in_full=False
        ),
        "pattern": pattern or PatternForm(initial={"seen_at": seen_at}),
        "roles": list(ROLES.items()),
        "roles_explained": ROLES_EXPLAINED,
        "refusal": refusal,
        "said": said,
    }
    if place.suggest or context["report"].made:
        audit.rows_read(request, dataset.id)
    part = "privacy/_roles.html" if is_htmx(request) else "privacy/roles.html"
    answer = render(request, part, context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _page(
    request: HtmxHttpRequest,
    dataset: Dataset,
    *,
    form: ThresholdsForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    owner_id = request.user.pk
    seen = shown.changed_at(owner_id=owner_id, dataset_id=dataset.id)
    context: dict[str, Any] = {
        "dataset": dataset,
        "refusal": refusal,
        "seen": seen,
        "models_explained": MODELS,
        "roles_explained": ROLES_EXPLAINED,
        "has_taxa": taxa_count(owner_id=owner_id, dataset_id=dataset.id) >= FEWEST_TAXA,
    }
    if shown.has_roles(owner_id=owner_id, dataset=dataset):
        kept = choices_kept(owner_id=owner_id, dataset_id=dataset.id)
        context["report"] = shown.report_shown(owner_id=owner_id, dataset_id=dataset.id)
        candidates = populations_listed(owner_id=owner_id, dataset_id=dataset.id)
        context["form"] = form or ThresholdsForm.of(kept.rules, seen, candidates)
    else:
        found = roles_suggest(owner_id=owner_id, dataset_id=dataset.id)
        context["suggestions"] = [
            (one, ROLES[one.role], f"{one.position}:{one.role}") for one in found[:MOST_SUGGESTED]
        ]
        context["suggested"] = len(found)
        context["form"] = form
    audit.rows_read(request, dataset.id)
    made = context["report"].made if "report" in context else None
    if made and made.rules.population_dataset:
        audit.rows_read(request, made.rules.population_dataset)
    part = "privacy/_report.html" if is_htmx(request) else "privacy/report.html"
    answer = render(request, part, context, status=status)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _status(error: FairdbError) -> int:
    return error.status if error.status != Refused.status else 422


def _first_error(form: RolesForm) -> str:
    return next(str(errors[0]) for errors in form.errors.values())
