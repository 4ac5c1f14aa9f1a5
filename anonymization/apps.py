"""The anonymization app."""

from django.apps import AppConfig


class AnonymizationConfig(AppConfig):
    """Anonymization of datasets under their owners' thresholds."""

    name = "anonymization"
