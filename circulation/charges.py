"""What a loan costs its reader: lateness, loss, and what is cancelled when the copy is found.

Parts of the actions, under their locks: Book, Copy, Reader and Loan are the caller's.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

import cashdesk.actions
from accounts.models import User
from cashdesk.models import Entry, Kind
from cashdesk.queries import charges_of_loan, covers_of, paid_for
from catalog.models import Copy
from circulation import queries, rules
from circulation.models import Loan
from circulation.rules import NOTHING, LossCharges
from policies.calendar import Calendar
from policies.terms import Terms

JOB = "circulation"
"""Who charges where nobody did it by hand."""


def charge_lateness(loan: Loan, copy: Copy, days: int, *, by: User | None, now: datetime) -> Decimal:
    """Charge so many overdue days of a loan; what they came to."""
    if fine := queries.fine_for(loan, copy, days):
        _charge(loan, copy, Kind.OVERDUE, fine, by=by, now=now, overdue_days=days)
    return fine


def charge_loss(loan: Loan, *, by: User | None, now: datetime) -> LossCharges:
    """Charge the lateness so far, the replacement and the work of it. The loan comes `in_full()`."""
    charges = queries.loss_charges(loan, now=now)
    if charges.fine:
        _charge(loan, loan.copy, Kind.OVERDUE, charges.fine, by=by, now=now, overdue_days=charges.overdue_days)
    if charges.replacement:
        _charge(loan, loan.copy, Kind.REPLACEMENT, charges.replacement, by=by, now=now)
    if charges.processing:
        _charge(loan, loan.copy, Kind.PROCESSING, charges.processing, by=by, now=now)
    return charges


def charge_damage(
    loan: Loan, copy: Copy, amount: Decimal, reason: str, *, by: User, now: datetime, uid: UUID | None
) -> Entry:
    """Charge the reader of a loan for damage; the second time with the same `uid` changes nothing."""
    return _charge(loan, copy, Kind.MANUAL, amount, by=by, now=now, reason=reason, uid=uid)


def cancel_replacement(
    loan: Loan, calendar: Calendar, *, found_at: datetime, by: User | None, now: datetime
) -> Decimal:
    """Cancel what the terms cancel of the replacement of a copy that is found; how much that was."""
    charge = charges_of_loan(loan.uid, Kind.REPLACEMENT).filter(reversal__isnull=True).first()
    if charge is None:
        return NOTHING
    amount = rules.replacement_to_cancel(
        left=charge.left,
        paid=[(calendar.day_of(paid.at), paid.amount) for paid in paid_for(charge.pk)],
        found_on=calendar.day_of(found_at),
        terms=Terms.from_json(loan.terms),
    )
    if amount:
        _reverse(charge, amount, _("The copy is found."), by=by, now=now)
    return amount


def cancel_fine_of_loss(loan: Loan, *, lost_at: datetime, by: User | None, now: datetime) -> None:
    """Cancel the fine written when the copy was declared lost: it had come back before."""
    for charge in charges_of_loan(loan.uid, Kind.OVERDUE).filter(reversal__isnull=True, at=lost_at):
        _reverse(charge, None, _("The copy came back earlier."), by=by, now=now)


def cancel_fines_of(loan: Loan, *, at: datetime, reason: str, by: User, now: datetime) -> Decimal:
    """Cancel the fines written in the action of `at`, which is undone; how much that was. What was waived stays so."""
    cancelled = NOTHING
    for charge in charges_of_loan(loan.uid, Kind.OVERDUE).filter(reversal__isnull=True, at=at):
        waived = sum((cover.amount for cover in covers_of(charge) if cover.is_waiver), NOTHING)
        if waived < charge.amount:
            _reverse(charge, None, reason, by=by, now=now)
            cancelled += charge.amount - waived
    return cancelled


def has_cancelled(loan: Loan, *, at: datetime) -> bool:
    """Whether the action of `at`, which found a lost copy, cancelled what the loss had cost."""
    return Entry.objects.filter(loan_uid=loan.uid, kind=Kind.CHARGE_REVERSAL, at=at).exists()


def _charge(
    loan: Loan,
    copy: Copy,
    kind: Kind,
    amount: Decimal,
    *,
    by: User | None,
    now: datetime,
    **more: Any,
) -> Entry:
    return cashdesk.actions.charge(
        reader_id=loan.reader.pk,
        kind=kind,
        amount=amount,
        branch_id=loan.ruling_branch_id,
        by=by,
        job=JOB,
        now=now,
        copy_id=copy.pk,
        loan_uid=loan.uid,
        **more,
    )


def _reverse(charge: Entry, amount: Decimal | None, reason: str, *, by: User | None, now: datetime) -> None:
    cashdesk.actions.reverse(
        entry_uid=charge.uid, amount=amount, reason=reason, branch_id=charge.branch_id, by=by, job=JOB, now=now
    )
