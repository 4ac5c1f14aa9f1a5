"""Rows filtered, sorted and paged from either end, and the card of a column."""

from django.db import migrations

from datasets.sql.operation import RunSQLFile


class Migration(migrations.Migration):

    dependencies = [("datasets", "0010_attachments")]

    operations = [
        RunSQLFile("0011_conditions"),
        RunSQLFile("0011_page_rowids"),
        RunSQLFile("0011_browse"),
        RunSQLFile("0011_column_card"),
        RunSQLFile("0011_search"),
    ]
