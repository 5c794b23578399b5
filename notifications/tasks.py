"""The delivery of letters, once a minute, and the daily look at cards that expire."""

from celery import shared_task
from django.utils import timezone

from library.core.jobs import local_day, run_daily
from notifications.actions import bundle, welcome_new_readers
from notifications.cards import remind_of_cards
from notifications.delivery import deliver

SECONDS = 50
"""How long one run goes on, so that the next minute's run follows it instead of piling up."""


@shared_task(name="notifications.deliver")
def deliver_notices() -> dict[str, int]:
    """Welcome new readers, bundle what is ready into letters, and send what is due."""
    now = timezone.now()
    welcome_new_readers(now=now)
    while bundle(now=now):
        pass
    return dict(deliver(seconds=SECONDS))


@shared_task(name="notifications.remind_of_cards")
def remind_readers_of_cards() -> None:
    """Tell readers whose card expires soon: once for each local day."""
    now = timezone.now()
    run_daily(
        job="remind_of_cards",
        work=lambda: {"cards_expiring": remind_of_cards(today=local_day(now), now=now)},
        now=now,
    )
