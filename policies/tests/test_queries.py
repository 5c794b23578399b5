"""Terms and calendars as read from the database, and at what cost."""

from datetime import date, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from policies.calendar import ClosedRange, Stretch
from policies.queries import calendar_of, effective_terms
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
