"""Claimed returned, damaged, read in the library: what becomes of the loan, the copy, the money and the queue."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import translation

from cashdesk.queries import balance_of
from circulation.actions import check_out, declare_lost, renew, return_copy
from circulation.claims import claim_returned, withdraw_claim
from circulation.damage import record_damage, repair
from circulation.losses import declare_overdue_lost
from circulation.models import Loan, Reading
from circulation.queries import claims_of, loan_states
from circulation.reminders import check_due_dates
from circulation.rules import Happening, Reason
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry
from policies.terms import Terms
from reservations.actions import reserve
from reservations.models import Reservation

pytestmark = pytest.mark.django_db

FINED = Terms(fine_amount=Decimal("1.00"), suspension_days_per_day=1, cap_at_copy_price=False).as_json()
TENTH = datetime(2026, 3, 25, 9, tzinfo=UTC)
"""Ten days after the loan of 1 March fell due."""


@pytest.fixture(autouse=True)
def english(client):
    """Sentences are compared in English, whatever the library speaks."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield


def happened(outcome):
    return [one.what for one in outcome.happenings]


@pytest.fixture
def late(copy, vera, centre):
    """Vera's loan of 1 March, due on the 15th, at 1.00 a day."""
    return LoanFactory(copy=copy, reader=vera, branch=centre, terms=FINED)


# --- Claimed returned ----------------------------------------------------------------------------------------------


def test_from_the_claim_on_lateness_costs_no_more_and_nobody_is_reminded(late, anna, vera):
    claimed = claim_returned(loan_id=late.pk, by=anna, now=TENTH, note="В ящик у входа")
    claim_returned(loan_id=late.pk, by=anna, now=TENTH + timedelta(days=1))

    assert claimed.is_claimed_returned
    assert Loan.objects.get().claimed_returned_at == TENTH
    (state,) = loan_states(Loan.objects.in_full(), now=TENTH + timedelta(days=30))
    assert (state.is_overdue, state.overdue_days, state.charge_so_far) == (False, 0, Decimal("0.00"))
    assert state.renewal_refusals[0].reason == Reason.CLAIMED_RETURNED
    summary = check_due_dates(now=TENTH + timedelta(days=6))
    assert (summary.open_loans, summary.marked_overdue) == (0, 0)
    assert declare_overdue_lost(now=TENTH + timedelta(days=365)) == 0
    assert AuditEntry.objects.get(action="circulation.claim_returned").detail == {"note": "В ящик у входа"}
    assert claims_of(vera) == 1


def test_a_claimed_loan_counts_for_no_limit(late, new_copy, anna, vera, centre):
    late.reader.category.max_overdue_loans = 0
    late.reader.category.max_total_loans = 1
    late.reader.category.save()
    other = new_copy()
    lend = {"copy_id": other.pk, "reader_id": vera.pk, "by": anna, "branch_id": centre.pk, "now": TENTH}
    with pytest.raises(Refused) as refused:
        check_out(**lend)
    assert [one.reason for one in refused.value.refusals] == [Reason.OVERDUE_LIMIT, Reason.LOAN_LIMIT]

    claim_returned(loan_id=late.pk, by=anna, now=TENTH)
    assert check_out(**lend).loan.copy_id == other.pk


def test_found_in_the_library_it_was_back_in_time_and_costs_nothing(late, copy, anna, vera, centre):
    claim_returned(loan_id=late.pk, by=anna, now=TENTH)
    done = return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=TENTH + timedelta(days=3))

    assert happened(done) == [Happening.CLAIMED_RETURNED_RESOLVED]
    assert done.happenings[0].data["was_right"] is True
    late.refresh_from_db()
    assert (late.returned_at, done.overdue_days, balance_of(vera.pk)) == (TENTH, 0, Decimal("0.00"))
    assert not vera.blocks.exists()
    copy.refresh_from_db()
    assert copy.status == "available"


def test_brought_by_the_reader_lateness_counts_until_the_claim(late, copy, anna, vera, centre):
    claim_returned(loan_id=late.pk, by=anna, now=TENTH)
    back = TENTH + timedelta(days=20)
    done = return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=back, was_claim_wrong=True)

    assert happened(done)[0] == Happening.CLAIMED_RETURNED_RESOLVED
    assert (done.overdue_days, balance_of(vera.pk)) == (10, Decimal("10.00"))
    assert done.loan.returned_at == back


def test_a_claim_that_ends_in_a_loss_is_charged_until_the_claim(late, copy, anna, vera):
    claim_returned(loan_id=late.pk, by=anna, now=TENTH)
    done = declare_lost(loan_id=late.pk, by=anna, now=TENTH + timedelta(days=30))
    assert (done.charges.overdue_days, done.charges.fine) == (10, Decimal("10.00"))
    assert not Loan.objects.claimed_returned().exists()


