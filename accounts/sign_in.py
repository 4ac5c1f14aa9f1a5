"""What a sign-in brings: the value that travels from the backend to the session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairdb_site.supabase.auth import Session
    from fairdb_site.supabase.tokens import Claims


@dataclass(frozen=True)
class SignIn:
    """A fresh session at Supabase, and what its verified token says."""

    session: Session = field(repr=False)
    claims: Claims
