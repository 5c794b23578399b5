"""What readers are told of their reservations day by day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from catalog.models import Copy
from catalog.tests.factories import BookFactory, CopyFactory
from notifications.models import Notice
from reservations.models import Reservation
from reservations.reminders import remind_of_pickups, tell_of_places
from reservations.tests.factories import ReservationFactory

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
pytestmark = pytest.mark.django_db


@pytest.fixture
def make_ready():
    """A reservation on the hold shelf `until` its last day, `since` an instant."""

    def make(*, until, since):
        copy = CopyFactory(status=Copy.Status.ON_HOLD_SHELF)
        return ReservationFactory(
            book=copy.book, copy=copy, state=Reservation.State.READY, ready_at=since, pickup_until=until
        )

    return make


def test_a_pick_up_that_ends_soon_is_told_once(make_ready):
    soon = make_ready(until=date(2026, 11, 21), since=NOW - timedelta(days=3))
    make_ready(until=date(2026, 11, 22), since=NOW - timedelta(days=3))
    make_ready(until=date(2026, 11, 19), since=NOW - timedelta(days=3))
    make_ready(until=date(2026, 11, 21), since=NOW)
    for _twice in range(2):
        remind_of_pickups(today=TODAY, now=NOW)
    notice = Notice.objects.get()
    assert (notice.key, notice.reader) == (f"reservation_expiring:{soon.uid}:2026-11-21", soon.reader)


def test_a_place_that_changed_is_told_and_the_first_only_noted():
    book = BookFactory()
    first, second, third = [ReservationFactory(book=book) for _ in range(3)]
    assert tell_of_places(now=NOW) == 0
    first.state, first.ended_at = Reservation.State.CANCELLED, NOW
    first.save()
    assert tell_of_places(now=NOW + timedelta(days=1)) == 2
    assert tell_of_places(now=NOW + timedelta(days=2)) == 0
    assert set(Notice.objects.values_list("reader", "data__place")) == {(second.reader_id, 1), (third.reader_id, 2)}
