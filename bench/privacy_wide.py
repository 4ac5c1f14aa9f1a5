"""A report of 10 quasi-identifiers of a stored dataset, beside one of a dataset with no others."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

from bench.result import Result, medians, seconds
from bench.stack import settle, throwaway_stack

_ROWS, _CHOSEN, _RUNS = 2_000, 10, 9


def run(columns: int) -> Iterator[Result]:
    """Time the first report, which reads the columns, and a later one, which has their codes."""
    with throwaway_stack() as folder:
        from bench.people import new_owner
        from datasets.ingest.pipeline import dataset_import
        from privacy.chosen import Roles
        from privacy.models import PrivacyCodes
        from privacy.services import report_make

        owner = new_owner()
        wide, narrow = (
            dataset_import(
                owner=owner, source=_written(folder, many), file_name="t", title=f"{many} columns"
            ).dataset
            for many in (columns, _CHOSEN)
        )
        settle()
        roles = Roles(tuple(range(2, 2 + _CHOSEN)))

        def first(dataset: UUID) -> float:
            PrivacyCodes.objects.filter(dataset_id=dataset).delete()
            return again(dataset)

        def again(dataset: UUID) -> float:
            return seconds(partial(report_make, owner_id=owner.pk, dataset_id=dataset, roles=roles))

        for what, report in (("first", first), ("later", again)):
            ours, beside = medians(partial(report, wide), partial(report, narrow), runs=_RUNS)
            yield Result(
                f"{what} report of 10 of {columns:,} columns, beside of 10 of 10", ours, beside
            )


def _written(folder: Path, columns: int) -> Path:
    chance = random.Random(columns)
    path = folder / f"{columns}.csv"
    with path.open("w") as file:
        file.write(",".join(["id", *(f"q{n}" for n in range(columns))]) + "\n")
        for row in range(_ROWS):
            digits = f"{chance.getrandbits(2 * columns):0{columns}b}"[-columns:]
            file.write(f"P{row},{','.join(digits)}\n")
    return path
