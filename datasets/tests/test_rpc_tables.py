"""What a person reads and changes of one table of theirs, over REST."""

from uuid import uuid4

import pytest

from conftest import Person
from datasets.tests.stored import Columns, Stored, create_part, qualified, run, store_dataset
from fairdb_site.errors import NotFound, Refused


def test_only_parts_of_ready_datasets_are_listed(alice: Person) -> None:
    ready = store_dataset(alice.user.id)
    store_dataset(alice.user.id, ready=False)
    create_part(alice.user.id, f"free_{uuid4().hex[:8]}", {"a": "text"})

    assert alice.rpc("get_all_tables") == [
        {"table_name": part, "table_type": "BASE TABLE"} for part in ready.parts
    ]


def test_a_table_not_yet_ready_is_the_same_404_as_a_missing_one(alice: Person) -> None:
    loading = store_dataset(alice.user.id, ready=False)
    unplanned = f"free_{uuid4().hex[:8]}"
    create_part(alice.user.id, unplanned, {"a": "text"})

    assert alice.rpc("table_exists", {"p_table_name": loading.table}) is False
    for name in (loading.table, unplanned, "no such table"):
        with pytest.raises(NotFound, match=r"^No such table\.$"):
            alice.rpc("select_from_table", {"p_table_name": name})


def test_columns_are_described_as_information_schema_does(alice: Person) -> None:
    columns: Columns = {
        "i": ("integer", [1]),
        "f": ("float", [1.0]),
        "b": ("boolean", [True]),
        "d": ("date", ["2024-02-29"]),
        "t": ("timestamp", ["2024-02-29 12:00:00"]),
        "x": ("text", ["x"]),
    }
    stored = store_dataset(alice.user.id, columns, rows=1, columns_a_part=6)

    described = alice.rpc("get_table_columns", {"p_table_name": stored.table})

    assert [(c["column_name"], c["data_type"], c["is_nullable"]) for c in described] == [
        ("rowid", "bigint", "NO"),
        ("user_id", "uuid", "NO"),
        ("patient_hash", "text", "NO"),
        ("c2", "bigint", "YES"),
        ("c3", "double precision", "YES"),
        ("c4", "boolean", "YES"),
        ("c5", "date", "YES"),
        ("c6", "timestamp without time zone", "YES"),
        ("c7", "text", "YES"),
    ]


def test_tables_are_found_by_a_part_of_a_label_in_any_case(alice: Person) -> None:
    columns = {f"Gene {n}": ("text", ["x"]) for n in range(4)}
    stored = store_dataset(alice.user.id, columns, rows=1, columns_a_part=2)

    def found(text: str) -> list[str]:
        tables = alice.rpc("search_tables_by_column", {"p_column_name": text})
        return [table["table_name"] for table in tables]

    assert found("gene 3") == [stored.parts[1]]
    assert found("GENE") == stored.parts
    assert found("patient") == stored.parts  # the id column is in every part
    assert found("c2") == []  # a physical name is nobody's label


@pytest.mark.parametrize(
    ("text", "matches"), [("%", {"50% dose"}), ("_", {"a_b"}), ("\\", {"back\\slash"})]
)
def test_wildcards_in_a_search_stand_for_themselves(
    alice: Person, text: str, matches: set[str]
) -> None:
    labels = ["50% dose", "a_b", "back\\slash", "plain"]
    store_dataset(alice.user.id, {label: ("text", ["x"]) for label in labels}, rows=1)

    found = alice.rpc("search_columns", {"p_query": text})

    assert {column["label"] for column in found} == matches


def test_rows_come_as_objects_in_order_without_the_owners_id(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("integer", [7, 8, 9])})

    rows = alice.rpc("select_from_table", {"p_table_name": stored.table, "p_row_limit": 2})

    assert rows == [
        {"rowid": 1, "patient_hash": "hash1", "c2": 7},
        {"rowid": 2, "patient_hash": "hash2", "c2": 8},
    ]


def test_at_most_a_thousand_rows_come_at_once(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("integer", range(1001))}, rows=1001)

    rows = alice.rpc("select_from_table", {"p_table_name": stored.table, "p_row_limit": 5000})

    assert len(rows) == 1000


TYPED: Columns = {
    "Whole": ("integer", [1]),
    "Real": ("float", [1.5]),
    "Yes or no": ("boolean", [True]),
    "Day": ("date", ["2024-01-01"]),
    "Moment": ("timestamp", ["2024-01-01 00:00:00"]),
    "Words": ("text", ["x"]),
}


@pytest.fixture
def typed(alice: Person) -> Stored:
    return store_dataset(alice.user.id, TYPED, rows=1, columns_a_part=6)


