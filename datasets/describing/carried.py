"""What described a dataset, and its columns' roles, hold for its next version too."""

from uuid import UUID

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from datasets.identifiers import in_data_schema

_WORDS = """
update {datasets} n set keywords = o.keywords, licence = o.licence,
    privacy_k = o.privacy_k, privacy_l = o.privacy_l, privacy_t = o.privacy_t,
    privacy_risk = o.privacy_risk, privacy_missing = o.privacy_missing,
    privacy_population = o.privacy_population,
    privacy_population_dataset = o.privacy_population_dataset,
    privacy_changed_at = o.privacy_changed_at
  from {datasets} o where n.id = %(next)s and o.id = %(before)s
"""
# of labels that either has more than once nobody knows which is which
_COLUMNS = """
with told as (
  select label, part is null as is_id, min(description) as description, min(unit) as unit,
         min(privacy_role) as privacy_role
    from {columns} where dataset_id = %(before)s
    group by label, part is null having count(*) = 1
), there as (
  select label, part is null as is_id, min(position) as position
    from {columns} where dataset_id = %(next)s
    group by label, part is null having count(*) = 1
)
update {columns} n set description = told.description, unit = told.unit,
    privacy_role = told.privacy_role
  from told join there using (label, is_id)
  where n.dataset_id = %(next)s and n.position = there.position
    and ((told.description, told.unit) <> ('', '') or told.privacy_role is not null)
"""


def carry_descriptions(cursor: CursorWrapper, dataset_id: UUID) -> None:
    """Give a version what was said of the newest ready one before it, and of its columns.

    Within the transaction that makes it ready; nothing of it is on record as somebody's act.
    """
    names = {
        "datasets": in_data_schema("datasets"),
        "columns": in_data_schema("dataset_columns"),
    }
    cursor.execute(
        sql.SQL(
            "select o.id from {datasets} n join {datasets} o on o.series = n.series"
            " where n.id = %s and o.version < n.version and o.state = 'ready'"
            " order by o.version desc limit 1"
        ).format(**names),
        [dataset_id],
    )
    found = cursor.fetchone()
    if found is None:
        return
    versions = {"next": dataset_id, "before": found[0]}
    cursor.execute("select set_config('fairdb.described', %s, true)", [str(dataset_id)])
    # nobody has counted the new columns yet, so a plan would take them for few
    cursor.execute("set local enable_nestloop = off")
    for statement in (_WORDS, _COLUMNS):
        cursor.execute(sql.SQL(statement).format(**names), versions)
    cursor.execute("set local enable_nestloop = on")
