"""Figures of the small library, each counted on paper: by local days, with forgotten loans and without undone ones."""

import datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.tests.factories import AdminFactory
from reports import figures, tables
from reports.charts import draw
from reports.forms import FilterForm
from reports.index import REPORTS
from reports.tests.library import NOW, at, small_library

pytestmark = pytest.mark.django_db
MARCH = {"period": "between", "since": "2026-03-01", "until": "2026-03-31"}


@pytest.fixture(autouse=True)
def library():
    return small_library()


def asked_of(report, now=NOW, **filters):
    form = FilterForm(report, filters, now=now)
    assert form.is_valid(), form.errors
    return form.asked()


def rows(key, *columns, now=NOW, **filters):
    """The report's rows in its own order: a tuple of the named columns, or the values of a single one."""
    report = REPORTS[key]
    asked = asked_of(report, now, **filters)
    found = tables.page_of(report, asked, sort=report.sort, start=0, size=400)
    totals = tables.totals_of(report, asked)
    assert totals.rows == len(found)
    for name, value in totals.sums.items():
        assert (value or 0) == sum(row[name] or 0 for row in found)
    return [tuple(row[name] for name in columns) for row in found]


def test_every_report_opens_as_page_paper_and_file(client):
    client.force_login(AdminFactory())
    for key, report in REPORTS.items():
        found = tables.page_of(report, asked_of(report, **MARCH, years="1"), sort=report.sort, start=0, size=50)
        assert {report.sort.removeprefix("-"), report.identity, *(column.key for column in report.columns)} <= {
            *found[0]
        }
        assert report.chart is None or draw(report, found)
        assert client.get(reverse("report", args=[key])).status_code == 200
        assert client.get(reverse("report_print", args=[key])).status_code == 200
        assert client.get(reverse("report_file", args=[key]), {"format": "xlsx"}).status_code == 200


@pytest.mark.parametrize("is_counted", [False, True])
def test_loans_over_time(is_counted):
    if is_counted:
        figures.count_days(now=NOW)
    since_february = {"period": "between", "since": "2026-02-01", "until": "2026-04-03"}
    assert rows("loans-by-month", "month", "loans", "renewals", "returns", "readings", **since_february) == [
        (datetime.date(2026, 2, 1), 1, 0, 0, 0),
        (datetime.date(2026, 3, 1), 5, 1, 3, 1),
        (datetime.date(2026, 4, 1), 0, 1, 1, 1),
    ]
    days = dict(rows("loans-by-day", "day", "loans", **MARCH))
    assert len(days) == 31
    assert {day.day: loans for day, loans in days.items() if loans} == {1: 1, 10: 2, 15: 1, 31: 1}
    weekdays = rows("loans-by-weekday", "weekday", "loans", "loans_a_day", **MARCH)
    assert [row for row in weekdays if row[1]] == [(2, 3, Decimal("0.6")), (7, 2, Decimal("0.4"))]
    hours = rows("loans-by-hour", "hour", "loans", "returns", "readings", **MARCH)
    assert len(hours) == 24
    assert [row for row in hours if any(row[1:])] == [
        (0, 1, 0, 0), (1, 1, 0, 0), (10, 1, 1, 0), (12, 0, 1, 0), (13, 1, 1, 0), (23, 1, 0, 1),
    ]  # fmt: skip
    years = rows("year-on-year", "month", "this_year", "last_year", "year_before", "change")
    assert years[1:5] == [
        (2, 1, 0, 0, None),
        (3, 5, 2, 0, Decimal("150.0")),
        (4, 0, 0, 0, None),
        (5, None, 0, 0, None),
    ]
    assert years[0] == (1, 0, 0, 1, None)


@pytest.mark.parametrize("is_counted", [False, True])
def test_loans_by_what_they_are_of(is_counted):
    if is_counted:
        figures.count_days(now=NOW)
    assert rows("loans-by-branch", "branch", "loans", "share", **MARCH) == [("Centre", 3, 60), ("East", 2, 40)]
    assert rows("loans-by-category", "category", "loans", **MARCH) == [("Adult", 3), ("Child", 2)]
    assert rows("loans-by-age", "age_group", "loans", **MARCH) == [("15-35", 3), ("36-59", 2)]
    february = {"period": "between", "since": "2026-02-28", "until": "2026-02-28"}
    assert rows("loans-by-age", "age_group", "loans", **february) == [("0-14", 1)]
    assert set(rows("loans-by-genre", "genre", "loans", "share", **MARCH)) == {
        ("drama", 4, 80), ("poetry", 1, 20), (None, 1, 20),
    }  # fmt: skip
    assert set(rows("loans-by-language", "language", "loans", "share", **MARCH)) == {
        ("eng", 3, 60), ("rus", 1, 20), (None, 1, 20),
    }  # fmt: skip
    assert rows("loans-by-item-type", "item_type", "loans", **MARCH) == [("Book", 4), ("Disc", 1)]
    assert rows("loans-by-item-type", "loans", **MARCH, branch="centre", category="child") == [(1,)]
    assert rows("popular-books", "title", "author", "loans", "readers", "copies", "waiting", **MARCH)[0] == (
        "Hamlet", "Shakespeare, William", 3, 2, 2, 1,
    )  # fmt: skip
    assert set(rows("popular-books", "title", "loans", "readers", **MARCH)[1:]) == {("Onegin", 1, 0), ("Atlas", 1, 1)}


