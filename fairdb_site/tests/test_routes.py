"""Every address of the platform, asked for by nobody, its owner, another owner and staff.

The table says what each is answered. An address that is not in it fails the first test, so whoever
adds a page has to say who may see it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from accounts.models import AuditEvent
from accounts.tests.doors import row_of, sign_in
from conftest import People, Person, make_person
from datasets.tests.loading.queue import submitted
from datasets.tests.stored import store_dataset
from fairdb_site.supabase import auth
from fairdb_site.supabase.clients import Supabase
from privacy.chosen import Roles
from privacy.services import report_keep, report_make

TITLE, LABEL, CELL = "Title of Alice", "Label of Alice", "cell of Alice"
OWN_PAGE, SIGN_IN, DASHBOARD = "/accounts/", "/accounts/sign-in/", "/dashboard/"

# -- What nobody, Alice, Bob and Carol (staff) are answered: a status, or where they are sent -----
# Forms are sent empty.

Answers = tuple[object, object, object, object]


@dataclass(frozen=True)
class Expected:
    """The answers to GET and to POST."""

    get: Answers
    post: Answers


def all_alike(answer: object) -> Answers:
    return (answer,) * 4


def signed_in(answer: object) -> Answers:
    return (SIGN_IN, answer, answer, answer)


def owner(answer: object) -> Answers:
    return (SIGN_IN, answer, 404, 404)


def staff(answer: object) -> Answers:
    return (SIGN_IN, "/admin/login/", "/admin/login/", answer)


PAGE = Expected(signed_in(200), signed_in(405))
PAGE_OF_OWNER = Expected(owner(200), signed_in(405))
FORM = Expected(signed_in(200), signed_in(400))
PAGE_OF_STAFF = Expected(staff(200), staff(405))
ACT_ON_NOTHING = Expected(staff("to its list"), staff("to its list"))
ROUTES = {
    "": Expected(all_alike(200), all_alike(405)),
    "accounts/": PAGE,
    "accounts/register/": Expected((200, DASHBOARD, DASHBOARD, DASHBOARD), all_alike(400)),
    "accounts/sign-in/": Expected((200, DASHBOARD, DASHBOARD, DASHBOARD), all_alike(400)),
    "accounts/sign-in/code/": Expected(signed_in(DASHBOARD), signed_in(DASHBOARD)),
    "accounts/sign-out/": Expected(all_alike(405), all_alike("/")),
    "accounts/reset/": Expected(all_alike(200), all_alike(400)),
    "accounts/confirm/": Expected(all_alike(200), all_alike(400)),
    "accounts/confirm/again/": Expected(all_alike(405), all_alike("/accounts/register/")),
    "accounts/password/": FORM,
    "accounts/download/": FORM,
    "accounts/delete/": FORM,
    "accounts/second-factor/": Expected(
        (SIGN_IN, 200, 200, OWN_PAGE), (SIGN_IN, 400, 400, OWN_PAGE)
    ),
    "accounts/second-factor/remove/": Expected(
        (SIGN_IN, OWN_PAGE, OWN_PAGE, 200), (SIGN_IN, OWN_PAGE, OWN_PAGE, 200)
    ),
    "accounts/sessions/<uuid:session_id>/end/": Expected(
        signed_in(405), (SIGN_IN, SIGN_IN, 404, 404)
    ),
    "accounts/sessions/end-others/": Expected(signed_in(405), signed_in(OWN_PAGE)),
    "accounts/sessions/end-all/": Expected(signed_in(405), signed_in(SIGN_IN)),
    "dashboard/": PAGE,
    "datasets/": PAGE,
    "datasets/new/": Expected(signed_in(200), signed_in(422)),
    "datasets/new/columns/": Expected(signed_in(405), signed_in(400)),
    "datasets/<uuid:dataset_id>/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/columns/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/columns/<int:position>/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/columns/names/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/choose/": Expected(owner(200), owner(200)),
    "datasets/<uuid:dataset_id>/receipt/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/activity/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/versions/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/join/": Expected(owner(200), owner(404)),
    "datasets/<uuid:dataset_id>/join/<uuid:attachment_id>/take-off/": Expected(
        signed_in(405), owner(404)
    ),
    "datasets/<uuid:dataset_id>/history/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/history/<uuid:change_id>/undo/": Expected(
        signed_in(405), owner(404)
    ),
    "datasets/<uuid:dataset_id>/rows/delete/": Expected(owner(200), owner(422)),
    "datasets/<uuid:dataset_id>/rows/<int:number>/": Expected(owner(200), owner(400)),
    "datasets/<uuid:dataset_id>/rows/<int:number>/<int:position>/": Expected(
        owner("to its row"), owner("to its row")
    ),
    "datasets/<uuid:dataset_id>/describe/": Expected(owner(200), owner(422)),
    "datasets/<uuid:dataset_id>/describe/columns/": Expected(signed_in(405), owner(422)),
    "datasets/<uuid:dataset_id>/describe/dictionary/": Expected(signed_in(405), owner(422)),
    "datasets/<uuid:dataset_id>/dictionary.csv": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/dictionary.json": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/export/": Expected(owner(200), owner(422)),
    "datasets/<uuid:dataset_id>/delete/": Expected(owner(200), owner(422)),
    "datasets/<uuid:dataset_id>/privacy/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/privacy/suggestions/": Expected(signed_in(405), owner(422)),
    "datasets/<uuid:dataset_id>/privacy/thresholds/": Expected(
        signed_in(405), owner("its privacy")
    ),
    "datasets/<uuid:dataset_id>/privacy/combinations/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/privacy/taxa/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/privacy/roles/": Expected(owner(200), owner(422)),
    "datasets/<uuid:dataset_id>/privacy/roles/pattern/": Expected(signed_in(405), owner(422)),
    "datasets/<uuid:dataset_id>/privacy/reports/": Expected(owner(200), owner(422)),
    "datasets/<uuid:dataset_id>/privacy/reports/<uuid:report_id>/": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/privacy/reports/<uuid:report_id>/report.json": PAGE_OF_OWNER,
    "datasets/<uuid:dataset_id>/privacy/reports/<uuid:report_id>/delete/": Expected(
        signed_in(405), owner("its privacy")
    ),
    "loads/": PAGE,
    "loads/<uuid:submission_id>/": PAGE_OF_OWNER,
    "loads/<uuid:submission_id>/preview/": Expected(owner("its page"), owner("its page")),
    "loads/<uuid:submission_id>/cancel/": Expected(signed_in(405), owner("its page")),
    "loads/<uuid:submission_id>/retry/": Expected(signed_in(405), owner("its page")),
    "pseudonyms/": Expected(signed_in(200), signed_in(422)),
    "search/": PAGE,
    "search/sample/": Expected(signed_in(405), signed_in(422)),
    "admin/": PAGE_OF_STAFF,
    "admin/login/": Expected((SIGN_IN, 403, 403, SIGN_IN), (SIGN_IN, 403, 403, SIGN_IN)),
    "admin/logout/": Expected(all_alike(405), all_alike("/")),
    "admin/accounts/user/": PAGE_OF_STAFF,
    "admin/accounts/user/invite/": Expected(staff(200), staff(400)),
    "admin/accounts/user/act/<slug:name>/": ACT_ON_NOTHING,
    "admin/accounts/user/<path:object_id>/change/": PAGE_OF_STAFF,
    "admin/accounts/supabasesession/": PAGE_OF_STAFF,
    "admin/accounts/supabasesession/act/<slug:name>/": ACT_ON_NOTHING,
    "admin/accounts/supabasesession/<path:object_id>/change/": PAGE_OF_STAFF,
    "admin/accounts/auditevent/": PAGE_OF_STAFF,
    "admin/accounts/auditevent/<path:object_id>/change/": PAGE_OF_STAFF,
    "admin/datasets/dataset/": PAGE_OF_STAFF,
    "admin/datasets/dataset/act/<slug:name>/": ACT_ON_NOTHING,
    "admin/datasets/dataset/<path:object_id>/change/": PAGE_OF_STAFF,
    "admin/datasets/submission/": PAGE_OF_STAFF,
    "admin/datasets/submission/<path:object_id>/change/": PAGE_OF_STAFF,
    "admin/datasets/load/": PAGE_OF_STAFF,
    "admin/datasets/load/reap/": Expected(staff(200), staff("/admin/datasets/load/")),
    "admin/datasets/load/<path:object_id>/change/": PAGE_OF_STAFF,
}
ENDS_SESSIONS = {
    "accounts/sign-out/",
    "accounts/sessions/<uuid:session_id>/end/",
    "accounts/sessions/end-others/",
    "accounts/sessions/end-all/",
    "admin/logout/",
}


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Yield every address as `urls.py` writes it."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        else:
            yield route


# -- Who asks -------------------------------------------------------------------------------------


@dataclass
class World:
    """The people with the browsers in which they are signed in, and what of Alice's there is."""

    people: People
    clients: dict[str, Client] = field(default_factory=dict)
    dataset: str = ""

    @cached_property
    def submission(self) -> UUID:
        """A load of Alice's that waits."""
        return submitted(self.people.alice, title=TITLE, id_column=LABEL).pk

    @property
    def report(self) -> UUID:
        """A report that Alice kept of the dataset, a new one each time: one address deletes it."""
        alice = self.people.alice
        made = report_make(owner_id=alice.user.pk, dataset_id=UUID(self.dataset), roles=Roles((2,)))
        # in a session of its own: addresses end others
        session = auth.sign_in(alice.email, alice.password)
        return report_keep(supabase=Supabase(session.access_token), made=made)

    @property
    def event(self) -> int:
        """The newest on record, at the least that Alice signed in."""
        self.client("alice")
        return int(AuditEvent.objects.latest("id").pk)

    def client(self, who: str) -> Client:
        """Return somebody's browser, signed in once for all addresses."""
        if who == "nobody":
            return Client()
        if who not in self.clients:
            self.clients[who] = sign_in(self.person(who))
        return self.clients[who]

    def person(self, who: str) -> Person:
        person: Person = getattr(self.people, who)
        return person

    def address(self, route: str) -> str:
        """Return the address with what of Alice's it may name."""
        alice = self.people.alice.user.pk
        if not self.dataset:
            columns = {LABEL: ("text", [CELL] * 3)}
            self.dataset = str(store_dataset(alice, columns, title=TITLE).id)
        named: dict[str, Callable[[], object]] = {
            "<uuid:dataset_id>": lambda: self.dataset,
            "<uuid:change_id>": uuid4,
            "<uuid:attachment_id>": uuid4,
            "<int:number>": lambda: 1,
            "<int:position>": lambda: 2,
            "<uuid:report_id>": lambda: self.report,
            "<uuid:submission_id>": lambda: self.submission,
            "<uuid:session_id>": lambda: row_of(self.client("alice")).pk,
            "user/<path:object_id>": lambda: f"user/{alice}",
            "session/<path:object_id>": lambda: f"session/{row_of(self.client('alice')).pk}",
            "dataset/<path:object_id>": lambda: f"dataset/{self.dataset}",
            "submission/<path:object_id>": lambda: f"submission/{self.submission}",
            "load/<path:object_id>": lambda: f"load/{store_dataset(alice, ready=False).id}",
            "event/<path:object_id>": lambda: f"event/{self.event}",
            "user/act/<slug:name>": lambda: "user/act/ban",
            "session/act/<slug:name>": lambda: "session/act/end",
            "dataset/act/<slug:name>": lambda: "dataset/act/delete",
        }
        for part, name in named.items():
            if part in route:
                route = route.replace(part, str(name()))
        return f"/{route}"


