"""What readers are told of their reservations day by day: a pick-up that ends soon, a place that has changed."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection

from library.core.transactions import one_commit
from notifications.models import Event
from reservations.actions import tell
from reservations.models import Reservation

BATCH_SIZE = 500

PLACES = """
SELECT id, place FROM (
    SELECT id, told_place, row_number() OVER (PARTITION BY book_id ORDER BY "order") AS place
    FROM reservations_reservation WHERE state = 'waiting'
) AS waiting
WHERE place IS DISTINCT FROM told_place AND id > %s ORDER BY id LIMIT %s
"""


def remind_of_pickups(*, today: date, now: datetime) -> int:
    """Write to everybody whose book stands ready for PICKUP_NOTICE_DAYS more at most; how many.

    Once for each last day, and not where the reader learnt of it today. May be interrupted and repeated.
    """
    if not settings.PICKUP_NOTICE_DAYS:
        return 0
    last = today + timedelta(days=settings.PICKUP_NOTICE_DAYS)
    ready = Reservation.objects.filter(state=Reservation.State.READY, pickup_until__range=(today, last))
    reservations = ready.select_related("reader", "pickup_branch", "book").defer("book__description")
    told = 0
    for reservation in reservations.order_by("reader", "pk").iterator(BATCH_SIZE):
        if reservation.ready_at is None or reservation.local(reservation.ready_at).date() >= today:
            continue
        tell(Event.RESERVATION_EXPIRING, reservation, now=now, once=f"{reservation.pickup_until}")
        told += 1
    return told


def tell_of_places(*, now: datetime) -> int:
    """Write to everybody who waits at another place of the queue than they know of; how many.

    A place is noted in the commit that writes the notice, so it may be interrupted and repeated. The first place is
    only noted: the reader saw it when the reservation was placed.
    """
    told = after = 0
    while True:
        with one_commit():
            with connection.cursor() as cursor:
                cursor.execute(PLACES, [after, BATCH_SIZE])
                places: dict[int, int] = dict(cursor.fetchall())
            waiting = Reservation.objects.filter(pk__in=places, state=Reservation.State.WAITING)
            for reservation in waiting.in_full().locked():
                place, known = places[reservation.pk], reservation.told_place
                reservation.told_place = place
                reservation.save(update_fields=["told_place"])
                if known is not None:
                    tell(Event.QUEUE_MOVED, reservation, now=now, place=place)
                    told += 1
        if len(places) < BATCH_SIZE:
            return told
        after = max(places)
