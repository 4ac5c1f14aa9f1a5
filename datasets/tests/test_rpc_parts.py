"""Making, sealing and dropping parts: the service role's functions and those of Django."""

from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import DatabaseError, InternalError, ProgrammingError

from conftest import Person
from datasets import rpc
from datasets.models import Dataset, MetadataTable
from datasets.tests.stored import create_part, qualified, run, store_dataset
from fairdb_site.database import as_user
from fairdb_site.errors import Conflict, Refused
from fairdb_site.supabase.clients import Supabase

REFUSED = "22023"


@pytest.fixture
def supabase() -> Supabase:
    return Supabase()


def new_name() -> str:
    return f"t_{uuid4().hex[:12]}"


def names_of(table: str) -> list[str]:
    return [
        row[0]
        for row in run(
            "select attname::text from pg_attribute where attrelid = %s::regclass and attnum > 0"
            " order by attnum",
            [qualified(table)],
        )
    ]


def test_a_part_has_rowid_owner_pseudonym_and_the_columns_as_named(
    alice: Person, supabase: Supabase
) -> None:
    name = f'"; drop table {uuid4().hex} --'
    columns = ['a"b', "c'd", "100%", "select", "Ärger 😀", "Rowid", " "]

    assert rpc.create_data_table(
        supabase, table_name=name, column_names=columns, id_column="pid", user_id=alice.user.id
    )

    assert names_of(name) == ["rowid", "user_id", "pid_hash", *columns]


def test_types_are_mapped_and_text_where_none_is_given(alice: Person, supabase: Supabase) -> None:
    types = ["integer", "float", "boolean", "date", "timestamp", "text"]
    name, plain = new_name(), new_name()
    for table, column_types in ((name, types), (plain, None)):
        rpc.create_data_table(
            supabase,
            table_name=table,
            column_names=types,
            id_column="pid",
            user_id=alice.user.id,
            column_types=column_types,
        )

    def types_of(table: str) -> list[str]:
        return [
            row[0]
            for row in run(
                "select format_type(atttypid, null) from pg_attribute"
                " where attrelid = %s::regclass and attnum > 3 order by attnum",
                [qualified(table)],
            )
        ]

    assert types_of(name) == [
        "bigint",
        "double precision",
        "boolean",
        "date",
        "timestamp without time zone",
        "text",
    ]
    assert types_of(plain) == ["text"] * 6


def test_a_part_may_hold_only_its_owners_rows(alice: Person, bob: Person) -> None:
    name = new_name()
    create_part(alice.user.id, name, {"a": "text"})

    with pytest.raises(DatabaseError, match="check constraint"):
        run(f"insert into {qualified(name)} values (1, %s, 'h', 'x')", [bob.user.id])


@pytest.mark.parametrize(
    ("table", "columns", "id_column", "types"),
    [
        ("", ["a"], "pid", None),
        ("t" * 64, ["a"], "pid", None),
        ("ü" * 32, ["a"], "pid", None),
        (None, ["a"], "pid", None),
        ("t", ["a", "a"], "pid", None),
        ("t", [""], "pid", None),
        ("t", ["x" * 64], "pid", None),
        ("t", [None], "pid", None),
        ("t", ["rowid"], "pid", None),
        ("t", ["user_id"], "pid", None),
        ("t", ["pid_hash"], "pid", None),
        ("t", ["ctid"], "pid", None),
        ("t", ["tableoid"], "pid", None),
        ("t", ["a"], "", None),
        ("t", ["a"], None, None),
        ("t", ["a"], "x" * 64, None),
        ("t", ["a"], "pid", ["text", "text"]),
        ("t", ["a"], "pid", ["bigint"]),
        ("t", ["a"], "pid", ["text); drop table x; --"]),
        ("t", ["a"], "pid", [None]),
    ],
)
def test_names_and_types_that_cannot_be_are_refused(
    alice: Person,
    table: str | None,
    columns: list[str | None],
    id_column: str | None,
    types: list[str | None] | None,
) -> None:
    with pytest.raises(DatabaseError) as refused:
        run(
            "select public.create_data_table(%s, %s, %s::text[], %s, %s, %s::text[])",
            [settings.FAIRDB_DATA_SCHEMA, table, columns, id_column, alice.user.id, types],
        )

    assert getattr(refused.value.__cause__, "pgcode", None) == REFUSED


def test_a_name_with_nul_is_refused(alice: Person, supabase: Supabase) -> None:
    with pytest.raises(Refused):
        rpc.create_data_table(
            supabase, table_name="a\0b", column_names=[], id_column="p", user_id=alice.user.id
        )


def test_a_long_id_name_is_cut_between_characters_to_make_room_for_hash(alice: Person) -> None:
    name = new_name()
    run(
        "select public.create_data_table(%s, %s, '{}', %s, %s)",
        [settings.FAIRDB_DATA_SCHEMA, name, "é" * 31, alice.user.id],
    )

    assert names_of(name)[2] == "é" * 29 + "_hash"


def test_an_owner_without_an_account_is_refused(db_ready: None, supabase: Supabase) -> None:
    with pytest.raises(Refused, match="no account"):
        rpc.create_data_table(
            supabase, table_name=new_name(), column_names=[], id_column="p", user_id=uuid4()
        )


@pytest.mark.parametrize("taken", ["datasets", "metadata_tables", "metadata_tables_id_seq"])
def test_a_name_that_is_taken_is_a_conflict(alice: Person, supabase: Supabase, taken: str) -> None:
    with pytest.raises(Conflict):
        rpc.create_data_table(
            supabase, table_name=taken, column_names=[], id_column="p", user_id=alice.user.id
        )


