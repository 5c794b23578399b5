"""The pages of reports on the panel: all of them, one of them with its filters, on paper, as a file."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.models import User
from library.core import audit
from reports import files
from reports.actions import saved_reports_visible_to
from reports.cells import in_words, lines
from reports.charts import Drawing, draw
from reports.forms import FilterForm, SaveForm
from reports.index import report_for, reports_by_group
from reports.registry import VIEW_REPORTS, Asked, Column, Report
from reports.tables import TooSlow, Totals, column_to_sort_by, page_of, totals_of

PER_PAGE = 50
PRINTED = 2000
"""Rows on paper; the file has all."""
TOO_SLOW = gettext_lazy("This takes too long to count. Choose a shorter period or a branch.")
View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """A request of a member of staff."""

    user: User


def staff_who_may(*permissions: str) -> Callable[[View], View]:
    """Let in staff with every one of the permissions; strangers sign in, others are forbidden."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and request.user.has_perms(permissions)):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return wrap


@require_safe
@staff_who_may(VIEW_REPORTS)
def all_reports(request: StaffRequest) -> HttpResponse:
    """Every report that one may see, by what it is about."""
    saved = saved_reports_visible_to(request.user)
    return render_page(request, "index", _("Reports"), groups=reports_by_group(user=request.user), saved=saved)


@require_safe
@staff_who_may(VIEW_REPORTS)
def report_page(request: StaffRequest, key: str) -> HttpResponse:
    """One report: filters, chart and a page of its table."""
    report = _report(request, key)
    form = FilterForm(report, request.GET, now=timezone.now())
    columns = report.columns_for(request.user)
    sort = _sort(request, report, columns)
    context: dict[str, Any] = {"report": report, "form": form, "formats": files.Format.choices, "save_form": SaveForm()}
    if form.is_valid():
        try:
            context |= table_of(request, report, form.asked(), columns, sort)
        except TooSlow:
            context["is_too_slow"] = True
    return render_page(request, "page", str(report.title), **context)


@require_safe
@staff_who_may(VIEW_REPORTS)
def printed_report(request: StaffRequest, key: str) -> HttpResponse:
    """The table on paper, with what it was asked for above it and a place to sign."""
    report = _report(request, key)
    form = FilterForm(report, request.GET, now=timezone.now())
    if not form.is_valid():
        return _back(request, report)
    columns, asked = report.columns_for(request.user), form.asked()
    sort = _sort(request, report, columns)
    try:
        rows = page_of(report, asked, sort=sort, start=0, size=PRINTED)
        totals = totals_of(report, asked)
    except TooSlow:
        messages.error(request, TOO_SLOW)
        return _back(request, report)
    tell_audit(request, report, form, "print", len(rows))
    return render_page(
        request,
        "print",
        str(report.title),
        report=report,
        told=form.in_words(),
        columns=columns,
        lines=lines(columns, rows),
        sums=_sums(columns, totals),
        totals=totals,
        drawing=draw(report, rows),
        now=timezone.localtime(),
        is_cut=len(rows) == PRINTED,
    )


@require_safe
@staff_who_may(VIEW_REPORTS)
def report_file(request: StaffRequest, key: str) -> HttpResponseBase:
    """The whole table to take away; the audit says who took what."""
    report, now = _report(request, key), timezone.now()
    format = request.GET.get("format", "")
    if format not in files.Format.values:
        raise Http404
    form = FilterForm(report, request.GET, now=now)
    if not form.is_valid():
        return _back(request, report)
    columns, asked = report.columns_for(request.user), form.asked()
    sort = _sort(request, report, columns)
    too_long = _("This report has more than %(most)s rows, too many for one file. Choose a shorter period or a branch.")
    taken = taken_away(
        request, report, asked, columns, sort, files.Format(format), too_long=too_long, too_slow=str(TOO_SLOW)
    )
    if taken is None:
        return _back(request, report)
    answer, count = taken
    tell_audit(request, report, form, format, count)
    return answer


# --- Parts ---------------------------------------------------------------------------------------------------------


def _report(request: StaffRequest, key: str) -> Report:
    report = report_for(key, user=request.user)
    if report is None:
        raise Http404
    return report