@pytest.fixture(scope="module")
def world(db_ready: None) -> World:
    return World(People(make_person("alice"), make_person("bob"), make_person("carol", staff=True)))


def said(answer: Any, address: str) -> object:
    """Return what the table says of an answer."""
    where = answer.headers.get("Location", "").partition("?")[0]
    if where and address.startswith(f"{where}act/"):
        return "to its list"
    if where.endswith("/rows/1/") and address.startswith(where):
        return "to its row"
    if "/privacy/" in where and address.startswith(where):
        return "its privacy"
    if where.startswith("/loads/") and address.startswith(where):
        return "its page"
    return where or answer.status_code


def hidden_from(who: str, address: str) -> list[str]:
    """Return what of Alice's a person must not meet; staff see titles in the administration."""
    if who == "alice":
        return []
    is_staff_page = who == "carol" and address.startswith("/admin/")
    return [LABEL, CELL] if is_staff_page else [TITLE, LABEL, CELL]


def text_of(answer: Any) -> str:
    return (b"".join(answer) if answer.streaming else answer.content).decode()


# -- The sweep ------------------------------------------------------------------------------------


def test_every_address_is_in_the_table() -> None:
    assert set(routes()) == set(ROUTES)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("route", ROUTES)
def test_each_gets_what_the_table_says_and_nothing_of_alice(
    route: str, method: str, world: World
) -> None:
    got = []
    for who in ("nobody", "bob", "carol", "alice"):  # who may delete it comes last
        address = world.address(route)
        answer = getattr(world.client(who), method)(address)
        got.append(said(answer, address))
        assert not [mark for mark in hidden_from(who, address) if mark in text_of(answer)]
        if route in ENDS_SESSIONS:
            world.clients.clear()
    nobody, bob, carol, alice = got

    assert (nobody, alice, bob, carol) == getattr(ROUTES[route], method)


@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {"Accept": "application/json"}])
@pytest.mark.parametrize("route", ROUTES)
def test_htmx_and_programs_get_no_more_and_meet_no_fault(
    route: str, headers: dict[str, str], world: World
) -> None:
    for who in ("nobody", "bob"):
        answer = world.client(who).get(world.address(route), headers=headers)

        assert answer.status_code < 500
        assert not [mark for mark in (TITLE, LABEL, CELL) if mark in text_of(answer)]
