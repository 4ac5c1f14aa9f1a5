"""Who tries too often has to wait: on every worker alike, and nobody else with them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.test import Client, RequestFactory

from accounts import audit, limits, links
from accounts.limits import Limit, TooManyTries
from accounts.models import AuditAction, AuditEvent, RateLimit
from accounts.tests.doors import sign_in
from datasets.tests.loading.queue import load_by_page
from fairdb_site.rates import Rate, read_rates
from fairdb_site.tests.test_outages import database_away

SIGN_IN = "/accounts/sign-in/"
REGISTER = "/accounts/register/"
HTMX = {"HX-Request": "true"}
JSON = {"accept": "application/json"}
NOON = datetime(2100, 1, 1, 12, tzinfo=UTC)  # to come: what is over may be swept at any take
LONG_AGO = datetime(2026, 1, 1, 12, tzinfo=UTC)
SetLimit = Callable[[Limit, str], None]


@pytest.fixture
def limit(settings: Any) -> SetLimit:
    """Return a function that limits one thing as its setting would, and only so."""

    def set_limit(which: Limit, text: str) -> None:
        settings.FAIRDB_LIMITS = settings.FAIRDB_LIMITS | {which.name: read_rates(text, text)}

    return set_limit


@pytest.fixture
def place() -> str:
    """An address that no other test comes from (RFC 3849)."""
    groups = uuid4().hex[:8]
    return f"2001:db8:{groups[:4]}:{groups[4:]}::1"


def wrong(person: Any, client: Client | None = None, **extra: Any) -> Any:
    credentials = {"email": person.email, "password": "not this one"}
    return (client or Client()).post(SIGN_IN, credentials, **extra)


@pytest.mark.usefixtures("db_ready")
class TestCounting:
    rate = Rate(5, timedelta(minutes=5))

    def test_tries_are_had_at_once_and_come_back_one_by_one(self) -> None:
        key = uuid4()

        assert [limits.take(key, self.rate, now=NOON) for _ in range(5)] == [None] * 5
        assert limits.take(key, self.rate, now=NOON) == timedelta(minutes=1)
        assert limits.take(key, self.rate, now=NOON + timedelta(seconds=59)) is not None
        assert limits.take(key, self.rate, now=NOON + timedelta(seconds=60)) is None
        assert limits.take(key, self.rate, now=NOON + timedelta(seconds=60)) is not None

    def test_who_is_refused_does_not_wait_longer_for_it(self) -> None:
        key = uuid4()
        for _ in range(100):
            limits.take(key, self.rate, now=NOON)

        assert limits.take(key, self.rate, now=NOON) == timedelta(minutes=1)

    def test_twenty_who_try_at_once_share_one_count(self) -> None:
        key = uuid4()
        rate = Rate(7, timedelta(days=1))

        def one(_: int) -> bool:
            try:
                return limits.take(key, rate) is None
            finally:
                connections.close_all()

        with ThreadPoolExecutor(20) as threads:
            assert sum(threads.map(one, range(20))) == 7

    def test_what_is_over_is_removed_by_whoever_comes_by(self) -> None:
        old, spent = uuid4(), uuid4()
        limits.take(old, self.rate, now=LONG_AGO)
        limits.take(spent, Rate(1, timedelta(days=1)))

        limits.take(type(old)(bytes=b"\0" + uuid4().bytes[1:]), self.rate)

        left = RateLimit.objects.filter(key__in=[old, spent]).values_list("key", flat=True)
        assert list(left) == [spent]

    def test_tries_are_not_counted_where_a_rollback_would_give_them_back(self) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            limits.require(Limit.SIGN_IN, request=RequestFactory().get("/"), email="a@example.org")


@pytest.mark.usefixtures("db_ready")
@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_address_counts_as_its_network(
    limit: SetLimit, first: str, second: str, together: bool
) -> None:
    limit(Limit.CONFIRM, "address=1/1d")
    RateLimit.objects.all().delete()
    factory = RequestFactory()
    limits.require(Limit.CONFIRM, request=_anonymous(factory.get("/", REMOTE_ADDR=first)))
    again = _anonymous(factory.get("/", REMOTE_ADDR=second))

    if together:
        with pytest.raises(TooManyTries):
            limits.require(Limit.CONFIRM, request=again)
    else:
        limits.require(Limit.CONFIRM, request=again)


def _anonymous(request: Any) -> Any:
    from django.contrib.auth.models import AnonymousUser

    request.user = AnonymousUser()
    return request


def test_sign_in_tried_too_often_is_a_page_that_says_how_long_to_wait(
    alice: Any, limit: SetLimit
) -> None:
    limit(Limit.SIGN_IN, "pair=2/2h")
    assert [wrong(alice).status_code for _ in range(2)] == [400, 400]

    answer = wrong(alice)
    fragment = wrong(alice, headers=HTMX)
    told = wrong(alice, headers=JSON)
    right = Client().post(SIGN_IN, {"email": alice.email.upper(), "password": alice.password})

    assert {a.status_code for a in (answer, fragment, told, right)} == {429}
    assert 3590 <= int(answer["Retry-After"]) <= 3600
    assert "Too many tries. Please wait 60 minutes" in answer.content.decode()
    assert "<html" in answer.content.decode()
    assert "<html" not in fragment.content.decode()
    assert told.json()["error"]["code"] == "too_many_tries"
    assert "sessionid" not in right.cookies


def test_neither_another_address_nor_another_person_waits_with_them(
    alice: Any, bob: Any, limit: SetLimit, place: str
) -> None:
    limit(Limit.SIGN_IN, "pair=1/1d")
    wrong(alice)
    assert wrong(alice).status_code == 429

    sign_in(bob)
    sign_in(alice, Client(REMOTE_ADDR=place))


def test_one_address_does_not_try_many_people(
    alice: Any, bob: Any, limit: SetLimit, place: str
) -> None:
    limit(Limit.SIGN_IN, "pair=10/1d,address=2/1d")
    attacker = Client(REMOTE_ADDR=place)

    assert [wrong(one, attacker).status_code for one in (alice, bob)] == [400, 400]
    assert wrong(alice, attacker).status_code == 429


def test_many_addresses_do_not_try_one_person(alice: Any, limit: SetLimit) -> None:
    limit(Limit.SIGN_IN, "account=3/1d")
    answers = [wrong(alice, Client(REMOTE_ADDR=f"192.0.2.{n}")).status_code for n in range(5)]

    assert answers == [400, 400, 400, 429, 429]


def test_the_owners_own_browser_is_not_kept_out_by_strangers(alice: Any, limit: SetLimit) -> None:
    """It was signed in before and its session ended; strangers then use up the account's tries."""
    limit(Limit.SIGN_IN, "pair=3/1d,account=2/1d")
    browser = sign_in(alice)
    del browser.cookies["sessionid"]
    for number in range(4):
        wrong(alice, Client(REMOTE_ADDR=f"192.0.2.{number}"))
        wrong(alice)
    assert wrong(alice).status_code == 429

    sign_in(alice, browser)


