"""The platform's own Django app: commands, checks and static files."""

from django.apps import AppConfig


class FairdbSiteConfig(AppConfig):
    """Register the platform's system checks."""

    name = "fairdb_site"
    verbose_name = "FAIRDatabase"

    def ready(self) -> None:
        """Load the checks; Django finds them by their decorator."""
        from fairdb_site import checks  # noqa: F401
