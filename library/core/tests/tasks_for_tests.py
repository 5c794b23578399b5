"""Tasks of the tests of the queue."""

import os
import time
from pathlib import Path

import structlog
from celery import shared_task


@shared_task(name="tests.be_killed_once")
def be_killed_once(path):
    """Writes its process id and waits to be killed; writes "done" when it is called again."""
    file = Path(path)
    if file.exists():
        file.with_suffix(".done").write_text("done")
    else:
        file.write_text(str(os.getpid()))
        time.sleep(60)


@shared_task(name="tests.say_something")
def say_something():
    structlog.get_logger("tests").info("said_something")
