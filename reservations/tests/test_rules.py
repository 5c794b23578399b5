"""The rules of the queue, case by case: reasons, who gets which copy, when, and in what order."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from accounts.rules import Block, ReaderFacts
from policies.calendar import Calendar, Stretch
from policies.terms import Terms
from reservations.rules import (
    CopyFacts,
    ReserveFacts,
    Turn,
    covered,
    expected_days,
    is_needed,
    order_at,
    pickup_until,
    reserve_refusals,
)

MOSCOW = ZoneInfo("Europe/Moscow")
TODAY = date(2026, 3, 2)
READER = ReaderFacts(card_expires_on=date(2026, 12, 31), age=30)
OUT = CopyFacts(copy_id=1, branch_id=1, status="loaned", is_reference_only=False, terms=Terms())
HERE = replace(OUT, copy_id=2, status="available")
FACTS = ReserveFacts(today=TODAY, reader=READER, copies=(OUT,), pickup_branch_id=1, do_copies_travel=True)


def with_terms(copy=OUT, **terms):
    return replace(copy, terms=Terms(**terms))


CASES = {
    "nothing against it": ({}, []),
    "unknown reader and book": ({"reader": None, "is_book_known": False}, ["reader_unknown", "book_unknown"]),
    "every reason about the reader, in order": (
        {
            "reader": ReaderFacts(
                card_expires_on=date(2026, 3, 1),
                is_card_lost=True,
                age=10,
                blocks=(
                    Block(is_suspension=True, reason="late", until=date(2026, 3, 9)),
                    Block(is_suspension=False, reason="damage", until=None),
                ),
                overdue_loans=2,
                max_overdue_loans=1,
            ),
            "copies": (with_terms(minimum_age=18),),
        },
        ["card_expired", "card_lost", "reader_blocked", "reader_suspended", "overdue_limit", "age_restricted"],
    ),
    "one copy is for all ages": (
        {"reader": replace(READER, age=10), "copies": (with_terms(minimum_age=18), HERE)},
        [],
    ),
    "not reservable": ({"copies": (with_terms(reservable=False),)}, ["not_reservable"]),
    "one copy may be reserved": ({"copies": (with_terms(reservable=False), HERE)}, []),
    "reserved already": ({"active": 1, "active_of_book": 1}, ["already_reserved"]),
    "twice is allowed": (
        {"active": 1, "active_of_book": 1, "copies": (with_terms(max_reservations_per_book=2),)},
        [],
    ),
    "a third time is not": (
        {"active": 2, "active_of_book": 2, "copies": (with_terms(max_reservations_per_book=2),)},
        ["reservation_limit"],
    ),
    "on loan to this reader": (
        {"same_book_due_at": datetime(2026, 3, 16, 23, 59, 59, tzinfo=MOSCOW)},
        ["same_book_on_loan"],
    ),
    "the fifth of five": ({"active": 4}, []),
    "the sixth of five": ({"active": 5}, ["reservation_limit"]),
    "the most generous copy counts": (
        {"active": 5, "copies": (OUT, with_terms(HERE, max_reservations=6))},
        [],
    ),
    "two a day": ({"placed_today": 2, "copies": (with_terms(max_reservations_per_day=2),)}, ["reservation_limit"]),
    "no limit a day by one of the copies": (
        {"placed_today": 9, "copies": (with_terms(max_reservations_per_day=2), HERE)},
        [],
    ),
    "on the shelf, only what is out": (
        {"copies": (with_terms(HERE, on_shelf="when_all_out"),)},
        ["available_on_shelf"],
    ),
    "on the shelf, but others wait for it": (
        {"copies": (with_terms(HERE, on_shelf="when_all_out"),), "waiting": 1},
        [],
    ),
    "on the shelf, always": ({"copies": (HERE,)}, []),
    "no copy at all": ({"copies": ()}, ["no_copy_could_fill"]),
    "all lost, withdrawn or to read here": (
        {
            "copies": (
                replace(OUT, status="lost"),
                replace(OUT, status="withdrawn"),
                replace(OUT, is_reference_only=True),
                with_terms(loanable=False),
            )
        },
        ["no_copy_could_fill"],
    ),
    "in another branch, and copies stay": ({"do_copies_travel": False, "pickup_branch_id": 2}, ["no_copy_could_fill"]),
    "damaged or on order may still come": ({"copies": (replace(OUT, status="damaged"),)}, []),
    "several at once": (
        {
            "active": 5,
            "active_of_book": 1,
            "placed_today": 1,
            "copies": (with_terms(HERE, on_shelf="when_all_out", max_reservations_per_day=1),),
        },
        ["already_reserved", "reservation_limit", "reservation_limit", "available_on_shelf"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_reasons_against_a_reservation(case):
    changes, expected = CASES[case]
    assert [refusal.reason.value for refusal in reserve_refusals(replace(FACTS, **changes))] == expected


def test_who_may_override():
    facts = replace(FACTS, active=5, copies=(with_terms(HERE, on_shelf="when_all_out"),), reader=None)
    assert [refusal.override for refusal in reserve_refusals(facts)] == [
        None,
        "reservations.override_reservation_limit",
        "reservations.override_available_on_shelf",
    ]


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ([], {}),
        ([[]], {}),
        ([[1, 2], [1]], {0: 2, 1: 1}),  # the first gives way to the second and takes another
        ([[1], [1]], {0: 1}),  # nobody behind takes it from one before
        ([[1], [1, 2], [2, 3]], {0: 1, 1: 2, 2: 3}),
    ],
)
def test_as_many_as_possible_are_served(wishes, expected):
    assert covered(wishes) == expected


@pytest.mark.parametrize(
    ("wishes", "needed"),
    [
        ([], False),
        ([[2]], False),  # nobody wants this one
        ([[1]], True),
        ([[1, 2]], False),  # the other will do
        ([[1, 2], [1, 2]], True),
        ([[1, 2], [1]], True),
    ],
)
def test_whether_the_queue_needs_copy_one(wishes, needed):
    assert is_needed(1, wishes) is needed


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        # Copy 1 is due on 10 March, copy 2 on 5 March; each is kept for 14 days.
        ([Turn(copies=[1, 2])], [date(2026, 3, 5)]),
        ([Turn(copies=[1, 2])] * 3, [date(2026, 3, 5), date(2026, 3, 10), date(2026, 3, 19)]),
        ([Turn(copies=[])], [None]),
        ([Turn(copies=[2], far=frozenset({2}))], [date(2026, 3, 7)]),
        (
            [Turn(copies=[2], suspended_until=date(2026, 3, 31)), Turn(copies=[2])],
            [date(2026, 4, 1), date(2026, 3, 5)],
        ),
        ([Turn(copies=[2], suspended_until=date(2026, 3, 1)), Turn(copies=[1])], [date(2026, 3, 5), date(2026, 3, 10)]),
    ],
)
def test_when_each_of_the_queue_comes(turns, expected):
    due = {1: date(2026, 3, 10), 2: date(2026, 3, 5)}
    assert expected_days(turns, free_on=due, loan_days={1: 14, 2: 14}, today=TODAY) == expected


def test_the_shelf_is_counted_in_open_days():
    weekdays = Calendar(zone=MOSCOW, week=tuple(Stretch(day, time(10), time(18)) for day in range(5)))
    terms = Terms(pickup_open_days=7)
    assert pickup_until(ready_on=TODAY, terms=terms, calendar=weekdays) == date(2026, 3, 11)
    closed = Calendar(zone=MOSCOW, week=(Stretch(6, time(10), time(10)),), closed=())
    assert pickup_until(ready_on=TODAY, terms=terms, calendar=closed) == date(2026, 4, 19)  # seven Sundays


@pytest.mark.parametrize(
    ("place", "others", "expected"),
    [
        (1, [], 0),
        (1, [50, 100], 40),
        (2, [50, 100], 75),
        (3, [50, 100], 110),
        (99, [50, 100], 110),
        (2, [50, 51], None),
    ],
)
def test_the_order_of_a_moved_reservation(place, others, expected):
    assert order_at(place, others, step=10) == expected
