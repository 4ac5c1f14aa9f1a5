"""What the pages draw of a dataset of any width in one small read."""

from django.db import migrations

from datasets.sql.operation import RunSQLFile


class Migration(migrations.Migration):

    dependencies = [("datasets", "0004_datasets_of_users")]

    operations = [RunSQLFile("0005_dataset_at_a_glance")]
