"""Branches, categories, types and rules for tests."""

from dataclasses import asdict
from datetime import date, time

import factory
from factory.django import DjangoModelFactory

from policies.models import Branch, ClosedDay, ItemType, LendingRule, OpeningHours, ReaderCategory
from policies.terms import Terms


class BranchFactory(DjangoModelFactory):
    """A branch in Moscow without opening hours, so open every day."""

    class Meta:
        model = Branch

    code = factory.Sequence("branch-{}".format)
    name = factory.Sequence("Branch {}".format)
    time_zone = "Europe/Moscow"


class OpeningHoursFactory(DjangoModelFactory):
    """Monday 10:00 to 18:00."""

    class Meta:
        model = OpeningHours

    branch = factory.SubFactory(BranchFactory)
    weekday = 0
    opens_at = time(10)
    closes_at = time(18)


class ClosedDayFactory(DjangoModelFactory):
    """New Year's Day of 2026 in every branch."""

    class Meta:
        model = ClosedDay

    starts_on = date(2026, 1, 1)
    ends_on = factory.SelfAttribute("starts_on")
    reason = "New Year"


class ReaderCategoryFactory(DjangoModelFactory):
    """A category without limits for the person as a whole."""

    class Meta:
        model = ReaderCategory

    code = factory.Sequence("category-{}".format)
    name = factory.Sequence("Category {}".format)


class ItemTypeFactory(DjangoModelFactory):
    """A type of copies."""

    class Meta:
        model = ItemType

    code = factory.Sequence("type-{}".format)
    name = factory.Sequence("Type {}".format)


class LendingRuleFactory(DjangoModelFactory):
    """A rule that sets nothing; give at least one of category, item_type, branch."""

    class Meta:
        model = LendingRule


class DefaultRuleFactory(DjangoModelFactory):
    """The complete rule for any x any x any: 14 days, 3 loans, 2 renewals; made once, later calls return it."""

    class Meta:
        model = LendingRule
        django_get_or_create = ("category", "item_type", "branch")

    category = None
    item_type = None
    branch = None

    @classmethod
    def _adjust_kwargs(cls, **kwargs):
        return {**asdict(Terms()), **kwargs}
