"""Imports in the background."""

from contextlib import suppress

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from catalog import import_runs
from library.core.errors import Busy

log = structlog.get_logger(__name__)

HOURS = 12
"""How long one call may go on: as long as the largest file takes."""


@shared_task(name="catalog.work_on_imports", time_limit=HOURS * 3600)
def work_on_imports() -> int:
    """Work on all imports that wait or were interrupted. Called as soon as one is started, and every minute."""
    try:
        return import_runs.work()
    except Busy:
        log.info("imports_wait")
        return 0


def work_soon() -> None:
    """Call a worker now rather than within the minute; without a broker the minute has to do."""
    with suppress(OperationalError):
        work_on_imports.apply_async(retry=False)
