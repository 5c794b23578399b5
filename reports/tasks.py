"""Scheduled reports, and the nightly count of the figures of days."""

from celery import shared_task
from django.utils import timezone

from library.core.jobs import run_daily
from reports import figures, sending


@shared_task(name="reports.send_scheduled")
def send_scheduled() -> dict[str, int]:
    """Write once a local day what is due, and send what is written; what failed is tried again half an hour later."""
    now = timezone.now()
    run_daily(job="schedule_reports", work=lambda: sending.write_dispatches(now=now), now=now)
    return sending.send_dispatches(now=now)


@shared_task(name="reports.count_days")
def count_days() -> None:
    """Count the days that are over, once for each local day; days that changed since are counted again."""
    now = timezone.now()
    run_daily(job="count_figures", work=lambda: figures.count_days(now=now), now=now)
