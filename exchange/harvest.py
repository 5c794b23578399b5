"""What harvesters may see: published records in the order of their datestamps, no further than the horizon."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.db.models import BooleanField, F, Func, Min, Q, QuerySet, TextField, Value
from django.db.models.lookups import GreaterThan

from exchange.models import PublishedRecord

LOCK_CLASS = 1868654960
"""The upper half of the advisory locks' keys («oaip»); the lower is the second in which the lock was taken."""
SETS_SECONDS = 600
"""How long the list of sets is kept: it reads every published record."""
KINDS = ("material", "language", "branch")
"""The sets above all others, each with those below it: material:book."""

_HORIZON = """
SELECT least(date_trunc('second', statement_timestamp()), min(to_timestamp(objid::bigint)))
FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = %s AND objsubid = 1 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pid IS DISTINCT FROM pg_backend_pid()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records are asked for; both ends of the time are included."""

    since: datetime | None = None
    until: datetime | None = None
    set_spec: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """The place behind a record in the order of all."""

    changed_at: datetime
    record_id: int


def horizon() -> datetime:
    """The second before which nothing can appear any more: now, or when the oldest unfinished change began.

    List only what is earlier, by statements that come after this one.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON, [LOCK_CLASS])
        (before,) = cursor.fetchone()
    seen: datetime = before
    return seen


def selected(selection: Selection, *, before: datetime) -> QuerySet[PublishedRecord]:
    """The records asked for that are earlier than `before` (the horizon), in the order of datestamp and key."""
    records = PublishedRecord.objects.filter(changed_at__lt=before).order_by("changed_at", "pk")
    if selection.since:
        records = records.filter(changed_at__gte=selection.since)
    if selection.until:
        records = records.filter(changed_at__lte=selection.until)
    if selection.set_spec in KINDS:
        records = records.filter(_HasAnyOf(selection.set_spec))
    elif selection.set_spec:
        spec = [selection.set_spec]
        records = records.filter(Q(sets__contains=spec) | Q(former_sets__contains=spec))
    return records


def page(records: QuerySet[PublishedRecord], *, after: Position | None, size: int) -> list[PublishedRecord]:
    """The next `size` records behind a position: by index, however far."""
    if after:
        here = Func(F("changed_at"), F("pk"), function="ROW", output_field=TextField())
        there = Func(Value(after.changed_at), Value(after.record_id), function="ROW", output_field=TextField())
        records = records.filter(GreaterThan(here, there))
    return list(records[:size])


def is_deleted(record: PublishedRecord, set_spec: str = "") -> bool:
    """Whether the record is gone: from the catalogue, or from the set that is being harvested."""
    return record.book_id is None or bool(set_spec and not is_in(record.sets, set_spec))


def is_in(sets: Iterable[str], set_spec: str) -> bool:
    """Whether a record in `sets` is in this set, which may be the one above them."""
    return any(one == set_spec or one.startswith(f"{set_spec}:") for one in sets)


def published(uid: UUID) -> PublishedRecord | None:
    """The record with this public id, deleted or not."""
    return PublishedRecord.objects.filter(uid=uid).first()


def earliest() -> datetime | None:
    """The first datestamp; None in an empty library."""
    first: datetime | None = PublishedRecord.objects.aggregate(first=Min("changed_at"))["first"]
    return first


def set_specs() -> list[str]:
    """Every set that some record is or was in, sorted."""

    def read() -> list[str]:
        specs: set[str] = set()
        for name in ("sets", "former_sets"):
            each = PublishedRecord.objects.order_by().values_list(Func(F(name), function="unnest"), flat=True)
            specs.update(each.distinct())
        return sorted(specs)

    known: list[str] = cache.get_or_set("exchange.sets", read, SETS_SECONDS) or []
    return known


class _HasAnyOf(Func):
    """Whether some set, now or before, is of a kind."""

    template = "EXISTS (SELECT FROM unnest(%(expressions)s) one WHERE one LIKE '%(kind)s:%%%%')"
    arg_joiner = " || "
    output_field = BooleanField()

    def __init__(self, kind: str) -> None:
        super().__init__(F("sets"), F("former_sets"), kind=kind)
