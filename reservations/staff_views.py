"""Staff with reservations: the pick list, the hold shelf, transfers, the queue of a book, slips to print."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from accounts.queries import reader_of_card
from catalog.copy_numbers import copy_by_scan
from catalog.models import Book, Copy
from library.core.errors import Busy, Invalid, LibraryError, Refused
from policies.models import Branch
from reservations import actions, queries
from reservations.actions import Placement
from reservations.forms import CancelForm, CodeForm, MoveForm, ReleaseForm, ReserveForForm
from reservations.models import Reservation, Transfer
from reservations.rules import OVERRIDES, Reason, refusal
from reservations.staffed import at_branch, staff_who_may
from reservations.wording import kept_for, sent_home, sentence

PER_PAGE = 50
LINES_KEPT = 20
LINES_KEY = "reserved_lines"
PAPERS = ("receipt", "a4")
"""Paper of slips: a roll of 80 mm, a sheet."""
PAGES = {"pick": "pick_list", "arrive": "transfers", "capture": "hold_shelf"}
"""What a scan does, and the page on which it is done."""


class StaffRequest(HttpRequest):
    """A request of a member of staff."""

    htmx: HtmxDetails
    user: User


@dataclass(kw_only=True)
class Line:
    """What one scan came to. Kept in the session, so of strings only."""

    tone: str
    title: str
    number: str = ""
    said: list[str] = field(default_factory=list)
    slip: str = ""
    """Address of the slip to print."""


# --- Lists and scans -----------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("view_reservation")
@at_branch
def pick_list(request: StaffRequest, branch: Branch) -> HttpResponse:
    """What to fetch from the shelves of this branch; each scan ticks one off."""
    return _page(request, branch, "pick")


@require_safe
@staff_who_may("view_reservation")
@at_branch
def hold_shelf(request: StaffRequest, branch: Branch) -> HttpResponse:
    """What stands ready for readers here, and what has to be taken off."""
    return _page(request, branch, "capture")


@require_safe
@staff_who_may("view_reservation")
@at_branch
def transfers(request: StaffRequest, branch: Branch) -> HttpResponse:
    """What is on its way to this branch and from it; each scan unpacks one or sends one."""
    return _page(request, branch, "arrive")


@require_POST
@staff_who_may("fill_reservations")
@at_branch
def scan(request: StaffRequest, branch: Branch) -> HttpResponse:
    """Do with the scanned copy what the page is for, and say where it goes now."""
    mode = request.POST.get("mode", "")
    mode = mode if mode in PAGES else "capture"
    form = CodeForm(request.POST)
    lines = _kept_lines(request, mode)
    if form.is_valid():
        lines.insert(0, _scanned(request.user, branch, mode, form.cleaned_data["code"]))
        request.session[LINES_KEY] = {"of": mode, "lines": [asdict(line) for line in lines[:LINES_KEPT]]}
    if not request.htmx:
        return redirect(PAGES[mode])
    return render(request, "admin/reserved/work.html", _shown(request, branch, mode) | {"new_lines": 1})


def _scanned(user: User, branch: Branch, mode: str, code: str) -> Line:
    copy = copy_by_scan(code)
    if copy is None:
        return Line(tone="bad", title=code, said=[sentence(refusal(Reason.COPY_UNKNOWN))])
    line = Line(tone="good", title=str(copy.book), number=copy.inventory_number)
    deed = {"pick": actions.pick, "arrive": _unpack, "capture": actions.capture}[mode]
    try:
        placement = deed(copy_id=copy.pk, branch_id=branch.pk, by=user, now=timezone.now())
    except LibraryError as error:
        line.tone, line.said = "bad", _sentences(error)
        return line
    line.said = [destination(placement, otherwise=_("Nobody waits for it: back to its shelf."))]
    line.slip = _slip_of(placement)
    line.tone = "warn" if placement.transfer else "good"
    return line


def _unpack(*, copy_id: int, branch_id: int, by: User, now: Any) -> Placement:
    """What was on its way has arrived; what was not is sent where it is wanted."""
    try:
        return actions.arrive(copy_id=copy_id, branch_id=branch_id, by=by, now=now)
    except Refused as error:
        if error.refusals[0].reason != Reason.NOT_ON_ITS_WAY:
            raise
        return actions.capture(copy_id=copy_id, branch_id=branch_id, by=by, now=now)


def destination(placement: Placement, *, otherwise: str) -> str:
    """Where a copy goes now: to a reader, to its branch; `otherwise` says that it is needed nowhere."""
    if reservation := placement.reservation:
        return kept_for(
            reader=reservation.reader.full_name,
            card=reservation.reader.card_number,
            branch=reservation.pickup_branch.name,
            until=reservation.pickup_until,
        )
    if placement.transfer:
        return sent_home(placement.copy.branch.name)
    return otherwise


def _slip_of(placement: Placement) -> str:
    if placement.transfer:
        return reverse("transfer_slip", args=[placement.transfer.uid])
    if placement.reservation:
        return reverse("reservation_slip", args=[placement.reservation.uid])
    return ""


def _kept_lines(request: StaffRequest, mode: str) -> list[Line]:
    kept = request.session.get(LINES_KEY, {})
    return [Line(**line) for line in kept["lines"]] if kept.get("of") == mode else []


def _shown(request: StaffRequest, branch: Branch, mode: str) -> dict[str, Any]:
    now = timezone.now()
    shown: dict[str, Any] = {
        "branch": branch,
        "mode": mode,
        "lines": _kept_lines(request, mode),
        "today": now.astimezone(branch.zone).date(),
        "title": {"pick": _("Pick list"), "arrive": _("Transfers"), "capture": _("Hold shelf")}[mode],
        "release_form": ReleaseForm(auto_id=False),
    }
    number = request.GET.get("page")
    match mode:
        case "pick":
            shown["page"] = Paginator(queries.pick_list(branch, now=now), PER_PAGE).get_page(number)
        case "arrive":
            shown["page"] = Paginator(queries.transfers_at(branch), PER_PAGE).get_page(number)
        case _:
            shown["page"] = Paginator(queries.hold_shelf(branch), PER_PAGE).get_page(number)
            shown["to_clear"] = queries.to_clear(branch)[:PER_PAGE]
    return shown


def _page(request: StaffRequest, branch: Branch, mode: str) -> HttpResponse:
    context = _shown(request, branch, mode)
    return render(request, "admin/reserved/page.html", admin.site.each_context(request) | context)


@require_POST
@staff_who_may("fill_reservations")
def release(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A copy that was set aside or on its way is not there, or not fit."""
    copy = get_object_or_404(Copy, uid=uid)
    form = ReleaseForm(request.POST)
    _try(
        request,
        form,
        lambda said: actions.release(
            copy_id=copy.pk, status=Copy.Status(said["status"]), why=said["why"], by=request.user, now=timezone.now()
        ),
        _("%(copy)s is released; the reader is first in the queue again.") % {"copy": copy},
    )
    return redirect("transfers" if request.POST.get("mode") == "arrive" else "hold_shelf")


