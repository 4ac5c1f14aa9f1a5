"""Start the embedded stack where it is the default: a door for `manage.py`, WSGI and ASGI."""

import os

from django.conf import settings


def start_if_embedded() -> tuple[str, ...]:
    """Start the embedded stack if no SUPABASE_URL is set; return the parts that were started.

    Settings were read before the start, so what moved with it (the gateway's port) is put right.
    """
    if not settings.FAIRDB_EMBEDDED:
        return ()
    from fairdb_site.local.stack import ensure_started

    handle = ensure_started(
        settings.FAIRDB_LOCAL_DIR, database_url=os.environ.get("DATABASE_URL") or None
    )
    if handle.state.supabase_url != settings.SUPABASE_URL:
        if f"{settings.SUPABASE_URL}/auth/v1" == settings.SUPABASE_JWT_ISSUER:
            settings.SUPABASE_JWT_ISSUER = f"{handle.state.supabase_url}/auth/v1"
        settings.SUPABASE_URL = handle.state.supabase_url
    return handle.started
