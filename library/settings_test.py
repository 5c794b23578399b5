"""Settings of the tests: the real thing, quicker to hash passwords and with plain static files."""

import os
import re

os.environ["LIBRARY_ENV_FILE"] = os.devnull
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
os.environ["REDIS_URL"] = re.sub(r"(?<=[/=])\d+$", lambda db: str(int(db[0]) + _worker), os.environ["REDIS_URL"])
"""A Redis database for each parallel process, as pytest-django gives each a PostgreSQL database."""

from library.settings import *  # noqa: E402, F403 - they read the environment

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ALLOWED_HOSTS = ["*"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = False
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
LOOKUP_SOURCES = []
LOOKUP_BACKOFF = 0.01
