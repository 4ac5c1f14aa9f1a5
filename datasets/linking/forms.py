"""The form of ids whose pseudonyms are wanted: typed, or in a small file."""

from collections.abc import Iterable
from functools import partial
from io import BytesIO
from typing import Any

from django import forms

from datasets.linking.ids import ids_of_lines, ids_of_list, ids_of_table
from datasets.linking.uploads import MOST_BYTES
from datasets.templatetags.fairdb import size
from fairdb_site.errors import FairdbError

MOST_UNPACKED = 1 << 24
"""Bytes of text that a packed file may hold."""

# nothing is suggested from, sent to, or kept by a browser's helpers
_UNHELPED = {
    "autocomplete": "off",
    "autocapitalize": "off",
    "autocorrect": "off",
    "spellcheck": "false",
}


class IdsForm(forms.Form):
    """Ids typed one a line, or a file of them; `id_column` makes the file a table."""

    ids = forms.CharField(
        label="Ids",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, **_UNHELPED}),
        help_text="Give ids or a file. Ids one a line, as they stand in your files.",
    )
    file = forms.FileField(
        label="Or a file of them",
        required=False,
        help_text=(
            f"One id a line; or a table, if you name its id column. Up to {size(MOST_BYTES)}."
        ),
        widget=forms.FileInput(attrs={"autocomplete": "off"}),
        error_messages={"empty": "The file is empty."},
    )
    id_column = forms.CharField(
        label="Id column of the file",
        required=False,
        help_text="Its name, or its place such as #1. Empty for a list.",
        widget=forms.TextInput(attrs=_UNHELPED),
    )

    def __init__(self, *args: Any, too_large: bool = False, **kwargs: Any) -> None:
        """`too_large`: the file was dropped on its way in, being over the limit."""
        super().__init__(*args, **kwargs)
        self.too_large = too_large

    def clean(self) -> dict[str, Any]:
        """Refuse a form that says nothing, or two things at once."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.too_large:
            self.add_error(
                "file",
                f"The file is larger than {size(MOST_BYTES)}, the most that is taken here. Leave "
                "only its id column, or ask your operator for “manage.py pseudonyms”.",
            )
        elif "file" in self.errors:
            pass
        elif cleaned.get("file") and cleaned.get("ids", "").strip():
            self.add_error("file", "Either type ids or choose a file, not both.")
        elif cleaned.get("id_column") and not cleaned.get("file"):
            self.add_error("id_column", "Only a file has an id column. Choose one, or empty this.")
        elif not cleaned.get("file") and not cleaned.get("ids", "").strip():
            self.add_error("ids", "Type the ids, or choose a file that holds them.")
        return cleaned

    @property
    def is_list(self) -> bool:
        """Whether the ids came as lines, not as a column of a table."""
        return not self.cleaned_data["id_column"]

    def given_ids(self) -> Iterable[str]:
        """Return the ids as they were given; raises a FairdbError for a file that cannot be read.

        The file is read from memory, as `InMemoryUploadHandler` holds it.
        """
        file, id_column = self.cleaned_data["file"], self.cleaned_data["id_column"]
        if not file:
            return ids_of_lines(self.cleaned_data["ids"])
        opener = partial(BytesIO, file.read())
        if id_column:
            return ids_of_table(opener, id_column=id_column, max_bytes=MOST_UNPACKED)
        return ids_of_list(opener, max_bytes=MOST_UNPACKED)

    def refuse(self, error: FairdbError) -> None:
        """Say what refused the ids, at the field where it may be mended."""
        self.add_error(error.option if error.option in self.fields else None, error.message)
