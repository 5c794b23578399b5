"""Letters on paper to readers with overdue loans: one page each, from the same filters as the report."""

from itertools import groupby
from typing import Any

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from library.core.jobs import local_day
from reports.forms import FilterForm
from reports.index import REPORTS
from reports.pages import TOO_SLOW, StaffRequest, staff_who_may, tell_audit
from reports.registry import VIEW_READERS, VIEW_REPORTS
from reports.tables import Row, TooSlow, page_of

MOST_LOANS = 1000
"""Loans that one batch of letters is about."""


@require_safe
@staff_who_may(VIEW_REPORTS, VIEW_READERS)
def overdue_letters(request: StaffRequest) -> HttpResponse:
    """A letter to each reader, in the reader's language; not about what is declared lost or claimed returned."""
    report, now = REPORTS["overdue"], timezone.now()
    form = FilterForm(report, request.GET, now=now)
    back = f"{reverse('report', args=[report.key])}?{request.GET.urlencode()}"
    if not form.is_valid():
        return redirect(back)
    try:
        rows = page_of(report, form.asked(), sort="reader", start=0, size=MOST_LOANS)
    except TooSlow:
        messages.error(request, TOO_SLOW)
        return redirect(back)
    letters = list(_letters(rows))
    tell_audit(request, report, form, "letters", len(rows))
    context = {"title": _("Letters"), "letters": letters, "back": back, "today": local_day(now)}
    context["is_cut"] = len(rows) == MOST_LOANS
    return render(request, "admin/reports/letters.html", admin.site.each_context(request) | context)


def _letters(rows: list[Row]) -> Any:
    """The loans of each reader together, the latest of them first."""
    written_about = [row for row in rows if row["standing"] == "overdue"]
    for _key, loans in groupby(sorted(written_about, key=_reader), key=_reader):
        of_reader = sorted(loans, key=lambda row: -row["days_late"])
        yield {"to": of_reader[0], "loans": of_reader, "language": of_reader[0]["language"]}


def _reader(row: Row) -> tuple[str, str]:
    return row["reader"], str(row["reader_uid"])
