"""What the settings refuse, what they default to, and that every variable is documented."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parents[3]
REQUIRED = {
    "DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-to-be-taken-for-one-by-the-checks",
    "DATABASE_URL": "postgres://library:secret@db.example/library",
    "REDIS_URL": "redis://queue.example:6379/0",
}


def manage(*arguments, **variables):
    environment = {"PATH": os.environ["PATH"], "LIBRARY_ENV_FILE": os.devnull, "LIBRARY_VAR_DIR": "/nonexistent"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={name: value for name, value in {**environment, **variables}.items() if value is not None},
        capture_output=True,
        text=True,
    )


def setting(expression, **variables):
    """What an expression over the settings gives with these variables set, and the required ones."""
    environment = {"PATH": os.environ["PATH"], "LIBRARY_ENV_FILE": os.devnull, "LIBRARY_VAR_DIR": "/nonexistent"}
    result = subprocess.run(
        [sys.executable, "-c", f"from library.settings import *; print(repr({expression}))"],
        cwd=ROOT,
        env=environment | REQUIRED | variables,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return ast.literal_eval(result.stdout)


def test_tests_have_settings_of_their_own_whatever_the_environment_says():
    assert settings.SETTINGS_MODULE == "library.settings_test"
    assert settings.SECURE_SSL_REDIRECT is False


@pytest.mark.parametrize("missing", REQUIRED)
def test_without_these_nothing_starts(missing):
    result = manage("check", **(REQUIRED | {missing: None}))
    assert result.returncode != 0
    assert f"Set the {missing} environment variable" in result.stderr


def test_secure_unless_asked_otherwise():
    assert setting("(DEBUG, SESSION_COOKIE_SECURE, CSRF_COOKIE_SECURE, SECURE_SSL_REDIRECT)") == (
        False,
        True,
        True,
        True,
    )
    assert setting("(ALLOWED_HOSTS, BEHIND_PROXY, SECURE_HSTS_SECONDS)") == ([], False, 31_536_000)


def test_the_production_example_passes_the_deployment_checks():
    result = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        LIBRARY_ENV_FILE=str(ROOT / ".env.example"),
        DJANGO_SECRET_KEY=REQUIRED["DJANGO_SECRET_KEY"],
    )
    assert result.returncode == 0, result.stderr


def test_the_example_documents_every_variable_and_no_other():
    """Variables that settings, server, runner and compose file read."""
    python = "".join(
        (ROOT / name).read_text()
        for name in (
            "library/settings.py",
            "library/core/runner.py",
            "library/core/embedded.py",
            "deploy/gunicorn.conf.py",
        )
    )
    read = set(re.findall(r"""(?:env\.\w+|environ\.get|environment\.get)\(\s*"([A-Z_]+)\"""", python))
    read |= set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    documented = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == documented


def test_the_example_has_no_secret_that_somebody_might_use():
    example = (ROOT / ".env.example").read_text()
    assert re.search(r"^DJANGO_SECRET_KEY=$", example, re.MULTILINE)


def test_what_make_run_set_reaches_commands_in_another_terminal(tmp_path):
    (tmp_path / "embedded.env").write_text("".join(f"{name}='{value}'\n" for name, value in REQUIRED.items()))
    result = manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings; print(settings.REDIS_URL)",
        LIBRARY_VAR_DIR=str(tmp_path),
    )
    assert result.stdout == "redis://queue.example:6379/0\n", result.stderr


def test_what_make_run_set_never_reaches_production(tmp_path):
    (tmp_path / "embedded.env").write_text("LIBRARY_HTTPS='false'\nREDIS_URL='redis://elsewhere/0'\n")
    assert setting("(HTTPS, REDIS_URL)", LIBRARY_VAR_DIR=str(tmp_path)) == (True, "redis://queue.example:6379/0")


@pytest.mark.parametrize(
    ("redis_url", "broker"),
    [
        ("redis://queue.example:6379/3", "redis://queue.example:6379/3"),
        ("rediss://:secret@queue.example/0", "rediss://:secret@queue.example/0"),
        ("unix:///run/valkey.sock?db=2", "redis+socket:///run/valkey.sock?virtual_host=2"),
    ],
)
def test_the_queue_is_in_the_database_that_was_named(redis_url, broker):
    cache = "CACHES['default']['LOCATION']"
    assert setting(f"(CELERY_BROKER_URL, {cache})", REDIS_URL=redis_url) == (broker, redis_url)
    assert setting(cache, REDIS_URL=redis_url, CACHE_URL="redis://cache/1") == "redis://cache/1"


def test_options_of_the_database_url_join_ours():
    options = setting("DATABASES['default']['OPTIONS']", DATABASE_URL="postgres://l:s@db/l?sslmode=require")
    planner = "-c lock_timeout=3000 -c jit=off -c random_page_cost=1.1 -c work_mem=16MB"
    assert options == {"connect_timeout": 5, "options": planner, "sslmode": "require"}


def test_tasks_survive_their_worker_and_come_back_only_when_nobody_can_be_at_them():
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_TASK_REJECT_ON_WORKER_LOST
    assert settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1
    back_after = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert settings.CELERY_TASK_TIME_LIMIT < back_after < 3600


def test_connections_are_kept_and_checked():
    assert settings.DATABASES["default"]["CONN_MAX_AGE"] == 600
    assert settings.DATABASES["default"]["CONN_HEALTH_CHECKS"] is True
