"""Telling readers that their card is about to expire."""

from datetime import date, datetime, timedelta

from django.conf import settings

from accounts.models import Reader
from notifications.actions import BATCH_SIZE, Draft, enqueue_many
from notifications.letters import CardExpiring
from notifications.models import Event, Notice


def remind_of_cards(*, today: date, now: datetime) -> int:
    """Write to every reader whose card expires within CARD_NOTICE_DAYS of `today`, once for each last good day.

    How many were written. Batches of readers, a commit each: it may be interrupted and repeated.
    """
    if not settings.CARD_NOTICE_DAYS:
        return 0
    last = today + timedelta(days=settings.CARD_NOTICE_DAYS)
    readers = Reader.objects.current().filter(expires_on__range=(today, last), is_card_lost=False)
    written = after = 0
    while batch := list(readers.filter(pk__gt=after).select_related("category").order_by("pk")[:BATCH_SIZE]):
        after = batch[-1].pk
        drafts = {f"{Event.CARD_EXPIRING}:{reader.uid}:{reader.expires_on}": reader for reader in batch}
        known = set(Notice.objects.filter(key__in=drafts).values_list("key", flat=True))
        written += enqueue_many(
            (
                Draft(key=key, event=Event.CARD_EXPIRING, reader=reader, data=_data(reader))
                for key, reader in drafts.items()
                if key not in known
            ),
            now=now,
        )
    return written


def _data(reader: Reader) -> CardExpiring:
    return CardExpiring(
        card_number=reader.card_number,
        expires_on=reader.expires_on.isoformat(),
        is_renewed_online=bool(reader.user_id and reader.category.self_renewal_days),
    )
