"""The last day for a pick-up, when its branch turns out to be closed on it."""

from datetime import date, datetime

from accounts.models import User
from catalog.models import Book
from library.core import audit
from library.core.transactions import one_commit
from notifications.models import Event
from policies.calendar import Calendar
from reservations import queries, rules
from reservations.actions import tell
from reservations.models import Reservation


def ready_until(branch_ids: list[int], starts_on: date, ends_on: date) -> list[int]:
    """Keys of what is ready at these branches with its last day in a range of days, in order."""
    ready = Reservation.objects.filter(state=Reservation.State.READY, pickup_branch__in=branch_ids)
    return list(ready.filter(pickup_until__range=(starts_on, ends_on)).order_by("pk").values_list("pk", flat=True))


def new_deadline(reservation: Reservation, calendar: Calendar, terms_of: queries.TermsOf) -> date | None:
    """The last day by the calendar as it is now, for one that is ready; None: it stays."""
    if reservation.copy is None or reservation.ready_at is None or reservation.pickup_until is None:
        return None
    if calendar.is_open(reservation.pickup_until):
        return None
    day = rules.pickup_until(
        ready_on=reservation.local(reservation.ready_at).date(),
        terms=terms_of(reservation.reader, reservation.copy, reservation.pickup_branch_id),
        calendar=calendar,
    )
    day = max(day, calendar.next_open(reservation.pickup_until))
    return day if day > reservation.pickup_until else None


def move_deadline(
    *,
    reservation_id: int,
    former: date,
    to: date,
    by: User | None,
    now: datetime,
    detail: dict[str, str],
    why: str = "",
) -> bool:
    """Keep a copy until another day, unless its last day is not `former` any more; the reader is told, and `why`.

    Whether it was done. Raises Busy.
    """
    with one_commit():
        Book.objects.filter(reservations=reservation_id).locked().only("pk").first()
        reservation = Reservation.objects.select_related("reader", "pickup_branch", "book").get(pk=reservation_id)
        if reservation.state != Reservation.State.READY or reservation.pickup_until != former:
            return False
        reservation.pickup_until = to
        reservation.save(update_fields=["pickup_until"])
        said = {"from": former, "to": to, **detail}
        audit.record(action="reservations.move_deadline", subject=reservation, by=by, now=now, detail=said)
        tell(Event.PICKUP_MOVED, reservation, now=now, why=why)
        return True
