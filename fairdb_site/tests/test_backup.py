"""Backup and restore: all or nothing, nothing opened, nothing lost, nothing silently different."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.test import override_settings

from conftest import make_person
from datasets.models import Dataset, StagedFile
from datasets.tests.second_database import SecondDatabase, second_database
from datasets.tests.stored import Stored, store_dataset
from fairdb_site.backup import making, programs
from fairdb_site.backup.making import DATABASE, backup_make
from fairdb_site.backup.manifest import NAME, Manifest, describe_file, read_manifest, write_manifest
from fairdb_site.backup.restoring import Restored, backup_compare, backup_restore
from fairdb_site.doctor.contract_checks import CONTRACT_CHECKS
from fairdb_site.doctor.database_checks import examine_django_tables
from fairdb_site.errors import Conflict, Refused, Unavailable
from fairdb_site.tests.doctors import superuser

pytestmark = pytest.mark.usefixtures("db_ready")

OPENED = """
select objoid::regclass::text from (
  select c.oid as objoid, a.grantee from pg_class c, aclexplode(c.relacl) a
   where c.relnamespace in ('public'::regnamespace, '_fd'::regnamespace)
  union all
  select 'pg_proc'::regclass, a.grantee from pg_proc p, aclexplode(p.proacl) a
   where p.pronamespace in ('public'::regnamespace, '_fd'::regnamespace)
  union all
  select 'pg_namespace'::regclass, a.grantee from pg_namespace n, aclexplode(n.nspacl) a
   where n.nspname = '_fd') granted
 where grantee = 0 or grantee = 'anon'::regrole
"""
DEFAULTS = (
    "select defaclobjtype, defaclnamespace::regnamespace::text, defaclacl from pg_default_acl"
)
SECRET_CELL = "Cell of somebody's"


@dataclass(frozen=True)
class Made:
    """A database with two owners' datasets, and its backup."""

    source: SecondDatabase
    folder: Path
    manifest: Manifest
    alice: UUID
    bob: UUID
    dataset: Stored
    staged: str


def unseen(step: str, done: int, total: int) -> None:
    pass


def backup(folder: Path) -> Manifest:
    return backup_make(folder=folder, programs=None, progress=unseen)


def restore(folder: Path, *, any_key: bool = False) -> Restored:
    return backup_restore(folder=folder, programs=None, any_key=any_key, progress=unseen)


def compare(folder: Path) -> Restored:
    return backup_compare(folder=folder, progress=unseen)


