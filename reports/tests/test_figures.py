"""Figures by day: counted by hand, on the clock of the branch, and again when a past day changes."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import ReaderFactory
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.models import Loan, Reading
from circulation.tests.factories import LoanFactory
from library.core import audit
from policies.tests.factories import BranchFactory
from reports import figures
from reports.models import DayFigures, FiguresState
from reports.registry import Asked

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 20, 9, tzinfo=UTC)


def at(day, hour, minute=0):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def told(since=date(2026, 1, 1), until=date(2026, 12, 31)):
    """Day, branch, age group, language, loans, renewals, returns, readings; sorted."""
    asked = Asked(now=NOW, since=since, until=until)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day, code, age_group, language, sum(loans), sum(renewals), sum(returns), sum(readings)"
            f" FROM {figures.DAYS} AS days JOIN policies_branch ON policies_branch.id = branch_id"
            " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            asked.parameters(),
        )
        return [(f"{row[0]:%m-%d}", *row[1:4], *map(int, row[4:])) for row in cursor.fetchall()]


@pytest.fixture
def week():
    """Three days in Moscow (+3) and Omsk (+6)."""
    town = BranchFactory(code="town", time_zone="Europe/Moscow")
    far = BranchFactory(code="far", time_zone="Asia/Omsk")
    child = ReaderFactory(birth_date=date(2011, 3, 11))  # fifteen on 11 March
    adult = ReaderFactory(birth_date=None)
    rus, eng = CopyFactory(branch=town, book__language="rus"), CopyFactory(branch=far, book__language="eng")
    LoanFactory(copy=rus, reader=child, checked_out_at=at(10, 20, 59), returned_at=at(12, 9))  # 10 March, 23:59
    LoanFactory(copy=rus, reader=child, checked_out_at=at(12, 21), returned_at=at(13, 9))  # 13 March, 0:00
    open_loan = LoanFactory(copy=eng, reader=adult, checked_out_at=at(10, 20, 59))  # 11 March in Omsk
    slip = LoanFactory(copy=rus, reader=adult, checked_out_at=at(13, 10), returned_at=at(13, 11))
    Loan.objects.filter(pk=slip.pk).update(undone_at=at(13, 11))
    audit.record(action="circulation.renew", subject=open_loan, by=None, now=at(12, 8))
    audit.record(action="circulation.renew", subject=open_loan, by=None, now=at(12, 9))
    done = {"done_at": at(12, 9)}
    audit.record(action="circulation.undo_renew", subject=open_loan, by=None, now=at(12, 9, 5), detail=done)
    Reading.objects.create(copy=rus, branch=town, at=at(12, 8))
    return {"town": town, "far": far, "open": open_loan, "slip": slip, "rus": rus}


BY_HAND = [
    ("03-10", "town", "0-14", "rus", 1, 0, 0, 0),
    ("03-11", "far", "", "eng", 1, 0, 0, 0),
    ("03-12", "far", "", "eng", 0, 1, 0, 0),
    ("03-12", "town", "", "rus", 0, 0, 0, 1),
    ("03-12", "town", "0-14", "rus", 0, 0, 1, 0),
    ("03-13", "town", "15-35", "rus", 1, 0, 1, 0),
]


def test_days_are_counted_by_the_clock_of_the_branch_and_the_same_before_and_after_the_job(week):
    assert told() == BY_HAND
    assert figures.fresh_at() is None
    assert figures.count_days(now=NOW) == {"counted": 41, "again": 0}
    assert FiguresState.objects.get().counted_until == date(2026, 4, 18)
    assert told() == BY_HAND
    assert told(since=date(2026, 3, 12), until=date(2026, 3, 12)) == BY_HAND[2:5]
    assert figures.fresh_at() == NOW


def test_a_run_in_the_middle_leaves_the_rest_to_be_counted_when_asked_and_repeats_do_no_harm(week):
    figures.count_days(now=NOW, until=date(2026, 3, 11))
    assert DayFigures.objects.count() == 2
    assert told() == BY_HAND
    for _time in range(2):
        figures.count_days(now=NOW, until=date(2026, 3, 14))
        assert told() == BY_HAND
    assert DayFigures.objects.count() == 6


def test_a_day_is_counted_again_when_something_of_it_changes_and_not_when_nothing_does(week):
    figures.count_days(now=NOW)
    Loan.objects.filter(pk=week["open"].pk).update(undone_at=NOW, returned_at=NOW, return_branch=week["far"])
    audit.record(action="circulation.undo_check_out", subject=week["open"], by=None, now=NOW)
    late = LoanFactory(
        copy=CopyFactory(branch=week["town"], book=BookFactory(language="eng")), checked_out_at=at(10, 8)
    )
    audit.record(action="circulation.check_out", subject=late, by=None, now=NOW)
    assert told() == BY_HAND
    later = datetime(2026, 4, 21, 10, tzinfo=UTC)
    assert figures.count_days(now=later)["again"] == 2
    assert told() == [("03-10", "town", "", "eng", 1, 0, 0, 0), BY_HAND[0], *BY_HAND[2:]]
    with CaptureQueriesContext(connection) as queries:
        assert figures.count_days(now=datetime(2026, 4, 22, 20, tzinfo=UTC)) == {"counted": 1, "again": 0}
    assert len(queries) < 16


def test_a_forgotten_reader_counts_as_before(week):
    before = told()
    Loan.objects.filter(age_group="", returned_at__isnull=False, reader__birth_date__isnull=False).update(
        reader=None, age_group="0-14"
    )
    after = told()
    assert [row[4:] for row in after if row[2] == "0-14"] == [(1, 0, 0, 0), (0, 0, 1, 0), (1, 0, 1, 0)]
    assert sum(row[4] for row in after) == sum(row[4] for row in before) == 3
