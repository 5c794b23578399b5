"""The terms of a loan: which rule gives which value, and when the loan falls due. Pure: no Django, no clock.

Lending rules form one matrix of reader category x item type x branch in which every blank value is inherited;
`resolve` finds, value by value, the most special rule that has one. `due_at` and `renewed_due_at` do the arithmetic of
due dates; `due_steps` tells which step moved the day. docs/circulation.md explains both to librarians.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Self

from policies.calendar import Calendar, ClosedRange

HourLoanAfterClosing = Literal["closing", "next_opening"]


class NoDefaultRule(Exception):
    """The rule any x any x any is missing; `manage.py setup_library` creates it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Every parameter of a loan, under the names of the columns of `LendingRule`.

    The defaults are those of a new library's default rule. None means «none» (no limit, no cap, off). Amounts are in
    the library's currency.
    """

    loanable: bool = True
    loan_period: int = 14
    """In `loan_period_unit`, at least 1."""
    loan_period_unit: Literal["days", "hours"] = "days"
    fixed_due_on: date | None = None
    fixed_due_mode: Literal["at_latest", "exactly"] = "at_latest"
    max_loans: int = 3
    """How many loans in the scope of the rule that gave it: `EffectiveTerms.scope_of("max_loans")`."""
    minimum_age: int | None = None

    due_on_closed: Literal["keep", "next_open", "previous_open"] = "next_open"
    period_counts: Literal["all_days", "open_days"] = "all_days"

    max_renewals: int = 2
    renewal_period: int | None = None
    """In `loan_period_unit`; None: as long as the loan."""
    renew_from: Literal["due", "now"] = "due"
    renew_not_before_days: int | None = None
    """Days before the due day; None: at any time."""
    auto_renew: bool = False

    fine_amount: Decimal = Decimal("0.00")
    fine_period_days: int = 1
    grace_days: int = 0
    grace_is_charged: bool = False
    fine_cap: Decimal | None = None
    cap_at_copy_price: bool = True
    fine_counts_closed_days: bool = False
    suspension_days_per_day: int = 0
    max_suspension_days: int | None = None

    lost_after_days: int = 60
    replacement_fee: Literal["copy_price", "set_amount"] = "copy_price"
    replacement_amount: Decimal | None = None
    """What `set_amount` charges; with `copy_price`, what a copy without a price costs."""
    processing_fee: Decimal = Decimal("0.00")
    refund_within_days: int = 90
    """Days after the payment of the replacement."""

    reservable: bool = True
    on_shelf: Literal["always", "when_all_out"] = "always"
    max_reservations: int = 5
    max_reservations_per_book: int = 1
    max_reservations_per_day: int | None = None
    reservation_fee: Decimal = Decimal("0.00")
    pickup_open_days: int = 7

    remind_before_days: tuple[int, ...] = (3, 0)
    """Days before the due day; 0 is the due day itself."""
    remind_overdue_days: tuple[int, ...] = (1, 7, 14, 30)
    """Days after the due day."""
    remind_from_day: int | None = None
    """The day of the loan (the day of check-out is 0) from which the reader is reminded; None or 0: off."""
    remind_every_days: int | None = None
    """Then again every so many days until return; None: once."""

    def as_json(self) -> dict[str, Any]:
        """What a loan keeps: numbers, strings and lists; amounts as strings, dates in ISO form."""
        return {field.name: _to_json(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `as_json`; a parameter younger than the loan has its default."""
        return cls(**{name: _from_json(name, value) for name, value in stored.items()})


PARAMETERS = tuple(field.name for field in fields(Terms))
"""The names of all parameters, in the order of the groups."""

NULLABLE = frozenset(field.name for field in fields(Terms) if field.default is None)
"""Parameters whose value may be none in the end; the default rule must give all the others."""

AMOUNTS = frozenset({"fine_amount", "fine_cap", "replacement_amount", "processing_fee", "reservation_fee"})
DATES = frozenset({"fixed_due_on"})
LISTS = frozenset({"remind_before_days", "remind_overdue_days"})


def _to_json(value: Any) -> Any:
    match value:
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
    return value


