"""The fee of a reservation: charged when it is placed, and when its cancellation gives it back."""

from decimal import Decimal

import pytest

from cashdesk.actions import pay, waive
from cashdesk.models import Entry, Kind, Method
from cashdesk.queries import balance_of
from circulation.actions import return_copy
from reservations.actions import cancel
from reservations.tests.conftest import NOW

pytestmark = pytest.mark.django_db
NOTHING = Decimal("0.00")


@pytest.fixture
def paid_for(rule, place, vera):
    """Vera's reservation, which costs 20.00."""
    rule.reservation_fee = Decimal("20.00")
    rule.save()
    return place(vera)


def test_a_cancellation_before_a_copy_is_set_aside_gives_it_back(paid_for, vera):
    assert balance_of(vera.pk) == Decimal("20.00")
    cancel(reservation_id=paid_for.pk, by=vera.user, now=NOW)
    cancel(reservation_id=paid_for.pk, by=vera.user, now=NOW)
    assert balance_of(vera.pk) == NOTHING
    assert Entry.objects.get(kind=Kind.CHARGE_REVERSAL).by == vera.user


def test_what_was_paid_becomes_credit(paid_for, vera, anna, centre):
    pay(reader_id=vera.pk, amount=Decimal("20.00"), method=Method.CASH, branch_id=centre.pk, by=anna, now=NOW)
    cancel(reservation_id=paid_for.pk, by=anna, now=NOW, why="Издание списано")
    assert balance_of(vera.pk) == Decimal("-20.00")


def test_once_a_copy_is_set_aside_only_the_library_gives_it_back(paid_for, place, vera, gleb, anna, centre, copy):
    other = place(gleb)
    return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW)
    cancel(reservation_id=paid_for.pk, by=vera.user, now=NOW)
    assert balance_of(vera.pk) == Decimal("20.00")
    other.refresh_from_db()
    assert other.state == "ready"
    cancel(reservation_id=other.pk, by=anna, now=NOW, why="Экземпляр испорчен")
    assert balance_of(gleb.pk) == NOTHING


def test_what_was_waived_is_not_given_back(paid_for, vera, anna):
    waive(charge_uid=Entry.objects.get().uid, reason="Ветеран", by=anna, now=NOW)
    cancel(reservation_id=paid_for.pk, by=vera.user, now=NOW)
    assert balance_of(vera.pk) == NOTHING