@pytest.fixture(scope="module")
def made(db_ready: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Back up a database of its own: this run's holds what other tests are just changing."""
    folder = tmp_path_factory.mktemp("backup") / "first"
    staged = uuid4().hex
    with second_database() as source:
        source.migrate()
        with source.in_use():
            alice, bob = (make_person(name).user.pk for name in ("alice", "bob"))
            wide = {f"taxon {n}": ("float", [n / 7, 0.1, 1e-300]) for n in range(9)}
            dataset = store_dataset(alice)
            store_dataset(alice, wide, columns_a_part=3)
            store_dataset(bob, {"Note": ("text", [SECRET_CELL, 'a "quoted", one', None])})
            fingerprint = programs_key()
            Dataset.objects.update(key_fingerprint=fingerprint)
            storages["staged"].save(staged, ContentFile(b"sealed"))
            StagedFile.objects.create(name=staged, sealed_key=b"sealed key")
            manifest = backup(folder)
        yield Made(source, folder, manifest, alice, bob, dataset, staged)
    storages["staged"].delete(staged)


def programs_key() -> str:
    from datasets.ingest.pseudonyms import key_fingerprint

    return key_fingerprint(settings.FAIRDB_PSEUDONYM_KEY)


@pytest.fixture
def empty() -> Iterator[SecondDatabase]:
    """Give an empty database, in use by this process."""
    with second_database() as database, database.in_use():
        yield database


def is_empty(database: SecondDatabase) -> bool:
    found = database.run(
        "select to_regnamespace('_fd') is null and to_regclass('public.django_migrations') is null"
        " and not exists (select from auth.users)"
    )
    return bool(found[0][0])


def test_a_restored_database_equals_the_one_backed_up(made: Made, empty: SecondDatabase) -> None:
    storages["staged"].delete(made.staged)
    restored = restore(made.folder)
    assert not restored.differences
    assert not restored.notes
    assert [dataset.digest for dataset in restored.manifest.contents.datasets] == [
        dataset.digest for dataset in made.manifest.contents.datasets
    ]
    assert len(made.manifest.contents.datasets) == 3
    with storages["staged"].open(made.staged) as file:
        assert file.read() == b"sealed"
    with connection.cursor() as cursor:
        assert [finding for check in CONTRACT_CHECKS for finding in check(cursor)] == []
        assert list(examine_django_tables(cursor)) == []


def test_others_see_no_row_of_a_restored_dataset(made: Made, empty: SecondDatabase) -> None:
    restore(made.folder)
    from fairdb_site.database import as_user

    def rows_for(person: UUID) -> int:
        with as_user(person), connection.cursor() as cursor:
            cursor.execute(f"select count(*) from {made.dataset.qualified}")
            return int(cursor.fetchone()[0])

    assert rows_for(made.alice) == 3
    assert rows_for(made.bob) == 0


def test_the_restored_audit_trail_is_still_append_only(made: Made, empty: SecondDatabase) -> None:
    restore(made.folder)
    with pytest.raises(psycopg2.errors.RaiseException):
        empty.run("delete from accounts_auditevent")


def test_an_old_projects_default_privileges_open_nothing_that_was_closed(made: Made) -> None:
    with second_database(permissive=True) as old, old.in_use():
        before = old.run(DEFAULTS)
        assert before
        assert not restore(made.folder).differences
        assert old.run(OPENED) == []
        assert sorted(map(str, old.run(DEFAULTS))) == sorted(map(str, before))


def test_a_database_with_anything_in_it_is_refused_and_left(made: Made) -> None:
    with made.source.in_use():
        with pytest.raises(Conflict, match=r"schema _fd; tables in public; rows in auth\.users"):
            restore(made.folder)
        assert not compare(made.folder).differences


def test_what_fails_half_way_leaves_nothing_and_can_be_run_again(
    made: Made, empty: SecondDatabase, tmp_path: Path
) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(made.folder, cut)
    os.truncate(cut / DATABASE, (cut / DATABASE).stat().st_size - 40)  # in the last rows
    files = [describe_file(cut, file.name) for file in made.manifest.files]
    (cut / NAME).unlink()
    write_manifest(cut, replace(made.manifest, files=files))
    with pytest.raises(Unavailable, match="Nothing was restored"):
        restore(cut)
    assert is_empty(empty)
    assert not restore(made.folder).differences


def test_an_error_of_the_server_is_told_without_a_value(
    made: Made, empty: SecondDatabase, tmp_path: Path
) -> None:
    superuser_on(empty, "alter table auth.users add check (email not like 'bob%')")
    with pytest.raises(Unavailable) as raised:
        restore(made.folder)
    assert "23514" in raised.value.message
    assert "bob" not in raised.value.message
    assert is_empty(empty)


def superuser_on(database: SecondDatabase, sql: str) -> None:
    from fairdb_site.local.state import SUPERUSER, local_state

    name = database.url.rpartition("/")[2]
    url = local_state(settings.FAIRDB_LOCAL_DIR).database_url(SUPERUSER, name)
    with closing(psycopg2.connect(url)) as server, server, server.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("42501", "permission denied for schema auth (42501)"),
        ("22P02", "SQLSTATE 22P02"),
        ("23505", "SQLSTATE 23505"),
    ],
)
def test_only_errors_that_name_objects_are_quoted(code: str, told: str) -> None:
    line = f"psql:<stdin>:7: ERROR:  {code}: permission denied for schema auth"
    assert programs.plain_error(["NOTICE: x", line]) == told


