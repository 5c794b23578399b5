"""Open days, closing times and openings, on dates one can look up in a calendar."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from policies.calendar import Calendar, ClosedRange, NoOpenDay, Stretch

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def week(*weekdays, opens=time(10), closes=time(18)):
    return tuple(Stretch(weekday, opens, closes) for weekday in weekdays)


def closed(starts_on, ends_on=None, yearly=False):
    return ClosedRange(date.fromisoformat(starts_on), date.fromisoformat(ends_on or starts_on), yearly)


WEEKDAYS = week(0, 1, 2, 3, 4)
TOWN = Calendar(MOSCOW, WEEKDAYS, (closed("2026-01-01", "2026-01-08"), closed("2011-05-09", yearly=True)))


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2026-01-09", True),  # Friday after the New Year holidays
        ("2026-01-08", False),  # their last day
        ("2026-01-01", False),  # their first
        ("2025-12-31", True),  # Wednesday
        ("2026-01-10", False),  # Saturday
        ("2026-01-11", False),  # Sunday
        ("2025-05-09", False),  # a Friday, closed every year
        ("2028-05-09", False),  # a Tuesday
        ("2028-05-10", True),
    ],
)
def test_weekly_single_and_yearly_closures(day, is_open):
    assert TOWN.is_open(date.fromisoformat(day)) is is_open


@pytest.mark.parametrize(
    ("range_", "day", "covers"),
    [
        (closed("2012-01-01", yearly=True), "2013-01-01", True),
        (closed("2012-12-25", yearly=True), "2012-12-25", True),
        (closed("2011-06-01"), "2011-06-01", True),
        (closed("2011-06-01"), "2012-06-01", False),
        (closed("2025-12-28", "2026-01-03", yearly=True), "2030-12-28", True),
        (closed("2025-12-28", "2026-01-03", yearly=True), "2030-12-31", True),
        (closed("2025-12-28", "2026-01-03", yearly=True), "2031-01-03", True),
        (closed("2025-12-28", "2026-01-03", yearly=True), "2031-01-04", False),
        (closed("2025-12-28", "2026-01-03", yearly=True), "2030-12-27", False),
        (closed("2024-02-29", yearly=True), "2028-02-29", True),
        (closed("2024-02-29", yearly=True), "2027-02-28", False),
        (closed("2024-02-29", yearly=True), "2027-03-01", False),
        (closed("2026-02-28", "2026-03-01", yearly=True), "2028-02-29", True),
    ],
)
def test_closed_ranges(range_, day, covers):
    assert range_.covers(date.fromisoformat(day)) is covers


def test_koha_calendar_closed_here_open_there():
    """Weekends, two yearly days, a single one, and one that only this branch keeps."""
    yearly = (closed("2000-01-01", yearly=True), closed("2000-12-25", yearly=True), closed("2011-06-01"))
    here = Calendar(NEW_YORK, WEEKDAYS, yearly)
    there = Calendar(NEW_YORK, WEEKDAYS, (*yearly, closed("2012-08-06")))
    assert not here.is_open(date(2013, 1, 1))
    assert not here.is_open(date(2011, 6, 1))
    assert here.is_open(date(2012, 8, 6))
    assert not there.is_open(date(2012, 8, 6))


def test_next_and_previous_open_day():
    assert TOWN.next_open(date(2026, 1, 1)) == date(2026, 1, 9)
    assert TOWN.next_open(date(2026, 1, 9)) == date(2026, 1, 9)
    assert TOWN.next_open(date(2026, 1, 10)) == date(2026, 1, 12)
    assert TOWN.previous_open(date(2026, 1, 8)) == date(2025, 12, 31)
    assert TOWN.previous_open(date(2026, 1, 11)) == date(2026, 1, 9)


def test_counting_open_days_leaves_out_the_first_and_counts_the_last():
    assert TOWN.open_days_between(date(2025, 12, 30), date(2026, 1, 12)) == 3  # 31, 9, 12
    assert TOWN.open_days_between(date(2026, 1, 9), date(2026, 1, 9)) == 0
    assert TOWN.open_days_between(date(2026, 1, 12), date(2026, 1, 9)) == 0
    assert TOWN.add_open_days(date(2025, 12, 30), 3) == date(2026, 1, 12)
    assert TOWN.add_open_days(date(2026, 1, 10), 0) == date(2026, 1, 10)


def test_a_branch_without_hours_is_open_every_day_round_the_clock():
    always = Calendar(MOSCOW, (), (closed("2026-01-01"),))
    assert always.is_open(date(2026, 1, 4))
    assert not always.is_open(date(2026, 1, 1))
    assert always.is_open_at(datetime(2026, 1, 4, 3, 0, tzinfo=MOSCOW))
    assert always.closing_time(date(2026, 1, 4)) == datetime(2026, 1, 4, 23, 59, 59, tzinfo=MOSCOW)
    assert always.next_opening(datetime(2025, 12, 31, 23, 0, tzinfo=MOSCOW)) == datetime(2026, 1, 2, tzinfo=MOSCOW)
    assert always.previous_closing(datetime(2026, 1, 1, 12, 0, tzinfo=MOSCOW)) == datetime(
        2025, 12, 31, 23, 59, 59, tzinfo=MOSCOW
    )


LUNCH = Calendar(BERLIN, (Stretch(0, time(14), time(18)), Stretch(0, time(9), time(13)), Stretch(1, time(9), time(13))))


def berlin(day, hour, minute=0):
    return datetime(2026, 6, day, hour, minute, tzinfo=BERLIN)  # 1 June 2026 is a Monday


@pytest.mark.parametrize(
    ("instant", "is_open", "next_opening", "previous_closing"),
    [
        (berlin(1, 8, 59), False, berlin(1, 9), datetime(2026, 5, 26, 13, tzinfo=BERLIN)),
        (berlin(1, 9), True, berlin(1, 14), datetime(2026, 5, 26, 13, tzinfo=BERLIN)),
        (berlin(1, 13), True, berlin(1, 14), datetime(2026, 5, 26, 13, tzinfo=BERLIN)),
        (berlin(1, 13, 30), False, berlin(1, 14), berlin(1, 13)),
        (berlin(1, 18), True, berlin(2, 9), berlin(1, 13)),
        (berlin(1, 18, 1), False, berlin(2, 9), berlin(1, 18)),
        (berlin(3, 12), False, berlin(8, 9), berlin(2, 13)),
    ],
)
def test_lunch_break(instant, is_open, next_opening, previous_closing):
    assert LUNCH.is_open_at(instant) is is_open
    assert LUNCH.next_opening(instant) == next_opening
    assert LUNCH.previous_closing(instant) == previous_closing


def test_closing_time_is_the_last_of_the_day_and_of_open_days_only():
    assert LUNCH.closing_time(date(2026, 6, 1)) == datetime(2026, 6, 1, 16, 0, tzinfo=UTC)
    with pytest.raises(ValueError, match="closed on 2026-06-03"):
        LUNCH.closing_time(date(2026, 6, 3))


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        (MOSCOW, "2026-06-01", "2026-06-01T20:59:59+00:00"),
        (BERLIN, "2026-03-28", "2026-03-28T22:59:59+00:00"),  # the evening before summer time
        (BERLIN, "2026-03-29", "2026-03-29T21:59:59+00:00"),
        (BERLIN, "2026-10-24", "2026-10-24T21:59:59+00:00"),
        (BERLIN, "2026-10-25", "2026-10-25T22:59:59+00:00"),
        (NEW_YORK, "2026-03-08", "2026-03-09T03:59:59+00:00"),
        (NEW_YORK, "2026-11-01", "2026-11-02T04:59:59+00:00"),
        (ZoneInfo("Asia/Vladivostok"), "2026-12-31", "2026-12-31T13:59:59+00:00"),
        (ZoneInfo("Asia/Kathmandu"), "2026-06-01", "2026-06-01T18:14:59+00:00"),
        (ZoneInfo("America/Nuuk"), "2024-03-30", "2024-03-31T00:59:59+00:00"),  # clocks jump from 23:00 to midnight
        (ZoneInfo("America/Asuncion"), "2024-03-23", "2024-03-24T03:59:59+00:00"),  # 23:00 to midnight twice
        (ZoneInfo("Africa/Cairo"), "2024-04-25", "2024-04-25T21:59:59+00:00"),  # the 26th begins at 01:00
    ],
)
def test_end_of_day(zone, day, end):
    assert Calendar(zone).end_of_day(date.fromisoformat(day)) == datetime.fromisoformat(end)


def test_hours_on_open_days():
    """From Friday 9 January 2026, 22:00, over a closed weekend: 2 hours on Friday, 3 on Monday."""
    start = datetime(2026, 1, 9, 22, 0, tzinfo=MOSCOW)
    assert TOWN.add_hours_on_open_days(start, 2) == datetime(2026, 1, 10, 0, 0, tzinfo=MOSCOW)
    assert TOWN.add_hours_on_open_days(start, 5) == datetime(2026, 1, 12, 3, 0, tzinfo=MOSCOW)
    assert TOWN.add_hours_on_open_days(start, 27) == datetime(2026, 1, 13, 1, 0, tzinfo=MOSCOW)
    on_sunday = datetime(2026, 1, 11, 12, 0, tzinfo=MOSCOW)
    assert TOWN.add_hours_on_open_days(on_sunday, 1) == datetime(2026, 1, 12, 1, 0, tzinfo=MOSCOW)


NEVER = [
    Calendar(MOSCOW, (), (closed("2000-01-01", "2000-12-31", yearly=True),)),
    Calendar(MOSCOW, week(6), (closed("2020-01-01", "2060-12-31"),)),
    Calendar(MOSCOW, (), (closed("0001-01-01", "9999-12-31"),)),
]


@pytest.mark.parametrize("calendar", NEVER)
def test_all_days_closed_is_an_error_not_a_loop(calendar):
    day, instant = date(2026, 6, 1), datetime(2026, 6, 1, 12, tzinfo=MOSCOW)
    for search in (
        lambda: calendar.next_open(day),
        lambda: calendar.previous_open(date(2030, 6, 1)),
        lambda: calendar.add_open_days(day, 14),
        lambda: calendar.next_opening(instant),
        lambda: calendar.previous_closing(datetime(2030, 6, 1, 12, tzinfo=MOSCOW)),
        lambda: calendar.add_hours_on_open_days(instant, 3),
    ):
        with pytest.raises(NoOpenDay):
            search()
    assert calendar.open_days_between(day, date(2027, 6, 1)) == 0


def test_the_search_ends_at_the_last_day_there_is():
    with pytest.raises(NoOpenDay):
        Calendar(MOSCOW, (), (closed("9999-12-01", "9999-12-31"),)).next_open(date(9999, 12, 27))
