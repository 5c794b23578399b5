"""Settings, read from the environment (or a .env file); `.env.example` documents every variable.

Nothing here has an unsafe default: without DJANGO_SECRET_KEY or DATABASE_URL the process does not start.
`make run` and `make test` start embedded servers and set both; what `make run` set is kept in var/embedded.env, for
commands typed in another terminal.
"""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
import structlog
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from library.core.logging import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(os.environ.get("LIBRARY_ENV_FILE") or BASE_DIR / ".env")
VAR_DIR = Path(env.str("LIBRARY_VAR_DIR", default=str(BASE_DIR / "var")))
"""What the library keeps on this machine: embedded servers, logs, letters, uploads."""
if not {"DJANGO_SECRET_KEY", "DATABASE_URL", "REDIS_URL"}.issubset(os.environ):
    env.read_env(VAR_DIR / "embedded.env")

# --- The process ---------------------------------------------------------------------------------------------------
SECRET_KEY = env.str("DJANGO_SECRET_KEY")
DEBUG = env.bool("DJANGO_DEBUG", default=False)
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "library.urls"
WSGI_APPLICATION = "library.wsgi.application"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
"""Whether one proxy of ours stands in front: only then its X-Forwarded-For and X-Forwarded-Proto are believed."""

# --- The library ---------------------------------------------------------------------------------------------------
LIBRARY_NAME = env.str("LIBRARY_NAME", default="Библиотека")
"""What the library calls itself: page titles, letters, the panel."""
LIBRARY_URL = env.str("LIBRARY_URL", default="http://127.0.0.1:8000")
"""The public address, without a trailing slash: links in letters."""
LIBRARY_CURRENCY = env.str("LIBRARY_CURRENCY", default="RUB")
"""ISO 4217 code of the one currency that prices and charges are in."""
LIBRARY_AGENCY = env.str("LIBRARY_AGENCY", default="")
"""The library's code in exported MARC records (003, 040, 801): RU-77000012, or what the library registered."""
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=200 * 1024 * 1024)
"""Bytes of a file of books that may be uploaded for import on the panel; larger ones go in by command. A proxy in front
has a limit of its own."""
IMPORT_MAX_BYTES_OF_COPIES = 10 * 1024 * 1024
"""Bytes of a table of copies, which is held in memory."""
OAI_NAMESPACE = env.str("OAI_NAMESPACE", default="")
"""The domain name in the identifiers that harvesters keep (oai:NAMESPACE:…); the host of LIBRARY_URL unless given. Once
harvesters know it, it stays, whatever becomes of the address."""
OAI_ADMIN_EMAIL = env.str("OAI_ADMIN_EMAIL", default="")
"""Whom harvesters write to; DEFAULT_FROM_EMAIL unless given."""
EXCHANGE_CALLS_PER_MINUTE = env.int("EXCHANGE_CALLS_PER_MINUTE", default=300)
"""Requests a minute that one network address may make to the OAI-PMH provider, and as many to the SRU server."""
LENDING_BRANCH = env.str("LENDING_BRANCH", default="copy")
"""Whose rules apply to a loan: the `copy`'s home branch or the `desk`'s."""
RESERVATION_TRANSFERS = env.bool("RESERVATION_TRANSFERS", default=True)
"""Whether copies are sent to other branches for reservations; else only those of the branch of pick-up fill them."""
HOUR_LOAN_AFTER_CLOSING = env.str("HOUR_LOAN_AFTER_CLOSING", default="closing")
"""When an hour loan that would end after closing is due: at `closing` or at the `next_opening`."""
OVERDUE_RENEWAL = env.str("OVERDUE_RENEWAL", default="allow")
"""Whether a loan that is already overdue may be renewed: `allow` or `refuse`."""
CARD_NOTICE_DAYS = env.int("CARD_NOTICE_DAYS", default=30)
"""Days before a card expires on which its reader is told, once; 0: never."""
PICKUP_NOTICE_DAYS = env.int("PICKUP_NOTICE_DAYS", default=1)
"""Days before the last one for a pick-up on which the reader is reminded, once; 0: never."""
NOTICE_NEW_BOOKS = env.bool("NOTICE_NEW_BOOKS", default=True)
"""Whether readers may have themselves told of new books that their saved searches find."""
HISTORY_DAYS = env.int("HISTORY_DAYS", default=730)
"""Days after its return for which a loan names its reader, unless the reader wants to keep the history; 0: for ever."""
READER_DATA_DAYS = env.int("READER_DATA_DAYS", default=7)
"""Days for which the file with a reader's data can be fetched."""
READER_ERASURE = env.str("READER_ERASURE", default="confirm")
"""What becomes of a reader's wish to be erased: `confirm`: by staff; `at_once`, if nothing stands against it."""
REPORT_SECONDS = env.int("REPORT_SECONDS", default=20)
"""Seconds that a statement of a report may take while somebody waits for its page."""
REPORT_FILE_SECONDS = env.int("REPORT_FILE_SECONDS", default=90)
"""Seconds that a statement of a report may take for a file."""
LIBRARY_SETUP_STEPS = ["library.schedules.create_schedules", "lookup.setup.create_targets"]
"""What `manage.py setup_library` calls after its own step, in this order: dotted names of functions without parameters,
idempotent, each giving a list of sentences about what it created (empty: nothing to do)."""

