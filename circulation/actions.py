"""Check out, renew, return, declare lost: here and in the modules beside loans are written, and nowhere else.

Each action locks Book, Copy and Reader, always in that order, reads the facts, asks the rules, and then writes
everything in one commit or raises: `Refused` with every reason at once, `Invalid` for what makes no sense, `Busy` when
somebody else holds the rows for too long. The locks make the facts stay true until the commit (docs/adr/).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import User
from catalog.models import Copy
from circulation import queries, rules
from circulation.charges import charge_lateness, charge_loss
from circulation.letters import line_about
from circulation.locked import (
    ReturnOutcome,
    last_returned_at,
    lock_book,
    lock_book_with_authors,
    lock_copy,
    lock_loan,
    lock_reader_of,
    lock_readers,
    open_loan_of,
    put_back,
    set_status,
    take_back,
)
from circulation.models import Loan
from circulation.rules import Reason
from library.core import audit
from library.core.errors import Invalid, Refusal, Refused
from library.core.overriding import settle, trace
from library.core.sql import insert, update
from library.core.transactions import one_commit
from notifications.actions import enqueue
from notifications.models import Event
from policies.terms import Terms
from reservations.actions import lend_claimed


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
    checked_out_at: datetime | None = None,
) -> CheckoutOutcome:
    """Lend a copy to a reader at the desk of `branch_id`.

    `overrides` are reasons that `by` sets aside: each needs its permission, and together they need a `note`. A lost
    copy lent by override is found; one that is on loan to another reader is returned first. `checked_out_at` is when it
    was truly lent, at a desk without a connection: rules and due date are those of that instant, which is never before
    the copy last came back. Raises Refused with all reasons left, Invalid (`note`, `branch`, `checked_out_at`), Busy.
    """
    lent_at = checked_out_at or now
    if lent_at > now:
        raise Invalid({"checked_out_at": [_("A copy cannot be lent in the future. Check the clock.")]})
    with one_commit():
        book, authors = lock_book_with_authors(copy_id)
        copy = lock_copy(copy_id, book)
        previous = open_loan_of(copy) if copy and Reason.LOANED_TO_ANOTHER in overrides else None
        holders = [previous.reader_id] if previous and previous.reader_id else []
        reader = lock_readers([reader_id, *holders]).get(reader_id)
        if copy and lent_at < now:
            lent_at = max(lent_at, last_returned_at(copy) or lent_at)
        facts = queries.checkout_facts(copy=copy, reader=reader, branch_id=branch_id, now=lent_at)
        overridden = settle(rules.checkout_refusals(facts), by=by, overrides=overrides, note=note)
        if not (copy and reader and facts.terms and facts.due_at):
            raise AssertionError("the rules refuse an unknown copy or reader")

        returned = None
        if previous:
            returned = take_back(
                previous, copy, by=by, branch_id=branch_id, returned_at=now, now=now, is_passed_on=True
            )
        loan = Loan(
            copy=copy,
            reader=reader,
            branch_id=branch_id,
            checked_out_at=lent_at,
            checked_out_by=by,
            due_at=facts.due_at,
            terms=facts.terms.as_json(),
        )
        insert(loan)
        if facts.claims.has_queue or copy.status == Copy.Status.IN_TRANSIT:
            lend_claimed(copy, reader_id=reader.pk, branch_id=branch_id, by=by, now=now)
        set_status(copy, Copy.Status.LOANED)
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
        loan = lock_loan(loan_id)
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
        update(loan, "due_at", "renewals", "last_renewed_at", "overdue_since")
        audit.record(action="circulation.renew", subject=loan, by=by, now=now, detail=detail)
        return RenewalOutcome(loan=loan, overridden=overridden, fine=fine)


def declare_lost(*, loan_id: int, by: User | None, now: datetime, note: str = "") -> LossOutcome:
    """Give up a copy that does not come back: the reader is charged, the loan stays open for the record.

    Charged are the lateness until now, the replacement and the processing, by the terms of the loan. Returning the copy
    finds it. `by` None: the library itself. Raises Refused (`not_on_loan`, `copy_lost`), Busy.
    """
    with one_commit():
        loan = lock_loan(loan_id)
        if loan.returned_at:
            raise Refused([Refusal(Reason.NOT_ON_LOAN)])
        if loan.lost_at:
            raise Refused([Refusal(Reason.COPY_LOST)])
        charges = charge_loss(loan, by=by, now=now)
        loan.lost_at = now
        update(loan, "lost_at")
        if loan.copy.status == Copy.Status.LOANED:
            set_status(loan.copy, Copy.Status.LOST)
        detail = {"charged": charges.total} | ({"note": note.strip()} if note.strip() else {})
        audit.record(action="circulation.declare_lost", subject=loan, by=by, now=now, detail=detail)
        return LossOutcome(loan=loan, charges=charges)


def return_copy(
    *,
    copy_id: int,
    by: User | None,
    branch_id: int,
    now: datetime,
    returned_at: datetime | None = None,
    was_read: bool = False,
    was_claim_wrong: bool = False,
) -> ReturnOutcome:
    """Take a copy back at the desk of `branch_id`; never refuses a known copy, and a second time does no harm.

    `returned_at` is when it truly came back (the book drop), between its check-out and now: lateness follows it.
    `was_read`: it lay in the reading room, so a reading is counted unless it was on loan. Where the reader had said
    that it is back, the loan ends at that moment and costs nothing, but with `was_claim_wrong` (the reader brings it)
    its lateness until then. Raises Refused (`copy_unknown`), Invalid (`returned_at`), Busy.
    """
    returned_at = returned_at or now
    if returned_at > now:
        raise Invalid({"returned_at": [_("A copy cannot come back in the future. Check the date.")]})
    with one_commit():
        copy = lock_copy(copy_id, lock_book(copy_id))
        if copy is None:
            raise Refused([Refusal(Reason.COPY_UNKNOWN)])
        loan = open_loan_of(copy)
        if loan is None:
            outcome = put_back(copy, by=by, branch_id=branch_id, now=now, was_read=was_read)
        elif returned_at < min(now, loan.checked_out_at):
            raise Invalid({"returned_at": [_("The copy was lent later than that. Check the date.")]})
        else:
            lock_reader_of(loan)
            outcome = take_back(
                loan,
                copy,
                by=by,
                branch_id=branch_id,
                returned_at=returned_at,
                now=now,
                was_claim_wrong=was_claim_wrong,
            )
        return outcome
