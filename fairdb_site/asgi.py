"""ASGI entry point."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fairdb_site.settings")

from fairdb_site.embedded import start_if_embedded

start_if_embedded()
application = get_asgi_application()
