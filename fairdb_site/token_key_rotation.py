"""Change the key that seals tokens, without signing anyone out.

The order of it: the new key is put first, so that it seals and the old one still opens; all that is
sealed is put under it, row by row; then the old one goes. The embedded default keeps its keys
itself, and its servers see each step at once. Keys of the setting are the operator's to change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.conf import settings

from accounts.resealing import Resealed, tokens_reseal, typed_input_reseal
from datasets.staging import staged_reseal
from fairdb_site.errors import Refused
from fairdb_site.local.token_keys import KeptTokenKeys
from privacy.codes import codes_reseal

# A request under way may write what it sealed a moment ago under the old key: then it takes another
# pass. It seals right before it writes, so this is long.
SETTLED_AFTER = 3.0  # seconds
_MOST_PASSES = 5

_SEALED: Mapping[str, Callable[[], Resealed]] = {
    "sessions": tokens_reseal,
    "typed_input": typed_input_reseal,
    "staged_files": staged_reseal,
    "privacy_codes": codes_reseal,
}

PUT_FIRST = (
    "There is one key. To change it, put a new one before it in FAIRDB_TOKEN_KEYS (NEW,OLD), "
    "restart all servers, and run this again."
)
TAKE_AWAY = (
    "Everything is sealed under the first key. Take the others out of FAIRDB_TOKEN_KEYS now, and "
    "restart all servers."
)
RESTART = (
    "A server still seals under another key than the first of FAIRDB_TOKEN_KEYS. Restart all "
    "servers with the same keys, then run this again; until then, keep all of the keys."
)


@dataclass(frozen=True)
class Rotation:
    """What was done: how much was sealed anew, by kind; and what the operator does next, if any."""

    resealed: Mapping[str, int] = field(default_factory=dict)
    unopened: int = 0
    is_new_key: bool = False
    next_step: str = ""


def token_key_rotate() -> Rotation:
    """Put all that is sealed under the first key, which is a new one where the keys are ours.

    Safe to run again after it was killed at any point. Refused where servers seal under another
    key all the while.
    """
    keys = settings.FAIRDB_TOKEN_KEYS
    if not isinstance(keys, KeptTokenKeys):
        if len(keys) == 1:
            return Rotation(next_step=PUT_FIRST)
        resealed, unopened = _reseal_all()
        return Rotation(resealed, unopened, next_step=TAKE_AWAY)
    keys.add()
    first = keys[0]
    resealed, unopened = _reseal_all()
    keys.keep(first)
    return Rotation(resealed, unopened, is_new_key=True)


def _reseal_all() -> tuple[Mapping[str, int], int]:
    """Go through everything until nothing is left under another key."""
    totals = dict.fromkeys(_SEALED, 0)
    for turn in range(_MOST_PASSES):
        passed = {kind: reseal() for kind, reseal in _SEALED.items()}
        for kind, part in passed.items():
            totals[kind] += part.changed
        if turn and not any(part.changed for part in passed.values()):
            return totals, sum(part.unopened for part in passed.values())
        time.sleep(SETTLED_AFTER)
    raise Refused(RESTART)
