"""When a branch is open: pure arithmetic of days, closing times and openings. No Django, no clock.

A day is closed when the weekly opening hours have no stretch for its weekday, or when a closed range covers it.
A branch without any opening hours is open every day, round the clock, save for its closed ranges. Days are the branch's
local days; instants come back in UTC and are exact across changes between summer and winter time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SEARCH_DAYS = 3653
"""How far to look for an open day, in days: ten years. Longer closures are taken for «never open»."""

ONE_DAY = timedelta(days=1)


class NoOpenDay(Exception):
    """The branch has no open day within ten years, in the direction searched."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of a weekday (0 is Monday) on which the branch is open, in local time."""

    weekday: int
    opens_at: time
    closes_at: time


@dataclass(frozen=True, slots=True)
class ClosedRange:
    """Days on which the branch is closed, both ends included; `repeats_yearly`: the same days of every year.

    A yearly range may cross the turn of the year. 29 February as such is met in leap years only.
    """

    starts_on: date
    ends_on: date
    repeats_yearly: bool = False

    def covers(self, day: date) -> bool:
        """Whether the branch is closed on `day` for this reason."""
        if not self.repeats_yearly:
            return self.starts_on <= day <= self.ends_on
        first, last = (self.starts_on.month, self.starts_on.day), (self.ends_on.month, self.ends_on.day)
        now = (day.month, day.day)
        if self.starts_on.year == self.ends_on.year:
            return first <= now <= last
        return now >= first or now <= last


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days and hours of one branch, in its time zone."""

    zone: ZoneInfo
    week: tuple[Stretch, ...] = ()
    closed: tuple[ClosedRange, ...] = ()

    def day_of(self, instant: datetime) -> date:
        """The local day on which `instant` (aware) falls."""
        return instant.astimezone(self.zone).date()

    def is_open(self, day: date) -> bool:
        """Whether the branch opens at all on `day`."""
        if self.week and not any(stretch.weekday == day.weekday() for stretch in self.week):
            return False
        return not any(range_.covers(day) for range_ in self.closed)

    def next_open(self, day: date) -> date:
        """`day` itself when open, else the first open day after it. Raises NoOpenDay."""
        return next(self._open_days(day, ONE_DAY))

    def previous_open(self, day: date) -> date:
        """`day` itself when open, else the last open day before it. Raises NoOpenDay."""
        return next(self._open_days(day, -ONE_DAY))

    def add_open_days(self, day: date, count: int) -> date:
        """The `count`-th open day after `day`; `day` itself does not count. Raises NoOpenDay."""
        if count < 1:
            return day
        later = self._open_days(day + ONE_DAY, ONE_DAY)
        for _ in range(count - 1):
            next(later)
        return next(later)

    def open_days_between(self, after: date, until: date) -> int:
        """How many open days lie after `after`, up to and including `until`; none when `until` is not later."""
        return sum(self.is_open(after + timedelta(days=n)) for n in range(1, (until - after).days + 1))

    def end_of_day(self, day: date) -> datetime:
        """The last second of the local day: 23:59:59, or what stands for it where the clocks jump at midnight."""
        return self._instant(day + ONE_DAY, time.min) - timedelta(seconds=1)

    def is_open_at(self, instant: datetime) -> bool:
        """Whether the doors are open at `instant`; the very moments of opening and closing count as open."""
        day = self.day_of(instant)
        if not self.is_open(day):
            return False
        stretches = zip(self._openings(day), self._closings(day), strict=True)
        return not self.week or any(opens <= instant <= closes for opens, closes in stretches)

    def closing_time(self, day: date) -> datetime:
        """When the branch closes for good on the open day `day`; the end of the day where it has no hours.

        Raises ValueError for a closed day.
        """
        if not self.is_open(day):
            raise ValueError(f"closed on {day}")
        return max(self._closings(day))

    def next_opening(self, instant: datetime) -> datetime:
        """The first moment after `instant` at which the doors open; of a branch without hours, when a day begins.

        Raises NoOpenDay.
        """
        days = self._open_days(self.day_of(instant), ONE_DAY)
        return next(moment for day in days for moment in sorted(self._openings(day)) if moment > instant)

    def previous_closing(self, instant: datetime) -> datetime:
        """The last moment before `instant` at which the doors closed; of a branch without hours, when a day ended.

        Raises NoOpenDay.
        """
        days = self._open_days(self.day_of(instant), -ONE_DAY)
        return next(moment for day in days for moment in sorted(self._closings(day), reverse=True) if moment < instant)

    def add_hours_on_open_days(self, start: datetime, hours: int) -> datetime:
        """`hours` after `start`, in which the hours of closed days do not count. Raises NoOpenDay."""
        left, at = timedelta(hours=hours), start.astimezone(UTC)
        for day in self._open_days(self.day_of(start), ONE_DAY):
            at = max(at, self._instant(day, time.min))
            midnight = self._instant(day + ONE_DAY, time.min)
            if at + left <= midnight:
                break
            left -= midnight - at
        return at + left

    def _openings(self, day: date) -> list[datetime]:
        """When the doors open on an open day, one moment for each stretch."""
        return [self._instant(day, stretch.opens_at) for stretch in self._stretches(day)] or [
            self._instant(day, time.min)
        ]

    def _closings(self, day: date) -> list[datetime]:
        """When the doors close on an open day, in the order of `_openings`."""
        return [self._instant(day, stretch.closes_at) for stretch in self._stretches(day)] or [self.end_of_day(day)]

    def _stretches(self, day: date) -> Iterator[Stretch]:
        return (stretch for stretch in self.week if stretch.weekday == day.weekday())

    def _open_days(self, start: date, step: timedelta) -> Iterator[date]:
        """Open days from `start` on (itself included), then NoOpenDay after `SEARCH_DAYS` closed ones in a row."""
        day, closed_in_a_row = start, 0
        while closed_in_a_row < SEARCH_DAYS:
            if self.is_open(day):
                closed_in_a_row = 0
                yield day
            else:
                closed_in_a_row += 1
            if not date.min < day < date.max:
                break
            day += step
        raise NoOpenDay(f"no open day from {start}")

    def _instant(self, day: date, at: time) -> datetime:
        """The local wall-clock time as an instant; a time skipped in spring is taken an hour later."""
        return datetime.combine(day, at, self.zone).astimezone(UTC)


def end_of_quiet(now: datetime, *, starts: time, ends: time) -> datetime | None:
    """When the quiet hours that hold `now` are over; None: it lies in none. `now` carries the branch's time zone.

    21:00 to 8:00 crosses midnight; the same time twice means no quiet hours.
    """
    if starts <= ends:
        is_quiet, day = starts <= now.time() < ends, now.date()
    else:
        is_quiet = now.time() >= starts or now.time() < ends
        day = now.date() + ONE_DAY * (now.time() >= starts)
    return datetime.combine(day, ends, now.tzinfo).astimezone(UTC) if is_quiet else None
