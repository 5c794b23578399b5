"""The form 6-НК on the panel and as a workbook, and the page on which staff write down visits."""

from datetime import date, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from django import forms
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font

from accounts.forms import DayInput
from library.core import audit
from library.core.errors import Busy, Invalid
from library.core.jobs import local_day
from policies.models import Branch
from reports.files import CONTENT_TYPES, Format
from reports.form6nk import SECTIONS, Form, filled_in, last_year
from reports.forms import EARLIEST, LATEST
from reports.models import Visits
from reports.pages import StaffRequest, render_page, staff_who_may
from reports.registry import VIEW_REPORTS
from reports.tables import TooSlow, limited
from reports.visits import MOST, count_visits

COUNT_VISITS = "reports.count_visits"
SECONDS = 20
"""The form is asked for once a year, and may take its time."""
SHOWN_DAYS = 14


class DaysForm(forms.Form):
    """From when until when."""

    since = forms.DateField(label=gettext_lazy("First day"), widget=DayInput())
    until = forms.DateField(label=gettext_lazy("Last day"), widget=DayInput())

    def clean(self) -> dict[str, Any]:
        """In order, and not a lifetime."""
        said: dict[str, Any] = super().clean() or {}
        since, until = said.get("since"), said.get("until")
        if since and until and not (EARLIEST <= since <= until <= LATEST and until - since <= timedelta(days=3660)):
            self.add_error("until", _("Give a first and a last day, ten years apart at most."))
        return said


class VisitsForm(forms.Form):
    """How many came."""

    branch = forms.ModelChoiceField(Branch.objects.all(), label=gettext_lazy("Branch"), to_field_name="code")
    day = forms.DateField(label=gettext_lazy("On which day"), widget=DayInput())
    visits = forms.IntegerField(label=gettext_lazy("Visits"), min_value=0, max_value=MOST)
    children = forms.IntegerField(label=gettext_lazy("of them children"), min_value=0, max_value=MOST, required=False)
    events = forms.IntegerField(label=gettext_lazy("Events"), min_value=0, max_value=MOST, required=False)
    event_visits = forms.IntegerField(
        label=gettext_lazy("Visits to events"),
        help_text=gettext_lazy("Part of all visits."),
        min_value=0,
        max_value=MOST,
        required=False,
    )
    remote = forms.IntegerField(
        label=gettext_lazy("Remote visits"),
        help_text=gettext_lazy("Not part of the visits above."),
        min_value=0,
        max_value=MOST,
        required=False,
    )


@require_safe
@staff_who_may(VIEW_REPORTS)
def form_page(request: StaffRequest) -> HttpResponseBase:
    """The form, or with `format=xlsx` its workbook."""
    now = timezone.now()
    since, until = last_year(local_day(now))
    days = DaysForm(request.GET or {"since": since.isoformat(), "until": until.isoformat()})
    context: dict[str, Any] = {"form": days}
    if days.is_valid():
        try:
            with limited(seconds=SECONDS):
                filled = filled_in(since=days.cleaned_data["since"], until=days.cleaned_data["until"], now=now)
        except TooSlow:
            context["is_too_slow"] = True
        else:
            if request.GET.get("format") == Format.XLSX:
                return _workbook(request, filled, now)
            context["branches"] = filled.branches
            context["sections"] = [(section, filled.rows(section)) for section in SECTIONS]
    return render_page(request, "form6nk", _("Form 6-НК"), **context)


def _workbook(request: StaffRequest, filled: Form, now: datetime) -> FileResponse:
    told = {"report": "form-6nk", "format": Format.XLSX, "since": filled.since, "until": filled.until}
    audit.record(action="reports.export", subject=request.user, by=request.user, now=now, detail=told)
    name = f"6-nk-{filled.since:%Y-%m-%d}-{filled.until:%Y-%m-%d}.xlsx"
    return FileResponse(workbook(filled), as_attachment=True, filename=name, content_type=CONTENT_TYPES[Format.XLSX])


def workbook(filled: Form) -> IO[bytes]:
    """The form as a workbook: a sheet for each section, lines down, branches across."""
    book = Workbook(write_only=True)
    for section in SECTIONS:
        sheet = book.create_sheet(str(section.title)[:31])
        sheet.freeze_panes = "B3"
        sheet.column_dimensions["A"].width = 56
        sheet.append([f"{_('Form 6-НК')} · {section.title} · {filled.since:%d.%m.%Y} – {filled.until:%d.%m.%Y}"])
        head = [_("Line"), _("Altogether"), *(branch.name for branch in filled.branches)]
        sheet.append([_bold(sheet, text) for text in head])
        for line, values in filled.rows(section):
            cell = WriteOnlyCell(sheet, str(line.title))
            cell.alignment = Alignment(indent=2 * line.level, wrap_text=True)
            sheet.append([cell, *values])
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115 # whoever reads it closes it
    book.save(file)
    file.seek(0)
    return file


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, text)
    cell.font, cell.alignment = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    return cell


@require_http_methods(["GET", "HEAD", "POST"])
@staff_who_may(COUNT_VISITS)
def visits_page(request: StaffRequest) -> HttpResponse:
    """Write down how many came, and see the last days."""
    now = timezone.now()
    form = VisitsForm(request.POST or None, initial=_first_said(request, now))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        figures = {name: said[name] or 0 for name in ("visits", "children", "events", "event_visits", "remote")}
        try:
            count_visits(branch_id=said["branch"].pk, day=said["day"], by=request.user, now=now, **figures)
        except Invalid as error:
            for name, texts in error.errors.items():
                form.add_error(name if name in form.fields else None, list(texts))
        except Busy:
            form.add_error(None, _("Somebody is working with this at the moment. Try again."))
        else:
            return redirect(f"{reverse('visits')}?branch={said['branch'].code}&saved={said['day']:%Y-%m-%d}")
    recent = Visits.objects.select_related("branch", "by").order_by("-day", "branch__name")[:SHOWN_DAYS]
    return render_page(
        request, "visits", _("Visits"), form=form, recent=recent, saved=_day(request.GET.get("saved", ""))
    )


def _first_said(request: StaffRequest, now: datetime) -> dict[str, Any]:
    """The day as it stands, for whoever comes to correct it."""
    day = _day(request.GET.get("day", "")) or local_day(now)
    branch = Branch.objects.filter(code=request.GET.get("branch", "")).first() or Branch.objects.first()
    known = Visits.objects.filter(branch=branch, day=day).values(
        "visits", "children", "events", "event_visits", "remote"
    )
    return {"branch": branch.code if branch else "", "day": day, **(known.first() or {})}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
