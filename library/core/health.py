"""Is the process alive, and can it serve? Answered before everything else: no host check, redirect, session or log."""

from collections.abc import Callable
from functools import cache

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

PATIENCE = 2
"""Seconds that database or queue may take to answer."""


class HealthMiddleware:
    """`/healthz`: 200 as long as the process answers. `/readyz`: 200 when database, queue and migrations are all right.

    Probes reach a process by an address that is in no ALLOWED_HOSTS and without https, so this comes first of all.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = {"/healthz": alive, "/readyz": ready}.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = probe()
        response["Cache-Control"] = "no-store"
        return response


def alive() -> HttpResponse:
    """200; asks nothing of anyone."""
    return JsonResponse({"status": "ok"})


def ready() -> HttpResponse:
    """200, or 503 with what is not all right: `checks` maps database, migrations and broker to a code."""
    checks = check_database() | {"broker": check_broker()}
    good = all(result == "ok" for result in checks.values())
    return JsonResponse({"status": "ok" if good else "unavailable", "checks": checks}, status=200 if good else 503)


def check_database() -> dict[str, str]:
    """Through a connection of its own: a new one must be possible, and one left hanging would hang the probe as well.

    database: ok or unreachable; migrations: ok, pending or unknown.
    """
    parameters = connection.get_connection_params() | {"connect_timeout": PATIENCE}
    try:
        with psycopg.connect(**parameters) as fresh:
            fresh.execute(f"SET statement_timeout = '{PATIENCE}s'")
            applied = fresh.execute("SELECT app, name FROM django_migrations").fetchall()
    except psycopg.errors.UndefinedTable:
        return {"database": "ok", "migrations": "pending"}
    except psycopg.Error:
        return {"database": "unreachable", "migrations": "unknown"}
    return {"database": "ok", "migrations": "ok" if _expected().issubset(applied) else "pending"}


def check_broker() -> str:
    """The queue and cache: ok or unreachable."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        ) as client:
            client.ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"


@cache
def _expected() -> frozenset[tuple[str, str]]:
    """Every migration of this code; it cannot change while the process lives."""
    return frozenset(MigrationLoader(None).graph.nodes)
