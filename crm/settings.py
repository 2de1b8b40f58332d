"""Settings. Every value that differs between firms comes from the environment (docs/operation.md lists them)."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_email_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from crm.env import read, stop

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules

CRM_ENV = read("str", "CRM_ENV", "development")
if CRM_ENV not in ("development", "production"):
    stop(f"environment variable CRM_ENV: {CRM_ENV!r} is neither 'development' nor 'production'")
PRODUCTION = CRM_ENV == "production"

DEBUG = read("bool", "DEBUG", False)
_DEVELOPMENT_KEY = "development-only-key-refused-in-production"
SECRET_KEY = read("str", "SECRET_KEY") if PRODUCTION else read("str", "SECRET_KEY", _DEVELOPMENT_KEY)
ALLOWED_HOSTS = read("list", "ALLOWED_HOSTS") if PRODUCTION else read("list", "ALLOWED_HOSTS", ["*"])
DATA_DIR = Path(read("str", "DATA_DIR", "var")).absolute()
DEMO = read("str", "DEMO", "full")

if PRODUCTION:
    if DEBUG:
        stop("DEBUG must be off when CRM_ENV=production")
    if len(SECRET_KEY) < 40 or SECRET_KEY == _DEVELOPMENT_KEY:
        stop("SECRET_KEY must be a secret of your own of at least 40 characters when CRM_ENV=production")
    if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
        stop("ALLOWED_HOSTS must name the hosts served when CRM_ENV=production")

# --- Servers -----------------------------------------------------------------------------------------------------

DATABASE_URL = read("str", "DATABASE_URL", "")
REDIS_URL = read("str", "REDIS_URL", "")
#: 'off' builds the settings without touching a server: for type checks and static collection.
EMBEDDED = read("bool", "CRM_EMBEDDED", True)
if PRODUCTION and not (DATABASE_URL and REDIS_URL):
    stop("DATABASE_URL and REDIS_URL must be set when CRM_ENV=production; the embedded servers are for trying out only")
BROKER_URL = REDIS_URL
if not (DATABASE_URL and REDIS_URL) and EMBEDDED:
    from crm import embedded

    try:
        _endpoints = embedded.ensure_running(DATA_DIR, with_postgres=not DATABASE_URL, with_redis=not REDIS_URL)
    except embedded.EmbeddedError as error:
        stop(str(error))
    DATABASE_URL = DATABASE_URL or _endpoints.database_url
    if not REDIS_URL:
        REDIS_URL, BROKER_URL = _endpoints.redis_url, _endpoints.broker_url
DATABASE_URL = DATABASE_URL or "postgres://crm@localhost/crm"
REDIS_URL = REDIS_URL or "redis://localhost:6379/0"
BROKER_URL = BROKER_URL or REDIS_URL
#: A cache may forget what it likes, the broker nothing: two servers where there is more than one.
CACHE_URL = read("str", "CACHE_URL", "") or REDIS_URL


def _database(name: str, url: str) -> dict[str, object]:
    import dj_database_url

    try:
        config = dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError, ValueError) as error:
        stop(f"environment variable {name}: {' '.join(str(error).split())}")
    if config.get("ENGINE") != "django.db.backends.postgresql":
        stop(f"environment variable {name}: only postgres:// addresses are supported")
    config.setdefault("OPTIONS", {})["application_name"] = "crm"
    return dict(config)


DATABASES = {"default": _database("DATABASE_URL", DATABASE_URL)}
#: A standby for dashboards and analyses (crm/replica.py); none: they read from the main server.
REPLICA_URL = read("str", "REPLICA_URL", "")
if REPLICA_URL:
    DATABASES["replica"] = _database("REPLICA_URL", REPLICA_URL)
    DATABASES["replica"]["OPTIONS"] |= {"options": "-c default_transaction_read_only=on"}  # type: ignore[operator]
    DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
DATABASE_ROUTERS = ["crm.replica.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": {"BACKEND": "crm.cache.LosableRedis", "LOCATION": CACHE_URL, "KEY_PREFIX": "crm"}}

# --- Applications ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "org.apps.OrgConfig",
    "clients.apps.ClientsConfig",
    "ledger.apps.LedgerConfig",
    "segmentation.apps.SegmentationConfig",
    "forecasts.apps.ForecastsConfig",
    "profit.apps.ProfitConfig",
    "profiles.apps.ProfilesConfig",
    "measures.apps.MeasuresConfig",
    "segments.apps.SegmentsConfig",
    "analyses.apps.AnalysesConfig",
    "visits.apps.VisitsConfig",
    "complaints.apps.ComplaintsConfig",
    "dashboards.apps.DashboardsConfig",
    "handovers.apps.HandoversConfig",
    "callbacks.apps.CallbacksConfig",
    "nights.apps.NightsConfig",
    "feed.apps.FeedConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    "django_filters",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "org.api_versions.VersionHeaders",
    "org.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "org.middleware.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"

# Both template libraries want to own the loaders; listed by hand they get along.
_LOADERS = [
    "django_cotton.cotton_loader.Loader",
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [("template_partials.loader.Loader", [("django.template.loaders.cached.Loader", _LOADERS)])],
            "builtins": ["django_cotton.templatetags.cotton", "template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "org.context_processors.shell",
            ],
        },
    }
]
COTTON_DIR = "cotton"
COTTON_ISOLATE_BY_DEFAULT = False

# --- Sign-in -----------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "org.User"
AUTHENTICATION_BACKENDS = ["org.backends.StaffBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
#: 'mlps': three of four kinds of characters, a new password every 90 days (GB/T 22239 8.1.4.1); 'length': neither, as
#: OWASP ASVS 6.2 has it. Both: twelve characters, nothing common, none of our own words.
PASSWORD_POLICY = read("str", "PASSWORD_POLICY", "mlps")
if PASSWORD_POLICY not in ("mlps", "length"):
    stop(f"environment variable PASSWORD_POLICY: {PASSWORD_POLICY!r} is neither 'mlps' nor 'length'")
_mlps = PASSWORD_POLICY == "mlps"  # noqa: S105  not a password
PASSWORD_MAX_AGE_DAYS = 90 if _mlps else 0
#: So many of the last passwords, the one in use included, are not taken again.
PASSWORD_HISTORY = read("int", "PASSWORD_HISTORY", 5)
if PASSWORD_HISTORY < 1:
    stop("environment variable PASSWORD_HISTORY: at least 1, the password in use")
#: Words of the firm that no password may be made of: its name, its products.
PASSWORD_OWN_WORDS = read("list", "PASSWORD_OWN_WORDS", [])
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "org.passwords.OwnWordsValidator"},
    {"NAME": "org.passwords.NewPasswordValidator"},
    *([{"NAME": "org.passwords.KindsValidator"}] if _mlps else []),
]
#: A log-in that nobody used for so many days is shut until the administrator makes a one-time link; 0: never.
IDLE_ACCOUNT_DAYS = read("int", "IDLE_ACCOUNT_DAYS", 90 if PRODUCTION else 0)
#: Roles that must set up a second factor before they see anything else.
SECOND_FACTOR_ROLES = read("list", "SECOND_FACTOR_ROLES", ["admin"] if PRODUCTION else [])
#: A one-time link opens a log-in within this time.
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "org.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
ACCOUNT_SESSION_REMEMBER = False
#: Other sessions end with the old password in any case; the one that changed it goes on.
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
#: Proxies in front of us whose X-Forwarded-For is believed; without it all users would share one limit.
ALLAUTH_TRUSTED_PROXY_COUNT = read("int", "TRUSTED_PROXIES", 0)
#: Attempts, counted in Redis: per address, and failures per name and address as well as per name alone.
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "20/m/ip,5/15m/key"}
MFA_ADAPTER = "org.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Core Client CRM"
#: E-mail addresses come from the core system; nobody confirms them here.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
USERSESSIONS_TRACK_ACTIVITY = False  # PersonMiddleware does it, once a minute instead of at each request

# Log-in by the firm's identity server, if the environment names one (docs/operation.md, "Sign-in").
OIDC_SERVER_URL = read("str", "OIDC_SERVER_URL", "")
#: The claim that carries the staff number.
OIDC_STAFF_CLAIM = read("str", "OIDC_STAFF_CLAIM", "preferred_username")
SOCIALACCOUNT_ADAPTER = "org.adapters.SocialAccountAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC_SERVER_URL:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": read("str", "OIDC_NAME", "OIDC"),
                "client_id": read("str", "OIDC_CLIENT_ID"),
                "secret": read("str", "OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_SERVER_URL},
            }
        ],
    }

#: A session ends after so much time without a sign of life, and after so much time in any case.
SESSION_IDLE_SECONDS = read("int", "SESSION_IDLE_MINUTES", 30) * 60
SESSION_ABSOLUTE_SECONDS = read("int", "SESSION_HOURS", 12) * 3600
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"

# --- Language, time ----------------------------------------------------------------------------------------------

LANGUAGE_CODE = read("str", "LANGUAGE_CODE", "zh-hans")
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
if LANGUAGE_CODE not in dict(LANGUAGES):
    stop(f"environment variable LANGUAGE_CODE: {LANGUAGE_CODE!r} is neither 'zh-hans' nor 'en'")
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "language"
TIME_ZONE = read("str", "TIME_ZONE", "Asia/Shanghai")
try:
    ZoneInfo(TIME_ZONE)
except (ZoneInfoNotFoundError, ValueError):
    stop(f"environment variable TIME_ZONE: {TIME_ZONE!r} is not a known time zone")
USE_TZ = True
FIRST_DAY_OF_WEEK = 1

# --- Static files ------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(read("str", "STATIC_ROOT", str(DATA_DIR / "static")))
# Compressing takes half a minute: worth it where the network is slow, not for trying out.
_MANIFEST = (
    "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if PRODUCTION
    else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
)
_PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _PLAIN if TESTING or DEBUG else _MANIFEST},
}
# Straight from the sources, without collecting first.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = TESTING or DEBUG
MEDIA_ROOT = DATA_DIR / "files"

# --- Browser protection ------------------------------------------------------------------------------------------

_oidc = urlsplit(OIDC_SERVER_URL)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        # Chart tooltips carry style attributes; scripts stay strict.
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        # A form that ends at the identity server's address must be allowed to go there.
        "form-action": [SELF, *([f"{_oidc.scheme}://{_oidc.netloc}"] if OIDC_SERVER_URL else [])],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "org.errors.csrf_failure"
if PRODUCTION:
    SECURE_SSL_REDIRECT = read("bool", "SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if not host.startswith(".")]

# --- Lists --------------------------------------------------------------------------------------------------------

#: Rows of a list that one person may export without a second one.
EXPORT_ROWS_MAX = read("int", "EXPORT_ROWS_MAX", 200)

# --- Uploads -----------------------------------------------------------------------------------------------------

#: Largest nightly file taken by upload, and largest size it may unpack to, in bytes.
INTAKE_MAX_UPLOAD = 512 * 1024 * 1024
INTAKE_MAX_UNPACKED = 4 * 1024 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600
#: The night looks for the core system's files in DROP_DIR/<YYYY-MM-DD>/.
DROP_DIR = Path(read("str", "DROP_DIR", str(DATA_DIR / "drop")))

# --- E-mail ------------------------------------------------------------------------------------------------------

try:
    _email = dj_email_url.parse(read("str", "EMAIL_URL", "console:"))
    EMAIL_BACKEND = _email["EMAIL_BACKEND"]
except (KeyError, ValueError):
    stop("environment variable EMAIL_URL: use an address such as smtp://user:password@host:25 or console:")
EMAIL_HOST = _email["EMAIL_HOST"]
EMAIL_PORT = _email["EMAIL_PORT"]
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]

# --- Messenger: a webhook of the firm's own -----------------------------------------------------------------------------

#: Reminders are posted there as JSON, signed with the secret (docs/visits.md); empty: none.
MESSENGER_URL = read("str", "MESSENGER_URL", "")
MESSENGER_SECRET = read("str", "MESSENGER_SECRET", "")
if MESSENGER_URL and not (MESSENGER_URL.startswith(("https://", "http://")) and MESSENGER_SECRET):
    stop("environment variable MESSENGER_URL: use an http(s) address, and set MESSENGER_SECRET")

# --- Celery: see docs/decisions.md, "Redis is a doorbell" ------------------------------------------------------------

CELERY_BROKER_URL = BROKER_URL.replace("unix://", "redis+socket://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A job goes on while Redis restarts: it is fenced, and a message that is delivered again finds it taken.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
#: Longest time a job of the night may take, in minutes; the worker kills it then. One part of a step is one job.
NIGHT_JOB_MINUTES = read("int", "NIGHT_JOB_MINUTES", 30)
CELERY_TASK_TIME_LIMIT = NIGHT_JOB_MINUTES * 60
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT - 30
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 2 * CELERY_TASK_TIME_LIMIT + 300,
    # Whoever publishes must not wait for a Redis that hangs: the sweeper sends again.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "UTC"

# --- Nights (docs/nights.md) -----------------------------------------------------------------------------------------

#: Nightly jobs are split into this many groups of branches (as many as the workers have cores is best).
NIGHT_PARTS = read("int", "NIGHT_PARTS", 2)
#: The night of a business date is due from this hour of the next day on, in TIME_ZONE.
NIGHT_HOUR = read("int", "NIGHT_HOUR", 1)
#: Mapping of the files in the drop folder.
NIGHT_MAPPING = read("str", "NIGHT_MAPPING", "core-v1")
#: Seconds: between two looks, two heartbeats of a job, two messages for it; silence after which it is taken back.
NIGHT_TICK_SECONDS = read("float", "NIGHT_TICK_SECONDS", 15)
NIGHT_HEARTBEAT_SECONDS = read("float", "NIGHT_HEARTBEAT_SECONDS", 10)
NIGHT_RING_SECONDS = read("float", "NIGHT_RING_SECONDS", 30)
NIGHT_STALE_SECONDS = read("float", "NIGHT_STALE_SECONDS", 60)
if NIGHT_PARTS < 1 or NIGHT_JOB_MINUTES < 2 or not 0 <= NIGHT_HOUR <= 23:
    stop("environment: NIGHT_PARTS is at least 1, NIGHT_JOB_MINUTES at least 2, NIGHT_HOUR from 0 to 23")
if min(NIGHT_TICK_SECONDS, NIGHT_HEARTBEAT_SECONDS, NIGHT_RING_SECONDS) <= 0:
    stop("environment: NIGHT_TICK_SECONDS, NIGHT_HEARTBEAT_SECONDS and NIGHT_RING_SECONDS are above 0")
if NIGHT_STALE_SECONDS < 2 * NIGHT_HEARTBEAT_SECONDS:
    stop("environment: NIGHT_STALE_SECONDS must be at least twice NIGHT_HEARTBEAT_SECONDS")
CELERY_BEAT_SCHEDULE = {
    "nights-tick": {"task": "nights.tick", "schedule": NIGHT_TICK_SECONDS, "options": {"expires": NIGHT_TICK_SECONDS}},
    "visits-remind": {"task": "visits.remind", "schedule": 60.0, "options": {"expires": 60}},
    "feed-deliver": {"task": "feed.deliver", "schedule": 5.0, "options": {"expires": 5}},
    # Each is made at once when it is asked for; this is for messages that were lost, and for files of yesterday.
    "org-exports": {"task": "org.make_exports", "schedule": 60.0, "options": {"expires": 60}},
    "audit-seal": {"task": "org.seal_audit", "schedule": 20.0, "options": {"expires": 20}},
    "intake-resume": {"task": "ledger.resume_intake", "schedule": 60.0, "options": {"expires": 60}},
    "handovers-overlaps": {"task": "handovers.end_overlaps", "schedule": 600.0, "options": {"expires": 600}},
    "dashboards-digest": {"task": "dashboards.digest", "schedule": 300.0, "options": {"expires": 300}},
    "dashboards-weekly": {"task": "dashboards.weekly", "schedule": 300.0, "options": {"expires": 300}},
    # Each look works the full hours that nobody has worked yet.
    "complaints-hourly": {"task": "complaints.hourly", "schedule": 300.0, "options": {"expires": 300}},
}

# --- Change feed --------------------------------------------------------------------------------------------------

#: Changes are kept so many days.
FEED_DAYS = read("int", "FEED_DAYS", 30)
#: Hosts inside the firm that webhooks may call, over http as well; all others must be on the open Internet, by https.
WEBHOOK_HOSTS = read("list", "WEBHOOK_HOSTS", [])
#: The secrets of webhooks are derived from it.
WEBHOOK_KEY = read("str", "WEBHOOK_KEY", "") or SECRET_KEY

# --- API ---------------------------------------------------------------------------------------------------------

#: Requests a minute of one token, or of one signed-in user; 0: no limit.
API_RATE = read("int", "API_RATE", 600)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "org.api_auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["org.api_auth.DeclaredScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "org.api_pages.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "org.api_schema.Described",
    "DEFAULT_THROTTLE_CLASSES": ["org.api_auth.Throttle"],
    "EXCEPTION_HANDLER": "org.problems.handler",
    "PAGE_SIZE": 25,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Core Client CRM",
    "DESCRIPTION": "Clients, tiers, intake and nights of a securities brokerage. See docs/api.md.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "org.api_docs.with_problems",
        "org.api_examples.with_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "TierEnum": "segmentation.models.Tier",
        "BatchStateEnum": "ledger.models.BatchState",
        "FileStateEnum": "ledger.models.FileState",
        "NightStateEnum": "nights.models.Night.State",
        "JobStateEnum": "nights.models.Job.State",
        "ChannelEnum": "visits.models.Channel",
        "VisitStateEnum": "visits.models.Visit.State",
        "VisitReasonEnum": "visits.models.Visit.Reason",
        "DutyStateEnum": "visits.models.Duty.State",
        "OutcomeEnum": "visits.models.Outcome",
        "FeelingEnum": "visits.models.Feeling",
        "ComplaintChannelEnum": "complaints.choices.Channel",
        "ExportStateEnum": "org.models.Export.State",
        "ComplaintStateEnum": "complaints.choices.State",
        "SegmentKindEnum": "segments.models.Segment.Kind",
        "ClientKindEnum": "measures.models.Kind",
        "JudgedEnum": "profiles.models.Profile.JUDGED",
        "FieldKindEnum": "profiles.models.CustomField.Kind",
        "ProspectKindEnum": "profiles.models.Prospect.Kind",
        "ProspectStateEnum": "profiles.models.Prospect.State",
        "OfferKindEnum": "analyses.models.Offer.Kind",
        "OfferOutcomeEnum": "analyses.models.Offer.Outcome",
        "ProposalStateEnum": "profit.models.RemoteProposal.State",
    },
}

# --- Logging: ids only, never names or numbers of people ---------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {name: {"level": "INFO"} for name in ("crm", "nights", "ledger", "org.seal", "feed", "handovers")},
}
