"""The privacy app."""

from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    """Disclosure risk of datasets."""

    name = "privacy"

    def ready(self) -> None:
        """Say to accounts what is held of them."""
        from accounts import holdings
        from privacy.holding import PrivacyReports

        holdings.register(PrivacyReports())
