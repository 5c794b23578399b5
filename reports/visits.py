"""Writing down how many came to a branch on a day."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from policies.models import Branch
from reports.models import Visits

MOST = 1_000_000
"""Visits of a day: more is a slip of the finger."""
BACK = timedelta(days=731)
"""How long ago a day may be that is still written down."""


def count_visits(
    *,
    branch_id: int,
    day: date,
    visits: int,
    by: User,
    now: datetime,
    children: int = 0,
    events: int = 0,
    event_visits: int = 0,
    remote: int = 0,
) -> Visits:
    """Write down, or correct, the visits of a day. Raises Invalid (`day`, a field), Branch.DoesNotExist, Busy."""
    figures = {
        "visits": visits,
        "children": children,
        "events": events,
        "event_visits": event_visits,
        "remote": remote,
    }
    with one_commit():
        branch = Branch.objects.get(pk=branch_id)
        _check(day, now.astimezone(branch.zone).date(), figures)
        known = Visits.objects.filter(branch=branch, day=day).first()
        was = {name: getattr(known, name) for name in figures} if known else None
        if known and was == figures:
            return known
        written, _is_new = Visits.objects.update_or_create(
            branch=branch, day=day, defaults={**figures, "by": by, "at": now}
        )
        detail: dict[str, Any] = {"day": day, "branch": branch.code, **figures}
        audit.record(action="reports.count_visits", subject=written, by=by, now=now, detail=detail | {"was": was})
        return written


def _check(day: date, today: date, figures: dict[str, int]) -> None:
    problems: dict[str, list[str]] = {}
    if not today - BACK <= day <= today:
        problems["day"] = [_("Choose a day within the last two years, not in the future.")]
    for name, value in figures.items():
        if not 0 <= value <= MOST:
            problems[name] = [_("Give a number from 0 to %(most)d.") % {"most": MOST}]
    for part in ("children", "event_visits"):
        if figures[part] > figures["visits"]:
            problems.setdefault(part, []).append(_("This cannot be more than all visits."))
    if problems:
        raise Invalid(problems)
