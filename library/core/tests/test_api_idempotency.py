"""The same key and request: one effect, one answer, whatever happens in between."""

import json
import multiprocessing
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import UserFactory
from library.core import idempotency
from library.core.models import IdempotencyKey, JobRun
from library.core.tests.api_for_tests import Effects

pytestmark = [pytest.mark.django_db, pytest.mark.urls("library.core.tests.api_for_tests")]


def client(user: User | None = None, address: str = "10.0.0.1") -> APIClient:
    api = APIClient(headers={"accept-language": "en"}, raise_request_exception=False, REMOTE_ADDR=address)
    if user:
        api.force_authenticate(user)
    return api


def post(api, job, key, path="/api/effects/"):
    return api.post(path, {"job": job}, headers={"idempotency-key": key})


def assert_replayed(first, second):
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.get("Content-Type") == first.get("Content-Type")


def assert_problem(response, status, code):
    assert (response.status_code, json.loads(response.content)["code"]) == (status, code)


def test_without_a_key_every_call_counts():
    api = client(UserFactory())
    assert [api.post("/api/effects/", {"job": "a"}).json()["number"] for _ in range(2)] == [1, 2]
    assert not IdempotencyKey.objects.exists()


def test_the_same_call_is_answered_from_memory():
    api = client(UserFactory())
    first, second = post(api, "a", "k1"), post(api, "a", "k1")
    assert (first.status_code, first.json()) == (201, {"number": 1})
    assert_replayed(first, second)
    assert JobRun.objects.count() == 1


@pytest.mark.parametrize("job", ["refused", "invalid", "twice", "x" * 11], ids=["refused", "invalid", "race", "form"])
def test_a_refusal_is_an_answer_too(job):
    api = client(UserFactory())
    first, second = post(api, job, "k1"), post(api, job, "k1")
    assert first.status_code in (400, 409)
    assert_replayed(first, second)
    assert not JobRun.objects.exists()


@pytest.mark.parametrize(("job", "status"), [("busy", 503), ("broken", 500)])
def test_failures_of_ours_are_forgotten(job, status):
    api = client(UserFactory())
    assert [post(api, job, "k1").status_code for _ in range(2)] == [status, status]
    assert not IdempotencyKey.objects.exists()
    assert not JobRun.objects.exists()
    assert post(api, "a", "k1").status_code == 201


def test_another_body_path_or_method_is_refused():
    api = client(UserFactory())
    post(api, "a", "k1")
    for response in (
        post(api, "b", "k1"),
        post(api, "a", "k1", path="/api/secrets/"),
        post(api, "a", "k1", path="/api/effects/?x=1"),
    ):
        assert_problem(response, 422, "key_reused")
    assert JobRun.objects.count() == 1


def test_keys_belong_to_their_users():
    alice, bob = UserFactory(), UserFactory()
    assert post(client(alice), "a", "k1").json() == {"number": 1}
    assert post(client(bob), "a", "k1").json() == {"number": 2}
    assert post(client(), "a", "k1").json() == {"number": 3}


def test_strangers_are_told_apart_by_their_address():
    first = post(client(), "a", "k1")
    assert_replayed(first, post(client(), "a", "k1"))
    elsewhere = post(client(address="10.0.0.2"), "b", "k1")
    assert elsewhere.status_code == 201
    assert not IdempotencyKey.objects.filter(key__contains="10.0.0").exists()


def test_an_empty_answer_stays_empty(monkeypatch):
    monkeypatch.setattr(Effects, "post", lambda self, request: Response(status=204))
    first, second = post(client(), "a", "k1"), post(client(), "a", "k1")
    assert (first.status_code, first.content) == (204, b"")
    assert_replayed(first, second)


def test_secrets_are_not_stored():
    first, second = post(client(), "a", "k1", "/api/secrets/"), post(client(), "a", "k1", "/api/secrets/")
    assert first.json() == {"token": "top.secret"}
    assert_replayed(first, second)
    assert "secret" not in IdempotencyKey.objects.get().answer


