"""The desk: scan a card, scan copies, see what each came to; and copies coming back. A door for keyboard and scanner.

Every scan is a POST that ends in a redirect or, under htmx, in the part of the page that it changed. What the scans
came to stands on a slip in the session, a new one for each reader served.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, replace_url
from django_htmx.middleware import HtmxDetails

from accounts.models import Reader, ReaderBlock, User
from accounts.queries import dead_card, dead_card_refusal, live_blocks, reader_by_scan, readers_matching
from cashdesk.forms import PayForm
from cashdesk.queries import balance_of
from catalog.copy_numbers import copy_by_scan
from catalog.models import Copy
from circulation import queries
from circulation.actions import check_out, renew, return_copy
from circulation.desk_scans import Came, Line, Scan, came_of, note_lateness, scan_of, tell_script
from circulation.forms import BranchForm, LendForm, RenewForm, ReturnForm, ScanForm
from circulation.locked import ReturnOutcome
from circulation.models import Loan
from circulation.rules import Reason
from circulation.steps import DoneStep, last_steps
from circulation.undo_rules import Step
from circulation.wording import advice, late, sentence
from library.core.dates import moment
from library.core.errors import Busy, Invalid, LibraryError, Refusal, Refused
from library.core.money import as_typed, money
from library.core.sql import Ready
from policies.models import Branch
from reservations.actions import Placement
from reservations.models import Reservation
from reservations.queries import ready_for
from reservations.staffed import BRANCH_KEY, at_branch

LINES_KEPT = 60
"""How many scans a slip remembers."""
CANDIDATES_SHOWN = 12
"""How many readers are offered for a name."""
EXPIRES_SOON = timedelta(days=30)
"""A card that expires within this time is pointed out."""

SLIP_KEY = "desk_slip"
LENDING, RETURNING = "lend", "return"

MAY_UNDO = {
    Step.CHECK_OUT: "circulation.check_out_copies",
    Step.RENEW: "circulation.renew_loans",
    Step.RETURN: "circulation.return_copies",
    None: "cashdesk.reverse_entries",
}
"""Who may undo a step of their own; None: a payment."""


class DeskRequest(HttpRequest):
    """A request of a member of staff."""

    htmx: HtmxDetails
    user: User


# --- What the page shows -------------------------------------------------------------------------------------------


class Slip:
    """The lines of one service, the latest first, in the session."""

    def __init__(self, request: DeskRequest, of: str) -> None:
        self._session = request.session
        kept = self._session.get(SLIP_KEY, {})
        self._of = of
        self.lines = [Line(**line) for line in kept.get("lines", [])] if kept.get("of") == of else []

    def add(self, *lines: Line) -> None:
        """Put lines on top; what older lines of the same copies still offered is settled or repeated by them."""
        known = {line.key for line in self.lines if line.key}
        for line in lines:
            if line.key in known:
                continue
            for older in self.lines:
                if older.copy and older.copy == line.copy:
                    older.said += [reason["text"] for reason in older.reasons]
                    older.reasons, older.action, older.loan = [], "", ""
            self.lines.insert(0, line)
        del self.lines[LINES_KEPT:]
        self._session[SLIP_KEY] = {"of": self._of, "lines": [asdict(line) for line in self.lines]}


@dataclass(frozen=True, kw_only=True)
class LoanRow:
    """A loan in the table of the reader being served."""

    state: queries.LoanState
    is_renewable_in_spite: bool
    """Whether this librarian may override every reason against its renewal."""


@dataclass(frozen=True, kw_only=True)
class AtTheDesk:
    """A reader at a glance."""

    reader: Reader
    blocks: Sequence[ReaderBlock]
    rows: Sequence[LoanRow]
    is_expired: bool
    expires_soon: bool
    overdue: int
    charges_so_far: Decimal
    """What the overdue loans would cost if they came back now."""
    owed: Decimal
    """The balance of the ledger; less than nothing: credit."""
    owes_too_much: bool
    pay_form: PayForm | None
    """To pay all of it at this desk; None: nothing is owed, or it is not this librarian's to take."""
    ready: Sequence[Reservation]
    """What waits on the hold shelf of some branch."""


