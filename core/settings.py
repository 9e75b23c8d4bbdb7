"""Django's settings, derived from `core.config.Config` (the environment) and nothing else."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from core import pool
from core.caching import keep_hashed_files
from core.config import Config, UnusableSettings
from core.config_values import database_settings

ROOT = Path(__file__).resolve().parent.parent  # of the packages: a clone, or site-packages
try:
    REPRISE = Config.from_env()
except UnusableSettings as error:
    raise SystemExit(f"Reprise cannot start:\n{error}") from None  # whatever process this is

SECRET_KEY = REPRISE.secret_key
DEBUG = REPRISE.debug
ALLOWED_HOSTS = list(REPRISE.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(REPRISE.trusted_origins)

ROOT_URLCONF = "core.urls"
ASGI_APPLICATION = "core.asgi.application"

INSTALLED_APPS = [
    "frontend",  # first: it has a template of the admin's
    "jobs.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "channels",
    "csp",
    "django_eventstream",
    "django_vite",
    "ninja",
    "procrastinate.contrib.django",
    "jobs",
    "streams",
]

# Every one of these is async-capable: a synchronous one would hold a thread for the whole of each
# long poll and stream.
MIDDLEWARE = [
    "core.caching.never_stored",  # first: it sees every answer, whichever middleware gives it
    "core.request_ids.return_id",
    "core.methods.without_trace",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",  # before static files are answered: they have a policy, too
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "jobs.system_log.actor_of_request",
    "jobs.access.refusals.log_refusals",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# CONN_MAX_AGE stays 0: under ASGI a thread's connection outlives its use otherwise. A pool keeps
# views from paying a connect each.
_DATABASE: dict[str, Any] = database_settings(REPRISE.database_url)
DATABASES = {
    "default": {
        **_DATABASE,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # the pool hands out no connection that a restart has cut
        "OPTIONS": {**_DATABASE.get("OPTIONS", {}), "pool": pool.OPTIONS},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REPRISE.redis_url], "prefix": "reprise"},
    }
}

# django-eventstream's request form over our log; without EVENTSTREAM_REDIS its own listener rests.
EVENTSTREAM_CHANNELMANAGER_CLASS = "streams.transports.eventstream_channels.ChannelManager"
EVENTSTREAM_STORAGE_CLASS = "streams.transports.eventstream_channels.Storage"

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "dispatch.postgres"
REPRISE_KINDS = REPRISE.kinds  # job kinds of one's own, beside the built-in ones

_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": "core.passwords.NoProductName"},
]
if REPRISE.refused_passwords:
    _refused = {"path": REPRISE.refused_passwords}
    AUTH_PASSWORD_VALIDATORS.append({"NAME": "core.passwords.NotRefused", "OPTIONS": _refused})
# allauth: single sign-on, the second factor, and confirming that it is still the same person. Its
# limits on attempts are ours (`jobs.access.throttle`), and it sends no mail.
ACCOUNT_ADAPTER = "frontend.allauth_adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
SOCIALACCOUNT_ADAPTER = "frontend.allauth_adapters.SocialAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form could not lead to another origin (CSP: form-action)
SOCIALACCOUNT_STORE_TOKENS = False
MFA_ADAPTER = "frontend.allauth_adapters.FactorAdapter"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RECOVERY_CODE_DIGITS = 12
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Reprise"
MFA_TOTP_TOLERANCE = 1  # of the clock: a code of half a minute ago, or of the next, is taken

LOGIN_URL = "/sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [
    path for path in (ROOT / "frontend" / "dist", ROOT / "frontend" / "static") if path.is_dir()
]
# Static files are served by the process itself, found where they lie: no collectstatic step.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_USE_MANIFEST = False
SERVESTATIC_ALLOW_ALL_ORIGINS = False
SERVESTATIC_ADD_HEADERS_FUNCTION = keep_hashed_files
DJANGO_VITE = {
    "default": {"dev_mode": False, "manifest_path": ROOT / "frontend" / "dist" / "manifest.json"}
}

SESSION_ENGINE = "jobs.access.session_store"
SESSION_COOKIE_AGE = int(REPRISE.session_max_hours * 3600)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = REPRISE.secure_cookies
# Over HTTPS a browser takes a cookie with this prefix from this very host only.
COOKIE_PREFIX = "__Host-" if REPRISE.secure_cookies else ""
# Cookies know no port: two copies on one host must not sign each other out.
SESSION_COOKIE_NAME = (
    f"{COOKIE_PREFIX}reprise_session_{sha256(SECRET_KEY.encode()).hexdigest()[:8]}"
)
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}reprise_csrf"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "core.problems.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_HSTS_SECONDS = REPRISE.hsts_seconds
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "object-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": ["/csp-report"],
    }
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "archive": REPRISE.archive,
    "seals": REPRISE.seals,
}

# The servers refuse a longer body before Django sees it; this is for whatever else runs Django.
DATA_UPLOAD_MAX_MEMORY_SIZE = REPRISE.max_body_bytes

LOGGING_CONFIG = "core.log_lines.configure"
LOGGING = {
    "version": 1,
    "formatters": {
        "text": {
            "class": "jobs.secrets.logs.MaskedFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "json": {"class": "jobs.secrets.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": REPRISE.log_format}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "apprise": {"level": "CRITICAL"},  # what it says may have parts of an address in it
        "asyncssh": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "daphne.http_protocol": {"level": "WARNING"},
        "twisted": {"level": "WARNING"},
        "django_auth_ldap": {"level": "ERROR"},  # its warnings have what was typed as a name
        "django.request": {"level": "ERROR"},  # refusals are logged with who: jobs.access.refusals
    },
}