def test_a_browser_of_somebody_else_is_a_strangers(alice: Any, bob: Any, limit: SetLimit) -> None:
    limit(Limit.SIGN_IN, "account=1/1d")
    wrong(alice)
    browser = sign_in(bob)
    del browser.cookies["sessionid"]

    assert wrong(alice, browser).status_code == 429


def test_signing_in_to_an_own_account_wins_no_tries(
    alice: Any, bob: Any, limit: SetLimit, place: str
) -> None:
    limit(Limit.SIGN_IN, "pair=20/1d,account=20/1d,address=3/1d")
    answers = []
    for _ in range(4):
        answers.append(wrong(alice, Client(REMOTE_ADDR=place)).status_code)
        Client(REMOTE_ADDR=place).post(SIGN_IN, {"email": bob.email, "password": bob.password})

    assert answers == [400, 400, 400, 429]


def test_people_who_get_in_do_not_use_up_their_address(
    alice: Any, limit: SetLimit, place: str
) -> None:
    limit(Limit.SIGN_IN, "pair=2/1d,account=2/1d,address=2/1d")

    for _ in range(5):
        sign_in(alice, Client(REMOTE_ADDR=place))


def test_success_clears_the_failures_of_that_address(
    alice: Any, limit: SetLimit, place: str
) -> None:
    limit(Limit.SIGN_IN, "pair=3/1d")
    for _ in range(4):
        wrong(alice, Client(REMOTE_ADDR=place))
        wrong(alice, Client(REMOTE_ADDR=place))
        sign_in(alice, Client(REMOTE_ADDR=place))


