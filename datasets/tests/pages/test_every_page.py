"""What holds for every page: who may see it, what it is made of, what it says of itself."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from datasets.tests.pages.markup import faults
from datasets.tests.pages.tables import Loaded

PUBLIC = ["/", "/accounts/sign-in/", "/accounts/register/"]
SIGNED_IN = [
    "/dashboard/",
    "/datasets/",
    "/datasets/new/",
    "/pseudonyms/",
    "/search/",
    "/search/?q=taxon",
    "/accounts/",
    "/accounts/password/",
    "/accounts/second-factor/",
    "/accounts/download/",
    "/accounts/delete/",
]
OF_A_DATASET = [
    "",
    "?columns=2-40&after=50",
    "?columns=nonsense",
    "?jump=nothing+like+it",
    "columns/",
    "columns/?q=taxon&after=12",
    "columns/?q=nothing+like+it",
    "columns/names/?jump=taxon",
    "choose/?columns=2-6",
    "receipt/",
    "delete/",
    "describe/",
    "export/",
]
FRAGMENTS = ["", "columns/", "choose/?columns=2-6"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_pages_are_sound(db_ready: None, address: str) -> None:
    answer = Client().get(address)

    assert answer.status_code == 200
    assert faults(answer.content.decode()) == []


@pytest.mark.parametrize("address", SIGNED_IN)
def test_pages_of_an_empty_account_are_sound(alice: Any, client_of: Any, address: str) -> None:
    answer = client_of(alice).get(address)

    assert answer.status_code == 200
    assert faults(answer.content.decode()) == []


def test_pages_of_a_dataset_are_sound(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    found = {}
    for address in [*SIGNED_IN, *map(cohort.at, OF_A_DATASET)]:
        answer = client.get(address)
        assert answer.status_code == 200, address
        found[address] = faults(answer.content.decode(), whole="names" not in address)

    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def test_fragments_are_sound_and_no_pages(cohort: Loaded, client_of: Any) -> None:
    client = client_of(cohort.owner)
    for address in ["/datasets/", "/search/?q=taxon", *map(cohort.at, FRAGMENTS)]:
        answer = client.get(address, headers={"HX-Request": "true"})

        text = answer.content.decode()
        assert answer.status_code == 200
        assert "<html" not in text
        assert faults(text, whole=False) == []
        assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize("address", SIGNED_IN)
def test_nobody_gets_in_without_signing_in(db_ready: None, address: str) -> None:
    answer = Client().get(address)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/sign-in/?next=")


def test_outsider_gets_the_same_404_for_a_dataset_of_another_owner_and_for_none(
    cohort: Loaded, bob: Any, client_of: Any
) -> None:
    outsider = client_of(bob)
    for rest in OF_A_DATASET:
        theirs, nobodys = outsider.get(cohort.at(rest)), outsider.get(f"/datasets/{uuid4()}/{rest}")

        assert (theirs.status_code, nobodys.status_code) == (404, 404), rest
        assert without_ids(theirs, cohort) == without_ids(nobodys, cohort), rest


@pytest.mark.parametrize("rest", ["delete/", "choose/"])
def test_outsider_cannot_change_a_dataset_of_another_owner(
    cohort: Loaded, bob: Any, client_of: Any, rest: str
) -> None:
    answer = client_of(bob).post(cohort.at(rest), {"show": "1"})

    assert answer.status_code == 404
    assert client_of(cohort.owner).get(cohort.at()).status_code == 200


def test_staff_see_no_rows_of_others(cohort: Loaded, people: Any, client_of: Any) -> None:
    answer = client_of(people.carol).get(cohort.at())

    assert answer.status_code == 404


@pytest.mark.parametrize("address", ["/dashboard/", "/search/", "/datasets/"])
def test_what_only_reads_takes_no_post(alice: Any, client_of: Any, address: str) -> None:
    assert client_of(alice).post(address).status_code == 405
    assert client_of(alice).head(address).status_code == 200


def test_what_is_not_there_is_a_page_with_a_way_out(alice: Any, client_of: Any) -> None:
    answer = client_of(alice).get("/nowhere/")

    text = answer.content.decode()
    assert answer.status_code == 404
    assert faults(text) == []
    assert "To the dashboard" in text
    assert "aria-current" not in text


@pytest.mark.parametrize(
    "rest", ["", "columns/", "choose/", "receipt/", "export/", "describe/", "delete/"]
)
def test_the_menu_says_where_one_is(cohort: Loaded, client_of: Any, rest: str) -> None:
    text = client_of(cohort.owner).get(cohort.at(rest)).content.decode()

    menu = text[text.index('<nav aria-label="Main"') :].split("</nav>")[0]
    assert menu.count("aria-current") == 1
    assert re.search(r'href="/datasets/"\s+aria-current="true"', menu)


def test_a_stale_form_is_told_so(db_ready: None) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/accounts/sign-in/", {"email": "a@example.org", "password": "x"})

    assert answer.status_code == 403
    assert "open for too long" in answer.content.decode()
    assert faults(answer.content.decode()) == []


def test_the_page_of_a_broken_server_needs_no_database_and_no_session() -> None:
    from django.test import RequestFactory
    from django.views.defaults import server_error

    answer = server_error(RequestFactory().get("/"))

    assert answer.status_code == 500
    assert faults(answer.content.decode()) == []
    assert "Something of ours broke" in answer.content.decode()


@pytest.mark.parametrize(
    ("mode", "shown", "hidden"),
    [
        ("open", "Create an account <svg", "invitation"),
        ("invite", "by invitation", "Create an account <svg"),
        ("closed", "made by whoever runs", "Create an account <svg"),
    ],
)
def test_the_front_page_offers_an_account_only_where_one_can_be_made(
    db_ready: None, settings: Any, mode: str, shown: str, hidden: str
) -> None:
    settings.FAIRDB_REGISTRATION = mode

    text = " ".join(Client().get("/").content.decode().split())

    assert shown in text
    assert hidden not in text


def test_debug_mode_adds_no_script_that_replaces_the_page_on_a_refusal(
    db_ready: None, settings: Any
) -> None:
    settings.DEBUG = True

    scripts = re.findall(r'<script src="([^"]+)"', Client().get("/").content.decode())

    assert [script.rpartition("/")[2] for script in scripts] == ["htmx-2.min.js", "fairdb.js"]


def without_ids(answer: Any, cohort: Loaded) -> str:
    text = str(answer.content.decode()).replace(answer["X-Request-ID"], "")
    csrf = text.find("csrfmiddlewaretoken")
    token = text[csrf:].split('value="')[1].split('"')[0] if csrf >= 0 else "-"
    return text.replace(token, "").replace(str(cohort.id), "")
