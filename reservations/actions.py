"""Reserve, cancel, suspend, move; capture, collect, expire: the only place where a queue or a transfer is written.

Whatever changes a queue holds the lock of its book, so that two never work on one queue; then come the copy and the
reader. Each action writes everything in one commit or raises: `Refused` with every reason at once, `Invalid` for what
makes no sense, `Busy` when somebody else holds the rows for too long. What is said «under the caller's locks» is
for the actions of circulation, which hold those of book and copy.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from accounts.models import Reader, User
from cashdesk.actions import charge, reverse
from cashdesk.models import MAX_REASON, Kind
from cashdesk.queries import reversible_of
from catalog.models import Book, Contribution, Copy
from library.core import audit
from library.core.errors import Busy, Invalid, Refusal, Refused
from library.core.overriding import settle, trace
from library.core.sql import update
from library.core.transactions import one_commit
from notifications.actions import enqueue
from notifications.letters import reservation_line
from notifications.models import Event
from policies.models import Branch
from policies.queries import calendar_of, calendars
from reservations import queries, rules
from reservations.models import MAX_WHY, ONE_PLACE, Reservation, Transfer
from reservations.rules import Reason, refusal

LONGEST_SUSPENSION = timedelta(days=366)
JOB = "reservations"
"""Who reverses a fee where nobody did it by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveOutcome:
    """A new reservation."""

    reservation: Reservation
    overridden: tuple[Refusal, ...]
    """Reasons against it that staff overrode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a copy that is free goes now. With neither, it goes to its shelf here."""

    copy: Copy
    reservation: Reservation | None = None
    """The reader it is set aside for."""
    transfer: Transfer | None = None
    """The way it goes; without a `reservation`, home."""


def reserve(
    *,
    book_id: int,
    reader_id: int,
    pickup_branch_id: int,
    by: User | None,
    now: datetime,
    overrides: Collection[StrEnum] = frozenset(),
    note: str = "",
) -> ReserveOutcome:
    """Put a reader at the end of the queue for a book, to be collected at a branch; a fee is charged at once.

    At most 15 queries without a fee.

    `overrides` are reasons that `by` sets aside: each needs its permission, and together they need a `note`. Raises
    Refused with all reasons left, Invalid (`note`, `branch`), Busy.
    """
    with one_commit():
        book = Book.objects.filter(pk=book_id).locked().only("title", "volume", "uid").first()
        reader = Reader.objects.current().filter(pk=reader_id).select_related("category").locked().first()
        branch = Branch.objects.filter(pk=pickup_branch_id).first()
        if branch is None:
            raise Invalid({"branch": [_("Choose a branch of the library.")]})
        facts = queries.reserve_facts(book=book, reader=reader, pickup_branch=branch, now=now)
        overridden = settle(rules.reserve_refusals(facts), by=by, overrides=overrides, note=note)
        if not (book and reader):
            raise AssertionError("the rules refuse an unknown book or reader")
        own = Reservation.objects.active().filter(book=book)
        slots = set(own.filter(reader=reader).values_list("slot", flat=True)) if facts.active_of_book else set()
        last = own.order_by("-order").values_list("order", flat=True).first()
        reservation = Reservation.objects.create(
            book=book,
            reader=reader,
            slot=next(slot for slot in range(1, len(slots) + 2) if slot not in slots),
            pickup_branch=branch,
            order=max(_microseconds(now), 0 if last is None else last + 1),
            placed_at=now,
            placed_by=by,
        )
        if fee := rules.reservation_fee(facts):
            charge(
                reader_id=reader.pk,
                kind=Kind.RESERVATION,
                amount=fee,
                branch_id=branch.pk,
                by=by,
                now=now,
                reason=str(book)[:MAX_REASON],
                uid=_fee_uid(reservation),
            )
        detail = {"branch": branch.code, "limit": rules.most_at_once(facts), **trace(overridden, note)}
        audit.record(action="reservations.reserve", subject=reservation, by=by, now=now, detail=detail)
        return ReserveOutcome(reservation=reservation, overridden=overridden)


