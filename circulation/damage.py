"""Damage of a copy, at its return or found later, and its repair."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

import reservations.actions
from accounts.models import User
from cashdesk.models import Entry
from catalog.models import Copy
from circulation.charges import charge_damage
from circulation.locked import ReturnOutcome, lock_book, lock_copy, lock_reader_of, open_loan_of, set_status, take_back
from circulation.models import Loan
from circulation.rules import MAX_DAMAGE, Reason, repair_refusals
from library.core import audit
from library.core.errors import Invalid, Refusal, Refused
from library.core.transactions import one_commit
from reservations.actions import Placement, place_copy

SET_ASIDE = (Copy.Status.ON_HOLD_SHELF, Copy.Status.IN_TRANSIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageOutcome:
    """A copy that waits for repair now."""

    copy: Copy
    returned: ReturnOutcome | None
    """Its return, where it was on loan."""
    charge: Entry | None
    """What its last reader was charged with."""


def record_damage(
    *,
    copy_id: int,
    note: str,
    by: User,
    branch_id: int,
    now: datetime,
    amount: Decimal | None = None,
    loan_id: int | None = None,
    uid: UUID | None = None,
) -> DamageOutcome:
    """Put a copy aside as damaged, with a note; `amount` is charged to the reader of `loan_id`, a loan of this copy.

    A copy on loan is returned first, with its fine, and kept for nobody. A reader for whom it was set aside is first in
    the queue again. `uid` makes the charge repeatable. Raises Refused (`copy_unknown`, `copy_withdrawn`),
    Invalid (`note`, `amount`, `loan`), Busy.
    """
    if not note.strip() or len(note.strip()) > MAX_DAMAGE:
        raise Invalid({"note": [_("Say in %(count)d characters what is damaged.") % {"count": MAX_DAMAGE}]})
    with one_commit():
        copy = _locked(copy_id)
        if copy.status == Copy.Status.WITHDRAWN:
            raise Refused([Refusal(Reason.COPY_WITHDRAWN)])
        loans = Loan.objects.filter(copy=copy, reader__isnull=False).select_related("branch")
        charged = loans.filter(pk=loan_id).first() if loan_id else None
        if amount and charged is None:
            raise Invalid({"loan": [_("Choose the loan whose reader pays.")]})
        out, returned = open_loan_of(copy), None
        if out:
            lock_reader_of(out)
            returned = take_back(out, copy, by=by, branch_id=branch_id, returned_at=now, now=now, is_passed_on=True)
        elif copy.status in SET_ASIDE:
            reservations.actions.release(copy_id=copy.pk, status=Copy.Status.DAMAGED, why=note, by=by, now=now)
            copy.status = Copy.Status.DAMAGED
        set_status(copy, Copy.Status.DAMAGED)
        entry = None
        if amount and charged:
            charged.copy = copy
            reason = _("Damaged: %(note)s") % {"note": note.strip()}
            entry = charge_damage(charged, copy, amount, reason, by=by, now=now, uid=uid)
        detail = {"note": note.strip()}
        if entry:
            detail |= {"charged": str(entry.amount), "entry": str(entry.uid)}
        audit.record(action="circulation.record_damage", subject=copy, by=by, now=now, detail=detail)
        return DamageOutcome(copy=copy, returned=returned, charge=entry)


def repair(*, copy_id: int, by: User, branch_id: int, now: datetime, note: str = "") -> Placement:
    """A damaged copy is whole again at a branch: whose turn it is gets it, else it goes home or to its shelf.

    Raises Refused (`copy_unknown`, `copy_not_damaged`), Busy.
    """
    with one_commit():
        copy = _locked(copy_id)
        if refusals := repair_refusals(copy.status):
            raise Refused(refusals)
        detail = {"note": note.strip()} if note.strip() else {}
        audit.record(action="circulation.repair", subject=copy, by=by, now=now, detail=detail)
        set_status(copy, Copy.Status.AVAILABLE)
        return place_copy(copy, branch_id=branch_id, by=by, now=now)


def _locked(copy_id: int) -> Copy:
    copy = lock_copy(copy_id, lock_book(copy_id))
    if copy is None:
        raise Refused([Refusal(Reason.COPY_UNKNOWN)])
    return copy
