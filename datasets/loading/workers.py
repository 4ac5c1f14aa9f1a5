"""Which workers there are, and whether loads wait for one in vain."""

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from datasets.models import Submission, Worker

SEEN_LATELY: Final = timedelta(seconds=60)
"""How long a worker is taken to be there since it last said so."""


def workers_there() -> int:
    """Return how many workers were seen lately."""
    return Worker.objects.filter(seen_at__gt=Now() - SEEN_LATELY).count()


def loads_stuck() -> int:
    """Return how many loads wait for a worker while none is there."""
    if workers_there():
        return 0
    waiting = Submission.objects.filter(state=Submission.State.WAITING)
    return waiting.filter(created_at__lt=Now() - SEEN_LATELY).count()
