"""The page that deletes a dataset, once its name was typed."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from accounts import audit
from accounts.models import AuditAction
from datasets import selectors, services
from datasets.models import Change
from datasets.templatetags.fairdb import times
from datasets.titles import is_same_title
from fairdb_site.http import HtmxHttpRequest


class NameForm(forms.Form):
    """The name of what is to go, typed once more."""

    name = forms.CharField(
        label="Its title, to be sure",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type the title of the dataset, or keep it."},
    )

    def __init__(self, *args: Any, title: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = title

    def clean_name(self) -> str:
        """Refuse what is not its title."""
        name: str = self.cleaned_data["name"]
        if not is_same_title(name, self.title):
            raise forms.ValidationError("This is not its title. Nothing was deleted.")
        return name


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    """Ask for a dataset's title; on POST, delete it and say what went."""
    dataset = selectors.dataset_get(supabase=request.supabase, dataset_id=dataset_id)
    form = NameForm(request.POST if request.method == "POST" else None, title=dataset.title)
    if not form.is_valid():
        context = {
            "dataset": dataset,
            "form": form,
            "changes": Change.objects.filter(
                dataset=dataset.id, dataset__user_id=request.user.pk
            ).count(),
        }
        status = 422 if form.is_bound else 200
        return render(request, "datasets/delete.html", context, status=status)
    with audit.trail(
        AuditAction.DATASET_DELETED, actor=request.user.pk, request=request, dataset=dataset_id
    ):
        gone = services.dataset_delete(owner_id=request.user.pk, dataset_id=dataset_id)
    messages.success(
        request,
        format_html(
            "<bdi>“{}”</bdi> is deleted: {} of {}, {} that held them, and {} kept of it.",
            gone.title,
            times(gone.rows, "row"),
            times(gone.columns, "column"),
            times(gone.parts, "table"),
            times(gone.changes, "correction"),
        ),
    )
    return redirect("datasets:dashboard")
