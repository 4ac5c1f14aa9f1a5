"""What the pages of datasets take: checked, and as the services want it."""

import re
from collections.abc import Mapping
from datetime import MAXYEAR, datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datasets.browse.charts import TYPES
from datasets.browse.id_chooser import LONGEST_SHEET
from datasets.ingest.notation import NOTATIONS
from datasets.loading.asked import Asked, words_of
from datasets.models import Submission
from datasets.templatetags.fairdb import size
from datasets.titles import LONGEST_TITLE, title_from
from datasets.uploads import FIRST_PIECE
from fairdb_site.errors import FairdbError

DELIMITERS = [
    ("", "Found from the file"),
    ("comma", "Comma"),
    ("tab", "Tab"),
    ("semicolon", "Semicolon"),
    ("pipe", "Pipe"),
]
ENCODINGS = [
    ("", "Found from the file"),
    ("utf-8", "UTF-8"),
    ("cp1252", "Windows-1252 (Western European)"),
    ("iso-8859-1", "ISO-8859-1 (Latin-1)"),
    ("utf-16", "UTF-16"),
]
READING = (
    "at_once",
    "id_column",
    "number_rows",
    "delimiter",
    "encoding",
    "sheet",
    "missing",
    "types",
    "skip_bad_rows",
)
"""The fields that are folded away, as they can be chosen with the file before one's eyes."""

