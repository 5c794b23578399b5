"""Writing notices in the caller's transaction, bundling them into letters, sending a dead letter again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Subquery

from accounts.models import Reader, User
from library.core import audit
from notifications.channels.base import Channel
from notifications.channels.registry import channels, routes
from notifications.letters import welcome_data
from notifications.models import OPTIONAL, Event, Letter, Notice, Unwanted

GATHERING = {
    event: timedelta(minutes=2) for event in (Event.LOAN_RECEIPT, Event.CHARGE, Event.PAYMENT, Event.SUSPENSION)
}
"""How long notices of an event wait for others of the same reader, to leave in one letter."""
WELCOME_WITHIN = timedelta(days=2)
BATCH_SIZE = 1000
"""Rows per INSERT of the bulk form, and notices bundled in one transaction."""
BUNDLING_LOCK = 0x4C45
"""The first number of the advisory lock under which letters are made."""


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

    A second call with the same `key` changes nothing, so the returned notice has no primary key. Whether and how the
    reader can be reached is seen when the letter is made. `data` comes from `notifications.letters`.
    """
    notice = _notice(Draft(key=key, event=event, reader=reader, data=data, stage=stage), now)
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
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


def bundle(*, now: datetime) -> int:
    """Put notices that are ready into letters, one for each reader, event and stage; how many letters it made.

    Takes `BATCH_SIZE` notices and whatever belongs to the same letters. 0: nothing was ready, or somebody else is
    bundling at this moment.
    """
    with transaction.atomic():
        if not _is_only_bundler():
            return 0
        unbundled = Notice.objects.filter(letter__isnull=True)
        ready = unbundled.filter(ready_at__lte=now).order_by("ready_at", "pk")[:BATCH_SIZE]
        groups = set(ready.values_list("reader_id", "event", "stage"))
        readers = Reader.objects.in_bulk({reader_id for reader_id, _event, _stage in groups})
        unwanted = set(Unwanted.objects.filter(reader__in=readers).values_list("reader", "event"))
        on = channels()
        ways = routes(readers.values(), by=on)
        letters = [
            _letter(
                readers[reader_id],
                event,
                stage,
                now=now,
                way=_first(ways[reader_id], on),
                is_wanted=(reader_id, event) not in unwanted,
            )
            for reader_id, event, stage in sorted(groups)
        ]
        Letter.objects.bulk_create(letters)
        own = Letter.objects.filter(
            pk__in=[letter.pk for letter in letters],
            reader=OuterRef("reader"),
            event=OuterRef("event"),
            stage=OuterRef("stage"),
        )
        unbundled.filter(Exists(own), reader__in=readers).update(letter=Subquery(own.values("pk")))
    return len(letters)


def resend(*, letter_ids: Collection[int], by: User, now: datetime) -> int:
    """Give letters that were given up all their attempts again, by the first channel that reaches the reader; how many.

    Letters in any other state, and those of readers whom nothing reaches, stay as they are.
    """
    with transaction.atomic():
        ended = Letter.objects.filter(pk__in=letter_ids, status__in=[Letter.Status.DEAD, Letter.Status.NO_ADDRESS])
        letters = list(ended.select_related("reader").order_by("pk").select_for_update(of=("self",)))
        on = channels()
        ways = routes({letter.reader for letter in letters}, by=on)
        reachable = [letter for letter in letters if ways[letter.reader_id]]
        for letter in reachable:
            letter.status = Letter.Status.WAITING
            letter.channel, letter.address, of_use_for = _first(ways[letter.reader_id], on)
            letter.language, letter.tried, letter.attempts = letter.reader.language, [], 0
            letter.next_attempt_at, letter.expires_at = now, now + of_use_for
            letter.save(
                update_fields=[
                    *("status", "channel", "address", "language"),
                    *("tried", "attempts", "next_attempt_at", "expires_at"),
                ]
            )
            audit.record(action="notifications.resend", subject=letter, by=by, now=now)
    return len(reachable)


def choose_letters(*, reader: Reader, wanted: Collection[str], by: User, now: datetime) -> None:
    """Let a reader have, of the letters they may do without (`OPTIONAL`), the `wanted` ones only."""
    with transaction.atomic():
        Reader.objects.locked().only("pk").get(pk=reader.pk)
        unwanted = {str(event) for event in OPTIONAL} - set(wanted)
        former = set(Unwanted.objects.filter(reader=reader).values_list("event", flat=True))
        if unwanted == former:
            return
        Unwanted.objects.filter(reader=reader).exclude(event__in=unwanted).delete()
        Unwanted.objects.bulk_create([Unwanted(reader=reader, event=event) for event in sorted(unwanted - former)])
        detail = {"unwanted": sorted(unwanted)}
        audit.record(action="notifications.choose_letters", subject=reader, by=by, now=now, detail=detail)


class Way(NamedTuple):
    """How a letter is to leave."""

    channel: Letter.Channel
    address: str
    """Empty: nothing reaches the reader."""
    of_use_for: timedelta


def _first(ways: Mapping[Letter.Channel, str], on: Mapping[Letter.Channel, Channel]) -> Way:
    """The first of a reader's ways."""
    for name, address in ways.items():
        return Way(name, address, on[name].of_use_for)
    return Way(Letter.Channel.EMAIL, "", timedelta())


def _letter(reader: Reader, event: str, stage: int, *, now: datetime, way: Way, is_wanted: bool) -> Letter:
    """A letter; if nothing reaches the reader, it is kept for staff to see, who may telephone.

    One that the reader does without is kept, and never sent.
    """
    status = Letter.Status.WAITING if way.address else Letter.Status.NO_ADDRESS
    return Letter(
        reader=reader,
        event=event,
        stage=stage,
        channel=way.channel,
        address=way.address,
        language=reader.language,
        status=status if is_wanted else Letter.Status.UNWANTED,
        created_at=now,
        expires_at=now + way.of_use_for,
        next_attempt_at=now,
    )


def _is_only_bundler() -> bool:
    """Take the bundling lock until the end of the transaction: two at once could split one reader's letter."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [BUNDLING_LOCK])
        return bool(cursor.fetchone()[0])


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
