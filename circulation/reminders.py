"""The daily check of all open loans: marks overdue ones and reminds readers by the terms of each loan.

What a reader is to be told about a loan follows from its dates and terms alone, and the key of the notice names the
loan and the stage; so the check may be repeated, interrupted or run twice at once: every reminder is written once.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import F, OuterRef, TextField
from django.db.models.functions import Cast

from catalog.models import Contribution, Copy
from circulation.letters import line_about
from circulation.models import Loan
from notifications.actions import Draft, enqueue_many
from notifications.channels.registry import routes
from notifications.models import Event, Notice
from policies.terms import Terms

CATCH_UP_DAYS = 7
"""A reminder that was missed, because nothing ran that day, is still written so many days later; then it is stale."""
BATCH_SIZE = 1000
"""Loans read, or marked overdue, at a time."""


class Stage(NamedTuple):
    """A day on which the terms of a loan ask for a reminder."""

    on: date
    event: Event
    number: int
    """Days before the due day (due soon), after it (overdue), of the loan (reminder)."""


@dataclass(slots=True)
class Summary:
    """What one check did."""

    open_loans: int = 0
    marked_overdue: int = 0
    reminders: Counter[str] = field(default_factory=Counter)
    """Event to the number of notices written."""
    unreachable: int = 0
    """Reminders among them whose reader no channel reaches, so that somebody has to telephone."""

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the job's run."""
        return {
            "open_loans": self.open_loans,
            "marked_overdue": self.marked_overdue,
            "reminders": dict(self.reminders),
            "unreachable": self.unreachable,
        }


PRECEDENCE = {Event.OVERDUE: 3, Event.DUE_SOON: 2, Event.LOAN_REMINDER: 1}
"""Which of two stages that fall on one day is told: the higher."""


def latest_stage(
    *, terms: Terms, lent_on: date, settled_on: date, due_on: date, is_overdue: bool, today: date
) -> Stage | None:
    """The reminder that a loan calls for on `today`: the latest stage it has reached, unless that is stale.

    `settled_on` is the day of check-out or of the last renewal, when the reader learnt the due day: what falls on it or
    before needs no saying. A stage supersedes all earlier ones, so that missed days are not made up for one by one.
    """
    stages = []
    if is_overdue:
        stages += [
            Stage(due_on + timedelta(days=days), Event.OVERDUE, days)
            for days in terms.remind_overdue_days
            if due_on + timedelta(days=days) <= today
        ]
    else:
        stages += [
            Stage(due_on - timedelta(days=days), Event.DUE_SOON, days)
            for days in terms.remind_before_days
            if settled_on < due_on - timedelta(days=days) <= today
        ]
    if (number := _day_of_reminder(terms, (today - lent_on).days)) is not None:
        stages.append(Stage(lent_on + timedelta(days=number), Event.LOAN_REMINDER, number))
    latest = max(stages, key=lambda stage: (stage.on, PRECEDENCE[stage.event]), default=None)
    return latest if latest and (today - latest.on).days <= CATCH_UP_DAYS else None


def _day_of_reminder(terms: Terms, age: int) -> int | None:
    """The latest day of the loan, not beyond `age` days, on which its terms ask for a reminder."""
    first, every = terms.remind_from_day, terms.remind_every_days
    if not first or age < first:
        return None
    return first + (age - first) // every * every if every else first


def check_due_dates(*, now: datetime, dry_run: bool = False) -> Summary:
    """Mark the loans that are overdue at `now` and write the reminders of the day, by the calendar of each branch.

    Commits as it goes, some thousand loans at a time and never between two loans of one reader, so that all a reader is
    to be told reaches the same letter. Memory, and queries per thousand loans, do not grow with the library. With
    `dry_run` nothing is written; the summary says what would have been.
    """
    summary = Summary(marked_overdue=_mark_overdue(now=now, dry_run=dry_run))
    for loans in _batches():
        summary.open_loans += len(loans)
        stages = {loan.uid: stage for loan in loans if (stage := _stage_of(loan, now))}
        drafts = _drafts(_unwritten(stages))
        ways = routes({draft.reader for draft in drafts}) if drafts else {}
        summary.unreachable += sum(not ways[draft.reader.pk] for draft in drafts)
        summary.reminders.update(str(draft.event) for draft in drafts)
        if not dry_run:
            enqueue_many(drafts, now=now)
    return summary


