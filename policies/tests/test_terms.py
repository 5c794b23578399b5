"""Which rule gives which value, and when a loan falls due: tables with dates worked out by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from policies.calendar import Calendar, ClosedRange, NoOpenDay, Stretch
from policies.terms import (
    PARAMETERS,
    DueStep,
    NoDefaultRule,
    Row,
    Scope,
    Terms,
    due_at,
    due_steps,
    renewed_due_at,
    resolve,
)

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
VLADIVOSTOK = ZoneInfo("Asia/Vladivostok")

ADULT, CHILD = 1, 2
BOOK, DISC = 11, 12
CENTRAL, VILLAGE = 21, 22


def row(rule_id, category=None, item_type=None, branch=None, **values):
    scope = Scope(category_id=category, item_type_id=item_type, branch_id=branch)
    return Row(rule_id, scope, dict.fromkeys(PARAMETERS) | values)


DEFAULT = row(1, **{name: getattr(Terms(), name) for name in PARAMETERS})


def effective(rows, category=ADULT, item_type=BOOK, branch=CENTRAL):
    return resolve(rows, category_id=category, item_type_id=item_type, branch_id=branch)


# --- which rule gives which value ---------------------------------------------------------------------------------

LADDER = [
    row(8, ADULT, BOOK, CENTRAL, loan_period=8),
    row(7, ADULT, None, CENTRAL, loan_period=7),
    row(6, None, BOOK, CENTRAL, loan_period=6),
    row(5, None, None, CENTRAL, loan_period=5),
    row(4, ADULT, BOOK, None, loan_period=4),
    row(3, ADULT, None, None, loan_period=3),
    row(2, None, BOOK, None, loan_period=2),
    DEFAULT,
]


@pytest.mark.parametrize("dropped", range(8))
def test_the_most_special_rule_wins_in_the_order_of_the_reference(dropped):
    rows = LADDER[dropped:]
    found = effective(reversed(rows))
    assert found.terms.loan_period == (14 if dropped == 7 else 8 - dropped)
    assert found.sources["loan_period"] is rows[0]


def test_values_are_inherited_one_by_one():
    rows = [
        DEFAULT,
        row(2, category=CHILD, max_loans=5),
        row(3, item_type=DISC, loan_period=7, max_renewals=0),
        row(4, branch=VILLAGE, fine_amount=Decimal("1.50")),
        row(5, category=CHILD, item_type=DISC, branch=VILLAGE, loanable=False, remind_before_days=[]),
    ]
    found = effective(rows, CHILD, DISC, VILLAGE)
    assert found.terms == Terms(
        max_loans=5,
        loan_period=7,
        max_renewals=0,
        fine_amount=Decimal("1.50"),
        loanable=False,
        remind_before_days=(),
    )
    assert {name: found.sources[name].rule_id for name in ("max_loans", "loan_period", "fine_amount", "loanable")} == {
        "max_loans": 2,
        "loan_period": 3,
        "fine_amount": 4,
        "loanable": 5,
    }
    assert found.sources["grace_days"].rule_id == 1
    assert effective(rows, ADULT, BOOK, CENTRAL).terms == Terms()


def test_zero_no_and_an_empty_list_are_values_and_only_none_inherits():
    rows = [
        DEFAULT,
        row(2, category=CHILD, max_loans=0, cap_at_copy_price=False, remind_overdue_days=[], fine_cap=Decimal(0)),
    ]
    terms = effective(rows, CHILD).terms
    assert (terms.max_loans, terms.cap_at_copy_price, terms.remind_overdue_days, terms.fine_cap) == (0, False, (), 0)


def test_the_scope_of_max_loans_says_which_loans_count():
    rows = [DEFAULT, row(2, category=ADULT, item_type=DISC, max_loans=1)]
    assert effective(rows, ADULT, DISC).scope_of("max_loans") == Scope(category_id=ADULT, item_type_id=DISC)
    assert effective(rows, ADULT, BOOK).scope_of("max_loans") == Scope()


def test_what_nobody_sets_comes_from_the_default_rule():
    assert effective([DEFAULT, row(2, category=ADULT)]).sources["fine_cap"].rule_id == 1


@pytest.mark.parametrize("rows", [[], [row(2, category=ADULT, loan_period=3)], [row(2, category=CHILD)]])
def test_without_a_default_rule_there_are_no_terms(rows):
    with pytest.raises(NoDefaultRule):
        effective(rows)


def test_terms_survive_being_stored_with_a_loan():
    terms = Terms(
        fixed_due_on=date(2028, 2, 29), fine_amount=Decimal("0.10"), fine_cap=Decimal("50.00"), remind_before_days=(2,)
    )
    stored = terms.as_json()
    assert stored["fixed_due_on"] == "2028-02-29"
    assert stored["fine_amount"] == "0.10"
    assert stored["remind_before_days"] == [2]
    assert stored["max_suspension_days"] is None
    assert set(stored) == set(PARAMETERS)
    assert Terms.from_json(stored) == terms
    del stored["remind_overdue_days"]
    assert Terms.from_json(stored).remind_overdue_days == (1, 7, 14, 30)


# --- due dates of day loans ---------------------------------------------------------------------------------------


def week(*weekdays, opens=time(10), closes=time(18)):
    return tuple(Stretch(weekday, opens, closes) for weekday in weekdays)


def closed(starts_on, ends_on=None, yearly=False):
    return ClosedRange(date.fromisoformat(starts_on), date.fromisoformat(ends_on or starts_on), yearly)


ALWAYS = Calendar(MOSCOW)
MON_FRI = Calendar(MOSCOW, week(0, 1, 2, 3, 4))
MON_SAT = Calendar(MOSCOW, week(0, 1, 2, 3, 4, 5))


def at(text, zone=MOSCOW):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def due(start, calendar, terms, card=None, after_closing="closing"):
    return due_at(
        start=at(start, calendar.zone),
        terms=terms,
        calendar=calendar,
        card_expires_on=date.fromisoformat(card) if card else None,
        hour_loan_after_closing=after_closing,
    )


def end_of(day, zone=MOSCOW):
    return at(f"{day}T23:59:59", zone)


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-11-21T12:00", 14, "2026-12-05"),
        ("2026-12-24T12:00", 14, "2027-01-07"),
        ("2026-12-31T23:30", 1, "2027-01-01"),
        ("2028-02-15T12:00", 14, "2028-02-29"),  # a leap year
        ("2027-02-15T12:00", 14, "2027-03-01"),
        ("2024-02-29T12:00", 366, "2025-03-01"),
        ("2024-02-29T12:00", 365, "2025-02-28"),
        ("2026-11-21T00:00", 14, "2026-12-05"),
        ("2026-11-21T23:59:59", 14, "2026-12-05"),
    ],
)
def test_day_loans_end_with_the_day(start, period, expected):
    assert due(start, ALWAYS, Terms(loan_period=period)) == end_of(expected)


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        (MOSCOW, "2026-11-21T20:30:00+00:00", "2026-12-05T20:59:59+00:00"),  # 23:30 on the 21st there
        (MOSCOW, "2026-11-21T21:30:00+00:00", "2026-12-06T20:59:59+00:00"),  # 00:30 on the 22nd there
        (VLADIVOSTOK, "2026-11-21T14:30:00+00:00", "2026-12-06T13:59:59+00:00"),
        (NEW_YORK, "2026-11-22T03:00:00+00:00", "2026-12-06T04:59:59+00:00"),  # still the 21st there
    ],
)
def test_the_day_is_the_branchs_own(zone, start, expected):
    found = due_at(
        start=datetime.fromisoformat(start),
        terms=Terms(),
        calendar=Calendar(zone),
        card_expires_on=None,
        hour_loan_after_closing="closing",
    )
    assert found == datetime.fromisoformat(expected)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "start", "period", "expected"),
    [
        (BERLIN, "2026-03-20T12:00", 9, "2026-03-29T21:59:59+00:00"),  # due on the day of the change to summer time
        (BERLIN, "2026-03-15T12:00", 14, "2026-03-29T21:59:59+00:00"),
        (BERLIN, "2026-03-28T23:30", 1, "2026-03-29T21:59:59+00:00"),
        (BERLIN, "2026-10-18T12:00", 7, "2026-10-25T22:59:59+00:00"),  # on the day of the change back
        (BERLIN, "2026-10-24T12:00", 7, "2026-10-31T22:59:59+00:00"),
        (NEW_YORK, "2026-03-01T12:00", 7, "2026-03-09T03:59:59+00:00"),
        (NEW_YORK, "2026-10-25T12:00", 7, "2026-11-02T04:59:59+00:00"),
    ],
)
def test_changes_of_the_clocks_do_not_move_a_due_day(zone, start, period, expected):
    assert due(start, Calendar(zone), Terms(loan_period=period)) == datetime.fromisoformat(expected)


KOHA = Calendar(NEW_YORK, week(0, 1, 2, 3, 4), (closed("2012-07-04"),))


@pytest.mark.parametrize(
    ("start", "period", "rule", "expected"),
    [
        ("2012-07-03T11:53", 1, "next_open", "2012-07-05"),
        ("2012-07-03T11:53", 2, "next_open", "2012-07-05"),
        ("2012-07-23T11:53", 7, "next_open", "2012-07-30"),
        ("2012-07-03T11:53", 1, "keep", "2012-07-04"),
        ("2012-07-03T11:53", 1, "previous_open", "2012-07-03"),
        ("2012-07-02T11:53", 5, "next_open", "2012-07-09"),  # Saturday the 7th
        ("2012-07-02T11:53", 5, "previous_open", "2012-07-06"),
    ],
)
def test_a_closed_due_day_moves_by_the_rule(start, period, rule, expected):
    found = due(start, KOHA, Terms(loan_period=period, due_on_closed=rule))
    assert found == end_of(expected, NEW_YORK)


def test_going_back_never_ends_before_the_loan_begins():
    """Lent on a closed Sunday for a day that is closed too: back would be Saturday, so forward to Tuesday."""
    calendar = Calendar(MOSCOW, week(1, 2, 3, 4, 5))
    assert due("2026-06-07T12:00", calendar, Terms(loan_period=1, due_on_closed="previous_open")) == end_of(
        "2026-06-09"
    )


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2012-07-03T11:53", 1, "2012-07-05"),
        ("2012-07-03T11:53", 2, "2012-07-06"),
        ("2012-07-03T11:53", 3, "2012-07-09"),
        ("2012-07-07T11:53", 1, "2012-07-09"),  # lent on a closed Saturday
        ("2012-06-29T11:53", 10, "2012-07-16"),
    ],
)
def test_counting_open_days_only(start, period, expected):
    found = due(start, KOHA, Terms(loan_period=period, period_counts="open_days", due_on_closed="keep"))
    assert found == end_of(expected, NEW_YORK)


NEW_YEAR = Calendar(MOSCOW, week(1, 2, 3, 4, 5), (closed("2020-01-01", "2020-01-08", yearly=True),))


def test_over_the_russian_new_year():
    """Tuesday to Saturday, closed from 1 to 8 January: two weeks from 19 December end on 2 January, so on the 9th."""
    assert due("2026-12-19T12:00", NEW_YEAR, Terms()) == end_of("2027-01-09")
    assert due("2026-12-19T12:00", NEW_YEAR, Terms(due_on_closed="previous_open")) == end_of("2026-12-31")
    assert due("2026-12-19T12:00", NEW_YEAR, Terms(period_counts="open_days")) == end_of("2027-01-16")


@pytest.mark.parametrize(
    ("start", "mode", "expected"),
    [
        ("2018-03-14T10:00", "exactly", "2018-12-31"),
        ("2018-03-14T10:00", "at_latest", "2018-03-28"),
        ("2018-12-25T10:00", "at_latest", "2018-12-31"),
        ("2018-12-31T10:00", "at_latest", "2018-12-31"),
        ("2018-12-31T10:00", "exactly", "2018-12-31"),
        ("2019-01-01T10:00", "exactly", "2019-01-15"),  # a fixed day gone by is left out of account
        ("2019-01-01T10:00", "at_latest", "2019-01-15"),
    ],
)
def test_a_fixed_day_is_a_ceiling_or_the_day_itself(start, mode, expected):
    terms = Terms(fixed_due_on=date(2018, 12, 31), fixed_due_mode=mode)
    assert due(start, ALWAYS, terms) == end_of(expected)


def test_a_fixed_day_comes_after_the_closed_days_and_may_itself_be_closed():
    """31 May 2026 is a Sunday; the due day, Saturday the 30th, would have moved to Monday."""
    terms = Terms(fixed_due_on=date(2026, 5, 31))
    assert due("2026-05-16T12:00", MON_FRI, terms) == end_of("2026-05-31")
    assert due("2026-05-16T12:00", MON_FRI, replace(terms, due_on_closed="previous_open")) == end_of("2026-05-29")


TEN_DAYS = Terms(loan_period=10)


@pytest.mark.parametrize(
    ("start", "closures", "card", "expected"),
    [
        ("2012-12-25T10:00", (), "2013-01-01", "2013-01-01"),
        ("2012-12-25T10:00", (closed("2013-01-01"),), "2013-01-01", "2012-12-31"),
        ("2012-12-25T10:00", (closed("2012-12-31", "2013-01-01"),), "2013-01-01", "2012-12-30"),
        ("2012-12-25T10:00", (closed("2013-01-01"),), "2013-01-04", "2013-01-04"),
        ("2012-12-25T10:00", (), "2013-06-01", "2013-01-04"),
        ("2012-12-25T10:00", (), None, "2013-01-04"),
        ("2013-01-01T10:00", (), "2013-01-01", "2013-01-01"),  # the card's last day
        ("2013-01-01T10:00", (closed("2013-01-01"),), "2013-01-01", "2013-01-01"),  # no day left to step back to
        ("2013-02-09T10:00", (), "2013-01-01", "2013-02-19"),  # expired and overridden: lent for the period
        ("2013-01-01T23:59:59", (), "2013-01-01", "2013-01-11"),  # not a second left
    ],
)
def test_never_after_the_card_expires_and_then_back_to_an_open_day(start, closures, card, expected):
    assert due(start, Calendar(MOSCOW, (), closures), TEN_DAYS, card) == end_of(expected)


def test_the_card_comes_after_the_fixed_day():
    terms = Terms(fixed_due_on=date(2026, 6, 30), fixed_due_mode="exactly")
    assert due("2026-06-01T12:00", MON_FRI, terms, "2026-06-14") == end_of("2026-06-12")  # the 14th is a Sunday


def test_a_card_that_expires_within_a_long_closure_needs_no_open_day():
    calendar = Calendar(MOSCOW, (), (closed("2000-01-01", "2060-01-01"),))
    terms = Terms(due_on_closed="keep")
    assert due("2026-06-01T12:00", calendar, terms, "2026-06-05") == end_of("2026-06-05")


@pytest.mark.parametrize("terms", [Terms(), Terms(due_on_closed="keep", period_counts="open_days")])
def test_all_days_closed_is_an_error(terms):
    calendar = Calendar(MOSCOW, week(6), (closed("2026-01-01", "2060-01-01"),))
    with pytest.raises(NoOpenDay):
        due("2026-06-01T12:00", calendar, terms)


def test_all_days_closed_does_not_matter_when_the_day_may_stay():
    calendar = Calendar(MOSCOW, week(6), (closed("2026-01-01", "2060-01-01"),))
    assert due("2026-06-01T12:00", calendar, Terms(due_on_closed="keep")) == end_of("2026-06-15")


# --- hour loans ---------------------------------------------------------------------------------------------------

# June 2026: the 1st is a Monday. Open Monday to Friday 10 to 18, Saturday 11 to 15, Sunday closed.
SHORT_SATURDAY = Calendar(MOSCOW, (*week(0, 1, 2, 3, 4), *week(5, opens=time(11), closes=time(15))))


def hours(period, **values):
    return Terms(loan_period=period, loan_period_unit="hours", **values)


@pytest.mark.parametrize(
    ("start", "period", "closing", "next_opening"),
    [
        ("2026-06-01T12:20:45", 3, "2026-06-01T15:20", "2026-06-01T15:20"),
        ("2026-06-01T15:00", 3, "2026-06-01T18:00", "2026-06-01T18:00"),  # ends with the day
        ("2026-06-01T16:00", 3, "2026-06-01T18:00", "2026-06-02T10:00"),
        ("2026-06-06T14:00", 3, "2026-06-06T15:00", "2026-06-08T10:00"),  # Saturday evening, then Sunday
        ("2026-06-01T12:00", 24, "2026-06-02T12:00", "2026-06-02T12:00"),
        ("2026-06-05T17:00", 24, "2026-06-06T15:00", "2026-06-08T10:00"),
        ("2026-06-01T17:00", 15, "2026-06-01T18:00", "2026-06-02T10:00"),  # would end at 8 in the morning
        ("2026-06-01T18:30", 1, "2026-06-02T10:00", "2026-06-02T10:00"),  # lent after closing
    ],
)
def test_hour_loans_end_while_the_doors_are_open(start, period, closing, next_opening):
    assert due(start, SHORT_SATURDAY, hours(period), after_closing="closing") == at(closing)
    assert due(start, SHORT_SATURDAY, hours(period), after_closing="next_opening") == at(next_opening)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("keep", "2026-06-07T12:00"),
        ("next_open", "2026-06-08T10:00"),
        ("previous_open", "2026-06-06T15:00"),
    ],
)
@pytest.mark.parametrize("after_closing", ["closing", "next_opening"])
def test_an_hour_loan_that_ends_on_a_closed_day_follows_the_closed_day_rule(rule, expected, after_closing):
    terms = hours(24, due_on_closed=rule)
    assert due("2026-06-06T12:00", SHORT_SATURDAY, terms, after_closing=after_closing) == at(expected)


@pytest.mark.parametrize(
    ("zone", "start", "period", "expected"),
    [
        (BERLIN, "2026-03-28T12:00", 24, "2026-03-29T11:00:00+00:00"),  # 13:00 there: 24 hours have passed
        (BERLIN, "2026-10-24T12:00", 24, "2026-10-25T10:00:00+00:00"),
        (NEW_YORK, "2026-03-08T01:30", 1, "2026-03-08T07:30:00+00:00"),  # 03:30 there
        (NEW_YORK, "2026-11-01T00:30", 2, "2026-11-01T06:30:00+00:00"),
    ],
)
def test_an_hour_is_an_hour_when_the_clocks_change(zone, start, period, expected):
    assert due(start, Calendar(zone), hours(period)) == datetime.fromisoformat(expected)


def test_hours_of_closed_days_need_not_count():
    terms = hours(48, period_counts="open_days")
    assert due("2026-06-05T12:00", SHORT_SATURDAY, terms) == at("2026-06-08T12:00")
    assert due("2026-06-05T12:00", SHORT_SATURDAY, hours(48)) == at("2026-06-08T10:00")


@pytest.mark.parametrize(
    ("start", "card", "expected"),
    [
        ("2026-06-05T12:00", "2026-06-07", "2026-06-06T15:00"),  # Sunday, so Saturday's closing
        ("2026-06-05T12:00", "2026-06-05", "2026-06-05T18:00"),
        ("2026-06-05T18:30", "2026-06-05", "2026-06-05T23:59:59"),  # after closing on the card's last day
    ],
)
def test_hour_loans_and_the_card(start, card, expected):
    assert due(start, SHORT_SATURDAY, hours(96), card) == at(expected)


def test_hour_loans_and_the_fixed_day():
    assert due("2026-06-01T12:00", SHORT_SATURDAY, hours(72, fixed_due_on=date(2026, 6, 2))) == end_of("2026-06-02")


# --- the steps, and renewals --------------------------------------------------------------------------------------


def test_the_steps_tell_what_moved_the_day():
    """From Friday 15 May: Friday the 29th is closed, so Monday 1 June; at latest 31 May; the card ends on the 30th."""
    calendar = Calendar(MOSCOW, week(0, 1, 2, 3, 4), (closed("2026-05-29"),))
    steps = due_steps(
        start=at("2026-05-15T12:00"),
        terms=Terms(fixed_due_on=date(2026, 5, 31)),
        calendar=calendar,
        card_expires_on=date(2026, 5, 30),
        hour_loan_after_closing="closing",
    )
    assert [(step.step, step.at) for step in steps] == [
        (DueStep.PERIOD, end_of("2026-05-29")),
        (DueStep.CLOSED_DAY, end_of("2026-06-01")),
        (DueStep.FIXED_DAY, end_of("2026-05-31")),
        (DueStep.CARD_EXPIRY, end_of("2026-05-28")),
    ]


def test_a_step_that_moves_nothing_is_not_told():
    steps = due_steps(
        start=at("2026-05-18T12:00"),
        terms=Terms(fixed_due_on=date(2026, 6, 1)),
        calendar=MON_SAT,
        card_expires_on=date(2026, 12, 31),
        hour_loan_after_closing="closing",
    )
    assert [step.step for step in steps] == [DueStep.PERIOD]


def renewed(was_due, now, calendar, terms, card=None):
    return renewed_due_at(
        due=was_due,
        now=at(now, calendar.zone),
        terms=terms,
        calendar=calendar,
        card_expires_on=date.fromisoformat(card) if card else None,
        hour_loan_after_closing="closing",
    )


@pytest.mark.parametrize(
    ("terms", "card", "expected"),
    [
        (Terms(), None, "2026-06-29"),  # from Monday the 15th
        (Terms(renew_from="now"), None, "2026-06-24"),
        (Terms(renewal_period=7), None, "2026-06-22"),
        (Terms(renewal_period=6), None, "2026-06-22"),  # Sunday the 21st moves on
        (Terms(renewal_period=6, due_on_closed="previous_open"), None, "2026-06-20"),
        (Terms(fixed_due_on=date(2026, 6, 15)), None, "2026-06-15"),  # not extended
        (Terms(fixed_due_on=date(2026, 6, 18)), None, "2026-06-18"),
        (Terms(fixed_due_on=date(2026, 5, 31), renew_from="now"), None, "2026-05-31"),  # a fixed day holds
        (Terms(), "2026-06-20", "2026-06-20"),
        (Terms(), "2026-06-12", "2026-06-12"),
        (Terms(), "2026-06-01", "2026-06-29"),  # expired and overridden
        (Terms(period_counts="open_days"), None, "2026-07-01"),
    ],
)
def test_renewals_use_the_same_arithmetic(terms, card, expected):
    """Due on Monday 15 June, renewed on Wednesday the 10th; open Monday to Saturday."""
    assert renewed(end_of("2026-06-15"), "2026-06-10T12:00", MON_SAT, terms, card) == end_of(expected)


def test_a_renewal_from_now_may_not_extend():
    """Three days from the 14th end when the loan is due anyway, from the 13th before."""
    terms = Terms(renewal_period=3, renew_from="now")
    was_due = end_of("2018-01-17")
    assert renewed(was_due, "2018-01-14T13:45:21", ALWAYS, terms) == was_due
    assert renewed(was_due, "2018-01-13T13:45:21", ALWAYS, terms) == end_of("2018-01-16")


def test_a_renewal_of_hours():
    was_due = at("2026-06-01T15:20")
    assert renewed(was_due, "2026-06-01T14:00", SHORT_SATURDAY, hours(3)) == at("2026-06-01T18:00")
    assert renewed(was_due, "2026-06-01T14:00", SHORT_SATURDAY, hours(3, renewal_period=1)) == at("2026-06-01T16:20")
    assert renewed(was_due, "2026-06-01T14:00", SHORT_SATURDAY, hours(3, renew_from="now")) == at("2026-06-01T17:00")


def test_going_back_from_a_closed_day_still_extends_a_renewal():
    """Due on Friday 5 June, renewed by a day: Saturday is closed and Friday would be no gain, so Monday."""
    terms = Terms(renewal_period=1, due_on_closed="previous_open")
    assert renewed(end_of("2026-06-05"), "2026-06-04T12:00", MON_FRI, terms) == end_of("2026-06-08")
