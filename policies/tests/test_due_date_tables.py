"""Due dates of concrete days, each worked out by hand on a paper calendar: how the parameters work together."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from policies.calendar import Calendar, ClosedRange, NoOpenDay, Stretch
from policies.terms import Terms, due_at, renewed_due_at

MOSCOW, BERLIN, OMSK = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Omsk")


def hours(*weekdays, opens=10, closes=19):
    return tuple(Stretch(weekday, time(opens), time(closes)) for weekday in weekdays)


def yearly(starts_on, ends_on=None):
    return ClosedRange(date.fromisoformat(starts_on), date.fromisoformat(ends_on or starts_on), True)


ALWAYS = Calendar(MOSCOW)
HOLIDAYS = (yearly("2020-01-01", "2020-01-08"), yearly("2020-02-23"), yearly("2020-03-08"))
TOWN = Calendar(MOSCOW, hours(1, 2, 3, 4, 5), HOLIDAYS)
"""Tuesday to Saturday; closed from 1 to 8 January, on 23 February and on 8 March."""
VILLAGE = Calendar(MOSCOW, hours(0, 2, 4, opens=12, closes=16))
"""Monday, Wednesday, Friday."""
LEAP = Calendar(MOSCOW, (), (yearly("2028-02-29"),))
"""Closed on 29 February, where there is one."""
LUNCH = Calendar(
    BERLIN,
    (*hours(0, 1, 2, 3, 4, 5, opens=10, closes=13), *hours(0, 1, 2, 3, 4, 5, opens=14, closes=18)),
    (ClosedRange(date(2026, 12, 31), date(2027, 1, 1)),),
)
"""Monday to Saturday, 10 to 13 and 14 to 18; closed on 31 December 2026 and 1 January 2027."""
NEVER = Calendar(MOSCOW, hours(0), (ClosedRange(date(2000, 1, 1), date(2060, 1, 1)),))


def local(text, calendar):
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone)


def day(text):
    return date.fromisoformat(text) if text else None


def due(calendar, lent, terms, *, card=None, after_closing="closing"):
    return due_at(
        start=local(lent, calendar),
        terms=terms,
        calendar=calendar,
        card_expires_on=day(card),
        hour_loan_after_closing=after_closing,
    )


OPEN_DAYS = {"period_counts": "open_days"}
BACK = {"due_on_closed": "previous_open"}
KEEP = {"due_on_closed": "keep"}
IN_MAY = {"fixed_due_on": date(2026, 5, 31)}
ON_SATURDAY = {"fixed_due_on": date(2026, 5, 30), "fixed_due_mode": "exactly"}

DAYS = [
    # calendar, lent, days, other terms, card, due
    (TOWN, "2026-02-10T12:00", 14, {}, None, "2026-02-24"),
    (TOWN, "2026-02-14T12:00", 9, {}, None, "2026-02-24"),  # Monday, a holiday too
    (TOWN, "2026-02-14T12:00", 8, {}, None, "2026-02-24"),  # Sunday
    (TOWN, "2026-02-14T12:00", 8, BACK, None, "2026-02-21"),
    (TOWN, "2026-02-14T12:00", 8, KEEP, None, "2026-02-22"),
    (TOWN, "2026-02-14T12:00", 1, BACK, None, "2026-02-14"),  # back to the evening of the check-out
    (TOWN, "2026-02-10T12:00", 5, OPEN_DAYS, None, "2026-02-17"),
    (TOWN, "2025-12-23T12:00", 14, OPEN_DAYS, None, "2026-01-20"),
    (TOWN, "2025-12-23T12:00", 14, {}, None, "2026-01-09"),
    (TOWN, "2025-12-23T12:00", 14, BACK, None, "2025-12-31"),
    (TOWN, "2025-12-23T12:00", 14, KEEP, None, "2026-01-06"),
    (TOWN, "2025-12-31T12:00", 1, {}, None, "2026-01-09"),
    (TOWN, "2025-12-31T12:00", 1, OPEN_DAYS, None, "2026-01-09"),
    (TOWN, "2025-12-31T12:00", 1, BACK, None, "2025-12-31"),
    (TOWN, "2026-03-08T12:00", 14, {}, None, "2026-03-24"),  # lent on a closed day
    (TOWN, "2028-02-15T12:00", 14, {}, None, "2028-02-29"),
    (TOWN, "2028-02-22T12:00", 7, {}, None, "2028-02-29"),
    (TOWN, "2028-02-22T12:00", 5, OPEN_DAYS, None, "2028-03-01"),  # Wednesday the 23rd is a holiday
    (TOWN, "2028-02-29T12:00", 365, {}, None, "2029-02-28"),
    (TOWN, "2028-02-29T12:00", 366, {}, None, "2029-03-01"),
    (LEAP, "2028-02-28T12:00", 1, {}, None, "2028-03-01"),
    (LEAP, "2028-02-28T12:00", 1, BACK, None, "2028-02-28"),
    (LEAP, "2028-02-28T12:00", 1, OPEN_DAYS, None, "2028-03-01"),
    (LEAP, "2027-02-27T12:00", 1, {}, None, "2027-02-28"),
    (LEAP, "2027-02-28T12:00", 1, {}, None, "2027-03-01"),
    (VILLAGE, "2026-03-02T12:00", 14, {}, None, "2026-03-16"),
    (VILLAGE, "2026-03-04T12:00", 3, {}, None, "2026-03-09"),
    (VILLAGE, "2026-03-04T12:00", 3, BACK, None, "2026-03-06"),
    (VILLAGE, "2026-03-02T12:00", 3, OPEN_DAYS, None, "2026-03-09"),
    (VILLAGE, "2026-03-02T12:00", 14, OPEN_DAYS, None, "2026-04-03"),
    # a fixed day
    (TOWN, "2026-05-19T12:00", 14, IN_MAY, None, "2026-05-31"),  # a Sunday, kept nevertheless
    (TOWN, "2026-05-05T12:00", 14, IN_MAY, None, "2026-05-19"),
    (TOWN, "2026-05-31T23:59", 14, IN_MAY, None, "2026-05-31"),
    (TOWN, "2026-06-02T12:00", 14, IN_MAY, None, "2026-06-16"),  # over: left out of account
    (TOWN, "2026-03-03T12:00", 14, ON_SATURDAY, None, "2026-05-30"),
    (TOWN, "2026-05-30T10:00", 14, ON_SATURDAY, None, "2026-05-30"),
    (TOWN, "2026-05-31T10:00", 14, ON_SATURDAY, None, "2026-06-16"),  # 14 June is a Sunday
    (TOWN, "2026-05-19T12:00", 14, ON_SATURDAY, "2026-05-25", "2026-05-23"),  # the card's last day is a Monday
    # the card
    (TOWN, "2026-02-10T12:00", 14, {}, "2026-02-23", "2026-02-21"),
    (TOWN, "2026-02-10T12:00", 14, {}, "2026-02-24", "2026-02-24"),
    (TOWN, "2026-02-10T12:00", 14, {}, "2026-02-10", "2026-02-10"),
    (TOWN, "2026-02-10T12:00", 14, {}, "2026-02-09", "2026-02-24"),  # expired, overridden
    (TOWN, "2025-12-30T12:00", 14, {}, "2026-01-08", "2025-12-31"),
    (TOWN, "2025-12-31T20:00", 14, {}, "2026-01-04", "2025-12-31"),
    (TOWN, "2026-01-02T12:00", 14, {}, "2026-01-04", "2026-01-04"),  # lent while closed: no open day is left
    (TOWN, "2028-02-22T12:00", 14, {}, "2028-02-29", "2028-02-29"),
    (TOWN, "2025-12-23T12:00", 14, OPEN_DAYS, "2026-01-13", "2026-01-13"),
    (TOWN, "2026-12-15T12:00", 14, {}, "2026-12-31", "2026-12-29"),
]


@pytest.mark.parametrize(("calendar", "lent", "period", "terms", "card", "expected"), DAYS)
def test_day_loans(calendar, lent, period, terms, card, expected):
    found = due(calendar, lent, Terms(loan_period=period, **terms), card=card)
    assert found == local(f"{expected}T23:59:59", calendar)


@pytest.mark.parametrize(
    ("zone", "lent", "days", "card", "expected"),
    [
        ("Asia/Omsk", "2026-12-31T18:30:00Z", 14, None, "2027-01-15T17:59:59Z"),  # half past midnight of 1 January
        ("Europe/Moscow", "2026-12-31T18:30:00Z", 14, None, "2027-01-14T20:59:59Z"),  # still 31 December
        ("Asia/Omsk", "2026-03-31T17:30:00Z", 14, "2026-03-31", "2026-03-31T17:59:59Z"),  # the card's last minutes
        ("Asia/Omsk", "2026-03-31T19:30:00Z", 14, "2026-03-31", "2026-04-15T17:59:59Z"),  # over there, overridden
        ("Pacific/Kiritimati", "2026-02-27T10:00:00Z", 1, None, "2026-03-01T09:59:59Z"),  # midnight of the 28th
        ("Pacific/Honolulu", "2026-03-01T09:59:00Z", 1, None, "2026-03-02T09:59:59Z"),  # 28 February, 23:59
        ("Asia/Kathmandu", "2028-02-28T18:15:00Z", 1, None, "2028-03-01T18:14:59Z"),  # midnight of 29 February
        ("Asia/Kathmandu", "2028-02-28T18:14:00Z", 1, None, "2028-02-29T18:14:59Z"),
        ("America/Havana", "2026-03-06T17:00:00Z", 1, None, "2026-03-08T04:59:59Z"),  # there is no midnight after it
        ("America/Havana", "2026-10-30T16:00:00Z", 1, None, "2026-11-01T03:59:59Z"),  # midnight comes twice after it
        ("America/Havana", "2026-10-31T16:00:00Z", 1, None, "2026-11-02T04:59:59Z"),  # a day of 25 hours
        ("Australia/Lord_Howe", "2026-04-03T01:00:00Z", 2, None, "2026-04-05T13:29:59Z"),  # back by half an hour
    ],
)
def test_the_branchs_own_clock(zone, lent, days, card, expected):
    found = due_at(
        start=datetime.fromisoformat(lent),
        terms=Terms(loan_period=days),
        calendar=Calendar(ZoneInfo(zone)),
        card_expires_on=day(card),
        hour_loan_after_closing="closing",
    )
    assert found == datetime.fromisoformat(expected)


HOURS = [
    # lent, hours, other terms, card, due by closing, due by next opening
    ("2026-06-01T10:00", 2, {}, None, "2026-06-01T12:00", "2026-06-01T12:00"),
    ("2026-06-01T11:00", 2, {}, None, "2026-06-01T13:00", "2026-06-01T13:00"),  # the very moment of closing
    ("2026-06-01T11:30", 2, {}, None, "2026-06-01T13:00", "2026-06-01T14:00"),
    ("2026-06-01T17:00", 3, {}, None, "2026-06-01T18:00", "2026-06-02T10:00"),
    ("2026-06-01T18:00", 1, {}, None, "2026-06-02T10:00", "2026-06-02T10:00"),  # back would be the check-out
    ("2026-06-06T17:00", 3, {}, None, "2026-06-06T18:00", "2026-06-08T10:00"),
    ("2026-06-06T17:00", 24, {}, None, "2026-06-08T10:00", "2026-06-08T10:00"),  # Sunday
    ("2026-06-06T17:00", 24, BACK, None, "2026-06-06T18:00", "2026-06-06T18:00"),
    ("2026-06-06T17:00", 24, KEEP, None, "2026-06-07T17:00", "2026-06-07T17:00"),
    ("2026-06-06T12:00", 24, OPEN_DAYS, None, "2026-06-08T12:00", "2026-06-08T12:00"),
    ("2026-06-06T15:00", 20, OPEN_DAYS, None, "2026-06-08T11:00", "2026-06-08T11:00"),
    ("2026-03-28T12:00", 24, {}, None, "2026-03-30T10:00", "2026-03-30T10:00"),
    ("2026-03-28T12:00", 48, {}, None, "2026-03-30T13:00", "2026-03-30T13:00"),  # a day of 23 hours between
    ("2026-10-24T12:00", 48, {}, None, "2026-10-26T11:00", "2026-10-26T11:00"),  # a day of 25
    ("2026-12-30T16:00", 24, {}, None, "2027-01-02T10:00", "2027-01-02T10:00"),
    ("2026-12-30T16:00", 24, BACK, None, "2026-12-30T18:00", "2026-12-30T18:00"),
    ("2026-12-30T16:00", 24, OPEN_DAYS, None, "2027-01-02T16:00", "2027-01-02T16:00"),
    ("2026-06-01T10:00", 72, {"fixed_due_on": date(2026, 6, 2)}, None, "2026-06-02T23:59:59", "2026-06-02T23:59:59"),
    ("2026-06-01T16:00", 24, {}, "2026-06-01", "2026-06-01T18:00", "2026-06-01T18:00"),
    ("2026-06-05T16:00", 72, {}, "2026-06-07", "2026-06-06T18:00", "2026-06-06T18:00"),  # the card ends on a Sunday
    ("2026-06-01T18:30", 24, {}, "2026-06-01", "2026-06-01T23:59:59", "2026-06-01T23:59:59"),  # after closing
    ("2026-06-01T10:00:59", 2, {}, None, "2026-06-01T12:00", "2026-06-01T12:00"),  # to the minute
]


@pytest.mark.parametrize(("lent", "period", "terms", "card", "closing", "opening"), HOURS)
def test_hour_loans(lent, period, terms, card, closing, opening):
    terms = Terms(loan_period=period, loan_period_unit="hours", **terms)
    assert due(LUNCH, lent, terms, card=card) == local(closing, LUNCH)
    assert due(LUNCH, lent, terms, card=card, after_closing="next_opening") == local(opening, LUNCH)


NOW = {"renew_from": "now"}
RENEWALS = [
    # calendar, due, renewed, terms, card, new due day
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {}, None, "2026-03-30"),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {"renewal_period": 7}, None, "2026-03-23"),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", NOW, None, "2026-03-24"),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {"renewal_period": 7, **NOW}, None, "2026-03-17"),
    (ALWAYS, "2026-03-16", "2026-03-02T12:00", {"renewal_period": 7, **NOW}, None, "2026-03-09"),  # earlier: refused
    (ALWAYS, "2026-03-16", "2026-03-20T12:00", {}, None, "2026-03-30"),  # overdue, and still from the due day
    (ALWAYS, "2026-03-16", "2026-03-20T12:00", NOW, None, "2026-04-03"),
    (ALWAYS, "2028-02-15", "2028-02-10T12:00", {}, None, "2028-02-29"),
    (ALWAYS, "2028-02-29", "2028-02-29T12:00", {"renewal_period": 365}, None, "2029-02-28"),
    (ALWAYS, "2026-12-31", "2026-12-31T23:59", {"renewal_period": 1}, None, "2027-01-01"),
    (TOWN, "2026-02-10", "2026-02-10T12:00", {"renewal_period": 13}, None, "2026-02-24"),
    (TOWN, "2026-02-10", "2026-02-10T12:00", {"renewal_period": 13, **BACK}, None, "2026-02-21"),
    (TOWN, "2026-02-10", "2026-02-10T12:00", {"renewal_period": 5, **OPEN_DAYS}, None, "2026-02-17"),
    (TOWN, "2026-12-24", "2026-12-22T12:00", {}, None, "2027-01-09"),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {"fixed_due_on": date(2026, 3, 20)}, None, "2026-03-20"),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {"fixed_due_on": date(2026, 3, 16)}, None, "2026-03-16"),
    (
        ALWAYS,
        "2026-03-16",
        "2026-03-18T12:00",
        {"fixed_due_on": date(2026, 3, 16), "fixed_due_mode": "exactly"},
        None,
        "2026-03-16",
    ),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {}, "2026-03-25", "2026-03-25"),
    (TOWN, "2026-02-10", "2026-02-10T12:00", {}, "2026-02-23", "2026-02-21"),
    (ALWAYS, "2026-03-16", "2026-03-10T12:00", {}, "2026-03-01", "2026-03-30"),  # expired, overridden
]


@pytest.mark.parametrize(("calendar", "due_on", "now", "terms", "card", "expected"), RENEWALS)
def test_renewals(calendar, due_on, now, terms, card, expected):
    found = renewed_due_at(
        due=local(f"{due_on}T23:59:59", calendar),
        now=local(now, calendar),
        terms=Terms(**terms),
        calendar=calendar,
        card_expires_on=day(card),
        hour_loan_after_closing="closing",
    )
    assert found == local(f"{expected}T23:59:59", calendar)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        BACK,
        {"period_counts": "open_days", **KEEP},
        {"loan_period_unit": "hours"},
        {"loan_period_unit": "hours", **BACK},
        {"loan_period_unit": "hours", **OPEN_DAYS},
        {"period_counts": "open_days", "fixed_due_on": date(2026, 7, 1)},
    ],
)
def test_a_branch_that_never_opens_is_an_error_and_no_endless_search(terms):
    with pytest.raises(NoOpenDay, match="no open day from 20"):
        due(NEVER, "2026-06-01T12:00", Terms(**terms))


def test_far_dates_end_the_search_too():
    far = Calendar(UTC, hours(0), (ClosedRange(date(9990, 1, 1), date(9999, 12, 31)),))
    with pytest.raises(NoOpenDay):
        far.next_open(date(9999, 12, 30))
    with pytest.raises(NoOpenDay):
        Calendar(UTC, (), (ClosedRange(date(1, 1, 1), date(12, 1, 1)),)).previous_open(date(1, 1, 2))
