"""The pages of a stocktake: scanning, the report, putting right, the protocol. A door for keyboard and scanner."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from library.core.errors import Busy, Invalid
from stocktaking import actions
from stocktaking.actions import REMEDIES, Scan
from stocktaking.forms import CorrectForm, ScanForm, UploadForm
from stocktaking.models import SCANNED, Correction, Finding, Outcome, Stocktake
from stocktaking.queries import counts_of, findings_of, latest_scans, listed, page_along_the_shelves, progress_of
from stocktaking.wording import TONES, line

LINES_SHOWN = 20
"""Scans that stay on the page."""
PER_PAGE = 50
PRINTED = 2000
"""Lines of each kind in the protocol; the table has all."""
PROTOCOL = (
    Outcome.MISSING,
    Outcome.OTHER_BRANCH,
    Outcome.OUT_OF_PLACE,
    Outcome.FOUND_ON_LOAN,
    Outcome.FOUND_LOST,
    Outcome.FOUND_WITHDRAWN,
    Outcome.UNKNOWN,
)
"""The kinds that the protocol lists one by one."""
View = Callable[..., HttpResponseBase]


class StaffRequest(HttpRequest):
    """A request of a member of staff."""

    htmx: Any
    user: User


def staff_who_may(permission: str) -> Callable[[View], View]:
    """Let in staff with a permission about stocktakes; strangers sign in, others are forbidden."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and request.user.has_perm(f"stocktaking.{permission}")):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return wrap


def _stocktake(uid: UUID) -> Stocktake:
    return get_object_or_404(Stocktake.objects.select_related("branch", "started_by", "closed_by"), uid=uid)


