"""What undoing a check-out or a return gives back to the queue, under the locks of book and copy of its caller."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from catalog.models import Copy
from library.core import audit
from library.core.models import AuditEntry
from notifications.actions import kept_back, withdraw
from notifications.models import Event
from reservations.models import Reservation, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What became of a copy that came back: whom it was set aside for, and where it was sent."""

    keeper: Reservation | None
    transfer: Transfer | None
    has_moved: bool
    """Whether something else happened to it since."""
    is_told: bool
    """Whether the keeper has been told by letter that it stands ready."""
    notice: str
    """Key of the notice that has not left; empty: there is none."""


def since_return(copy: Copy, *, at: datetime) -> Aside:
    """What became of a copy that came back in the action of `at`. Its notice, if any, is kept back until the commit."""
    keeper = Reservation.objects.filter(copy=copy, state__in=Reservation.SET_ASIDE).select_related("reader").first()
    transfer = Transfer.objects.open().filter(copy=copy).first()
    expected = Copy.Status.IN_TRANSIT if transfer else Copy.Status.ON_HOLD_SHELF if keeper else Copy.Status.AVAILABLE
    has_moved = (
        copy.status != expected
        or (transfer is not None and transfer.sent_at != at)
        or (keeper is not None and not _was_set_aside(keeper, at))
        or Transfer.objects.filter(copy=copy, arrived_at__gt=at).exists()
        or Reservation.objects.filter(copy=copy, ended_at__gt=at).exists()
    )
    notice = f"{Event.RESERVATION_READY}:{keeper.uid}:{at:%Y%m%dT%H%M%S%f}" if keeper else ""
    is_told = bool(notice) and not kept_back(key=notice)
    return Aside(keeper=keeper, transfer=transfer, has_moved=has_moved, is_told=is_told, notice=notice)


def give_back(aside: Aside, *, by: User, now: datetime) -> None:
    """The reader it was set aside for waits again, at the same place of the queue, untold; its way is over."""
    if keeper := aside.keeper:
        withdraw(key=aside.notice)
        keeper.state, keeper.copy = Reservation.State.WAITING, None
        keeper.ready_at = keeper.pickup_until = None
        keeper.save(update_fields=["state", "copy", "ready_at", "pickup_until"])
        audit.record(action="reservations.give_back", subject=keeper, by=by, now=now)
    if transfer := aside.transfer:
        transfer.arrived_at, transfer.arrived_by, transfer.arrival_branch_id = now, by, transfer.from_branch_id
        transfer.save(update_fields=["arrived_at", "arrived_by", "arrival_branch"])


def uncollect(
    copy: Copy, *, reader_id: int, branch_id: int, collected_at: datetime, by: User, now: datetime
) -> Reservation | None:
    """The reservation that the check-out of `collected_at` fulfilled is active again, at its place; None: no such.

    The copy is kept for it again if it stood ready here; else it waits, and gets a copy in its turn.
    """
    found = Reservation.objects.filter(
        copy=copy, reader=reader_id, state=Reservation.State.COLLECTED, ended_at=collected_at
    ).first()
    if found is None:
        return None
    active = Reservation.objects.active().filter(book=found.book_id)
    taken = set(active.filter(reader=reader_id).values_list("slot", flat=True))
    orders = set(active.values_list("order", flat=True))
    while found.slot in taken:
        found.slot += 1
    while found.order in orders:
        found.order += 1
    found.ended_at = found.ended_by = None
    if _stood_ready(found, collected_at) and found.pickup_branch_id == branch_id:
        found.state = Reservation.State.READY
        copy.status = Copy.Status.ON_HOLD_SHELF
        copy.save(update_fields=["status"])
    else:
        found.state, found.copy = Reservation.State.WAITING, None
        found.ready_at = found.pickup_until = None
    found.save(
        update_fields=["state", "slot", "order", "copy", "ready_at", "pickup_until", "ended_at", "ended_by"]
    )  # fmt: skip
    audit.record(action="reservations.uncollect", subject=found, by=by, now=now)
    return found


def _entries(action: str, reservation: Reservation, at: datetime) -> list[AuditEntry]:
    kind = reservation._meta.label_lower
    return list(AuditEntry.objects.filter(subject_type=kind, subject_id=reservation.pk, at=at, action=action))


def _was_set_aside(keeper: Reservation, at: datetime) -> bool:
    return bool(_entries("reservations.set_aside", keeper, at))


def _stood_ready(collected: Reservation, at: datetime) -> bool:
    return any(entry.detail.get("stood_ready") for entry in _entries("reservations.collect", collected, at))
