"""The privacy app."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """Disclosure risk of datasets."""

    name = "privacy"