def test_a_lost_copy_may_be_claimed_and_then_nothing_of_it_is_owed(copy, vera, anna, centre):
    copy.price = Decimal("500.00")
    copy.save()
    loan = LoanFactory(copy=copy, reader=vera, branch=centre, terms=FINED)
    declare_lost(loan_id=loan.pk, by=anna, now=TENTH)
    assert balance_of(vera.pk) == Decimal("510.00")
    claim_returned(loan_id=loan.pk, by=anna, now=TENTH + timedelta(days=1))
    assert Loan.objects.claimed_returned().get() == loan

    done = return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=TENTH + timedelta(days=5))
    assert happened(done) == [Happening.WAS_LOST, Happening.CLAIMED_RETURNED_RESOLVED]
    assert balance_of(vera.pk) == Decimal("0.00")


def test_a_withdrawn_claim_was_never_made(late, anna):
    claim_returned(loan_id=late.pk, by=anna, now=TENTH)
    withdraw_claim(loan_id=late.pk, by=anna, now=TENTH + timedelta(days=1), note="Нашлась дома")
    withdraw_claim(loan_id=late.pk, by=anna, now=TENTH + timedelta(days=2))
    (state,) = loan_states(Loan.objects.in_full(), now=TENTH + timedelta(days=10))
    assert (state.is_overdue, state.charge_so_far) == (True, Decimal("20.00"))
    assert AuditEntry.objects.filter(action="circulation.withdraw_claim").count() == 1


def test_what_is_over_is_claimed_no_more(copy, vera, anna):
    loan = LoanFactory(copy=copy, reader=vera, returned_at=NOW)
    for deed in (claim_returned, withdraw_claim):
        with pytest.raises(Refused) as refused:
            deed(loan_id=loan.pk, by=anna, now=TENTH)
        assert refused.value.refusals[0].reason == Reason.NOT_ON_LOAN


def test_a_claimed_loan_is_not_renewed(late, anna):
    claim_returned(loan_id=late.pk, by=anna, now=NOW)
    with pytest.raises(Refused) as refused:
        renew(loan_id=late.pk, by=anna, now=NOW)
    assert [one.reason for one in refused.value.refusals] == [Reason.CLAIMED_RETURNED]


# --- Damaged -------------------------------------------------------------------------------------------------------


def test_damage_at_the_return_takes_it_back_charges_and_keeps_it_for_nobody(late, copy, anna, vera, gleb, centre):
    reserve(book_id=copy.book_id, reader_id=gleb.pk, pickup_branch_id=centre.pk, by=anna, now=NOW)
    asked = {"copy_id": copy.pk, "note": "Залита чаем", "by": anna, "branch_id": centre.pk, "now": TENTH}
    done = record_damage(**asked, amount=Decimal("120.00"), loan_id=late.pk, uid=late.uid)
    record_damage(**asked, amount=Decimal("120.00"), loan_id=late.pk, uid=late.uid)

    late.refresh_from_db(), copy.refresh_from_db()
    assert (late.returned_at, copy.status) == (TENTH, "damaged")
    assert (done.returned.overdue_days, balance_of(vera.pk)) == (10, Decimal("130.00"))
    assert done.charge.reason == "Damaged: Залита чаем"
    assert Reservation.objects.get().state == "waiting"


def test_repair_fills_the_first_reservation(copy, anna, gleb, centre):
    reserve(book_id=copy.book_id, reader_id=gleb.pk, pickup_branch_id=centre.pk, by=anna, now=NOW)
    record_damage(copy_id=copy.pk, note="Без обложки", by=anna, branch_id=centre.pk, now=NOW)
    placed = repair(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=TENTH)

    copy.refresh_from_db()
    assert (placed.reservation.reader, copy.status) == (gleb, "on_hold_shelf")
    with pytest.raises(Refused) as refused:
        repair(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=TENTH)
    assert refused.value.refusals[0].reason == Reason.COPY_NOT_DAMAGED


def test_damage_on_the_hold_shelf_puts_the_reader_first_again(copy, anna, gleb, centre):
    reserve(book_id=copy.book_id, reader_id=gleb.pk, pickup_branch_id=centre.pk, by=anna, now=NOW)
    return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW)
    assert Reservation.objects.get().state == "ready"
    record_damage(copy_id=copy.pk, note="Порвана", by=anna, branch_id=centre.pk, now=TENTH)
    copy.refresh_from_db()
    assert (Reservation.objects.get().state, copy.status) == ("waiting", "damaged")


