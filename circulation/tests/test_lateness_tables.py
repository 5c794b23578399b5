"""What lateness and loss cost on concrete days, each amount and day worked out by hand."""

from datetime import date, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from circulation.rules import (
    overdue_charge,
    overdue_days,
    replacement_charge,
    replacement_to_cancel,
    suspension_until,
)
from policies.calendar import Calendar, ClosedRange, Stretch
from policies.terms import Terms
from reservations.rules import pickup_until

MOSCOW = ZoneInfo("Europe/Moscow")
TOWN = Calendar(
    MOSCOW,
    tuple(Stretch(weekday, time(10), time(19)) for weekday in range(1, 6)),
    (
        ClosedRange(date(2020, 1, 1), date(2020, 1, 8), True),
        ClosedRange(date(2020, 2, 23), date(2020, 2, 23), True),
    ),
)
"""Tuesday to Saturday; closed from 1 to 8 January and on 23 February."""
NEVER = Calendar(MOSCOW, (), (ClosedRange(date(2000, 1, 1), date(2060, 1, 1)),))


def day(text):
    return date.fromisoformat(text) if text else None


def terms(**values):
    amounts = {"fine_amount", "fine_cap", "replacement_amount"}
    return Terms(**{name: Decimal(value) if name in amounts else value for name, value in values.items()})


LATE = [
    # due, returned, other terms (a rouble a day), overdue days, fine
    ("2026-02-10", "2026-02-10", {}, 0, "0.00"),
    ("2026-02-10", "2026-02-05", {}, 0, "0.00"),
    ("2026-02-10", "2026-02-11", {}, 1, "1.00"),
    ("2026-02-10", "2026-02-17", {}, 5, "5.00"),  # Sunday and Monday do not count
    ("2026-02-10", "2026-02-17", {"fine_counts_closed_days": True}, 7, "7.00"),
    ("2026-02-14", "2026-02-16", {}, 0, "0.00"),  # into the book drop on a closed Monday
    ("2026-02-14", "2026-02-16", {"fine_counts_closed_days": True}, 2, "2.00"),
    ("2026-02-21", "2026-02-24", {}, 1, "1.00"),  # over a holiday
    ("2025-12-31", "2026-01-10", {}, 2, "2.00"),
    ("2025-12-31", "2026-01-10", {"fine_counts_closed_days": True}, 10, "10.00"),
    ("2028-02-26", "2028-03-01", {}, 2, "2.00"),  # 29 February is a Tuesday
    ("2028-02-26", "2028-03-01", {"fine_counts_closed_days": True}, 4, "4.00"),
    ("2026-02-28", "2026-03-03", {}, 1, "1.00"),
    ("2026-02-28", "2026-03-03", {"fine_counts_closed_days": True}, 3, "3.00"),
    ("2028-02-29", "2028-02-29", {}, 0, "0.00"),
    ("2026-02-10", "2026-02-12", {"grace_days": 2}, 2, "0.00"),
    ("2026-02-10", "2026-02-13", {"grace_days": 2}, 3, "1.00"),
    ("2026-02-10", "2026-02-13", {"grace_days": 2, "grace_is_charged": True}, 3, "3.00"),
    ("2026-02-13", "2026-02-17", {"grace_days": 2}, 2, "0.00"),  # the grace counts open days as well
    ("2026-02-13", "2026-02-17", {"grace_days": 2, "fine_counts_closed_days": True}, 4, "2.00"),
    ("2026-02-10", "2026-02-17", {"fine_period_days": 2}, 5, "3.00"),
    ("2026-02-10", "2026-02-17", {"fine_period_days": 7}, 5, "1.00"),
    ("2026-02-10", "2026-02-17", {"fine_period_days": 5}, 5, "1.00"),
    ("2026-02-10", "2026-02-17", {"fine_cap": "3.50"}, 5, "3.50"),
    ("2026-02-10", "2026-02-17", {"fine_amount": "0.33"}, 5, "1.65"),
]