def cancel(*, reservation_id: int, by: User | None, now: datetime, why: str = "", is_told: bool = True) -> Reservation:
    """End a reservation; a copy that stood ready for it goes to the next reader at once. Twice does no harm.

    Staff say `why`, which the reader is told if `is_told`; readers need not. The fee is reversed, unless the reader
    cancels what was set aside for them already. Raises Refused (`reservation_is_over`),
    Invalid (`why`), Reservation.DoesNotExist, Busy.
    """
    with one_commit():
        reservation, copy = _locked(reservation_id)
        if reservation.state == Reservation.State.CANCELLED:
            return reservation
        _must_be_active(reservation)
        is_own = by is not None and reservation.reader.user_id == by.pk
        if not is_own:
            _explained(why)
        was = reservation.state
        _end(reservation, Reservation.State.CANCELLED, by=by, now=now, why=why.strip())
        detail: dict[str, Any] = {"why": why.strip()} if why.strip() else {}
        if (was == Reservation.State.WAITING or not is_own) and (fee := reversible_of(_fee_uid(reservation))):
            reverse(
                entry_uid=_fee_uid(reservation),
                reason=_("The reservation is cancelled."),
                branch_id=reservation.pickup_branch_id,
                by=by,
                job=JOB,
                now=now,
            )
            detail["fee_reversed"] = fee
        audit.record(action="reservations.cancel", subject=reservation, by=by, now=now, detail=detail)
        if not is_own and is_told:
            tell(Event.RESERVATION_CANCELLED, reservation, now=now, why=why.strip())
        if copy and was == Reservation.State.READY:
            place_copy(copy, branch_id=reservation.pickup_branch_id, by=by, now=now)
        return reservation


def suspend(*, reservation_id: int, until: date, by: User | None, now: datetime) -> Reservation:
    """Pass a reservation over up to and including a day; it keeps its place.

    Raises Refused (`reservation_is_over`, `already_set_aside`), Invalid (`until`), Reservation.DoesNotExist, Busy.
    """
    with one_commit():
        reservation, _copy = _locked(reservation_id)
        _must_be_waiting(reservation)
        today = reservation.local(now).date()
        if not today <= until <= today + LONGEST_SUSPENSION:
            raise Invalid({"until": [_("Choose a day from today on, within a year.")]})
        if reservation.suspended_until != until:
            reservation.suspended_until = until
            reservation.save(update_fields=["suspended_until"])
            audit.record(action="reservations.suspend", subject=reservation, by=by, now=now, detail={"until": until})
        return reservation


def resume(*, reservation_id: int, by: User | None, now: datetime) -> Reservation:
    """Let a suspended reservation take part again. Twice does no harm. Raises as `suspend` does."""
    with one_commit():
        reservation, _copy = _locked(reservation_id)
        _must_be_waiting(reservation)
        if reservation.suspended_until is not None:
            reservation.suspended_until = None
            reservation.save(update_fields=["suspended_until"])
            audit.record(action="reservations.resume", subject=reservation, by=by, now=now)
        return reservation


def move(*, reservation_id: int, place: int, why: str, by: User, now: datetime) -> Reservation:
    """Put a waiting reservation at a place of its queue, from 1; beyond the end is the end.

    Raises Refused (`reservation_is_over`, `already_set_aside`), Invalid (`why`, `place`),
    Reservation.DoesNotExist, Busy.
    """
    _explained(why)
    if place < 1:
        raise Invalid({"place": [_("Places count from 1.")]})
    with one_commit():
        reservation, _copy = _locked(reservation_id)
        _must_be_waiting(reservation)
        queue = list(
            Reservation.objects.filter(book=reservation.book_id, state=Reservation.State.WAITING)
            .order_by("order")
            .values_list("pk", "order")
        )
        former = next(n for n, (pk, _order) in enumerate(queue, start=1) if pk == reservation.pk)
        others = [row for row in queue if row[0] != reservation.pk]
        order = rules.order_at(place, [order for _pk, order in others], step=ONE_PLACE)
        while order is None or _is_taken(reservation, order):
            others = _spread(reservation.book_id, others)
            order = rules.order_at(place, [order for _pk, order in others], step=ONE_PLACE)
        reservation.order = order
        reservation.save(update_fields=["order"])
        detail = {"from": former, "to": min(place, len(queue)), "why": why.strip()}
        audit.record(action="reservations.move", subject=reservation, by=by, now=now, detail=detail)
        return reservation


