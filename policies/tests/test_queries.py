"""Terms and calendars as read from the database, and at what cost."""

from datetime import date, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from policies.calendar import ClosedRange, Stretch
from policies.models import Branch, ClosedDay, LendingRule
from policies.queries import calendar_of, effective_terms, policies_of, revision
from policies.terms import NoDefaultRule, Scope, Terms
from policies.tests.factories import (
    BranchFactory,
    ClosedDayFactory,
    DefaultRuleFactory,
    ItemTypeFactory,
    LendingRuleFactory,
    OpeningHoursFactory,
    ReaderCategoryFactory,
)

pytestmark = pytest.mark.django_db


def test_terms_take_one_query(django_assert_num_queries):
    default = DefaultRuleFactory()
    category, item_type, branch = ReaderCategoryFactory(), ItemTypeFactory(), BranchFactory()
    of_category = LendingRuleFactory(category=category, max_loans=5, remind_before_days=[], fine_cap=Decimal("99.90"))
    LendingRuleFactory(category=ReaderCategoryFactory(), max_loans=50)
    LendingRuleFactory(item_type=ItemTypeFactory(), max_loans=60)
    LendingRuleFactory(branch=BranchFactory(), max_loans=70)
    with django_assert_num_queries(1):
        found = effective_terms(category_id=category.pk, item_type_id=item_type.pk, branch_id=branch.pk)
    assert found.terms == Terms(max_loans=5, remind_before_days=(), fine_cap=Decimal("99.90"))
    assert found.sources["max_loans"].rule_id == of_category.pk
    assert found.scope_of("max_loans") == Scope(category_id=category.pk)
    assert found.sources["loan_period"].rule_id == default.pk


def test_without_the_default_rule_there_are_no_terms():
    with pytest.raises(NoDefaultRule):
        effective_terms(category_id=1, item_type_id=1, branch_id=1)


def test_a_calendar_takes_one_query(django_assert_num_queries):
    branch = BranchFactory(time_zone="Asia/Omsk")
    OpeningHoursFactory(branch=branch, weekday=1, opens_at=time(14), closes_at=time(19))
    OpeningHoursFactory(branch=branch, weekday=1, opens_at=time(9), closes_at=time(13))
    OpeningHoursFactory(weekday=2)
    ClosedDayFactory(starts_on=date(2026, 1, 1), ends_on=date(2026, 1, 8), repeats_yearly=True)
    ClosedDayFactory(branch=branch, starts_on=date(2025, 3, 3))
    ClosedDayFactory(branch=BranchFactory(), starts_on=date(2026, 4, 4))
    with django_assert_num_queries(1):
        calendar = calendar_of(branch)
    assert calendar.zone == ZoneInfo("Asia/Omsk")
    assert calendar.week == (Stretch(1, time(9), time(13)), Stretch(1, time(14), time(19)))
    assert calendar.closed == (
        ClosedRange(date(2025, 3, 3), date(2025, 3, 3)),
        ClosedRange(date(2026, 1, 1), date(2026, 1, 8), repeats_yearly=True),
    )


@pytest.fixture
def ask():
    """A function: the number of loans and the calendar, as whoever lends now finds them."""
    DefaultRuleFactory(max_loans=3)
    keys = {"category_id": ReaderCategoryFactory().pk, "item_type_id": ItemTypeFactory().pk}
    branch = BranchFactory(time_zone="Asia/Omsk")

    def ask():
        (stamp,) = revision()
        policies = policies_of(stamp)
        here = Branch.objects.get(pk=branch.pk)
        return policies.terms(branch_id=branch.pk, **keys).terms.max_loans, policies.calendar(here)

    ask.branch = branch
    return ask


def test_policies_are_kept_while_nobody_changes_them(ask, django_assert_num_queries):
    with django_assert_num_queries(4):
        first = ask()
    with django_assert_num_queries(2):
        assert ask() == first


def test_every_change_of_policies_counts_at_once(ask):
    assert ask()[0] == 3
    LendingRule.objects.update(max_loans=9)
    assert ask()[0] == 9
    day = ClosedDayFactory(branch=ask.branch, starts_on=date(2026, 4, 4))
    assert ask()[1].closed == (ClosedRange(date(2026, 4, 4), date(2026, 4, 4)),)
    ClosedDay.objects.filter(pk=day.pk).delete()
    assert ask()[1].closed == ()
    OpeningHoursFactory(branch=ask.branch, weekday=1, opens_at=time(9), closes_at=time(13))
    assert ask()[1].week == (Stretch(1, time(9), time(13)),)
    Branch.objects.update(time_zone="Europe/Moscow")
    assert ask()[1].zone == ZoneInfo("Europe/Moscow")


def test_a_change_that_is_taken_back_was_none(ask):
    with transaction.atomic():
        LendingRule.objects.update(max_loans=9)
        assert ask()[0] == 9
        transaction.set_rollback(True)
    assert ask()[0] == 3


def test_without_a_stamp_nothing_is_kept():
    DefaultRuleFactory(max_loans=3)
    keys = {"category_id": 1, "item_type_id": 1, "branch_id": 1}
    assert policies_of(None).terms(**keys).terms.max_loans == 3
    LendingRule.objects.update(max_loans=9)
    assert policies_of(None).terms(**keys).terms.max_loans == 9
