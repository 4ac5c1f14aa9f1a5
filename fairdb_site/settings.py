"""Every setting of the platform, read from the environment (or a `.env` file) in one place.

`docs/settings.md` lists them; a test fails when one is missing there. With nothing set, the
embedded default is used: PostgreSQL and a loopback Supabase gateway of our own, for development
and evaluation (see `fairdb_site/local/`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ
from django.core.exceptions import ImproperlyConfigured

from fairdb_site.rates import Rates, read_rates

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env(
    ALLOWED_HOSTS=(list, []),
    CONN_MAX_AGE=(int, 60),
    CSRF_TRUSTED_ORIGINS=(list, []),
    DATABASE_URL=(str, ""),
    DEBUG=(bool, None),
    FAIRDB_ALLOWED_EMAIL_DOMAINS=(list, []),
    FAIRDB_ALLOW_EMBEDDED=(bool, False),
    FAIRDB_DATA_SCHEMA=(str, "_fd"),
    FAIRDB_LIMIT_ADMIN=(str, ""),
    FAIRDB_LIMIT_COLUMNS=(str, ""),
    FAIRDB_LIMIT_CONFIRM=(str, ""),
    FAIRDB_LIMIT_IDS=(str, ""),
    FAIRDB_LIMIT_REGISTER=(str, ""),
    FAIRDB_LIMIT_RESET=(str, ""),
    FAIRDB_LIMIT_SECOND_FACTOR=(str, ""),
    FAIRDB_LIMIT_SIGN_IN=(str, ""),
    FAIRDB_LIMIT_UPLOAD=(str, ""),
    FAIRDB_LOCAL_DIR=(str, ""),
    FAIRDB_LOG_FORMAT=(str, "line"),
    FAIRDB_LOG_LEVEL=(str, "INFO"),
    FAIRDB_MAX_COLUMNS=(int, 100_000),
    FAIRDB_MAX_CONVERSIONS=(int, 2),
    FAIRDB_MAX_HELD=(int, 20),
    FAIRDB_MAX_OWNER_BYTES=(int, 0),
    FAIRDB_MAX_ROWS=(int, 1_000_000_000),
    FAIRDB_MAX_UPLOAD_BYTES=(int, 5 * 1024**3),
    FAIRDB_PSEUDONYM_KEY=(str, ""),
    FAIRDB_REAP_MINUTES=(int, 5),
    FAIRDB_REGISTRATION=(str, ""),
    FAIRDB_SESSION_HOURS=(int, 12),
    FAIRDB_SESSION_IDLE_MINUTES=(int, 60),
    FAIRDB_SITE_URL=(str, ""),
    FAIRDB_STAGED_HOURS=(int, 24),
    FAIRDB_STAGING_DIR=(str, ""),
    FAIRDB_STAGING_OPTIONS=(dict, {}),
    FAIRDB_STAGING_STORAGE=(str, ""),
    FAIRDB_SUPABASE_TIMEOUT=(float, 15.0),
    FAIRDB_TOKEN_KEYS=(list, []),
    FAIRDB_TRUSTED_PROXIES=(int, 0),
    SECRET_KEY=(str, ""),
    SECURE_HSTS_SECONDS=(int, 31_536_000),
    SECURE_PROXY_SSL_HEADER=(str, ""),
    SECURE_SSL_REDIRECT=(bool, True),
    SUPABASE_JWT_ISSUER=(str, ""),
    SUPABASE_PUBLISHABLE_KEY=(str, ""),
    SUPABASE_SECRET_KEY=(str, ""),
    SUPABASE_URL=(str, ""),
)
environ.Env.read_env(BASE_DIR / ".env")

# -- Which Supabase ---

SUPABASE_URL: str = env("SUPABASE_URL").rstrip("/")
SUPABASE_PUBLISHABLE_KEY: str = env("SUPABASE_PUBLISHABLE_KEY")
SUPABASE_SECRET_KEY: str = env("SUPABASE_SECRET_KEY")
FAIRDB_EMBEDDED: bool = not SUPABASE_URL
FAIRDB_ALLOW_EMBEDDED: bool = env("FAIRDB_ALLOW_EMBEDDED")
# empty is no folder: secrets would lie wherever a command was typed
FAIRDB_LOCAL_DIR = Path(env("FAIRDB_LOCAL_DIR") or BASE_DIR / ".local").expanduser().absolute()

DEBUG: bool = FAIRDB_EMBEDDED if env("DEBUG") is None else env("DEBUG")
SECRET_KEY: str = env("SECRET_KEY")
FAIRDB_TOKEN_KEYS: Sequence[str] = env("FAIRDB_TOKEN_KEYS")
FAIRDB_PSEUDONYM_KEY: str = env("FAIRDB_PSEUDONYM_KEY")
database_url: str = env("DATABASE_URL")

if FAIRDB_EMBEDDED:
    from fairdb_site.local.state import local_state
    from fairdb_site.local.token_keys import KeptTokenKeys

    _local = local_state(FAIRDB_LOCAL_DIR)
    SUPABASE_URL = _local.supabase_url
    SUPABASE_PUBLISHABLE_KEY = _local.publishable_key
    SUPABASE_SECRET_KEY = _local.secret_key
    SECRET_KEY = SECRET_KEY or _local.django_secret_key
    FAIRDB_TOKEN_KEYS = FAIRDB_TOKEN_KEYS or KeptTokenKeys(_local)
    FAIRDB_PSEUDONYM_KEY = FAIRDB_PSEUDONYM_KEY or _local.pseudonym_key
    database_url = database_url or _local.database_url()

_required = {
    "DATABASE_URL": database_url,
    "FAIRDB_PSEUDONYM_KEY": FAIRDB_PSEUDONYM_KEY,
    "FAIRDB_TOKEN_KEYS": FAIRDB_TOKEN_KEYS,
    "SECRET_KEY": SECRET_KEY,
    "SUPABASE_PUBLISHABLE_KEY": SUPABASE_PUBLISHABLE_KEY,
    "SUPABASE_SECRET_KEY": SUPABASE_SECRET_KEY,
}
if _missing := [name for name, value in _required.items() if not value]:
    raise ImproperlyConfigured(
        f"SUPABASE_URL is set, so these must be set too: {', '.join(_missing)}. "
        "See docs/settings.md."
    )

SUPABASE_JWT_ISSUER: str = env("SUPABASE_JWT_ISSUER") or f"{SUPABASE_URL}/auth/v1"
FAIRDB_SUPABASE_TIMEOUT: float = env("FAIRDB_SUPABASE_TIMEOUT")  # seconds, for one HTTP request

# -- What the platform allows ---

FAIRDB_DATA_SCHEMA: str = env("FAIRDB_DATA_SCHEMA")
FAIRDB_REGISTRATION: str = env("FAIRDB_REGISTRATION") or ("open" if DEBUG else "invite")
if FAIRDB_REGISTRATION not in {"open", "invite", "closed"}:
    raise ImproperlyConfigured("FAIRDB_REGISTRATION must be open, invite or closed.")
FAIRDB_ALLOWED_EMAIL_DOMAINS: list[str] = [
    domain.strip().lower().lstrip("@") for domain in env("FAIRDB_ALLOWED_EMAIL_DOMAINS")
]
FAIRDB_MAX_COLUMNS: int = env("FAIRDB_MAX_COLUMNS")
FAIRDB_MAX_CONVERSIONS: int = env("FAIRDB_MAX_CONVERSIONS")
FAIRDB_MAX_HELD: int = env("FAIRDB_MAX_HELD")  # files of one account that wait to be loaded
FAIRDB_MAX_OWNER_BYTES: int = env("FAIRDB_MAX_OWNER_BYTES")  # 0: as many as there is room for
if FAIRDB_MAX_OWNER_BYTES < 0:
    raise ImproperlyConfigured("FAIRDB_MAX_OWNER_BYTES must be 0 (no limit) or more.")
FAIRDB_MAX_ROWS: int = env("FAIRDB_MAX_ROWS")
FAIRDB_MAX_UPLOAD_BYTES: int = env("FAIRDB_MAX_UPLOAD_BYTES")

# Where the numbers come from: accounts/limits.py. A page that is limited costs us something, or
# tells whether a guess was right.
_limits = {
    "ADMIN": "account=120/1m,address=600/1m",
    "COLUMNS": "account=120/5m,address=600/5m",
    "CONFIRM": "account=10/1h,address=60/10m",
    "IDS": "account=60/5m,address=600/5m",
    "REGISTER": "account=5/1h,address=60/1h",
    "RESET": "pair=5/1h,account=15/1h,address=60/1h",
    "SECOND_FACTOR": "account=10/10m,address=100/5m",
    "SIGN_IN": "pair=10/5m,account=50/1h,address=100/5m",
    "UPLOAD": "account=120/1h,address=1200/1h",
}
FAIRDB_LIMITS: dict[str, Rates] = {}
for _name, _default in _limits.items():
    try:
        FAIRDB_LIMITS[_name] = read_rates(env(f"FAIRDB_LIMIT_{_name}"), _default)
    except ValueError as _error:
        raise ImproperlyConfigured(f"FAIRDB_LIMIT_{_name}: {_error}") from None

# -- Django ---

ALLOWED_HOSTS: list[str] = env("ALLOWED_HOSTS") or (
    ["localhost", "127.0.0.1", "[::1]", "testserver"] if FAIRDB_EMBEDDED else []
)
CSRF_TRUSTED_ORIGINS: list[str] = env("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "fairdb_site.urls"
WSGI_APPLICATION = "fairdb_site.wsgi.application"

INSTALLED_APPS = [
    "accounts",
    "datasets",
    "privacy",
    "anonymization",
    "fairdb_site",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "accounts.staff.config.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "fairdb_site.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "fairdb_site.middleware.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "fairdb_site.health.HealthMiddleware",
    "fairdb_site.middleware.OutageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "fairdb_site.middleware.ErrorMiddleware",
    "fairdb_site.middleware.SupabaseMiddleware",
    "fairdb_site.middleware.SignInRequiredMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

_database: dict[str, Any] = environ.Env.db_url_config(database_url)
_database["HOST"] = unquote(_database["HOST"])  # a socket folder is written percent-encoded
DATABASES: dict[str, dict[str, Any]] = {
    "default": _database
    | {
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": env("CONN_MAX_AGE"),
        "CONN_HEALTH_CHECKS": True,
        # seconds; else pages wait minutes for a server that is cut off
        "OPTIONS": {"connect_timeout": 10} | _database.get("OPTIONS", {}),
    }
}
if DATABASES["default"].get("PORT") == 6543:  # Supavisor's transaction mode keeps no session state
    DATABASES["default"] |= {"CONN_MAX_AGE": 0, "DISABLE_SERVER_SIDE_CURSORS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Work outside of requests ---

FAIRDB_REAP_MINUTES: int = env("FAIRDB_REAP_MINUTES")  # by a worker; 0: never
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

# -- Identity ---

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.SupabaseBackend"]
SHORTEST_PASSWORD = 8  # NIST SP 800-63B, 5.1.1.2
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("MinimumLengthValidator", {"min_length": SHORTEST_PASSWORD}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
        ("UserAttributeSimilarityValidator", {"user_attributes": ("email",)}),
    )
]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "datasets:dashboard"
LOGOUT_REDIRECT_URL = "landing"
SESSION_COOKIE_AGE: int = env("FAIRDB_SESSION_HOURS") * 3600
FAIRDB_SESSION_IDLE_MINUTES: int = env("FAIRDB_SESSION_IDLE_MINUTES")
FAIRDB_SITE_URL: str = env("FAIRDB_SITE_URL").rstrip("/")  # in links that are mailed
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "fairdb_site.views.csrf_failure"
DEFAULT_EXCEPTION_REPORTER = "fairdb_site.reports.PlainReport"

# -- Transport ---

SESSION_COOKIE_SECURE = not DEBUG
CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT: bool = env("SECURE_SSL_REDIRECT") and not DEBUG
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]  # a probe calls the machine, not the proxy
SECURE_HSTS_SECONDS: int = 0 if DEBUG else env("SECURE_HSTS_SECONDS")
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
FAIRDB_TRUSTED_PROXIES: int = env("FAIRDB_TRUSTED_PROXIES")
if _header := env("SECURE_PROXY_SSL_HEADER"):  # for example HTTP_X_FORWARDED_PROTO
    SECURE_PROXY_SSL_HEADER = (_header, "https")

# -- Files ---

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
    # uploaded files while they are loaded; sealed, so any storage may hold them
    "staged": {
        "BACKEND": env("FAIRDB_STAGING_STORAGE"),
        "OPTIONS": env.json("FAIRDB_STAGING_OPTIONS", {}),
    }
    if env("FAIRDB_STAGING_STORAGE")
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": env("FAIRDB_STAGING_DIR") or FAIRDB_LOCAL_DIR / "staged",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
FAIRDB_STAGED_HOURS: int = env("FAIRDB_STAGED_HOURS")
# A development server finds static files where they lie: it need not have collected them.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = DEBUG
FILE_UPLOAD_HANDLERS = [
    "datasets.linking.uploads.InMemoryUploadHandler",  # for views that are marked memory_only
    "datasets.uploads.StagingUploadHandler",
]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2  # form fields; files stream to disk
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

# -- Language, time, logs ---

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FAIRDB_LOG_FORMAT: str = env("FAIRDB_LOG_FORMAT")
if FAIRDB_LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured("FAIRDB_LOG_FORMAT must be line or json.")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "fairdb_site.logs.ValueFreeFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        },
        "json": {"()": "fairdb_site.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": FAIRDB_LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # without Django's own handlers, which print exceptions' messages
        "django": {"level": "INFO"},
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    }
    | {
        name: {"handlers": ["stderr"], "level": env("FAIRDB_LOG_LEVEL"), "propagate": False}
        for name in ("accounts", "datasets", "fairdb_site")
    }
    # the development server has lines of its own for what it answers
    | ({"fairdb_site.requests": {"level": "WARNING"}} if DEBUG else {}),
}
