"""Whether a file still has the header that somebody chose columns of, by their places."""

import hashlib
import json
from collections.abc import Sequence

from fairdb_site.errors import Conflict


def digest_of(labels: Sequence[str]) -> str:
    """Return what tells one header from another, and tells nothing else: a digest, cut short."""
    return hashlib.sha256(json.dumps(list(labels)).encode()).hexdigest()[:32]


def require_header(labels: Sequence[str], digest: str) -> None:
    """Raise Conflict where the labels are not those of the digest; an empty one asks nothing."""
    if digest and digest != digest_of(labels):
        raise Conflict(
            "The file has other columns than those that were chosen among: it was sent anew, or is "
            "read in another way. Nothing was stored. Look at its columns, and choose among them."
        )
