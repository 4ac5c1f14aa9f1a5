"""Names in the data schema, quoted for SQL that is composed with psycopg2."""

from django.conf import settings
from psycopg2 import sql


def in_data_schema(name: str) -> sql.Identifier:
    """Return the quoted name of a table or function of the data schema."""
    return sql.Identifier(settings.FAIRDB_DATA_SCHEMA, name)
