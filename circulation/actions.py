"""Check out, renew, return, declare lost: the only place where loans are written.

Each action locks Book, Copy and Reader, always in that order, reads the facts, asks the rules, and then writes
everything in one commit or raises: `Refused` with every reason at once, `Invalid` for what makes no sense, `Busy` when
somebody else holds the rows for too long. The locks make the facts stay true until the commit (docs/adr/).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.utils.text import Truncator
from django.utils.translation import gettext as _

import accounts.actions
from accounts.models import Reader, ReaderBlock, User
from catalog.models import Book, Contribution, Copy
from circulation import queries, rules
from circulation.charges import cancel_fine_of_loss, cancel_replacement, charge_lateness, charge_loss
from circulation.letters import line_about
from circulation.models import Loan
from circulation.rules import Happened, Reason
from library.core import audit
from library.core.errors import Invalid, Refusal, Refused
from library.core.models import AuditEntry
from library.core.overriding import settle, trace
from library.core.transactions import one_commit
from notifications.actions import enqueue
from notifications.models import Event
from policies.terms import Terms
from reservations.actions import Placement, clear_shelf, lend_claimed, place_copy

IN_HOUSE_USE = "circulation.in_house_use"
"""The audit action that counts a reading in the library: its entries about copies are the statistics."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutOutcome:
    """A new loan, and what else was done for it."""

    loan: Loan
    overridden: tuple[Refusal, ...]
    """Reasons against it that staff overrode."""
    returned: ReturnOutcome | None
    """The return of the copy from another reader, by override."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalOutcome:
    """A renewed loan with its new due date."""

    loan: Loan
    overridden: tuple[Refusal, ...]
    """Reasons against it that staff overrode."""
    fine: Decimal
    """What the lateness until now was charged with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOutcome:
    """A loan declared lost, and what the reader was charged with."""

    loan: Loan
    charges: rules.LossCharges


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutPreview:
    """What a check-out would come to, had it been tried now."""

    refusals: tuple[Refusal, ...]
    due_at: datetime | None
    """When the loan would be due; None when reader or copy is unknown."""
    terms: Terms | None


def check_out(
    *,
    copy_id: int,
    reader_id: int,
    by: User | None,
    branch_id: int,
    now: datetime,
    overrides: Collection[Reason] = frozenset(),
    note: str = "",
) -> CheckoutOutcome:
    """Lend a copy to a reader at the desk of `branch_id`.

    `overrides` are reasons that `by` sets aside: each needs its permission, and together they need a `note`. A lost
    copy lent by override is found; one that is on loan to another reader is returned first. Raises Refused with all
    reasons left, Invalid (`note`, `branch`), Busy.
    """
    with one_commit():
        book, authors = _lock_book_with_authors(copy_id)
        copy = _lock_copy(copy_id, book)
        previous = _open_loan_of(copy) if copy and Reason.LOANED_TO_ANOTHER in overrides else None
        reader = _lock_readers([reader_id, *([previous.reader_id] if previous else [])]).get(reader_id)
        facts = queries.checkout_facts(copy=copy, reader=reader, branch_id=branch_id, now=now)
        overridden = settle(rules.checkout_refusals(facts), by=by, overrides=overrides, note=note)
        if not (copy and reader and facts.terms and facts.due_at):
            raise AssertionError("the rules refuse an unknown copy or reader")

        returned = None
        if previous:
            returned = _take_back(
                previous, copy, by=by, branch_id=branch_id, returned_at=now, now=now, is_passed_on=True
            )
        loan = Loan.objects.create(
            copy=copy,
            reader=reader,
            branch_id=branch_id,
            checked_out_at=now,
            checked_out_by=by,
            due_at=facts.due_at,
            terms=facts.terms.as_json(),
        )
        if facts.claims.has_queue or copy.status == Copy.Status.IN_TRANSIT:
            lend_claimed(copy, reader_id=reader.pk, branch_id=branch_id, by=by, now=now)
        _set_status(copy, Copy.Status.LOANED)
        limits = [limit.as_json() for limit in facts.limits]
        detail = {"due_at": loan.due_at, "limits": limits, **trace(overridden, note)}
        audit.record(action="circulation.check_out", subject=loan, by=by, now=now, detail=detail)
        enqueue(
            key=f"{Event.LOAN_RECEIPT}:{loan.uid}",
            event=Event.LOAN_RECEIPT,
            reader=reader,
            data=line_about(loan, authors=authors),
            now=now,
        )
        return CheckoutOutcome(loan=loan, overridden=overridden, returned=returned)


