"""Branches as the front page shows them: where they are and whether the doors are open."""

from dataclasses import dataclass
from datetime import date, datetime, time

from policies.calendar import Calendar, NoOpenDay
from policies.models import Branch, Weekday
from policies.queries import calendars


@dataclass(frozen=True, slots=True)
class BranchCard:
    """A branch now. Times are on its own clock."""

    branch: Branch
    has_hours: bool
    """Whether opening hours are known; without any a branch counts as open every day and says nothing of hours."""
    is_open: bool
    closes_at: time | None
    """When it closes today; None unless open."""
    opens_on: date | None
    """The next day on which it opens; None when open, or when it never does."""
    opens_at: time | None
    opens_today: bool
    week: list[tuple[str, str]]
    """Weekdays with their hours: («Monday», «10:00–14:00, 15:00–19:00»); closed ones with an empty string."""


def branch_cards(now: datetime) -> list[BranchCard]:
    """Every branch, by name. Four statements."""
    by_branch = calendars()
    return [_card(branch, by_branch[branch.pk], now) for branch in Branch.objects.all()]


def _card(branch: Branch, calendar: Calendar, now: datetime) -> BranchCard:
    today = calendar.day_of(now)
    is_open = calendar.is_open_at(now)
    opens: datetime | None = None
    if not is_open:
        try:
            opens = calendar.next_opening(now).astimezone(calendar.zone)
        except NoOpenDay:
            opens = None
    return BranchCard(
        branch=branch,
        has_hours=bool(calendar.week),
        is_open=is_open,
        closes_at=calendar.closing_time(today).astimezone(calendar.zone).time() if is_open else None,
        opens_on=opens.date() if opens else None,
        opens_at=opens.time() if opens else None,
        opens_today=opens is not None and opens.date() == today,
        week=[
            (
                str(day.label),
                ", ".join(
                    f"{stretch.opens_at:%H:%M}–{stretch.closes_at:%H:%M}"
                    for stretch in calendar.week
                    if stretch.weekday == day
                ),
            )
            for day in Weekday
        ],
    )
