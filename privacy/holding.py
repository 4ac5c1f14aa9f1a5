"""What this app holds of an account: the reports that were kept, which go with their datasets."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.http import HttpRequest

from fairdb_site.archives import ArchivedFile, json_array_pieces, write_pieces
from fairdb_site.database import as_user
from fairdb_site.streams import Write
from privacy.models import PrivacyReport

_CONTENTS = """\
privacy.json     The reports that you kept of how identifying your datasets are: when, by which
                 roles of columns and thresholds, and every figure."""


class PrivacyReports:
    """The kept reports of accounts, as `accounts.holdings` asks for them."""

    def summary(self, account: UUID) -> str:
        """Return nothing: they are counted with their datasets."""
        return ""

    def storage(self, account: UUID) -> str:
        """Return nothing, as above."""
        return ""

    def listed_at(self, account: UUID) -> str:
        """Return nothing, as above."""
        return ""

    def files(self, account: UUID, request: HttpRequest) -> Iterator[ArchivedFile]:
        """Yield all reports, read as their owner."""
        yield ArchivedFile("privacy.json", lambda write: _write(account, write))

    def contents(self) -> str:
        """Return what the file is."""
        return _CONTENTS

    def hide(self, account: UUID) -> None:
        """Do nothing: a report of a dataset that is hidden cannot be read."""

    def drop(self, account: UUID) -> bool:
        """Do nothing: they go with their datasets."""
        return True


def _write(account: UUID, write: Write) -> None:
    names = [field.attname for field in PrivacyReport._meta.concrete_fields]
    with as_user(account):
        found = PrivacyReport.objects.order_by("at", "pk").values(*names)
        write_pieces(json_array_pieces(found.iterator(chunk_size=100)), write)