def preview_check_out(*, copy_id: int, reader_id: int, branch_id: int, now: datetime) -> CheckoutPreview:
    """Whether, and until when, a check-out would be allowed: «why not?» before the click. Locks and writes nothing."""
    facts = queries.checkout_facts(
        copy=queries.copies_to_lend().filter(pk=copy_id).first(),
        reader=queries.readers_to_lend_to().filter(pk=reader_id).first(),
        branch_id=branch_id,
        now=now,
    )
    return CheckoutPreview(refusals=rules.checkout_refusals(facts), due_at=facts.due_at, terms=facts.terms)


def renew(
    *, loan_id: int, by: User | None, now: datetime, overrides: Collection[Reason] = frozenset(), note: str = ""
) -> RenewalOutcome:
    """Extend a loan by the terms fixed at its check-out; `by` is staff, the reader, or None for the library itself.

    The lateness up to now is charged first: it counts anew from the new due date. Raises Refused with all reasons left,
    Invalid (`note`), Busy.
    """
    with one_commit():
        loan = _lock_loan(loan_id)
        facts = queries.renewal_facts(loan, now=now)
        overridden = settle(rules.renewal_refusals(facts), by=by, overrides=overrides, note=note)

        fine = rules.NOTHING
        if loan.due_at < now:
            days = queries.overdue_days(loan, queries.calendar_for(loan), until=now)
            fine = charge_lateness(loan, loan.copy, days, by=by, now=now)
        detail = {"due_at": facts.new_due_at, "was_due_at": loan.due_at, **trace(overridden, note)}
        loan.due_at = facts.new_due_at
        loan.renewals += 1
        loan.last_renewed_at = now
        loan.overdue_since = None
        loan.save(update_fields=["due_at", "renewals", "last_renewed_at", "overdue_since"])
        audit.record(action="circulation.renew", subject=loan, by=by, now=now, detail=detail)
        return RenewalOutcome(loan=loan, overridden=overridden, fine=fine)


def declare_lost(*, loan_id: int, by: User | None, now: datetime, note: str = "") -> LossOutcome:
    """Give up a copy that does not come back: the reader is charged, the loan stays open for the record.

    Charged are the lateness until now, the replacement and the processing, by the terms of the loan. Returning the copy
    finds it. `by` None: the library itself. Raises Refused (`not_on_loan`, `copy_lost`), Busy.
    """
    with one_commit():
        loan = _lock_loan(loan_id)
        if loan.returned_at:
            raise Refused([Refusal(Reason.NOT_ON_LOAN)])
        if loan.lost_at:
            raise Refused([Refusal(Reason.COPY_LOST)])
        charges = charge_loss(loan, by=by, now=now)
        loan.lost_at = now
        loan.save(update_fields=["lost_at"])
        if loan.copy.status == Copy.Status.LOANED:
            _set_status(loan.copy, Copy.Status.LOST)
        detail = {"charged": charges.total} | ({"note": note.strip()} if note.strip() else {})
        audit.record(action="circulation.declare_lost", subject=loan, by=by, now=now, detail=detail)
        return LossOutcome(loan=loan, charges=charges)


def return_copy(
    *, copy_id: int, by: User | None, branch_id: int, now: datetime, returned_at: datetime | None = None
) -> ReturnOutcome:
    """Take a copy back at the desk of `branch_id`; never refuses a known copy, and a second time does no harm.

    `returned_at` is when it truly came back (the book drop), between its check-out and now: lateness follows it.
    Raises Refused (`copy_unknown`), Invalid (`returned_at`), Busy.
    """
    returned_at = returned_at or now
    if returned_at > now:
        raise Invalid({"returned_at": [_("A copy cannot come back in the future. Check the date.")]})
    with one_commit():
        copy = _lock_copy(copy_id, _lock_book(copies=copy_id))
        if copy is None:
            raise Refused([Refusal(Reason.COPY_UNKNOWN)])
        loan = _open_loan_of(copy)
        if loan is None:
            outcome = _put_back(copy, by=by, branch_id=branch_id, now=now)
        elif returned_at < min(now, loan.checked_out_at):
            raise Invalid({"returned_at": [_("The copy was lent later than that. Check the date.")]})
        else:
            Reader.objects.filter(pk=loan.reader_id).locked().only("pk").first()
            outcome = _take_back(loan, copy, by=by, branch_id=branch_id, returned_at=returned_at, now=now)
        return outcome


# --- Locks, in their order -----------------------------------------------------------------------------------------


def _lock_book(**of: int) -> Book | None:
    """The book of a copy or loan, with nothing but its title."""
    return Book.objects.filter(**of).locked().only("title").first()