def taken_away(
    request: StaffRequest,
    report: Report,
    asked: Asked,
    columns: tuple[Column, ...],
    sort: str,
    format: files.Format,
    *,
    too_long: str,
    too_slow: str,
) -> tuple[FileResponse, int] | None:
    """The whole table as a file, and its number of rows; None: it is too much, which the next page tells.

    `too_long` tells with `%(most)s` rows, `too_slow` as it is.
    """
    try:
        file, count = files.make(report, asked, columns, sort=sort, format=format)
    except files.TooLong as error:
        messages.error(request, too_long % {"most": number_format(error.most, use_l10n=True, force_grouping=True)})
        return None
    except TooSlow:
        messages.error(request, too_slow)
        return None
    name = files.name_of(report, asked, format)
    return FileResponse(file, as_attachment=True, filename=name, content_type=files.CONTENT_TYPES[format]), count


def tell_audit(request: StaffRequest, report: Report, form: FilterForm, format: str, rows: int) -> None:
    """Who took what: the report in a file or on paper, its filters, and how many rows."""
    detail = {"report": report.key, "format": format, "rows": rows, "filters": dict(form.in_words())}
    audit.record(action="reports.export", subject=request.user, by=request.user, now=form.now, detail=detail)


def _sort(request: HttpRequest, report: Report, columns: tuple[Column, ...]) -> str:
    """What to sort by: as asked if there is such a column that one may see."""
    asked = request.GET.get("sort", "")
    return asked if column_to_sort_by(columns, asked) else report.sort


def table_of(
    request: StaffRequest, report: Report, asked: Asked, columns: tuple[Column, ...], sort: str
) -> dict[str, Any]:
    """A page of rows, the sums, the links that sort, and the chart; two queries, three where the chart needs more."""
    totals = totals_of(report, asked)
    page: Page = Paginator(range(totals.rows), PER_PAGE).get_page(request.GET.get("page"))
    start = max(page.start_index() - 1, 0)
    rows = page_of(report, asked, sort=sort, start=start, size=PER_PAGE)
    return {
        "page": page,
        "totals": totals,
        "columns": [_head(column, sort) for column in columns],
        "lines": lines(columns, rows),
        "sums": _sums(columns, totals),
        "drawing": _drawing(report, asked, rows if totals.rows <= PER_PAGE and sort == report.sort else None),
        "asked": asked,
        "sort": sort,
        "fresh_at": report.fresh_at() if report.fresh_at else None,
        "is_counted_before": report.fresh_at is not None,
    }


def _drawing(report: Report, asked: Asked, rows: list[dict[str, Any]] | None) -> Drawing | None:
    """The chart is of the whole report in its own order, whatever the page shows."""
    if report.chart is None:
        return None
    if rows is None:
        rows = page_of(report, asked, sort=report.sort, start=0, size=report.chart.most)
    return draw(report, rows)


def _head(column: Column, sort: str) -> dict[str, Any]:
    """A column with how the table is sorted by it now, and what a click makes of that."""
    is_sorted, is_down = sort.removeprefix("-") == column.key, sort.startswith("-")
    first_down = column.kind.is_figure
    next_down = not is_down if is_sorted else first_down
    return {
        "column": column,
        "order": ("descending" if is_down else "ascending") if is_sorted else "",
        "next": f"-{column.key}" if next_down else column.key,
    }


def _sums(columns: tuple[Column, ...], totals: Totals) -> list[str]:
    """The line under the table; empty where nothing is summed up."""
    if not totals.sums or not totals.rows:
        return []
    return [in_words(column, totals.sums[column.key]) if column.has_total else "" for column in columns]


def _back(request: HttpRequest, report: Report) -> HttpResponse:
    query = request.GET.copy()
    query.pop("format", None)
    return redirect(f"{reverse('report', args=[report.key])}?{query.urlencode()}")


def render_page(request: StaffRequest, template: str, name: str, **context: Any) -> HttpResponse:
    """A page of the panel from the templates of reports."""
    context = {"title": name} | context
    return render(request, f"admin/reports/{template}.html", admin.site.each_context(request) | context)