@pytest.mark.parametrize(("due_on", "returned_on", "changes", "days", "fine"), LATE)
def test_a_return(due_on, returned_on, changes, days, fine):
    of_loan = terms(**{"fine_amount": "1.00", **changes})
    found = overdue_days(due_on=day(due_on), until=day(returned_on), terms=of_loan, calendar=TOWN)
    assert found == days
    assert str(overdue_charge(found, terms=of_loan, copy_price=None)) == fine


FINES = [
    # days, terms, price of the copy, charged before, fine
    (365, {"fine_amount": "0.01"}, None, "0.00", "3.65"),
    (7, {"fine_amount": "0.33"}, None, "0.00", "2.31"),
    (1000, {"fine_amount": "99999.99"}, None, "0.00", "99999990.00"),
    (14, {"fine_amount": "5.00", "fine_period_days": 7}, None, "0.00", "10.00"),
    (15, {"fine_amount": "5.00", "fine_period_days": 7}, None, "0.00", "15.00"),
    (9, {"fine_amount": "5.00", "fine_period_days": 7, "grace_days": 2}, None, "0.00", "5.00"),
    (10, {"fine_amount": "5.00", "fine_period_days": 7, "grace_days": 2}, None, "0.00", "10.00"),
    (9, {"fine_amount": "5.00", "fine_period_days": 7, "grace_days": 2, "grace_is_charged": True}, None, "0", "10.00"),
    (20, {"fine_amount": "1.00", "fine_cap": "10.00"}, None, "7.00", "3.00"),
    (20, {"fine_amount": "1.00", "fine_cap": "10.00"}, None, "10.00", "0.00"),
    (2, {"fine_amount": "1.00", "fine_cap": "10.00"}, None, "7.00", "2.00"),
    (20, {"fine_amount": "1.00", "fine_cap": "10.00"}, None, "12.00", "0.00"),  # the cap was higher once
    (20, {"fine_amount": "1.00", "fine_cap": "0.00"}, None, "0.00", "0.00"),
    (20, {"fine_amount": "1.00"}, "5.00", "4.50", "0.50"),
    (20, {"fine_amount": "1.00"}, "5.00", "5.00", "0.00"),
    (20, {"fine_amount": "1.00"}, "0.00", "0.00", "0.00"),
    (20, {"fine_amount": "1.00", "fine_cap": "4.00"}, "5.00", "0.00", "4.00"),
    (20, {"fine_amount": "1.00", "fine_cap": "6.00"}, "5.00", "0.00", "5.00"),
    (20, {"fine_amount": "1.00", "cap_at_copy_price": False}, "5.00", "5.00", "20.00"),
    (20, {"fine_amount": "1.00", "cap_at_copy_price": False, "fine_cap": "6.00"}, "5.00", "0.00", "6.00"),
]


@pytest.mark.parametrize(("days", "of_loan", "price", "before", "expected"), FINES)
def test_a_fine(days, of_loan, price, before, expected):
    price = price and Decimal(price)
    found = overdue_charge(days, terms=terms(**of_loan), copy_price=price, charged_before=Decimal(before))
    assert str(found) == expected


SUSPENSIONS = [
    # days, days per day, at most, grace, charged grace, returned, suspended until
    (1, 1, None, 0, False, "2026-03-02", "2026-03-03"),
    (5, 1, None, 0, False, "2026-12-30", "2027-01-04"),
    (2, 1, None, 0, False, "2028-02-27", "2028-02-29"),
    (2, 1, None, 0, False, "2027-02-27", "2027-03-01"),
    (3, 7, None, 0, False, "2026-03-02", "2026-03-23"),
    (3, 7, 14, 0, False, "2026-03-02", "2026-03-16"),
    (3, 7, 21, 0, False, "2026-03-02", "2026-03-23"),
    (3, 7, 0, 0, False, "2026-03-02", None),
    (3, 0, 14, 0, False, "2026-03-02", None),
    (3, 2, None, 3, False, "2026-03-02", None),
    (4, 2, None, 3, False, "2026-03-02", "2026-03-04"),
    (4, 2, None, 3, True, "2026-03-02", "2026-03-10"),
    (0, 2, None, 0, False, "2026-03-02", None),
]