def _at_a_glance(reader: Reader, user: User, branch: Branch, now: datetime) -> AtTheDesk:
    today = now.astimezone(branch.zone).date()
    owed = balance_of(reader.pk) if user.has_perm("cashdesk.view_charge") else Decimal()
    takes_money = owed > 0 and user.has_perm("cashdesk.take_payments")
    limit = reader.category.max_balance
    states = queries.loan_states(queries.loans_at_home(reader), now=now)
    return AtTheDesk(
        reader=reader,
        blocks=[block for block in live_blocks([reader.pk], now) if block.holds_on(today)],
        rows=[
            LoanRow(
                state=state,
                is_renewable_in_spite=bool(state.renewal_refusals) and _may_override(user, state.renewal_refusals),
            )
            for state in states
        ],
        is_expired=reader.expires_on < today,
        expires_soon=today <= reader.expires_on < today + EXPIRES_SOON,
        overdue=sum(state.is_overdue for state in states),
        charges_so_far=sum((state.charge_so_far for state in states), Decimal()),
        owed=owed,
        owes_too_much=limit is not None and owed > limit,
        pay_form=PayForm(initial={"amount": as_typed(owed), "branch": branch.pk}) if takes_money else None,
        ready=ready_for(reader),
    )


def _may_override(user: User, refusals: Iterable[Refusal]) -> bool:
    return all(refusal.override and user.has_perm(refusal.override) for refusal in refusals)


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """A line of the last steps."""

    done: DoneStep
    may_undo: bool


def _steps(user: User) -> list[StepRow]:
    rows = last_steps(user, now=timezone.now())
    return [StepRow(done=row, may_undo=row.stands and user.has_perm(MAY_UNDO[row.step])) for row in rows]


# --- Who may, and where --------------------------------------------------------------------------------------------

View = Callable[..., HttpResponse]


