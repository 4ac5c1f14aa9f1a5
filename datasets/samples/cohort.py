"""A synthetic gut cohort: a clinical table and a wide abundance table of the same people.

Nobody in it exists. The seed is fixed, so every installation shows the same figures. Abundances
follow the shape of real ones: few common taxa, a long tail, many zeros (a log-normal base with
prevalence falling by rank, drawn as Poisson counts), shifted in a few taxa by diagnosis.
"""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

PEOPLE = 400
TAXA = 3_000
SEED = 20_140_731

_COUNTRIES = ("Netherlands", "Belgium", "Germany", "France", "Spain", "Denmark")
_DIAGNOSES = ("healthy", "irritable bowel", "Crohn's disease", "ulcerative colitis")
_GENERA = (
    "Bacteroides Faecalibacterium Blautia Roseburia Prevotella Ruminococcus Bifidobacterium "
    "Akkermansia Eubacterium Clostridium Alistipes Parabacteroides Dialister Coprococcus "
    "Streptococcus Lachnospira Sutterella Veillonella Escherichia Methanobrevibacter"
).split()
_STRAIN = "{genus} sp. strain FD{number:04d} 16S ribosomal RNA, V4 region, operational taxonomic unit {number}"  # noqa: E501


def participant_ids() -> list[str]:
    """Return the identifiers as the study wrote them, one a person, unique."""
    numbers = np.random.default_rng(SEED).permutation(9_000)[:PEOPLE] + 1_000
    return [f"GUT-{number}" for number in numbers]


def diagnoses() -> npt.NDArray[np.int64]:
    """Return each person's diagnosis as an index into the four diagnoses."""
    return np.random.default_rng(SEED + 1).choice(4, PEOPLE, p=[0.55, 0.2, 0.13, 0.12])


def write_clinical(path: Path) -> Path:
    """Write the clinical table as CSV and return its path."""
    random = np.random.default_rng(SEED + 2)
    sick = diagnoses()
    age = np.clip(random.normal(47, 16, PEOPLE), 18, 88).astype(int)
    height = random.normal(171, 9, PEOPLE).round(0).astype(int)
    bmi = np.clip(random.normal(25.5, 4.2, PEOPLE) - (sick == 2) * 2, 16, 44).round(1)
    calprotectin = np.exp(random.normal(3.4, 0.7, PEOPLE) + (sick >= 2) * 2.1).round(0).astype(int)
    crp = np.exp(random.normal(0.3, 0.9, PEOPLE) + (sick >= 2) * 1.2).round(1)
    visits = np.datetime64("2023-01-09") + random.integers(0, 720, PEOPLE)
    smoker = random.choice(["never", "former", "current"], PEOPLE, p=[0.52, 0.3, 0.18])
    missing = random.random((PEOPLE, 3)) < (0.04, 0.07, 0.02)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(
            "participant_id sex age country postcode_area height_cm bmi smoking diagnosis "
            "calprotectin crp stool_type visits antibiotics_past_year consented visit_date".split()
        )
        for i, participant in enumerate(participant_ids()):
            rows.writerow(
                [
                    participant,
                    random.choice(["female", "male"], p=[0.56, 0.44]),
                    age[i],
                    random.choice(_COUNTRIES, p=[0.4, 0.2, 0.15, 0.1, 0.08, 0.07]),
                    f"{random.integers(10, 99)}",
                    height[i],
                    bmi[i],
                    smoker[i],
                    _DIAGNOSES[sick[i]],
                    "" if missing[i, 0] else calprotectin[i],
                    "" if missing[i, 1] else crp[i],
                    random.integers(1, 8),
                    random.integers(1, 6),
                    "" if missing[i, 2] else ("true" if random.random() < 0.22 else "false"),
                    "true",
                    visits[i],
                ]
            )
    return path


def write_abundances(path: Path) -> Path:
    """Write the abundance table (people x taxa, counts) as CSV and return its path."""
    random = np.random.default_rng(SEED + 3)
    rank = np.arange(TAXA)
    base = np.exp(random.normal(6.5, 1.3, TAXA)) / (1 + rank) ** 0.9
    prevalence = np.clip(1.1 * np.exp(-rank / 420), 0.01, 0.99)
    present = random.random((PEOPLE, TAXA)) < prevalence
    person = np.exp(random.normal(0, 0.6, (PEOPLE, TAXA)))
    shift = np.where((diagnoses()[:, None] >= 2) & (rank[None, :] % 17 == 0), 0.15, 1.0)
    counts = random.poisson(base * person * shift * 40) * present
    labels = [_STRAIN.format(genus=_GENERA[i % len(_GENERA)], number=i + 1) for i in range(TAXA)]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["participant_id", *labels])
        for participant, row in zip(participant_ids(), counts.tolist(), strict=True):
            rows.writerow([participant, *row])
    return path
