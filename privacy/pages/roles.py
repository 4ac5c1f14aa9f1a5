"""The list of columns with their roles: which part of it, and what stands in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from datasets import selectors
from datasets.browse.shown import Dataset
from fairdb_site.supabase.clients import Supabase
from privacy.pages.forms import ROLES, RolesForm
from privacy.pages.shown import RoleLine, roles_at
from privacy.suggestions import roles_suggest


@dataclass(frozen=True)
class RolesPlace:
    """Which columns are listed: those with a text in their name, behind a position."""

    q: str = ""
    after: int = 0
    suggest: bool = False

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> RolesPlace:
        """Return the place that an address or a form names; what makes no sense is the start."""
        after = str(asked.get("after", ""))
        return cls(
            str(asked.get("q", ""))[:500].replace("\x00", ""),
            int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0,
            str(asked.get("suggest", "")) == "1",
        )

    @property
    def query(self) -> dict[str, str]:
        """The place as an address has it; empty texts for what is at its start."""
        return {
            "q": self.q,
            "after": str(self.after) if self.after else "",
            "suggest": "1" if self.suggest else "",
        }


def roles_context(
    *,
    supabase: Supabase,
    owner_id: UUID,
    dataset: Dataset,
    place: RolesPlace,
    typed: RolesForm | None,
) -> dict[str, Any]:
    """Return the columns of a place with their roles, those typed first, and suggestions."""
    page = selectors.columns_page(
        supabase=supabase, dataset=dataset, search=place.q, after=place.after
    )
    positions = [column.position for column in page.columns]
    now = roles_at(owner_id=owner_id, dataset=dataset, positions=positions)
    suggested = {}
    if place.suggest:
        found = roles_suggest(owner_id=owner_id, dataset_id=dataset.id)
        suggested = {one.position: one for one in found}
    lines = []
    for column in page.columns:
        role = now.get(column.position) or ""
        chosen = typed.data.get(f"role-{column.position}") if typed else None
        one = suggested.get(column.position)
        lines.append(
            RoleLine(
                column,
                chosen if chosen in ROLES else role,
                one.reasons if one else (),
                ROLES[one.role] if one else "",
            )
        )
    return {
        "page": page,
        "lines": lines,
        "place": place,
        "q": place.q,
        "seen": json.dumps({str(position): role for position, role in now.items()}),
    }
