"""Roles are suggested with reasons: by names, by cells, by what singles rows out."""

import random
from pathlib import Path

import pytest

from conftest import Person
from datasets.tests.loading.tables import load_csv
from datasets.tests.stored import store_dataset
from fairdb_site.errors import NotFound
from privacy.suggestions import roles_suggest
from privacy.words import trait_named

FIRST = ("Anna", "Peter", "Maria", "Thomas", "Julia", "David", "Laura", "Daniel")
LAST = ("Jansen", "Smith", "Weber", "Dubois", "Garcia", "Visser", "Becker", "Martin")


def cohort(rows: int) -> str:
    """Return a cohort of which everything but taxa tells something of a person."""
    drawn = random.Random(1)
    lines = ["patient,who,contact,geboortedatum,Age,ward,plain,diagnosis,taxon 1,taxon 2"]
    for row in range(rows):
        first, last = drawn.choice(FIRST), drawn.choice(LAST)
        born = f"{drawn.randint(1940, 1999)}-0{drawn.randint(1, 9)}-1{drawn.randint(0, 9)}"
        ward = "rare" if row < 3 else drawn.choice("abcdefgh")
        lines.append(
            f"P{row},{first} {last},{first}{row}@example.org,{born},{drawn.randint(20, 80)},{ward},"
            f"same,{drawn.choice(('flu', 'cold'))},{drawn.random():.4f},{drawn.random():.4f}"
        )
    return "\n".join(lines) + "\n"


def test_each_column_is_suggested_a_role_with_its_reasons(
    alice: Person, bob: Person, tmp_path: Path
) -> None:
    dataset = load_csv(alice, tmp_path, cohort(200)).dataset

    found = {
        each.label: (each.role, " ".join(each.reasons))
        for each in roles_suggest(owner_id=alice.user.pk, dataset_id=dataset)
    }

    roles = {label: role for label, (role, _) in found.items()}
    assert roles == {
        "patient": "direct_identifier",
        "who": "direct_identifier",
        "contact": "direct_identifier",
        "geboortedatum": "quasi_identifier",
        "Age": "quasi_identifier",
        "ward": "quasi_identifier",
        "diagnosis": "sensitive",
    }
    assert "common given name" in found["who"][1]
    assert "e-mail address" in found["contact"][1]
    assert "Its name says “geboortedatum”" in found["geboortedatum"][1]
    assert "singles out" in found["geboortedatum"][1]
    assert "Its name says “age”." in found["Age"][1]
    assert "One of its values is in fewer than 5 rows." in found["ward"][1]
    assert "Together with" in found["ward"][1]
    with pytest.raises(NotFound):
        roles_suggest(owner_id=bob.user.pk, dataset_id=dataset)


def test_thousands_of_taxa_and_empty_datasets_are_suggested_nothing(alice: Person) -> None:
    taxa = {f"s__Bacteroides age {n} strain sp x y": ("float", [0.5, 0.1]) for n in range(1_000)}
    wide = store_dataset(alice.user.pk, taxa, rows=2, columns_a_part=500)
    empty = store_dataset(alice.user.pk, {"note": ("text", [])}, rows=0)

    for stored in (wide, empty):
        found = roles_suggest(owner_id=alice.user.pk, dataset_id=stored.id)
        assert [(each.position, each.role) for each in found] == [(1, "direct_identifier")]


@pytest.mark.parametrize(
    ("label", "trait"),
    [
        ("age", ("quasi_identifier", "age")),
        ("AgeAtVisit", ("quasi_identifier", "age")),
        ("marital-status", ("quasi_identifier", "marital status")),
        ("native-country", ("quasi_identifier", "native country")),
        ("HIV_status", ("sensitive", "hiv status")),
        ("cause of death", ("sensitive", "cause of death")),
        ("Geschlecht", ("quasi_identifier", "geschlecht")),
        ("dosage", None),
        ("k__Bacteria|p__Firmicutes|c__Clostridia|age", None),
        ("", None),
    ],
)
def test_names_of_columns_say_what_others_know(label: str, trait: tuple[str, str] | None) -> None:
    assert trait_named(label) == trait
