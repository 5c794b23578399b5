"""The made-up year: it keeps the rules of the library at every moment, and the stories come out."""

from collections import defaultdict
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from demo.past import Borrower, Item, Past
from policies.calendar import Calendar, ClosedRange, Stretch
from policies.terms import PARAMETERS, Row, Scope, Terms

MOSCOW = ZoneInfo("Europe/Moscow")
ADULT, CHILD = 1, 2
BOOK, GAME = 11, 12
TOWN, VILLAGE = 21, 22
STORIES = ("overdue_1", "overdue_7", "overdue_40", "due_today", "due_in_3", "renewed", "limit", "sign_in", "blocked")
NEW_YEAR = ClosedRange(date(2020, 1, 1), date(2020, 1, 8), repeats_yearly=True)
CALENDARS = {
    TOWN: Calendar(MOSCOW, tuple(Stretch(day, time(10), time(18)) for day in range(7)), (NEW_YEAR,)),
    VILLAGE: Calendar(
        MOSCOW,
        tuple(
            Stretch(day, opens, closes)
            for day in range(1, 6)
            for opens, closes in ((time(9), time(13)), (time(14), time(18)))
        ),
        (NEW_YEAR,),
    ),
}
RULES = [
    Row(1, Scope(), {name: getattr(Terms(), name) for name in PARAMETERS}),
    Row(2, Scope(category_id=CHILD), dict.fromkeys(PARAMETERS) | {"max_loans": 5}),  # of everything, games as well
    Row(3, Scope(item_type_id=GAME), dict.fromkeys(PARAMETERS) | {"max_loans": 1, "max_renewals": 0, "loan_period": 7}),
]


def past(today, stories=STORIES):
    items = [
        Item(
            copy_id=number,
            book_id=number // 2,
            item_type_id=GAME if number % 20 == 0 else BOOK,
            branch_id=VILLAGE if number % 3 == 0 else TOWN,
            is_for_children=number // 2 % 4 == 0,
            popularity=1 + number % 7,
        )
        for number in range(400)
    ]
    borrowers = [
        Borrower(
            reader_id=number,
            category_id=CHILD if number % 5 == 4 else ADULT,
            branch_id=VILLAGE if number % 7 == 6 and not story else TOWN,
            expires_on=today + timedelta(days=60 + number),
            is_child=number % 5 == 4,
            story=story,
        )
        for number, story in enumerate((*stories, *[""] * 12))
    ]
    return Past(
        today=today,
        items=items,
        borrowers=borrowers,
        rules=RULES,
        calendars=CALENDARS,
        hour_loan_after_closing="closing",
        book_type_id=BOOK,
    )


TODAYS = [date(2026, 11, 21), date(2026, 3, 1), date(2028, 2, 29), date(2027, 1, 5), date(2026, 1, 12)]


@pytest.mark.parametrize("today", TODAYS)
def test_the_rules_of_the_library_hold_at_every_moment(today):
    loans = past(today).happen()
    assert len(loans) > 400
    events = []
    for loan in loans:
        calendar = CALENDARS[loan.item.branch_id]
        returned = loan.returned_at
        assert loan.due_at > loan.checked_out_at
        assert returned is None or returned > loan.checked_out_at
        assert len(loan.renewed_at) <= loan.terms.max_renewals
        assert calendar.day_of(loan.due_at) <= loan.borrower.expires_on
        assert loan.item.is_for_children or not loan.borrower.is_child
        assert loan.item.branch_id == loan.borrower.branch_id
        for moment in (loan.checked_out_at, *loan.renewed_at, *([returned] if returned else [])):
            assert calendar.is_open_at(moment)
            assert today - timedelta(days=365) <= calendar.day_of(moment) < today
        events.append((loan.checked_out_at, 1, loan))
        if returned:
            events.append((returned, 0, loan))
    out = defaultdict(list)
    for _moment, is_check_out, loan in sorted(events, key=lambda event: event[:2]):
        held = out[loan.borrower.reader_id]
        if not is_check_out:
            held.remove(loan)
            continue
        assert all(other.item.copy_id != loan.item.copy_id for loans in out.values() for other in loans)
        assert all(other.item.book_id != loan.item.book_id for other in held)
        held.append(loan)
        games = sum(other.item.item_type_id == GAME for other in held)
        if loan.borrower.is_child:
            assert len(held) <= 5
        elif loan.item.item_type_id == GAME:
            assert games == 1
        else:
            assert len(held) <= 3


def story_of(loans, story):
    return [loan for loan in loans if loan.borrower.story == story and loan.returned_at is None]


def test_the_stories_come_out():
    """On Saturday 21 November 2026, with the town library open every day."""
    loans = past(date(2026, 11, 21)).happen()
    due_days = {
        story: [CALENDARS[TOWN].day_of(loan.due_at).isoformat() for loan in story_of(loans, story)] for story in STORIES
    }
    assert due_days["overdue_1"] == ["2026-11-20"]
    assert due_days["overdue_7"] == ["2026-11-14"]
    assert due_days["overdue_40"] == ["2026-10-12"]
    assert due_days["due_today"] == ["2026-11-21"]
    assert due_days["due_in_3"] == ["2026-11-24"]
    assert due_days["renewed"] == ["2026-12-01"]  # due on 17 November, and 14 days more
    assert len(due_days["limit"]) == 3
    assert sorted(due_days["sign_in"]) == ["2026-11-24", "2026-12-01"]
    assert due_days["blocked"] == []
    assert [len(loan.renewed_at) for loan in story_of(loans, "renewed")] == [1]


def test_after_the_holidays_the_stories_take_the_nearest_day():
    """On 9 January nothing can have fallen due on the 8th: the library was closed from the 1st on."""
    loans = past(date(2027, 1, 9)).happen()
    due_days = [CALENDARS[TOWN].day_of(loan.due_at) for loan in story_of(loans, "overdue_1")]
    assert due_days == [date(2026, 12, 31)]


@pytest.mark.parametrize("today", TODAYS)
def test_only_those_with_the_story_are_overdue(today):
    loans = past(today).happen()
    late = {
        loan.borrower.story
        for loan in loans
        if loan.returned_at is None and CALENDARS[loan.item.branch_id].day_of(loan.due_at) < today
    }
    assert late == {"overdue_1", "overdue_7", "overdue_40"}


def test_the_same_day_has_always_the_same_past():
    def trace():
        return [
            (loan.item.copy_id, loan.borrower.reader_id, loan.checked_out_at, loan.due_at, loan.returned_at)
            for loan in past(date(2026, 11, 21)).happen()
        ]

    assert trace() == trace()