# --- Copies --------------------------------------------------------------------------------------------------------


def capture(*, copy_id: int, branch_id: int, by: User | None, now: datetime) -> Placement:
    """A free copy is in a librarian's hands at a branch: set it aside for whose turn it is, send it, or shelve it.

    By the first eligible reservation it goes on the hold shelf here or is sent to where it is collected; else home,
    else to its shelf. Twice does no harm. Raises Refused (`copy_unknown`, `copy_is_out`), Busy.
    """
    with one_commit():
        copy = _free_copy(copy_id)
        clear_shelf(copy, now=now)
        return place_copy(copy, branch_id=branch_id, by=by, now=now)


def pick(*, copy_id: int, branch_id: int, by: User | None, now: datetime) -> Placement:
    """Tick a copy off the pick list: as `capture`, but a copy that nobody waits for is refused and stays.

    Raises Refused (`copy_unknown`, `copy_is_out`, `nobody_waits`), Busy.
    """
    with one_commit():
        copy = _free_copy(copy_id)
        placement = place_copy(copy, branch_id=branch_id, by=by, now=now)
        if placement.reservation is None:
            raise Refused([refusal(Reason.NOBODY_WAITS)])
        clear_shelf(copy, now=now)
        return placement


def arrive(*, copy_id: int, branch_id: int, by: User | None, now: datetime) -> Placement:
    """A copy on its way is unpacked at a branch: it goes on the hold shelf, on, or to its shelf. Twice does no harm.

    Raises Refused (`copy_unknown`, `copy_is_out`, `not_on_its_way`), Busy.
    """
    with one_commit():
        copy = _free_copy(copy_id)
        if copy.status == Copy.Status.AVAILABLE:
            raise Refused([refusal(Reason.NOT_ON_ITS_WAY)])
        return place_copy(copy, branch_id=branch_id, by=by, now=now)


def release(*, copy_id: int, status: Copy.Status, why: str, by: User, now: datetime) -> Reservation | None:
    """A copy that was set aside or on its way is not there, or not fit: say how it stands instead.

    `status` is lost or damaged. The reader it was kept for is first in the queue again, and given back. Raises
    Refused (`copy_unknown`, `not_set_aside`), Invalid (`why`, `status`), Busy.
    """
    _explained(why)
    if status not in (Copy.Status.LOST, Copy.Status.DAMAGED):
        raise Invalid({"status": [_("Say whether the copy is lost or damaged.")]})
    with one_commit():
        copy = _lock_copy(copy_id)
        if copy.status not in (Copy.Status.ON_HOLD_SHELF, Copy.Status.IN_TRANSIT):
            raise Refused([refusal(Reason.NOT_SET_ASIDE)])
        keeper = _keeper_of(copy)
        if keeper:
            _back_to_the_queue(keeper)
        if transfer := _open_transfer(copy):
            _close(transfer, branch_id=transfer.from_branch_id, by=by, now=now)
        detail = {"from": copy.status, "to": str(status), "why": why.strip()}
        audit.record(action="reservations.release", subject=copy, by=by, now=now, detail=detail)
        _set_status(copy, status)
        return keeper


