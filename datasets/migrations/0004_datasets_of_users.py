"""What the pages read of a dataset: facts, columns, rows across parts."""

from django.db import migrations

from datasets.sql.operation import RunSQLFile


class Migration(migrations.Migration):

    dependencies = [("datasets", "0003_tables_of_users")]

    operations = [RunSQLFile("0004_datasets_of_users")]