def update(person: Person, stored: Stored, updates: object, row: int = 1) -> object:
    return person.rpc(
        "update_table_row",
        {"p_table_name": stored.table, "p_row_id": row, "p_updates": updates},
    )


def test_cells_are_changed_with_values_of_their_type(alice: Person, typed: Stored) -> None:
    new = {
        "c2": "42",
        "c3": 2.25,
        "c4": False,
        "c5": "1999-12-31",
        "c6": "1999-12-31T23:59:59.5",
        "c7": "100% \"quoted\" 'text'; drop table x; --",
    }

    assert update(alice, typed, new) is True

    assert run(f"select * from {typed.qualified}")[0][3:6] == (42, 2.25, False)
    text = run(f"select c5::text, c6::text, c7 from {typed.qualified}")[0]
    assert text == ("1999-12-31", "1999-12-31 23:59:59.5", new["c7"])


def test_null_empties_a_cell_of_any_type(alice: Person, typed: Stored) -> None:
    assert update(alice, typed, dict.fromkeys(["c2", "c3", "c4", "c5", "c6", "c7"])) is True

    assert run(f"select * from {typed.qualified}")[0][3:] == (None,) * 6


@pytest.mark.parametrize(
    ("column", "label", "value"),
    [
        ("c2", "Whole", "12.5 secret"),
        ("c2", "Whole", 1.5),
        ("c2", "Whole", "0x1F"),
        ("c2", "Whole", "9" * 40),
        ("c2", "Whole", ""),
        ("c3", "Real", "secret"),
        ("c3", "Real", "1e999"),
        ("c4", "Yes or no", "secret"),
        ("c5", "Day", "2023-02-29"),
        ("c5", "Day", "today"),
        ("c5", "Day", "03/04/2024"),
        ("c6", "Moment", "2024-01-01 10:00+02"),
        ("c6", "Moment", "now"),
        ("c7", "Words", {"a": "secret"}),
        ("c7", "Words", ["secret"]),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_columns_label_and_never_quoted(
    alice: Person, typed: Stored, column: str, label: str, value: object
) -> None:
    with pytest.raises(Refused) as refused:
        update(alice, typed, {column: value})

    assert f'"{label}"' in refused.value.message
    assert "secret" not in refused.value.message
    assert run(f"select c7 from {typed.qualified}") == [("x",)]


@pytest.mark.parametrize("column", ["rowid", "user_id", "patient_hash", "ctid", "nowhere", ""])
def test_rowid_owner_pseudonym_and_unknown_columns_are_refused(
    alice: Person, typed: Stored, column: str
) -> None:
    before = run(f"select * from {typed.qualified}")

    with pytest.raises(Refused):
        update(alice, typed, {column: "1", "c2": 5})

    assert run(f"select * from {typed.qualified}") == before


@pytest.mark.parametrize("updates", [{}, [], "text", None, 5])
def test_an_update_has_to_name_a_column(alice: Person, typed: Stored, updates: object) -> None:
    with pytest.raises(Refused, match="at least one column"):
        update(alice, typed, updates)


def test_updating_a_row_that_is_not_there_says_false(alice: Person, typed: Stored) -> None:
    assert update(alice, typed, {"c2": 5}, row=99) is False


def test_an_update_touches_one_row_of_one_table(alice: Person) -> None:
    first = store_dataset(alice.user.id, {"a": ("integer", [1, 2, 3])})
    second = store_dataset(alice.user.id, {"a": ("integer", [1, 2, 3])})

    update(alice, first, {"c2": 9}, row=2)

    assert run(f"select c2 from {first.qualified} order by rowid") == [(1,), (9,), (3,)]
    assert run(f"select c2 from {second.qualified} order by rowid") == [(1,), (2,), (3,)]


def test_the_owner_describes_a_table_and_gets_its_records_id(alice: Person) -> None:
    stored = store_dataset(alice.user.id)

    record = alice.rpc(
        "insert_metadata",
        {
            "p_table_name": stored.table,
            "p_main_table": "cohort",
            "p_description": "Baseline visit",
            "p_origin": "Groningen",
        },
    )

    kept = run(
        f"select id, main_table, description, origin, user_id"
        f" from {qualified('metadata_tables')} where table_name = %s",
        [stored.table],
    )
    assert kept == [(record, "cohort", "Baseline visit", "Groningen", alice.user.id)]


def test_a_thousand_and_one_tables_are_listed_whole(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {"a": ("text", ["x"])}, rows=1)
    more = [f"{stored.table}_{n}" for n in range(1000)]
    run(
        f"insert into {qualified('metadata_tables')} (table_name, user_id, dataset_id)"
        " select unnest(%s::text[]), %s, %s",
        [more, alice.user.id, stored.id],
    )

    listed = [table["table_name"] for table in alice.rpc("get_all_tables")]

    assert listed == [stored.table, *more]
