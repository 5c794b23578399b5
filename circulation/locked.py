"""What the actions on loans share: locks, in their order, and the steps that several of them take under these locks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils.text import Truncator

import accounts.actions
from accounts.models import Reader, ReaderBlock, User
from catalog.models import Book, Contribution, Copy
from circulation import queries, rules
from circulation.charges import cancel_fine_of_loss, cancel_replacement, charge_lateness
from circulation.models import Loan, Reading
from circulation.rules import Happened, Reason
from library.core import audit
from library.core.errors import Refusal, Refused
from library.core.sql import Ready, update
from notifications.actions import enqueue
from notifications.letters import suspension_line
from notifications.models import Event
from policies.terms import Terms
from reservations.actions import Placement, clear_shelf, place_copy

SAME_SCAN = timedelta(hours=1)
"""A copy scanned again within this time of its return, or of a counted reading, is the same visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOutcome:
    """What a return did. Without a `loan` the copy was not out, and nothing but its status may have changed."""

    copy: Copy
    loan: Loan | None
    overdue_days: int
    """Days late, by the terms of the loan."""
    happenings: tuple[Happened, ...]
    """Everything to tell, in the documented order; none: the copy goes back to its shelf."""
    placement: Placement | None = None
    """Where the copy goes now; None: it is passed on to another reader, or not fit to go anywhere."""


# --- Locks, in their order -----------------------------------------------------------------------------------------

_NAMES = Contribution.objects.filter(book=OuterRef("pk"), role=Contribution.Role.AUTHOR).values("author__name")
_BOOK = Ready(lambda of: Book.objects.filter(copies=of("copy")).locked().only("uid", "title", "volume"))
_BOOK_WITH_AUTHORS = Ready(
    lambda of: (
        Book.objects.filter(copies=of("copy"))
        .locked()
        .only("uid", "title", "volume")
        .annotate(author_names=ArraySubquery(_NAMES))
    )
)
_COPY = Ready(lambda of: queries.copies_to_lend().filter(pk=of("copy")).locked())
_READERS = Ready(lambda of: queries.readers_to_lend_to().filter(pk__among=of("readers")).locked())
_READER = Ready(lambda of: Reader.objects.filter(pk=of("reader")).locked())
_BOOK_OF_LOAN = Ready(lambda of: Book.objects.filter(copies__loans=of("loan")).locked().only("pk"))
_COPY_OF_LOAN = Ready(lambda of: Copy.objects.filter(loans=of("loan")).locked().only("pk"))
_READER_OF_LOAN = Ready(lambda of: Reader.objects.filter(loans=of("loan")).locked().only("pk"))
_LOAN = Ready(lambda of: Loan.objects.filter(pk=of("loan"), reader__isnull=False).in_full().locked())


def lock_book(copy_id: int) -> Book | None:
    """The book of a copy, with what a line about a loan says of it."""
    return _BOOK.first(copy=copy_id)


def lock_book_with_authors(copy_id: int) -> tuple[Book | None, list[str]]:
    """The book of a copy; the names of its authors come along, to save the receipt a query."""
    book = _BOOK_WITH_AUTHORS.first(copy=copy_id)
    return (book, book.author_names) if book else (None, [])


def lock_copy(copy_id: int, book: Book | None) -> Copy | None:
    """The copy with its branch and the book locked before."""
    copy = _COPY.first(copy=copy_id)
    if copy and book and copy.book_id == book.pk:
        copy.book = book
    return copy


def lock_loan(loan_id: int) -> Loan:
    """A loan `in_full()` with its book, copy and reader. Raises Refused (`not_on_loan`)."""
    for lock in (_BOOK_OF_LOAN, _COPY_OF_LOAN, _READER_OF_LOAN):
        lock.rows(loan=loan_id)
    loan = _LOAN.first(loan=loan_id)
    if loan is None:
        raise Refused([Refusal(Reason.NOT_ON_LOAN)])
    return loan


def lock_readers(reader_ids: list[int]) -> dict[int, Reader]:
    return {reader.pk: reader for reader in _READERS.rows(readers=reader_ids)}


def lock_reader_of(loan: Loan) -> None:
    """The reader of an open loan."""
    (loan.reader,) = _READER.rows(reader=loan.reader_id)


# --- Parts of the actions, under their locks -----------------------------------------------------------------------

_OPEN_LOAN = Ready(lambda of: Loan.objects.open().filter(copy=of("copy")).select_related("branch"))


def open_loan_of(copy: Copy) -> Loan | None:
    """The loan that the copy is out on, with its branch."""
    loan = _OPEN_LOAN.first(copy=copy.pk)
    if loan:
        loan.copy = copy
    return loan


def last_returned_at(copy: Copy) -> datetime | None:
    """When the copy came back last; None: never, or it is out."""
    past = Loan.objects.filter(copy=copy, undone_at=None).order_by("-checked_out_at")
    return past.values_list("returned_at", flat=True).first()


