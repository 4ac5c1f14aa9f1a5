"""Back up one machine, restore on an empty one, compare: `uv run python -m bench.restore`.

A machine is a folder with an embedded default of its own; only the backup and the keys go from the
first to the second. On the way a backup and a restore are killed half way, and one restore meets
another pseudonym key. Prints a table; exit code 1 where anything is not as it must be.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.restore_machine import IDS
from bench.result import machine

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Machine:
    """A folder that stands for a machine."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the caller's settings, and this folder."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FAIRDB_", "SUPABASE_", "DATABASE_", "DJANGO_"))
        }
        return kept | {"FAIRDB_LOCAL_DIR": str(self.folder), "FAIRDB_LOG_LEVEL": "WARNING"}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command of manage.py."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def manage(self, *arguments: object) -> tuple[int, str]:
        """Run a command of manage.py; return its exit code and what it said."""
        process = self.start(*arguments)
        said, complained = process.communicate()
        return process.returncode, (said + complained).strip()

    def step(self, name: str, facts: dict[str, Any]) -> dict[str, Any]:
        """Run a step of `bench.restore_machine`."""
        done = subprocess.run(
            [sys.executable, "-m", "bench.restore_machine", name],
            cwd=ROOT,
            env=self.environment,
            input=json.dumps(facts),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def keys_from(self, other: "Machine", **changed: str) -> None:
        """Put the kept copy of the keys here, which is all that comes without the backup."""
        self.folder.mkdir(mode=0o711)
        kept = json.loads((other.folder / "state.json").read_text()) | changed
        place = self.folder / "state.json"
        place.touch(mode=0o600)
        place.write_text(json.dumps(kept))


@dataclass
class Trial:
    """The lines of the table."""

    folder: Path
    failed: int = 0

    def line(self, what: str, found: str, *, holds: bool) -> None:
        """Print a line."""
        self.failed += not holds
        print(f"| {what} | {found} | {'yes' if holds else '**no**'} |", flush=True)

    def run(self, rows: int) -> None:
        """Do all of it."""
        first, second, third = (Machine(self.folder / name) for name in ("a", "b", "c"))
        try:
            self._run(first, second, third, rows)
        finally:
            for place in (first, second, third):
                place.manage("local", "reset", "--yes")

    def _run(self, first: Machine, second: Machine, third: Machine, rows: int) -> None:
        first.manage("migrate", "-v0")
        facts = first.step("fill", {"rows": rows})
        before = first.step("examine", facts)
        print("| what | found | as it must be |\n|---|---|---|")
        killed, backup = self.folder / "killed", self.folder / "backup"
        self._kill(first, "backup", killed, when=lambda _: (killed / "database.dump").exists())
        started = time.perf_counter()
        code, said = first.manage("backup", backup, "--json")
        took = time.perf_counter() - started
        size = f"{json.loads(said)['bytes'] / 2**20:.0f} MB in {took:.1f} s" if not code else said
        self.line("backup", size, holds=code == 0)
        first.manage("local", "down")
        self._no_secrets(first, backup)

        third.keys_from(first, pseudonym_key="another key, of no use here " * 2)
        code, said = third.manage("restore", backup)
        self.line(
            "restore with another pseudonym key", "refused" if code == 1 else said, holds=code == 1
        )
        third.manage("restore", backup, "--any-key")
        code, said = third.manage("doctor")
        found = next((line for line in said.splitlines() if "PSEUDONYM_KEY" in line), said)
        self.line(
            "the same with --any-key, then `doctor`", found, holds=code == 1 and "KEY" in found
        )

        third.manage("local", "down")  # else the address in tokens would be taken

        second.keys_from(first)
        code, said = second.manage("restore", killed)
        whole = "no whole backup" in said
        self.line(
            "restore of the backup that was killed", "refused" if whole else said, holds=whole
        )
        self._kill(second, "restore", backup, when=_has_psql)
        started = time.perf_counter()
        code, said = second.manage("restore", backup)
        took = time.perf_counter() - started
        self.line(
            "restore on the empty machine, after the one that was killed",
            f"{took:.1f} s, every digest compared" if code == 0 else said,
            holds=code == 0,
        )
        after = second.step("examine", facts)
        for what, value in before.items():
            same = after.get(what) == value
            shown = f"{value[:12]}..." if len(str(value)) > 20 else value
            self.line(what, f"{shown}" if same else f"{value} -> {after.get(what)}", holds=same)
        for command in (("reap_uploads",), ("migrate", "-v0"), ("doctor",)):
            code, said = second.manage(*command)
            self.line(f"`{command[0]}` there", said.replace("\n", " "), holds=code == 0)
        self._load_again(second)
        code, said = second.manage("restore", backup)
        kept = code == 1 and "not empty" in said
        self.line("restore once more, over it", "refused" if kept else said, holds=kept)

    def _kill(
        self, place: Machine, command: str, folder: Path, *, when: Callable[[int], bool]
    ) -> None:
        """Kill a command as soon as it is at a place."""
        process = place.start(command, folder)
        while process.poll() is None and not when(process.pid):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        died = process.returncode == -signal.SIGKILL
        self.line(f"{command} killed half way", "killed" if died else "too late", holds=died)

    def _no_secrets(self, first: Machine, backup: Path) -> None:
        """Look for the keys, and for raw ids, in all that the backup holds."""
        from fairdb_site.local.binaries import MAJOR, package_folder

        program = package_folder() / f"pginstall{MAJOR}" / "bin" / "pg_restore"
        state = json.loads((first.folder / "state.json").read_text())
        words = [state[name] for name in ("pseudonym_key", "token_key", "django_secret_key")]
        words += [state["secret_key"], state["postgres_password"], *IDS[:2]]
        texts = [
            (backup / "manifest.json").read_bytes(),
            subprocess.check_output([program, "-f", "-", backup / "accounts.dump"]),
            subprocess.check_output([program, "-f", "-", backup / "database.dump"]),
        ]
        found = [word for word in words if any(word.encode() in text for text in texts)]
        searched = f"{len(found)} found in {sum(map(len, texts)) / 2**20:.0f} MB of SQL"
        self.line("keys, passwords and raw ids in the backup", searched, holds=not found)

    def _load_again(self, second: Machine) -> None:
        """Load a file on the restored machine, by whose owner and key all is as it was."""
        file = self.folder / "later.csv"
        file.write_text("id,x\n" + "".join(f"{name},{n}\n" for n, name in enumerate(IDS)))
        alice = (file, "--owner", "alice@example.org", "--id-column", "id")
        code, said = second.manage("pseudonyms", *alice, "--lookup", "--json")
        found = json.loads(said.splitlines()[0])["found"] if code == 0 else said
        self.line("ids that stand in alice's datasets, of three", str(found), holds=found == 2)
        code, said = second.manage("import_dataset", *alice)
        self.line("a new load of alice's", "stored" if code == 0 else said, holds=code == 0)


def _has_psql(pid: int) -> bool:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        found = [Path(f"/proc/{child}/comm").read_text() for child in children.read_text().split()]
    except OSError:
        return False
    return "pg_restore\n" in found and "psql\n" in found


def main() -> None:
    """Run the trial in a temporary folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.restore", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the mixed table")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fairdb-restore-"))
    folder.chmod(0o711)  # as root the server runs as somebody else, who has to get in
    print(f"{datetime.now(UTC):%Y-%m-%d}; {machine()}\n")
    trial = Trial(folder)
    try:
        trial.run(options.rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{trial.failed} not as it must be.")
    sys.exit(bool(trial.failed))


if __name__ == "__main__":
    main()
