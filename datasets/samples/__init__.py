"""The tables that `manage.py demo` loads: a synthetic cohort and small real tables."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """A table to load and what its owner would say about it."""

    file_name: str
    title: str
    description: str
    origin: str
    id_column: str | None = None
    missing: tuple[str, ...] = ()
    write: Callable[[Path], object] | None = None  # None: the file lies in this folder

    def path(self, scratch: Path) -> Path:
        """Return the file, written into `scratch` where it is a synthetic one."""
        if self.write is None:
            return FOLDER / self.file_name
        path = scratch / self.file_name
        self.write(path)
        return path


# NumPy, which makes the synthetic tables, is imported when one of them is made.


def _write_clinical(path: Path) -> None:
    from datasets.samples.cohort import write_clinical

    write_clinical(path)


def _write_abundances(path: Path) -> None:
    from datasets.samples.cohort import write_abundances

    write_abundances(path)


SAMPLES = (
    Sample(
        "cohort_clinical.csv",
        "Synthetic cohort: clinical",
        "400 made-up people of a gut study: demography, laboratory values, diagnosis.",
        "Generated with a fixed seed; nobody in it exists.",
        "participant_id",
        write=_write_clinical,
    ),
    Sample(
        "cohort_abundances.csv",
        "Synthetic cohort: abundances",
        "Counts of 3,000 taxa in the same 400 made-up people.",
        "Generated with a fixed seed; nobody in it exists.",
        "participant_id",
        write=_write_abundances,
    ),
    Sample(
        "actg175.csv",
        "HIV trial ACTG 175",
        "2,139 adults with HIV, randomized to four treatments (Hammer et al. 1996).",
        "lifelines package, MIT licence",
        "pidnum",
        ("NA",),
    ),
    Sample(
        "atlas_feature_table.csv",
        "HITChip Atlas: abundances",
        "Abundances of 21 bacterial groups in 300 Western adults (Lahti et al. 2014).",
        "scikit-bio package, BSD-3-Clause licence",
    ),
    Sample(
        "atlas_meta_data.csv",
        "HITChip Atlas: people",
        "Age, region and BMI group of the same 300 samples.",
        "scikit-bio package, BSD-3-Clause licence",
    ),
    Sample(
        "qin2014_samples.csv",
        "Cirrhosis gut study: people",
        "130 people, healthy or with liver cirrhosis (Qin et al. 2014).",
        "knights-lab/MLRepo, MIT licence",
        "sample_id",
        ("-",),
    ),
)
