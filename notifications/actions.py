"""Writing notices in the caller's transaction, and sending a letter again that was given up."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Reader, User
from library.core import audit
from library.core.sql import insert
from notifications.channels.registry import channels, routes
from notifications.choosing import Choices, first_way
from notifications.letters import welcome_data
from notifications.models import Event, Letter, Notice

GATHERING = {
    event: timedelta(minutes=2) for event in (Event.LOAN_RECEIPT, Event.CHARGE, Event.PAYMENT, Event.SUSPENSION)
}
"""How long notices of an event wait for others of the same reader, to leave in one letter."""
WELCOME_WITHIN = timedelta(days=2)
BATCH_SIZE = 1000
"""Rows per INSERT of the bulk form."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice not yet written; the fields are those of `Notice`."""

    key: str
    event: Event
    reader: Reader
    data: Mapping[str, Any]
    stage: int = 0


def enqueue(
    *, key: str, event: Event, reader: Reader, data: Mapping[str, Any], now: datetime, stage: int = 0
) -> Notice:
    """Write that `reader` is to be told; one INSERT in the caller's transaction, no query else.

    A second call with the same `key` changes nothing, and the returned notice then has no primary key. Whether and how
    the reader can be reached is seen when the letter is made. `data` comes from `notifications.letters`.
    """
    notice = _notice(Draft(key=key, event=event, reader=reader, data=data, stage=stage), now)
    insert(notice, unless_known=True)
    return notice


def enqueue_many(drafts: Iterable[Draft], *, now: datetime) -> int:
    """Write many notices, `BATCH_SIZE` to an INSERT; the number offered."""
    notices = [_notice(draft, now) for draft in drafts]
    Notice.objects.bulk_create(notices, ignore_conflicts=True, batch_size=BATCH_SIZE)
    return len(notices)


def kept_back(*, key: str) -> bool:
    """Whether nothing has been told under this key: then its notice, if there is one, waits for the caller's commit."""
    notice = Notice.objects.filter(key=key).select_for_update(of=("self",)).only("letter").first()
    return notice is None or notice.letter_id is None


def withdraw(*, key: str) -> bool:
    """Take back a notice whose cause was undone; False: it stands in a letter already."""
    if not kept_back(key=key):
        return False
    Notice.objects.filter(key=key).delete()
    return True


def welcome_new_readers(*, now: datetime) -> int:
    """Write a welcome to every reader registered lately who has none, through whichever door they came; how many.

    A reader registered longer ago than `WELCOME_WITHIN`, as a register moved from another system is, gets none.
    """
    newcomers = Reader.objects.current().filter(registered_on__gt=(now - WELCOME_WITHIN).date())
    unwelcomed = newcomers.exclude(notices__event=Event.WELCOME).order_by("pk")[:BATCH_SIZE]
    return enqueue_many(
        (
            Draft(key=f"welcome:{reader.uid}", event=Event.WELCOME, reader=reader, data=welcome_data(reader))
            for reader in unwelcomed
        ),
        now=now,
    )


def resend(*, letter_ids: Collection[int], by: User, now: datetime) -> int:
    """Give letters that were given up all their attempts again, by the first channel that reaches the reader; how many.

    Letters in any other state, and those of readers whom nothing reaches, stay as they are.
    """
    with transaction.atomic():
        ended = Letter.objects.filter(pk__in=letter_ids, status__in=[Letter.Status.DEAD, Letter.Status.NO_ADDRESS])
        letters = ended.select_related("reader__home_branch").order_by("pk").select_for_update(of=("self",))
        readers = {letter.reader for letter in letters}
        on, choices = channels(), Choices([reader.pk for reader in readers])
        reachable = routes(readers, by=on)
        sent = 0
        for letter in letters:
            choice = choices.of(letter.reader_id, letter.event)
            way = first_way(letter.reader, choice, letter.event, reachable[letter.reader_id], on, now)
            if way is None:
                continue
            letter.status = Letter.Status.WAITING
            letter.channel, letter.address, letter.next_attempt_at, letter.expires_at = way
            letter.language, letter.tried, letter.attempts = letter.reader.language, [], 0
            letter.save(
                update_fields=[
                    *("status", "channel", "address", "next_attempt_at"),
                    *("expires_at", "language", "tried", "attempts"),
                ]
            )
            sent += 1
            audit.record(action="notifications.resend", subject=letter, by=by, now=now)
    return sent


def _notice(draft: Draft, now: datetime) -> Notice:
    return Notice(
        key=draft.key,
        event=draft.event,
        stage=draft.stage,
        reader=draft.reader,
        data=dict(draft.data),
        created_at=now,
        ready_at=now + GATHERING.get(draft.event, timedelta()),
    )
