"""The daily check of due dates."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from circulation import losses, reminders
from library.core.jobs import run_daily


@shared_task(name="circulation.check_due_dates")
def check_due_dates() -> None:
    """Declare lost what is overdue too long, mark overdue loans, write reminders: once for each local day."""
    now = timezone.now()

    def work() -> dict[str, Any]:
        lost = losses.declare_overdue_lost(now=now)
        return {"declared_lost": lost, **reminders.check_due_dates(now=now).as_json()}

    run_daily(job="check_due_dates", work=work, now=now)
