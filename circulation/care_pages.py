"""Staff with copies that need looking after: claimed returned, damaged, read in the library."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from catalog.copy_numbers import copy_by_scan
from catalog.models import Copy
from circulation import queries
from circulation.actions import return_copy
from circulation.claims import claim_returned, withdraw_claim
from circulation.damage import record_damage, repair
from circulation.desk import DeskRequest, staff_who_may
from circulation.forms import DamageForm, NoteForm, ScanForm, SettleForm
from circulation.locked import ReturnOutcome
from circulation.models import Loan, Reading
from circulation.rules import Reason
from circulation.wording import sentence
from library.core.errors import Busy, Invalid, LibraryError, Refusal, Refused
from library.core.money import money
from policies.models import Branch
from reservations.staff_views import Line, destination
from reservations.staffed import at_branch

PER_PAGE = 50
LINES_KEPT = 20
READINGS_KEY = "reading_lines"


# --- Claimed returned ----------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("settle_claims")
def claims(request: DeskRequest) -> HttpResponse:
    """What to search the shelves for, because readers say that it is back."""
    page = Paginator(queries.claimed_returned_loans(), PER_PAGE).get_page(request.GET.get("page"))
    return _page(request, "claims", title=_("Claimed returned"), page=page)


@require_http_methods(["GET", "POST"])
@staff_who_may("settle_claims")
def claim(request: DeskRequest, uid: UUID) -> HttpResponse:
    """A reader says that the copy of a loan is back: write it down, or settle it."""
    loan = get_object_or_404(Loan.objects.in_full(), uid=uid)
    form = NoteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            claim_returned(loan_id=loan.pk, note=form.cleaned_data["note"], by=request.user, now=timezone.now())
        except LibraryError as error:
            form.add_error(None, _sentences(error))
        else:
            text = _("“%(title)s” is to be searched for. From now on lateness costs no more.")
            messages.success(request, text % {"title": loan.copy.book.title})
            return redirect("desk_reader", loan.reader.uid)
    return _page(
        request, "claim", title=_("Claimed returned"), form=form, loan=loan, claimed=queries.claims_of(loan.reader)
    )


@require_POST
@staff_who_may("settle_claims")
@at_branch
def settle(request: DeskRequest, branch: Branch, uid: UUID) -> HttpResponse:
    """The copy is found, the reader brings it, or the claim is withdrawn."""
    loan = get_object_or_404(Loan.objects.in_full(), uid=uid)
    form = SettleForm(request.POST)
    if form.is_valid():
        how, now = form.cleaned_data["how"], timezone.now()
        if how == SettleForm.How.WITHDRAWN:
            deed: Callable[[], Any] = lambda: withdraw_claim(loan_id=loan.pk, by=request.user, now=now)  # noqa: E731
        else:
            deed = lambda: return_copy(  # noqa: E731
                copy_id=loan.copy_id,
                by=request.user,
                branch_id=branch.pk,
                now=now,
                was_claim_wrong=how == SettleForm.How.BROUGHT,
            )
        if done := _try(request, deed):
            said = [sentence(happened) for happened in done.happenings] if isinstance(done, ReturnOutcome) else []
            said = said or [_("The claim is withdrawn; the loan goes on.")]
            messages.success(request, f"{loan.copy.book.title}, {loan.copy}: {' '.join(said)}")
    return redirect("desk_claims")


# --- Damaged -------------------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("record_damage")
def damaged(request: DeskRequest) -> HttpResponse:
    """What waits for repair, with what is known of the damage; a scan leads to the page of a copy."""
    problem = ""
    scan = ScanForm(request.GET)
    if "code" in request.GET:
        if scan.is_valid() and (copy := copy_by_scan(scan.cleaned_data["code"])):
            return redirect("desk_damage", copy.uid)
        problem = sentence(Refusal(Reason.COPY_UNKNOWN))
    copies = Copy.objects.filter(status=Copy.Status.DAMAGED).select_related("book", "branch")
    copies = copies.defer("book__description", "book__other_titles").order_by("branch__name", "shelf_mark", "pk")
    page = Paginator(copies, PER_PAGE).get_page(request.GET.get("page"))
    notes = queries.damage_notes(list(page))
    rows = [{"copy": copy, "said": notes.get(copy.pk)} for copy in page]
    return _page(request, "damaged", title=_("Damaged copies"), page=page, rows=rows, problem=problem)


@require_http_methods(["GET", "POST"])
@staff_who_may("record_damage")
@at_branch
def damage(request: DeskRequest, branch: Branch, uid: UUID) -> HttpResponse:
    """Record the damage of a copy, and what its last reader pays."""
    copy = get_object_or_404(Copy.objects.select_related("book", "branch"), uid=uid)
    loan = queries.last_loan_of(copy)
    form = DamageForm(
        request.POST if request.method == "POST" else None,
        price=copy.price,
        initial={"loan": loan.uid if loan else None},
    )
    if form.is_valid():
        shown = Loan.objects.filter(uid=form.cleaned_data["loan"]).first() if form.cleaned_data["loan"] else None
        try:
            done = record_damage(
                copy_id=copy.pk,
                note=form.cleaned_data["note"],
                amount=form.charged(),
                loan_id=shown.pk if shown else None,
                uid=form.cleaned_data["uid"],
                branch_id=branch.pk,
                by=request.user,
                now=timezone.now(),
            )
        except LibraryError as error:
            form.add_error(None, _sentences(error))
        else:
            said = [sentence(happened) for happened in done.returned.happenings] if done.returned else []
            if done.charge:
                said.append(_("%(amount)s is charged.") % {"amount": money(done.charge.amount)})
            text = _("“%(title)s” is put aside as damaged.") % {"title": copy.book.title}
            messages.success(request, " ".join([text, *said]))
            return redirect("desk_damaged")
    notes = queries.damage_notes([copy])
    return _page(request, "damage", title=_("Damaged copy"), form=form, copy=copy, loan=loan, said=notes.get(copy.pk))


@require_POST
@staff_who_may("record_damage")
@at_branch
def repaired(request: DeskRequest, branch: Branch, uid: UUID) -> HttpResponse:
    """A copy is whole again; say where it goes."""
    copy = get_object_or_404(Copy.objects.select_related("book"), uid=uid)
    placed = _try(
        request,
        lambda: repair(copy_id=copy.pk, by=request.user, branch_id=branch.pk, now=timezone.now()),
    )
    if placed:
        where = destination(placed, otherwise=_("Repaired: back to its shelf."))
        messages.success(request, f"{copy.book.title}, {copy}: {where}")
    return redirect("desk_damaged")


# --- Read in the library -------------------------------------------------------------------------------------------


@staff_who_may("return_copies")
@at_branch
def readings(request: DeskRequest, branch: Branch) -> HttpResponse:
    """Scan what readers have left in the reading room; below, what is read here most in this year."""
    lines = [Line(**line) for line in request.session.get(READINGS_KEY, [])]
    now = timezone.now()
    if request.method == "POST":
        form = ScanForm(request.POST)
        if form.is_valid():
            lines.insert(0, _read(request, branch, form.cleaned_data["code"], now))
            request.session[READINGS_KEY] = [asdict(line) for line in lines[:LINES_KEPT]]
        if not request.htmx:
            return redirect("desk_readings")
    today = now.astimezone(branch.zone).date()
    new_year = datetime.combine(today.replace(month=1, day=1), time.min, branch.zone)
    page = Paginator(queries.most_read_here(since=new_year, branch=branch), PER_PAGE).get_page(request.GET.get("page"))
    context = {"lines": lines[:LINES_KEPT], "new_lines": 1, "page": page, "year": today.year, "branch": branch}
    if request.htmx:
        return render(request, "admin/care/readings_work.html", context)
    return _page(request, "readings", title=_("Read in the library"), **context)


def _read(request: DeskRequest, branch: Branch, code: str, now: datetime) -> Line:
    copy = copy_by_scan(code)
    if copy is None:
        return Line(tone="bad", title=code, said=[sentence(Refusal(Reason.COPY_UNKNOWN))])
    line = Line(tone="good", title=copy.book.title, number=copy.inventory_number)
    try:
        done = return_copy(copy_id=copy.pk, by=request.user, branch_id=branch.pk, now=now, was_read=True)
    except LibraryError as error:
        line.tone, line.said = "bad", _sentences(error)
        return line
    line.said = [sentence(happened) for happened in done.happenings]
    count = Reading.objects.filter(copy=copy).count()
    if done.loan:
        line.tone = "warn"
        line.said.insert(0, _("It was on loan to %(reader)s and is taken back.") % {"reader": done.loan.reader})
    elif count:
        text = ngettext("Read here %(count)d time in all.", "Read here %(count)d times in all.", count)
        line.said.append(text % {"count": count})
    return line


# --- Words and pages -----------------------------------------------------------------------------------------------


def _try(request: DeskRequest, deed: Callable[[], Any]) -> Any:
    """Do it; None, and the reader of the page is told why, if it could not be done."""
    try:
        return deed()
    except LibraryError as error:
        messages.error(request, " ".join(_sentences(error)))
        return None


def _sentences(error: LibraryError) -> list[str]:
    match error:
        case Busy():
            return [_("Somebody else is working with this copy or reader. Send it again in a moment.")]
        case Invalid():
            return [message for texts in error.errors.values() for message in texts]
        case Refused():
            return [sentence(refusal) for refusal in error.refusals]
    raise error


def _page(request: DeskRequest, name: str, **context: Any) -> HttpResponse:
    return render(request, f"admin/care/{name}.html", admin.site.each_context(request) | {"mode": name} | context)