def test_refused_tries_are_one_event_a_period(alice: Any, limit: SetLimit) -> None:
    limit(Limit.SIGN_IN, "pair=1/10000d")
    for _ in range(20):
        wrong(alice)

    events = [(e.action, e.outcome, e.actor) for e in audit.events(account=alice.user.pk, most=99)]
    # the wrong password, and that there were too many
    assert events == [("signed in", "refused", None)] * 2


def test_no_address_and_no_email_is_in_the_table(alice: Any, limit: SetLimit, place: str) -> None:
    limit(Limit.SIGN_IN, "pair=1/1d,account=9/1d,address=9/1d")
    wrong(alice, Client(REMOTE_ADDR=place))
    wrong(alice, Client(REMOTE_ADDR=place))

    with connection.cursor() as cursor:
        cursor.execute("select coalesce(string_agg(r::text, ' '), '') from accounts_ratelimit r")
        stored = cursor.fetchone()[0]
        cursor.execute("select string_agg(once, ' ') from accounts_auditevent where once ~ 'limit'")
        on_record = cursor.fetchone()[0]
    for said in (alice.email, "example.org", place, str(alice.user.pk)):
        assert said not in stored
        assert said not in on_record


@pytest.mark.usefixtures("db_ready")
def test_registration_is_limited(limit: SetLimit, place: str) -> None:
    limit(Limit.REGISTER, "address=2/1h")
    client = Client(REMOTE_ADDR=place)

    def register() -> int:
        password = "a long walk by the sea"
        email = f"new-{uuid4().hex}@example.org"
        form = {"email": email, "password": password, "password_again": password}
        return client.post(REGISTER, form).status_code

    answers = []
    for _ in range(3):
        answers.append(register())
        client.cookies.clear()
    assert answers == [302, 302, 429]


def test_registering_with_a_taken_address_is_a_try_to_sign_in_to_it(
    alice: Any, limit: SetLimit, place: str
) -> None:
    limit(Limit.SIGN_IN, "pair=2/1h")

    def register(password: str) -> int:
        form = {"email": alice.email, "password": password, "password_again": password}
        return Client(REMOTE_ADDR=place).post(REGISTER, form).status_code

    assert register("a long walk by the sea") == 400
    assert register("a short walk by the sea") == 400
    assert register(alice.password) == 429
    assert wrong(alice, REMOTE_ADDR=place).status_code == 429
    tried = AuditEvent.objects.filter(action=AuditAction.REGISTERED, subject=alice.user.pk)
    assert tried.count() == 3


@pytest.mark.parametrize(
    ("page", "most"), [("/accounts/reset/", 5), ("/accounts/confirm/again/", 10)]
)
def test_mails_to_one_person_are_limited(
    alice: Any, place: str, monkeypatch: pytest.MonkeyPatch, page: str, most: int
) -> None:
    monkeypatch.setattr(links, "ANSWERED_AFTER", 0.0)
    client = Client(REMOTE_ADDR=place)

    answers = [client.post(page, {"email": alice.email}).status_code for _ in range(most + 1)]

    assert answers == [200] * most + [429]


