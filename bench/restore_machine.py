"""What happens on one machine of `bench.restore`: `python -m bench.restore_machine fill|examine`.

Reads and writes JSON, since each machine is processes and a folder of its own.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

IDS = ["P00000001", "P00000002", "nobody"]


def main() -> None:
    """Do what the argument says."""
    import os

    os.environ["DJANGO_SETTINGS_MODULE"] = "fairdb_site.settings"
    from fairdb_site.uncaught import log_uncaught

    log_uncaught()
    import django

    django.setup()
    from fairdb_site.embedded import start_if_embedded

    start_if_embedded()
    facts = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as scratch:
        done = {"fill": fill, "examine": examine}[sys.argv[1]](facts, Path(scratch))
    json.dump(done, sys.stdout, default=str)


def fill(facts: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Make two people and their datasets, a session, an edit, a staged file that nobody reads."""
    from accounts.models import AuditEvent
    from bench import tables
    from datasets.staging import Staged
    from fairdb_site.supabase import auth
    from fairdb_site.supabase.clients import Supabase

    rows = facts["rows"]
    people = {name: new_person(name) for name in ("alice", "bob")}
    tables_of = {
        "alice": [
            tables.mixed(scratch / "mixed.csv", rows),
            tables.floats(scratch / "floats.csv", 200, 3_000),
            tables.counts(scratch / "counts.csv", 100, 9_000),
        ],
        "bob": [tables.mixed(scratch / "mixed of bob.csv", rows // 10)],
    }
    datasets = {
        name: [load(people[name]["id"], file) for file in files]
        for name, files in tables_of.items()
    }
    alice = people["alice"]
    token = auth.sign_in(alice["email"], alice["password"]).access_token
    edited = first_part(datasets["alice"][0])
    column = Supabase(token).safe_rpc_call("get_table_columns", {"p_table_name": edited})[3]
    Supabase(token).safe_rpc_call(
        "update_table_row",
        {"p_table_name": edited, "p_row_id": 7, "p_updates": {column["column_name"]: 424242}},
    )
    staged = Staged()
    staged.write(b"half of an upload " * 10_000)
    staged.finish()  # and then the process ends
    cookie = browser(alice).cookies["sessionid"].value
    return {
        "people": people,
        "datasets": datasets,
        "cookie": cookie,
        "last event": AuditEvent.objects.latest("id").pk,
    }


def examine(facts: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Say what is there, as its owners, as a stranger, and from the catalogue."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client

    from accounts.models import AuditEvent
    from datasets.browse.export_file import dataset_export
    from datasets.ingest.pseudonyms import owner_key, pseudonymize
    from datasets.models import StagedFile
    from fairdb_site.backup.contents import SQL
    from fairdb_site.errors import FairdbError
    from fairdb_site.supabase import auth
    from fairdb_site.supabase.clients import Supabase

    events = list(AuditEvent.objects.filter(pk__lte=facts["last event"]).values())
    digest = hashlib.sha256(json.dumps(events, default=str).encode()).hexdigest()
    seen: dict[str, Any] = {f"{len(events)} events on record": digest}
    for name, person in facts["people"].items():
        for number, dataset in enumerate(facts["datasets"][name], start=1):
            out = scratch / f"{dataset}.csv"
            exported = dataset_export(
                dataset_id=UUID(dataset), reader_id=UUID(person["id"]), out=out
            )
            state = "as loaded" if exported.unchanged else "edited"
            seen[f"{name}'s dataset {number}, {exported.bytes:,} bytes, {state}"] = exported.digest
        key = owner_key(settings.FAIRDB_PSEUDONYM_KEY, UUID(person["id"]))
        seen[f"{name}'s pseudonyms of three ids"] = hashlib.sha256(
            "".join(pseudonymize(IDS, key)).encode()
        ).hexdigest()
        answer = browser(person).get("/dashboard/")
        seen[f"{name} signs in with the password of before"] = answer.status_code
    kept = Client()
    kept.cookies["sessionid"] = facts["cookie"]
    seen["alice's session of before: dashboard"] = kept.get("/dashboard/").status_code
    bob = facts["people"]["bob"]
    token = auth.sign_in(bob["email"], bob["password"]).access_token
    secret = first_part(facts["datasets"]["alice"][0])
    try:
        rows = Supabase(token).safe_rpc_call("select_from_table", {"p_table_name": secret})
        seen["bob asks for alice's table"] = f"{len(rows)} rows"
    except FairdbError as error:
        seen["bob asks for alice's table"] = error.status
    asked = Client()
    asked.cookies["sessionid"] = browser(bob).cookies["sessionid"].value
    page = asked.get(f"/datasets/{facts['datasets']['alice'][0]}/")
    seen["bob asks for alice's page"] = page.status_code
    seen["staged files"] = StagedFile.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("set search_path = ''")
        cursor.execute(
            (SQL / "catalogue.sql").read_text(),
            {"schemas": [settings.FAIRDB_DATA_SCHEMA, "public"], "left_out": []},
        )
        lines = cursor.fetchall()
    for kind in sorted({kind for kind, _ in lines} - {"sequences"}):  # signing in moves those
        of_kind = [line for found, line in lines if found == kind]
        digest = hashlib.sha256("\0".join(of_kind).encode()).hexdigest()
        seen[f"catalogue: {len(of_kind):,} {kind}"] = digest
    return seen


def new_person(name: str) -> dict[str, str]:
    """Make an account as an operator does."""
    from accounts.services import account_create

    password = token_urlsafe()
    user = account_create(email=f"{name}@example.org", password=password)
    return {"id": str(user.pk), "email": user.email, "password": password}


def load(owner: str, file: Path) -> str:
    """Load a file as the upload page does, on record."""
    from accounts import audit
    from accounts.models import AuditAction, User
    from datasets.ingest.pipeline import dataset_import

    user = User.objects.get(pk=owner)
    with audit.trail(AuditAction.DATASET_LOADED, actor=user.pk, subject=user.pk) as event:
        receipt = dataset_import(
            owner=user, source=file, file_name=file.name, title=file.stem, id_column="id"
        )
        event.dataset = receipt.dataset
    return str(receipt.dataset)


def browser(person: dict[str, str]) -> Any:
    """Return a browser that has signed in by the page."""
    from django.test import Client

    client = Client()
    client.post("/accounts/sign-in/", {"email": person["email"], "password": person["password"]})
    return client


def first_part(dataset: str) -> str:
    """Return the name of a dataset's first table."""
    from datasets.models import Dataset

    return str(Dataset.objects.get(pk=dataset).parts[0])


if __name__ == "__main__":
    main()
