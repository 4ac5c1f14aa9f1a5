"""What every piece of work has: its owner, where it is on its way, who has it, how it ended."""

import uuid
from typing import Final

from django.conf import settings
from django.db import models


class JobState(models.TextChoices):
    """Where work is on its way; a worker has it while it is `running`, and holds its lease."""

    DRAFT = "draft"  # its owner has not said yet what is to be done
    WAITING = "waiting"
    RUNNING = "running"
    STORED = "stored"  # done
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(models.Model):
    """Work for an owner. A table of Django's own, which no function of the data schema reads."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.DRAFT)

    step = models.CharField(max_length=16, default="", blank=True)
    step_since = models.DateTimeField(null=True)

    error = models.TextField(default="", blank=True, help_text="The sentence of what ended it.")
    error_status = models.SmallIntegerField(null=True, help_text="As of HTTP: 5xx is our fault.")
    error_option = models.CharField(max_length=32, default="", blank=True)
    dataset = models.UUIDField(null=True, help_text="What it became.")

    attempt = models.IntegerField(default=0, help_text="Only the newest may store anything.")
    losses = models.IntegerField(default=0, help_text="Attempts that were lost.")
    worker = models.CharField(max_length=64, default="", blank=True)
    lease_until = models.DateTimeField(null=True)
    cancel_asked = models.BooleanField(default=False)

    seen_from = models.UUIDField(null=True, help_text="The `AuditOrigin` it was asked from.")
    request_id = models.CharField(max_length=32, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


NOBODYS: Final = {"worker": "", "lease_until": None}
"""The fields of work that no worker has."""
