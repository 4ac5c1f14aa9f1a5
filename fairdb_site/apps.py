"""The platform's own Django app: commands, checks and static files."""

from django.apps import AppConfig


class FairdbSiteConfig(AppConfig):
    """Register the platform's system checks, and keep values out of what Python prints."""

    name = "fairdb_site"
    verbose_name = "FAIRDatabase"

    def ready(self) -> None:
        """Load the checks, which Django finds by their decorator; log what nobody catches."""
        from fairdb_site import checks  # noqa: F401
        from fairdb_site.uncaught import log_uncaught

        log_uncaught()
