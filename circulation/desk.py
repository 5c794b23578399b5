"""The desk: scan a card, scan copies, see what each came to; and copies coming back. A door for keyboard and scanner.

Every scan is a POST that ends in a redirect or, under htmx, in the part of the page that it changed. What the scans
came to stands on a slip in the session, a new one for each reader served.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
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
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, replace_url
from django_htmx.middleware import HtmxDetails

from accounts.models import Reader, ReaderBlock, User
from accounts.queries import dead_card, dead_card_refusal, reader_by_scan, readers_matching
from cashdesk.forms import PayForm
from cashdesk.queries import balance_of
from catalog.copy_numbers import copy_by_scan
from catalog.models import Copy
from circulation import queries
from circulation.actions import check_out, renew, return_copy
from circulation.forms import BranchForm, LendForm, RenewForm, ReturnForm, ScanForm
from circulation.locked import ReturnOutcome
from circulation.models import Loan
from circulation.rules import Reason
from circulation.wording import advice, late, sentence
from library.core.dates import moment
from library.core.errors import Busy, Invalid, LibraryError, Refusal, Refused
from library.core.money import as_typed, money
from policies.models import Branch
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

Tone = Literal["good", "info", "warn", "bad"]


class DeskRequest(HttpRequest):
    """A request of a member of staff."""

    htmx: HtmxDetails
    user: User


# --- What the page shows -------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Line:
    """What one scan came to. Kept in the session, so of strings only; sentences are in the librarian's language."""

    tone: Tone
    title: str
    """Of the book; the code where nothing was found."""
    number: str = ""
    said: list[str] = field(default_factory=list)
    stamp: str = ""
    """The due date in words."""
    copy: str = ""
    """Public id."""
    loan: str = ""
    """Public id of a loan that may be renewed from here."""
    reader: str = ""
    reader_name: str = ""
    """Public id and name of another reader in question."""
    action: Literal["", "lend", "renew"] = ""
    """What may be done in spite of `reasons`."""
    slip: str = ""
    """Address of the slip that goes with a copy that is set aside or sent."""
    reasons: list[dict[str, str]] = field(default_factory=list)
    """Codes and sentences of the reasons that this librarian may override."""


class Slip:
    """The lines of one service, the latest first, in the session."""

    def __init__(self, request: DeskRequest, of: str) -> None:
        self._session = request.session
        kept = self._session.get(SLIP_KEY, {})
        self._of = of
        self.lines = [Line(**line) for line in kept.get("lines", [])] if kept.get("of") == of else []

    def add(self, *lines: Line) -> None:
        """Put lines on top; what older lines of the same copies still offered is settled or repeated by them."""
        for line in lines:
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
    states = queries.loan_states(queries.open_loans_of(reader), now=now)
    return AtTheDesk(
        reader=reader,
        blocks=[block for block in reader.blocks.filter(lifted_at__isnull=True) if block.holds_on(today)],
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
        ready=list(ready_for(reader)),
    )


def _may_override(user: User, refusals: Iterable[Refusal]) -> bool:
    return all(refusal.override and user.has_perm(refusal.override) for refusal in refusals)


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
    return _page(request, "branch", None, form=form, has_branches=Branch.objects.exists())


# --- Lending -------------------------------------------------------------------------------------------------------


@require_safe
@staff_who_may("check_out_copies")
@at_branch
def lend(request: DeskRequest, branch: Branch, uid: UUID | None = None) -> HttpResponse:
    """The lending desk; with `uid`, that reader is being served."""
    reader = get_object_or_404(_readers(), uid=uid) if uid else None
    return _lending(request, branch, reader, searched=request.GET.get("q", "")[:200])


@require_POST
@staff_who_may("check_out_copies")
@at_branch
def scan(request: DeskRequest, branch: Branch) -> HttpResponse:
    """A card begins or changes the service; a copy is lent to the reader being served; a name is looked up."""
    form = ScanForm(request.POST)
    is_valid = form.is_valid()
    reader = _readers().filter(uid=uid).first() if (uid := form.cleaned_data.get("reader")) else None
    if not is_valid:
        return _lending(request, branch, reader)
    code = form.cleaned_data["code"]
    copy = copy_by_scan(code) if reader else None
    if reader and copy:
        return _lending(request, branch, reader, _try_to_lend(request, branch, reader, copy))
    if card := reader_by_scan(code):
        return _lending(request, branch, card)
    if dead := dead_card(code):
        said = [_in_full(dead_card_refusal(dead)), _("It was the card of %(reader)s.") % {"reader": dead.reader}]
        return _lending(request, branch, reader, Line(tone="bad", title=code, said=said))
    if copy := copy_by_scan(code):
        hint = _("Scan the reader's card first. To take the copy back, use the return desk.")
        return _lending(request, branch, None, Line(tone="info", title=copy.book.title, number=code, said=[hint]))
    if readers_matching(code).exists():
        return _lending(request, branch, reader, searched=code)
    unknown = Refusal(Reason.COPY_UNKNOWN if reader else Reason.READER_UNKNOWN)
    return _lending(request, branch, reader, Line(tone="bad", title=code, said=[_in_full(unknown)]))


@require_POST
@staff_who_may("check_out_copies")
@at_branch
def lend_in_spite(request: DeskRequest, branch: Branch) -> HttpResponse:
    """Lend a copy in spite of the reasons ticked, with a note."""
    form = LendForm(request.POST)
    if not form.is_valid():
        return redirect("desk")
    reader = get_object_or_404(_readers(), uid=form.cleaned_data["reader"])
    copy = get_object_or_404(Copy.objects.select_related("book", "branch"), uid=form.cleaned_data["copy"])
    line = _try_to_lend(request, branch, reader, copy, overrides=form.overrides(), note=form.cleaned_data["note"])
    return _lending(request, branch, reader, line)


