"""The daily end of what was not collected."""

from celery import shared_task
from django.utils import timezone

from library.core.jobs import run_daily
from reservations import actions


@shared_task(name="reservations.expire_uncollected")
def expire_uncollected() -> None:
    """End what stood ready too long, once for each local day however often it is called."""
    now = timezone.now()
    run_daily(job="expire_reservations", work=lambda: actions.expire_uncollected(now=now), now=now)
