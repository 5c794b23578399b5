"""The daily renewal of loans whose terms say so: the renewal of the desk, tried once a day, and the reader is told.

A loan is tried from the day on which renewal opens (by its terms; from its due day where they name none) until it comes
back or may be renewed no more. The day of the last attempt stands on the loan, so the job may be killed and repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F
from django.utils import translation

from catalog.models import Copy
from circulation.actions import renew
from circulation.letters import authors_of, line_about
from circulation.locked import lock_loan
from circulation.models import Loan
from circulation.wording import sentence
from library.core.errors import Busy, LibraryError, Refused
from library.core.transactions import one_commit
from notifications.actions import enqueue
from notifications.models import Event


@dataclass(slots=True)
class Summary:
    """What one run did."""

    renewed: int = 0
    refused: int = 0
    busy: int = 0
    """Somebody is working with these; they are tried tomorrow."""


class _Row(NamedTuple):
    pk: int
    checked_out_at: datetime
    last_renewed_at: datetime | None
    due_at: datetime
    renewals: int
    auto_renewal_on: date | None
    max_renewals: int
    renew_not_before_days: int | None
    time_zone: str


def renew_automatically(*, now: datetime, dry_run: bool = False) -> Summary:
    """Try to renew every loan whose turn it is; a commit for each. With `dry_run` the tries count as `renewed`."""
    summary = Summary()
    for pk, today in list(_due_for_renewal(now)):
        try:
            is_renewed = dry_run or _try(pk, today, now)
        except Busy:
            summary.busy += 1
        except LibraryError:
            summary.refused += 1
        else:
            summary.renewed += is_renewed
            summary.refused += not is_renewed
    return summary


def _due_for_renewal(now: datetime) -> Iterator[tuple[int, date]]:
    """The loans to be tried, each with the local day of its branch."""
    branch = "copy__branch" if settings.LENDING_BRANCH == "copy" else "branch"
    names = [f"terms__{name}" if name in ("max_renewals", "renew_not_before_days") else name for name in _Row._fields]
    loans = Loan.objects.unclaimed().filter(terms__auto_renew=True, lost_at=None, copy__status=Copy.Status.LOANED)
    rows = loans.annotate(time_zone=F(f"{branch}__time_zone")).order_by("pk").values_list(*names)
    for row in (_Row(*values) for values in rows.iterator(chunk_size=2000)):
        zone = ZoneInfo(row.time_zone)
        today, due_on = now.astimezone(zone).date(), row.due_at.astimezone(zone).date()
        if row.auto_renewal_on and row.auto_renewal_on >= today:
            continue
        settled_on = (row.last_renewed_at or row.checked_out_at).astimezone(zone).date()
        was_told = row.auto_renewal_on is not None and row.auto_renewal_on > settled_on
        if row.renewals >= row.max_renewals and was_told:
            continue
        if today >= due_on - timedelta(days=row.renew_not_before_days or 0):
            yield row.pk, today


def _try(loan_id: int, today: date, now: datetime) -> bool:
    """Renew it and tell the reader, or tell why not: each of this once. Whether it is renewed."""
    with one_commit():
        loan = lock_loan(loan_id)
        if loan.auto_renewal_on and loan.auto_renewal_on >= today:
            return False
        loan.auto_renewal_on = today
        loan.save(update_fields=["auto_renewal_on"])
        try:
            loan = renew(loan_id=loan_id, by=None, now=now).loan
        except Refused as error:
            codes = "+".join(sorted(refusal.reason for refusal in error.refusals))
            with translation.override(loan.reader.language):
                why = " ".join(sentence(refusal) for refusal in error.refusals)
            _tell(Event.AUTO_RENEWAL_REFUSED, loan, f"{loan.renewals}:{codes}", now=now, why=why)
            return False
        _tell(Event.AUTO_RENEWAL, loan, str(loan.renewals), now=now)
        return True


def _tell(event: Event, loan: Loan, once: str, *, now: datetime, why: str = "") -> None:
    authors = authors_of([loan.copy.book_id]).get(loan.copy.book_id, [])
    line = line_about(loan, authors=authors, why=why)
    enqueue(key=f"{event}:{loan.uid}:{once}"[:200], event=event, reader=loan.reader, data=line, now=now)
