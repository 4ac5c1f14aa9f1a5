"""The tables that `manage.py demo` loads: a synthetic cohort and small real tables."""

from dataclasses import dataclass
from pathlib import Path

from datasets.samples.cohort import write_abundances, write_clinical

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """A table to load and what its owner would say about it."""

    path: Path
    title: str
    description: str
    origin: str
    id_column: str | None = None
    missing: tuple[str, ...] = ()


def samples(scratch: Path) -> list[Sample]:
    """Return the demo's tables, the synthetic ones freshly written into `scratch`."""
    return [
        Sample(
            write_clinical(scratch / "cohort_clinical.csv"),
            "Synthetic cohort: clinical",
            "400 made-up people of a gut study: demography, laboratory values, diagnosis.",
            "Generated with a fixed seed; nobody in it exists.",
            "participant_id",
        ),
        Sample(
            write_abundances(scratch / "cohort_abundances.csv"),
            "Synthetic cohort: abundances",
            "Counts of 3,000 taxa in the same 400 made-up people.",
            "Generated with a fixed seed; nobody in it exists.",
            "participant_id",
        ),
        Sample(
            FOLDER / "actg175.csv",
            "HIV trial ACTG 175",
            "2,139 adults with HIV, randomized to four treatments (Hammer et al. 1996).",
            "lifelines package, MIT licence",
            "pidnum",
            ("NA",),
        ),
        Sample(
            FOLDER / "atlas_feature_table.csv",
            "HITChip Atlas: abundances",
            "Abundances of 21 bacterial groups in 300 Western adults (Lahti et al. 2014).",
            "scikit-bio package, BSD-3-Clause licence",
        ),
        Sample(
            FOLDER / "atlas_meta_data.csv",
            "HITChip Atlas: people",
            "Age, region and BMI group of the same 300 samples.",
            "scikit-bio package, BSD-3-Clause licence",
        ),
        Sample(
            FOLDER / "qin2014_samples.csv",
            "Cirrhosis gut study: people",
            "130 people, healthy or with liver cirrhosis (Qin et al. 2014).",
            "knights-lab/MLRepo, MIT licence",
            "sample_id",
            ("-",),
        ),
    ]
