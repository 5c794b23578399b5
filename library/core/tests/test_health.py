"""Probes tell the truth about servers that are up, dead, deaf or behind."""

import os
import signal
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.test import Client, RequestFactory

from library.core import health
from library.core.embedded import Postgres, Valkey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def postgres(home, furnish, monkeypatch):
    """A database server of this test alone, to which the probe is directed."""
    furnish(home)
    server = Postgres(home, durable=False)
    server.start()
    parameters = {"host": str(server.sockets), "user": "library", "dbname": "library"}
    monkeypatch.setattr(connection, "get_connection_params", lambda: parameters)
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.stop()


@pytest.fixture
def valkey(home, settings):
    server = Valkey(home, durable=False)
    server.start()
    settings.REDIS_URL = server.url
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.stop()


def migrate(server, migrations):
    with psycopg.connect(host=str(server.sockets), user="library", dbname="library") as direct:
        direct.execute("CREATE TABLE IF NOT EXISTS django_migrations (app text, name text)")
        direct.cursor().executemany("INSERT INTO django_migrations VALUES (%s, %s)", sorted(migrations))


@contextmanager
def at_most(seconds):
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def readiness():
    response = Client().get("/readyz")
    return response.status_code, response.json()


def test_all_is_well(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert readiness() == (
            200,
            {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "broker": "ok"}},
        )


def test_a_database_without_tables(postgres):
    assert readiness() == (
        503,
        {"status": "unavailable", "checks": {"database": "ok", "migrations": "pending", "broker": "ok"}},
    )


def test_one_migration_behind(postgres):
    migrate(postgres, health._expected() - {("circulation", "0001_initial")})
    assert readiness()[1]["checks"]["migrations"] == "pending"
    migrate(postgres, {("circulation", "0001_initial"), ("an_app_of_old", "0001_initial")})
    assert readiness() == (200, {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "broker": "ok"}})


def test_a_dead_database(postgres):
    postgres.stop()
    with at_most(1.5):
        assert readiness() == (
            503,
            {"status": "unavailable", "checks": {"database": "unreachable", "migrations": "unknown", "broker": "ok"}},
        )


def test_a_database_that_does_not_answer(postgres):
    migrate(postgres, health._expected())
    os.kill(postgres.process.pid, signal.SIGSTOP)
    with at_most(6):
        assert readiness()[1]["checks"] == {"database": "unreachable", "migrations": "unknown", "broker": "ok"}


def test_a_database_without_a_free_connection(postgres):
    migrate(postgres, health._expected())
    with psycopg.connect(host=str(postgres.sockets), user="library", dbname="library", autocommit=True) as direct:
        direct.execute("CREATE ROLE reader LOGIN CONNECTION LIMIT 0")
    connection.get_connection_params()["user"] = "reader"
    assert readiness()[1]["checks"]["database"] == "unreachable"


def test_a_dead_queue(valkey):
    valkey.stop()
    with at_most(1.5):
        assert readiness() == (
            503,
            {"status": "unavailable", "checks": {"database": "ok", "migrations": "ok", "broker": "unreachable"}},
        )


def test_a_queue_that_does_not_answer(valkey):
    os.kill(valkey.process.pid, signal.SIGSTOP)
    with at_most(6):
        assert readiness()[1]["checks"]["broker"] == "unreachable"


def test_alive_even_when_everything_else_is_dead(postgres, valkey):
    postgres.stop()
    valkey.stop()
    response = Client().get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_come_by_any_name_and_without_https(path, settings):
    settings.ALLOWED_HOSTS = ["library.example"]
    settings.SECURE_SSL_REDIRECT = True
    response = Client().get(path, headers={"host": "10.1.2.3:8000"})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert response.cookies == {}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_only_read(path):
    assert Client().head(path).status_code == 200
    assert Client(enforce_csrf_checks=True).post(path).status_code == 405


def test_other_addresses_are_none_of_its_business():
    middleware = health.HealthMiddleware(lambda request: request.path)
    assert middleware(RequestFactory().get("/healthz/")) == "/healthz/"
