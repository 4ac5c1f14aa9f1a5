"""What datasets and their columns are, in their owners' words."""

from django.db import migrations

from datasets.sql.operation import RunSQLFile


class Migration(migrations.Migration):

    dependencies = [("datasets", "0011_browse")]

    operations = [RunSQLFile("0012_describing")]
