"""Imports and changes to many records in the background, and the daily count of loans."""

from contextlib import suppress

import structlog
from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from catalog import batch_changes, import_runs, popularity
from catalog.models import BatchChange
from library.core.errors import Busy
from library.core.jobs import run_daily

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


@shared_task(name="catalog.work_on_batches", time_limit=HOURS * 3600)
def work_on_batches() -> int:
    """Go on with all batch changes that are not finished; how many it finished. Called at a start and every minute."""
    going = BatchChange.objects.filter(state__in=[BatchChange.State.RUNNING, BatchChange.State.UNDOING])
    done = 0
    for key in going.order_by("pk").values_list("pk", flat=True):
        try:
            done += batch_changes.work(batch_id=key, now=timezone.now())
        except Busy:
            log.info("batch_change_waits", batch=key)
    return done


def work_on_batches_soon() -> None:
    """Call a worker now rather than within the minute; without a broker the minute has to do."""
    with suppress(OperationalError):
        work_on_batches.apply_async(retry=False)


@shared_task(name="catalog.count_loans")
def count_loans() -> None:
    """Count how much each book is borrowed, once for each local day however often it is called."""
    now = timezone.now()
    run_daily(job="count_loans", work=lambda: popularity.count_loans(now=now), now=now)
