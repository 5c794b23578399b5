"""Reservations of one reader that become another's, because the two are one person, and how they go back."""

from datetime import datetime
from typing import Any, TypedDict

from django.utils.translation import gettext as _

from library.core import audit
from reservations.actions import cancel
from reservations.models import ONE_PLACE, Reservation


class Handover(TypedDict):
    """What was done, as JSON holds it."""

    moved: list[tuple[int, int, int]]
    """Reservation, the reader it was of, its slot."""
    cancelled: list[tuple[int, int, str]]
    """Reservation that doubled another, its place in the order, its state."""


def hand_over(*, from_ids: list[int], to_id: int, by: Any, now: datetime) -> Handover:
    """Under the caller's locks of books, copies and readers: all their reservations become the other reader's.

    Of several for one book the one that is furthest stays, at its place; the others are cancelled without a letter.
    """
    done = Handover(moved=[], cancelled=[])
    active = Reservation.objects.active().filter(reader__in=[*from_ids, to_id]).in_queue()
    by_book: dict[int, list[Reservation]] = {}
    for one in active:
        by_book.setdefault(one.book_id, []).append(one)
    ranks = {state: rank for rank, state in enumerate(reversed(Reservation.ACTIVE))}
    for queue in by_book.values():
        if len({one.reader_id for one in queue}) > 1:
            best = min(queue, key=lambda one: (ranks[Reservation.State(one.state)], one.order))
            for one in queue:
                if one.pk != best.pk:
                    done["cancelled"].append((one.pk, one.order, one.state))
                    words = _("The reader was entered twice, and so was this reservation.")
                    cancel(reservation_id=one.pk, by=by, now=now, why=words, is_told=False)
    moving = Reservation.objects.filter(reader__in=from_ids).order_by("pk")
    for pk, reader_id, slot in moving.values_list("pk", "reader_id", "slot"):
        done["moved"].append((pk, reader_id, slot))
    moving.update(reader=to_id)
    return done


def hand_back(done: Handover, *, from_id: int, by: Any, now: datetime) -> list[str]:
    """Under the same locks: give them back, and bring the cancelled ones back; in words, what could not be."""
    problems = []
    for pk, reader_id, slot in done["moved"]:
        still = Reservation.objects.filter(pk=pk, reader=from_id)
        taken = Reservation.objects.active().filter(reader=reader_id, book__in=still.values("book"))
        if not taken.exists():
            still.update(reader=reader_id, slot=slot)
    for pk, order, state in done["cancelled"]:
        one = Reservation.objects.select_related("reader", "book", "pickup_branch").get(pk=pk)
        others = Reservation.objects.active().filter(book=one.book_id)
        if one.state != Reservation.State.CANCELLED or others.filter(reader=one.reader_id).exists():
            problems.append(_("The reservation of “%(title)s” is not brought back.") % {"title": one.book.title})
            continue
        first = others.order_by("order").values_list("order", flat=True).first()
        if state != Reservation.State.WAITING and first is not None:
            order = min(order, first - ONE_PLACE)
        while others.filter(order=order).exists():
            order += 1
        one.state, one.order, one.copy = Reservation.State.WAITING, order, None
        one.ended_at, one.ended_by, one.why, one.ready_at, one.pickup_until = None, None, "", None, None
        one.save(update_fields=["state", "order", "copy", "ended_at", "ended_by", "why", "ready_at", "pickup_until"])
        audit.record(action="reservations.bring_back", subject=one, by=by, now=now)
    return problems