def test_on_loan_and_overdue():
    assert rows("on-loan", "inventory_number", "reader", "standing") == [
        ("H1", "Misha", "overdue"),
        ("A1", "Vera", "in_time"),
    ]
    assert rows("overdue", "inventory_number", "days_late", "branch") == [("H1", 10, "Centre")]
    after_midnight_in_the_east = at("2026-04-03 14:00")
    late = rows("overdue", "inventory_number", "days_late", "branch", now=after_midnight_in_the_east)
    assert late == [("H1", 10, "Centre"), ("A1", 1, "East")]
    assert rows("overdue", "inventory_number", now=after_midnight_in_the_east, days="2") == [("H1",)]
    assert rows("overdue-by-branch", "branch", "category", "loans", "week", "month", "value") == [
        ("Centre", "Child", 1, 0, 1, 500)
    ]


def test_readers():
    assert rows("active-readers", "reader", "loans", "on_loan", **MARCH) == [("Vera", 2, 1), ("Misha", 2, 1)]
    since_february = {"period": "between", "since": "2026-02-01", "until": "2026-03-31"}
    assert rows("new-readers", "new_readers", "borrowed", **since_february) == [(1, 1), (1, 0)]
    assert rows("retention", "category", "came", "stayed", "retention", "comes", "joined", **MARCH) == [
        ("Adult", 1, 1, 100, 1, 0),
        ("Child", 0, 0, None, 1, 0),
    ]


def test_the_collection():
    assert rows("dead-stock", "inventory_number", "last_lent", "loans", years="1") == [
        ("D1", datetime.date(2024, 1, 1), 1)
    ]
    assert rows("dead-stock", "inventory_number", years="3") == []
    turnover = rows("turnover", "branch", "item_type", "copies", "loans", "turnover", "idle", "idle_share", **MARCH)
    assert set(turnover) == {
        ("Centre", "Book", 6, 3, Decimal("0.50"), 4, Decimal("66.7")),
        ("East", "Book", 1, 1, Decimal("1.00"), 0, Decimal("0.0")),
        ("East", "Disc", 1, 1, Decimal("1.00"), 0, Decimal("0.0")),
    }
    assert rows("copies-by-status", "status", "copies", "share") == [("available", 6, 75), ("loaned", 2, 25)]
    assert rows("collection-value", "titles", "copies", "priced", "value", "mean_price", branch="centre") == [
        (3, 6, 3, 900, 300)
    ]
    assert rows("collection-age", "age", "copies") == [(1, 2), (3, 1), (None, 5)]


def test_reservations():
    assert rows("reservations-ratio", "title", "waiting", "copies", "ratio", "to_buy") == [
        ("Onegin", 4, 1, 4, 1),
        ("Hamlet", 1, 2, Decimal("0.5"), 0),
    ]
    assert rows("reservations-ratio", "to_buy", per_copy="1", branch="centre") == [(3,)]
    assert rows(
        "waiting-times", "branch", "ready", "collected", "expired", "median", "mean", "longest", **MARCH
    ) == [("Centre", 3, 2, 1, 4, Decimal("12.3"), Decimal("30.9"))]  # fmt: skip


def test_money():
    assert rows("charges", "kind", "charges", "charged", "paid", "waived", "reversed", "left", **MARCH) == [
        ("manual", 1, 100, 60, 10, 0, 30)
    ]
    assert rows("payments", "branch", "method", "payments", "taken", "given_back", "net", **MARCH) == [
        ("Centre", "cash", 1, 60, 0, 60)
    ]
    assert rows("payments", "payments", **MARCH, branch="east") == []
    spring = {"period": "between", "since": "2026-03-01", "until": "2026-04-30"}
    assert rows("money-by-month", "charged", "taken", "waived", **spring) == [(100, 60, 0), (50, 0, 10)]