def place_copy(copy: Copy, *, branch_id: int, by: User | None, now: datetime) -> Placement:
    """Under the caller's locks: send a free copy that is at a branch where it is wanted, and write its status.

    The copy comes with book and branch. Two queries where nobody waits and it is at home; a second scan
    changes nothing.
    """
    queues = queries.queues_of(copy, now=now)
    keeper = next((one for one in queues.of(copy.book_id) if one.copy_id == copy.pk), None)
    transfer = _open_transfer(copy) if copy.status == Copy.Status.IN_TRANSIT else None
    if keeper and keeper.state == Reservation.State.READY and keeper.pickup_branch_id == branch_id:
        return Placement(copy=copy, reservation=keeper)
    reservation = keeper or queues.first_for(copy)
    goal = reservation.pickup_branch_id if reservation else copy.branch_id
    if transfer and transfer.from_branch_id == branch_id and transfer.to_branch_id == goal and reservation is keeper:
        return Placement(copy=copy, reservation=keeper, transfer=transfer)
    if transfer:
        _close(transfer, branch_id=branch_id, by=by, now=now)
        transfer = None
    if goal != branch_id:
        why = Transfer.Why.RESERVATION if reservation else Transfer.Why.HOME
        transfer = Transfer.objects.create(
            copy=copy, from_branch_id=branch_id, to_branch_id=goal, why=why, sent_at=now, sent_by=by
        )
        audit.record(action="reservations.send", subject=copy, by=by, now=now, detail={"to": goal, "why": str(why)})
    if reservation:
        reservation.book = copy.book
        _set_aside(reservation, copy, is_here=transfer is None, by=by, now=now)
        _set_status(copy, Copy.Status.IN_TRANSIT if transfer else Copy.Status.ON_HOLD_SHELF)
    else:
        _set_status(copy, Copy.Status.IN_TRANSIT if transfer else Copy.Status.AVAILABLE)
    return Placement(copy=copy, reservation=reservation, transfer=transfer)


def clear_shelf(copy: Copy, *, now: datetime) -> None:
    """Under the caller's locks: a copy was scanned, what it had stood on the hold shelf for is cleared. One query."""
    Reservation.objects.filter(
        copy=copy,
        state__in=[Reservation.State.CANCELLED, Reservation.State.EXPIRED],
        ready_at__isnull=False,
        shelf_cleared_at__isnull=True,
    ).update(shelf_cleared_at=now)


def lend_claimed(copy: Copy, *, reader_id: int, branch_id: int, by: User | None, now: datetime) -> Reservation | None:
    """Under the caller's locks, at a check-out: the reader's own reservation is collected, which is returned.

    Another reader for whom the copy was kept, by override, is first in the queue again; a way the copy was on ends
    here; another copy that was kept for the same reservation goes to the next reader.
    """
    queue = Reservation.objects.active().filter(book=copy.book_id).select_related("reader", "pickup_branch")
    active = list(queue.in_queue())
    for one in active:
        one.book = copy.book
    keeper = next((one for one in active if one.copy_id == copy.pk), None)
    if copy.status == Copy.Status.IN_TRANSIT and (transfer := _open_transfer(copy)):
        _close(transfer, branch_id=branch_id, by=by, now=now)
    if keeper and keeper.reader_id != reader_id:
        _back_to_the_queue(keeper)
        audit.record(action="reservations.pass_over", subject=keeper, by=by, now=now)
    mine = [one for one in active if one.reader_id == reader_id]
    own = min(mine, key=lambda one: (one.copy_id != copy.pk, one.copy_id is None, one.order), default=None)
    if own is None:
        return None
    other_id = own.copy_id if own.copy_id != copy.pk else None
    was_ready = own.state == Reservation.State.READY
    own.copy = copy
    _end(own, Reservation.State.COLLECTED, by=by, now=now)
    detail = {"stood_ready": was_ready and not other_id}
    audit.record(action="reservations.collect", subject=own, by=by, now=now, detail=detail)
    if other_id and was_ready:
        other = Copy.objects.select_related("branch").locked().get(pk=other_id)
        other.book = copy.book
        place_copy(other, branch_id=own.pickup_branch_id, by=by, now=now)
    return own


# --- Expiry --------------------------------------------------------------------------------------------------------


def expire_uncollected(*, now: datetime) -> dict[str, Any]:
    """End what was ready and not collected in time, on open days of its branch only; how many, as JSON.

    One commit each, so that it may be killed and repeated. Raises Busy at the end if some could not be ended now.
    """
    days = calendars()
    late = Reservation.objects.filter(state=Reservation.State.READY, pickup_until__lt=now.date() + timedelta(days=1))
    expired = busy = 0
    for pk, branch_id in late.order_by("pickup_until", "pk").values_list("pk", "pickup_branch_id"):
        if not days[branch_id].is_open(days[branch_id].day_of(now)):
            continue
        try:
            expired += _expire(pk, now=now)
        except Busy:
            busy += 1
    if busy:
        raise Busy
    return {"expired": expired}


