"""The search: datasets by what is said of them, columns by name, rows by a sample's raw id."""

import logging
import re
from datetime import timedelta
from typing import Any

import pytest

from conftest import Person
from datasets.tests.loading.test_pseudonyms_stored import tables_holding
from datasets.tests.pages.conftest import client_of
from datasets.tests.pages.markup import faults
from datasets.tests.pages.tables import load_table
from fairdb_site.rates import Rate

__all__ = ["client_of"]

SAMPLE, PAGE = "search/sample/", "/search/"
SECRET = "MRN-7731-xq"


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.fixture
def client(alice: Person, client_of: Any) -> Any:
    return client_of(alice)


def test_datasets_are_found_by_title_description_origin_and_file(
    alice: Person, bob: Person, client: Any
) -> None:
    load_table(alice, b"id,age\n1,2\n", title="Coeliac cohort", description="From the north")
    load_table(alice, b"id,age\n1,2\n", title="Other", origin="Registry of the NORTH")
    load_table(bob, b"id,age\n1,2\n", title="Coeliac of Bob")

    assert "Coeliac cohort" in words(client.get(PAGE, {"q": "coelIAC"}))
    assert "Bob" not in words(client.get(PAGE, {"q": "coeliac"}))
    north = words(client.get(PAGE, {"q": "north"}))
    assert "2 datasets" in north
    assert "From the north" in north
    assert "No dataset or column has" in words(client.get(PAGE, {"q": "nothing like it"}))


def test_columns_and_datasets_are_shown_apart(alice: Person, client: Any) -> None:
    load_table(alice, b"id,age of onset\n1,2\n", title="Onset study")

    answer = client.get(PAGE, {"q": "onset"})

    assert "1 column with “onset” in the name" in words(answer)
    assert "Onset study" in words(answer)
    assert faults(answer.content.decode()) == []


@pytest.mark.parametrize("sought", ["%", "_", "\\", "'", "<script>", "a\x00b", "x" * 600])
def test_anything_may_be_sought(client: Any, sought: str) -> None:
    answer = client.get(PAGE, {"q": sought})

    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().replace("<script src", "")


def test_a_sample_is_found_in_every_dataset_that_has_it(alice: Person, client: Any) -> None:
    content = f"age,id\n1,other\n2,{SECRET}\n3, {SECRET} \n".encode()
    first = load_table(alice, content, title="First", id_column="id")
    second = load_table(alice, f"id,x\n{SECRET},1\n".encode(), title="Second")
    load_table(alice, b"id,x\nanother,1\n", title="Third")

    answer = client.post(f"/{SAMPLE}", {"sample": f"  {SECRET}\t"})

    text = answer.content.decode()
    assert "The sample is in 2 datasets" in words(answer)
    assert "Third" not in words(answer)
    assert first.at("rows/2/") in text
    assert first.at("rows/3/") in text
    assert second.at("rows/1/") in text
    assert answer["Cache-Control"] == "no-store"
    assert faults(text) == []
    (address,) = re.findall(rf'href="({first.at()}\?where=2[^"]*)"', text)
    assert "2 matching rows" in words(client.get(address))


def test_a_sample_of_somebody_else_is_nowhere(alice: Person, bob: Person, client: Any) -> None:
    load_table(bob, f"id,x\n{SECRET},1\n".encode())

    assert "No dataset of yours" in words(client.post(f"/{SAMPLE}", {"sample": SECRET}))


def test_a_sample_s_id_stays_nowhere(
    alice: Person, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    load_table(alice, f"id,x\n{SECRET},1\n".encode())

    with caplog.at_level(logging.DEBUG):
        for sample in (SECRET, f"{SECRET} of nobody"):
            answer = client.post(f"/{SAMPLE}", {"sample": sample})
            assert SECRET not in answer.content.decode()

    assert tables_holding(SECRET) == []
    assert SECRET not in caplog.text


@pytest.mark.parametrize("sample", ["", "  ", "\x00", "x" * 1_001])
def test_what_is_no_id_is_refused_plainly(client: Any, sample: str) -> None:
    answer = client.post(f"/{SAMPLE}", {"sample": sample})

    assert answer.status_code in (400, 422)
    assert 'role="alert"' in answer.content.decode()


def test_looking_up_samples_is_limited(client: Any, settings: Any) -> None:
    one_a_day = Rate(tries=1, period=timedelta(days=1))
    settings.FAIRDB_LIMITS = {**settings.FAIRDB_LIMITS, "IDS": {"account": one_a_day}}

    first = client.post(f"/{SAMPLE}", {"sample": "P1"})
    second = client.post(f"/{SAMPLE}", {"sample": "P2"})

    assert (first.status_code, second.status_code) == (200, 429)
    assert "Too many tries" in words(second)


def test_htmx_gets_what_was_found_alone(alice: Person, client: Any) -> None:
    load_table(alice, f"id,x\n{SECRET},1\n".encode())

    answer = client.post(f"/{SAMPLE}", {"sample": SECRET}, headers={"HX-Request": "true"})

    assert "<html" not in answer.content.decode()
    assert "1 dataset" in words(answer)
