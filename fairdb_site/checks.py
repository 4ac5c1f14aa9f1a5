"""System checks of the platform's settings; each names its mend."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register(Tags.security)
def check_embedded_in_production(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse the embedded default where DEBUG is off, unless it was asked for by name."""
    if settings.DEBUG or not settings.FAIRDB_EMBEDDED or settings.FAIRDB_ALLOW_EMBEDDED:
        return []
    return [
        Error(
            "DEBUG is off but no SUPABASE_URL is set, so the embedded default would serve.",
            hint=(
                "Set SUPABASE_URL and its keys (docs/settings.md), or FAIRDB_ALLOW_EMBEDDED=true "
                "to use the embedded server, which is meant for development and evaluation."
            ),
            id="fairdb_site.E001",
        )
    ]


@register(Tags.security)
def check_upload_limit(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse limits that would turn every file away."""
    return [
        Error(
            f"{name} is {value}, so no file could be loaded.",
            hint=f"Set {name} to 1 or more.",
            id="fairdb_site.E002",
        )
        for name, value in (
            ("FAIRDB_MAX_COLUMNS", settings.FAIRDB_MAX_COLUMNS),
            ("FAIRDB_MAX_CONVERSIONS", settings.FAIRDB_MAX_CONVERSIONS),
            ("FAIRDB_MAX_ROWS", settings.FAIRDB_MAX_ROWS),
            ("FAIRDB_MAX_UPLOAD_BYTES", settings.FAIRDB_MAX_UPLOAD_BYTES),
        )
        if value < 1
    ]


@register(Tags.security, deploy=True)
def check_site_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Ask for the platform's own address: a request may name another port than it is at."""
    if settings.FAIRDB_SITE_URL:
        return []
    return [
        Warning(
            "Links in mails lead to the host and port that a request names.",
            hint="Set FAIRDB_SITE_URL to the platform's address, as https://fairdb.example.org.",
            id="fairdb_site.W001",
        )
    ]