def test_damage_that_makes_no_sense_writes_nothing(copy, anna, vera, new_copy, centre):
    other = LoanFactory(copy=new_copy(), reader=vera, returned_at=NOW)
    usual = {"copy_id": copy.pk, "by": anna, "branch_id": centre.pk, "now": TENTH}
    for wrong in ({"note": " "}, {"note": "x" * 251}, {"note": "x", "amount": Decimal(5)},
                  {"note": "x", "amount": Decimal(5), "loan_id": other.pk}):  # fmt: skip
        with pytest.raises(Invalid):
            record_damage(**usual, **wrong)
    copy.refresh_from_db()
    assert (copy.status, balance_of(vera.pk)) == ("available", Decimal("0.00"))


# --- Read in the library -------------------------------------------------------------------------------------------


def test_readings_are_counted_once_a_visit_also_of_what_is_awaited(copy, anna, gleb, centre):
    usual = {"copy_id": copy.pk, "by": anna, "branch_id": centre.pk}
    for minutes in (0, 5, 70):
        return_copy(**usual, now=NOW + timedelta(minutes=minutes), was_read=True)
    assert Reading.objects.filter(copy=copy, branch=centre, by=anna).count() == 2

    reserve(book_id=copy.book_id, reader_id=gleb.pk, pickup_branch_id=centre.pk, by=anna, now=TENTH)
    done = return_copy(**usual, now=TENTH, was_read=True)
    assert happened(done) == [Happening.NOT_ON_LOAN, Happening.KEPT_FOR]
    assert Reading.objects.count() == 3


def test_what_was_on_loan_is_taken_back_and_no_reading(late, copy, anna, centre):
    done = return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW, was_read=True)
    assert (done.loan, Reading.objects.count()) == (late, 0)


# --- Doors ---------------------------------------------------------------------------------------------------------


def test_pages_record_and_settle(client, late, copy, anna, centre, django_assert_max_num_queries):
    client.force_login(anna)
    client.post(reverse("desk_claim", args=[late.uid]), {"note": "Вернула в пятницу"})
    with django_assert_max_num_queries(8):
        page = client.get(reverse("desk_claims")).content.decode()
    assert "Война и мир" in page
    client.post(reverse("settle_claim", args=[late.uid]), {"how": "found"})
    late.refresh_from_db()
    assert late.returned_at == late.claimed_returned_at

    assert client.get(reverse("desk_damaged"), {"code": "INV-1"})["Location"] == reverse("desk_damage", args=[copy.uid])
    form = client.get(reverse("desk_damage", args=[copy.uid])).context["form"]
    said = {"uid": form["uid"].value(), "loan": form["loan"].value(), "note": "Вырвана страница"}
    answer = client.post(reverse("desk_damage", args=[copy.uid]), said | {"charge": "amount"})
    assert answer.context["form"].errors["amount"] == ["Say how much."]
    client.post(reverse("desk_damage", args=[copy.uid]), said | {"charge": "amount", "amount": "50,00"})
    assert balance_of(late.reader_id) == Decimal("50.00")
    with django_assert_max_num_queries(8):
        assert "Вырвана страница" in client.get(reverse("desk_damaged")).content.decode()
    client.post(reverse("desk_repaired", args=[copy.uid]))
    copy.refresh_from_db()
    assert copy.status == "available"

    client.post(reverse("desk_readings"), {"code": "INV-1"})
    with django_assert_max_num_queries(9):
        page = client.get(reverse("desk_readings"))
    assert page.context["page"].object_list[0].readings_counted == 1
    assert "Read here 1 time in all." in page.content.decode()


def test_the_api_speaks_of_all_of_it(anna, late, copy, centre):
    from rest_framework.test import APIClient

    api = APIClient(HTTP_ACCEPT_LANGUAGE="en")
    api.force_authenticate(anna)
    claimed = api.post(f"/api/v1/loans/{late.uid}/claim-returned/", {"note": "да"}).json()
    assert claimed["claimed_returned_at"]
    assert not claimed["is_overdue"]
    assert api.get("/api/v1/loans/?state=claimed").json()["count"] == 1
    assert api.post(f"/api/v1/loans/{late.uid}/withdraw-claim/").json()["claimed_returned_at"] is None
    damaged = api.post(f"/api/v1/copies/{copy.uid}/damage/", {"note": "Пятна", "amount": "9.50", "loan": str(late.uid)})
    assert damaged.json() == {"uid": str(copy.uid), "status": "damaged", "charged": "9.50"}
    assert api.post(f"/api/v1/copies/{copy.uid}/repair/").json()["status"] == "available"
    told = api.post("/api/v1/loans/return/", {"copy": "INV-1", "was_read": True}).json()
    assert told["happenings"][0]["message"] == "It was not on loan: a reading in the library is counted."
    assert api.get(f"/api/v1/copies/{copy.uid}/readings/").json()["total"] == 1
