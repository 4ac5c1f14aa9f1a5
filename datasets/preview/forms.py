"""What the page of a preview sends: how to read the file, and what becomes of the columns listed.

One form holds all of it, so that nothing that was ticked is lost by any of its buttons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, cast

from django import forms
from django.http import QueryDict

from datasets.browse.column_choice import Width, read_positions
from datasets.browse.id_chooser import LONGEST_SHEET
from datasets.forms import DELIMITERS, ENCODINGS, FileForm, PositionsField
from datasets.ingest.choosing import Labels, type_named
from datasets.ingest.datatypes import DATA_TYPES
from datasets.ingest.notation import NOTATION_WORDS, NOTATIONS, ReadAs
from datasets.ingest.profile import column_position
from datasets.loading.asked import Asked, line_of, words_of
from datasets.titles import LONGEST_TITLE
from fairdb_site.errors import Conflict, Refused

from .choices import Choices
from .listing import COLUMNS_A_PAGE, FILTERS
from .marks import MARKS, Mark

LEAVE_OUT, TAKE, AS_FOUND = "leave_out", "take", "as_found"
PATTERN_ACTIONS: Final = [
    (LEAVE_OUT, "leave out"),
    (TAKE, "take"),
    *((name, f"type {name}") for name in DATA_TYPES),
    *((name, f"read as {words}") for name, words in NOTATION_WORDS.items()),
    (AS_FOUND, "type as found"),
]
MORE_ENCODINGS: Final = [
    *ENCODINGS,
    ("cp1250", "Windows-1250 (Central European)"),
    ("iso8859-2", "ISO-8859-2 (Central European)"),
    ("iso8859-15", "ISO-8859-15 (Latin-9)"),
    ("cp1251", "Windows-1251 (Cyrillic)"),
    ("cp1253", "Windows-1253 (Greek)"),
    ("cp1254", "Windows-1254 (Turkish)"),
    ("mac-roman", "Mac Roman"),
    ("cp850", "DOS, code page 850"),
    ("gb18030", "GB 18030 (Chinese)"),
    ("shift_jis", "Shift JIS (Japanese)"),
    ("euc_kr", "EUC-KR (Korean)"),
]
LONGEST_PATTERN: Final = 500
_OTHER_HEADER: Final = (
    "Read in this way the file has other columns than this form was made for, so nothing of it was "
    "taken. Read the file again, then choose among its columns."
)
_LONGEST_LISTED: Final = 4_000  # 200 places
_TYPE: Final = re.compile(r"type-([1-9][0-9]{0,6})", re.ASCII)


class PreviewForm(FileForm):
    """How a file is to be read and called, and what is chosen about its columns.

    `listed` are the columns whose ticks and types the form holds, `header` a digest of the labels
    it was made for. `do` is the button that sent it.
    """

    title = forms.CharField(label="Title", max_length=LONGEST_TITLE)
    delimiter = forms.ChoiceField(label="Delimiter", required=False, choices=DELIMITERS)
    encoding = forms.ChoiceField(label="Encoding", required=False, choices=MORE_ENCODINGS)
    sheet = forms.CharField(label="Sheet", required=False, max_length=LONGEST_SHEET)
    id_column = forms.CharField(
        label="Id column",
        required=False,
        max_length=10_000,
        help_text="Whose row it is. Its values become pseudonyms before anything is stored.",
    )
    number_rows = forms.BooleanField(required=False)
    missing = forms.CharField(
        label="Other words for missing",
        required=False,
        max_length=10_000,
        help_text="Apart from an empty cell and what is ticked, with commas between: NA, ?, -.",
    )
    mark = forms.MultipleChoiceField(required=False, choices=[(mark, mark) for mark in MARKS])
    header = forms.CharField(required=False, max_length=64)
    listed = forms.CharField(required=False, max_length=_LONGEST_LISTED)
    leave = PositionsField(required=False)
    pattern = forms.CharField(required=False, max_length=LONGEST_PATTERN, strip=False)
    pattern_do = forms.ChoiceField(required=False, choices=PATTERN_ACTIONS)
    q = forms.CharField(required=False, max_length=500)
    show = forms.ChoiceField(required=False, choices=[(name, name) for name in FILTERS])
    after = forms.IntegerField(required=False, min_value=0, max_value=10**7)
    do = forms.CharField(required=False, max_length=20)
    go = forms.IntegerField(required=False, min_value=0, max_value=10**7)

    def tick(self, marks: Sequence[Mark]) -> list[tuple[Mark, bool]]:
        """Return which of these marks are ticked; those that were typed leave the field of words.

        Of a form whose words were refused everything stays where it was.
        """
        if self.is_bound and not {"mark", "missing"} <= self.cleaned_data.keys():
            sent = cast("QueryDict", self.data).getlist("mark")
            return [(mark, mark.text in sent) for mark in marks]
        said = self.cleaned_data if self.is_bound else self.initial
        named = (*said["mark"], *said["missing"]) if self.is_bound else words_of(said["missing"])
        listed = {mark.text for mark in marks}
        others = line_of(tuple(word for word in dict.fromkeys(named) if word not in listed))
        if self.is_bound:
            data = cast("QueryDict", self.data).copy()
            data["missing"] = others
            self.data = data
        else:
            self.initial = {**self.initial, "missing": others}
        return [(mark, mark.text in named) for mark in marks]

    def asked(self, before: Asked) -> Asked:
        """Return what was asked before with what the form says of the file as a whole."""
        said = self.cleaned_data
        return replace(
            before,
            title=said["title"],
            description=said["description"].strip(),
            origin=said["origin"].strip(),
            delimiter=said["delimiter"] or None,
            encoding=said["encoding"] or None,
            sheet=said["sheet"] or None,
            missing=tuple(dict.fromkeys((*said["mark"], *said["missing"]))),
            skip_bad_rows=said["skip_bad_rows"],
        )

    def choices(self, before: Choices, labels: Sequence[str]) -> Choices:
        """Return the choices with what the form says of the columns it was made for.

        Raises Refused for an id column or a pattern that names none, Conflict where the form was
        made for other columns, unless it asks but for the file to be read again.
        """
        said = self.cleaned_data
        if said["header"] != before.header:
            if said["do"] == "read":  # to see the columns, which the form does not know yet
                return before
            raise Conflict(_OTHER_HEADER)
        named = said["id_column"]
        if said["number_rows"]:
            chosen = before.with_row_numbers()
        else:
            chosen = replace(before, number_rows=False)
            chosen = chosen.with_id(column_position(labels, named) if named else None)
        listed = set(read_positions(said["listed"], Width(len(labels), None), most=COLUMNS_A_PAGE))
        ticked = listed.intersection(said["leave"])
        chosen = chosen.with_left_out(listed - ticked, leave_out=False)
        chosen = chosen.with_left_out(ticked, leave_out=True)
        for data_type, places in self._types(listed).items():
            chosen = chosen.with_types(places, data_type)
        if said["do"] == "pattern":
            return self._by_pattern(chosen, labels)
        return chosen

    def _by_pattern(self, chosen: Choices, labels: Sequence[str]) -> Choices:
        pattern = self.cleaned_data["pattern"].strip()
        if not pattern:
            raise Refused("Write a pattern, such as age*.", option="pattern")
        places = Labels(labels).named(pattern, option="pattern")
        action = self.cleaned_data["pattern_do"] or LEAVE_OUT
        if action in {LEAVE_OUT, TAKE}:
            return chosen.with_left_out(places, leave_out=action == LEAVE_OUT)
        return chosen.with_types(places, None if action == AS_FOUND else type_named(action))

    def _types(self, listed: set[int]) -> dict[ReadAs | None, list[int]]:
        """Return the types of the listed columns; None for those that are to be as found."""
        found: dict[ReadAs | None, list[int]] = {}
        for name, value in self.data.items():
            if match := _TYPE.fullmatch(name):
                place = int(match[1])
                if place in listed and value in {"", *DATA_TYPES, *NOTATIONS}:
                    data_type = type_named(str(value)) if value else None
                    found.setdefault(data_type, []).append(place)
        return found
