"""Tasks outlive the process that works on them, and their log lines name the request that asked for them."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import structlog

from library.celery import app
from library.core.embedded import Valkey
from library.core.runner import ROOT
from library.core.tests.tasks_for_tests import be_killed_once, say_something
from library.core.tests.test_processes import wait_until


@pytest.fixture
def queue(home):
    server = Valkey(home)
    server.start()
    yield server
    server.stop()


def put(queue, task, *arguments):
    with app.connection_for_write(queue.url.replace("unix://", "redis+socket://")) as connection:
        return task.apply_async(arguments, connection=connection)


@contextmanager
def worker(queue):
    """A real worker; its log is `home`/worker.log."""
    log = queue.home / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "library", "worker", "--concurrency=1", "--loglevel=INFO"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--include=library.core.tests.tasks_for_tests", "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env=os.environ | {"REDIS_URL": queue.url, "DJANGO_SETTINGS_MODULE": "library.settings", "LOG_JSON": "true"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: b" ready." in log.read_bytes() or process.poll() is not None, 60)
        yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def lines(log):
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_a_task_whose_process_was_killed_is_done_by_the_next(queue, tmp_path):
    path = tmp_path / "pid"
    with worker(queue):
        put(queue, be_killed_once, str(path))
        wait_until(lambda: path.exists() and path.read_text(), 30)
        os.kill(int(path.read_text()), signal.SIGKILL)
        wait_until(path.with_suffix(".done").exists, 30)


@pytest.mark.slow
def test_log_lines_of_a_task_name_the_request_that_asked_for_it(queue):
    with structlog.contextvars.bound_contextvars(request_id="0af7651916cd43dd8448eb211c80319c"):
        task = put(queue, say_something)
    with worker(queue) as log:
        wait_until(lambda: any(line["event"] == "said_something" for line in lines(log)), 30)
    (said,) = [line for line in lines(log) if line["event"] == "said_something"]
    assert said["request_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert said["task_id"] == task.id