@require_POST
@staff_who_may("renew_loans")
@at_branch
def renew_loans(request: DeskRequest, branch: Branch) -> HttpResponse:
    """Renew one loan of a reader, in spite of reasons or not, or every open one."""
    form = RenewForm(request.POST)
    if not form.is_valid():
        return redirect("desk")
    reader = get_object_or_404(_readers(), uid=form.cleaned_data["reader"])
    loans = queries.open_loans_of(reader)
    if uid := form.cleaned_data["loan"]:
        loans = loans.filter(uid=uid)
    lines = [_try_to_renew(request, loan, overrides=form.overrides(), note=form.cleaned_data["note"]) for loan in loans]
    return _lending(request, branch, reader, *reversed(lines))


def _try_to_lend(
    request: DeskRequest,
    branch: Branch,
    reader: Reader,
    copy: Copy,
    *,
    overrides: frozenset[Reason] = frozenset(),
    note: str = "",
) -> Line:
    line = _line_about(copy)
    try:
        outcome = check_out(
            copy_id=copy.pk,
            reader_id=reader.pk,
            by=request.user,
            branch_id=branch.pk,
            now=timezone.now(),
            overrides=overrides,
            note=note,
        )
    except Refused as error:
        _tell_refusals(line, error.refusals, request.user, "lend")
        _tell_holder(line, error.refusals, copy)
    except LibraryError as error:
        _tell_trouble(line, error)
    else:
        line.tone, line.stamp = "good", moment(outcome.loan.due_local)
        if outcome.returned and outcome.returned.loan:
            line.said = [_("Taken back from %(reader)s first.") % {"reader": outcome.returned.loan.reader.full_name}]
            line.said += _told(outcome.returned)
    return line


def _try_to_renew(request: DeskRequest, loan: Loan, *, overrides: frozenset[Reason], note: str) -> Line:
    line = _line_about(loan.copy)
    try:
        outcome = renew(loan_id=loan.pk, by=request.user, now=timezone.now(), overrides=overrides, note=note)
    except Refused as error:
        _tell_refusals(line, error.refusals, request.user, "renew")
        line.loan = str(loan.uid) if line.action else ""
    except LibraryError as error:
        _tell_trouble(line, error)
    else:
        line.tone, line.said, line.stamp = "good", [_("Renewed.")], moment(outcome.loan.due_local)
        if outcome.fine:
            line.said.append(_("The fine is %(amount)s.") % {"amount": money(outcome.fine)})
    return line


def _lending(
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
    response = _page(
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
        return _page(request, RETURNING, branch, form=form, lines=slip.lines, today=today)
    form = ReturnForm(request.POST, today=today)
    if form.is_valid():
        day = form.cleaned_data["returned_on"]
        slip.add(_try_to_take_back(request, branch, form.cleaned_data["code"], day, now))
    elif "returned_on" in form.errors:
        slip.add(
            Line(tone="bad", title=form.data.get("code", ""), said=[str(error) for error in form.errors["returned_on"]])
        )
    if not request.htmx:
        day = form.cleaned_data.get("returned_on")
        return redirect(f"{reverse('desk_return')}?{urlencode({'returned_on': day})}" if day else "desk_return")
    return _page(request, RETURNING, branch, form=form, lines=slip.lines, new_lines=1, today=today)


def _try_to_take_back(request: DeskRequest, branch: Branch, code: str, day: date | None, now: datetime) -> Line:
    copy = copy_by_scan(code)
    if copy is None:
        return Line(tone="bad", title=code, said=[_in_full(Refusal(Reason.COPY_UNKNOWN))])
    line = _line_about(copy)
    try:
        outcome = return_copy(
            copy_id=copy.pk,
            by=request.user,
            branch_id=branch.pk,
            now=now,
            returned_at=datetime.combine(day, time.max, branch.zone).astimezone(UTC) if day else None,
        )
    except LibraryError as error:
        _tell_trouble(line, error)
        return line
    line.said, line.slip = _told(outcome), _slip_for(outcome)
    if outcome.loan is None:
        line.tone = "warn" if line.slip else "info"
        return line
    line.tone = "warn" if line.said else "good"
    line.reader, line.reader_name = str(outcome.loan.reader.uid), outcome.loan.reader.full_name
    return line


# --- Words and pages -----------------------------------------------------------------------------------------------


def _readers() -> Any:
    return Reader.objects.current().select_related("category", "home_branch")


def _line_about(copy: Copy) -> Line:
    return Line(tone="good", title=copy.book.title, number=copy.inventory_number, copy=str(copy.uid))


def _told(outcome: ReturnOutcome) -> list[str]:
    said = [late(outcome.overdue_days)] if outcome.overdue_days else []
    return said + [sentence(happened) for happened in outcome.happenings]


def _slip_for(outcome: ReturnOutcome) -> str:
    """The address of the slip to print and put into the copy; empty: it goes to its shelf."""
    if outcome.placement and (transfer := outcome.placement.transfer):
        return reverse("transfer_slip", args=[transfer.uid])
    if outcome.placement and (reservation := outcome.placement.reservation):
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


def _tell_trouble(line: Line, error: LibraryError) -> None:
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


def _page(request: DeskRequest, mode: str, branch: Branch | None, **context: Any) -> HttpResponse:
    """The whole page, or under htmx the part of it that scans change."""
    context = {"new_lines": 0} | context | {"mode": mode, "branch": branch, "title": _("Desk")}
    if request.htmx:
        response = render(request, "admin/desk/work.html", context | {"is_changed_over": request.method == "GET"})
        return replace_url(response, request.path) if request.method == "GET" else response
    return render(request, "admin/desk/desk.html", admin.site.each_context(request) | context)
