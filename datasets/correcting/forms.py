"""What the pages of corrections take."""

import re
from collections.abc import Mapping

from django import forms
from django.http import QueryDict

from datasets.correcting.services import COLUMNS_A_PAGE, Typed
from fairdb_site.errors import Refused

_FIELD = re.compile(r"c([1-9][0-9]{0,8})", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", re.ASCII)
BIGGEST_ROW = 2**63 - 1
ROWS_AT_ONCE = 500


class RowForm(forms.Form):
    """Which columns of a row are shown: those after a position whose name has the search in it."""

    q = forms.CharField(required=False, max_length=200)
    after = forms.IntegerField(required=False, min_value=0, max_value=10**9)


class HistoryForm(forms.Form):
    """Where in the history a page begins."""

    before = forms.IntegerField(required=False, min_value=1, max_value=BIGGEST_ROW)


class DeleteRowsForm(forms.Form):
    """Rows to delete, by their numbers."""

    rows = forms.CharField(
        label="Rows",
        max_length=4_000,
        help_text="Their numbers, and ranges of them: 12, 40-45. At most 500 at once.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text"}),
        error_messages={"required": "Say which rows."},
    )

    def clean_rows(self) -> list[int]:
        """Return the numbers."""
        found: set[int] = set()
        for part in self.cleaned_data["rows"].replace(",", " ").split():
            said = _RANGE.fullmatch(part)
            if said is None:
                raise forms.ValidationError(
                    f"{part[:40]!r} is no row. Write numbers and ranges, such as 12, 40-45."
                )
            first, last = int(said[1]), int(said[2] or said[1])
            if last - first >= ROWS_AT_ONCE or len(found) + last - first >= ROWS_AT_ONCE:
                raise forms.ValidationError(f"Delete at most {ROWS_AT_ONCE} rows at once.")
            found.update(range(first, last + 1))
        if not found:
            raise forms.ValidationError("Say which rows.")
        return sorted(found)


def typed_cells(sent: QueryDict) -> Mapping[int, Typed]:
    """Return what was typed, by position: fields `c3` with the mark of what was seen, `seen3`.

    Raises Refused for a form that is not one of ours.
    """
    typed = {}
    for name in sent:
        if found := _FIELD.fullmatch(name):
            position = int(found[1])
            seen = sent.get(f"seen{position}")
            if seen is None:
                raise Refused("The form is incomplete. Open the row again and correct it there.")
            typed[position] = Typed(sent.get(name, ""), seen)
    if not 0 < len(typed) <= COLUMNS_A_PAGE:
        raise Refused("The form is incomplete. Open the row again and correct it there.")
    return typed