MOST_MARKERS = 100
_POSITION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class FilesInput(forms.FileInput):
    """A field for one file or several."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One file or several, in the order they were sent; at most as many as are held at once."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        """Return the files, each of them checked."""
        clean_one = super().clean
        if not data:
            clean_one(None, initial)  # refuses, where a file is required
            return []
        return [clean_one(file, initial) for file in data]


class FileForm(forms.Form):
    """What is said of a file, when it is sent and when it is looked at."""

    description = forms.CharField(
        label="Description",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What a colleague needs to know to read this table.",
    )
    origin = forms.CharField(
        label="Origin",
        required=False,
        max_length=1_000,
        help_text="A study, a registry, an accession number.",
    )
    skip_bad_rows = forms.BooleanField(
        label="Leave out rows of the wrong width",
        required=False,
        help_text="Otherwise one row with too many or too few cells refuses the whole file.",
    )

    def clean_missing(self) -> tuple[str, ...]:
        """Return the markers, as one line of CSV gives them."""
        markers = words_of(self.cleaned_data["missing"])
        if len(markers) > MOST_MARKERS:
            raise forms.ValidationError(f"At most {MOST_MARKERS} words for missing are taken.")
        return markers


class UploadForm(FileForm):
    """A file, or several, and what it is. `submission` makes a form that is sent twice one dataset.

    The page sends the `first_piece` bytes of a chosen file ahead to have its columns listed.
    """

    first_piece = FIRST_PIECE

    file = FilesField(
        label="Table",
        widget=FilesInput(
            attrs={
                "accept": ".csv,.tsv,.tab,.psv,.txt,.gz,.xlsx,.xls,.ods,.parquet,text/*",
                # when HTMX brings the form back with errors, the file stays chosen
                "hx-preserve": "true",
            }
        ),
        error_messages={
            "required": "Choose the file that holds the table.",
            "empty": "The file is empty.",
        },
    )
    title = forms.CharField(
        label="Title",
        max_length=LONGEST_TITLE,
        required=False,
        help_text="Leave it empty and the file's name is taken, as it is for each of several.",
    )
    id_column = forms.CharField(
        label="Id column",
        required=False,
        help_text=(
            "The column that says whose row it is, by its name, or by its place such as #3. Its "
            "values become pseudonyms. Empty means the first column; if another looks like an "
            "id, you are asked."
        ),
    )
    number_rows = forms.BooleanField(
        label="Number the rows",
        required=False,
        help_text="For a table that has no id: every column stays data, and rows get the numbers "
        "from 1 as ids, as pseudonyms.",
    )
    delimiter = forms.ChoiceField(label="Delimiter", required=False, choices=DELIMITERS)
    encoding = forms.ChoiceField(label="Encoding", required=False, choices=ENCODINGS)
    missing = forms.CharField(
        label="Words for missing",
        required=False,
        help_text=(
            "What stands for a missing value, apart from an empty cell, with commas between: "
            "NA, ?, -. The receipt suggests some if you leave it empty."
        ),
    )
    types = forms.CharField(
        label="Column types",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=(
            "Only where you know better than the file: one column a line, such as postcode=text. "
            f"Types: {', '.join((*TYPES, *NOTATIONS))}."
        ),
    )
    sheet = forms.CharField(
        label="Sheet",
        required=False,
        max_length=LONGEST_SHEET,
        help_text="Of a workbook: its name, or its number. Empty means the first with cells in it.",
    )
    at_once = forms.BooleanField(
        label="Load at once, without a look",
        required=False,
        help_text="Otherwise you are shown what the file holds, and nothing is stored before.",
    )
    submission = forms.UUIDField(widget=forms.HiddenInput, required=False)
    replaces = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        too_large: bool = False,
        not_staged: FairdbError | None = None,
        held: Submission | None = None,
        **kwargs: Any,
    ) -> None:
        """`too_large`, `not_staged`: why the file was dropped on its way in, if it was.

        `held` is a load of before whose file is gone, and sent again.
        """
        super().__init__(*args, **kwargs)
        self.too_large = too_large
        self.not_staged = not_staged
        self.held = held
        self.sought = ""
        limit = settings.FAIRDB_MAX_UPLOAD_BYTES
        self.fields["file"].widget.attrs["data-max-bytes"] = limit
        self.fields["file"].help_text = (
            "Text with commas, tabs, semicolons or pipes between the cells, gzipped or not; a "
            f"workbook (.xlsx, .xls, .ods); or Parquet. Up to {size(limit)}. The first line names "
            "the columns."
        )
        self.fields["submission"].initial = uuid4
        if self["replaces"].value():
            self.fields["title"].help_text = "Leave it empty and the title stays as it is."
        for name in ("id_column", "missing", "sheet", "types"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "autocapitalize": "off"}
        if too_large or not_staged:
            self.fields["file"].required = False

    def clean_file(self) -> Any:
        """Say in plain words why a file was dropped; `file` is the first one, `files` are all."""
        if self.not_staged:
            raise forms.ValidationError(self.not_staged.message)
        if self.too_large:
            limit = size(settings.FAIRDB_MAX_UPLOAD_BYTES)
            raise forms.ValidationError(
                f"The file is larger than {limit}, the most that is taken. "
                "Gzip it, or split it by rows."
            )
        files = self.cleaned_data["file"]
        self.cleaned_data["files"] = files
        return files[0] if files else None

    def clean_types(self) -> Mapping[str, str]:
        """Return column -> type; a line is split at its last `=`, as a name may hold one."""
        types: dict[str, str] = {}
        for number, line in enumerate(self.cleaned_data["types"].splitlines(), 1):
            if not line.strip():
                continue
            column, _, name = line.rpartition("=")
            name = name.strip().lower()
            if not column.strip() or name not in (*TYPES, *NOTATIONS):
                raise forms.ValidationError(
                    f"Line {number}: write column=type, with one of "
                    f"{', '.join((*TYPES, *NOTATIONS))}."
                )
            types[column.strip()] = name
        return types

    def clean(self) -> dict[str, Any]:
        """Take the file's name for a title that was left empty, but for a next version."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        cleaned["replaces"] = cleaned.get("replaces") or (self.held.replaces if self.held else None)
        if cleaned["replaces"] and len(cleaned.get("files", ())) > 1:
            self.add_error("file", "Choose one file: it becomes the next version.")
        name = file.name if file else self.held.file_name if self.held else ""
        if name and not cleaned.get("title") and not cleaned["replaces"]:
            cleaned["title"] = title_from(name)
        return cleaned

    def refuse(self, error: FairdbError) -> None:
        """Say what refused the file, and in which field it may be mended."""
        self.sought = error.option
        where = SafeString()
        if error.option in self.fields:
            field = self[error.option]
            link = format_html('<a href="#{}">“{}”</a>', field.id_for_label, field.label)
            where = format_html(" See {} below.", link)
        self.add_error(None, format_html("{}{}", error.message, where))

    @property
    def reading_is_open(self) -> bool:
        """Whether a field of how the file is to be read was filled, or is to be mended."""
        sought = self.sought or (self.held.error_option if self.held else "")
        return any(name == sought or self[name].value() for name in READING)

    @property
    def mending(self) -> forms.BoundField | None:
        """The field that would mend what the load of before failed for, if one would."""
        option = self.held.error_option if self.held else ""
        return self[option] if option in self.fields else None

    def as_asked(self) -> Asked:
        """Return what was said of the file."""
        cleaned = self.cleaned_data
        return Asked(
            title=cleaned["title"],
            description=cleaned["description"].strip(),
            origin=cleaned["origin"].strip(),
            id_column=None if cleaned["number_rows"] else cleaned["id_column"] or None,
            number_rows=cleaned["number_rows"],
            types=cleaned["types"],
            missing=cleaned["missing"],
            delimiter=cleaned["delimiter"] or None,
            encoding=cleaned["encoding"] or None,
            sheet=cleaned["sheet"] or None,
            skip_bad_rows=cleaned["skip_bad_rows"],
        )


