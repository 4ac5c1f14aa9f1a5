"""What a signed-in user may do with one table of theirs."""

from django.db import migrations

from datasets.sql.operation import RunSQLFile


class Migration(migrations.Migration):

    dependencies = [("datasets", "0002_parts")]

    operations = [RunSQLFile("0003_tables_of_users")]
