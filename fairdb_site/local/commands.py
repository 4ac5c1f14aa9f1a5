"""The `local` command's arguments and actions, for `manage.py local` and without Django.

Without Django because the settings need the state: `python -m fairdb_site.local reset` mends what
keeps `manage.py` from starting.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fairdb_site.errors import FairdbError, Refused
from fairdb_site.local import stack
from fairdb_site.local.outbox import read_outbox
from fairdb_site.local.state import canonical, has_state, read_state

Answer = tuple[dict[str, Any], list[str]]  # what --json prints, what people read


def run(action: str, folder: Path, *, database_url: str | None, as_json: bool, yes: bool) -> str:
    """Do one action; return what to print on stdout."""
    if action == "reset" and not yes:
        _confirm(folder)
    answer, lines = _ACTIONS[action](folder, database_url)
    return json.dumps(answer) if as_json else "\n".join(lines)


def main(arguments: list[str], default_folder: Path, database_url: str | None) -> int:
    """Run as a program of its own; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fairdb_site.local", description=__doc__)
    parser.add_argument("--folder", type=Path, default=default_folder, help="the state folder")
    parser.add_argument("action", choices=sorted(_ACTIONS), help="what to do")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--yes", action="store_true", help="reset without asking")
    options = parser.parse_args(arguments)
    try:
        text = run(
            options.action,
            options.folder,
            database_url=database_url,
            as_json=options.json,
            yes=options.yes,
        )
    except FairdbError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1
    print(text)  # noqa: T201
    return 0


def _up(folder: Path, database_url: str | None) -> Answer:
    handle = stack.ensure_started(folder, database_url=database_url)
    answer = {"started": list(handle.started), "supabase_url": handle.state.supabase_url}
    started = f"Started {' and '.join(handle.started)}." if handle.started else "Already running."
    return answer, [started, *_status(folder, database_url)[1]]


def _down(folder: Path, database_url: str | None) -> Answer:
    stopped = stack.stop(folder)
    line = f"Stopped {' and '.join(stopped)}." if stopped else "Nothing was running."
    return {"stopped": list(stopped)}, [line]


def _status(folder: Path, database_url: str | None) -> Answer:
    found = stack.status(folder, database_url=database_url)
    answer = asdict(found) | {
        "folder": str(found.folder),
        "cluster": str(found.cluster) if found.cluster else None,
    }
    lines = [
        f"{name:10} {_line(part)}"
        for name, part in (("PostgreSQL", found.postgres), ("Supabase", found.gateway))
    ]
    lines.append(f"{'state in':10} {found.folder}")
    if has_state(found.folder):  # the key that researchers' own programs need, and no secret
        answer["publishable_key"] = read_state(found.folder).publishable_key
        lines.append(f"{'public key':10} {answer['publishable_key']}")
    if found.cluster and found.cluster.parent != found.folder:
        lines.append(f"{'databases':10} {found.cluster}")
    return answer, lines


def _line(part: stack.PartStatus) -> str:
    state = "running" if part.running else "not answering" if part.pid else "stopped"
    version = f" {part.version}" if part.version else ""
    process = f", process {part.pid}" if part.pid else ""
    return f"{state}{version} at {part.where}{process}"


def _reset(folder: Path, database_url: str | None) -> Answer:
    removed = stack.reset(folder)
    line = f"Removed what was in {folder}." if removed else f"There was nothing in {folder}."
    return {"removed": removed}, [line]


def _bootstrap(folder: Path, database_url: str | None) -> Answer:
    stack.bootstrap(folder, database_url=database_url)
    where = "DATABASE_URL" if database_url else "the embedded server"
    return {"bootstrapped": where}, [f"Roles and auth schema are in {where}."]


def _rotate_key(folder: Path, database_url: str | None) -> Answer:
    restarted = stack.rotate_key(folder, database_url=database_url)
    lines = [
        "Access tokens are signed with a new key from now on.",
        "Those of the old key are good until they expire, within the hour. Where it may have been "
        "seen by others, run this once more: then they are good no longer.",
    ]
    return {"rotated": True, "restarted": restarted}, lines


def _outbox(folder: Path, database_url: str | None) -> Answer:
    mails = read_outbox(canonical(folder))
    lines = []
    for mail in mails:
        lines += [f"{mail['created_at']}  to {mail['to']}: {mail['subject']}", mail["text"]]
    return {"mails": mails}, lines or ["No mail yet."]


def _confirm(folder: Path) -> None:
    print(f"This removes every account and dataset in {folder}.", file=sys.stderr)  # noqa: T201
    print("Type yes to go on: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    answer = sys.stdin.readline()  # a piped answer is one, too
    if not answer:
        raise Refused("Nothing was removed. Give --yes where nobody can answer.")
    if answer.strip() != "yes":
        raise Refused("Nothing was removed.")


_ACTIONS: dict[str, Callable[[Path, str | None], Answer]] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "reset": _reset,
    "bootstrap": _bootstrap,
    "outbox": _outbox,
    "rotate-signing-key": _rotate_key,
}
