"""What a page says while the server reads as many files as it reads at once."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets.ingest import sandbox
from datasets.ingest.slots import places, take_slot
from datasets.models import Dataset
from datasets.tests.ingest.workbooks import xlsx

NEW = "/datasets/new/"
BOOK = xlsx({"Data": [["id", "age"], ["P1", 31]]})


@pytest.fixture(autouse=True)
def nothing_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have others take every slot, and conversions wait for nobody."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    taken = [
        take_slot(kind, wait=0, busy="busy")
        for kind in ("load", "preview")
        for _ in range(places.count)
    ]
    monkeypatch.setattr(
        sandbox, "take_slot", lambda kind, wait, busy: take_slot(kind, wait=0, busy=busy)
    )
    yield
    for slot in taken:
        slot.close()


def sent(name: str, content: bytes) -> Any:
    return {"file": SimpleUploadedFile(name, content), "title": "Mine", "submission": str(uuid4())}


def test_a_workbook_is_refused_with_when_to_try_again(alice: Any, client_of: Any) -> None:
    answer = client_of(alice).post(NEW, sent("study.xlsx", BOOK))

    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    page = answer.content.decode()
    assert "The server is busy reading other files. Nothing was stored." in page
    assert 'value="Mine"' in page
    assert not Dataset.objects.filter(user_id=alice.user.pk).exists()


def test_text_needs_no_slot(alice: Any, client_of: Any) -> None:
    assert client_of(alice).post(NEW, sent("t.csv", b"id,age\nP1,31\n")).status_code == 302


def test_the_id_of_a_workbook_can_be_typed(alice: Any, client_of: Any) -> None:
    answer = client_of(alice).post(f"{NEW}columns/", BOOK, content_type="application/octet-stream")

    assert "columns of this one cannot be listed just now" in answer.content.decode()
    assert '<input type="text" name="id_column"' in answer.content.decode()
