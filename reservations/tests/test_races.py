"""Many at once, with real commits: limits hold, nobody loses a copy or a place, nothing is kept twice."""

import pytest

from catalog.models import Copy
from circulation.actions import check_out, return_copy
from circulation.tests.factories import LoanFactory
from circulation.tests.test_races import at_once, deadlocks
from policies.models import LendingRule
from reservations.actions import cancel, capture, pick, reserve
from reservations.models import Reservation
from reservations.tests.conftest import NOW
from reservations.tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db(transaction=True)


def reserving(copy, reader, branch):
    return lambda: reserve(
        book_id=copy.book_id, reader_id=reader.pk, pickup_branch_id=branch.pk, by=reader.user, now=NOW
    )


def codes(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, tuple | str)]


def test_the_last_permitted_reservation_and_the_same_book_twice(new_copy, vera, centre):
    LendingRule.objects.update(max_reservations=2)
    copies = [new_copy() for _n in range(4)]
    outcomes = at_once(*(reserving(copy, vera, centre) for copy in copies * 2))
    assert Reservation.objects.filter(reader=vera).count() == 2
    assert Reservation.objects.values("book").distinct().count() == 2
    assert {code for refused in codes(outcomes) for code in refused} == {"already_reserved", "reservation_limit"}


def test_a_return_against_reservations(copy, vera, gleb, darya, anna, centre):
    before = deadlocks()
    LoanFactory(copy=copy, reader=vera)
    back = lambda: return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW)  # noqa: E731
    at_once(reserving(copy, gleb, centre), back, reserving(copy, darya, centre), back)
    back()  # whoever came after the return is served by the next scan
    states = sorted(Reservation.objects.values_list("state", flat=True))
    assert states == ["ready", "waiting"]
    ready = Reservation.objects.get(state="ready")
    assert (ready.copy, Copy.objects.get(pk=copy.pk).status) == (copy, "on_hold_shelf")
    assert deadlocks() == before


def test_cancelling_against_capture_and_check_out(copy, vera, gleb, anna, centre):
    before = deadlocks()
    first = ReservationFactory(book=copy.book, reader=vera, pickup_branch=centre)
    second = ReservationFactory(book=copy.book, reader=gleb, pickup_branch=centre)
    at_once(
        lambda: cancel(reservation_id=first.pk, by=vera.user, now=NOW),
        lambda: capture(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW),
        lambda: cancel(reservation_id=first.pk, by=vera.user, now=NOW),
        lambda: check_out(copy_id=copy.pk, reader_id=gleb.pk, by=anna, branch_id=centre.pk, now=NOW),
    )
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.state == "cancelled"
    status = Copy.objects.get(pk=copy.pk).status
    assert (second.state, status) in [("ready", "on_hold_shelf"), ("collected", "loaned")]
    assert deadlocks() == before


def test_one_copy_for_two_reservations(copy, vera, gleb, anna, centre):
    for reader in (vera, gleb):
        ReservationFactory(book=copy.book, reader=reader, pickup_branch=centre)
    outcomes = at_once(*[lambda: pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)] * 8)
    assert codes(outcomes) == []
    assert list(Reservation.objects.order_by("order").values_list("state", "copy")) == [
        ("ready", copy.pk),
        ("waiting", None),
    ]
