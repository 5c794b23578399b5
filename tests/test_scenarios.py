"""Circulation cases taken as facts from the public tests of Koha, FOLIO, RERO and Evergreen, as far as our rules go.

They are read from the data shared between projects, and skipped where those are absent: each must be told here, either
by a test or by the reason why no rule of this library says such a thing.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from accounts.rules import ReaderFacts
from cashdesk.rules import Open, settle
from catalog.tests.data_for_tests import DATA
from circulation.actions import return_copy
from circulation.rules import (
    RenewalFacts,
    ReturnFacts,
    overdue_charge,
    overdue_days,
    renewal_refusals,
    return_happenings,
    suspension_until,
)
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid
from policies.calendar import Calendar, ClosedRange, Stretch
from policies.models import OpeningHours
from policies.terms import Terms, due_at, renewed_due_at
from policies.tests.factories import BranchFactory
from reservations.rules import CopyFacts, ReserveFacts, pickup_until, reserve_refusals

SCENARIOS = DATA / "scenarios" / "scenarios.json"

ELSEWHERE = {
    "S37": "circulation/tests/test_races.py: the last permitted loan for thirty-two desks",
    "S13": "circulation: closing a day afterwards moves open loans, with its own tests",
}
"""Told by another test."""
NOT_OURS = {
    "S09": "no other period while somebody waits: a renewal is refused then, which comes to the same for the queue",
    "S19": "no last day of automatic renewals: max_renewals and the fixed due day end them",
    "S23": "one rate of fine for each rule, no steps; a cap",
}
"""Which no parameter of a lending rule can say."""
IN_PART = {
    "S03": "no day is opened by exception on a closed weekday: the hours of the week are changed instead",
    "S05": "a card that expired is left out of account when staff lend nevertheless: no loan begins overdue",
    "S07": "a fixed day has no first day, and one gone by is left out of account instead of refusing the loan",
    "S11": "a branch without hours is always open; touching stretches are one, and three in a day are welcome",
    "S25": "fines by days, no recalls; an interval of so many minutes or hours is a day's",
    "S27": "grace is of days; no recalls",
    "S29": "suspension counts calendar days from the return, for each overdue day",
    "S31": "the reader does not choose the last day of pick-up",
    "S33": "no recalls: only the arithmetic of the closed day",
    "S35": "what doors answer is told by reservations/tests/test_api.py",
    "S41": "no SIP2 yet; a return dated in the future is refused instead of stored as now",
}
"""What of a scenario has no counterpart; the rest is tested."""

UTC_ALWAYS = Calendar(ZoneInfo("UTC"))


def closed(*days, yearly=False):
    return tuple(ClosedRange(date.fromisoformat(one), date.fromisoformat(one), yearly) for one in days)


def week(*weekdays):
    return tuple(Stretch(weekday, time(9), time(17)) for weekday in weekdays)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lent(start, calendar, card=None, **terms):
    return due_at(
        start=at(start),
        terms=Terms(**terms),
        calendar=calendar,
        card_expires_on=card and date.fromisoformat(card),
        hour_loan_after_closing="closing",
    )


def end_of(day):
    return at(f"{day}T23:59:59")


@pytest.mark.skipif(not SCENARIOS.exists(), reason=f"no {SCENARIOS}")
def test_every_scenario_is_told_here():
    tested = {name.removeprefix("test_")[:3].upper() for name in globals() if name.startswith("test_s")}
    known = {scenario["id"] for scenario in json.loads(SCENARIOS.read_text())}
    assert known == (tested & known) | set(ELSEWHERE) | set(NOT_OURS)
    assert set(IN_PART) <= tested


def test_s01_the_due_day_alone_moves():
    calendar = Calendar(ZoneInfo("UTC"), week(0, 1, 2, 3, 4), closed("2012-07-04"))
    assert lent("2012-07-03T11:53", calendar, loan_period=1) == end_of("2012-07-05")
    assert lent("2012-07-03T11:53", calendar, loan_period=2) == end_of("2012-07-05")
    assert lent("2012-07-23T11:53", calendar, loan_period=7) == end_of("2012-07-30")
    by_hours = lent("2012-07-23T11:53", calendar, loan_period=7 * 24, loan_period_unit="hours")
    assert by_hours == at("2012-07-30T11:53")


def test_s03_closed_days():
    yearly = closed("2000-01-01", "2000-12-25", yearly=True)
    here = Calendar(ZoneInfo("UTC"), week(0, 1, 2, 3, 4), (*yearly, *closed("2011-06-01")))
    there = replace(here, closed=(*here.closed, *closed("2012-08-06")))
    assert not here.is_open(date(2013, 1, 1))
    assert not here.is_open(here.day_of(at("2011-06-01T11:02")))
    assert here.is_open(date(2012, 8, 6))
    assert not there.is_open(date(2012, 8, 6))


@pytest.mark.parametrize(
    ("closures", "expected"),
    [
        ((), "2013-01-01"),
        (("2013-01-01",), "2012-12-31"),
        (("2013-01-01", "2012-12-31"), "2012-12-30"),
    ],
)
def test_s05_not_after_the_card(closures, expected):
    calendar = Calendar(ZoneInfo("UTC"), (), closed(*closures))
    assert lent("2012-12-28T10:00", calendar, card="2013-01-01", loan_period=10) == end_of(expected)


def test_s05_an_expired_card_or_none_and_its_renewal():
    assert lent("2013-02-09T10:00", UTC_ALWAYS, card="2013-01-01", loan_period=10) == end_of("2013-02-19")
    assert lent("2013-02-09T10:00", UTC_ALWAYS, loan_period=10) == end_of("2013-02-19")
    terms = Terms(loan_period=10, renewal_period=5, renew_from="now")
    assert renewed(end_of("2013-02-19"), at("2013-02-09T10:00"), terms) == end_of("2013-02-14")


def test_s07_the_end_of_a_term():
    term = {"fixed_due_on": date(2018, 12, 31), "fixed_due_mode": "exactly"}
    assert lent("2018-03-14T00:00", UTC_ALWAYS, **term) == end_of("2018-12-31")
    assert lent("2019-01-01T00:00", UTC_ALWAYS, **term) == end_of("2019-01-15")


def renewed(due, now, terms):
    return renewed_due_at(
        due=due,
        now=now,
        terms=terms,
        calendar=UTC_ALWAYS,
        card_expires_on=None,
        hour_loan_after_closing="closing",
    )


def told_of_renewal(due, now, terms, renewals=0):
    reader = ReaderFacts(card_expires_on=date(2099, 1, 1), is_card_lost=False, age=None)
    facts = RenewalFacts(
        now=now,
        today=now.date(),
        reader=reader,
        terms=terms,
        is_open=True,
        is_copy_lost=False,
        renewals=renewals,
        due_on=due.date(),
        due_at=due,
        new_due_at=renewed(due, now, terms),
        is_overdue_renewable=True,
    )
    return [refusal.reason.value for refusal in renewal_refusals(facts)]


@pytest.mark.parametrize("now", ["2018-01-14T13:45:21", "2018-01-13T13:45:21"])
def test_s15_a_renewal_that_does_not_extend(now):
    terms = Terms(loan_period=72, loan_period_unit="hours", renew_from="now")
    assert told_of_renewal(at("2018-01-17T13:45:21"), at(now), terms) == ["renewal_would_not_extend"]


def test_s17_one_renewal():
    terms = Terms(max_renewals=1)
    due, now = end_of("2018-01-17"), at("2018-01-14T13:45")
    assert told_of_renewal(due, now, terms) == []
    assert told_of_renewal(due, now, terms, renewals=1) == ["renewal_limit"]


ROUBLE = Terms(fine_amount=Decimal("1.00"))


@pytest.mark.parametrize(
    ("returned", "expected"),
    [(date(2026, 3, 11), "10.00"), (date(2026, 3, 6), "5.00"), (date(2026, 2, 27), "0.00")],
)
def test_s21_a_return_dated_back(returned, expected):
    days = overdue_days(due_on=date(2026, 3, 1), until=returned, terms=ROUBLE, calendar=UTC_ALWAYS)
    assert str(overdue_charge(days, terms=ROUBLE, copy_price=None)) == expected


@pytest.mark.parametrize(
    ("period", "days", "expected"), [(1, 5, "5.00"), (1, 15, "10.00"), (7, 35, "5.00"), (7, 105, "10.00")]
)
def test_s25_intervals_and_a_cap(period, days, expected):
    terms = replace(ROUBLE, fine_period_days=period, fine_cap=Decimal("10.00"))
    assert str(overdue_charge(days, terms=terms, copy_price=None)) == expected


@pytest.mark.parametrize(
    ("grace", "charged", "expected"),
    [(5, True, "10.00"), (12, True, "0.00"), (5, False, "5.00"), (12, False, "0.00")],
)
def test_s27_grace_as_a_threshold_and_as_a_deduction(grace, charged, expected):
    terms = replace(ROUBLE, grace_days=grace, grace_is_charged=charged)
    assert str(overdue_charge(10, terms=terms, copy_price=None)) == expected


@pytest.mark.parametrize(("closures", "expected"), [((), 10), (("2026-03-04",), 8)])
def test_s29_suspended_for_lateness(closures, expected):
    terms, calendar = Terms(suspension_days_per_day=2), Calendar(ZoneInfo("UTC"), (), closed(*closures))
    returned_on = date(2026, 3, 6)
    days = overdue_days(due_on=date(2026, 3, 1), until=returned_on, terms=terms, calendar=calendar)
    assert suspension_until(days, terms=terms, returned_on=returned_on) == returned_on + timedelta(days=expected)


@pytest.mark.parametrize(
    ("closures", "expected"), [((), date(2026, 3, 8)), (("2026-03-04", "2026-03-06"), date(2026, 3, 10))]
)
def test_s31_kept_for_pick_up(closures, expected):
    calendar = Calendar(ZoneInfo("UTC"), (), closed(*closures))
    assert pickup_until(ready_on=date(2026, 3, 2), terms=Terms(pickup_open_days=6), calendar=calendar) == expected


def test_s33_a_closed_saturday():
    calendar = Calendar(ZoneInfo("UTC"), week(0, 1, 2, 3, 4))
    assert lent("2019-01-25T10:00", calendar, loan_period=8) == end_of("2019-02-04")


def test_s35_the_same_book_twice():
    copy = CopyFacts(copy_id=1, branch_id=1, status="loaned", is_reference_only=False, terms=Terms())
    facts = ReserveFacts(
        today=date(2026, 3, 2),
        reader=ReaderFacts(card_expires_on=date(2099, 1, 1), is_card_lost=False, age=None),
        copies=(copy,),
        pickup_branch_id=1,
        do_copies_travel=True,
    )
    assert reserve_refusals(facts) == ()
    again = reserve_refusals(replace(facts, active=1, active_of_book=1))
    assert [refusal.reason.value for refusal in again] == ["already_reserved"]


def test_s39_the_oldest_debt_first():
    debits = [Open(n, Decimal(n)) for n in (1, 2, 3)]
    shares = settle([Open(9, Decimal(4))], debits)
    left = [debit.left - sum(share.amount for share in shares if share.debit_id == debit.entry_id) for debit in debits]
    assert left == [0, 0, 2]
    assert sum(left) == 2


def test_s41_a_return_of_what_is_not_out():
    facts = ReturnFacts(was_on_loan=False, copy_status="available", home_branch="Here", is_at_home=True)
    assert [happened.what.value for happened in return_happenings(facts)] == ["not_on_loan"]


@pytest.mark.django_db
def test_s41_a_return_in_the_future():
    loan, now = LoanFactory(), at("2026-03-02T09:00")
    with pytest.raises(Invalid):
        return_copy(
            copy_id=loan.copy_id, by=None, branch_id=loan.branch_id, now=now, returned_at=now + timedelta(days=1)
        )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("stretches", "is_welcome"),
    [
        ([(0, 8, 12), (0, 9, 11)], False),
        ([(0, 8, 12), (0, 8, 12)], False),
        ([(0, 12, 8)], False),
        ([(0, 8, 12), (0, 12, 18)], True),
        ([(0, 8, 10), (0, 12, 14), (0, 16, 18)], True),
        ([(4, 12, 18), (4, 8, 10), (0, 8, 12)], True),  # in any order
    ],
)
def test_s11_opening_hours(stretches, is_welcome):
    branch = BranchFactory()

    def enter():
        for weekday, opens, closes in stretches:
            hours = OpeningHours(branch=branch, weekday=weekday, opens_at=time(opens), closes_at=time(closes))
            hours.full_clean()
            hours.save()

    if is_welcome:
        enter()
    else:
        with pytest.raises(ValidationError):
            enter()
