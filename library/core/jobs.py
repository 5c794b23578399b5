"""Daily jobs as sweeps: asked for every half hour, done once for each local day.

A task asks often; the work happens at the first asking after `DAILY_JOBS_HOUR`, local time of the library. So a missed
hour or day catches up, two schedulers do no harm, and a job killed half-way is done again by the next asking. The work
itself must be safe to repeat.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zlib import crc32

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from library.core.models import JobRun

log = structlog.get_logger(__name__)

LOCK_CLASS = 0x4A0B
"""The first of the two numbers of a job's advisory lock; the second is the CRC-32 of its name."""


def local_day(now: datetime) -> date:
    """The day in the library's time zone."""
    return timezone.localtime(now, timezone.get_default_timezone()).date()


def run_daily(*, job: str, work: Callable[[], dict[str, Any]], now: datetime) -> JobRun | None:
    """Do `work` for the local day of `now`, unless it is done, under way elsewhere, or too early in the day.

    `work` returns the summary to keep, a JSON object. None: nothing was done. What `work` raises passes through; the
    run stays unfinished and the next call does it again.
    """
    if timezone.localtime(now, timezone.get_default_timezone()).hour < settings.DAILY_JOBS_HOUR:
        return None
    day = local_day(now)
    if JobRun.objects.filter(job=job, day=day, finished_at__isnull=False).exists():
        return None
    with held(job) as is_mine:
        if not is_mine:
            return None
        run, is_new = JobRun.objects.get_or_create(job=job, day=day, defaults={"started_at": now})
        if run.finished_at is not None:
            return None
        if not is_new:
            run.started_at = now
            run.save(update_fields=["started_at"])
            log.warning("job_resumed", job=job, day=day.isoformat())
        run.summary = work()
        run.finished_at = timezone.now()
        run.save(update_fields=["summary", "finished_at"])
    log.info("job_done", job=job, day=day.isoformat(), **run.summary)
    return run


@contextmanager
def held(job: str) -> Iterator[bool]:
    """Hold the job's lock if nobody else does; yields whether it is ours.

    The lock belongs to the database session, not to a transaction: the job may commit as it goes, and a killed process
    loses it at once. It therefore needs a direct connection, or a pooler in session mode.
    """
    numbers = [LOCK_CLASS, crc32(job.encode()) - 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", numbers)
        (is_mine,) = cursor.fetchone()
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", numbers)
