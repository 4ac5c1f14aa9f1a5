"""Columns that tell who a person is are flagged, with the reason; others are left in peace."""

import csv
import io
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from datasets.preview.choices import Choices
from datasets.preview.header_words import kinds_named
from datasets.preview.sample import read_sample
from datasets.preview.table import Preview, preview
from datasets.samples import SAMPLES, Sample

TODAY = date(2026, 6, 1)


def previewed(header: list[str], rows: list[list[str]]) -> Preview:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    data = buffer.getvalue().encode()
    return preview(read_sample(lambda: io.BytesIO(data), Choices()), Choices(), today=TODAY)


def flags(header: list[str], rows: list[list[str]]) -> dict[str, list[str]]:
    found = previewed(header, rows)
    return {c.label: [f.kind for f in c.findings] for c in found.columns if c.findings}


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("First name", "name"),
        ("achternaam", "name"),
        ("Nachname", "name"),
        ("prénom", "name"),
        ("Apellidos", "name"),
        ("name", "name"),
        ("DOB", "birth"),
        ("dateOfBirth", "birth"),
        ("geboorte_datum", "birth"),
        ("Geburtsdatum", "birth"),
        ("date de naissance", "birth"),
        ("Fecha.Nacimiento", "birth"),
        ("ZIP", "postcode"),
        ("PLZ", "postcode"),
        ("code_postal", "postcode"),
        ("patient_postcode", "postcode"),
        ("Telefoonnummer", "phone"),
        ("phone-number", "phone"),
        ("E-mail", "email"),
        ("courriel", "email"),
        ("BSN", "number"),
        ("nhs_number", "number"),
        ("numéro de sécurité sociale", "number"),
        ("MRN", "record"),
        ("Straße", "address"),
        ("Home Address", "address"),
        ("IP address", "ip"),
        ("latitude", "place"),
        ("Opmerkingen", "text"),
    ],
)
def test_name_of_a_column_says_what_it_holds(label: str, kind: str) -> None:
    assert kind in kinds_named(label)


@pytest.mark.parametrize(
    "label",
    [
        "",
        "gene_name",
        "file name",
        "sample.name",
        "scientific_name",
        "birth_weight",
        "country_of_birth",
        "ZIP4",
        "cell_count",
        "address_email_domain_count",
        "k__Bacteria;p__Firmicutes;g__Dorea",
        "NC_004463.1 Bradyrhizobium japonicum USDA 110, complete genome",
        "mobile_element",
        "phonemes",
        "x" * 10_000,
        "éß☃" * 50,
    ],
)
def test_names_of_other_things_say_nothing(label: str) -> None:
    assert not kinds_named(label).keys() - {"email"}


def person(source: random.Random, number: int) -> list[str]:
    born = date(1930, 1, 1) + timedelta(days=source.randrange(25_000))
    given, family = source.choice(GIVEN), source.choice(FAMILY)
    return [
        f"P{number:03}",
        f"{given} {family}",
        born.strftime("%d-%m-%Y"),
        bsn(source),
        f"{source.randrange(1000, 9999)} {source.choice('ABC')}{source.choice('XYZ')}",
        f"{source.choice(STREETS)} {source.randrange(1, 200)}",
        f"06-{source.randrange(10_000_000, 99_999_999)}",
        f"{given.lower()}{number}@example.org",
        f"10.0.{source.randrange(255)}.{source.randrange(255)}",
        f"The patient felt better after visit {number} and went home.",
        source.choice(["F", "M"]),
        f"{source.random():.3f}",
        str(source.randrange(1, 5_000)),
    ]


GIVEN = "Anna Jan Sophie Ahmed Maria Pieter Fatima Emma".split()
FAMILY = ["de Vries", "Jansen", "Bakker", "Müller", "O'Neill", "Smith-Jones"]
STREETS = ["Hoofdstraat", "Lange Kerkweg", "Van Goghlaan", "Bergstraße"]


def bsn(source: random.Random) -> str:
    while True:
        digits = [source.randrange(10) for _ in range(8)]
        check = sum(d * w for d, w in zip(digits, range(9, 1, -1), strict=True)) % 11
        if check < 10:
            return "".join(map(str, digits)) + str(check)


def test_cells_alone_tell_what_a_column_holds() -> None:
    source = random.Random(3)
    rows = [person(source, number) for number in range(60)]
    found = flags(["id", *(f"x{n}" for n in range(1, len(rows[0])))], rows)
    assert found == {
        "x1": ["name"],
        "x2": ["birth"],
        "x3": ["number"],
        "x4": ["postcode"],
        "x5": ["address"],
        "x6": ["phone"],
        "x7": ["email"],
        "x8": ["ip"],
        "x9": ["text"],
    }


def test_reasons_say_what_was_seen_without_repeating_it() -> None:
    rows = [[f"P{n}", f"u{n}@example.org"] for n in range(6)]
    [finding] = previewed(["id", "e-mail"], rows).columns[1].findings
    assert finding.title == "e-mail addresses"
    assert finding.reasons == (
        "Its name says “e mail”.",
        "All 6 values looked at hold an e-mail address.",
    )


def test_one_address_in_free_text_is_seen() -> None:
    rows = [[f"P{n}", "nothing"] for n in range(30)]
    rows[17][1] = "call me or write to ada@example.org"
    assert flags(["id", "answer"], rows) == {"answer": ["email"]}


def test_dates_of_visits_are_no_dates_of_birth() -> None:
    rows = [[f"P{n}", f"2024-03-{n % 28 + 1:02}", f"{2019 + n % 5}-01-02"] for n in range(40)]
    assert flags(["id", "visit", "sampled"], rows) == {}


def test_name_counts_only_where_the_cells_may_be_it() -> None:
    header = ["id", "postcode", "phone", "dob", "street", "name", "comments", "ssn"]
    rows = [[f"P{n}", f"{n / 7:.4f}", str(n), "0", f"{n}", "true", str(n % 3), "0.5"]
            for n in range(40)]  # fmt: skip
    assert flags(header, rows) == {}


def test_numbers_are_flagged_as_text_is() -> None:
    source = random.Random(5)
    rows = [[f"P{n}", str(1950 + n), str(1000 + 7 * n), "1" + bsn(source)[1:]] for n in range(40)]
    found = flags(["id", "birth year", "plz", "bsn"], rows)
    assert found == {"birth year": ["birth"], "plz": ["postcode"], "bsn": ["number"]}


def test_column_without_values_is_flagged_by_its_name() -> None:
    assert flags(["id", "surname", "age"], [["1", "", "2"], ["2", "", "3"]]) == {
        "surname": ["name"]
    }


def test_id_column_is_not_flagged_since_it_becomes_pseudonyms() -> None:
    source = random.Random(5)
    rows = [[bsn(source), str(n)] for n in range(30)]
    assert flags(["bsn", "age"], rows) == {}


def test_thousands_of_taxa_are_not_flagged() -> None:
    source = random.Random(9)
    ranks = ["Bacteroides", "Dorea", "Victoria", "Maria", "Name", "Zip", "Nom", "DOB", "Street"]
    labels = [f"k__Bacteria;g__{source.choice(ranks)};s__{n}" for n in range(3_000)]
    rows = [
        [f"S{n}", *(str(source.choice([0, 0, source.randrange(2_000)])) for _ in labels)]
        for n in range(20)
    ]
    assert flags(["sample_id", *labels], rows) == {}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file_name)
def test_samples_of_the_project_have_no_flags(sample: Sample, tmp_path: Path) -> None:
    found = preview(read_sample(sample.path(tmp_path), Choices()), Choices(), today=TODAY)
    assert not found.flagged