class HeadingForm(forms.Form):
    """How the first piece of a file is to be read; `cut`: the file goes on behind it."""

    delimiter = forms.ChoiceField(required=False, choices=DELIMITERS)
    encoding = forms.ChoiceField(required=False, choices=ENCODINGS)
    sheet = forms.CharField(required=False, max_length=LONGEST_SHEET)
    cut = forms.BooleanField(required=False)


class PositionsField(forms.TypedMultipleChoiceField):
    """Positions of columns; which of them exist is for the dataset to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(coerce=int, **kwargs)

    def valid_value(self, value: Any) -> bool:
        """Return whether it is a number of a position."""
        return bool(_POSITION.fullmatch(str(value)))


class MomentField(forms.DateTimeField):
    """A moment that can be told in any time zone: the first and last days there are cannot."""

    def clean(self, value: Any) -> datetime | None:
        """Return the moment."""
        moment: datetime | None = super().clean(value)
        if moment is not None and not 1 < moment.year < MAXYEAR:
            raise forms.ValidationError("No such moment.")
        return moment


class RowsForm(forms.Form):
    """A jump to a column, from a page of rows; `browse.query` reads the rest of its address."""

    jump = forms.CharField(required=False, max_length=2_000)


class NamesForm(RowsForm):
    """The part of a column's name that is typed, to jump to it or for a condition."""

    column = forms.CharField(required=False, max_length=2_000)


class ColumnsForm(forms.Form):
    """The address of a page of the column list: which labels, after which position."""

    q = forms.CharField(required=False, max_length=500)
    after = forms.IntegerField(required=False, min_value=0, max_value=10**9)


class ChooseForm(forms.Form):
    """Columns ticked on a list: the choice before, what was on the list, what is ticked.

    `shown` and `place` are what the rows show meanwhile: columns, and the rest of their address.
    """

    columns = forms.CharField(required=False, max_length=4_000)
    listed = forms.CharField(required=False, max_length=4_000)
    tick = PositionsField(required=False)
    q = forms.CharField(required=False, max_length=500)
    shown = forms.CharField(required=False, max_length=4_000)
    place = forms.CharField(required=False, max_length=40_000)


class SearchForm(forms.Form):
    """Part of a title, a description or a column's name."""

    q = forms.CharField(required=False, max_length=500)


class SampleForm(forms.Form):
    """One sample's id, as it stands in the person's files."""

    sample = forms.CharField(
        label="A sample's id",
        max_length=1_000,
        strip=False,
        error_messages={"required": "Type the id of the sample."},
        widget=forms.TextInput(
            attrs={
                # nothing is suggested from, sent to, or kept by a browser's helpers
                "autocomplete": "off",
                "autocapitalize": "off",
                "autocorrect": "off",
                "spellcheck": "false",
                "placeholder": "A sample's id, as in your files",
            }
        ),
    )


class PageForm(forms.Form):
    """Where the list of datasets goes on: when the last one shown was made, and which it is."""

    before = MomentField(required=False)
    before_id = forms.UUIDField(required=False)
