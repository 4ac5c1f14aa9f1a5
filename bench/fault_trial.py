"""A trial: which fault strikes where, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets.services import Reaped  # settings are not read yet where trials are listed

UNDER_WAY = ("waiting", "running")
WITHOUT_SHARE = ("handing over", "taking", "sealing", "sealed", "stored")


@dataclass(frozen=True)
class Trial:
    """A fault, and the step and share of it at which it strikes."""

    fault: str
    step: str
    share: float = 0.0

    @property
    def where(self) -> str:
        """In words."""
        return self.step if self.step in WITHOUT_SHARE else f"{self.step} {self.share:.0%}"

    @property
    def is_of_a_worker(self) -> bool:
        """Whether it strikes once the file is sent."""
        return self.step not in ("sending", "handing over")


@dataclass
class Result:
    """What became of a trial; all is as it must be where `problems` is empty."""

    answer: str = ""
    attempts: int = 0  # at the load, before the person tried again
    reaped: Reaped | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def stored_by(self) -> str:
        """By which attempt the load was stored, before the person tried again."""
        if "receipt" not in self.answer:
            return "none"
        return "the first" if self.attempts == 1 else "a later one"

    @property
    def swept(self) -> str:
        """What `reap_uploads` found to remove, in words."""
        if self.reaped is None:
            return ""
        found = {"row": self.reaped.datasets, "table": self.reaped.parts, "file": self.reaped.files}
        words = [f"{n} {what}{'s' * (n > 1)}" for what, n in found.items() if n]
        return ", ".join(words) or "nothing"
