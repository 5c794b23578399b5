"""Undoing check-outs, renewals and returns: everything is as before, nothing is deleted, and when it is too late."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ReaderBlock
from cashdesk.actions import pay
from cashdesk.models import Entry, Kind, Method
from cashdesk.queries import balance_of
from catalog.models import Copy
from circulation.actions import check_out, declare_lost, renew, return_copy
from circulation.models import Loan
from circulation.queries import history_of
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from circulation.undo_rules import Step, standing
from circulation.undoing import undo
from library.core.errors import Refused
from library.core.models import AuditEntry
from notifications.bundling import bundle
from notifications.models import Notice
from policies.terms import Terms
from reservations.models import Reservation, Transfer
from reservations.tests.factories import ReservationFactory

LATER = NOW + timedelta(minutes=5)
LATE = datetime(2026, 3, 25, 9, tzinfo=UTC)
"""Ten days after a loan of the factory was due."""
FINED = Terms(fine_amount=Decimal("2.00"), suspension_days_per_day=1).as_json()


@pytest.fixture
def lend(copy, vera, anna, centre):
    def act(**changes):
        usual = {"copy_id": copy.pk, "reader_id": vera.pk, "by": anna, "branch_id": centre.pk, "now": NOW}
        return check_out(**(usual | changes)).loan

    return act


@pytest.fixture
def take_back(copy, anna, centre):
    def act(**changes):
        return return_copy(**({"copy_id": copy.pk, "by": anna, "branch_id": centre.pk, "now": NOW} | changes))

    return act


@pytest.fixture
def undone(anna, centre):
    """A function: undo a step of a loan by Anna at the main desk five minutes later, unless told otherwise."""

    def act(loan, step, **changes):
        return undo(loan_id=loan.pk, step=step, **({"by": anna, "branch_id": centre.pk, "now": LATER} | changes))

    return act


def refused(act, *args, **changes):
    before = (AuditEntry.objects.count(), list(Loan.objects.values()), list(Reservation.objects.values()))
    with pytest.raises(Refused) as error:
        act(*args, **changes)
    assert (AuditEntry.objects.count(), list(Loan.objects.values()), list(Reservation.objects.values())) == before
    return [str(refusal.reason) for refusal in error.value.refusals]


def status_of(copy):
    return Copy.objects.values_list("status", flat=True).get(pk=copy.pk)


def test_an_undone_check_out_leaves_no_trace_but_the_record(lend, undone, copy, vera, anna):
    loan = lend()
    outcome = undone(loan, Step.CHECK_OUT)
    loan.refresh_from_db()
    assert (loan.undone_at, loan.returned_at, loan.returned_by) == (LATER, LATER, anna)
    assert status_of(copy) == "available"
    assert not outcome.is_told
    assert not Notice.objects.exists()
    assert not history_of(vera).exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "circulation.check_out",
        "circulation.undo_check_out",
    ]
    assert lend(now=LATER).checked_out_at == LATER


def test_a_receipt_that_has_left_is_told(lend, undone):
    loan = lend()
    bundle(now=NOW + timedelta(minutes=3))
    assert undone(loan, Step.CHECK_OUT).is_told


def test_a_collected_reservation_stands_again_at_its_place(lend, undone, copy, vera, gleb, centre):
    mine = ReservationFactory(
        book=copy.book, reader=vera, pickup_branch=centre, state="ready", copy=copy, ready_at=NOW,
        pickup_until=NOW.date() + timedelta(days=7),
    )  # fmt: skip
    ReservationFactory(book=copy.book, reader=gleb, pickup_branch=centre)
    Copy.objects.update(status="on_hold_shelf")
    loan = lend()
    assert Reservation.objects.get(pk=mine.pk).state == "collected"
    outcome = undone(loan, Step.CHECK_OUT)
    again = Reservation.objects.get(pk=mine.pk)
    assert (again.state, again.copy, again.order, again.pickup_until) == ("ready", copy, mine.order, mine.pickup_until)
    assert again.ended_at is None
    assert status_of(copy) == "on_hold_shelf"
    assert outcome.placement.reservation == mine


def test_an_undone_renewal_is_due_as_before_and_costs_nothing(copy, vera, anna, undone):
    loan = LoanFactory(copy=copy, reader=vera, terms=FINED)
    due_at = loan.due_at
    assert renew(loan_id=loan.pk, by=anna, now=LATE).fine == Decimal("20.00")
    outcome = undone(loan, Step.RENEW, now=LATE + timedelta(minutes=1))
    loan.refresh_from_db()
    assert (loan.due_at, loan.renewals, loan.last_renewed_at) == (due_at, 0, None)
    assert (outcome.cancelled, balance_of(vera.pk)) == (Decimal("20.00"), 0)


def test_an_undone_return_goes_on_by_its_terms(copy, vera, anna, centre, take_back, undone):
    """The fine was paid meanwhile: it becomes credit. The suspension is lifted."""
    loan = LoanFactory(copy=copy, reader=vera, terms=FINED)
    before = Loan.objects.values().get()
    take_back(now=LATE)
    pay(reader_id=vera.pk, amount=Decimal(20), method=Method.CASH, branch_id=centre.pk, by=anna, now=LATE)
    outcome = undone(loan, Step.RETURN, now=LATE + timedelta(minutes=1))
    assert Loan.objects.values().get() == before
    assert status_of(copy) == "loaned"
    assert (outcome.cancelled, balance_of(vera.pk)) == (Decimal("20.00"), Decimal("-20.00"))
    assert Entry.objects.filter(kind=Kind.CHARGE_REVERSAL, loan_uid=loan.uid).count() == 1
    assert ReaderBlock.objects.get().lifted_by == anna
    take_back(now=LATE + timedelta(minutes=2))
    assert balance_of(vera.pk) == 0


@pytest.mark.parametrize("pickup", ["centre", "north"])
def test_what_a_return_had_captured_waits_again(pickup, copy, vera, gleb, take_back, undone, request):
    branch = request.getfixturevalue(pickup)
    loan = LoanFactory(copy=copy, reader=vera)
    waiting = ReservationFactory(book=copy.book, reader=gleb, pickup_branch=branch)
    take_back()
    assert status_of(copy) == {"centre": "on_hold_shelf", "north": "in_transit"}[pickup]
    undone(loan, Step.RETURN)
    again = Reservation.objects.get()
    assert (again.state, again.copy, again.order, again.ready_at) == ("waiting", None, waiting.order, None)
    assert not Transfer.objects.open().exists()
    assert not Notice.objects.filter(event="reservation_ready").exists()
    take_back(now=LATER + timedelta(minutes=1))
    assert Reservation.objects.get().copy == copy


def test_a_return_is_not_undone_behind_the_back_of_a_reader_who_was_told(copy, vera, gleb, centre, take_back, undone):
    loan = LoanFactory(copy=copy, reader=vera)
    ReservationFactory(book=copy.book, reader=gleb, pickup_branch=centre)
    take_back()
    bundle(now=NOW)
    assert refused(undone, loan, Step.RETURN) == ["reader_was_told"]


def test_a_return_is_not_undone_when_the_copy_has_gone_on(copy, vera, gleb, north, boris, take_back, lend, undone):
    first = LoanFactory(copy=copy, reader=vera)
    take_back()
    Copy.objects.update(status="damaged")
    assert refused(undone, first, Step.RETURN) == ["copy_moved_since"]
    Copy.objects.update(status="available")
    second = lend(reader_id=gleb.pk)
    assert refused(undone, first, Step.RETURN) == ["copy_lent_since"]
    assert refused(undone, second, Step.RENEW) == ["not_the_last_step"]
    undone(second, Step.CHECK_OUT)
    undone(first, Step.RETURN)
    assert Loan.objects.open().get() == first


def test_a_step_is_undone_by_who_did_it_within_a_day(lend, undone, boris, vera):
    loan = lend(by=boris)
    assert refused(undone, loan, Step.CHECK_OUT) == ["not_your_step"]
    assert refused(undone, loan, Step.CHECK_OUT, now=NOW + timedelta(days=2)) == ["not_your_step", "too_late_to_undo"]
    undone(loan, Step.CHECK_OUT, by=boris)
    assert refused(undone, loan, Step.CHECK_OUT, by=boris) == ["not_the_last_step"]


def test_a_copy_that_was_not_found_after_all_is_lost_again(copy, vera, anna, take_back, undone):
    loan = LoanFactory(copy=copy, reader=vera)
    declare_lost(loan_id=loan.pk, by=anna, now=NOW)
    take_back(now=LATER)
    undone(loan, Step.RETURN, now=LATER)
    assert (Loan.objects.open().get().lost_at, Copy.objects.get().status) == (NOW, "lost")


def test_what_a_loss_cost_is_not_charged_twice(copy, vera, anna, take_back, undone):
    Copy.objects.update(price="300.00")
    loan = LoanFactory(copy=copy, reader=vera)
    declare_lost(loan_id=loan.pk, by=anna, now=NOW)
    take_back(now=LATER)
    assert refused(undone, loan, Step.RETURN, now=LATER) == ["loan_was_lost"]


def test_a_return_is_not_undone_beyond_the_limit(copy, vera, lend, new_copy, take_back, undone):
    loan = LoanFactory(copy=copy, reader=vera)
    take_back()
    for _ in range(3):
        lend(copy_id=new_copy().pk)
    assert refused(undone, loan, Step.RETURN) == ["loan_limit"]


def test_the_last_step_that_stands():
    trail = [(1, "circulation.check_out"), (2, "circulation.return"), (3, "circulation.undo_return")]
    assert standing(trail) == (1, "circulation.check_out")
    assert standing([*trail, (4, "circulation.undo_check_out")]) is None


def test_the_desk_lists_my_steps_and_undoes_them(client, anna, boris, vera, copy, centre):
    anna.language = "en"
    anna.save(update_fields=["language"])
    client.force_login(anna)
    client.cookies["django_language"] = "en"
    client.post(reverse("desk_scan"), {"code": copy.barcode, "reader": vera.uid})
    entry = AuditEntry.objects.get()
    page = client.get(reverse("desk_reader", args=[vera.uid])).content.decode()
    assert f'name="entry" value="{entry.pk}"' in page
    said = {"entry": entry.pk, "mode": "lend", "reader": vera.uid}
    page = client.post(reverse("desk_undo"), said, follow=True).content.decode()
    assert "The loan to Вера Читатель is undone." in page
    assert "done over since" in page
    assert not Loan.objects.open().exists()
    page = client.post(reverse("desk_undo"), said, follow=True).content.decode()
    assert "Something was done with this loan since: undo that first." in page
    client.force_login(boris)
    assert client.post(reverse("desk_undo"), said).status_code == 404


def test_a_payment_at_the_desk_is_undone_by_who_may_reverse(client, anna, boris, vera, centre):
    money = {"reader_id": vera.pk, "branch_id": centre.pk, "now": timezone.now()}
    client.force_login(boris)
    pay(amount=Decimal(50), method=Method.CASH, by=boris, keeps_rest=True, **money)
    entry = AuditEntry.objects.get()
    client.post(reverse("desk_undo"), {"entry": entry.pk, "mode": "return"})
    assert balance_of(vera.pk) == 0
    pay(amount=Decimal(50), method=Method.CASH, by=anna, keeps_rest=True, **money)
    client.force_login(anna)
    entry = AuditEntry.objects.filter(action="cashdesk.pay").latest("pk")
    assert client.post(reverse("desk_undo"), {"entry": entry.pk, "mode": "lend"}).status_code == 403


def test_the_api_undoes_a_loan(lend, anna):
    loan = lend(now=timezone.now())
    api = APIClient()
    api.force_authenticate(anna)
    address = f"/api/v1/loans/{loan.uid}/undo/"
    answer = api.post(address, {"step": "return"})
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, "not_the_last_step")
    answer = api.post(address, {"step": "check_out"})
    assert (answer.status_code, answer.json()["cancelled"]) == (200, "0.00")
    assert answer.json()["loan"]["undone_at"]
