"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fairdb_site.settings")

from fairdb_site.embedded import start_if_embedded
from fairdb_site.supabase.clients import import_supabase

start_if_embedded()
import_supabase()
application = get_wsgi_application()
