"""What a librarian did last at the desk, and which of it can still be undone."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from cashdesk.models import Entry
from circulation.models import Loan
from circulation.undo_rules import UNDONE_WITHIN, Step, standing
from library.core.models import AuditEntry
from library.core.sql import Ready

PAID = "cashdesk.pay"
DEEDS = {f"circulation.{step}": step for step in Step}
SHOWN = 8
"""How many steps the desk remembers aloud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneStep:
    """A line of the list."""

    entry: AuditEntry
    step: Step | None
    """None: a payment."""
    loan: Loan | None
    payment: Entry | None
    stands: bool
    """Whether nothing came after it, so that it can be undone."""


_ENTRIES = Ready(
    lambda of: AuditEntry.objects.filter(actor=of("actor"), action__in=[*DEEDS, PAID], at__gt=of("since"))
    .order_by("-at", "-pk")[:SHOWN]
)  # fmt: skip
_LOANS = Ready(lambda of: Loan.objects.filter(pk__among=of("loans")).in_full())
_TRAILS = Ready(
    lambda of: (
        AuditEntry.objects.filter(
            subject_type=Loan._meta.label_lower, subject_id__among=of("loans"), action__startswith="circulation."
        )
        .order_by("pk")
        .values_list("subject_id", "pk", "action")
    )
)


def last_steps(user: User, *, now: datetime) -> Sequence[DoneStep]:
    """The latest loans, renewals, returns and payments by `user`, the latest first. At most 4 queries."""
    entries = _ENTRIES.rows(actor=user.pk, since=now - UNDONE_WITHIN)
    loan_ids = {entry.subject_id for entry in entries if entry.action in DEEDS}
    loans = {loan.pk: loan for loan in _LOANS.rows(loans=list(loan_ids))} if loan_ids else {}
    last = _standing(loan_ids)
    payment_ids = [entry.subject_id for entry in entries if entry.action == PAID]
    payments = Entry.objects.select_related("reader", "reversal").in_bulk(payment_ids) if payment_ids else {}
    return [
        DoneStep(
            entry=entry,
            step=DEEDS.get(entry.action),
            loan=loans.get(entry.subject_id) if entry.action in DEEDS else None,
            payment=payments.get(entry.subject_id) if entry.action == PAID else None,
            stands=(
                last[entry.subject_id] == entry.pk
                if entry.action in DEEDS
                else not hasattr(payments[entry.subject_id], "reversal")
            ),
        )
        for entry in entries
    ]


def _standing(loan_ids: set[int]) -> dict[int, int | None]:
    """For each loan the key of the audit's entry about its latest step that stands."""
    trails: dict[int, list[tuple[int, str]]] = defaultdict(list)
    if loan_ids:
        for loan_id, key, action in _TRAILS.rows(loans=list(loan_ids)):
            trails[loan_id].append((key, action))
    found = {loan_id: standing(trail) for loan_id, trail in trails.items()}
    return {loan_id: last and last[0] for loan_id, last in found.items()}
