"""Loans, renewals, returns and readings by day: counted once each night for the days that are over, live for the rest.

A counted day is counted again when something of it changes afterwards: a check-out is undone, a scan comes late from a
desk without a connection, a history is imported. What changed is found by the audit and by the keys of new loans, so
nobody has to tell. A run commits a month at a time and may be killed and repeated. docs/reports.md defines the figures.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.models import Min, QuerySet

from circulation.models import Loan, Reading
from library.core.jobs import local_day
from library.core.models import AuditEntry
from reports.ages import age_group
from reports.models import DayFigures, FiguresState

LOCK = 0x4647
"""Of the advisory lock under which figures are written."""
OVERLAP = timedelta(days=1)
"""So far before the last run changes are looked for again: what was being committed then was not seen."""
ONE_DAY = timedelta(days=1)
KEY = "day, branch_id, category_id, age_group, item_type_id, material, language"
SUMS = ", ".join(f"sum({name})::int AS {name}" for name in ("loans", "renewals", "returns", "readings"))


def _local_day(instant: str) -> str:
    return f"({instant} AT TIME ZONE b.time_zone)::date"


_LENT_ON = _local_day("l.checked_out_at")
_AGE_GROUP = age_group(loan="l", reader="r", lent_on=_LENT_ON)
_OF_A_LOAN = f"""coalesce(l.reader_category_id, r.category_id) AS category_id, {_AGE_GROUP} AS age_group,
    c.item_type_id, k.material_type AS material, k.language"""
_RENEWED = "coalesce((a.detail ->> 'done_at')::timestamptz, a.at)"
"""An undone renewal is taken off the day on which it was made."""
_COPY = "JOIN catalog_copy c ON c.id = {}.copy_id JOIN catalog_book k ON k.id = c.book_id"
_LOAN = f"LEFT JOIN accounts_reader r ON r.id = l.reader_id {_COPY.format('l')}"


def _events(begin: str, end: str) -> str:
    """What happened between two instants, one row each, with its local day. Both bounds are expressions."""
    return f"""
    SELECT {_LENT_ON} AS day, l.branch_id, {_OF_A_LOAN}, 1 AS loans, 0 AS renewals, 0 AS returns,
        0 AS readings
    FROM circulation_loan l JOIN policies_branch b ON b.id = l.branch_id {_LOAN}
    WHERE l.checked_out_at >= {begin} AND l.checked_out_at < {end} AND l.undone_at IS NULL
    UNION ALL
    SELECT {_local_day("l.returned_at")}, l.return_branch_id, {_OF_A_LOAN}, 0, 0, 1, 0
    FROM circulation_loan l JOIN policies_branch b ON b.id = l.return_branch_id {_LOAN}
    WHERE (l.reader_id IS NOT NULL AND l.returned_at IS NOT NULL AND l.returned_at >= {begin} AND l.returned_at < {end}
        OR l.reader_id IS NULL AND l.returned_at IS NOT NULL AND l.returned_at >= {begin} AND l.returned_at < {end})
        AND l.undone_at IS NULL
    UNION ALL
    SELECT {_local_day(_RENEWED)}, l.branch_id, {_OF_A_LOAN}, 0,
        CASE a.action WHEN 'circulation.renew' THEN 1 ELSE -1 END, 0, 0
    FROM core_auditentry a JOIN circulation_loan l ON l.id = a.subject_id
    JOIN policies_branch b ON b.id = l.branch_id {_LOAN}
    WHERE a.at >= {begin} AND a.at < {end} AND a.subject_type = 'circulation.loan'
        AND a.action IN ('circulation.renew', 'circulation.undo_renew')
    UNION ALL
    SELECT {_local_day("g.at")}, g.branch_id, NULL, '', c.item_type_id, k.material_type, k.language, 0, 0, 0, 1
    FROM circulation_reading g JOIN policies_branch b ON b.id = g.branch_id {_COPY.format("g")}
    WHERE g.at >= {begin} AND g.at < {end}"""


_STATE = "SELECT {} FROM reports_figuresstate"
_LIVE_FROM = f"""GREATEST(%(from_at)s,
    coalesce(({_STATE.format("counted_until::timestamp AT TIME ZONE 'UTC'")}), '-infinity'))"""
DAYS = f"""(
    SELECT {KEY}, loans, renewals, returns, readings FROM reports_dayfigures
    WHERE day BETWEEN %(since)s AND LEAST(%(until)s, ({_STATE.format("counted_until")}))
    UNION ALL
    SELECT {KEY}, {SUMS} FROM ({_events(_LIVE_FROM, "%(to_at)s")}) AS live
    WHERE day BETWEEN %(since)s AND %(until)s AND day > coalesce(({_STATE.format("counted_until")}), '-infinity')
    GROUP BY {KEY}
)"""
"""To stand after FROM with a name: figures of the days `since` to `until`, with the parameters of `registry.Asked`."""

_COUNT = f"""
INSERT INTO reports_dayfigures ({KEY}, loans, renewals, returns, readings)
SELECT {KEY}, {SUMS} FROM ({_events("%(begin)s", "%(end)s")}) AS found
WHERE day = ANY(%(days)s) GROUP BY {KEY}
HAVING sum(loans) <> 0 OR sum(renewals) <> 0 OR sum(returns) <> 0 OR sum(readings) <> 0"""


def fresh_at() -> datetime | None:
    """When the figures of past days were last counted; None: never yet, all are counted when they are asked for."""
    return FiguresState.objects.values_list("counted_at", flat=True).first()


def days(*, first: date, last: date) -> QuerySet[DayFigures]:
    """The kept figures of counted days, for tests and checks; reports read `DAYS`, which knows the others as well."""
    return DayFigures.objects.filter(day__range=(first, last))


def count_days(*, now: datetime, until: date | None = None) -> dict[str, Any]:
    """Count the days that are over and not counted, and again those that changed since; what was done, as JSON.

    `until` is the last day that is over everywhere, the day before yesterday unless given: somewhere it may still be
    yesterday. Commits a month at a time. Somebody else at it: nothing is done.
    """
    until = until or local_day(now) - 2 * ONE_DAY
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [LOCK])
        if not cursor.fetchone()[0]:
            return {"counted": 0, "again": 0}
    try:
        state = FiguresState.objects.first()
        changed = _changed(state) if state else set()
        first = state.counted_until + ONE_DAY if state else _first_day(until)
        new = [first + n * ONE_DAY for n in range((until - first).days + 1)]
        for month in _months(sorted({*changed, *new})):
            _count(month, is_new=month[-1] >= first, now=state.counted_at if state else now)
        FiguresState.objects.update(counted_at=now)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [LOCK])
    return {"counted": len(new), "again": len(changed)}


def _count(month: list[date], *, is_new: bool, now: datetime) -> None:
    """Count these days anew. The first run has no state before its first month."""
    begin = datetime.combine(month[0], time.min, UTC) - ONE_DAY
    end = datetime.combine(month[-1], time.min, UTC) + 2 * ONE_DAY
    with transaction.atomic(), connection.cursor() as cursor:
        DayFigures.objects.filter(day__in=month).delete()
        cursor.execute(_COUNT, {"begin": begin, "end": end, "days": month})
        if is_new and not FiguresState.objects.update(counted_until=month[-1]):
            FiguresState.objects.create(counted_until=month[-1], counted_at=now)


def _months(days: Iterable[date]) -> Iterator[list[date]]:
    for _month, group in groupby(days, key=lambda day: (day.year, day.month)):
        yield list(group)


def _first_day(until: date) -> date:
    """The day of the first loan or reading; `until` where there was none."""
    firsts = (
        Loan.objects.aggregate(at=Min("checked_out_at"))["at"],
        Reading.objects.aggregate(at=Min("at"))["at"],
    )
    return min((at.date() - ONE_DAY for at in firsts if at), default=until)


_CHANGED = f"""
WITH said AS (
    SELECT subject_id, {_RENEWED.replace("a.", "")} AS at, action FROM core_auditentry
    WHERE at >= %(since)s AND subject_type = 'circulation.loan'
)
SELECT DISTINCT day FROM (
    SELECT {_LENT_ON} AS day FROM said JOIN circulation_loan l ON l.id = subject_id
    JOIN policies_branch b ON b.id = l.branch_id
    UNION ALL
    SELECT {_local_day("l.returned_at")} FROM said JOIN circulation_loan l ON l.id = subject_id
    JOIN policies_branch b ON b.id = l.return_branch_id
    UNION ALL
    SELECT {_local_day("said.at")} FROM said JOIN circulation_loan l ON l.id = subject_id
    JOIN policies_branch b ON b.id = l.branch_id WHERE action IN ('circulation.renew', 'circulation.undo_renew')
    UNION ALL
    SELECT {_local_day("g.at")} FROM circulation_reading g JOIN policies_branch b ON b.id = g.branch_id
    WHERE g.at >= %(since)s
) AS found WHERE day <= %(until)s"""


def _changed(state: FiguresState) -> set[date]:
    """The counted days of all that was done since the last run: their loans and returns may count otherwise now."""
    since = state.counted_at - OVERLAP
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, {"since": since, "until": state.counted_until})
        found = {day for (day,) in cursor.fetchall()}
    if AuditEntry.objects.filter(at__gte=since, action="circulation.import_loans").exists():
        first = _first_day(state.counted_until)
        found |= {first + n * ONE_DAY for n in range((state.counted_until - first).days + 1)}
    return found