@pytest.mark.parametrize("key", ["", "k" * 201, "ключ", "a\tb"], ids=["empty", "long", "not ascii", "control"])
def test_keys_that_are_none(key):
    assert_problem(post(client(), "a", key), 400, "invalid")
    assert not JobRun.objects.exists()


def test_safe_calls_take_no_notice():
    assert client().get("/api/effects/", headers={"idempotency-key": "k1"}).status_code == 200
    assert not IdempotencyKey.objects.exists()


def test_a_forbidden_call_leaves_no_trace():
    assert post(client(), "a", "k1", "/api/private/").status_code == 401
    assert not IdempotencyKey.objects.exists()


def test_sweeping_keeps_a_day(monkeypatch):
    monkeypatch.setattr(idempotency, "SWEEP_BATCH", 2)
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    ages = [
        timedelta(hours=24),
        timedelta(hours=24, seconds=1),
        timedelta(days=2),
        timedelta(days=3),
        timedelta(days=4),
    ]
    for number, age in enumerate(ages):
        IdempotencyKey.objects.create(key=str(number), created_at=now - age)
    assert idempotency.sweep(now=now) == 4
    assert [row.key for row in IdempotencyKey.objects.all()] == ["0"]


# --- with real commits ---------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_have_one_effect():
    user = UserFactory()

    def call(_number):
        try:
            return post(client(user), "race", "k1")
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(call, range(16)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, b'{"number":1}')}
    assert sum("Idempotency-Replayed" not in answer for answer in answers) == 1
    assert JobRun.objects.filter(job="race").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_repetition_waits_for_the_first_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(Effects, "started", threading.Event())
    monkeypatch.setattr(Effects, "gate", threading.Event())
    user = UserFactory()

    def call(lock_timeout):
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET lock_timeout = '{lock_timeout}'")
            return post(client(user), "wait", "k1")
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(call, "9s")
        assert Effects.started.wait(5)
        hasty = pool.submit(call, "200ms").result(timeout=5)
        patient = pool.submit(call, "9s")
        Effects.gate.set()
        first, patient = first.result(timeout=5), patient.result(timeout=5)
    assert_problem(hasty, 409, "in_progress")
    assert_replayed(first, patient)
    assert JobRun.objects.count() == 1


def wait_until_the_dead_are_gone():
    """A busy database server takes its time to notice that a client has died, and to undo its transaction."""
    dead = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
    """
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        cursor.execute(dead)
        while cursor.fetchone()[0]:
            assert time.monotonic() < deadline, "the dead session is still there"
            time.sleep(0.05)
            cursor.execute(dead)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("job", "survives"), [("wait", False), ("a", True)], ids=["before commit", "after commit"])
def test_the_server_is_killed_half_way(monkeypatch, job, survives):
    """A process that dies by SIGKILL, in the handler or just before it would answer, and the same call once more."""
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(Effects, "started", fork.Event())
    monkeypatch.setattr(Effects, "gate", fork.Event())
    user = UserFactory()

    def serve():
        connection.connection = None  # never the parent's socket, which would outlive this process
        post(client(user), job, "k1")
        Effects.started.set()
        signal.pause()

    process = fork.Process(target=serve)
    process.start()
    try:
        assert Effects.started.wait(10)
    finally:
        process.kill()
        process.join(10)
        wait_until_the_dead_are_gone()
    assert JobRun.objects.filter(job=job).exists() == survives
    monkeypatch.setattr(Effects, "started", threading.Event())
    monkeypatch.setattr(Effects, "gate", threading.Event())
    Effects.gate.set()
    again = post(client(user), job, "k1")
    assert (again.status_code, again.json()) == (201, {"number": 1})
    assert ("Idempotency-Replayed" in again) == survives
    assert JobRun.objects.count() == 1
