"""Daily jobs: once for each local day, whoever asks how often."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from library.core.jobs import held, local_day, run_daily
from library.core.models import JobRun

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
"""08:00 in Moscow."""


@pytest.fixture(autouse=True)
def in_moscow(settings):
    settings.TIME_ZONE = "Europe/Moscow"
    settings.DAILY_JOBS_HOUR = 8


@pytest.fixture
def work():
    """Counts its calls."""

    def do():
        do.calls += 1
        return {"loans": do.calls}

    do.calls = 0
    return do


def test_a_job_is_done_once_a_day_at_the_first_asking_after_the_hour(work):
    assert run_daily(job="check", work=work, now=MORNING - timedelta(minutes=1)) is None
    run = run_daily(job="check", work=work, now=MORNING)
    assert (run.job, run.day, run.summary, run.started_at) == ("check", date(2026, 11, 20), {"loans": 1}, MORNING)
    assert run.finished_at is not None
    assert run_daily(job="check", work=work, now=MORNING + timedelta(minutes=30)) is None
    assert run_daily(job="other", work=work, now=MORNING) is not None
    assert work.calls == 2


def test_a_missed_hour_and_a_missed_day_catch_up(work):
    assert run_daily(job="check", work=work, now=MORNING + timedelta(hours=9)).day == date(2026, 11, 20)
    assert run_daily(job="check", work=work, now=MORNING + timedelta(days=3)).day == date(2026, 11, 23)


def test_the_day_is_the_librarys():
    assert local_day(datetime(2026, 11, 20, 20, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert local_day(datetime(2026, 11, 20, 21, 0, tzinfo=UTC)) == date(2026, 11, 21)


def test_a_failed_job_is_done_again(work):
    def fails():
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run_daily(job="check", work=fails, now=MORNING)
    assert JobRun.objects.get().finished_at is None
    later = MORNING + timedelta(minutes=30)
    run = run_daily(job="check", work=work, now=later)
    assert (run.started_at, run.summary) == (later, {"loans": 1})
    assert JobRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_job_under_way_elsewhere_is_left_alone_until_its_session_ends(work):
    started, may_end = threading.Event(), threading.Event()

    def elsewhere():
        with held("check") as is_mine:
            assert is_mine
            started.set()
            may_end.wait(10)
            connection.close()  # as when the process is killed
            return is_mine

    with ThreadPoolExecutor() as pool:
        other = pool.submit(elsewhere)
        assert started.wait(10)
        assert run_daily(job="check", work=work, now=MORNING) is None
        may_end.set()
        assert other.result()
    deadline = time.monotonic() + 10
    while run_daily(job="check", work=work, now=MORNING) is None:
        assert time.monotonic() < deadline, "the server frees the lock soon after the session ends"
    assert work.calls == 1
