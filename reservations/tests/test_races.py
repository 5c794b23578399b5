"""Many at once, with real commits: limits hold, nobody loses a copy or a place, nothing is kept twice."""

import pytest

from accounts.tests.factories import ReaderFactory, UserFactory
from catalog.models import Copy
from circulation.actions import check_out, renew, return_copy
from circulation.tests.factories import LoanFactory
from library.core.integrity import findings
from library.core.models import AuditEntry
from policies.models import LendingRule
from reservations.actions import cancel, capture, pick, reserve
from reservations.models import Reservation
from reservations.tests.conftest import NOW
from reservations.tests.factories import ReservationFactory
from tests.concurrency import THREADS, at_once, deadlocks, told

pytestmark = pytest.mark.django_db(transaction=True)


def reserving(copy, reader, branch):
    return lambda: reserve(
        book_id=copy.book_id, reader_id=reader.pk, pickup_branch_id=branch.pk, by=reader.user, now=NOW
    )


def test_the_last_permitted_reservation_and_the_same_book_twice(new_copy, vera, centre):
    LendingRule.objects.update(max_reservations=2)
    copies = [new_copy() for _n in range(4)]
    outcomes = told(at_once(*(reserving(copy, vera, centre) for copy in copies * (THREADS // 4))))
    assert Reservation.objects.filter(reader=vera).count() == 2
    assert Reservation.objects.values("book").distinct().count() == 2
    assert outcomes["done"] == 2
    codes = {code for refused in outcomes if isinstance(refused, tuple) for code in refused}
    assert codes == {"already_reserved", "reservation_limit"}


def readers_of(branch, category, count=THREADS // 2):
    """Readers who sign in."""
    return [
        ReaderFactory(home_branch=branch, category=category, user=UserFactory(email=f"reader{n}@example.org"))
        for n in range(count)
    ]


def test_a_return_against_reservations(copy, vera, adult, anna, centre):
    before = deadlocks()
    LoanFactory(copy=copy, reader=vera)
    back = lambda: return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW)  # noqa: E731
    others = readers_of(centre, adult)
    outcomes = at_once(*(deed for reader in others for deed in (reserving(copy, reader, centre), back)))
    back()  # whoever came after the last return is served by the next scan
    queue = Reservation.objects.order_by("order")
    assert [one.state for one in queue] == ["ready"] + ["waiting"] * (queue.count() - 1)
    assert queue.count() == THREADS // 2 - told(outcomes[::2])["busy"]
    assert (queue[0].copy, Copy.objects.get(pk=copy.pk).status) == (copy, "on_hold_shelf")
    assert deadlocks() == before
    assert findings() == []


def test_a_renewal_against_reservations(copy, vera, adult, centre):
    """Whichever comes first holds: nobody renews what somebody waits for already."""
    before = deadlocks()
    LendingRule.objects.update(max_renewals=THREADS)
    loan = LoanFactory(copy=copy, reader=vera)
    renewing = lambda: renew(loan_id=loan.pk, by=vera.user, now=NOW)  # noqa: E731
    outcomes = at_once(
        *(deed for reader in readers_of(centre, adult) for deed in (renewing, reserving(copy, reader, centre)))
    )
    deeds = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    renewals = told(outcomes[::2])["done"]
    assert deeds == ["circulation.renew"] * renewals + ["reservations.reserve"] * (len(deeds) - renewals)
    assert {("book_is_awaited",), "busy", "done", ("renewal_limit",), ("renewal_limit", "book_is_awaited")} >= set(
        told(outcomes[::2])
    )
    loan.refresh_from_db()
    assert loan.renewals == renewals
    assert deadlocks() == before
    assert findings() == []


def test_cancelling_against_capture_and_check_out(copy, vera, gleb, anna, centre):
    before = deadlocks()
    first = ReservationFactory(book=copy.book, reader=vera, pickup_branch=centre)
    second = ReservationFactory(book=copy.book, reader=gleb, pickup_branch=centre)
    at_once(
        *[
            lambda: cancel(reservation_id=first.pk, by=vera.user, now=NOW),
            lambda: capture(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW),
            lambda: cancel(reservation_id=first.pk, by=vera.user, now=NOW),
            lambda: check_out(copy_id=copy.pk, reader_id=gleb.pk, by=anna, branch_id=centre.pk, now=NOW),
        ]
        * (THREADS // 4)
    )
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.state == "cancelled"
    status = Copy.objects.get(pk=copy.pk).status
    assert (second.state, status) in [("ready", "on_hold_shelf"), ("collected", "loaned")]
    assert AuditEntry.objects.filter(action="reservations.cancel").count() == 1
    assert deadlocks() == before
    assert findings() == []


def test_one_copy_for_two_reservations(copy, vera, gleb, anna, centre):
    for reader in (vera, gleb):
        ReservationFactory(book=copy.book, reader=reader, pickup_branch=centre)
    outcomes = told(at_once(*[lambda: pick(copy_id=copy.pk, branch_id=centre.pk, by=anna, now=NOW)] * THREADS))
    assert set(outcomes) <= {"done", "busy"}
    assert list(Reservation.objects.order_by("order").values_list("state", "copy")) == [
        ("ready", copy.pk),
        ("waiting", None),
    ]