def _expire(reservation_id: int, *, now: datetime) -> bool:
    with one_commit():
        reservation, copy = _locked(reservation_id)
        day = reservation.pickup_until
        if reservation.state != Reservation.State.READY or day is None or reservation.local(now).date() <= day:
            return False
        _end(reservation, Reservation.State.EXPIRED, by=None, now=now)
        audit.record(action="reservations.expire", subject=reservation, by=None, now=now)
        tell(Event.RESERVATION_EXPIRED, reservation, now=now)
        if copy:
            place_copy(copy, branch_id=reservation.pickup_branch_id, by=None, now=now)
        return True


# --- Parts of the actions, under their locks -----------------------------------------------------------------------


def _locked(reservation_id: int) -> tuple[Reservation, Copy | None]:
    """A reservation under the lock of its book, and its copy, locked too. Busy: the book was merged just now."""
    book_id = Reservation.objects.values_list("book_id", flat=True).get(pk=reservation_id)
    book = Book.objects.filter(pk=book_id).locked().only("title", "volume", "uid").first()
    reservation = Reservation.objects.select_related("reader", "pickup_branch").get(pk=reservation_id)
    if book is None or reservation.book_id != book.pk:
        raise Busy
    reservation.book = book
    copy = None
    if reservation.copy_id and reservation.is_active:
        copy = Copy.objects.select_related("branch").locked().get(pk=reservation.copy_id)
        copy.book = book
    return reservation, copy


def _lock_copy(copy_id: int) -> Copy:
    """A copy with its branch, under its lock and that of its book."""
    book = Book.objects.filter(copies=copy_id).locked().only("title", "volume", "uid").first()
    copy = Copy.objects.filter(pk=copy_id).select_related("branch").locked().first()
    if book is None or copy is None:
        raise Refused([refusal(Reason.COPY_UNKNOWN)])
    if copy.book_id != book.pk:
        raise Busy
    copy.book = book
    return copy


def _free_copy(copy_id: int) -> Copy:
    copy = _lock_copy(copy_id)
    if copy.status not in (Copy.Status.AVAILABLE, Copy.Status.ON_HOLD_SHELF, Copy.Status.IN_TRANSIT):
        raise Refused([refusal(Reason.COPY_IS_OUT, status=copy.status)])
    return copy


def _must_be_active(reservation: Reservation) -> None:
    if not reservation.is_active:
        raise Refused([refusal(Reason.RESERVATION_IS_OVER, state=reservation.state)])


def _must_be_waiting(reservation: Reservation) -> None:
    _must_be_active(reservation)
    if reservation.state != Reservation.State.WAITING:
        raise Refused([refusal(Reason.ALREADY_SET_ASIDE)])


def _explained(why: str) -> None:
    if not why.strip():
        raise Invalid({"why": [_("Say why, so that colleagues can explain it to the reader.")]})
    if len(why.strip()) > MAX_WHY:
        raise Invalid({"why": [_("Say it in %(count)d characters.") % {"count": MAX_WHY}]})


def _set_aside(reservation: Reservation, copy: Copy, *, is_here: bool, by: User | None, now: datetime) -> None:
    """Keep a copy for a reservation, ready for pick-up if it is there already; then the reader is told."""
    reservation.copy = copy
    reservation.suspended_until = None
    reservation.ready_at = reservation.pickup_until = None
    reservation.state = Reservation.State.IN_TRANSIT
    if is_here:
        reservation.state = Reservation.State.READY
        reservation.ready_at = now
        reservation.pickup_until = rules.pickup_until(
            ready_on=reservation.local(now).date(),
            terms=queries.TermsOf()(reservation.reader, copy, reservation.pickup_branch_id),
            calendar=calendar_of(reservation.pickup_branch),
        )
    reservation.save(update_fields=["copy", "suspended_until", "ready_at", "pickup_until", "state"])
    detail = {"copy": copy.inventory_number, "state": str(reservation.state), "until": reservation.pickup_until}
    audit.record(action="reservations.set_aside", subject=reservation, by=by, now=now, detail=detail)
    if is_here:
        tell(Event.RESERVATION_READY, reservation, now=now)