def test_making_a_part_again_is_a_conflict_also_for_somebody_else(
    alice: Person, bob: Person, supabase: Supabase
) -> None:
    name = new_name()
    for person, expected in ((alice, None), (alice, Conflict), (bob, Conflict)):
        if expected is None:
            create_part(person.user.id, name, {})
            continue
        with pytest.raises(expected):
            rpc.create_data_table(
                supabase, table_name=name, column_names=[], id_column="p", user_id=person.user.id
            )
    assert MetadataTable.objects.get(table_name=name).user_id == alice.user.id


def test_a_planned_part_belongs_to_its_dataset_and_an_unplanned_one_to_none(
    alice: Person, bob: Person
) -> None:
    mine, stranger, free = new_name(), new_name(), new_name()
    dataset = Dataset.objects.create(
        user_id=alice.user.id, title="Study", origin="UMCG", parts=[mine]
    )
    Dataset.objects.create(user_id=bob.user.id, title="Other", parts=[stranger])
    for name in (mine, stranger, free):
        create_part(alice.user.id, name, {})

    registered = {
        name: MetadataTable.objects.get(table_name=name) for name in (mine, stranger, free)
    }
    assert registered[mine].dataset_id == dataset.id
    assert (registered[mine].main_table, registered[mine].origin) == ("Study", "UMCG")
    assert registered[stranger].dataset_id is None
    assert registered[free].dataset_id is None
    assert {record.user_id for record in registered.values()} == {alice.user.id}


@pytest.mark.parametrize("state", ["ready", "deleting"])
def test_a_dataset_past_loading_takes_no_more_parts(alice: Person, state: str) -> None:
    name = new_name()
    dataset = Dataset.objects.create(user_id=alice.user.id, title="Study", parts=[name])
    run(
        f"update {qualified('datasets')} set state = %s, ready_at = now() where id = %s",
        [state, dataset.id],
    )

    create_part(alice.user.id, name, {})

    assert MetadataTable.objects.get(table_name=name).dataset_id is None


def test_before_it_is_sealed_a_part_is_closed_to_its_owner(alice: Person) -> None:
    loading = store_dataset(alice.user.id, ready=False)

    with pytest.raises(ProgrammingError, match="permission denied"), as_user(alice.user.id):
        run(f"select * from {loading.qualified}")


def test_a_sealed_part_is_indexed_by_owner_and_binds_its_tables_owner_too(alice: Person) -> None:
    stored = store_dataset(alice.user.id)

    facts = run(
        "select relrowsecurity, relforcerowsecurity from pg_class where oid = %s::regclass",
        [stored.qualified],
    )
    assert facts == [(True, True)]
    indexed = run("select indexdef from pg_indexes where tablename = %s", [stored.table])
    assert any("(user_id)" in row[0] for row in indexed)


def test_only_a_part_of_a_dataset_is_sealed(alice: Person) -> None:
    free = new_name()
    create_part(alice.user.id, free, {})

    for name in (free, "nowhere", "datasets"):
        with pytest.raises(InternalError, match="No dataset has a part"):
            run(f"select {qualified('seal_part')}(%s)", [name])


def test_a_sealed_part_without_columns_can_be_read(alice: Person) -> None:
    stored = store_dataset(alice.user.id, {})
    with as_user(alice.user.id):
        assert len(run(f"select * from {stored.qualified}")) == 3


def test_dropping_is_for_the_owner_named_and_does_no_harm_twice(
    alice: Person, bob: Person, supabase: Supabase
) -> None:
    name = new_name()
    create_part(alice.user.id, name, {})

    def drop(person: Person) -> bool:
        return rpc.drop_data_table(supabase, table_name=name, user_id=person.user.id)

    assert drop(bob) is False
    assert names_of(name)
    assert drop(alice) is True
    assert drop(alice) is False
    assert not MetadataTable.objects.filter(table_name=name).exists()
    with pytest.raises(ProgrammingError):
        names_of(name)


def test_a_part_of_a_ready_dataset_is_not_dropped(alice: Person, supabase: Supabase) -> None:
    stored = store_dataset(alice.user.id)

    with pytest.raises(Conflict):
        rpc.drop_data_table(supabase, table_name=stored.table, user_id=alice.user.id)

    run(f"update {qualified('datasets')} set state = 'deleting' where id = %s", [stored.id])
    assert rpc.drop_data_table(supabase, table_name=stored.table, user_id=alice.user.id)


def test_parts_of_a_deleted_account_are_found_as_orphans(alice: Person, bob: Person) -> None:
    gone, kept = store_dataset(alice.user.id), store_dataset(bob.user.id)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from auth.users where id = %s", [alice.user.id])

    orphans = run(f"select table_name, user_id from {qualified('orphan_parts')}()")

    assert {(part, alice.user.id) for part in gone.parts} <= set(orphans)
    assert not {part for part, _ in orphans} & set(kept.parts)
    assert not Dataset.objects.filter(pk=gone.id).exists()


def test_a_record_of_ownership_cannot_name_another_owner_than_its_dataset(
    alice: Person, bob: Person
) -> None:
    stored = store_dataset(alice.user.id)

    with pytest.raises(DatabaseError, match="foreign key"):
        run(
            f"update {qualified('metadata_tables')} set user_id = %s where dataset_id = %s",
            [bob.user.id, stored.id],
        )


def test_a_form_sent_twice_is_one_dataset(alice: Person, bob: Person) -> None:
    submission: UUID = uuid4()
    Dataset.objects.create(user_id=alice.user.id, title="a", submission=submission)
    Dataset.objects.create(user_id=bob.user.id, title="a", submission=submission)

    with pytest.raises(DatabaseError, match="unique"):
        Dataset.objects.create(user_id=alice.user.id, title="a", submission=submission)
