"""The queue keeps of an exception what kind it was, and nothing that it says."""

from typing import Any

from django_tasks_db.models import DBTaskResult


def forget_words(*, instance: DBTaskResult[Any, Any], **kwargs: object) -> None:
    """Drop a traceback before it is kept: what exceptions say may quote a cell (`pre_save`)."""
    instance.traceback = ""
