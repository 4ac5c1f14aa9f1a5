"""What the page that describes a dataset takes."""

import csv
import json
import re
from collections.abc import Mapping
from typing import Any, cast

from django import forms

from datasets.browse.query import csv_line
from datasets.browse.shown import Dataset
from datasets.describing.licences import LICENCES
from datasets.describing.limits import (
    LONGEST_COLUMN,
    LONGEST_DESCRIPTION,
    LONGEST_KEYWORD,
    LONGEST_LICENCE,
    LONGEST_ORIGIN,
    LONGEST_UNIT,
    MOST_KEYWORDS,
)
from datasets.rpc.describing import ColumnWords, DatasetWords
from datasets.titles import LONGEST_TITLE, title_told, visible
from fairdb_site.errors import Refused

OTHER = "other"
_POSITION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class SeenField(forms.Field):
    """What was seen before it was changed, as JSON in a hidden field; an object."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> Any:
        """Return the object; what is none did not come from our page."""
        try:
            seen = json.loads(value or "")
            json.dumps(seen, ensure_ascii=False, allow_nan=False).encode()  # else no JSON to others
        except (ValueError, RecursionError):
            seen = None
        if not isinstance(seen, dict):
            raise forms.ValidationError("Open the page anew: this form is not whole.")
        return seen


class WordsForm(forms.Form):
    """What a dataset is: title, description, origin, keywords, licence."""

    title = forms.CharField(label="Title", max_length=LONGEST_TITLE)
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=LONGEST_DESCRIPTION,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What a colleague needs to know to read this table.",
    )
    origin = forms.CharField(
        label="Origin",
        required=False,
        max_length=LONGEST_ORIGIN,
        help_text="A study, a registry, an accession number.",
    )
    keywords = forms.CharField(
        label="Keywords",
        required=False,
        max_length=MOST_KEYWORDS * (LONGEST_KEYWORD + 3),
        help_text="With commas between, such as gut, 16S, cohort.",
    )
    licence = forms.ChoiceField(
        label="Licence",
        required=False,
        choices=[("", "None given"), *LICENCES.items(), (OTHER, "Another, written below")],
        help_text="Who may do what with it, once you hand it on.",
    )
    other_licence = forms.CharField(
        label="Another licence",
        required=False,
        max_length=LONGEST_LICENCE,
        help_text="Its identifier or address, or a sentence: “After asking the study's committee”.",
    )
    seen = SeenField()

    @classmethod
    def of(cls, dataset: Dataset) -> "WordsForm":
        """Return the form as the dataset is described now."""
        is_known = dataset.licence in LICENCES or not dataset.licence
        return cls(
            initial={
                "title": dataset.title,
                "description": dataset.description,
                "origin": dataset.origin,
                "keywords": ", ".join(csv_line([word]) for word in dataset.keywords),
                "licence": dataset.licence if is_known else OTHER,
                "other_licence": "" if is_known else dataset.licence,
                "seen": json.dumps(words_of(dataset)),
            }
        )

    def clean_title(self) -> str:
        """Return the title as it is kept."""
        try:
            return title_told(self.cleaned_data["title"])
        except Refused as error:
            raise forms.ValidationError(error.message) from None

    def clean_keywords(self) -> list[str]:
        """Return the keywords, each once, as one line of CSV gives them."""
        line = " ".join(self.cleaned_data["keywords"].split())
        found = next(csv.reader([line], skipinitialspace=True), [])
        words = list(dict.fromkeys(word for each in found if (word := visible(each).strip())))
        if len(words) > MOST_KEYWORDS or any(len(word) > LONGEST_KEYWORD for word in words):
            raise forms.ValidationError(
                f"At most {MOST_KEYWORDS} keywords of {LONGEST_KEYWORD} characters each."
            )
        return words

    def clean(self) -> dict[str, Any]:
        """Ask for the licence where it is another one."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("licence") == OTHER and not cleaned.get("other_licence"):
            self.add_error("other_licence", "Write which licence it is.")
        for error in self.errors.get("seen", []):  # of a field that is hidden
            self.add_error(None, error)
        return cleaned

    @property
    def words(self) -> DatasetWords:
        """What was typed."""
        cleaned = self.cleaned_data
        is_other = cleaned["licence"] == OTHER
        return DatasetWords(
            title=cleaned["title"],
            description=cleaned["description"].replace("\r\n", "\n"),
            origin=cleaned["origin"],
            licence=cleaned["other_licence"] if is_other else cleaned["licence"],
            keywords=cleaned["keywords"],
        )

    def tell_overtaken(self, now: Dataset) -> None:
        """Say at each field what somebody wrote meanwhile; what was typed stays."""
        seen = self.cleaned_data["seen"]
        for name, word in words_of(now).items():
            if name in seen and seen[name] != word:
                there = csv_line(word) if isinstance(word, list) else str(word)
                field = "other_licence" if name == "licence" and there not in LICENCES else name
                self.add_error(
                    field, f"Meanwhile somebody wrote “{there[:500]}”. Save again to replace it."
                )
        self.data = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        self.data["seen"] = json.dumps(words_of(now))  # type: ignore[index]


