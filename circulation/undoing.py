"""Undo the last step of a loan by its counter-action: everything the step wrote is taken back, and nothing is deleted.

Locks, in their order, are those of `circulation.locked`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

import accounts.actions
import reservations.undoing
from accounts.models import User
from catalog.models import Copy
from circulation import queries
from circulation.charges import cancel_fines_of, has_cancelled
from circulation.locked import lock_loan, set_status
from circulation.models import Loan
from circulation.rules import NOTHING, Reason, checkout_refusals
from circulation.undo_rules import Step, UndoFacts, UndoReason, standing, undo_refusals
from library.core import audit
from library.core.errors import Refusal, Refused
from library.core.models import AuditEntry
from library.core.transactions import one_commit
from notifications.actions import withdraw
from notifications.models import Event
from reservations.actions import Placement, place_copy

UNDO_OF_OTHERS = "circulation.undo_steps_of_others"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoOutcome:
    """A step undone, and what came of it."""

    step: Step
    loan: Loan
    cancelled: Decimal = NOTHING
    """Fines of the step that are cancelled; what had been paid of them is the reader's credit."""
    placement: Placement | None = None
    """Where the copy goes whose check-out is undone."""
    is_told: bool = False
    """Whether the receipt of the check-out has left already."""


def undo(*, loan_id: int, step: Step, by: User, branch_id: int, now: datetime) -> UndoOutcome:
    """Undo the last step of a loan, which must be `step`, at the desk of `branch_id`.

    A check-out: the loan is over as if it had not been, the copy goes where it is wanted, a reservation that it had
    collected stands again. A renewal: the loan is due as before. A return: the loan goes on by its terms; who the copy
    was set aside for waits again, a suspension is lifted. Fines of the step are reversed, notices that have not left
    are withdrawn; a copy that the return had found is lost again. Raises Refused with every reason, Busy.
    """
    with one_commit():
        loan = lock_loan(loan_id)
        entry = _last_entry(loan)
        if entry is None or entry.action != f"circulation.{step}":
            raise Refused([Refusal(UndoReason.NOT_THE_LAST_STEP)])
        aside = reservations.undoing.since_return(loan.copy, at=entry.at) if step is Step.RETURN else None
        refusals = undo_refusals(
            UndoFacts(
                is_last=True,
                is_own=entry.actor_id == by.pk or by.has_perm(UNDO_OF_OTHERS),
                done_at=entry.at,
                now=now,
                was_lost=step is Step.RETURN and loan.lost_at is not None and has_cancelled(loan, at=entry.at),
                is_lent_since=step is Step.RETURN and loan.copy.loans.filter(pk__gt=loan.pk, undone_at=None).exists(),
                has_moved_since=aside is not None and aside.has_moved,
                told=aside.keeper.reader.full_name if aside and aside.keeper and aside.is_told else "",
            )
        )
        if step is Step.RETURN:
            refusals += _limits_reached(loan, branch_id=branch_id, now=now)
        if refusals:
            raise Refused(refusals)
        match step:
            case Step.CHECK_OUT:
                outcome = _undo_check_out(loan, entry, by=by, branch_id=branch_id, now=now)
            case Step.RENEW:
                outcome = _undo_renewal(loan, entry, by=by, now=now)
            case Step.RETURN:
                if aside:
                    reservations.undoing.give_back(aside, by=by, now=now)
                outcome = _undo_return(loan, entry, by=by, now=now)
        detail: dict[str, Any] = {"of": entry.pk, "done_at": entry.at}
        if outcome.cancelled:
            detail["cancelled"] = outcome.cancelled
        audit.record(action=f"circulation.undo_{step}", subject=loan, by=by, now=now, detail=detail)
        return outcome


def _last_entry(loan: Loan) -> AuditEntry | None:
    """The audit's entry about the latest step that stands."""
    entries = AuditEntry.objects.filter(
        subject_type=loan._meta.label_lower, subject_id=loan.pk, action__startswith="circulation."
    ).order_by("pk")
    by_key = {entry.pk: entry for entry in entries}
    last = standing((key, entry.action) for key, entry in by_key.items())
    return by_key[last[0]] if last else None


def _limits_reached(loan: Loan, *, branch_id: int, now: datetime) -> tuple[Refusal, ...]:
    """What the reader has borrowed since may leave no room for the loan to come back."""
    facts = queries.checkout_facts(
        copy=queries.copies_to_lend().get(pk=loan.copy_id),
        reader=queries.readers_to_lend_to().get(pk=loan.reader.pk),
        branch_id=branch_id,
        now=now,
    )
    return tuple(refusal for refusal in checkout_refusals(facts) if refusal.reason is Reason.LOAN_LIMIT)


def _undo_check_out(loan: Loan, entry: AuditEntry, *, by: User, branch_id: int, now: datetime) -> UndoOutcome:
    copy = loan.copy
    loan.returned_at, loan.returned_by, loan.return_branch_id = max(now, loan.checked_out_at), by, branch_id
    loan.undone_at = now
    loan.save(update_fields=["returned_at", "returned_by", "return_branch", "undone_at"])
    is_told = not withdraw(key=f"{Event.LOAN_RECEIPT}:{loan.uid}")
    set_status(copy, Copy.Status.AVAILABLE)
    reservations.undoing.uncollect(
        copy, reader_id=loan.reader.pk, branch_id=branch_id, collected_at=entry.at, by=by, now=now
    )
    placement = place_copy(copy, branch_id=branch_id, by=by, now=now)
    return UndoOutcome(step=Step.CHECK_OUT, loan=loan, placement=placement, is_told=is_told)


def _undo_renewal(loan: Loan, entry: AuditEntry, *, by: User, now: datetime) -> UndoOutcome:
    loan.due_at = datetime.fromisoformat(entry.detail["was_due_at"])
    loan.renewals -= 1
    loan.last_renewed_at = None
    if loan.renewals:
        earlier = AuditEntry.objects.filter(
            subject_type=loan._meta.label_lower, subject_id=loan.pk, action=entry.action, pk__lt=entry.pk
        )
        loan.last_renewed_at = earlier.order_by("-pk").values_list("at", flat=True).first()
    loan.save(update_fields=["due_at", "renewals", "last_renewed_at"])
    cancelled = cancel_fines_of(loan, at=entry.at, reason=_("The renewal was undone."), by=by, now=now)
    return UndoOutcome(step=Step.RENEW, loan=loan, cancelled=cancelled)


def _undo_return(loan: Loan, entry: AuditEntry, *, by: User, now: datetime) -> UndoOutcome:
    loan.returned_at = loan.returned_by = loan.return_branch = None
    loan.save(update_fields=["returned_at", "returned_by", "return_branch"])
    set_status(loan.copy, Copy.Status.LOST if loan.lost_at else Copy.Status.LOANED)
    blocked = AuditEntry.objects.filter(
        subject_type=loan.reader._meta.label_lower, subject_id=loan.reader.pk, action="accounts.block", at=entry.at
    )
    for block_id in blocked.values_list("detail__block", flat=True):
        accounts.actions.lift_block(block_id=block_id, by=by, now=now)
    withdraw(key=f"{Event.SUSPENSION}:{loan.uid}")
    cancelled = cancel_fines_of(loan, at=entry.at, reason=_("The return was undone."), by=by, now=now)
    return UndoOutcome(step=Step.RETURN, loan=loan, cancelled=cancelled)
