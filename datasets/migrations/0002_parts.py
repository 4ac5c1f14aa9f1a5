"""Making, sealing and dropping the tables that hold rows."""

from django.db import migrations

from datasets.sql.operation import RunSQLFile


class Migration(migrations.Migration):

    dependencies = [("datasets", "0001_tables")]

    operations = [RunSQLFile("0002_parts")]
