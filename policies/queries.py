"""What the rules and calendars say, read from the database into the frozen values of `terms` and `calendar`."""

from collections.abc import Callable
from functools import cache

from django.db.models import Q

from policies.calendar import Calendar, ClosedRange, Stretch
from policies.models import Branch, ClosedDay, LendingRule, OpeningHours
from policies.terms import PARAMETERS, EffectiveTerms, Row, Scope, resolve

RuleBook = Callable[[int, int, int], EffectiveTerms]
"""Reader category, item type, branch (by key) -> the terms."""


def effective_terms(*, category_id: int, item_type_id: int, branch_id: int) -> EffectiveTerms:
    """The terms for a reader category, an item type and the branch whose rules apply, with their sources. One query.

    Raises NoDefaultRule before `manage.py setup_library` has run.
    """
    rules = LendingRule.objects.filter(
        Q(category=None) | Q(category=category_id),
        Q(item_type=None) | Q(item_type=item_type_id),
        Q(branch=None) | Q(branch=branch_id),
    ).order_by()
    return resolve(map(row_of, rules), category_id=category_id, item_type_id=item_type_id, branch_id=branch_id)


def rule_book() -> RuleBook:
    """A function of reader category, item type and branch that gives their terms. One query for all of them.

    The function raises NoDefaultRule before `manage.py setup_library` has run.
    """
    rows = [row_of(rule) for rule in LendingRule.objects.order_by()]

    @cache
    def terms_of(category_id: int, item_type_id: int, branch_id: int) -> EffectiveTerms:
        return resolve(rows, category_id=category_id, item_type_id=item_type_id, branch_id=branch_id)

    return terms_of


def row_of(rule: LendingRule) -> Row:
    """The rule as `terms.resolve` takes it."""
    return Row(
        rule_id=rule.pk,
        scope=Scope(category_id=rule.category_id, item_type_id=rule.item_type_id, branch_id=rule.branch_id),
        values={name: getattr(rule, name) for name in PARAMETERS},
    )


def calendar_of(branch: Branch) -> Calendar:
    """The days and hours of a branch, with the days on which every branch is closed. Two queries."""
    hours = branch.opening_hours.order_by("weekday", "opens_at")
    closed = ClosedDay.objects.filter(Q(branch=None) | Q(branch=branch)).order_by("starts_on")
    return Calendar(
        zone=branch.zone,
        week=tuple(Stretch(*row) for row in hours.values_list("weekday", "opens_at", "closes_at")),
        closed=tuple(ClosedRange(*row) for row in closed.values_list("starts_on", "ends_on", "repeats_yearly")),
    )


def calendars() -> dict[int, Calendar]:
    """The calendar of every branch by its key. Three queries."""
    hours: dict[int, list[Stretch]] = {}
    for row in OpeningHours.objects.order_by("weekday", "opens_at"):
        hours.setdefault(row.branch_id, []).append(Stretch(row.weekday, row.opens_at, row.closes_at))
    closed: dict[int | None, list[ClosedRange]] = {}
    for days in ClosedDay.objects.order_by("starts_on"):
        range_ = ClosedRange(days.starts_on, days.ends_on, days.repeats_yearly)
        closed.setdefault(days.branch_id, []).append(range_)
    return {
        branch.pk: Calendar(
            zone=branch.zone,
            week=tuple(hours.get(branch.pk, [])),
            closed=(*closed.get(None, []), *closed.get(branch.pk, [])),
        )
        for branch in Branch.objects.all()
    }
