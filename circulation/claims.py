"""A reader says that a copy is back: recorded, so that lateness stops and the copy is searched for, and withdrawn.

It is settled by the return of the copy (`circulation.actions.return_copy`) or by its loss (`declare_lost`).
"""

from datetime import datetime

from accounts.models import User
from circulation.locked import lock_loan
from circulation.models import Loan
from circulation.rules import Reason
from library.core import audit
from library.core.errors import Refusal, Refused
from library.core.transactions import one_commit


def claim_returned(*, loan_id: int, by: User, now: datetime, note: str = "") -> Loan:
    """Write down that the reader says to have returned the copy; `note`: when and where. Twice does no harm.

    From now on lateness costs no more, nobody is reminded, and the loan counts for no limit. A lost copy may be claimed
    too: its replacement stays charged until it is found. Raises Refused (`not_on_loan`), Busy.
    """
    with one_commit():
        loan = _open(loan_id)
        if not loan.is_claimed_returned:
            loan.claimed_returned_at = now
            loan.save(update_fields=["claimed_returned_at"])
            audit.record(action="circulation.claim_returned", subject=loan, by=by, now=now, detail=_noted(note))
        return loan


def withdraw_claim(*, loan_id: int, by: User, now: datetime, note: str = "") -> Loan:
    """The reader has the copy after all: the loan goes on, and lateness counts as if nothing had been said.

    Of a lost copy, that it is not to be found. Twice does no harm. Raises Refused (`not_on_loan`), Busy.
    """
    with one_commit():
        loan = _open(loan_id)
        if loan.is_claimed_returned:
            detail = {"claimed_at": loan.claimed_returned_at, **_noted(note)}
            loan.claimed_returned_at = None
            loan.save(update_fields=["claimed_returned_at"])
            audit.record(action="circulation.withdraw_claim", subject=loan, by=by, now=now, detail=detail)
        return loan


def _open(loan_id: int) -> Loan:
    loan = lock_loan(loan_id)
    if loan.returned_at:
        raise Refused([Refusal(Reason.NOT_ON_LOAN)])
    return loan


def _noted(note: str) -> dict[str, str]:
    return {"note": note.strip()} if note.strip() else {}
