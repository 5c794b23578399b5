"""Real processes of the library for the recovery tests: on the test database, and killable."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(settings.BASE_DIR)


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process that works on the database of this test."""
    server, _slash, _name = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "library.settings",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "LIBRARY_HTTPS": "false",
        **changes,
    }


@contextmanager
def process(*arguments: str, log: Path, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in a group of its own, its output in `log`; whatever is left of it is killed at the end."""
    with log.open("ab") as output:
        running = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(**changes),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield running
    finally:
        kill(running)


def kill(running: subprocess.Popen[bytes]) -> None:
    """kill -9 the whole group: parent and pool children get no chance to tidy up."""
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        running.wait(10)


def wait_until(
    condition: Callable[[], object], *, seconds: float = 40, what: str = "", log: Path | None = None
) -> None:
    """Wait for `condition` to hold; fail with `what`, and the end of `log`, when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\n{log.read_text()[-3000:] if log else ''}")
        time.sleep(0.05)
