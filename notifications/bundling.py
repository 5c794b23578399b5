"""From notices to letters: what one reader is to be told of one event and stage leaves in one letter, by their way.

What a reader wants once a day waits for the morning and leaves in one letter of all such events.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Subquery

from accounts.models import Reader
from notifications.channels.registry import channels, routes
from notifications.choosing import Choice, Choices, Way, first_way
from notifications.models import Event, Letter, Notice, Preference

BATCH_SIZE = 1000
"""Notices bundled in one transaction."""
BUNDLING_LOCK = 0x4C45
"""The first number of the advisory lock under which letters are made."""


class Group(NamedTuple):
    """What leaves in one letter."""

    reader_id: int
    event: str
    """`Event.DIGEST` for what waited for the morning."""
    stage: int


def bundle(*, now: datetime) -> int:
    """Put notices that are ready into letters, one for each reader, event and stage; how many groups it settled.

    Takes `BATCH_SIZE` notices and whatever belongs to the same letters. Those that their readers want once a day are
    made to wait for the morning. 0: nothing was ready, or somebody else is bundling at this moment.
    """
    with transaction.atomic():
        if not _is_only_bundler():
            return 0
        unbundled = Notice.objects.filter(letter__isnull=True)
        ready = unbundled.filter(ready_at__lte=now).order_by("ready_at", "pk")[:BATCH_SIZE]
        groups = {
            Group(reader_id, Event.DIGEST if is_daily else event, 0 if is_daily else stage)
            for reader_id, event, stage, is_daily in ready.values_list("reader", "event", "stage", "is_daily")
        }
        readers = Reader.objects.select_related("home_branch").in_bulk({group.reader_id for group in groups})
        choices = Choices(readers)
        daily = {group for group in groups if _is_for_the_morning(choices.of(group.reader_id, group.event))}
        _let_wait(daily, readers, now)
        _make_letters(groups - daily, readers, choices, now)
    return len(groups)


def _is_for_the_morning(choice: Choice) -> bool:
    return choice.is_daily and choice.channel != Preference.NONE


def _let_wait(groups: Collection[Group], readers: Mapping[int, Reader], now: datetime) -> None:
    """Until the next morning on the clock of each reader's branch; an update for each event and time zone."""
    waiting: dict[tuple[str, datetime], set[int]] = defaultdict(set)
    for group in groups:
        waiting[group.event, next_morning(now, readers[group.reader_id].home_branch.zone)].add(group.reader_id)
    for (event, morning), reader_ids in waiting.items():
        notices = Notice.objects.filter(letter__isnull=True, reader__in=reader_ids, event=event)
        notices.update(is_daily=True, ready_at=morning)


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The next DIGEST_HOUR after `now` on a branch's clock."""
    local = now.astimezone(zone)
    morning = datetime.combine(local.date(), time(settings.DIGEST_HOUR), zone)
    return morning if morning > now else morning + timedelta(days=1)


def _make_letters(groups: Collection[Group], readers: Mapping[int, Reader], choices: Choices, now: datetime) -> None:
    if not groups:
        return
    on = channels()
    reachable = routes(readers.values(), by=on)
    letters = []
    for reader_id, event, stage in sorted(groups):
        reader, choice = readers[reader_id], choices.of(reader_id, event)
        way = first_way(reader, choice, event, reachable[reader_id], on, now)
        letters.append(_letter(reader, event, stage, now, way, is_wanted=choice.channel != Preference.NONE))
    Letter.objects.bulk_create(letters)
    own = Letter.objects.filter(pk__in=[letter.pk for letter in letters], reader=OuterRef("reader"))
    alone = own.filter(event=OuterRef("event"), stage=OuterRef("stage"))
    unbundled = Notice.objects.filter(letter__isnull=True, reader__in={letter.reader_id for letter in letters})
    unbundled.filter(Exists(alone), is_daily=False).update(letter=Subquery(alone.values("pk")))
    if any(letter.event == Event.DIGEST for letter in letters):
        together = own.filter(event=Event.DIGEST)
        unbundled.filter(Exists(together), is_daily=True).update(letter=Subquery(together.values("pk")))


def _letter(reader: Reader, event: str, stage: int, now: datetime, way: Way | None, *, is_wanted: bool) -> Letter:
    """A letter; if nothing reaches the reader, it is kept for staff to see, who may telephone.

    One that the reader does without is kept, and never sent.
    """
    status = Letter.Status.WAITING if way else Letter.Status.NO_ADDRESS
    return Letter(
        reader=reader,
        event=event,
        stage=stage,
        channel=way.channel if way else Letter.Channel.EMAIL,
        address=way.address if way else "",
        language=reader.language,
        status=status if is_wanted else Letter.Status.UNWANTED,
        created_at=now,
        expires_at=way.expires_at if way else now,
        next_attempt_at=way.starts_at if way else now,
    )


def _is_only_bundler() -> bool:
    """Take the bundling lock until the end of the transaction: two at once could split one reader's letter."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [BUNDLING_LOCK])
        return bool(cursor.fetchone()[0])