def words_of(dataset: Dataset) -> DatasetWords:
    """Return what describes a dataset now."""
    return DatasetWords(
        title=dataset.title,
        description=dataset.description,
        origin=dataset.origin,
        licence=dataset.licence,
        keywords=list(dataset.keywords),
    )


class ColumnsForm(forms.Form):
    """Descriptions and units typed beside some columns; `seen` maps positions to what was there."""

    q = forms.CharField(required=False, max_length=500)
    after = forms.IntegerField(required=False, min_value=0, max_value=10**9)
    seen = SeenField()

    @property
    def typed(self) -> dict[int, ColumnWords]:
        """What was typed, by position, for every column that was listed."""
        return {
            int(position): ColumnWords(
                description=self._text(f"description-{position}"),
                unit=self._text(f"unit-{position}"),
            )
            for position in self.cleaned_data["seen"]
            if _POSITION.fullmatch(position) and f"description-{position}" in self.data
        }

    @property
    def before(self) -> dict[int, ColumnWords]:
        """What was there when the page was opened."""
        seen = self.cleaned_data["seen"].items()
        return {
            int(position): cast("ColumnWords", words)
            for position, words in seen
            if _POSITION.fullmatch(position) and isinstance(words, dict)
        }

    @property
    def changed(self) -> dict[int, ColumnWords]:
        """What was typed that is not as it was."""
        before = self.before
        return {p: words for p, words in self.typed.items() if words != before.get(p)}

    @property
    def faults(self) -> dict[int, str]:
        """What is too long, by position."""
        return {
            position: f"At most {LONGEST_COLUMN:,} characters, and {LONGEST_UNIT} for the unit."
            for position, words in self.changed.items()
            if len(words["description"]) > LONGEST_COLUMN or len(words["unit"]) > LONGEST_UNIT
        }

    def _text(self, name: str) -> str:
        text = str(self.data.get(name, "")).replace("\r\n", "\n").replace("\x00", "")
        return text.strip()


class DictionaryForm(forms.Form):
    """How the data dictionary is wanted as CSV."""

    harmless = forms.BooleanField(
        label="Make cells harmless that a spreadsheet would run",
        required=False,
        initial=True,
        help_text=(
            "Texts that begin like a formula (= + - @) get an apostrophe before them. Switch it "
            "off for a program, or to fill the dictionary in and paste it back."
        ),
    )


class PastedForm(forms.Form):
    """A data dictionary that is pasted; `described` is when the dataset last was, as seen."""

    dictionary = forms.CharField(
        label="Data dictionary",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"}),
        help_text=(
            "One line for each column: label, description, unit. Or what a first line names, as in "
            "the dictionary that you download here. An empty cell leaves what is there."
        ),
        error_messages={"required": "Paste at least one line."},
    )
    described = forms.CharField(required=False, widget=forms.HiddenInput, max_length=50)

    def tell_overtaken(self, now: Dataset, message: str) -> None:
        """Say that somebody was first; sent again, what was typed takes over."""
        self.add_error("dictionary", message)
        self.data = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        self.data["described"] = now.described_at  # type: ignore[index]


def as_json(seen: Mapping[int, ColumnWords]) -> str:
    """Write what is there now for the hidden field of a form."""
    return json.dumps({str(position): words for position, words in seen.items()})
