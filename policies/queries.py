"""What the rules and calendars say, read from the database into the frozen values of `terms` and `calendar`."""

from collections.abc import Callable
from functools import cache
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from psycopg import sql

from policies.calendar import Calendar, ClosedRange, Stretch
from policies.models import Branch, ClosedDay, LendingRule, OpeningHours, Revision
from policies.terms import PARAMETERS, EffectiveTerms, Row, Scope, resolve

RuleBook = Callable[[int, int, int], EffectiveTerms]
"""Reader category, item type, branch (by key) -> the terms."""

_RULES = (
    sql.SQL("""
        SELECT id, category_id, item_type_id, branch_id, {} FROM policies_lendingrule
        WHERE (category_id IS NULL OR category_id = %(category)s)
          AND (item_type_id IS NULL OR item_type_id = %(item_type)s)
          AND (branch_id IS NULL OR branch_id = %(branch)s)
    """)
    .format(sql.SQL(", ").join(map(sql.Identifier, PARAMETERS)))
    .as_string(None)
)
_DAYS = """
    SELECT weekday, opens_at, closes_at, NULL::date, NULL::date, NULL::boolean
    FROM policies_openinghours WHERE branch_id = %(branch)s
    UNION ALL
    SELECT NULL, NULL, NULL, starts_on, ends_on, repeats_yearly
    FROM policies_closedday WHERE branch_id IS NULL OR branch_id = %(branch)s
    ORDER BY 1, 2, 4
"""


def revision() -> "QuerySet[Revision, UUID]":
    """The stamp of the policies as they are, as a subquery of what is asked anyway: what `policies_of` takes."""
    return Revision.objects.values_list("stamp", flat=True)[:1]


class Policies:
    """Rules and calendars as they were under a stamp, or later: each is read when it is first asked for, and kept."""

    def __init__(self, stamp: UUID | None) -> None:
        self.stamp = stamp
        self._terms: dict[tuple[int, int, int], EffectiveTerms] = {}
        self._calendars: dict[int, Calendar] = {}

    def terms(self, *, category_id: int, item_type_id: int, branch_id: int) -> EffectiveTerms:
        """As `effective_terms` does. Raises NoDefaultRule."""
        key = (category_id, item_type_id, branch_id)
        if key not in self._terms:
            self._terms[key] = effective_terms(category_id=category_id, item_type_id=item_type_id, branch_id=branch_id)
        return self._terms[key]

    def calendar(self, branch: Branch) -> Calendar:
        """As `calendar_of` does."""
        if branch.pk not in self._calendars:
            self._calendars[branch.pk] = calendar_of(branch)
        return self._calendars[branch.pk]


_known = Policies(None)


def policies_of(stamp: UUID | None) -> Policies:
    """The library's policies under a stamp just read (`revision`): from memory, as long as it is the same.

    A change takes effect with its commit, in every process: the stamp is part of it. None: there is no stamp, and
    nothing is kept.
    """
    global _known
    known = _known
    if stamp is None or known.stamp != stamp:
        known = _known = Policies(stamp)
    return known


def effective_terms(*, category_id: int, item_type_id: int, branch_id: int) -> EffectiveTerms:
    """The terms for a reader category, an item type and the branch whose rules apply, with their sources. One query.

    Raises NoDefaultRule before `manage.py setup_library` has run.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RULES, {"category": category_id, "item_type": item_type_id, "branch": branch_id})
        rows = [
            Row(
                rule_id=row[0],
                scope=Scope(category_id=row[1], item_type_id=row[2], branch_id=row[3]),
                values=dict(zip(PARAMETERS, row[4:], strict=True)),
            )
            for row in cursor.fetchall()
        ]
    return resolve(rows, category_id=category_id, item_type_id=item_type_id, branch_id=branch_id)


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
    """The days and hours of a branch, with the days on which every branch is closed. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, {"branch": branch.pk})
        rows = cursor.fetchall()
    return Calendar(
        zone=branch.zone,
        week=tuple(Stretch(*row[:3]) for row in rows if row[0] is not None),
        closed=tuple(ClosedRange(*row[3:]) for row in rows if row[0] is None),
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
