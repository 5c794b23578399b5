"""The daily end of what was not collected, and what readers are told of their reservations day by day."""

from celery import shared_task
from django.utils import timezone

from library.core.jobs import local_day, run_daily
from reservations import actions, reminders


@shared_task(name="reservations.expire_uncollected")
def expire_uncollected() -> None:
    """End what stood ready too long, once for each local day however often it is called."""
    now = timezone.now()
    run_daily(job="expire_reservations", work=lambda: actions.expire_uncollected(now=now), now=now)


@shared_task(name="reservations.remind")
def remind() -> None:
    """Tell of pick-ups that end soon and of places that changed, once for each local day."""
    now = timezone.now()
    run_daily(
        job="remind_of_reservations",
        work=lambda: {
            "pickups": reminders.remind_of_pickups(today=local_day(now), now=now),
            "places": reminders.tell_of_places(now=now),
        },
        now=now,
    )
