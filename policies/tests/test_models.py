"""What the database and the forms do not accept."""

from dataclasses import asdict
from datetime import date, time
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import translation

from policies.models import Branch, LendingRule
from policies.terms import NULLABLE, PARAMETERS, Terms
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


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def refused_by_the_database(constraint, make):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make()


def test_the_columns_of_a_rule_are_the_parameters_of_the_terms():
    columns = {field.name for field in LendingRule._meta.get_fields()}
    assert columns - {"id", "category", "item_type", "branch"} == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_default_rule_is_complete_save_for_what_may_be_none(name):
    rule = DefaultRuleFactory()
    setattr(rule, name, None)
    if name in NULLABLE:
        rule.full_clean()
        rule.save()
        return
    with pytest.raises(ValidationError) as caught:
        rule.full_clean()
    assert name in caught.value.message_dict
    refused_by_the_database("default_rule_is_complete", rule.save)


def test_the_default_rule_cannot_be_deleted():
    rule = DefaultRuleFactory()
    LendingRuleFactory(category=ReaderCategoryFactory())
    with pytest.raises(ProtectedError):
        rule.delete()
    with pytest.raises(ProtectedError):
        LendingRule.objects.all().delete()
    assert LendingRule.objects.count() == 2
    LendingRule.objects.exclude(pk=rule.pk).delete()
    assert LendingRule.objects.get() == rule


def test_the_default_rule_cannot_be_turned_into_another():
    rule = DefaultRuleFactory()
    rule.category = ReaderCategoryFactory()
    with pytest.raises(ValidationError, match="Add a new rule instead"):
        rule.full_clean()


def test_one_rule_per_combination_nulls_included():
    DefaultRuleFactory()
    item_type = ItemTypeFactory()
    LendingRuleFactory(item_type=item_type)
    refused_by_the_database("one_rule_per_combination", lambda: LendingRuleFactory(item_type=item_type))
    refused_by_the_database("one_rule_per_combination", lambda: LendingRuleFactory(**asdict(Terms())))


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"fine_amount": Decimal("-0.01")}, "rule_amounts_are_not_negative"),
        ({"fine_cap": Decimal(-1)}, "rule_amounts_are_not_negative"),
        ({"processing_fee": Decimal(-1)}, "rule_amounts_are_not_negative"),
        ({"reservation_fee": Decimal(-1)}, "rule_amounts_are_not_negative"),
        ({"replacement_amount": Decimal(-1)}, "rule_amounts_are_not_negative"),
        ({"loan_period": 0}, "rule_periods_are_positive"),
        ({"renewal_period": 0}, "rule_periods_are_positive"),
        ({"fine_period_days": 0}, "rule_periods_are_positive"),
        ({"pickup_open_days": 0}, "rule_periods_are_positive"),
        ({"remind_every_days": 0}, "rule_periods_are_positive"),
        ({"max_loans": -1}, "max_loans"),
        ({"loan_period_unit": "weeks"}, "rule_choices_are_known"),
        ({"fixed_due_mode": "never"}, "rule_choices_are_known"),
        ({"due_on_closed": "skip"}, "rule_choices_are_known"),
        ({"period_counts": "days"}, "rule_choices_are_known"),
        ({"renew_from": "no"}, "rule_choices_are_known"),
        ({"on_shelf": "never"}, "rule_choices_are_known"),
        ({"replacement_fee": "free"}, "rule_choices_are_known"),
        ({"replacement_fee": "set_amount"}, "set_replacement_has_its_amount"),
        ({"remind_before_days": [3, -1]}, "rule_reminders_are_days"),
        ({"remind_overdue_days": [-7]}, "rule_reminders_are_days"),
    ],
)
def test_values_out_of_range_are_refused_by_form_and_database(values, constraint):
    rule = LendingRule(category=ReaderCategoryFactory(), **values)
    with pytest.raises(ValidationError):
        rule.full_clean()
    refused_by_the_database(constraint, rule.save)


@pytest.mark.parametrize("value", [[40_000], list(range(21))])
def test_reminders_are_lists_of_days(value):
    with pytest.raises(ValidationError) as caught:
        LendingRule(category=ReaderCategoryFactory(), remind_before_days=value).full_clean()
    assert list(caught.value.message_dict) == ["remind_before_days"]


def test_a_rule_may_set_anything_sensible():
    rule = LendingRuleFactory(
        category=ReaderCategoryFactory(),
        item_type=ItemTypeFactory(),
        branch=BranchFactory(),
        max_loans=0,
        remind_before_days=[],
        remind_overdue_days=[1, 2, 3],
        replacement_fee="set_amount",
        replacement_amount=Decimal("500.00"),
    )
    rule.full_clean()


def test_opening_hours_do_not_overlap():
    branch = BranchFactory()
    OpeningHoursFactory(branch=branch, weekday=0, opens_at=time(8), closes_at=time(12))
    OpeningHoursFactory(branch=branch, weekday=0, opens_at=time(12), closes_at=time(18))
    OpeningHoursFactory(branch=branch, weekday=1, opens_at=time(9), closes_at=time(11))
    OpeningHoursFactory(weekday=0, opens_at=time(9), closes_at=time(11))
    overlapping = OpeningHoursFactory.build(branch=branch, weekday=0, opens_at=time(9), closes_at=time(11))
    with pytest.raises(ValidationError, match="overlap"):
        overlapping.full_clean()
    refused_by_the_database("opening_hours_do_not_overlap", overlapping.save)


def test_ends_come_after_beginnings():
    hours = OpeningHoursFactory.build(branch=BranchFactory(), opens_at=time(18), closes_at=time(10))
    with pytest.raises(ValidationError, match="Closing time must come after"):
        hours.full_clean()
    refused_by_the_database("closes_after_opening", hours.save)
    closure = ClosedDayFactory.build(starts_on=date(2026, 1, 2), ends_on=date(2026, 1, 1))
    with pytest.raises(ValidationError, match="must not be before"):
        closure.full_clean()
    refused_by_the_database("closed_range_in_order", closure.save)


def test_what_repeats_yearly_is_shorter_than_a_year():
    ClosedDayFactory(starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31), repeats_yearly=True).full_clean()
    ClosedDayFactory(starts_on=date(2026, 1, 1), ends_on=date(2027, 1, 1)).full_clean()
    closure = ClosedDayFactory.build(starts_on=date(2026, 1, 1), ends_on=date(2027, 1, 1), repeats_yearly=True)
    with pytest.raises(ValidationError, match="shorter than a year"):
        closure.full_clean()
    refused_by_the_database("yearly_closure_is_within_a_year", closure.save)


def test_a_time_zone_is_one_of_the_known_names():
    Branch(code="a", name="A", time_zone="Asia/Omsk").full_clean()
    with pytest.raises(ValidationError, match="“Moscow” is not a time zone"):
        Branch(code="b", name="B", time_zone="Moscow").full_clean()
