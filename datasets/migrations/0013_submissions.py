"""Files that were sent, and the workers that load them."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('datasets', '0012_describing'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Worker',
            fields=[
                ('name', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField(auto_now_add=True)),
                ('seen_at', models.DateTimeField()),
                ('reaped_at', models.DateTimeField(help_text='When it last cleared up.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('key', models.UUIDField(help_text='One form sent; unique for each owner.', null=True)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('waiting', 'Waiting'), ('running', 'Running'), ('stored', 'Stored'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='draft', max_length=16)),
                ('title', models.TextField()),
                ('description', models.TextField(blank=True, default='')),
                ('origin', models.TextField(blank=True, default='')),
                ('options', models.JSONField(default=dict, help_text='How to read it: `loading.asked.Asked`.')),
                ('replaces', models.UUIDField(help_text='The dataset whose new version it is.', null=True)),
                ('file_name', models.TextField()),
                ('file_bytes', models.BigIntegerField()),
                ('staged', models.CharField(blank=True, default='', help_text='Held as; or gone.', max_length=32)),
                ('step', models.CharField(blank=True, default='', max_length=16)),
                ('step_since', models.DateTimeField(null=True)),
                ('bytes_done', models.BigIntegerField(default=0)),
                ('rows_done', models.BigIntegerField(default=0)),
                ('rows_total', models.BigIntegerField(default=0, help_text='0 while nobody knows.')),
                ('error', models.TextField(blank=True, default='', help_text='The sentence of what ended it.')),
                ('error_status', models.SmallIntegerField(help_text='As of HTTP: 5xx is our fault.', null=True)),
                ('error_option', models.CharField(blank=True, default='', max_length=32)),
                ('suggestion', models.TextField(blank=True, default='', help_text='For the option of the error.')),
                ('dataset', models.UUIDField(help_text='What it became.', null=True)),
                ('attempt', models.IntegerField(default=0, help_text='Only the newest may store anything.')),
                ('losses', models.IntegerField(default=0, help_text='Attempts that were lost.')),
                ('worker', models.CharField(blank=True, default='', max_length=64)),
                ('lease_until', models.DateTimeField(null=True)),
                ('cancel_asked', models.BooleanField(default=False)),
                ('seen_from', models.UUIDField(help_text='The `AuditOrigin` it was asked from.', null=True)),
                ('request_id', models.CharField(blank=True, default='', max_length=32)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
                'indexes': [models.Index(fields=['owner', '-created_at'], name='datasets_submission_owner'), models.Index(fields=['state', 'created_at'], name='datasets_submission_state'), models.Index(fields=['staged'], name='datasets_submission_staged')],
                'constraints': [models.UniqueConstraint(fields=('owner', 'key'), name='datasets_submission_once'), models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('owner',), name='datasets_submission_one_running')],
            },
        ),
    ]
