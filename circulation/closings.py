"""Days on which branches are closed after all: due dates and pick-up deadlines on them are moved, and moved back.

The work is done in steps of a few hundred loans, each in a commit of its own, so it may be killed and goes on where it
was; a second closing of the same days finds nothing left to do. Dates move by the terms of each loan, as if the days
had been known to be closed when it was made (`policies.terms.moved_due_at`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Reader, User
from catalog.models import Book, Copy
from circulation.letters import authors_of, line_about
from circulation.models import Closing, Loan, LoanQuerySet, MovedDate
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from notifications.actions import Draft, enqueue, enqueue_many
from notifications.letters import ClosedLine
from notifications.models import Event
from policies.calendar import Calendar, ClosedRange, NoOpenDay
from policies.models import Branch
from policies.queries import calendars
from policies.terms import Terms, moved_due_at
from reservations import deadlines
from reservations.models import Reservation
from reservations.queries import TermsOf

STEP = 200
"""Loans or reservations locked and moved in one commit."""
LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a closing would move. Counted are those that fall on the days; `moves` are the first of them."""

    loans: int
    pickups: int
    moves: Sequence["Move"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A loan and when it would fall due."""

    loan: Loan
    to: datetime
    """On the clock of its branch; the same as before where its terms keep it."""


def preview(*, branch: Branch | None, starts_on: date, ends_on: date, now: datetime, shown: int = 50) -> Preview:
    """What falls on these days now, and where the first `shown` loans would go. Writes nothing. Raises Invalid."""
    _check(branch, starts_on, ends_on)
    days, closure = calendars(), ClosedRange(starts_on, ends_on)
    loans = _loans(branch, starts_on, ends_on)
    moves = [
        Move(loan=loan, to=_moved(loan, days[loan.ruling_branch_id], closure, now).astimezone(loan.ruling_branch.zone))
        for loan in loans.in_full().order_by("due_at", "pk")[:shown]
    ]
    return Preview(loans=loans.count(), pickups=len(_pickups(branch, starts_on, ends_on)), moves=moves)


def close(
    *, branch_id: int | None, starts_on: date, ends_on: date, by: User | None, now: datetime, reason: str = ""
) -> Closing:
    """Begin to move what falls on these days, of one branch or of all; `work` does it.

    The days have to stand in the calendar as closed. Raises Invalid (`starts_on`), Branch.DoesNotExist.
    """
    branch = Branch.objects.get(pk=branch_id) if branch_id else None
    _check(branch, starts_on, ends_on)
    with one_commit():
        closing = Closing.objects.create(
            branch=branch,
            starts_on=starts_on,
            ends_on=ends_on,
            reason=reason.strip()[:200],
            made_at=now,
            by=by,
            total=_loans(branch, starts_on, ends_on).count() + len(_pickups(branch, starts_on, ends_on)),
        )
        detail = {"from": starts_on, "to": ends_on, "branch": branch.code if branch else None}
        audit.record(action="circulation.close_days", subject=closing, by=by, now=now, detail=detail)
        return closing


def undo(*, closing_id: int, by: User, now: datetime) -> Closing:
    """Begin to move back what a closing has moved and nobody has changed since; `work` does it. Twice does no harm.

    A day that is over is not moved back to. Raises Invalid (`state`) while it is still running.
    """
    with one_commit():
        closing = Closing.objects.select_for_update(no_key=True).get(pk=closing_id)
        if closing.state == Closing.State.RUNNING:
            raise Invalid({"state": [_("It is still being worked on.")]})
        if closing.state == Closing.State.DONE:
            closing.state, closing.undone_by, closing.finished_at = Closing.State.UNDOING, by, None
            closing.loans_behind = closing.pickups_behind = 0
            closing.save(update_fields=["state", "undone_by", "finished_at", "loans_behind", "pickups_behind"])
            audit.record(action="circulation.undo_closing", subject=closing, by=by, now=now)
        return closing


def work(*, closing_id: int, now: datetime) -> Closing:
    """Go on with a closing or its undoing until it is finished. Safe to repeat, and for two at once. Raises Busy."""
    days = calendars()
    while True:
        with one_commit():
            closing = Closing.objects.select_for_update(no_key=True).get(pk=closing_id)
            if not closing.is_working:
                return closing
            steps: tuple[Callable[..., bool], ...] = (
                (_move_loans, _move_pickups)
                if closing.state == Closing.State.RUNNING
                else (_move_loans_back, _move_pickups_back)
            )
            if not any(step(closing, days, now) for step in steps):
                is_done = closing.state == Closing.State.RUNNING
                closing.state = Closing.State.DONE if is_done else Closing.State.UNDONE
                closing.finished_at = now
                if is_done:
                    _tell_what_stays(closing, now)
            closing.save(update_fields=["state", "finished_at", "loans", "pickups", "loans_behind", "pickups_behind"])


# --- What falls on the days ----------------------------------------------------------------------------------------


def _check(branch: Branch | None, starts_on: date, ends_on: date) -> None:
    if not starts_on <= ends_on <= starts_on + LONGEST:
        raise Invalid({"ends_on": [_("Give a first and a last day, a year apart at most.")]})
    days = calendars()
    ids = [branch.pk] if branch else list(days)
    closure = [starts_on + timedelta(days=n) for n in range((ends_on - starts_on).days + 1)]
    if any(days[pk].is_open(day) for pk in ids for day in closure):
        raise Invalid({"starts_on": [_("Not all of these days are closed. Enter them as closed days first.")]})


def _loans(branch: Branch | None, starts_on: date, ends_on: date) -> LoanQuerySet:
    """Open loans due on these days on the clock of their branch, whose terms do not keep them there."""
    return _due(branch, starts_on, ends_on).exclude(terms__due_on_closed="keep")


def _due(branch: Branch | None, starts_on: date, ends_on: date) -> LoanQuerySet:
    """Open loans due on these days on the clock of their branch."""
    path = "copy__branch" if settings.LENDING_BRANCH == "copy" else "branch"
    windows = []
    for one in [branch] if branch else Branch.objects.all():
        begin = datetime.combine(starts_on, time.min, one.zone)
        end = datetime.combine(ends_on + timedelta(days=1), time.min, one.zone)
        windows.append(Q(**{path: one, "due_at__gte": begin, "due_at__lt": end}))
    return Loan.objects.unclaimed().filter(reduce(or_, windows, Q(pk=None)), lost_at=None)


def _pickups(branch: Branch | None, starts_on: date, ends_on: date) -> list[int]:
    ids = [branch.pk] if branch else list(Branch.objects.values_list("pk", flat=True))
    return deadlines.ready_until(ids, starts_on, ends_on)


def _moved(loan: Loan, calendar: Calendar, closure: ClosedRange, now: datetime) -> datetime:
    try:
        return moved_due_at(
            due=loan.due_at,
            start=loan.last_renewed_at or loan.checked_out_at,
            now=now,
            terms=Terms.from_json(loan.terms),
            calendar=calendar,
            closure=closure,
            card_expires_on=loan.reader.expires_on,
        )
    except NoOpenDay:
        return loan.due_at


def _tell_what_stays(closing: Closing, now: datetime) -> None:
    """Tell of the closed days those whose dates stay: what is ready for longer, or due on these days all the same.

    Written once for the same days, however often it is called.
    """
    if timezone.localdate(now) > closing.ends_on:
        return
    days = [closing.starts_on, closing.ends_on]
    branch_ids = [closing.branch_id] if closing.branch_id else list(Branch.objects.values_list("pk", flat=True))
    ready = Reservation.objects.filter(
        state=Reservation.State.READY, pickup_branch__in=branch_ids, pickup_until__gt=closing.ends_on
    )
    for reservation in ready.select_related("reader", "pickup_branch", "book").order_by("reader", "pk").iterator(STEP):
        if not closing.moved.filter(reservation=reservation).exists():
            _tell_closed(closing, reservation.reader, reservation.pickup_branch, reservation.book, reservation.uid, now)
    stay = _due(closing.branch, *days).filter(terms__due_on_closed="keep").in_full().order_by("reader", "pk")
    for loan in stay.iterator(STEP):
        _tell_closed(closing, loan.reader, loan.ruling_branch, loan.copy.book, loan.uid, now)


def _tell_closed(closing: Closing, reader: Reader, branch: Branch, book: Book, uid: UUID, now: datetime) -> None:
    line = ClosedLine(
        title=book.title,
        branch=branch.name,
        from_on=closing.starts_on.isoformat(),
        until_on=closing.ends_on.isoformat(),
        why=closing.reason,
    )
    key = f"{Event.BRANCH_CLOSED}:{uid}:{closing.starts_on}:{closing.ends_on}"
    enqueue(key=key, event=Event.BRANCH_CLOSED, reader=reader, data=line, now=now)


# --- Steps: each moves some, and says whether there was anything to look at ----------------------------------------


def _move_loans(closing: Closing, days: dict[int, Calendar], now: datetime) -> bool:
    due = _loans(closing.branch, closing.starts_on, closing.ends_on).filter(pk__gt=closing.loans_behind)
    pks = list(due.order_by("pk").values_list("pk", flat=True)[:STEP])
    if not pks:
        return False
    closure = ClosedRange(closing.starts_on, closing.ends_on)
    moves = []
    for loan in _locked(pks):
        moved = _moved(loan, days[loan.ruling_branch_id], closure, now)
        if loan.returned_at is None and not loan.lost_at and not loan.is_claimed_returned and moved != loan.due_at:
            moves.append((loan, loan.due_at, moved))
    _rewrite(closing, moves, now, by=closing.by, once=str(closing.uid))
    MovedDate.objects.bulk_create(
        [MovedDate(closing=closing, loan=loan, was_at=was, moved_to=moved) for loan, was, moved in moves]
    )
    closing.loans += len(moves)
    closing.loans_behind = pks[-1]
    return True


def _move_loans_back(closing: Closing, days: dict[int, Calendar], now: datetime) -> bool:
    rows = closing.moved.filter(loan__isnull=False, pk__gt=closing.loans_behind).order_by("pk")[:STEP]
    moved = {row.loan_id: row for row in rows if row.loan_id}
    if not moved:
        return False
    moves = []
    for loan in _locked(list(moved)):
        row = moved[loan.pk]
        if loan.returned_at is None and loan.lost_at is None and loan.due_at == row.moved_to and row.was_at > now:
            moves.append((loan, loan.due_at, row.was_at))
    _rewrite(closing, moves, now, by=closing.undone_by, once=f"{closing.uid}:undone")
    closing.loans_behind = max(row.pk for row in moved.values())
    return True


def _move_pickups(closing: Closing, days: dict[int, Calendar], now: datetime) -> bool:
    pks = [pk for pk in _pickups(closing.branch, closing.starts_on, closing.ends_on) if pk > closing.pickups_behind]
    if not pks:
        return False
    terms_of = TermsOf()
    _lock_books(pks[:STEP])
    for reservation in Reservation.objects.filter(pk__in=pks[:STEP]).in_full().order_by("pk"):
        calendar, former = days[reservation.pickup_branch_id], reservation.pickup_until
        to = deadlines.new_deadline(reservation, calendar, terms_of)
        if former and to and _keep_until(closing, reservation.pk, former, to, closing.by, now):
            MovedDate.objects.create(
                closing=closing,
                reservation=reservation,
                was_at=calendar.end_of_day(former),
                moved_to=calendar.end_of_day(to),
            )
            closing.pickups += 1
    closing.pickups_behind = pks[:STEP][-1]
    return True


def _move_pickups_back(closing: Closing, days: dict[int, Calendar], now: datetime) -> bool:
    rows = list(
        closing.moved.filter(reservation__isnull=False, pk__gt=closing.pickups_behind)
        .select_related("reservation")
        .order_by("pk")[:STEP]
    )
    _lock_books([row.reservation_id for row in rows if row.reservation_id])
    for row in rows:
        assert row.reservation is not None
        calendar = days[row.reservation.pickup_branch_id]
        if row.was_at > now:
            former, to = calendar.day_of(row.moved_to), calendar.day_of(row.was_at)
            _keep_until(closing, row.reservation.pk, former, to, closing.undone_by, now)
        closing.pickups_behind = row.pk
    return bool(rows)


def _keep_until(closing: Closing, reservation_id: int, former: date, to: date, by: User | None, now: datetime) -> bool:
    detail = {"closing": str(closing.uid)}
    return deadlines.move_deadline(
        reservation_id=reservation_id, former=former, to=to, by=by, now=now, detail=detail, why=closing.reason
    )


def _lock_books(reservation_ids: Sequence[int]) -> None:
    """All at once and in their order; `move_deadline` has them then."""
    books = Reservation.objects.filter(pk__in=reservation_ids).values("book")
    list(Book.objects.filter(pk__in=books).locked().values_list("pk"))


def _locked(loan_ids: list[int]) -> list[Loan]:
    """The loans `in_full()`, after their books, copies and readers."""
    loans = Loan.objects.filter(pk__in=loan_ids)
    list(Book.objects.filter(pk__in=loans.values("copy__book")).locked().values_list("pk"))
    list(Copy.objects.filter(pk__in=loans.values("copy")).locked().values_list("pk"))
    list(Reader.objects.filter(pk__in=loans.values("reader")).locked().values_list("pk"))
    return list(loans.in_full().locked())


def _rewrite(
    closing: Closing, moves: Sequence[tuple[Loan, datetime, datetime]], now: datetime, *, by: User | None, once: str
) -> None:
    """Write the new due dates, what the audit keeps of each, and the notices."""
    for loan, was, moved in moves:
        loan.due_at = moved
        if moved > now:
            loan.overdue_since = None
        detail = {"was_due_at": was, "due_at": moved, "closing": str(closing.uid)}
        audit.record(action="circulation.move_due_date", subject=loan, by=by, now=now, detail=detail)
    Loan.objects.bulk_update([loan for loan, _was, _moved in moves], ["due_at", "overdue_since"])
    enqueue_many(_drafts(closing, moves, once), now=now)


def _drafts(closing: Closing, moves: Sequence[tuple[Loan, datetime, datetime]], once: str) -> Iterator[Draft]:
    authors = authors_of({loan.copy.book_id for loan, _was, _moved in moves})
    for loan, _was, _moved in moves:
        yield Draft(
            key=f"{Event.DUE_DATE_MOVED}:{loan.uid}:{once}",
            event=Event.DUE_DATE_MOVED,
            reader=loan.reader,
            data=line_about(loan, authors=authors.get(loan.copy.book_id, ()), why=closing.reason),
        )
