"""The delivery of letters, once a minute; what comes back; the daily look at cards and at saved searches."""

from collections import Counter

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from library.core.jobs import local_day, run_daily
from notifications.actions import welcome_new_readers
from notifications.bounces import take_in
from notifications.bundling import bundle
from notifications.cards import remind_of_cards
from notifications.delivery import deliver
from notifications.mailboxes import MailboxError, imap
from notifications.saved_searches import tell_of_new_books

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


@shared_task(name="notifications.read_bounces")
def read_bounces() -> dict[str, int]:
    """Read the mailbox of bounced letters, if there is one."""
    if not settings.BOUNCE_MAILBOX_URL:
        return {}
    return dict(read_mailbox())


def read_mailbox() -> Counter[str]:
    """Read BOUNCE_MAILBOX_URL; counts by outcome. Raises MailboxError."""
    if not settings.BOUNCE_MAILBOX_URL:
        raise MailboxError("BOUNCE_MAILBOX_URL is not set.")
    with imap(settings.BOUNCE_MAILBOX_URL) as messages:
        return take_in(messages, now=timezone.now())


@shared_task(name="notifications.remind_of_cards")
def remind_readers_of_cards() -> None:
    """Tell readers whose card expires soon: once for each local day."""
    now = timezone.now()
    run_daily(
        job="remind_of_cards",
        work=lambda: {"cards_expiring": remind_of_cards(today=local_day(now), now=now)},
        now=now,
    )


@shared_task(name="notifications.tell_of_new_books")
def tell_readers_of_new_books() -> None:
    """Tell readers what their saved searches find anew: once for each local day."""
    now = timezone.now()
    run_daily(job="tell_of_new_books", work=lambda: {"notices": tell_of_new_books(now=now)}, now=now)
