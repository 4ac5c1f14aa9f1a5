"""Every function of our schemas, called over plain REST by four callers.

The table says what becomes of Alice's dataset in the hands of nobody (the publishable key alone),
Alice, Bob and the service role. A function that is not in it fails the first test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.conf import settings

from conftest import Person, make_person
from datasets.models import Change, Dataset
from datasets.tests.stored import Stored, content_state, create_part, qualified, run, store_dataset
from fairdb_site.database import as_user
from fairdb_site.supabase import auth

Params = dict[str, Any]
DENIED, DONE, MISSING, NOTHING = "denied", "done", "missing", "nothing"


@dataclass(frozen=True)
class Function:
    """What to call a function with, and what comes of it for the owner, another and the service.

    NOTHING: an answer, but of nothing (empty, false, zero). MISSING: the 404 of what is not there.
    Nobody is denied every one of them.
    """

    params: Callable[[Stored], Params]
    owner: str = DONE
    other: str = MISSING
    service: str = DENIED


def no_params(stored: Stored) -> Params:
    return {}


def of_table(stored: Stored) -> Params:
    return {"p_table_name": stored.table}


def correct(stored: Stored) -> UUID:
    """Correct a cell as the owner does; return the change that it was."""
    if not Dataset.objects.filter(pk=stored.id).exists():
        return stored.id
    with as_user(stored.owner):
        run("select public.update_table_row(%s, 1, '{\"c2\": 5}')", [stored.table])
    return Change.objects.get(dataset=stored.id).pk


def kept_report(stored: Stored) -> Params:
    """Keep a report as the owner does; return what names it."""
    report: Any = stored.id
    if state := content_state(stored):
        with as_user(stored.owner):
            ((report,),) = run(
                "select public.keep_privacy_report(%s, %s, '{}', '{}', '{}')", [stored.id, state]
            )
    return {"p_report_id": str(report)}


def of_dataset(stored: Stored) -> Params:
    return {"p_dataset_id": str(stored.id)}


FUNCTIONS: dict[str, Function] = {
    "accounts_event_once": Function(
        lambda s: {
            "p_action": "corrected",
            "p_actor": str(s.owner),
            "p_dataset": str(s.id),
            "p_session": None,
        },
        owner=DENIED,
        other=DENIED,
    ),
    "delete_dataset_rows": Function(lambda s: {**of_dataset(s), "p_row_ids": [3]}),
    "describe_columns": Function(
        lambda s: {**of_dataset(s), "p_columns": {"2": {"description": "In years", "unit": "a"}}}
    ),
    "describe_dataset": Function(
        lambda s: {**of_dataset(s), "p_facts": {"title": "Another title", "keywords": ["x"]}}
    ),
    "delete_privacy_report": Function(kept_report),
    "get_privacy_report": Function(kept_report),
    "keep_privacy_report": Function(
        lambda s: {
            **of_dataset(s),
            "p_state": content_state(s),
            "p_roles": {},
            "p_thresholds": {},
            "p_figures": {},
        }
    ),
    "list_privacy_reports": Function(lambda s: {**of_dataset(s), "p_limit": len(kept_report(s))}),
    "set_privacy_roles": Function(
        lambda s: {**of_dataset(s), "p_roles": {"2": "quasi_identifier", "3": "sensitive"}}
    ),
    "set_privacy_thresholds": Function(lambda s: {**of_dataset(s), "p_thresholds": {"k": 3}}),
    "get_changes": Function(lambda s: {**of_dataset(s), "p_row_id": 1 if correct(s) else 0}),
    "undo_change": Function(lambda s: {"p_change_id": str(correct(s))}),
    "update_dataset_row": Function(
        lambda s: {**of_dataset(s), "p_row_id": 2, "p_updates": {"2": 7}}
    ),
    "count_dataset_rows": Function(lambda s: {**of_dataset(s), "p_conditions": []}),
    "get_all_tables": Function(no_params, other=NOTHING),
    "get_column_profile": Function(lambda s: {**of_dataset(s), "p_position": 2}),
    "get_columns_at": Function(lambda s: {**of_dataset(s), "p_positions": [1, 2]}),
    "get_dataset": Function(of_dataset),
    "get_dataset_columns": Function(of_dataset),
    "get_dataset_outline": Function(of_dataset),
    "get_join_report": Function(
        lambda s: {**of_dataset(s), "p_source_id": str(s.id), "p_no_id": None}
    ),
    "get_overview": Function(no_params, other=NOTHING),
    "get_table_columns": Function(of_table),
    "index_dataset_column": Function(
        lambda s: {**of_dataset(s), "p_position": 2},
        owner=DENIED,
        other=DENIED,
        service=NOTHING,  # so few rows are sorted without one
    ),
    "insert_metadata": Function(
        lambda s: {**of_table(s), "p_main_table": "m", "p_description": "d", "p_origin": "o"}
    ),
    "list_datasets": Function(no_params, other=NOTHING),
    "list_versions": Function(of_dataset),
    "search_columns": Function(lambda s: {"p_query": "age"}, other=NOTHING),
    "search_datasets": Function(lambda s: {"p_query": "cohort"}, other=NOTHING),
    "search_tables_by_column": Function(lambda s: {"p_column_name": "age"}, other=NOTHING),
    "select_dataset_rows": Function(lambda s: {**of_dataset(s), "p_positions": [2]}),
    "select_from_table": Function(of_table),
    "table_exists": Function(of_table, other=NOTHING),
    "update_table_row": Function(lambda s: {**of_table(s), "p_row_id": 1, "p_updates": {"c2": 1}}),
    "create_data_table": Function(
        lambda s: {
            "p_schema_name": settings.FAIRDB_DATA_SCHEMA,
            "p_table_name": f"{s.table}_more",
            "p_column_names": [],
            "p_id_column": "patient",
            "p_user_id": str(s.owner),
        },
        owner=DENIED,
        other=DENIED,
        service=DONE,
    ),
    "drop_data_table": Function(
        lambda s: {"p_table_name": f"{s.table}_spare", "p_user_id": str(s.owner)},
        owner=DENIED,
        other=DENIED,
        service=DONE,
    ),
}
# In the data schema, which REST does not serve.
INSIDE = {
    "begin_change",
    "change_made",
    "contains_pattern",
    "cut_text",
    "content_state",
    "dataset_facts",
    "fill_attached",
    "has_turn",
    "is_newest",
    "keep_change",
    "note_description",
    "column_cell",
    "condition_text",
    "is_indexed",
    "matching_rows",
    "orphan_parts",
    "pseudonym_name",
    "page_orders",
    "page_rowids",
    "require_caller",
    "require_condition",
    "require_data_schema",
    "require_fit",
    "require_name",
    "require_own_dataset",
    "require_own_part",
    "require_texts",
    "rows_at",
    "rows_from",
    "seal_part",
    "stored_type",
    "texts_of",
    "walked_rowids",
}
EMPTY: list[Any] = [[], False, {"datasets": 0, "rows": 0, "columns": 0, "unfinished": []}]


# plain HTTP on loopback: no certificates to load
http = httpx.Client(timeout=30, verify=False)


def call(name: str, params: Params, *, key: str, token: str | None = None) -> httpx.Response:
    """Call a function over REST without supabase-py."""
    headers = {"apikey": key} | ({"Authorization": f"Bearer {token}"} if token else {})
    url = f"{settings.SUPABASE_URL}/rest/v1/rpc/{name}"
    return http.post(url, json=params, headers=headers)


def outcome(response: httpx.Response) -> str:
    """Say in the words of the table what came of a call."""
    body: Any = response.json() if response.content else None
    if response.is_success:
        return NOTHING if body in EMPTY else DONE
    code = body["code"]
    if code == "42501":
        assert response.status_code in {401, 403}
        return DENIED
    if code == "PT404":
        assert response.status_code == 404
        return MISSING
    return f"{response.status_code} {code} {body['message']}"


@pytest.fixture(scope="module")
def alice(db_ready: None) -> Person:
    return make_person("alice")


@pytest.fixture(scope="module")
def bob(db_ready: None) -> Person:
    return make_person("bob")


@pytest.fixture(scope="module")
def dora(db_ready: None) -> Person:
    return make_person("dora", factor=True)


@pytest.fixture
def stored(alice: Person) -> Stored:
    stored = store_dataset(alice.user.id)
    create_part(alice.user.id, f"{stored.table}_spare", {})
    return stored


def test_every_function_is_in_the_table(db_ready: None) -> None:
    rows = run(
        "select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname = %s"
        # nobody can call a trigger's function
        " or (n.nspname = 'public' and p.prorettype <> 'trigger'::regtype)",
        [settings.FAIRDB_DATA_SCHEMA],
    )

    assert sorted(name for schema, name in rows if schema == "public") == sorted(FUNCTIONS)
    assert {name for schema, name in rows if schema != "public"} == INSIDE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nobody_is_let_in_with_the_publishable_key_alone(name: str, stored: Stored) -> None:
    response = call(name, FUNCTIONS[name].params(stored), key=settings.SUPABASE_PUBLISHABLE_KEY)

    assert outcome(response) == DENIED
    assert response.status_code == 401


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_owner_gets_what_the_function_is_for(name: str, stored: Stored, alice: Person) -> None:
    response = call(
        name,
        FUNCTIONS[name].params(stored),
        key=settings.SUPABASE_PUBLISHABLE_KEY,
        token=alice.access_token,
    )

    assert outcome(response) == FUNCTIONS[name].owner


@pytest.mark.parametrize("name", FUNCTIONS)
def test_another_owner_meets_nothing_of_it(name: str, stored: Stored, bob: Person) -> None:
    params = FUNCTIONS[name].params(stored)
    before = contents(stored)

    response = call(name, params, key=settings.SUPABASE_PUBLISHABLE_KEY, token=bob.access_token)

    assert outcome(response) == FUNCTIONS[name].other
    assert contents(stored) == before
    for secret in (*stored.parts, str(stored.id), str(stored.owner), "hash1", "note"):
        assert secret not in response.text


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_password_alone_opens_nothing_of_who_has_a_second_factor(
    name: str, dora: Person
) -> None:
    stored = store_dataset(dora.user.id)
    params = FUNCTIONS[name].params(stored)
    before = contents(stored)
    password_alone = auth.sign_in(dora.email, dora.password).access_token
    key = settings.SUPABASE_PUBLISHABLE_KEY

    refused = call(name, params, key=key, token=password_alone)

    assert contents(stored) == before
    if FUNCTIONS[name].owner == DENIED:
        assert outcome(refused) == DENIED
        return
    assert refused.status_code == 403
    assert refused.json()["message"] == "Sign in with your second factor first."
    answer = call(name, params, key=key, token=dora.access_token)
    assert outcome(answer) == FUNCTIONS[name].owner


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_service_role_makes_and_drops_and_reads_nothing(name: str, stored: Stored) -> None:
    response = call(name, FUNCTIONS[name].params(stored), key=settings.SUPABASE_SECRET_KEY)

    assert outcome(response) == FUNCTIONS[name].service


@pytest.mark.parametrize(
    "name", [name for name, function in FUNCTIONS.items() if function.other == MISSING]
)
def test_someone_elses_and_a_missing_one_are_the_same_answer(
    name: str, stored: Stored, bob: Person
) -> None:
    missing = Stored(
        id=type(stored.id)("00000000-0000-4000-8000-000000000000"),
        owner=stored.owner,
        parts=["nowhere"],
    )
    answers = [
        call(
            name,
            FUNCTIONS[name].params(which),
            key=settings.SUPABASE_PUBLISHABLE_KEY,
            token=bob.access_token,
        )
        for which in (stored, missing)
    ]

    assert answers[0].status_code == answers[1].status_code == 404
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("name", [n for n, f in FUNCTIONS.items() if f.owner == DONE])
def test_any_other_schema_is_refused(name: str, stored: Stored, alice: Person) -> None:
    response = call(
        name,
        {**FUNCTIONS[name].params(stored), "p_schema_name": "auth"},
        key=settings.SUPABASE_PUBLISHABLE_KEY,
        token=alice.access_token,
    )

    assert (response.status_code, response.json()["code"]) == (400, "22023")


@pytest.mark.parametrize(
    "name", [n for n, f in FUNCTIONS.items() if f.owner == DENIED and f.service != DENIED]
)
def test_any_other_schema_is_refused_to_the_service_role_too(name: str, stored: Stored) -> None:
    response = call(
        name,
        {**FUNCTIONS[name].params(stored), "p_schema_name": "public"},
        key=settings.SUPABASE_SECRET_KEY,
    )

    assert (response.status_code, response.json()["code"]) == (400, "22023")


@pytest.mark.parametrize("name", sorted(INSIDE))
def test_functions_inside_are_not_served(name: str, alice: Person) -> None:
    for key, token in (
        (settings.SUPABASE_PUBLISHABLE_KEY, None),
        (settings.SUPABASE_PUBLISHABLE_KEY, alice.access_token),
        (settings.SUPABASE_SECRET_KEY, None),
    ):
        response = call(name, {}, key=key, token=token)
        assert (response.status_code, response.json()["code"]) == (404, "PGRST202")


@pytest.mark.parametrize("table", ["datasets", "metadata_tables", "dataset_columns", "part"])
@pytest.mark.parametrize("profile", ["public", "data"])
def test_no_table_is_served_over_rest(
    table: str, profile: str, stored: Stored, bob: Person
) -> None:
    name = stored.table if table == "part" else table
    schema = settings.FAIRDB_DATA_SCHEMA if profile == "data" else "public"
    for key, token in (
        (settings.SUPABASE_PUBLISHABLE_KEY, None),
        (settings.SUPABASE_PUBLISHABLE_KEY, bob.access_token),
        (settings.SUPABASE_SECRET_KEY, None),
    ):
        response = http.get(
            f"{settings.SUPABASE_URL}/rest/v1/{name}?select=*",
            headers={"apikey": key, "Accept-Profile": schema}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
        )
        assert response.is_error
        assert "hash1" not in response.text


def test_bob_cannot_describe_alices_table(stored: Stored, bob: Person) -> None:
    before = contents(stored)

    response = call(
        "insert_metadata",
        {
            "p_table_name": stored.table,
            "p_main_table": "mine now",
            "p_description": "",
            "p_origin": "",
        },
        key=settings.SUPABASE_PUBLISHABLE_KEY,
        token=bob.access_token,
    )

    assert response.status_code == 404
    assert contents(stored) == before


@pytest.mark.parametrize(
    "end",
    [
        "delete from auth.sessions where user_id = %s",
        "update auth.users set banned_until = now() + interval '1 hour' where id = %s",
        "delete from auth.users where id = %s",
    ],
    ids=["signed out", "banned", "deleted"],
)
def test_a_token_that_has_not_run_out_opens_nothing_once_its_session_is_over(
    end: str, bob: Person
) -> None:
    erin = make_person("erin")
    stored = store_dataset(erin.user.id)
    key, params = settings.SUPABASE_PUBLISHABLE_KEY, of_dataset(stored)
    assert outcome(call("get_dataset", params, key=key, token=erin.access_token)) == DONE

    run(end, [str(erin.user.id)])

    refused = call("get_dataset", params, key=key, token=erin.access_token)
    assert (refused.status_code, refused.json()["code"]) == (401, "PT401")
    assert outcome(call("get_overview", {}, key=key, token=bob.access_token)) == NOTHING


def test_a_token_without_a_subject_owns_nothing(stored: Stored) -> None:
    """A DEFINER function of the earlier system returned every row when auth.uid() was null."""
    rows = run(
        "select set_config('role', 'authenticated', true),"
        " set_config('request.jwt.claims', '{\"role\": \"authenticated\"}', true),"
        " public.get_all_tables()::text, public.list_datasets()::text,"
        " public.search_columns('')::text"
    )

    assert rows[0][2:] == ("[]", "[]", "[]")


def contents(stored: Stored) -> list[Any]:
    """Return everything the database holds of a dataset."""
    return [
        *(run(f"select * from {qualified(part)} order by rowid") for part in stored.parts),
        run(f"select * from {qualified('datasets')} where id = %s", [stored.id]),
        run(
            f"select * from {qualified('metadata_tables')} where user_id = %s order by id",
            [stored.owner],
        ),
        *(
            run(f"select * from {qualified(table)} where dataset_id = %s", [stored.id])
            for table in (
                *("dataset_columns", "privacy_reports", "privacy_codes"),
                "privacy_population_codes",
            )
        ),
    ]
