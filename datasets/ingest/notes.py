"""What the owner of a file may want to look at once it is stored, in the words of its receipt."""

from typing import Final

from datasets.ingest.names import shown
from datasets.ingest.numbering import NUMBERED
from datasets.ingest.plan import DatasetPlan
from datasets.ingest.profile import (
    ColumnProfile,
    TableProfile,
    looks_like_id,
    mostly_repeats,
    suggest_id_column,
)
from datasets.ingest.read import Evidence, TableSource
from datasets.ingest.sheets import names_listed

MAX_NOTES: Final = 50  # columns named in a receipt; the rest are counted


def receipt_notes(plan: DatasetPlan, table: TableSource, profile: TableProfile) -> list[str]:
    """Return notes on what was left out, on sheets not read, on the id, and on columns."""
    id_profile = profile.columns[plan.id_column.position - 1]
    return [
        *_notes_on_left_out(table),
        *_notes_on_sheets(table.evidence, plan),
        *([NUMBERED] if table.is_numbered else []),
        *_notes_on_columns(profile, id_profile),
    ]


def _notes_on_left_out(table: TableSource) -> list[str]:
    """Return which columns of the file are not in the dataset, as their owner chose."""
    if not table.left_out:
        return []
    named = ", ".join(
        f"{shown(table.file_header[position - 1])} (column {position:,})"
        for position in table.left_out[:MAX_NOTES]
    )
    more = len(table.left_out) - MAX_NOTES
    columns = "1 column" if len(table.left_out) == 1 else f"{len(table.left_out):,} columns"
    return [
        f"Left out, as chosen: {columns} of the file, of which nothing is stored: {named}"
        + (f" and {more:,} more." if more > 0 else ".")
    ]


def _notes_on_sheets(evidence: Evidence, plan: DatasetPlan) -> list[str]:
    """Return whether the table may be less than was meant: another sheet, or other columns."""
    notes = []
    if evidence.unread:
        notes.append(
            f"Only the sheet {shown(evidence.sheet or '')} was read, the first with cells. Not "
            f"read: {names_listed(evidence.unread)}. If the table is there, delete this dataset "
            "and load the file again with that sheet named."
        )
    if len(plan.columns) == 1:
        delimiter = " or was another delimiter to be named" if evidence.form == "text" else ""
        notes.append(
            "The id column is the only column, so nothing but pseudonyms is stored. Was this the "
            f"right {'sheet' if evidence.sheet else 'file'}{delimiter}?"
        )
    return notes


def _notes_on_columns(profile: TableProfile, id_profile: ColumnProfile) -> list[str]:
    """Return what the owner may want to look at, in words."""
    notes = []
    likely = profile.columns[suggest_id_column(profile) - 1]
    if likely.position != id_profile.position and looks_like_id(likely, profile.rows):
        notes.append(
            f"{likely.label} looks like an identifier and is stored as it is. To store pseudonyms "
            "in its place, delete this dataset and load the file again with it as the id column."
        )
    repeated = profile.rows - id_profile.missing - id_profile.distinct
    if mostly_repeats(id_profile, profile.rows) and not looks_like_id(id_profile, profile.rows):
        notes.append(
            f"{repeated:,} of {profile.rows:,} rows repeat a value of {id_profile.label}, which "
            "was taken for the id and is stored as pseudonyms. If it is no id, delete this dataset "
            "and load the file again with the right id column, or with its rows numbered."
        )
    elif repeated:
        rows = "1 row repeats" if repeated == 1 else f"{repeated:,} rows repeat"
        notes.append(f"{rows} an id seen before, and got the same pseudonym.")
    if id_profile.missing:
        rows = "1 row" if id_profile.missing == 1 else f"{id_profile.missing:,} rows"
        notes.append(f"{rows} had an empty id.")
    suggested = [column for column in profile.columns if column.suggestions]
    for column in suggested[:MAX_NOTES]:
        markers = ", ".join(
            f"{marker.count:,} x {marker.marker or 'an empty cell in quotes'}"
            for marker in column.suggestions
        )
        notes.append(f"{column.label}: {column.suggestions[0].data_type} but for {markers}")
    if len(suggested) > MAX_NOTES:
        notes.append(f"and {len(suggested) - MAX_NOTES:,} more columns like these")
    return notes
