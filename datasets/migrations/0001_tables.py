"""The tables of the data schema; Django is told of them but manages none."""

import django.contrib.postgres.fields
import uuid
from django.db import migrations, models

from datasets.sql.operation import RunSQLFile, qualified


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        RunSQLFile("0001_tables"),
        migrations.CreateModel(
            name='Dataset',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('user_id', models.UUIDField()),
                ('title', models.TextField()),
                ('description', models.TextField(blank=True, default='')),
                ('origin', models.TextField(blank=True, default='')),
                ('state', models.TextField(choices=[('created', 'Created'), ('loading', 'Loading'), ('ready', 'Ready'), ('deleting', 'Deleting')], default='created')),
                ('id_label', models.TextField(null=True)),
                ('id_position', models.IntegerField(null=True)),
                ('row_count', models.BigIntegerField(null=True)),
                ('column_count', models.IntegerField(help_text='Data columns, without the id.', null=True)),
                ('parts', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, help_text='Physical names, in order.', size=None)),
                ('file_name', models.TextField(null=True)),
                ('file_bytes', models.BigIntegerField(null=True)),
                ('file_digest', models.TextField(help_text='SHA-256 of the file as uploaded, hex.', null=True)),
                ('digest', models.TextField(help_text='SHA-256 of the dataset as exported, hex.', null=True)),
                ('key_fingerprint', models.TextField(null=True)),
                ('submission', models.UUIDField(help_text='One form sent; unique for each owner.', null=True)),
                ('receipt', models.JSONField(null=True)),
                ('seconds', models.FloatField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ready_at', models.DateTimeField(null=True)),
                ('series', models.UUIDField(default=uuid.uuid4, help_text='Shared by versions of one dataset.')),
                ('version', models.IntegerField(default=1)),
            ],
            options={
                'db_table': qualified("datasets"),
                'ordering': ['-created_at'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='DatasetColumn',
            fields=[
                ('pk', models.CompositePrimaryKey('dataset_id', 'position', blank=True, editable=False, primary_key=True, serialize=False)),
                ('position', models.IntegerField(help_text='Place in the file, from 1.')),
                ('label', models.TextField()),
                ('name', models.TextField(help_text='Physical name.')),
                ('part', models.IntegerField(help_text='From 1; null for the id column.', null=True)),
                ('data_type', models.TextField()),
                ('role', models.TextField(null=True)),
                ('missing', models.BigIntegerField(null=True)),
                ('distinct_count', models.BigIntegerField(null=True)),
                ('minimum', models.TextField(null=True)),
                ('maximum', models.TextField(null=True)),
                ('mean', models.FloatField(null=True)),
                ('top', models.JSONField(help_text='[[value, count], ...], most frequent first.', null=True)),
            ],
            options={
                'db_table': qualified("dataset_columns"),
                'ordering': ['position'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='MetadataTable',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('table_name', models.TextField(unique=True)),
                ('main_table', models.TextField(blank=True, default='')),
                ('description', models.TextField(blank=True, default='')),
                ('origin', models.TextField(blank=True, default='')),
                ('user_id', models.UUIDField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'db_table': qualified("metadata_tables"),
                'ordering': ['id'],
                'managed': False,
            },
        ),
    ]