def staff_who_may(*permissions: str) -> Callable[[View], View]:
    """For staff with one of `permissions` (of `circulation`) only; others sign in first, or are turned away."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _sign_in(request)
            has_one = any(request.user.has_perm(f"circulation.{permission}") for permission in permissions)
            if not (request.user.is_staff and has_one):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': reverse('desk')})}")
    return redirect_to_login(request.get_full_path())


@staff_who_may("check_out_copies", "return_copies")
def choose_branch(request: DeskRequest) -> HttpResponse:
    """Ask where this desk stands; kept for the session."""
    form = BranchForm(request.POST or None, initial={"branch": request.session.get(BRANCH_KEY)})
    if request.method == "POST" and form.is_valid():
        request.session[BRANCH_KEY] = form.cleaned_data["branch"].pk
        return redirect("desk" if request.user.has_perm("circulation.check_out_copies") else "desk_return")
    return desk_page(request, "branch", None, form=form, has_branches=Branch.objects.exists())


# --- Lending -------------------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("check_out_copies")
@at_branch
def lend(request: DeskRequest, branch: Branch, uid: UUID | None = None) -> HttpResponse:
    """The lending desk; with `uid`, that reader is being served."""
    reader = get_object_or_404(readers_served(), uid=uid) if uid else None
    return lending_page(request, branch, reader, searched=request.GET.get("q", "")[:200])


@require_POST
@staff_who_may("check_out_copies")
@at_branch
def scan(request: DeskRequest, branch: Branch) -> HttpResponse:
    """A card begins or changes the service; a copy is lent to the reader being served; a name is looked up."""
    form = ScanForm(request.POST)
    is_valid = form.is_valid()
    reader = reader_served(uid) if (uid := form.cleaned_data.get("reader")) else None
    if not is_valid:
        return lending_page(request, branch, reader)
    made = scan_of(form, sender=request.user, branch=branch, now=timezone.now())
    came = came_of(made, lambda: _came_of_lending(request, made, reader))
    now_served = reader if reader and str(reader.uid) == came.reader else None
    if came.reader and not now_served:
        now_served = reader_served(came.reader)
    lines = [came.line] if came.line else []
    return tell_script(lending_page(request, branch, now_served, *lines, searched=came.searched), came)


def _came_of_lending(request: DeskRequest, made: Scan, reader: Reader | None) -> Came:
    code, served = made.code, str(reader.uid) if reader else ""
    copy = copy_by_scan(code) if reader else None
    if reader and copy:
        return _try_to_lend(request, made, reader, copy)
    if card := reader_by_scan(code):
        return Came(reader=str(card.uid))
    if dead := dead_card(code):
        said = [_in_full(dead_card_refusal(dead)), _("It was the card of %(reader)s.") % {"reader": dead.reader}]
        return Came(reader=served, line=Line(tone="bad", title=code, said=said), is_settled=False)
    if copy := copy_by_scan(code):
        hint = _("Scan the reader's card first. To take the copy back, use the return desk.")
        return Came(line=Line(tone="info", title=copy.book.title, number=code, said=[hint]), is_settled=False)
    if readers_matching(code).exists():
        return Came(reader=served, searched=code, is_settled=False)
    unknown = Refusal(Reason.COPY_UNKNOWN if reader else Reason.READER_UNKNOWN)
    return Came(reader=served, line=Line(tone="bad", title=code, said=[_in_full(unknown)]), is_settled=False)


@require_POST
@staff_who_may("check_out_copies")
@at_branch
def lend_in_spite(request: DeskRequest, branch: Branch) -> HttpResponse:
    """Lend a copy in spite of the reasons ticked, with a note."""
    form = LendForm(request.POST)
    if not form.is_valid():
        return redirect("desk")
    reader = get_object_or_404(readers_served(), uid=form.cleaned_data["reader"])
    copy = get_object_or_404(Copy.objects.select_related("book", "branch"), uid=form.cleaned_data["copy"])
    made = Scan(code=copy.inventory_number, key=None, made_at=None, made_by=None, branch=branch)
    came = _try_to_lend(request, made, reader, copy, overrides=form.overrides(), note=form.cleaned_data["note"])
    return lending_page(request, branch, reader, *([came.line] if came.line else []))


@require_POST
@staff_who_may("renew_loans")
@at_branch
def renew_loans(request: DeskRequest, branch: Branch) -> HttpResponse:
    """Renew one loan of a reader, in spite of reasons or not, or every open one."""
    form = RenewForm(request.POST)
    if not form.is_valid():
        return redirect("desk")
    reader = get_object_or_404(readers_served(), uid=form.cleaned_data["reader"])
    loans = queries.open_loans_of(reader)
    if uid := form.cleaned_data["loan"]:
        loans = loans.filter(uid=uid)
    lines = [_try_to_renew(request, loan, overrides=form.overrides(), note=form.cleaned_data["note"]) for loan in loans]
    return lending_page(request, branch, reader, *reversed(lines))


def _try_to_lend(
    request: DeskRequest,
    made: Scan,
    reader: Reader,
    copy: Copy,
    *,
    overrides: frozenset[Reason] = frozenset(),
    note: str = "",
) -> Came:
    line, now = line_about(copy), timezone.now()
    came = Came(reader=str(reader.uid), line=line)
    try:
        outcome = check_out(
            copy_id=copy.pk,
            reader_id=reader.pk,
            by=request.user,
            branch_id=made.branch.pk,
            now=now,
            overrides=overrides,
            note=note,
            checked_out_at=made.made_at,
        )
    except Refused as error:
        _tell_refusals(line, error.refusals, request.user, "lend")
        _tell_holder(line, error.refusals, copy)
        came.is_settled = line.tone == "info"
    except LibraryError as error:
        tell_trouble(line, error)
        came.is_settled, came.is_busy = False, isinstance(error, Busy)
    else:
        line.tone, line.stamp = "good", moment(outcome.loan.due_local)
        if outcome.returned and outcome.returned.loan:
            line.said = [_("Taken back from %(reader)s first.") % {"reader": outcome.returned.loan.reader.full_name}]
            line.said += told_of_return(outcome.returned)
        note_lateness(made, outcome.loan, by=request.user, now=now)
    return came


def _try_to_renew(request: DeskRequest, loan: Loan, *, overrides: frozenset[Reason], note: str) -> Line:
    line = line_about(loan.copy)
    try:
        outcome = renew(loan_id=loan.pk, by=request.user, now=timezone.now(), overrides=overrides, note=note)
    except Refused as error:
        _tell_refusals(line, error.refusals, request.user, "renew")
        line.loan = str(loan.uid) if line.action else ""
    except LibraryError as error:
        tell_trouble(line, error)
    else:
        line.tone, line.said, line.stamp = "good", [_("Renewed.")], moment(outcome.loan.due_local)
        if outcome.fine:
            line.said.append(_("The fine is %(amount)s.") % {"amount": money(outcome.fine)})
    return line


def lending_page(
    request: DeskRequest, branch: Branch, reader: Reader | None, *lines: Line, searched: str = ""
) -> HttpResponse:
    """Show the lending desk after putting lines on the slip of `reader`."""
    slip = Slip(request, str(reader.uid) if reader else LENDING)
    if lines:
        slip.add(*lines)
    address = reverse("desk_reader", args=[reader.uid]) if reader else reverse("desk")
    if request.method == "POST" and not request.htmx:
        return redirect(f"{address}?{urlencode({'q': searched})}" if searched else address)
    now = timezone.now()
    candidates = readers_matching(searched).select_related("category")[:CANDIDATES_SHOWN] if searched else []
    response = desk_page(
        request,
        LENDING,
        branch,
        served=_at_a_glance(reader, request.user, branch, now) if reader else None,
        lines=slip.lines,
        new_lines=len(lines),
        searched=searched,
        candidates=candidates,
    )
    return replace_url(response, address) if request.htmx else response


# --- Returning -----------------------------------------------------------------------------------------------------


@staff_who_may("return_copies")
@at_branch
def take_back(request: DeskRequest, branch: Branch) -> HttpResponse:
    """The return desk: every scan takes a copy back and says everything that happened."""
    now = timezone.now()
    today = now.astimezone(branch.zone).date()
    slip = Slip(request, RETURNING)
    if request.method != "POST":
        form = ReturnForm(initial={"returned_on": request.GET.get("returned_on")}, today=today)
        return desk_page(request, RETURNING, branch, form=form, lines=slip.lines, today=today)
    form = ReturnForm(request.POST, today=today)
    came = None
    if form.is_valid():
        made = scan_of(form, sender=request.user, branch=branch, now=now)
        came = came_of(made, lambda: _try_to_take_back(request, made, form.cleaned_data["returned_on"], now))
        slip.add(*([came.line] if came.line else []))
    elif "returned_on" in form.errors:
        slip.add(
            Line(tone="bad", title=form.data.get("code", ""), said=[str(error) for error in form.errors["returned_on"]])
        )
    if not request.htmx:
        day = form.cleaned_data.get("returned_on")
        return redirect(f"{reverse('desk_return')}?{urlencode({'returned_on': day})}" if day else "desk_return")
    page = desk_page(request, RETURNING, branch, form=form, lines=slip.lines, new_lines=1, today=today)
    return tell_script(page, came) if came else page


def returning_page(request: DeskRequest, branch: Branch, line: Line) -> HttpResponse:
    """Show the return desk after putting a line on its slip that no scan wrote."""
    slip = Slip(request, RETURNING)
    slip.add(line)
    if not request.htmx:
        return redirect("desk_return")
    today = timezone.localdate(timezone=branch.zone)
    return desk_page(
        request, RETURNING, branch, form=ReturnForm(today=today), lines=slip.lines, new_lines=1, today=today
    )


def _try_to_take_back(request: DeskRequest, made: Scan, day: date | None, now: datetime) -> Came:
    copy = copy_by_scan(made.code)
    if copy is None:
        unknown = Line(tone="bad", title=made.code, said=[_in_full(Refusal(Reason.COPY_UNKNOWN))])
        return Came(line=unknown, is_settled=False)
    line = line_about(copy)
    try:
        outcome = return_copy(
            copy_id=copy.pk,
            by=request.user,
            branch_id=made.branch.pk,
            now=now,
            returned_at=datetime.combine(day, time.max, made.branch.zone).astimezone(UTC) if day else made.made_at,
        )
    except LibraryError as error:
        tell_trouble(line, error)
        return Came(line=line, is_settled=False, is_busy=isinstance(error, Busy))
    line.said, line.slip = told_of_return(outcome), slip_for(outcome.placement)
    if outcome.loan is None:
        line.tone = "warn" if line.slip else "info"
        return Came(line=line)
    line.tone = "warn" if line.said else "good"
    line.reader, line.reader_name = str(outcome.loan.reader.uid), outcome.loan.reader.full_name
    note_lateness(made, outcome.loan, by=request.user, now=now)
    return Came(line=line)


# --- Words and pages -----------------------------------------------------------------------------------------------


def readers_served() -> Any:
    """Readers as the desk shows them."""
    return (
        Reader.objects.annotate(photo_taken_at=F("photo__taken_at")).current().select_related("category", "home_branch")
    )


_SERVED: Ready[Reader] = Ready(lambda of: readers_served().filter(uid=of("uid")))


def reader_served(uid: UUID | str) -> Reader | None:
    """The one with this public id."""
    return _SERVED.first(uid=uid)


def line_about(copy: Copy) -> Line:
    """A line about a copy, to be told what the scan came to."""
    return Line(tone="good", title=copy.book.title, number=copy.inventory_number, copy=str(copy.uid))


def told_of_return(outcome: ReturnOutcome) -> list[str]:
    """What a return came to, in sentences."""
    said = [late(outcome.overdue_days)] if outcome.overdue_days else []
    return said + [sentence(happened) for happened in outcome.happenings]


def slip_for(placement: Placement | None) -> str:
    """The address of the slip to print and put into the copy; empty: it goes to its shelf."""
    if placement and (transfer := placement.transfer):
        return reverse("transfer_slip", args=[transfer.uid])
    if placement and (reservation := placement.reservation):
        return reverse("reservation_slip", args=[reservation.uid])
    return ""


def _tell_refusals(line: Line, refusals: Sequence[Refusal], user: User, action: Literal["lend", "renew"]) -> None:
    """Every reason; and a form to override them if this user may override every one."""
    is_repeated = any(refusal.reason is Reason.ALREADY_LOANED_TO_READER for refusal in refusals)
    line.tone = "info" if is_repeated else "bad"
    if _may_override(user, refusals):
        line.action = action
        line.reasons = [{"code": str(refusal.reason), "text": _in_full(refusal)} for refusal in refusals]
    else:
        line.said = [_in_full(refusal) for refusal in refusals]


def _in_full(refusal: Refusal) -> str:
    return " ".join(filter(None, (sentence(refusal), advice(refusal))))


def _tell_holder(line: Line, refusals: Iterable[Refusal], copy: Copy) -> None:
    """Who has the copy: the loan to renew where it is the reader's own, the other reader where it is not."""
    reasons = {refusal.reason for refusal in refusals}
    if not reasons & {Reason.ALREADY_LOANED_TO_READER, Reason.LOANED_TO_ANOTHER}:
        return
    loan = Loan.objects.open().filter(copy=copy).select_related("reader").first()
    if loan is None:
        return
    if Reason.ALREADY_LOANED_TO_READER in reasons:
        line.loan = str(loan.uid)
    else:
        line.reader, line.reader_name = str(loan.reader.uid), loan.reader.full_name


def tell_trouble(line: Line, error: LibraryError) -> None:
    """Put onto the line why nothing was done."""
    line.tone = "bad"
    match error:
        case Busy():
            line.said = [_("Somebody else is working with this copy or reader. Scan it again.")]
        case Invalid():
            line.said = [message for messages in error.errors.values() for message in messages]
        case Refused():
            line.said = [_in_full(refusal) for refusal in error.refusals]
        case _:
            raise error


def desk_page(request: DeskRequest, mode: str, branch: Branch | None, **context: Any) -> HttpResponse:
    """The whole page, or under htmx the part of it that scans change."""
    context = {"new_lines": 0} | context | {"mode": mode, "branch": branch, "title": _("Desk")}
    context["steps"] = _steps(request.user) if branch and not context.get("is_shell") else []
    if request.htmx:
        response = render(request, "admin/desk/work.html", context | {"is_changed_over": request.method == "GET"})
        return replace_url(response, request.path) if request.method == "GET" else response
    return render(request, "admin/desk/desk.html", admin.site.each_context(request) | context)