def _fee_uid(reservation: Reservation) -> UUID:
    """Public id of the charge of the fee: it leads from the reservation to the ledger."""
    return uuid5(reservation.uid, "fee")


def _back_to_the_queue(reservation: Reservation) -> None:
    """Its copy is gone: it waits again, before everybody else."""
    orders = Reservation.objects.active().filter(book=reservation.book_id).order_by("order")
    first = orders.values_list("order", flat=True).first()
    if first is not None and first != reservation.order:
        reservation.order = first - ONE_PLACE
    reservation.state, reservation.copy = Reservation.State.WAITING, None
    reservation.ready_at = reservation.pickup_until = None
    reservation.save(update_fields=["state", "copy", "ready_at", "pickup_until", "order"])


def _end(reservation: Reservation, state: Reservation.State, *, by: User | None, now: datetime, why: str = "") -> None:
    reservation.state, reservation.why = state, why
    reservation.ended_at, reservation.ended_by = now, by
    reservation.save(update_fields=["state", "why", "ended_at", "ended_by", "copy"])


def tell(
    event: Event, reservation: Reservation, *, now: datetime, why: str = "", place: int = 0, once: str = ""
) -> None:
    """Write the notice, `once` under its key; unless given the instant, for one may become ready more than once."""
    authors = Contribution.objects.filter(book=reservation.book_id, role=Contribution.Role.AUTHOR)
    names = authors.order_by("position", "pk").values_list("author__name", flat=True)
    line = reservation_line(
        reservation=reservation.uid,
        title=reservation.book.title,
        authors="; ".join(names),
        branch=reservation.pickup_branch.name,
        until_on=reservation.pickup_until,
        why=why,
        place=place,
    )
    enqueue(
        key=f"{event}:{reservation.uid}:{once or f'{now:%Y%m%dT%H%M%S%f}'}",
        event=event,
        reader=reservation.reader,
        data=line,
        now=now,
    )


def _keeper_of(copy: Copy) -> Reservation | None:
    return Reservation.objects.filter(copy=copy, state__in=Reservation.SET_ASIDE).select_related("reader").first()


def _open_transfer(copy: Copy) -> Transfer | None:
    return Transfer.objects.open().filter(copy=copy).select_related("to_branch", "from_branch").first()


def _close(transfer: Transfer, *, branch_id: int, by: User | None, now: datetime) -> None:
    transfer.arrived_at = max(now, transfer.sent_at)  # another desk's clock may be a moment ahead
    transfer.arrived_by, transfer.arrival_branch_id = by, branch_id
    transfer.save(update_fields=["arrived_at", "arrived_by", "arrival_branch"])
    detail = {"at": branch_id, "to": transfer.to_branch_id}
    audit.record(action="reservations.arrive", subject=transfer.copy, by=by, now=now, detail=detail)


def _is_taken(reservation: Reservation, order: int) -> bool:
    """Whether somebody in the queue whose copy is set aside already stands just there."""
    active = Reservation.objects.active().filter(book=reservation.book_id, order=order)
    return active.exclude(pk=reservation.pk).exists()


def _spread(book_id: int, others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Move a queue that has no gap left behind its present end, in the same order, with gaps again."""
    orders = Reservation.objects.active().filter(book=book_id).order_by("-order").values_list("order", flat=True)
    start = orders[0] + ONE_PLACE
    spread = []
    for n, (pk, _order) in enumerate(others):
        spread.append((pk, start + n * ONE_PLACE))
        Reservation.objects.filter(pk=pk).update(order=spread[-1][1])
    return spread


def _set_status(copy: Copy, status: Copy.Status) -> None:
    if copy.status != status:
        copy.status = status
        update(copy, "status")


def _microseconds(now: datetime) -> int:
    return round(now.timestamp() * 1_000_000)