# --- The queue of a book -------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("view_reservation")
def queue(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Everybody who waits for a book, in their order; a reader is added, moved or taken out here."""
    book = get_object_or_404(Book.objects.only("title", "volume", "uid"), uid=uid)
    return _queue(request, book, ReserveForForm())


@require_POST
@staff_who_may("place_reservations")
def reserve_for(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Reserve the book for the reader of a card."""
    book = get_object_or_404(Book.objects.only("title", "volume", "uid"), uid=uid)
    form = ReserveForForm(request.POST)
    if not form.is_valid():
        return _queue(request, book, form)
    said = form.cleaned_data
    try:
        reader = reader_of_card(said["card"])
        done = actions.reserve(
            book_id=book.pk,
            reader_id=reader.pk if reader else 0,
            pickup_branch_id=said["branch"].pk,
            by=request.user,
            now=timezone.now(),
            overrides=frozenset(OVERRIDES) if said["overrides"] else frozenset(),
            note=said["note"],
        )
    except (Refused, Invalid, Busy) as error:
        form.add_error(None, _sentences(error))
        return _queue(request, book, form)
    messages.success(request, _("Reserved for %(reader)s.") % {"reader": done.reservation.reader.full_name})
    return redirect("queue", book.uid)


@require_POST
@staff_who_may("cancel_reservations")
def cancel(request: StaffRequest, uid: UUID) -> HttpResponse:
    """End a reader's reservation and say why."""
    reservation = get_object_or_404(Reservation.objects.select_related("book", "reader"), uid=uid)
    _try(
        request,
        CancelForm(request.POST),
        lambda said: actions.cancel(
            reservation_id=reservation.pk, by=request.user, now=timezone.now(), why=said["why"]
        ),
        _("The reservation of %(reader)s is cancelled.") % {"reader": reservation.reader.full_name},
    )
    return redirect("queue", reservation.book.uid)


@require_POST
@staff_who_may("move_reservations")
def move(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Put a reader at another place of the queue and say why."""
    reservation = get_object_or_404(Reservation.objects.select_related("book", "reader"), uid=uid)
    _try(
        request,
        MoveForm(request.POST),
        lambda said: actions.move(
            reservation_id=reservation.pk, place=said["place"], why=said["why"], by=request.user, now=timezone.now()
        ),
        _("%(reader)s is moved.") % {"reader": reservation.reader.full_name},
    )
    return redirect("queue", reservation.book.uid)


def _queue(request: StaffRequest, book: Book, form: ReserveForForm) -> HttpResponse:
    page = Paginator(queries.queue_of(book), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Queue"),
        "book": book,
        "form": form,
        "page": page,
        "standings": queries.standings(list(page), now=timezone.now()),
    }
    return render(request, "admin/reserved/queue.html", admin.site.each_context(request) | context)


def _try(request: StaffRequest, form: Any, deed: Callable[[dict[str, Any]], Any], told: str) -> None:
    """Do it with what the form says, and tell what came of it."""
    if not form.is_valid():
        messages.error(request, _("Say why, so that colleagues can explain it to the reader."))
        return
    try:
        deed(form.cleaned_data)
    except LibraryError as error:
        messages.error(request, " ".join(_sentences(error)))
    else:
        messages.success(request, told)


def _sentences(error: LibraryError) -> list[str]:
    match error:
        case Busy():
            return [_("Somebody else is working with this. Try again in a moment.")]
        case Invalid():
            return [message for messages in error.errors.values() for message in messages]
        case Refused():
            return [sentence(refusal) for refusal in error.refusals]
    raise error


# --- Slips ---------------------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("view_reservation")
def reservation_slip(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The slip that goes into a copy on the hold shelf."""
    reservation = get_object_or_404(Reservation.objects.in_full(), uid=uid, copy__isnull=False)
    return _slip(request, reservation=reservation, copy=reservation.copy, book=reservation.book)


@require_safe
@staff_who_may("view_reservation")
def transfer_slip(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The slip that goes with a copy to another branch."""
    transfer = get_object_or_404(Transfer.objects.in_full(), uid=uid)
    kept = Reservation.objects.filter(copy=transfer.copy, state__in=Reservation.SET_ASIDE).in_full().first()
    return _slip(request, transfer=transfer, reservation=kept, copy=transfer.copy, book=transfer.copy.book)


def _slip(request: StaffRequest, **context: Any) -> HttpResponse:
    paper = request.GET.get("paper", PAPERS[0])
    return render(
        request,
        "admin/reserved/slip.html",
        context | {"paper": paper if paper in PAPERS else PAPERS[0], "now": timezone.now()},
    )
