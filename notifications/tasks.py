"""The delivery of letters, once a minute."""

from celery import shared_task
from django.utils import timezone

from notifications.actions import bundle, welcome_new_readers
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