def _mark_overdue(*, now: datetime, dry_run: bool) -> int:
    """Passes over loans that somebody is renewing or returning at this moment: the desk never waits for the check."""
    newly_overdue = Loan.objects.unclaimed().filter(due_at__lt=now, overdue_since__isnull=True)
    if dry_run:
        return newly_overdue.count()
    batch = newly_overdue.order_by("pk").select_for_update(skip_locked=True, no_key=True)[:BATCH_SIZE]
    marked = 0
    while True:
        with transaction.atomic():
            pks = list(batch.values_list("pk", flat=True))
            marked += Loan.objects.filter(pk__in=pks).update(overdue_since=now)
        if len(pks) < BATCH_SIZE:
            return marked


class LoanRow(NamedTuple):
    """What decides whether a loan calls for a reminder."""

    pk: int
    uid: UUID
    reader_id: int
    checked_out_at: datetime
    last_renewed_at: datetime | None
    due_at: datetime
    terms: str
    """JSON."""
    time_zone: str


def _batches() -> Iterator[list[LoanRow]]:
    """Open loans by reader, `BATCH_SIZE` and the rest of the last reader's; without what is lost or searched for."""
    branch = "copy__branch" if settings.LENDING_BRANCH == "copy" else "branch"
    rows = (
        Loan.objects.unclaimed()
        .exclude(copy__status=Copy.Status.LOST)
        .annotate(terms_text=Cast("terms", TextField()), time_zone=F(f"{branch}__time_zone"))
        .values_list(*(f"{name}_text" if name == "terms" else name for name in LoanRow._fields))
        .order_by("reader_id", "pk")
    )
    reader_id = 0
    while batch := [LoanRow(*row) for row in rows.filter(reader__gt=reader_id)[:BATCH_SIZE]]:
        reader_id = batch[-1].reader_id
        if len(batch) == BATCH_SIZE:
            batch += [LoanRow(*row) for row in rows.filter(reader=reader_id, pk__gt=batch[-1].pk)]
        yield batch


def _stage_of(loan: LoanRow, now: datetime) -> Stage | None:
    zone = ZoneInfo(loan.time_zone)
    return latest_stage(
        terms=_terms(loan.terms),
        lent_on=loan.checked_out_at.astimezone(zone).date(),
        settled_on=(loan.last_renewed_at or loan.checked_out_at).astimezone(zone).date(),
        due_on=loan.due_at.astimezone(zone).date(),
        is_overdue=loan.due_at < now,
        today=now.astimezone(zone).date(),
    )


@lru_cache(maxsize=1000)
def _terms(text: str) -> Terms:
    return Terms.from_json(json.loads(text))


def _key(uid: UUID, stage: Stage) -> str:
    return f"{stage.event}:{uid}:{stage.on}:{stage.number}"


def _unwritten(stages: dict[UUID, Stage]) -> dict[UUID, Stage]:
    """Without those whose notice exists."""
    if not stages:
        return {}
    keys = {_key(uid, stage): uid for uid, stage in stages.items()}
    written = {keys[key] for key in Notice.objects.filter(key__in=keys).values_list("key", flat=True)}
    return {uid: stage for uid, stage in stages.items() if uid not in written}


def _drafts(stages: dict[UUID, Stage]) -> list[Draft]:
    if not stages:
        return []
    authors = Contribution.objects.filter(book=OuterRef("copy__book"), role=Contribution.Role.AUTHOR)
    loans = (
        Loan.objects.open()
        .filter(uid__in=stages)
        .in_full()
        .annotate(authors=ArraySubquery(authors.order_by("position", "pk").values("author__name")))
        .defer("terms", "copy__book__description")
        .order_by("reader_id", "due_at", "pk")
    )
    return [
        Draft(
            key=_key(loan.uid, stage),
            event=stage.event,
            stage=stage.number,
            reader=loan.reader,
            data=line_about(loan, authors=loan.authors),
        )
        for loan in loans
        for stage in [stages[loan.uid]]
    ]
