"""The daily check of due dates."""

from contextlib import suppress
from dataclasses import asdict
from typing import Any

import structlog
from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from circulation import closings, losses, reminders, renewals
from circulation.models import Closing
from library.core.errors import Busy
from library.core.jobs import run_daily

log = structlog.get_logger(__name__)

HOURS = 2
"""How long one call may go on."""


@shared_task(name="circulation.check_due_dates")
def check_due_dates() -> None:
    """Renew what renews itself, declare lost what is overdue too long, mark overdue loans, write reminders.

    Once for each local day.
    """
    now = timezone.now()

    def work() -> dict[str, Any]:
        renewed = asdict(renewals.renew_automatically(now=now))
        lost = losses.declare_overdue_lost(now=now)
        return {"auto_renewals": renewed, "declared_lost": lost, **reminders.check_due_dates(now=now).as_json()}

    run_daily(job="check_due_dates", work=work, now=now)


@shared_task(name="circulation.work_on_closings", time_limit=HOURS * 3600)
def work_on_closings() -> int:
    """Go on with all closings that are not finished; how many it finished. Called at a start and every minute."""
    going = Closing.objects.filter(state__in=[Closing.State.RUNNING, Closing.State.UNDOING])
    done = 0
    for key in going.order_by("pk").values_list("pk", flat=True):
        try:
            closings.work(closing_id=key, now=timezone.now())
            done += 1
        except Busy:
            log.info("closing_waits", closing=key)
    return done


def work_on_closings_soon() -> None:
    """Call a worker now rather than within the minute; without a broker the minute has to do."""
    with suppress(OperationalError):
        work_on_closings.apply_async(retry=False)
