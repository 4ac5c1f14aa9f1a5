"""Run a numbered `.sql` file as a migration operation, its reverse beside it.

A file writes the data schema as one placeholder, quoted the way psql quotes a variable:
`:"data_schema"` stands for the identifier and `:'data_schema'` for the string. Nothing else is
replaced, and the file goes to PostgreSQL without parameters, so `%` means what SQL says it means.
"""

from pathlib import Path

from django.conf import settings
from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

FOLDER = Path(__file__).resolve().parent


def qualified(table: str) -> str:
    """Return a table of the data schema as Django writes it in `db_table`: both names quoted."""
    return f"{_identifier(settings.FAIRDB_DATA_SCHEMA)}.{_identifier(table)}"


def render(file: str, *, schema: str, folder: Path = FOLDER) -> str:
    """Return the text of a `.sql` file with the data schema in its place."""
    text = (folder / file).read_text(encoding="utf-8")
    string = "'" + schema.replace("'", "''") + "'"
    return text.replace(':"data_schema"', _identifier(schema)).replace(":'data_schema'", string)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class RunSQLFile(Operation):
    """Run `<name>.sql` forwards and `<name>.reverse.sql` backwards, of datasets or of `folder`."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, name: str, *, folder: Path = FOLDER) -> None:
        self.name = name
        self._folder = folder

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the models of these tables are declared beside the operation."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Run the file."""
        self._run(f"{self.name}.sql", app_label, schema_editor)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Run the file's reverse."""
        self._run(f"{self.name}.reverse.sql", app_label, schema_editor)

    def describe(self) -> str:
        """Name the file, for `migrate --plan` and `sqlmigrate`."""
        return f"Run {self._folder.parent.name}/sql/{self.name}.sql"

    def _run(self, file: str, app_label: str, schema_editor: BaseDatabaseSchemaEditor) -> None:
        if router.allow_migrate(schema_editor.connection.alias, app_label):
            # params=None, not (): psycopg2 leaves % alone only where it is given no parameters
            text = render(file, schema=settings.FAIRDB_DATA_SCHEMA, folder=self._folder)
            schema_editor.execute(text, params=None)