def test_who_asks_for_resets_does_not_keep_their_person_from_asking(
    alice: Any, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "ANSWERED_AFTER", 0.0)

    def ask(address: str) -> int:
        asked = Client(REMOTE_ADDR=address).post("/accounts/reset/", {"email": alice.email})
        return asked.status_code

    assert [ask(place) for _ in range(6)][-1] == 429
    assert ask("192.0.2.77") == 200


def test_uploads_are_limited_and_what_was_typed_stays(alice: Any, limit: SetLimit) -> None:
    limit(Limit.UPLOAD, "account=1/1h")
    client = sign_in(alice)

    def upload() -> Any:
        file = SimpleUploadedFile("t.csv", b"id,age\nP1,34\n")
        return load_by_page(client, {"file": file, "title": "Typed", "id_column": "id"})

    assert upload().status_code == 302
    answer = upload()
    assert answer.status_code == 429
    assert "Retry-After" in answer
    assert "Too many tries" in answer.content.decode()
    assert 'value="Typed"' in answer.content.decode()


def test_listing_of_columns_is_limited(alice: Any, limit: SetLimit) -> None:
    limit(Limit.COLUMNS, "account=1/1h")
    client = sign_in(alice)

    def columns() -> int:
        return client.post(
            "/datasets/new/columns/", b"id,age\n", content_type="application/octet-stream"
        ).status_code

    assert [columns(), columns()] == [200, 429]


def test_linking_of_ids_is_limited(alice: Any, bob: Any, limit: SetLimit) -> None:
    limit(Limit.IDS, "account=1/1h")
    client = sign_in(alice)

    answers = [client.post("/pseudonyms/", {"ids": "P1"}).status_code for _ in range(2)]

    assert answers == [200, 429]
    assert sign_in(bob).post("/pseudonyms/", {"ids": "P1"}).status_code == 200


def test_posts_to_the_admin_are_limited_and_reading_is_not(people: Any, limit: SetLimit) -> None:
    limit(Limit.ADMIN, "account=1/1h")
    carol = sign_in(people.carol)

    posts = [carol.post("/admin/accounts/user/", {}).status_code for _ in range(2)]

    assert posts[1] == 429
    assert posts[0] != 429
    assert carol.get("/admin/accounts/user/").status_code == 200


def test_a_limit_that_is_off_counts_nothing(alice: Any, limit: SetLimit) -> None:
    limit(Limit.SIGN_IN, "off")
    RateLimit.objects.all().delete()

    assert {wrong(alice).status_code for _ in range(3)} == {400}
    assert not RateLimit.objects.exists()


def test_a_limit_that_was_changed_counts_anew(alice: Any, limit: SetLimit) -> None:
    limit(Limit.SIGN_IN, "pair=1/365d")
    assert [wrong(alice).status_code for _ in range(2)] == [400, 429]

    limit(Limit.SIGN_IN, "pair=2/1d")

    assert [wrong(alice).status_code for _ in range(3)] == [400, 400, 429]


def test_without_the_database_nobody_is_let_through(alice: Any) -> None:
    browser = Client(raise_request_exception=False)
    with database_away():
        answer = browser.post(SIGN_IN, {"email": alice.email, "password": alice.password})

    assert answer.status_code == 503
    assert "sessionid" not in answer.cookies


def test_settings_are_read_over_the_default() -> None:
    default = "pair=10/5m,account=50/1h"

    assert read_rates("", default) == {
        "pair": Rate(10, timedelta(minutes=5)),
        "account": Rate(50, timedelta(hours=1)),
    }
    assert read_rates("pair=3/2d", default)["pair"] == Rate(3, timedelta(days=2))
    assert read_rates(" Account = off ", default)["account"] is None
    assert read_rates("0", default) == read_rates("off", default) == {}


@pytest.mark.parametrize("text", ["10/5m", "pair=10", "pair=0/5m", "pair=1/5x", "address=1/1m"])
def test_a_rate_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"it knows pair|is no rate"):
        read_rates(text, "pair=10/5m")