# --- Scanning ------------------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("view_stocktake")
def scanning(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The page to scan on; of a closed stocktake, its report."""
    stocktake = _stocktake(uid)
    if not stocktake.is_open or not request.user.has_perm("stocktaking.change_stocktake"):
        return redirect("stocktake_report", uid)
    return _page(request, stocktake, "scan", upload=UploadForm(), **_work(request, stocktake))


@require_POST
@staff_who_may("change_stocktake")
def scan(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Count one code, at once and in any order of librarians; or begin a new shelf."""
    stocktake = _stocktake(uid)
    key = f"new_shelf_{stocktake.pk}"
    if "new_shelf" in request.POST:
        request.session[key] = True
        return redirect("stocktake", uid)
    form = ScanForm(request.POST)
    lines = []
    if form.is_valid():
        is_new_shelf = bool(request.session.pop(key, False))
        try:
            scans = actions.record_scans(
                stocktake_id=stocktake.pk,
                codes=[form.cleaned_data["code"]],
                by=request.user,
                now=timezone.now(),
                is_new_shelf=is_new_shelf,
            )
            lines = [line(one) for one in scans]
        except (Invalid, Busy) as error:
            said = _sentences(error)
            lines = [{"tone": "bad", "title": form.cleaned_data["code"], "said": said, "outcome": _("not counted")}]
    if request.htmx:
        return render(request, "admin/stocktakes/work.html", _work(request, stocktake, *lines))
    for told in lines:
        messages.info(request, f"{told['title']}: {told['outcome']}. {' '.join(told['said'])}")
    return redirect("stocktake", uid)


@require_POST
@staff_who_may("change_stocktake")
def upload(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Count a file of codes."""
    stocktake = _stocktake(uid)
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            scans = actions.record_scans(
                stocktake_id=stocktake.pk,
                codes=form.cleaned_data["numbers"],
                by=request.user,
                now=timezone.now(),
                is_new_shelf=True,
            )
        except (Invalid, Busy) as error:
            form.add_error("numbers", _sentences(error))
        else:
            messages.success(request, _summary(scans))
            return redirect("stocktake", uid)
    return _page(request, stocktake, "scan", upload=form, **_work(request, stocktake))


def _summary(scans: list[Scan]) -> str:
    """«120 numbers are counted: in its place 115, missing 5.»"""
    counts = Counter(Outcome(one.finding.outcome).label for one in scans if not one.is_repeated)
    words = ngettext("%(count)d number is counted.", "%(count)d numbers are counted.", counts.total())
    told = [words % {"count": counts.total()}]
    told += [f"{label}: {count}." for label, count in counts.most_common()]
    if repeated := sum(one.is_repeated for one in scans):
        told.append(_("Counted already: %(count)d.") % {"count": repeated})
    return " ".join(told)


def _work(request: StaffRequest, stocktake: Stocktake, *new: dict[str, Any]) -> dict[str, Any]:
    """How far the count is, and this librarian's latest scans; what has just been scanned comes first, as it went."""
    counts = progress_of(stocktake)
    kept = [line(Scan(finding)) for finding in latest_scans(stocktake, by=request.user, count=LINES_SHOWN)]
    if new:
        kept = [told for told in kept if told["number"] != new[0].get("number") or told["title"] != new[0]["title"]]
    return {
        "stocktake": stocktake,
        "lines": [*new, *kept],
        "new_lines": len(new),
        "scanned": sum(counts[outcome] for outcome in SCANNED),
        "missing": counts[Outcome.MISSING],
        "wrong": sum(counts[outcome] for outcome in SCANNED) - counts[Outcome.FOUND],
        "expected": counts[Outcome.FOUND] + counts[Outcome.MISSING],
        "found": counts[Outcome.FOUND],
        "is_new_shelf": request.session.get(f"new_shelf_{stocktake.pk}", False),
    }


# --- The report ----------------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("view_stocktake")
def report(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Findings of one kind, a page at a time, with what can be done about them."""
    stocktake = _stocktake(uid)
    counts = counts_of(stocktake)
    kinds = [
        {"outcome": kind.value, "label": kind.label, "count": counts[kind], "tone": TONES[kind]} for kind in Outcome
    ]
    asked = request.GET.get("outcome", "")
    chosen = Outcome(asked) if asked in Outcome.values else Outcome.MISSING
    page = Paginator(range(counts[chosen]), PER_PAGE).get_page(request.GET.get("page"))
    shown = findings_of(stocktake).filter(result=chosen)
    start = max(page.start_index() - 1, 0)
    page.object_list = page_along_the_shelves(shown, start=start, end=page.end_index())
    remedy = REMEDIES.get(chosen)
    return _page(
        request,
        stocktake,
        "report",
        kinds=kinds,
        chosen=chosen,
        page=page,
        remedy=remedy,
        acts=_acts(remedy) if remedy else None,
        left=counts[f"open_{chosen}"],
        may_correct=request.user.has_perm("stocktaking.correct_stocktake"),
    )


def _acts(remedy: Correction) -> tuple[str, str]:
    """The words on the buttons for one and for all."""
    return {
        Correction.MARKED_LOST: (_("Mark as lost"), _("Mark all as lost")),
        Correction.MOVED_HERE: (_("Move to this branch"), _("Move all to this branch")),
        Correction.RESTORED: (_("Make available"), _("Make all available")),
        Correction.RESHELVED: (_("It is in its place now"), _("All are in their places now")),
    }[remedy]


@require_POST
@staff_who_may("correct_stocktake")
def correct(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Put one finding right, or all of a kind."""
    stocktake = _stocktake(uid)
    form = CorrectForm(request.POST)
    if not form.is_valid():
        return redirect("stocktake_report", uid)
    outcome = Outcome(form.cleaned_data["outcome"])
    try:
        done = actions.correct(
            stocktake_id=stocktake.pk, outcome=outcome, finding_ids=form.ids(), by=request.user, now=timezone.now()
        )
    except (Invalid, Busy) as error:
        messages.error(request, " ".join(_sentences(error)))
    else:
        words = ngettext("%(count)d copy is put right.", "%(count)d copies are put right.", done)
        messages.success(request, words % {"count": done})
    return _to_report(request, uid, outcome)


@require_POST
@staff_who_may("correct_stocktake")
def undo(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Take a correction back."""
    stocktake = _stocktake(uid)
    form = CorrectForm(request.POST)
    if not form.is_valid() or form.cleaned_data["finding"] is None:
        return redirect("stocktake_report", uid)
    try:
        actions.undo(
            stocktake_id=stocktake.pk, finding_id=form.cleaned_data["finding"], by=request.user, now=timezone.now()
        )
    except Finding.DoesNotExist:
        messages.info(request, _("This was taken back already."))
    except (Invalid, Busy) as error:
        messages.error(request, " ".join(_sentences(error)))
    else:
        messages.success(request, _("The correction is taken back."))
    return _to_report(request, uid, Outcome(form.cleaned_data["outcome"]))


@require_POST
@staff_who_may("correct_stocktake")
def close(request: StaffRequest, uid: UUID) -> HttpResponse:
    """End the count."""
    try:
        actions.close(stocktake_id=_stocktake(uid).pk, by=request.user, now=timezone.now())
    except (Invalid, Busy) as error:
        messages.error(request, " ".join(_sentences(error)))
    else:
        messages.success(request, _("The stocktake is closed."))
    return redirect("stocktake_report", uid)


@require_safe
@staff_who_may("view_stocktake")
def protocol(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Everything on one page, to print and sign."""
    stocktake = _stocktake(uid)
    counts = counts_of(stocktake)
    lists = [
        {
            "label": kind.label,
            "count": counts[kind],
            "rows": listed(findings_of(stocktake).filter(result=kind))[:PRINTED],
        }
        for kind in PROTOCOL
        if counts[kind]
    ]
    totals = [(kind.label, counts[kind]) for kind in Outcome if counts[kind]]
    return _page(request, stocktake, "protocol", lists=lists, totals=totals, printed=PRINTED)


@require_safe
@staff_who_may("view_stocktake")
def export(request: StaffRequest, uid: UUID) -> StreamingHttpResponse:
    """All findings as a table (CSV), for a spreadsheet."""
    stocktake = _stocktake(uid)
    response = StreamingHttpResponse(_table(stocktake), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="stocktake-{stocktake.pk}.csv"'
    return response


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, value: str) -> str:
        return value


def _table(stocktake: Stocktake) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"
    yield writer.writerow(
        [
            _("Outcome"),
            _("Inventory number"),
            _("Barcode"),
            _("Shelf mark"),
            _("Title"),
            _("Branch"),
            _("Scanned"),
            _("By"),
            _("Correction"),
        ]
    )
    for finding in listed(findings_of(stocktake)).iterator(chunk_size=2000):
        copy = finding.copy
        scanned = timezone.localtime(finding.scanned_at).strftime("%Y-%m-%d %H:%M") if finding.scanned_at else ""
        cells = [
            Outcome(finding.result).label,
            copy.inventory_number if copy else finding.code,
            copy.barcode if copy else "",
            copy.shelf_mark if copy else "",
            copy.book.title if copy else "",
            copy.branch.name if copy else "",
            scanned,
            str(finding.scanned_by or ""),
            finding.get_correction_display() if finding.correction else "",
        ]
        yield writer.writerow([_harmless(str(cell)) for cell in cells])


def _harmless(cell: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


# --- Words and pages -----------------------------------------------------------------------------------------------


def _sentences(error: Invalid | Busy) -> list[str]:
    if isinstance(error, Busy):
        return [_("Somebody else is changing the same things right now. Try it again.")]
    return [text for texts in error.errors.values() for text in texts]


def _to_report(request: HttpRequest, uid: UUID, outcome: Outcome) -> HttpResponse:
    page = request.POST.get("page", "")
    query = {"outcome": outcome.value} | ({"page": page} if page.isdecimal() and len(page) < 9 else {})
    return redirect(f"{reverse('stocktake_report', args=[uid])}?{urlencode(query)}")


def _page(request: StaffRequest, stocktake: Stocktake, name: str, /, **context: Any) -> HttpResponse:
    context |= admin.site.each_context(request)
    context |= {"stocktake": stocktake, "opts": Stocktake._meta, "mode": name, "title": str(stocktake)}
    return render(request, f"admin/stocktakes/{name}.html", context)
