"""The front page of the panel: today at the desk, what waits to be fetched, and a year of loans.

The figures are counted for everybody at once and kept for a minute, the year for an hour; who may see what is asked of
each user.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from library.core.money import money
from library.core.panel import Figure, Part
from policies.models import Branch
from reports.charts import draw
from reports.forms import FilterForm
from reports.index import REPORTS
from reports.registry import VIEW_MONEY, VIEW_REPORTS
from reports.tables import TooSlow, page_of
from reservations.queries import pick_list

KEPT, YEAR_KEPT = 60, 3600
"""Seconds for which the figures of today, and the year, are kept."""
TODAY = """
    SELECT (SELECT count(*) FROM circulation_loan loan JOIN policies_branch branch ON branch.id = loan.branch_id
            WHERE loan.checked_out_at > %(now)s - interval '25 hours' AND loan.undone_at IS NULL
              AND (loan.checked_out_at AT TIME ZONE branch.time_zone)::date
                  = (%(now)s AT TIME ZONE branch.time_zone)::date) AS loans,
           (SELECT count(*) FROM circulation_loan loan JOIN policies_branch branch ON branch.id = loan.return_branch_id
            WHERE loan.returned_at > %(now)s - interval '25 hours' AND loan.undone_at IS NULL
              AND (loan.returned_at AT TIME ZONE branch.time_zone)::date
                  = (%(now)s AT TIME ZONE branch.time_zone)::date) AS returns,
           (SELECT count(*) FROM accounts_reader reader JOIN policies_branch branch ON branch.id = reader.home_branch_id
            WHERE reader.registered_on = (%(now)s AT TIME ZONE branch.time_zone)::date
              AND reader.merged_into_id IS NULL) AS readers,
           (SELECT coalesce(sum(-entry.effect), 0) FROM cashdesk_entry entry
            JOIN policies_branch branch ON branch.id = entry.branch_id
            WHERE entry.at > %(now)s - interval '25 hours' AND entry.method <> ''
              AND (entry.at AT TIME ZONE branch.time_zone)::date
                  = (%(now)s AT TIME ZONE branch.time_zone)::date) AS money
"""
"""Today by the clock of each branch; undone loans count nowhere."""


def figures_of_today(*, now: datetime) -> dict[str, Any]:
    """Loans, returns, new readers, money taken, copies to pick; one query, and five for every branch that picks."""

    def counted() -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute(TODAY, {"now": now})
            names = [column.name for column in cursor.description]
            found = dict(zip(names, cursor.fetchone(), strict=True))
        return found | {"picks": sum(len(pick_list(branch, now=now)) for branch in Branch.objects.all())}

    return cast(dict[str, Any], cache.get_or_set("reports:today", counted, KEPT))


def figures(*, user: Any, now: datetime) -> list[Figure]:
    """What is to be fetched from the shelves of all branches, for those who may see reservations."""
    if not user.has_perm("reservations.view_reservation"):
        return []
    picks = figures_of_today(now=now)["picks"]
    return [Figure(_("to fetch from the shelves"), picks, reverse("pick_list"), "brass")]


def parts(*, user: Any, now: datetime) -> list[Part]:
    """Today at the desk, and a year of loans as a chart, for those who may see reports."""
    if not user.has_perm(VIEW_REPORTS):
        return []
    drawing = _year(now)
    year = [Part("admin/reports/year.html", {"drawing": drawing, "report": REPORTS["loans-by-month"]})]
    return [Part("admin/reports/today.html", {"figures": _today(user, now)}), *(year if drawing else [])]


def _today(user: Any, now: datetime) -> list[Figure]:
    """Each leads to the report that has it in full."""
    today = figures_of_today(now=now)

    def link(key: str) -> str:
        return f"{reverse('report', args=[key])}?period=today"

    shown = [
        Figure(_("lent today"), today["loans"], link("loans-by-hour")),
        Figure(_("returned today"), today["returns"], link("loans-by-hour")),
        Figure(_("new readers today"), today["readers"], link("new-readers")),
    ]
    if user.has_perms(VIEW_MONEY):
        taken = Decimal(today["money"])
        shown.append(Figure(_("taken today"), int(taken), link("payments"), text=money(taken)))
    return shown


def _year(now: datetime) -> Any:
    """The chart in the language in use; None: there is nothing to draw, or it takes too long."""
    report = REPORTS["loans-by-month"]

    def drawn() -> Any:
        form = FilterForm(report, {}, now=now)
        assert form.is_valid()
        try:
            return draw(report, page_of(report, form.asked(), sort=report.sort, start=0, size=24))
        except TooSlow:
            return None

    return cache.get_or_set(f"reports:year:{get_language()}", drawn, YEAR_KEPT)
