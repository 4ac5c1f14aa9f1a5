"""The title of a dataset for which nobody typed one."""

from pathlib import PurePath

LONGEST_TITLE = 200

_SUFFIXES = (
    ".gz", ".csv", ".tsv", ".tab", ".psv", ".txt", ".xlsx", ".xls", ".ods", ".parquet",
)  # fmt: skip


def title_from(file_name: str) -> str:
    """Return a title made of a file's name: `lab_values.tsv.gz` becomes "lab values"."""
    name = PurePath(file_name).name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name.replace("_", " ").strip()[:LONGEST_TITLE] or "Untitled"