def _lock_book_with_authors(copy_id: int) -> tuple[Book | None, list[str]]:
    """The book of a copy; the names of its authors come along, to save the receipt a query."""
    names = Contribution.objects.filter(book=OuterRef("pk"), role=Contribution.Role.AUTHOR).values("author__name")
    books = Book.objects.filter(copies=copy_id).locked().only("title").annotate(author_names=ArraySubquery(names))
    book = books.first()
    return (book, book.author_names) if book else (None, [])


def _lock_copy(copy_id: int, book: Book | None) -> Copy | None:
    """The copy with its branch and the book locked before."""
    copy = queries.copies_to_lend().filter(pk=copy_id).locked().first()
    if copy and book and copy.book_id == book.pk:
        copy.book = book
    return copy


def _lock_loan(loan_id: int) -> Loan:
    """A loan `in_full()` with its book, copy and reader. Raises Refused (`not_on_loan`)."""
    _lock_book(copies__loans=loan_id)
    Copy.objects.filter(loans=loan_id).locked().only("pk").first()
    Reader.objects.filter(loans=loan_id).locked().only("pk").first()
    loan = Loan.objects.filter(pk=loan_id).in_full().locked().first()
    if loan is None:
        raise Refused([Refusal(Reason.NOT_ON_LOAN)])
    return loan


def _lock_readers(reader_ids: Collection[int]) -> dict[int, Reader]:
    return {reader.pk: reader for reader in queries.readers_to_lend_to().filter(pk__in=reader_ids).locked()}


# --- Parts of the actions, under their locks -----------------------------------------------------------------------


def _open_loan_of(copy: Copy) -> Loan | None:
    loan = Loan.objects.open().filter(copy=copy).select_related("reader", "branch").first()
    if loan:
        loan.copy = copy
    return loan


def _take_back(
    loan: Loan,
    copy: Copy,
    *,
    by: User | None,
    branch_id: int,
    returned_at: datetime,
    now: datetime,
    is_passed_on: bool = False,
) -> ReturnOutcome:
    """Close the loan, charge its lateness, suspend the reader if its terms say so, and tell what happened.

    Of a lost loan the lateness is charged already, unless the copy had truly come back before.
    """
    fine = cancelled = rules.NOTHING
    days, suspended_until = 0, None
    if loan.due_at < returned_at or loan.lost_at:
        calendar = queries.calendar_for(loan)
        days = queries.overdue_days(loan, calendar, until=min(returned_at, loan.lost_at or returned_at))
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
    loan.save(update_fields=["returned_at", "returned_by", "return_branch"])
    detail: dict[str, Any] = {"returned_at": returned_at, "overdue_days": days} | ({"fine": fine} if fine else {})
    audit.record(action="circulation.return", subject=loan, by=by, now=now, detail=detail)
    if suspended_until:
        accounts.actions.block(
            reader_id=loan.reader_id,
            kind=ReaderBlock.Kind.SUSPENSION,
            reason=Truncator(f"{copy.inventory_number} · {copy.book}").chars(300),
            starts_on=calendar.day_of(returned_at),
            ends_on=suspended_until,
            by=by,
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


def _put_back(copy: Copy, *, by: User | None, branch_id: int, now: datetime) -> ReturnOutcome:
    """A copy that was not out was found, or read in the library, or has just been returned."""
    last_returned_at = (
        Loan.objects.filter(copy=copy).order_by("-checked_out_at").values_list("returned_at", flat=True).first()
    )
    status = copy.status
    clear_shelf(copy, now=now)
    placement = _place(copy, branch_id=branch_id, by=by, now=now)
    facts = rules.ReturnFacts(
        was_on_loan=False,
        last_returned_at=last_returned_at and last_returned_at.astimezone(copy.branch.zone),
        copy_status=status,
        home_branch=copy.branch.name,
        is_at_home=_stays(copy, placement, branch_id),
        kept_for=_kept_for(placement),
    )
    if status == Copy.Status.LOST:
        audit.record(action="circulation.find", subject=copy, by=by, now=now)
    elif (
        status == Copy.Status.AVAILABLE
        and not (placement and placement.reservation)
        and not _is_same_visit(copy, last_returned_at, now)
    ):
        audit.record(action=IN_HOUSE_USE, subject=copy, by=by, now=now)
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


def _is_same_visit(copy: Copy, last_returned_at: datetime | None, now: datetime) -> bool:
    """Whether the copy was returned, or its reading counted, a moment ago."""
    since = now - SAME_SCAN
    if last_returned_at and last_returned_at > since:
        return True
    return AuditEntry.objects.filter(
        subject_type=copy._meta.label_lower, subject_id=copy.pk, action=IN_HOUSE_USE, at__gt=since
    ).exists()


def _set_status(copy: Copy, status: Copy.Status) -> None:
    if copy.status != status:
        copy.status = status
        copy.save(update_fields=["status"])