def test_a_backup_that_was_killed_is_never_restored(made: Made, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    shutil.copytree(made.folder, killed)
    (killed / NAME).unlink()
    with pytest.raises(Refused, match="no whole backup"):
        restore(killed)
    with pytest.raises(Conflict, match="exists already"):
        backup(killed)


def test_a_damaged_backup_is_refused_before_anything_is_restored(
    made: Made, empty: SecondDatabase, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(made.folder, damaged)
    with (damaged / DATABASE).open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\0")
    with pytest.raises(Refused, match=r"damaged: database\.dump"):
        restore(damaged)
    assert is_empty(empty)


def test_another_pseudonym_key_is_refused_unless_asked(made: Made, empty: SecondDatabase) -> None:
    with override_settings(FAIRDB_PSEUDONYM_KEY="another" * 8, FAIRDB_TOKEN_KEYS=["other"]):
        with pytest.raises(Refused, match="FAIRDB_PSEUDONYM_KEY is not the key"):
            restore(made.folder)
        assert is_empty(empty)
        notes = restore(made.folder, any_key=True).notes
    assert ["TOKEN_KEYS" in note for note in notes] == [True, False]


def test_a_newer_platforms_backup_is_refused(made: Made, tmp_path: Path) -> None:
    newer = replace(made.manifest, migrations=[*made.manifest.migrations, "datasets.9999_later"])
    write_manifest(tmp_path, newer)
    with pytest.raises(Refused, match=r"newer version .*datasets\.9999_later"):
        restore(tmp_path)


def test_a_changed_cell_and_a_changed_right_are_found(made: Made, empty: SecondDatabase) -> None:
    restore(made.folder)
    empty.run(
        f"alter table {made.dataset.qualified} disable trigger keep_change;"
        f"update {made.dataset.qualified} set c2 = c2 + 1 where rowid = 2;"
        f"alter table {made.dataset.qualified} enable trigger keep_change;"
        f"alter table {made.dataset.qualified} no force row level security;"
        f"grant truncate on {made.dataset.qualified} to authenticated"
    )
    found = compare(made.folder).differences
    assert f"dataset {made.dataset.id} has another digest" in found
    assert any(line.startswith("grants differ: ") for line in found)
    assert any(line.startswith("row level security differ") for line in found)
    assert len(found) == 3


def test_a_load_under_way_neither_waits_for_a_backup_nor_keeps_it_waiting(
    made: Made, tmp_path: Path
) -> None:
    with second_database() as database:
        database.migrate()
        with database.in_use():
            live = store_dataset(make_person("live").user.pk, ready=False)
            with closing(psycopg2.connect(database.url)) as load, load.cursor() as cursor:
                cursor.execute(f"lock table {live.qualified} in access exclusive mode")
                backup(tmp_path / "meanwhile")
        with second_database() as other, other.in_use():
            assert not restore(tmp_path / "meanwhile").differences
            assert other.run("select state from _fd.datasets") == [("created",)]


def test_a_role_that_row_level_security_binds_cannot_back_up(made: Made, tmp_path: Path) -> None:
    role, name = f"bound_{uuid4().hex[:8]}", made.source.url.rpartition("/")[2]
    superuser(f"create role {role} login password 'x'")
    superuser_on(
        made.source,
        f"grant usage on schema _fd, auth to {role};"
        f"grant select on all tables in schema _fd, auth, public to {role};"
        f"grant select on all sequences in schema _fd, auth, public to {role}",
    )
    own = dict(connection.settings_dict)
    try:
        with made.source.in_use():
            connection.settings_dict |= {"USER": role, "PASSWORD": "x"}
            with pytest.raises(Refused, match="lacks BYPASSRLS"):
                backup(tmp_path / "b")
            assert not (tmp_path / "b").exists()
            # and were it tried all the same, pg_dump stops where rows would be left out
            with pytest.raises(Unavailable, match="row-level security"):
                programs.find_programs(None).run(
                    "pg_dump", "-d", programs.database_dsn(), "-n", "_fd", "-f", "/dev/null"
                )
    finally:
        connection.close()
        connection.settings_dict |= {"USER": own["USER"], "PASSWORD": own["PASSWORD"]}
        superuser_on(made.source, f"drop owned by {role}")
        superuser(f"drop role {role}")
    assert connection.settings_dict["NAME"] != name


def test_nothing_secret_is_an_argument_or_in_a_programs_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAIRDB_PSEUDONYM_KEY", "kept from programs")
    assert connection.settings_dict["PASSWORD"] not in programs.database_dsn()
    passed = programs.environment()
    assert passed["PGPASSWORD"] == connection.settings_dict["PASSWORD"]
    assert "kept from programs" not in passed.values()


def test_a_backup_is_its_makers_alone_and_holds_no_key_title_or_address(made: Made) -> None:
    assert made.folder.stat().st_mode & 0o777 == 0o700
    files = [path for path in made.folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    manifest = (made.folder / NAME).read_text()
    kept_out = [settings.FAIRDB_PSEUDONYM_KEY, *settings.FAIRDB_TOKEN_KEYS, "@", "A cohort"]
    assert [word for word in kept_out if word in manifest] == []
    for key in kept_out[:2]:
        assert not [path for path in files if key.encode() in path.read_bytes()]


def test_a_backup_that_fails_leaves_no_folder(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(making, "write_manifest", full)
    with made.source.in_use(), pytest.raises(Unavailable, match="No space left"):
        backup(tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_pooler_in_transaction_mode_is_refused(tmp_path: Path) -> None:
    own = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = 6543
    try:
        with pytest.raises(Refused, match="session mode"):
            backup(tmp_path / "b")
    finally:
        connection.settings_dict["PORT"] = own


def test_programs_that_do_not_fit_the_server_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = programs.find_programs(None).folder
    with pytest.raises(Refused, match="There is no pg_dump that runs"):
        programs.find_programs(tmp_path)
    with pytest.raises(Refused, match="version 13, the server 18"):
        programs.require_fit_to_dump(programs.Programs(folder, 13))
    with pytest.raises(Refused, match="made by pg_dump 18"):
        programs.require_fit_to_restore(programs.Programs(folder, 17), dumped_by=18)
    monkeypatch.setattr(programs, "server_major", lambda: 15)
    with pytest.raises(Refused, match="server is version 15"):
        programs.require_fit_to_restore(programs.Programs(folder, 18), dumped_by=15)


def test_the_commands_answer_in_words_and_in_json(
    made: Made,
    empty: SecondDatabase,
    typed: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    assert typed("restore", made.folder) == 0
    assert (
        "Every digest, count, policy, grant and function is as it was." in capsys.readouterr().out
    )
    assert typed("backup", tmp_path / "again", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["datasets"], answer["accounts"], answer["staged_files"]) == (3, 2, 1)
    assert read_manifest(tmp_path / "again").contents == made.manifest.contents
    assert empty.run(
        "select action, outcome, actor from public.accounts_auditevent where action = 'backup made'"
    ) == [("backup made", "done", None)]
    empty.run("delete from public.datasets_stagedfile")
    assert typed("restore", "--verify", made.folder) == 1
    assert "differs public.datasets_stagedfile has 0 of 1 rows" in capsys.readouterr().out
    assert typed("backup", tmp_path / "again") == 1
    assert "exists already" in capsys.readouterr().err
