"""Real files through the upload page and through the command, compared cell by cell.

    uv run python -m bench.doors FILE [FILE ...]

Runs on a throwaway stack. For every file: the page's and the command's digest are equal, each is
the SHA-256 of that dataset's export, and every cell outside the id column comes out as it stands in
the file (numbers: as the same number). Prints a line a file; exits 1 where something differs.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import time
from contextlib import redirect_stdout
from decimal import Decimal, InvalidOperation
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

from bench.stack import throwaway_stack


def main() -> int:
    """Compare the files named on the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.doors", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    files = parser.parse_args().files
    with throwaway_stack() as folder:
        lines = [compared(path, folder) for path in files]
    print("\n".join(line for line, _ in lines))
    return 0 if all(equal for _, equal in lines) else 1


def compared(path: Path, folder: Path) -> tuple[str, bool]:
    """Load a file through both doors as one person; return what to say, and if all is equal."""
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse

    from accounts.services import account_create
    from datasets.models import Dataset

    email, password = f"bench-{uuid4().hex}@example.org", token_urlsafe()
    account_create(email=email, password=password)
    out = io.StringIO()
    started = time.perf_counter()
    with redirect_stdout(out):
        call_command("import_dataset", str(path), owner=email, json=True)
    by_command = time.perf_counter() - started
    receipt = json.loads(out.getvalue())

    browser = Client()
    browser.post(reverse("accounts:sign-in"), {"email": email, "password": password})
    started = time.perf_counter()
    with path.open("rb") as file:
        answer = browser.post(
            reverse("datasets:upload"), {"file": file, "submission": str(uuid4())}
        )
    if answer.status_code != 302:
        return f"{path.name}: the page answered {answer.status_code}", False
    call_command("db_worker", batch=True, interval=0, startup_delay=False, verbosity=0)
    by_page = time.perf_counter() - started

    first, second = Dataset.objects.filter(user_id=str(_owner(email))).order_by("created_at")
    exports = [folder / "command.csv", folder / "page.csv"]
    for dataset, export in zip((first, second), exports, strict=True):
        with redirect_stdout(io.StringIO()):
            call_command("export_dataset", str(dataset.pk), str(export), owner=email)
    digests = {hashlib.sha256(export.read_bytes()).hexdigest() for export in exports}
    digests |= {first.digest, second.digest, receipt["digest"]}
    cells, different = _difference(path, exports[0])
    for export in exports:
        export.unlink()
    equal = len(digests) == 1 and not different
    return (
        f"{path.name}: {receipt['rows']:,} x {receipt['columns']:,}, {cells:,} cells, "
        f"{different:,} differ, {len(digests)} digest; "
        f"command {by_command:.1f} s, page {by_page:.1f} s",
        equal,
    )


def _owner(email: str) -> object:
    from accounts.models import User

    return User.objects.get(email=email).pk


def _difference(path: Path, export: Path) -> tuple[int, int]:
    """Return how many cells outside the first column there are, and how many differ."""
    opened = gzip.open if path.suffix == ".gz" else open
    cells = different = 0
    with (
        opened(path, "rt", newline="", encoding="utf-8-sig") as file,
        export.open(newline="") as ex,
    ):
        for row, stored in zip(csv.reader(file), csv.reader(ex), strict=True):
            cells += len(row) - 1
            different += sum(
                not _same(cell, other) for cell, other in zip(row[1:], stored[1:], strict=True)
            )
    return cells, different


def _same(cell: str, stored: str) -> bool:
    if cell == stored:
        return True
    try:
        return Decimal(cell) == Decimal(stored)
    except InvalidOperation:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