def _from_json(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in AMOUNTS:
        return Decimal(value)
    if name in DATES:
        return date.fromisoformat(value)
    if name in LISTS:
        return tuple(value)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """For whom, what and where a rule is; None is «any»."""

    category_id: int | None = None
    item_type_id: int | None = None
    branch_id: int | None = None

    def covers(self, *, category_id: int, item_type_id: int, branch_id: int) -> bool:
        """Whether the rule is for this reader category, item type and branch."""
        return (
            self.category_id in (None, category_id)
            and self.item_type_id in (None, item_type_id)
            and self.branch_id in (None, branch_id)
        )

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """The larger, the more special: the branch weighs most, then the category, then the item type."""
        return (self.branch_id is not None, self.category_id is not None, self.item_type_id is not None)


@dataclass(frozen=True, slots=True)
class Row:
    """A lending rule: its scope and the values it sets; None inherits."""

    rule_id: int
    scope: Scope
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EffectiveTerms:
    """Terms, and which rule gave each of them."""

    terms: Terms
    sources: Mapping[str, Row]
    """Parameter to the row that gave it; a parameter that is none everywhere comes from the default rule."""

    def scope_of(self, parameter: str) -> Scope:
        """The scope of the rule that gave `parameter`: of `max_loans` it says which loans are counted."""
        return self.sources[parameter].scope


def resolve(rows: Iterable[Row], *, category_id: int, item_type_id: int, branch_id: int) -> EffectiveTerms:
    """For each parameter the value of the most special row that has one. Raises NoDefaultRule.

    Rows for others are ignored. The order is (branch, category, type), (branch, category, any), (branch, any, type),
    (branch, any, any), (any, category, type), (any, category, any), (any, any, type), (any, any, any).
    """
    matching = [
        row for row in rows if row.scope.covers(category_id=category_id, item_type_id=item_type_id, branch_id=branch_id)
    ]
    matching.sort(key=lambda row: row.scope.rank, reverse=True)
    if not matching or matching[-1].scope != Scope():
        raise NoDefaultRule("no lending rule for any category, any item type and any branch")
    default = matching[-1]
    sources = {name: next((row for row in matching if row.values[name] is not None), default) for name in PARAMETERS}
    values = {name: _as_parameter(source.values[name]) for name, source in sources.items()}
    return EffectiveTerms(terms=Terms(**values), sources=sources)


def _as_parameter(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class DueStep(StrEnum):
    """What settled or moved a due date."""

    PERIOD = "period"
    """Start plus loan period."""
    AFTER_CLOSING = "after_closing"
    """An hour loan would have ended outside the opening hours of an open day."""
    CLOSED_DAY = "closed_day"
    """The day was closed and `due_on_closed` moved it."""
    FIXED_DAY = "fixed_day"
    """`fixed_due_on` capped or replaced it."""
    CARD_EXPIRY = "card_expiry"
    """The reader's card expires before."""


@dataclass(frozen=True, slots=True)
class Due:
    """A due date after one step of its arithmetic."""

    step: DueStep
    at: datetime


def due_at(
    *,
    start: datetime,
    terms: Terms,
    calendar: Calendar,
    card_expires_on: date | None,
    hour_loan_after_closing: HourLoanAfterClosing,
) -> datetime:
    """The last instant, in UTC, at which a loan checked out at `start` is in time; always later than `start`.

    `calendar` is the branch's whose rules apply. Raises NoOpenDay when an open day is needed and there is none.
    """
    return due_steps(
        start=start,
        terms=terms,
        calendar=calendar,
        card_expires_on=card_expires_on,
        hour_loan_after_closing=hour_loan_after_closing,
    )[-1].at


def due_steps(
    *,
    start: datetime,
    terms: Terms,
    calendar: Calendar,
    card_expires_on: date | None,
    hour_loan_after_closing: HourLoanAfterClosing,
) -> list[Due]:
    """How `due_at` comes about: the bare period first, then each step that moved it; the last one holds.

    A fixed day or a card expiry that has passed at `start` is left out of account: who lends nevertheless (the one is
    a forgotten setting, the other was overridden) lends for the period.
    """
    is_fixed_day_ahead = terms.fixed_due_on is not None and calendar.end_of_day(terms.fixed_due_on) > start
    return _steps(
        now=start,
        base=start,
        period=terms.loan_period,
        fixed_due_on=terms.fixed_due_on if is_fixed_day_ahead else None,
        terms=terms,
        calendar=calendar,
        card_expires_on=card_expires_on,
        hour_loan_after_closing=hour_loan_after_closing,
    )


def renewed_due_at(
    *,
    due: datetime,
    now: datetime,
    terms: Terms,
    calendar: Calendar,
    card_expires_on: date | None,
    hour_loan_after_closing: HourLoanAfterClosing,
) -> datetime:
    """When a loan due at `due` falls due if renewed at `now`, by the same arithmetic; in UTC.

    May be no later than `due` (a fixed day, an expiring card, renewal from now): then there is nothing to renew. A
    fixed day holds even when it has passed. Raises NoOpenDay as `due_at` does.
    """
    return _steps(
        now=now,
        base=due if terms.renew_from == "due" else now,
        period=terms.renewal_period or terms.loan_period,
        fixed_due_on=terms.fixed_due_on,
        terms=terms,
        calendar=calendar,
        card_expires_on=card_expires_on,
        hour_loan_after_closing=hour_loan_after_closing,
    )[-1].at


def moved_due_at(
    *,
    due: datetime,
    start: datetime,
    now: datetime,
    terms: Terms,
    calendar: Calendar,
    closure: ClosedRange,
    card_expires_on: date | None,
) -> datetime:
    """When a loan due at `due` falls due now that its branch is closed on the days of `closure`; `due` if it stays.

    By the arithmetic of `due_at`, as if the closure had been known at `start`, the check-out or last renewal: where
    open days are counted, the days lost are made up for. Nothing moves back to `now` or before. Raises NoOpenDay.
    """
    day = calendar.day_of(due)
    if not closure.covers(day) or calendar.is_open(day) or terms.due_on_closed == "keep":
        return due
    if terms.loan_period_unit == "hours":
        back, forth = calendar.previous_closing(due), calendar.next_opening(due)
    else:
        back = calendar.end_of_day(calendar.previous_open(day))
        forth = calendar.end_of_day(calendar.next_open(day))
        if terms.period_counts == "open_days":
            lost = _days_lost(calendar.day_of(start), day, calendar, closure)
            back = forth = calendar.end_of_day(calendar.add_open_days(day, lost))
    moved = back if terms.due_on_closed == "previous_open" and back > now else forth
    if terms.fixed_due_on is not None and (fixed := calendar.end_of_day(terms.fixed_due_on)) >= due:
        moved = due if terms.fixed_due_mode == "exactly" else min(moved, fixed)
    if card_expires_on is not None and now < calendar.end_of_day(card_expires_on) < moved:
        moved = _card_ceiling(now, card_expires_on, terms, calendar)
    return moved


def _days_lost(start: date, until: date, calendar: Calendar, closure: ClosedRange) -> int:
    """How many days after `start`, up to `until`, would be open but for the closure; at least one."""
    ends = (closure.starts_on, closure.ends_on)
    others = tuple(range_ for range_ in calendar.closed if not all(map(range_.covers, ends)))
    before = replace(calendar, closed=others)
    days = (start + timedelta(days=n) for n in range(1, (until - start).days + 1))
    return max(1, sum(before.is_open(day) and not calendar.is_open(day) for day in days))


def _steps(
    *,
    now: datetime,
    base: datetime,
    period: int,
    fixed_due_on: date | None,
    terms: Terms,
    calendar: Calendar,
    card_expires_on: date | None,
    hour_loan_after_closing: HourLoanAfterClosing,
) -> list[Due]:
    if terms.loan_period_unit == "hours":
        steps = _hour_steps(base, period, terms, calendar, hour_loan_after_closing)
    else:
        steps = _day_steps(base, period, terms, calendar)

    if fixed_due_on is not None:
        fixed = calendar.end_of_day(fixed_due_on)
        at = fixed if terms.fixed_due_mode == "exactly" else min(steps[-1].at, fixed)
        if at != steps[-1].at:
            steps.append(Due(DueStep.FIXED_DAY, at))

    if card_expires_on is not None and now < calendar.end_of_day(card_expires_on) < steps[-1].at:
        steps.append(Due(DueStep.CARD_EXPIRY, _card_ceiling(now, card_expires_on, terms, calendar)))
    return steps


def _day_steps(base: datetime, period: int, terms: Terms, calendar: Calendar) -> list[Due]:
    """Due at the end of a local day; what falls on a closed day never moves back to `base` or before."""
    if terms.period_counts == "open_days":
        day = calendar.add_open_days(calendar.day_of(base), period)
    else:
        day = calendar.day_of(base) + timedelta(days=period)
    steps = [Due(DueStep.PERIOD, calendar.end_of_day(day))]
    if terms.due_on_closed != "keep" and not calendar.is_open(day):
        moved = calendar.previous_open(day) if terms.due_on_closed == "previous_open" else calendar.next_open(day)
        if calendar.end_of_day(moved) <= base:
            moved = calendar.next_open(day)
        steps.append(Due(DueStep.CLOSED_DAY, calendar.end_of_day(moved)))
    return steps


def _hour_steps(
    base: datetime, period: int, terms: Terms, calendar: Calendar, after_closing: HourLoanAfterClosing
) -> list[Due]:
    """Due to the minute, when the doors are open; never moved back to `base` or before."""
    if terms.period_counts == "open_days":
        at = calendar.add_hours_on_open_days(base, period)
    else:
        at = base.astimezone(UTC) + timedelta(hours=period)
    at = at.replace(second=0, microsecond=0)
    steps = [Due(DueStep.PERIOD, at)]
    if calendar.is_open_at(at):
        return steps
    if calendar.is_open(calendar.day_of(at)):
        step, goes_back = DueStep.AFTER_CLOSING, after_closing == "closing"
    elif terms.due_on_closed == "keep":
        return steps
    else:
        step, goes_back = DueStep.CLOSED_DAY, terms.due_on_closed == "previous_open"
    moved = calendar.previous_closing(at) if goes_back else calendar.next_opening(at)
    if moved <= base:
        moved = calendar.next_opening(at)
    steps.append(Due(step, moved))
    return steps


def _card_ceiling(now: datetime, card_expires_on: date, terms: Terms, calendar: Calendar) -> datetime:
    """The end (of hour loans: the closing) of the card's last day, or of the last open day before it, after `now`."""
    end_of = calendar.closing_time if terms.loan_period_unit == "hours" else calendar.end_of_day
    days_left = (card_expires_on - calendar.day_of(now)).days
    for day in (card_expires_on - timedelta(days=n) for n in range(days_left + 1)):
        if calendar.is_open(day) and end_of(day) > now:
            return end_of(day)
    return calendar.end_of_day(card_expires_on)
