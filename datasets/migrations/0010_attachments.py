"""Columns of one dataset attached to the rows of another."""

from django.db import migrations, models

from datasets.sql.operation import RunSQLFile, qualified


class Migration(migrations.Migration):

    dependencies = [("datasets", "0008_history")]

    operations = [
        RunSQLFile("0010_attachments"),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('source_id', models.UUIDField(null=True)),
                ('source_title', models.TextField()),
                ('columns', models.IntegerField()),
                ('matched', models.BigIntegerField(help_text='Ids that both had.')),
                ('only_here', models.BigIntegerField()),
                ('only_there', models.BigIntegerField()),
                ('no_id', models.TextField(help_text='The pseudonym of an empty id.')),
                ('source_names', models.JSONField(help_text="The source's physical name of each column's.")),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': qualified("attachments"),
                'ordering': ['at'],
                'managed': False,
            },
        ),
    ]
