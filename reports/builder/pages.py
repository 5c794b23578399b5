"""The pages of the builder: choose a subject, build and look, keep, take away."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from library.core import audit
from library.core.errors import Invalid
from reports import files
from reports.builder.actions import built_reports_of, delete_built, save_built
from reports.builder.form import BuilderForm, query_of
from reports.builder.models import BuiltReport
from reports.builder.subjects import SUBJECTS, Subject, subjects_for
from reports.pages import StaffRequest, render_page, staff_who_may, table_of, taken_away
from reports.tables import TooSlow

BUILD_REPORTS = "reports.build_reports"


@require_safe
@staff_who_may(BUILD_REPORTS)
def builder(request: StaffRequest) -> HttpResponse:
    """What a report can be about, and those that are kept."""
    usable = {subject.key for subject in subjects_for(request.user)}
    kept = [saved for saved in built_reports_of(request.user) if saved.subject in usable]
    return render_page(
        request,
        "builder",
        _("Build a report"),
        subjects=subjects_for(request.user),
        kept=[(saved, SUBJECTS[saved.subject].title) for saved in kept],
    )


@require_safe
@staff_who_may(BUILD_REPORTS)
def build(request: StaffRequest, subject: str) -> HttpResponse:
    """Columns, figures and filters, and below what comes of them."""
    chosen = _subject(request, subject)
    form = BuilderForm(chosen, request.GET, user=request.user, now=timezone.now())
    context = {"subject": chosen, "form": form, "formats": files.Format.choices, "kept_as": request.GET.get("name", "")}
    if form.is_valid():
        report = form.report(key=f"built-{chosen.key}")
        try:
            context |= table_of(request, report, form.asked(), report.columns, report.sort) | {"report": report}
        except TooSlow:
            context["is_too_slow"] = True
    template = "builder_result" if request.headers.get("HX-Request") else "build"
    response = render_page(request, template, str(chosen.title), **context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@staff_who_may(BUILD_REPORTS)
def built_file(request: StaffRequest, subject: str) -> HttpResponseBase:
    """The whole table to take away, by the code of all reports; the audit says who took what."""
    chosen, now = _subject(request, subject), timezone.now()
    if request.GET.get("format") not in files.Format.values:
        raise Http404
    format = files.Format(request.GET["format"])
    form = BuilderForm(chosen, request.GET, user=request.user, now=now)
    if not form.is_valid():
        return _back(request, chosen)
    report, asked = form.report(key=f"built-{chosen.key}"), form.asked()
    too_long = _("This report has more than %(most)s rows, too many for one file. Narrow the filters.")
    too_slow = _("This takes too long to count. Narrow the filters.")
    taken = taken_away(
        request, report, asked, report.columns, report.sort, format, too_long=too_long, too_slow=too_slow
    )
    if taken is None:
        return _back(request, chosen)
    answer, count = taken
    told = {"report": report.key, "format": format, "rows": count, "definition": form.said()}
    audit.record(action="reports.export", subject=request.user, by=request.user, now=now, detail=told)
    return answer


@require_POST
@staff_who_may(BUILD_REPORTS)
def keep_built(request: StaffRequest, subject: str) -> HttpResponse:
    """Save what the address says under a name."""
    chosen, now = _subject(request, subject), timezone.now()
    form = BuilderForm(chosen, request.GET, user=request.user, now=now)
    if not form.is_valid():
        return _back(request, chosen)
    try:
        saved = save_built(
            name=request.POST.get("name", ""),
            subject=chosen.key,
            definition=form.said(),
            is_shared="is_shared" in request.POST,
            by=request.user,
            now=now,
        )
    except Invalid as error:
        for texts in error.errors.values():
            messages.error(request, " ".join(map(str, texts)))
        return _back(request, chosen)
    messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
    return redirect("built_reports")


@require_safe
@staff_who_may(BUILD_REPORTS)
def open_built(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A kept report: on to the page that its definition is."""
    saved: BuiltReport = get_object_or_404(built_reports_of(request.user), uid=uid)
    subject = _subject(request, saved.subject)
    return redirect(
        f"{reverse('build_report', args=[subject.key])}?{query_of({**saved.definition, 'name': saved.name})}"
    )


@require_POST
@staff_who_may(BUILD_REPORTS)
def delete_built_report(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Delete one's own."""
    try:
        delete_built(uid=uid, by=request.user, now=timezone.now())
    except BuiltReport.DoesNotExist as error:
        raise Http404 from error
    messages.success(request, _("The report is deleted."))
    return redirect("built_reports")


def _subject(request: StaffRequest, key: str) -> Subject:
    subject = SUBJECTS.get(key)
    if subject is None or not subject.may_be_used_by(request.user):
        raise Http404
    return subject


def _back(request: HttpRequest, subject: Subject) -> HttpResponse:
    query = request.GET.copy()
    query.pop("format", None)
    return redirect(f"{reverse('build_report', args=[subject.key])}?{query.urlencode()}")
