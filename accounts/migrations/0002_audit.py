"""The audit trail, and the trigger that keeps it as it was written."""

import uuid

import django.utils.timezone
from django.db import migrations, models

import accounts.models

_APPEND_ONLY = """
create function accounts_auditevent_append_only() returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise exception 'Audit events are neither changed nor dropped.';
end
$$;
revoke all on function accounts_auditevent_append_only()
  from public, anon, authenticated, service_role;
create trigger append_only before update or delete or truncate on accounts_auditevent
  for each statement execute function accounts_auditevent_append_only();
"""
_REVERSE = """
drop trigger append_only on accounts_auditevent;
drop function accounts_auditevent_append_only();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditOrigin',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('account', models.UUIDField(editable=False, null=True)),
                ('address', models.GenericIPAddressField(editable=False, null=True)),
                ('device', models.CharField(editable=False, max_length=200)),
                ('since', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['account', 'address'], name='accounts_origin_account')],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('action', models.CharField(choices=accounts.models.audit_actions, editable=False, max_length=32)),
                ('outcome', models.CharField(choices=accounts.models.audit_outcomes, editable=False, max_length=16)),
                ('actor', models.UUIDField(editable=False, null=True)),
                ('subject', models.UUIDField(editable=False, null=True)),
                ('dataset', models.UUIDField(editable=False, null=True)),
                ('origin', models.UUIDField(editable=False, null=True)),
                ('request_id', models.CharField(editable=False, max_length=32)),
                ('once', models.CharField(editable=False, max_length=100, null=True, unique=True)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [
                    models.Index(fields=['actor', '-id'], name='accounts_audit_actor'),
                    models.Index(fields=['subject', '-id'], name='accounts_audit_subject'),
                    models.Index(fields=['dataset', '-id'], name='accounts_audit_dataset'),
                    models.Index(fields=['at'], name='accounts_audit_at'),
                ],
            },
        ),
        migrations.RunSQL(_APPEND_ONLY, _REVERSE),
    ]