INSTALLED_APPS = [
    "library.core",
    "policies",
    "accounts",
    "catalog",
    "exchange",
    "lookup",
    "notifications",
    "cashdesk",
    "reservations",
    "circulation",
    "stocktaking",
    "telegram",
    "webpush",
    "post",
    "readership",
    "reports",
    "demo",
    "library.apps.LibraryAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "import_export",
]

MIDDLEWARE = [
    "library.core.health.HealthMiddleware",
    "library.core.middleware.ClientAddressMiddleware",
    "library.core.middleware.RequestLogMiddleware",
    "library.core.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "library.core.middleware.PermissionsPolicyMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "library.core.context.library",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database, cache, queue ----------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", engine="django.db.backends.postgresql")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=600),
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        "connect_timeout": 5,
        "options": "-c lock_timeout=3000 -c jit=off -c random_page_cost=1.1 -c work_mem=16MB",
    }
    | DATABASES["default"].get("OPTIONS", {}),
}
"""Nobody at a desk waits longer than 3 s for somebody else's row: `Busy`. `migrate` has more patience.

The planner is told that the disk is no spinning one and to plan for the short statements of pages (docs/search.md).
"""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL")
"""Redis or Valkey for queue and cache: redis://host:6379/0, or unix:///path/to/socket?db=0."""
CACHE_URL = env.str("CACHE_URL", default=REDIS_URL)
"""The cache alone, if it is to live elsewhere, as it should: clearing it empties its whole database."""
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
}

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 1800, "socket_connect_timeout": 5, "socket_keepalive": True}
"""A task whose worker vanished comes back after half an hour: longer than any task may run, but for imports, where a
second call finds the first at work and leaves."""
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 1500
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_RESULT_EXPIRES = None
DAILY_JOBS_HOUR = env.int("DAILY_JOBS_HOUR", default=8)
"""The hour of the library's local day, 0 to 23, from which on the daily jobs are done."""
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# --- Languages and time --------------------------------------------------------------------------------------------
LANGUAGE_CODE = env.str("LIBRARY_LANGUAGE", default="ru")
LANGUAGES = [("ru", _("Russian")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("LIBRARY_TIME_ZONE", default="Europe/Moscow")
USE_TZ = True

# --- Files ---------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("DJANGO_STATIC_ROOT", default=str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "media/"
MEDIA_ROOT = Path(env.str("DJANGO_MEDIA_ROOT", default=str(VAR_DIR / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- People --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.Backend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ("email", "full_name")}),
        ("MinimumLengthValidator", {}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="mandatory")
"""`mandatory`: sign-up tells nobody whether an address is known. `optional`: no waiting for a letter, but it tells."""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "login": "accounts.forms.SignInForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "signup": "accounts.forms.SignUpForm",
}
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = int(BEHIND_PROXY)

# --- Letters -------------------------------------------------------------------------------------------------------
vars().update(env.email("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="library@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=20)
"""Seconds that any one answer of the mail server may take."""
EMAIL_PER_MINUTE = env.int("EMAIL_PER_MINUTE", default=0)
"""Letters a minute that the mail server takes from all workers together; 0: as many as they can send."""
NOTICE_CHANNELS = [
    "notifications.channels.email.EmailChannel",
    "telegram.channel.TelegramChannel",
    "webpush.channel.PushChannel",
    "notifications.channels.sms.SmsChannel",
    "post.channel.PrintChannel",
]
"""The ways to readers, in the order in which a letter tries them; each is on when its own settings say so."""
NOTICE_DEFAULTS = env.dict("NOTICE_DEFAULTS", default={})
"""How an event is told to readers who chose nothing: `reservation_ready=sms,loan_receipt=none`; else as above."""
DIGEST_HOUR = env.int("DIGEST_HOUR", default=9)
"""The hour of a branch's local day at which the letter of the morning leaves, with all that is told once a day."""
EMAIL_KEEPS_QUIET = env.bool("EMAIL_KEEPS_QUIET", default=False)
"""Whether e-mail, too, waits for the end of a branch's quiet hours."""
BOUNCE_MAILBOX_URL = env.str("BOUNCE_MAILBOX_URL", default="")
"""The mailbox of DEFAULT_FROM_EMAIL, where letters come back to: imaps://user:password@host:993/INBOX. Empty: none."""
LETTER_LEASE_SECONDS = env.int("LETTER_LEASE_SECONDS", default=600)
"""How long a worker that took a letter may need to send it; then another takes over, as after a crash."""

# --- Telegram ------------------------------------------------------------------------------------------------------
TELEGRAM_BOT_TOKEN = env.str("TELEGRAM_BOT_TOKEN", default="")
"""What @BotFather gave for the bot; empty: the library has none."""
TELEGRAM_BOT_NAME = env.str("TELEGRAM_BOT_NAME", default="").removeprefix("@")
"""The bot's user name, by which readers reach it."""
TELEGRAM_WEBHOOK_SECRET = env.str("TELEGRAM_WEBHOOK_SECRET", default="")
"""What Telegram shows with every update it sends, where a webhook is used: letters, digits, _ and -, up to 256."""
TELEGRAM_API_URL = env.str("TELEGRAM_API_URL", default="https://api.telegram.org").rstrip("/")
"""Where the Bot API lives; another server of it, where that one cannot be reached."""

TELEGRAM_PER_MINUTE = env.int("TELEGRAM_PER_MINUTE", default=1200)
"""Letters a minute that the bot sends; Telegram lets a bot send some 30 messages a second."""

# --- Messages in browsers ------------------------------------------------------------------------------------------
PUSH_PRIVATE_KEY = env.str("PUSH_PRIVATE_KEY", default="")
"""What `manage.py make_push_keys` gave; empty: no messages in browsers. A new one makes all browsers strangers."""
PUSH_PER_MINUTE = env.int("PUSH_PER_MINUTE", default=600)
"""Letters a minute that are sent to browsers."""
PUSH_PRIVATE_ADDRESSES = env.bool("PUSH_PRIVATE_ADDRESSES", default=False)
"""Whether browsers may name push services in a private network and without https: for tests only."""

# --- Text messages -------------------------------------------------------------------------------------------------
SMS_URL = env.str("SMS_URL", default="")
"""Address of the gateway; empty: no text messages. {to}, {digits}, {text} and {id} in its query are filled in."""
SMS_METHOD = env.str("SMS_METHOD", default="POST")
SMS_HEADERS = env.json("SMS_HEADERS", default={})
"""A JSON object with what the gateway wants to know us by: {"Authorization": "Bearer …"}."""
SMS_BODY = env.str("SMS_BODY", default="")
"""The request: JSON, {"to": "{to}", "text": "{text}"}, or a form, to={to}&text={text}. `{digits}`: the number without
its plus; `{id}`: the same in every attempt, for gateways that recognise repetitions."""
SMS_TAKEN = env.str("SMS_TAKEN", default="")
"""A regular expression that the gateway's answer has if it took the message; empty: any 2xx."""
SMS_REFUSED = env.str("SMS_REFUSED", default="")
"""A regular expression that tells that this number or text is refused for good; 4xx always does."""
SMS_TIMEOUT = env.float("SMS_TIMEOUT", default=15.0)
"""Seconds that the gateway may keep silent."""
SMS_PER_MINUTE = env.int("SMS_PER_MINUTE", default=60)
SMS_MOST_PARTS = max(1, env.int("SMS_MOST_PARTS", default=2))
"""Messages that one letter may take: 70 Cyrillic or 160 Latin letters in one, 134 or 306 in two."""
SMS_COUNTRY_CODE = env.str("SMS_COUNTRY_CODE", default="7")
"""The country of telephone numbers that name none."""

# --- Printed letters -----------------------------------------------------------------------------------------------
PRINT_LETTERS = env.bool("PRINT_LETTERS", default=False)
"""Whether readers who are reached by post only get printed letters, which staff print and post."""
PRINT_WINDOW = env.str("PRINT_WINDOW", default="right")
"""Where the envelopes have their window: `right`, Russian E65, or `left`, DIN 5008."""

# --- Looking up in the world outside -------------------------------------------------------------------------------
LOOKUP_SOURCES = env.list("LOOKUP_SOURCES", default=["open_library", "google_books"])
"""Who is asked about an ISBN: `open_library`, `google_books`, both or, empty, nobody."""
OPEN_LIBRARY_URL = env.str("OPEN_LIBRARY_URL", default="https://openlibrary.org").rstrip("/")
GOOGLE_BOOKS_URL = env.str("GOOGLE_BOOKS_URL", default="https://www.googleapis.com").rstrip("/")
GOOGLE_BOOKS_KEY = env.str("GOOGLE_BOOKS_KEY", default="")
"""A key for Google's Books API; without one few questions a day are answered."""
LOOKUP_HOSTS = [urlsplit(url).netloc for url in (OPEN_LIBRARY_URL, GOOGLE_BOOKS_URL)]
"""The only hosts that are asked about an ISBN, redirects included."""
LOOKUP_COVER_HOSTS = env.list(
    "LOOKUP_COVER_HOSTS",
    default=["covers.openlibrary.org", "archive.org", ".archive.org", "books.google.com", ".googleusercontent.com"],
)
"""The only hosts that covers are fetched from; with a leading dot, every host of the domain."""
LOOKUP_TIMEOUT = env.float("LOOKUP_TIMEOUT", default=4.0)
"""Seconds that a server outside may keep silent."""
LOOKUP_DEADLINE = env.float("LOOKUP_DEADLINE", default=9.0)
"""Seconds that one question may take with all its attempts: somebody waits for the answer."""
LOOKUP_ATTEMPTS = max(env.int("LOOKUP_ATTEMPTS", default=3), 1)
"""How often a server that times out or is overloaded is asked."""
LOOKUP_BACKOFF = env.float("LOOKUP_BACKOFF", default=0.4)
"""Seconds before the second attempt; twice as many before the third, and so on."""
LOOKUP_CACHE_DAYS = env.int("LOOKUP_CACHE_DAYS", default=30)
"""How long a description is remembered."""
LOOKUP_NOTHING_DAYS = env.int("LOOKUP_NOTHING_DAYS", default=1)
"""How long it is remembered that a source does not know an ISBN."""
LOOKUP_PER_MINUTE = env.int("LOOKUP_PER_MINUTE", default=30)
"""How many questions to the world outside one user may ask in a minute."""
LOOKUP_PRIVATE_ADDRESSES = env.bool("LOOKUP_PRIVATE_ADDRESSES", default=False)
"""Whether other catalogues may stand in a private network: otherwise such addresses are refused."""
LOOKUP_USER_AGENT = env.str("LOOKUP_USER_AGENT", default=f"library-management-system ({DEFAULT_FROM_EMAIL})")
"""How the library introduces itself: Open Library asks for a name and an address to write to."""

# --- API -----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "library.core.openapi.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "library.core.problems.handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "NUM_PROXIES": 0,
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,
    "USER_ID_FIELD": "uid",
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Library API",
    "VERSION": "1",
    "DESCRIPTION": "Search the catalogue, check out, renew and return. A tour with curl: docs/api.md.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "accounts.models.Role",
        "StaffRoleEnum": "accounts.api.STAFF_ROLE_CHOICES",
        "ContributionRoleEnum": "catalog.models.Contribution.Role",
        "EntryKindEnum": "cashdesk.models.Kind",
        "PaymentMethodEnum": "cashdesk.models.Method",
        "ChargeByHandEnum": "cashdesk.api.CHARGED_BY_HAND",
        "OverridesEnum": "circulation.api.OVERRIDE_CHOICES",
        "ReservationOverridesEnum": "reservations.api.OVERRIDE_CHOICES",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "displayRequestDuration": True, "validatorUrl": None},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

# --- Browser security ----------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
HTTPS = env.bool("LIBRARY_HTTPS", default=True)
"""Whether browsers reach the library by https: secure cookies, HSTS and the redirect. Off in the embedded run."""
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- Logs ----------------------------------------------------------------------------------------------------------
LOGGING = logging_config(json=env.bool("LOG_JSON", default=True), level=env.str("LOG_LEVEL", default="INFO"))
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
