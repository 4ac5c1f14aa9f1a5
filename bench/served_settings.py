"""Settings of the servers that `bench.served` starts: as in production, over a longer way."""

import os

from fairdb_site.settings import *  # noqa: F403
from fairdb_site.settings import DATABASES, ROOT_URLCONF, STORAGES, SUPABASE_URL

FAIRDB_EMBEDDED = False  # it runs; started again, it would set the address that is longer here
ROOT_URLCONF = os.environ.get("BENCH_URLCONF", ROOT_URLCONF)
SUPABASE_JWT_ISSUER = f"{SUPABASE_URL}/auth/v1"
SUPABASE_URL = os.environ.get("BENCH_SUPABASE_URL", SUPABASE_URL)
if _port := os.environ.get("BENCH_DATABASE_PORT"):
    DATABASES["default"] |= {"HOST": "127.0.0.1", "PORT": _port}
# nothing is collected for a measurement
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
