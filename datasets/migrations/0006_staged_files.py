"""The record of uploaded files while they are loaded."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('datasets', '0005_dataset_at_a_glance'),
    ]

    operations = [
        migrations.CreateModel(
            name='StagedFile',
            fields=[
                ('name', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('sealed_key', models.BinaryField(help_text='Sealed under FAIRDB_TOKEN_KEYS.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
    ]
