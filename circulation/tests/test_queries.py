"""Whose loans are seen, what a scan finds, how loans stand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.queries import reader_by_scan
from accounts.tests.factories import ReaderBlockFactory, UserFactory
from catalog.copy_numbers import copy_by_scan
from circulation.models import Loan
from circulation.queries import (
    history_of,
    loan_states,
    loans_visible_to,
    open_loans_of,
    overdue_loans,
)
from circulation.tests.factories import LoanFactory
from policies.terms import Terms
from policies.tests.factories import ClosedDayFactory

LATE = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
"""Five days after 15 March, when the loans of the factory are due."""


def test_loans_are_visible_to_their_reader_and_to_staff(vera, gleb, anna, boris):
    hers, his = LoanFactory(reader=vera), LoanFactory(reader=gleb)
    assert list(loans_visible_to(vera.user)) == [hers]
    assert list(loans_visible_to(gleb.user)) == [his]
    assert set(loans_visible_to(anna)) == set(loans_visible_to(boris)) == {hers, his}


def test_outsiders_see_no_loans(vera):
    LoanFactory(reader=vera)
    assert not loans_visible_to(AnonymousUser()).exists()
    assert not loans_visible_to(UserFactory()).exists()


def test_open_loans_come_the_most_urgent_first_and_history_the_latest_first(vera, gleb):
    later = LoanFactory(reader=vera, due_at=datetime(2026, 3, 20, 20, 59, 59, tzinfo=UTC))
    sooner = LoanFactory(reader=vera)
    long_ago = LoanFactory(
        reader=vera,
        checked_out_at=datetime(2025, 1, 1, tzinfo=UTC),
        due_at=datetime(2025, 1, 15, tzinfo=UTC),
        returned_at=datetime(2025, 1, 9, tzinfo=UTC),
    )
    lately = LoanFactory(reader=vera, returned_at=LATE)
    LoanFactory(reader=gleb)
    assert list(open_loans_of(vera)) == [sooner, later]
    assert list(history_of(vera)) == [lately, long_ago]


def test_overdue_is_after_the_last_instant(vera):
    due = datetime(2026, 3, 15, 20, 59, 59, tzinfo=UTC)
    loan = LoanFactory(reader=vera, due_at=due)
    LoanFactory(reader=vera, due_at=due, returned_at=LATE)
    assert list(overdue_loans(due)) == []
    assert list(overdue_loans(due + timedelta(seconds=1))) == [loan]


@pytest.mark.parametrize("scan", ["LIB-0042", "lib-0042", " LIB-0042 ", "ДШИ-0042", "дши-0042"])
def test_a_barcode_is_found_in_any_case_and_keyboard_layout(scan, new_copy):
    copy = new_copy(barcode="LIB-0042")
    assert copy_by_scan(scan) == copy


@pytest.mark.parametrize("scan", ["ИНВ-17", "инв-17"])
def test_an_inventory_number_will_do(scan, new_copy):
    copy = new_copy(inventory_number="ИНВ-17")
    assert copy_by_scan(scan) == copy


def test_a_barcode_goes_before_an_inventory_number(new_copy):
    new_copy(inventory_number="777")
    by_barcode = new_copy(barcode="777")
    assert copy_by_scan("777") == by_barcode


def test_nothing_is_found_by_nothing(copy, vera):
    for scan in ("", "  ", "no-such"):
        assert copy_by_scan(scan) is None
        assert reader_by_scan(scan) is None


@pytest.mark.parametrize("scan", ["R000001", "r000001", "К000001"])
def test_a_card_is_found_in_any_case_and_keyboard_layout(scan, vera):
    assert reader_by_scan(scan) == vera


def states_of(*loans, now):
    return loan_states(Loan.objects.filter(pk__in=[loan.pk for loan in loans]).in_full().order_by("pk"), now=now)


def test_a_loan_in_time(vera):
    (state,) = states_of(LoanFactory(reader=vera), now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert (state.is_overdue, state.overdue_days, str(state.charge_so_far)) == (False, 0, "0.00")
    assert state.new_due_at == datetime(2026, 3, 29, 20, 59, 59, tzinfo=UTC)
    assert state.renewal_refusals == ()
    assert state.days_left == 13


def test_an_overdue_loan_with_its_charge_so_far(vera, centre, new_copy):
    ClosedDayFactory(branch=centre, starts_on=date(2026, 3, 18), ends_on=date(2026, 3, 18))
    copy = new_copy(price=Decimal("100.00"))
    loan = LoanFactory(reader=vera, copy=copy, terms=Terms(fine_amount=Decimal("0.10")).as_json())
    (state,) = states_of(loan, now=LATE)
    assert (state.is_overdue, state.overdue_days, str(state.charge_so_far)) == (True, 4, "0.40")
    assert state.days_left == -5


def test_the_charge_so_far_stops_at_the_price(vera, new_copy):
    copy = new_copy(price=Decimal("3.00"))
    loan = LoanFactory(reader=vera, copy=copy, terms=Terms(fine_amount=Decimal("1.00")).as_json())
    (state,) = states_of(loan, now=LATE)
    assert str(state.charge_so_far) == "3.00"


def test_why_not_is_known_before_the_click(vera, gleb):
    ReaderBlockFactory(reader=gleb, starts_on=date(2026, 3, 1))
    ended, blocked, good = LoanFactory(reader=vera, renewals=2), LoanFactory(reader=gleb), LoanFactory(reader=vera)
    states = states_of(ended, blocked, good, now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert [[refusal.reason.value for refusal in state.renewal_refusals] for state in states] == [
        ["renewal_limit"],
        ["reader_blocked"],
        [],
    ]


def test_overdue_loans_of_one_reader_do_not_count_for_another(vera, gleb, adult):
    adult.max_overdue_loans = 0
    adult.save(update_fields=["max_overdue_loans"])
    overdue = LoanFactory(reader=vera)
    fresh = LoanFactory(reader=gleb, checked_out_at=LATE)
    states = states_of(overdue, fresh, now=LATE)
    assert [refusal.reason.value for refusal in states[0].renewal_refusals] == ["overdue_limit"]
    assert states[1].renewal_refusals == ()


@pytest.mark.parametrize("count", [1, 9])
def test_states_of_many_loans_take_five_queries(count, vera, new_copy, django_assert_num_queries):
    for _ in range(count):
        LoanFactory(reader=vera, copy=new_copy())
    with django_assert_num_queries(5):
        loan_states(open_loans_of(vera), now=LATE)