@pytest.mark.parametrize(("days", "each", "most", "grace", "charged", "returned", "expected"), SUSPENSIONS)
def test_a_suspension(days, each, most, grace, charged, returned, expected):
    of_loan = terms(suspension_days_per_day=each, max_suspension_days=most, grace_days=grace, grace_is_charged=charged)
    assert suspension_until(days, terms=of_loan, returned_on=day(returned)) == day(expected)


REFUNDS = [
    # left of the replacement, paid when how much, found, refunded within days, cancelled
    ("500.00", [], "2026-04-10", 90, "500.00"),
    ("0.00", [("2026-01-10", "500.00")], "2026-04-10", 90, "500.00"),  # the ninetieth day
    ("0.00", [("2026-01-10", "500.00")], "2026-04-11", 90, "0.00"),
    ("0.00", [("2028-01-10", "500.00")], "2028-04-09", 90, "500.00"),  # a leap year
    ("0.00", [("2028-01-10", "500.00")], "2028-04-10", 90, "0.00"),
    ("200.00", [("2025-01-10", "300.00")], "2026-04-10", 90, "200.00"),  # what was not paid need not be
    ("200.00", [("2025-01-10", "100.00"), ("2026-04-01", "200.00")], "2026-04-10", 90, "400.00"),
    ("0.00", [("2026-04-10", "500.00")], "2026-04-10", 0, "500.00"),
    ("0.00", [("2026-04-09", "500.00")], "2026-04-10", 0, "0.00"),
    ("0.00", [("2025-12-31", "499.99")], "2026-01-01", 1, "499.99"),
    ("0.00", [("2026-04-20", "500.00")], "2026-04-10", 0, "500.00"),  # found, by the book drop, before it was paid
    ("0.00", [], "2026-04-10", 90, "0.00"),
]


@pytest.mark.parametrize(("left", "paid", "found_on", "within", "expected"), REFUNDS)
def test_a_refund(left, paid, found_on, within, expected):
    cancelled = replacement_to_cancel(
        left=Decimal(left),
        paid=[(day(on), Decimal(amount)) for on, amount in paid],
        found_on=day(found_on),
        terms=terms(refund_within_days=within),
    )
    assert str(cancelled) == expected


@pytest.mark.parametrize(
    ("of_loan", "price", "expected"),
    [
        ({}, "450.00", "450.00"),
        ({}, None, "0.00"),
        ({}, "0.00", "0.00"),
        ({"replacement_amount": "300.00"}, None, "300.00"),
        ({"replacement_amount": "300.00"}, "450.00", "450.00"),
        ({"replacement_fee": "set_amount", "replacement_amount": "300.00"}, "450.00", "300.00"),
        ({"replacement_fee": "set_amount", "replacement_amount": "300.00"}, None, "300.00"),
    ],
)
def test_a_replacement(of_loan, price, expected):
    assert str(replacement_charge(terms=terms(**of_loan), copy_price=price and Decimal(price))) == expected


@pytest.mark.parametrize(
    ("calendar", "ready", "days", "expected"),
    [
        (TOWN, "2026-02-10", 7, "2026-02-19"),
        (TOWN, "2026-02-21", 1, "2026-02-24"),
        (TOWN, "2025-12-31", 2, "2026-01-10"),
        (TOWN, "2028-02-26", 1, "2028-02-29"),
        (TOWN, "2026-02-22", 1, "2026-02-24"),  # ready on a closed day
        (NEVER, "2026-03-01", 7, "2026-03-08"),
    ],
)
def test_the_last_day_on_the_hold_shelf(calendar, ready, days, expected):
    found = pickup_until(ready_on=day(ready), terms=terms(pickup_open_days=days), calendar=calendar)
    assert found == day(expected)
