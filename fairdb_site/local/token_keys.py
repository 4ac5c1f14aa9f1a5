"""The embedded default's token keys, as a setting that is never out of date.

`rotate_token_key` changes them while servers run, and what it has sealed anew they must open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import overload

from fairdb_site.errors import Refused
from fairdb_site.local.state import LocalState, change_token_keys, new_token_key, read_state


class KeptTokenKeys(Sequence[str]):
    """The keys that state.json holds now; `repr` shows none of them."""

    def __init__(self, state: LocalState) -> None:
        self._folder = state.folder
        self._keys, self._version = tuple(state.token_keys), _version(state.folder)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """Return one of them; the first seals."""
        return self._now()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())  # all of one version, whatever is changed meanwhile

    def __len__(self) -> int:
        return len(self._now())

    def add(self) -> None:
        """Make a new key, which seals from now on; those there were go on opening."""
        change_token_keys(self._folder, lambda keys: [new_token_key(), *keys])

    def keep(self, key: str) -> None:
        """Forget all but this one."""
        change_token_keys(self._folder, lambda keys: [one for one in keys if one == key])

    def _now(self) -> tuple[str, ...]:
        """Read the file if it was replaced since; where it is gone, the keys last seen stand."""
        version = _version(self._folder)
        if version != self._version:
            with suppress(Refused):
                self._keys, self._version = tuple(read_state(self._folder).token_keys), version
        return self._keys

    def __repr__(self) -> str:
        return f"<token keys of {self._folder}>"


def _version(folder: Path) -> tuple[int, int] | None:
    """Return what differs between one state.json and the next: it is replaced, never written to."""
    try:
        found = (folder / "state.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
