"""What was corrected: history, undo, deleted rows."""

from django.db import migrations, models

from datasets.sql.operation import RunSQLFile, qualified


class Migration(migrations.Migration):

    dependencies = [
        ("datasets", "0007_load"),
        ("accounts", "0006_audit_by_the_database"),
    ]

    operations = [
        RunSQLFile("0008_history"),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('number', models.BigIntegerField(unique=True)),
                ('at', models.DateTimeField()),
                ('account', models.UUIDField(help_text='None: an operator, or SQL.', null=True)),
                ('undoes', models.UUIDField(null=True)),
            ],
            options={
                'db_table': qualified("changes"),
                'ordering': ['-number'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='ChangedRow',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('dataset_id', models.UUIDField()),
                ('row_number', models.BigIntegerField()),
                ('part', models.TextField()),
                ('kind', models.TextField(choices=[('edited', 'Edited'), ('deleted', 'Deleted'), ('restored', 'Restored')])),
                ('old', models.JSONField(null=True)),
                ('new', models.JSONField(null=True)),
            ],
            options={
                'db_table': qualified("changed_rows"),
                'ordering': ['id'],
                'managed': False,
            },
        ),
    ]
