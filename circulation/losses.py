"""The daily check for copies that do not come back: declared lost by the terms of each loan."""

from datetime import datetime

from catalog.models import Copy
from circulation.actions import declare_lost
from circulation.models import Loan
from library.core.errors import Busy, Refused


def declare_overdue_lost(*, now: datetime, dry_run: bool = False) -> int:
    """Declare every loan lost that is overdue by `lost_after_days` of its terms; how many were.

    A commit for each, so that it may be interrupted and repeated; what somebody is working with waits for the next day.
    Copies that readers claim to have returned are searched for first. With `dry_run` nothing is written. No days in the
    terms: such loans are never lost by themselves.
    """
    overdue = Loan.objects.unclaimed().filter(due_at__lt=now, lost_at=None, copy__status=Copy.Status.LOANED)
    rows = overdue.order_by("pk").values_list("pk", "due_at", "terms__lost_after_days").iterator(chunk_size=2000)
    due = [pk for pk, due_at, days in rows if days and (now - due_at).days >= days]
    return len(due) if dry_run else sum(_is_declared(pk, now) for pk in due)


def _is_declared(loan_id: int, now: datetime) -> bool:
    try:
        declare_lost(loan_id=loan_id, by=None, now=now)
    except (Busy, Refused):
        return False
    return True
