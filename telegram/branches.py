"""Branches in the chat: open now or not, hours of the week, closed days to come."""

from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.opening import BranchCard, branch_cards
from policies.calendar import Calendar
from policies.models import Weekday
from policies.queries import calendars
from telegram.people import Person
from telegram.replies import Reply, bold, joined, plain

LOOK_AHEAD = 30
"""Days in which closed ones are named."""
MOST_CLOSED = 20


def hours(person: Person) -> Reply:
    """Every branch, the reader's own first."""
    cards = branch_cards(person.now)
    if person.reader:
        cards.sort(key=lambda card: card.branch.pk != person.reader.home_branch_id)  # type: ignore[union-attr] # above
    days = calendars()
    return Reply(joined([_told(card, days[card.branch.pk], person) for card in cards]) or _("There are no branches."))


def _told(card: BranchCard, calendar: Calendar, person: Person) -> str:
    branch = card.branch
    contact = ", ".join(part for part in (branch.address, branch.phone) if part)
    lines = [bold(branch.name), *([plain(contact)] if contact else [])]
    if card.has_hours:
        lines.append(f"<i>{plain(_now(card))}</i>")
        lines += [plain(line) for line in _week(card)]
    if closed := _closed(calendar, calendar.day_of(person.now)):
        days = ", ".join(_stretches(closed))
        lines.append(plain(_("Closed besides: %(days)s.") % {"days": days}))
    return "\n".join(lines)


def _now(card: BranchCard) -> str:
    if card.is_open and card.closes_at:
        return _("Open now, until %(time)s.") % {"time": f"{card.closes_at:%H:%M}"}
    if card.opens_on is None or card.opens_at is None:
        return _("Closed.")
    if card.opens_today:
        return _("Closed now, opens today at %(time)s.") % {"time": f"{card.opens_at:%H:%M}"}
    values = {"day": date_format(card.opens_on, "j E"), "time": f"{card.opens_at:%H:%M}"}
    return _("Closed now, opens on %(day)s at %(time)s.") % values


def _week(card: BranchCard) -> list[str]:
    """Hours by weekday; neighbouring days with the same hours are one line."""
    short = [date_format(date(2024, 1, 1) + timedelta(days=weekday), "D") for weekday in Weekday.values]
    lines: list[tuple[int, int, str]] = []
    for number, (_name, times) in enumerate(card.week):
        if lines and lines[-1][2] == times:
            lines[-1] = (lines[-1][0], number, times)
        else:
            lines.append((number, number, times))
    return [
        f"{short[first]}{f'–{short[last]}' if last > first else ''}: {times or pgettext('day of the week', 'closed')}"
        for first, last, times in lines
    ]


def _closed(calendar: Calendar, today: date) -> list[date]:
    """The days that are closed out of turn, soon."""
    days = (today + timedelta(days=ahead) for ahead in range(LOOK_AHEAD))
    found = [one for one in days if any(closed.covers(one) for closed in calendar.closed)]
    return [one for one in found if not calendar.week or any(s.weekday == one.weekday() for s in calendar.week)][
        :MOST_CLOSED
    ]


def _stretches(days: list[date]) -> list[str]:
    """Days in words, those that follow each other as one stretch."""
    stretches: list[tuple[date, date]] = []
    for one in days:
        if stretches and stretches[-1][1] + timedelta(days=1) == one:
            stretches[-1] = (stretches[-1][0], one)
        else:
            stretches.append((one, one))
    return [" – ".join(date_format(end, "j E") for end in dict.fromkeys(stretch)) for stretch in stretches]