def take_back(
    loan: Loan,
    copy: Copy,
    *,
    by: User | None,
    branch_id: int,
    returned_at: datetime,
    now: datetime,
    is_passed_on: bool = False,
    was_claim_wrong: bool = False,
) -> ReturnOutcome:
    """Close the loan, charge its lateness, suspend the reader if its terms say so, and tell what happened.

    Of a lost loan the lateness is charged already, unless the copy had truly come back before. A copy that the reader
    has rightly said to be back was back then, and in time.
    """
    fine = cancelled = rules.NOTHING
    days, suspended_until = 0, None
    claimed_at = loan.claimed_returned_at if loan.is_claimed_returned else None
    if claimed_at and not was_claim_wrong:
        returned_at = min(returned_at, claimed_at)
        if loan.lost_at:
            calendar = queries.calendar_for(loan)
            cancelled = cancel_replacement(loan, calendar, found_at=returned_at, by=by, now=now)
            cancel_fine_of_loss(loan, lost_at=loan.lost_at, by=by, now=now)
    elif loan.due_at < returned_at or loan.lost_at:
        calendar = queries.calendar_for(loan)
        days = queries.overdue_days(loan, calendar, until=loan.late_until(returned_at))
        suspended_until = rules.suspension_until(
            days, terms=Terms.from_json(loan.terms), returned_on=calendar.day_of(returned_at)
        )
        if suspended_until and suspended_until < calendar.day_of(now):
            suspended_until = None
        if loan.lost_at:
            cancelled = cancel_replacement(loan, calendar, found_at=returned_at, by=by, now=now)
        if loan.lost_at and returned_at < loan.lost_at:
            cancel_fine_of_loss(loan, lost_at=loan.lost_at, by=by, now=now)
        if not loan.lost_at or returned_at < loan.lost_at:
            fine = charge_lateness(loan, copy, days, by=by, now=now)
    loan.returned_at = max(returned_at, loan.checked_out_at)  # another desk's clock may be a moment ahead
    loan.returned_by, loan.return_branch_id = by, branch_id
    update(loan, "returned_at", "returned_by", "return_branch")
    detail: dict[str, Any] = {"returned_at": returned_at, "overdue_days": days} | ({"fine": fine} if fine else {})
    if claimed_at:
        detail["claim_was_right"] = not was_claim_wrong
    audit.record(action="circulation.return", subject=loan, by=by, now=now, detail=detail)
    if suspended_until:
        accounts.actions.block(
            reader_id=loan.reader.pk,
            kind=ReaderBlock.Kind.SUSPENSION,
            reason=Truncator(f"{copy.inventory_number} · {copy.book}").chars(300),
            starts_on=calendar.day_of(returned_at),
            ends_on=suspended_until,
            by=by,
            now=now,
        )
        enqueue(
            key=f"{Event.SUSPENSION}:{loan.uid}",
            event=Event.SUSPENSION,
            reader=loan.reader,
            data=suspension_line(title=copy.book.title, until_on=suspended_until),
            now=now,
        )
    status = copy.status
    placement = None if is_passed_on else _place(copy, branch_id=branch_id, by=by, now=now)
    facts = rules.ReturnFacts(
        was_on_loan=True,
        copy_status=status,
        home_branch=copy.branch.name,
        is_at_home=is_passed_on or _stays(copy, placement, branch_id),
        kept_for=_kept_for(placement),
        claimed_at=claimed_at and claimed_at.astimezone(loan.ruling_branch.zone),
        was_claim_right=not was_claim_wrong,
        cancelled=cancelled,
        fine=fine,
        suspended_until=suspended_until,
    )
    return ReturnOutcome(
        copy=copy,
        loan=loan,
        overdue_days=days,
        happenings=rules.return_happenings(facts),
        placement=placement,
    )


def put_back(copy: Copy, *, by: User | None, branch_id: int, now: datetime, was_read: bool) -> ReturnOutcome:
    """A copy that was not out was found, or read in the library, or has just been returned."""
    came_back_at = last_returned_at(copy)
    status = copy.status
    clear_shelf(copy, now=now)
    placement = _place(copy, branch_id=branch_id, by=by, now=now)
    if status == Copy.Status.LOST:
        audit.record(action="circulation.find", subject=copy, by=by, now=now)
    is_shelved = status == Copy.Status.AVAILABLE and not (placement and placement.reservation)
    is_reading = was_read or (is_shelved and not (came_back_at and came_back_at > now - SAME_SCAN))
    if is_reading := is_reading and not Reading.objects.filter(copy=copy, at__gt=now - SAME_SCAN).exists():
        Reading.objects.create(copy=copy, branch_id=branch_id, at=now, by=by)
    facts = rules.ReturnFacts(
        was_on_loan=False,
        is_reading_counted=is_reading,
        last_returned_at=came_back_at and came_back_at.astimezone(copy.branch.zone),
        copy_status=status,
        home_branch=copy.branch.name,
        is_at_home=_stays(copy, placement, branch_id),
        kept_for=_kept_for(placement),
    )
    return ReturnOutcome(
        copy=copy,
        loan=None,
        overdue_days=0,
        happenings=rules.return_happenings(facts),
        placement=placement,
    )


def _place(copy: Copy, *, branch_id: int, by: User | None, now: datetime) -> Placement | None:
    """Where the copy goes from here; None: nowhere, it is withdrawn, damaged or on order."""
    if copy.status in (Copy.Status.WITHDRAWN, Copy.Status.DAMAGED, Copy.Status.ON_ORDER):
        return None
    return place_copy(copy, branch_id=branch_id, by=by, now=now)


def _stays(copy: Copy, placement: Placement | None, branch_id: int) -> bool:
    """Whether the copy need not go home."""
    return copy.branch_id == branch_id or bool(placement and placement.reservation)


def _kept_for(placement: Placement | None) -> rules.KeptFor | None:
    if not (placement and (reservation := placement.reservation)):
        return None
    return rules.KeptFor(
        reader=reservation.reader.full_name,
        card=reservation.reader.card_number,
        branch=reservation.pickup_branch.name,
        until=reservation.pickup_until,
    )


def set_status(copy: Copy, status: Copy.Status) -> None:
    """Write how the copy stands, if that is new."""
    if copy.status != status:
        copy.status = status
        update(copy, "status")
