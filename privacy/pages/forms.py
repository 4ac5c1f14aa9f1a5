"""What the pages on privacy take."""

import csv
import re
from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from django import forms

from datasets.describing.forms import SeenField
from datasets.ingest.choosing import MOST_PATTERNS, Labels, is_several
from datasets.templatetags.fairdb import times
from fairdb_site.errors import Refused
from privacy.chosen import Role, Rules
from privacy.populations import Candidate
from privacy.rpc import ThresholdsToKeep

ROLES: Final = {
    "": "Not chosen",
    "quasi_identifier": "Quasi-identifier",
    "sensitive": "Sensitive",
    "direct_identifier": "Direct identifier",
    "other": "Other",
}
"""Roles by what pages call them; the empty one is none."""

ROLES_EXPLAINED: Final = (
    ("Quasi-identifier", "what somebody else could know of a person: age, sex, postcode."),
    ("Sensitive", "what they should not learn: a diagnosis, an income."),
    ("Direct identifier", "what tells who it is by itself: a name, a number of a patient."),
    ("Other", "none of these; it is not measured."),
)
_POSITION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_NOT_WHOLE = "Open the page anew: this form is not whole."


class ThresholdsForm(forms.Form):
    """Thresholds of a dataset, how missing values count, and of whom it is a sample.

    Empty is the platform's default. `candidates` are datasets that may be the population: another's
    is told apart from none by the functions of the database, as anywhere.
    """

    k = forms.IntegerField(
        label="Rows of a group, at least (k)",
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text="5 is the commonest rule.",
    )
    l = forms.IntegerField(  # noqa: E741  (the model's own letter)
        label="Different sensitive values in a group, at least (l)",
        min_value=1,
        max_value=2**31 - 1,
        required=False,
    )
    t = forms.FloatField(
        label="Distance of a group from the table, at most (t)",
        min_value=0,
        max_value=1,
        required=False,
        help_text="From 0 to 1.",
    )
    risk = forms.FloatField(
        label="Chance to be found, at most",
        min_value=0,
        max_value=1,
        required=False,
        help_text="Above 0, at most 1; 0.2 is one in five.",
    )
    missing = forms.ChoiceField(
        label="A missing quasi-identifier",
        required=False,
        choices=[
            ("own", "is a value of its own"),
            ("any", "matches anything"),
            ("drop", "leaves its row out"),
        ],
    )
    population = forms.IntegerField(
        label="People in the population",
        min_value=1,
        max_value=10**12,
        required=False,
        help_text="Of how many people the rows are a sample, if you know. Whoever is not sure "
        "that a person is in the table has to choose among them: the journalist's risk. The "
        "verdict goes by the worse case, that it is known who is in the table.",
    )
    population_dataset = forms.UUIDField(
        label="or a dataset that holds them all",
        required=False,
        widget=forms.Select,
        help_text="It has a column of the same name for every quasi-identifier.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput, max_length=50)

    def __init__(self, *args: Any, candidates: Sequence[Candidate] = (), **named: Any) -> None:
        super().__init__(*args, **named)
        widget = cast("forms.Select", self.fields["population_dataset"].widget)
        widget.choices = [
            ("", "None"),
            *(
                (str(one.dataset), f"{one.title} (version {one.version}, {times(one.rows, 'row')})")
                for one in candidates
            ),
        ]

    @classmethod
    def of(cls, rules: Rules, seen: str, candidates: Sequence[Candidate]) -> "ThresholdsForm":
        """Return the form as it is now."""
        thresholds = rules.thresholds
        return cls(
            candidates=candidates,
            initial={
                "k": thresholds.k,
                "l": thresholds.l,
                "t": thresholds.t,
                "risk": thresholds.risk,
                "missing": rules.missing,
                "population": rules.population,
                "population_dataset": rules.population_dataset,
                "seen": seen,
            },
        )

    def clean_risk(self) -> float | None:
        """Return the risk; 0 can be met by nothing."""
        risk: float | None = self.cleaned_data["risk"]
        if risk == 0:
            raise forms.ValidationError("Ensure this value is above 0.")
        return risk

    def clean(self) -> dict[str, Any]:
        """Refuse a number and a dataset at once."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("population") and cleaned.get("population_dataset"):
            self.add_error(
                "population_dataset", "Give a number of people or a dataset of them, not both."
            )
        return cleaned

    @property
    def thresholds(self) -> ThresholdsToKeep:
        """What was typed."""
        cleaned = self.cleaned_data
        counted: UUID | None = cleaned["population_dataset"]
        return ThresholdsToKeep(
            k=cleaned["k"],
            l=cleaned["l"],
            t=cleaned["t"],
            risk=cleaned["risk"],
            missing=cleaned["missing"] or None,
            population=cleaned["population"],
            population_dataset=str(counted) if counted else None,
        )


class SuggestedForm(forms.Form):
    """Which suggestions are taken: `position:role` each."""

    seen = forms.CharField(required=False, max_length=50)

    @property
    def roles(self) -> dict[int, Role | None]:
        """The roles by position; Refused for what is none."""
        taken = cast("Any", self.data).getlist("take") if self.data else []
        roles: dict[int, Role | None] = {}
        for text in taken:
            position, _, role = text.partition(":")
            if not _POSITION.fullmatch(position) or not role or role not in ROLES:
                raise Refused(_NOT_WHOLE)
            roles[int(position)] = cast("Role", role)
        return roles


class RolesForm(forms.Form):
    """Roles chosen beside some columns; `seen` maps positions to what was there."""

    q = forms.CharField(required=False, max_length=500)
    after = forms.IntegerField(required=False, min_value=0, max_value=10**9)
    suggest = forms.BooleanField(required=False)
    seen = SeenField()

    @property
    def before(self) -> dict[int, Role | None]:
        """What was there when the page was opened."""
        return {
            int(position): cast("Role | None", role or None)
            for position, role in self.cleaned_data["seen"].items()
            if _POSITION.fullmatch(position) and (role is None or role in list(ROLES))
        }

    @property
    def changed(self) -> dict[int, Role | None]:
        """What was chosen that is not as it was; Refused for what is no role."""
        changed: dict[int, Role | None] = {}
        for position, before in self.before.items():
            chosen = self.data.get(f"role-{position}")
            if chosen is None:
                continue
            if chosen not in ROLES:
                raise Refused(_NOT_WHOLE)
            if (chosen or None) != before:
                changed[position] = cast("Role", chosen) if chosen else None
        return changed


class PatternForm(forms.Form):
    """One role for all columns that a list of names and patterns names."""

    columns = forms.CharField(
        label="Columns",
        max_length=10_000,
        help_text="Names, patterns such as age*, or places such as #3-40, with commas between.",
    )
    role = forms.ChoiceField(label="Role", choices=list(ROLES.items()), required=False)
    seen_at = forms.CharField(required=False, widget=forms.HiddenInput, max_length=50)

    def roles(self, labels: Sequence[str], id_position: int | None) -> dict[int, Role | None]:
        """Return the role for each column that is named; a pattern passes over the id.

        Raises Refused for a name that is not there.
        """
        role = cast("Role | None", self.cleaned_data["role"] or None)
        found = Labels(labels)
        line = " ".join(self.cleaned_data["columns"].split())
        positions: set[int] = set()
        names = [name.strip() for name in next(csv.reader([line], skipinitialspace=True), [])]
        several = sum(map(is_several, names))
        if several > MOST_PATTERNS:
            raise Refused(
                f"There are {several:,} patterns; at most {MOST_PATTERNS:,} are taken.",
                option="columns",
            )
        for name in filter(None, names):
            positions |= set(found.named(name, option="columns"))
        if len(positions) > 1 and id_position is not None:
            positions.discard(id_position)
        if not positions:
            raise Refused("Name a column at least.", option="columns")
        return dict.fromkeys(sorted(positions), role)
