"""What a page says while the server reads as many files as it reads at once."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.ingest import sandbox
from datasets.ingest.slots import places, take_slot
from datasets.models import Dataset
from datasets.tests.ingest.workbooks import xlsx
from datasets.tests.loading.queue import drain, load_by_page

NEW = "/datasets/new/"
BOOK = xlsx({"Data": [["id", "age"], ["P1", 31]]})


@pytest.fixture(autouse=True)
def nothing_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Have others take every slot until told not to, and conversions wait for nobody."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    taken = [
        take_slot(kind, wait=0, busy="busy")
        for kind in ("load", "preview")
        for _ in range(places.count)
    ]
    monkeypatch.setattr(
        sandbox, "take_slot", lambda kind, wait, busy: take_slot(kind, wait=0, busy=busy)
    )

    def give_back() -> None:
        while taken:
            taken.pop().close()

    yield give_back
    give_back()


def sent(name: str, content: bytes) -> Any:
    return {"file": SimpleUploadedFile(name, content), "title": "Mine", "submission": str(uuid4())}


def test_a_workbook_waits_until_there_is_room(
    alice: Any, client_of: Any, nothing_free: Callable[[], None]
) -> None:
    client = client_of(alice)

    answer = load_by_page(client, sent("study.xlsx", BOOK))

    assert "waiting" in answer.content.decode()
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()
    nothing_free()
    drain(deferred=True)
    assert Dataset.objects.get(user_id=alice.user.pk).row_count == 1


def test_text_needs_no_slot(alice: Any, client_of: Any) -> None:
    assert load_by_page(client_of(alice), sent("t.csv", b"id,age\nP1,31\n")).status_code == 302


def test_the_id_of_a_workbook_can_be_typed(alice: Any, client_of: Any) -> None:
    answer = client_of(alice).post(f"{NEW}columns/", BOOK, content_type="application/octet-stream")

    assert "columns of this one cannot be listed just now" in answer.content.decode()
    assert '<input type="text" name="id_column"' in answer.content.decode()
