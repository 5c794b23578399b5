"""The daily check of due dates."""

from celery import shared_task
from django.utils import timezone

from circulation import reminders
from library.core.jobs import run_daily


@shared_task(name="circulation.check_due_dates")
def check_due_dates() -> None:
    """Mark overdue loans and write reminders, once for each local day however often it is called."""
    now = timezone.now()
    run_daily(job="check_due_dates", work=lambda: reminders.check_due_dates(now=now).as_json(), now=now)
