"""Administrators close days after the fact: what falls on them, the deed, how far it is, and the way back."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from circulation import closings
from circulation.desk import DeskRequest, staff_who_may
from circulation.models import Closing
from circulation.tasks import work_on_closings_soon
from library.core.dates import day
from library.core.errors import Busy, Invalid
from policies.models import Branch, ClosedDay

PER_PAGE = 50
AT_ONCE = 200
"""What falls on the days is moved while one waits if it is not more; else in the background."""


class DaysForm(forms.Form):
    """The days of a closing."""

    branch = forms.ModelChoiceField(
        Branch.objects.all(), label=gettext_lazy("Branch"), required=False, empty_label=gettext_lazy("every branch")
    )
    starts_on = forms.DateField(label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=gettext_lazy("What readers are told"), max_length=200, required=False)


@require_safe
@staff_who_may("move_due_dates")
def closings_made(request: DeskRequest) -> HttpResponse:
    """Closings of the past, and a form for a new one."""
    page = Paginator(Closing.objects.select_related("branch", "by"), PER_PAGE).get_page(request.GET.get("page"))
    return _page(request, "list", title=_("Closings"), page=page, form=DaysForm())


@require_safe
@staff_who_may("move_due_dates")
def of_day(request: DeskRequest, pk: int) -> HttpResponse:
    """What falls on a closed day just entered; straight back to the list where nothing does."""
    closed_day = get_object_or_404(ClosedDay, pk=pk)
    starts_on, ends_on = _next_days(closed_day, timezone.localdate())
    try:
        found = closings.preview(
            branch=closed_day.branch, starts_on=starts_on, ends_on=ends_on, now=timezone.now(), shown=0
        )
    except Invalid:
        found = None
    if found is None or not (found.loans or found.pickups):
        return redirect("admin:policies_closedday_changelist")
    asked = {
        "branch": closed_day.branch_id or "",
        "starts_on": starts_on,
        "ends_on": ends_on,
        "reason": closed_day.reason,
    }
    return redirect(f"{reverse('closing_preview')}?{urlencode(asked)}")


@require_http_methods(["GET", "POST"])
@staff_who_may("move_due_dates")
def look(request: DeskRequest) -> HttpResponse:
    """What falls on the days and where it would go; confirmed, it is moved."""
    form = DaysForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        page = Paginator(Closing.objects.none(), PER_PAGE).get_page(1)
        return _page(request, "list", title=_("Closings"), form=form, page=page)
    said = form.cleaned_data
    days = {name: said[name] for name in ("branch", "starts_on", "ends_on")}
    now = timezone.now()
    try:
        found = closings.preview(**days, now=now)
        if request.method == "POST":
            branch_id = said["branch"].pk if said["branch"] else None
            made = closings.close(
                branch_id=branch_id,
                starts_on=said["starts_on"],
                ends_on=said["ends_on"],
                reason=said["reason"],
                by=request.user,
                now=now,
            )
            _work(made)
            return redirect("closing_page", made.uid)
    except Invalid as error:
        for texts in error.errors.values():
            form.add_error(None, texts)
        found = None
    return _page(request, "preview", title=_("Move what falls on closed days"), form=form, found=found, **days)


@require_safe
@staff_who_may("move_due_dates")
def closing(request: DeskRequest, uid: UUID) -> HttpResponse:
    """How far a closing is, and what it moved."""
    made = get_object_or_404(Closing.objects.select_related("branch", "by"), uid=uid)
    moved = made.moved.select_related(
        "loan__copy__book", "loan__copy__branch", "loan__branch", "loan__reader", "reservation__book",
        "reservation__pickup_branch", "reservation__reader",
    )  # fmt: skip
    page = Paginator(moved, PER_PAGE).get_page(request.GET.get("page"))
    return _page(request, "closing", title=_days(made), made=made, page=page)


@require_POST
@staff_who_may("move_due_dates")
def undo(request: DeskRequest, uid: UUID) -> HttpResponse:
    """Move everything back that nobody has changed since."""
    made = get_object_or_404(Closing, uid=uid)
    try:
        _work(closings.undo(closing_id=made.pk, by=request.user, now=timezone.now()))
    except Invalid as error:
        for texts in error.errors.values():
            messages.error(request, " ".join(texts))
    return redirect("closing_page", uid)


def _days(made: Closing) -> str:
    """3 December 2026 – 4 December 2026."""
    return " – ".join(map(day, sorted({made.starts_on, made.ends_on})))


def _work(made: Closing) -> None:
    """Now if it is quick, else by a worker; what somebody is working with waits for one too."""
    if made.total <= AT_ONCE:
        try:
            closings.work(closing_id=made.pk, now=timezone.now())
        except Busy:
            work_on_closings_soon()
    else:
        work_on_closings_soon()


def _next_days(closed_day: ClosedDay, today: date) -> tuple[date, date]:
    """The days themselves; of those that come back every year, the next ones that are not over."""
    starts_on, ends_on = closed_day.starts_on, closed_day.ends_on
    while closed_day.repeats_yearly and ends_on < today:
        starts_on, ends_on = _a_year_later(starts_on), _a_year_later(ends_on)
    return starts_on, ends_on


def _a_year_later(day: date) -> date:
    """The same day of the next year; of 29 February the last of that month."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)


def _page(request: DeskRequest, name: str, **context: Any) -> HttpResponse:
    return render(request, f"admin/closings/{name}.html", admin.site.each_context(request) | context)
