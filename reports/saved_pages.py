"""Saved reports on the panel: save, open, delete, have sent."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from library.core.errors import Busy, Invalid
from reports import actions
from reports.forms import FilterForm, SaveForm, fields_of
from reports.index import report_for
from reports.models import SavedReport, Schedule
from reports.pages import StaffRequest, staff_who_may
from reports.registry import VIEW_REPORTS
from reports.sending import address_of
from reports.tables import column_to_sort_by

SCHEDULE_REPORTS = "reports.schedule_reports"


class ScheduleForm(forms.Form):
    """When, as what and to whom a saved report is sent."""

    every = forms.ChoiceField(label=gettext_lazy("When"), choices=Schedule.Every.choices)
    form = forms.ChoiceField(label=gettext_lazy("As"), choices=Schedule.Form.choices)
    recipients = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(),
        label=gettext_lazy("Recipients"),
        widget=forms.CheckboxSelectMultiple,
        to_field_name="uid",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["recipients"].queryset = actions.staff_who_view_reports()  # type: ignore[attr-defined]


@require_POST
@staff_who_may(VIEW_REPORTS)
def save(request: StaffRequest, key: str) -> HttpResponse:
    """Save the report with the filters of its address."""
    report = report_for(key, user=request.user)
    if report is None:
        raise Http404
    filters = FilterForm(report, request.GET, now=timezone.now())
    form = SaveForm(request.POST)
    if not (filters.is_valid() and form.is_valid()):
        messages.error(request, _("The report is not saved: give it a name, and correct its filters."))
        return redirect(f"{request.path.removesuffix('save/')}?{request.GET.urlencode()}")
    said = {name: str(value) for name, value in request.GET.items() if name in fields_of(report) and value}
    if column_to_sort_by(report.columns_for(request.user), sort := request.GET.get("sort", "")):
        said["sort"] = sort
    try:
        saved = actions.save_report(
            report=key,
            name=form.cleaned_data["name"],
            filters=said,
            is_shared=form.cleaned_data["is_shared"],
            by=request.user,
            now=timezone.now(),
        )
    except Invalid as error:
        messages.error(request, " ".join(str(text) for texts in error.errors.values() for text in texts))
        return redirect(f"{request.path.removesuffix('save/')}?{request.GET.urlencode()}")
    messages.success(request, _("“%(name)s” is saved: it stands above all reports.") % {"name": saved.name})
    return redirect(address_of(saved))


@require_safe
@staff_who_may(VIEW_REPORTS)
def open_saved(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The report with the filters it was saved with."""
    for saved in actions.saved_reports_visible_to(request.user):
        if saved.uid == uid:
            return redirect(address_of(saved))
    raise Http404


@require_POST
@staff_who_may(VIEW_REPORTS)
def delete_saved(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Delete a saved report of one's own."""
    saved = _mine(request, uid)
    actions.delete_saved_report(saved_id=saved.pk, by=request.user, now=timezone.now())
    messages.success(request, _("“%(name)s” is deleted.") % {"name": saved.name})
    return redirect("reports")


@require_http_methods(["GET", "POST"])
@staff_who_may(SCHEDULE_REPORTS)
def schedule(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Have a saved report of one's own sent by e-mail, or change how."""
    saved = _mine(request, uid)
    there = Schedule.objects.filter(saved=saved).first()
    if request.method == "POST":
        form = ScheduleForm(request.POST)
        if form.is_valid() and _do_schedule(request, saved, form):
            messages.success(request, _("“%(name)s” will be sent.") % {"name": saved.name})
            return redirect("reports")
    elif there:
        form = ScheduleForm(
            initial={
                "every": there.every,
                "form": there.form,
                "recipients": there.recipients.values_list("uid", flat=True),
            }
        )
    else:
        every, sent_as = Schedule.Every.WEEK, Schedule.Form.XLSX
        form = ScheduleForm(initial={"every": every, "form": sent_as, "recipients": [request.user.uid]})
    context = {"title": _("Send by e-mail"), "saved": saved, "form": form, "there": there}
    return render(request, "admin/reports/schedule.html", admin.site.each_context(request) | context)


@require_POST
@staff_who_may(SCHEDULE_REPORTS)
def stop(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Send a saved report of one's own no more."""
    saved = _mine(request, uid)
    actions.stop_schedule(saved_id=saved.pk, by=request.user, now=timezone.now())
    messages.success(request, _("“%(name)s” is not sent any more.") % {"name": saved.name})
    return redirect("reports")


def _mine(request: StaffRequest, uid: UUID) -> SavedReport:
    saved = get_object_or_404(SavedReport, uid=uid, owner=request.user)
    if report_for(saved.report, user=request.user) is None:
        raise Http404
    return saved


def _do_schedule(request: StaffRequest, saved: SavedReport, form: ScheduleForm) -> bool:
    said = form.cleaned_data
    try:
        actions.schedule_report(
            saved_id=saved.pk,
            every=said["every"],
            form=said["form"],
            recipients=list(said["recipients"]),
            by=request.user,
            now=timezone.now(),
        )
    except Invalid as error:
        for name, texts in error.errors.items():
            for text in texts:
                form.add_error(name, text)
        return False
    except Busy:
        form.add_error(None, _("Somebody is changing it. Send it again in a moment."))
        return False
    return True
