"""What the page that takes a dataset out asks for."""

from typing import Any

from django import forms
from django.forms.boundfield import BoundWidget

from datasets.browse.column_choice import Width, read_choice, write_choice
from datasets.browse.query import OPERATORS, Condition
from datasets.exporting.typed import Listed
from datasets.exporting.wanted import Format, Wanted
from fairdb_site.errors import FairdbError, Refused

ALL, SOME = "all", "some"

_FORMATS = {
    Format.CSV: (
        "CSV",
        "Text with commas. All of it, with no cell changed, has the digest on the receipt.",
    ),
    Format.TSV: ("TSV", "Text with tabs between the cells."),
    Format.PARQUET: (
        "Parquet",
        "For R, Python and databases: small, and every column has its type.",
    ),
    Format.ZIP: (
        "ZIP of everything",
        "The rows as CSV, a data dictionary, what is known of the dataset, what was corrected, "
        "checksums.",
    ),
}


class ExportForm(forms.Form):
    """Which columns, which rows, in what form. Conditions come from the address of a filter."""

    format = forms.ChoiceField(
        label="Form",
        choices=[(str(form), label) for form, (label, _) in _FORMATS.items()],
        widget=forms.RadioSelect,
        initial=str(Format.CSV),
    )
    of_columns = forms.ChoiceField(
        label="Columns",
        choices=[(ALL, "All columns"), (SOME, "These columns")],
        widget=forms.RadioSelect,
        initial=ALL,
    )
    columns = forms.CharField(
        label="Names or numbers of columns",
        required=False,
        max_length=200_000,
        help_text=(
            "By their names, or their numbers on the page “Columns”, in the order wanted, with "
            'commas between: age, 1-12, 40. A name that holds a comma goes in quotes: "a,b".'
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    pseudonym = forms.BooleanField(
        label="With the pseudonym before them", required=False, initial=True
    )
    of_rows = forms.ChoiceField(
        label="Rows",
        choices=[(ALL, "All rows"), (SOME, "The rows of the filter")],
        widget=forms.RadioSelect,
        initial=ALL,
    )
    harmless = forms.BooleanField(
        label="Make cells harmless that a spreadsheet would run",
        required=False,
        initial=True,
        help_text=(
            "In CSV and TSV, texts and labels that begin like a formula (= + - @) get an "
            "apostrophe before them. Switch it off for a program that reads cells as they are."
        ),
    )
    with_parquet = forms.BooleanField(label="In the ZIP, the rows as Parquet too", required=False)

    def __init__(self, *args: Any, conditions: tuple[Condition, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conditions = conditions

    def clean(self) -> dict[str, Any]:
        """Refuse some columns where none is named, and rows of a filter where there is none."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("of_columns") == SOME and not cleaned.get("columns", "-"):
            self.add_error("columns", "Say which columns you want, or take all.")
        if cleaned.get("of_rows") == SOME and not self.conditions:
            self.add_error("of_rows", "There is no filter: set one on the page “Rows” first.")
        return cleaned

    @property
    def wanted(self) -> Wanted:
        """What was asked for, without the columns where some were named."""
        cleaned = self.cleaned_data
        return Wanted(
            format=Format(cleaned["format"]),
            positions=() if cleaned["of_columns"] == SOME else None,
            conditions=self.conditions if cleaned["of_rows"] == SOME else (),
            harmless=cleaned["harmless"],
            with_parquet=cleaned["with_parquet"],
        )

    @property
    def asked(self) -> Wanted | Listed:
        """What was asked for; named columns mean something once those of the dataset are known."""
        cleaned = self.cleaned_data
        if cleaned["of_columns"] != SOME:
            return self.wanted
        return Listed(self.wanted, cleaned["columns"], cleaned["pseudonym"])

    def refuse(self, error: FairdbError) -> None:
        """Say what refused it, at the field that may mend it where there is one."""
        field = {"columns": "columns", "where": "of_rows", "format": "format"}.get(error.option)
        self.add_error(field, error.message)

    @property
    def formats(self) -> list[tuple[BoundWidget, str]]:
        """The forms to choose from, each with what it is good for."""
        helps = [text for _, text in _FORMATS.values()]
        return list(zip(self["format"], helps, strict=True))


def in_words(condition: Condition, label: str) -> tuple[str, str, str]:
    """Return a condition as its column, what it asks, and the values."""
    return label, OPERATORS[condition.operator].words, condition.text


def initial_of(columns: str, *, has_filter: bool) -> dict[str, str]:
    """Return what is chosen to begin with, for who comes from rows on show."""
    return {
        "columns": columns,
        "of_columns": ALL,
        "of_rows": SOME if has_filter else ALL,
    }


def choice_shown(columns: str, width: Width) -> str:
    """Return the columns on show as the form has them, none where the address makes no sense."""
    try:
        return write_choice(read_choice(columns, width)) if columns else ""
    except Refused:
        return ""
