"""Roles of columns, thresholds of datasets, their reports and the codes of their columns."""

from pathlib import Path

from django.db import migrations, models

from datasets.sql.operation import RunSQLFile, qualified

_FOLDER = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):

    initial = True

    dependencies = [("datasets", "0013_submissions")]

    operations = [
        RunSQLFile("0001_privacy", folder=_FOLDER),
        migrations.CreateModel(
            name='PrivacyReport',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('user_id', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('content_state', models.TextField()),
                ('roles', models.JSONField()),
                ('thresholds', models.JSONField()),
                ('figures', models.JSONField()),
            ],
            options={
                'db_table': qualified("privacy_reports"),
                'ordering': ['-at'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='PrivacyCodes',
            fields=[
                ('pk', models.CompositePrimaryKey('dataset_id', 'position', blank=True, editable=False, primary_key=True, serialize=False)),
                ('dataset_id', models.UUIDField()),
                ('position', models.IntegerField()),
                ('content_state', models.TextField()),
                ('sealed_key', models.BinaryField()),
                ('sealed', models.BinaryField()),
            ],
            options={
                'db_table': qualified("privacy_codes"),
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='PrivacyPopulationCodes',
            fields=[
                ('pk', models.CompositePrimaryKey('dataset_id', 'position', blank=True, editable=False, primary_key=True, serialize=False)),
                ('dataset_id', models.UUIDField()),
                ('position', models.IntegerField()),
                ('population_id', models.UUIDField()),
                ('content_state', models.TextField()),
                ('sealed_key', models.BinaryField()),
                ('sealed', models.BinaryField()),
            ],
            options={
                'db_table': qualified("privacy_population_codes"),
                'managed': False,
            },
        ),
    ]
