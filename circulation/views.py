"""A reader's own pages: what is at home, renewed with one click, and what was read before."""

from collections.abc import Iterable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Reader, User
from accounts.queries import reader_of
from circulation import queries
from circulation.actions import renew
from circulation.forms import RenewMineForm
from circulation.models import Loan
from circulation.wording import sentence
from library.core.dates import moment
from library.core.errors import Busy, Refused
from library.core.money import money

LOANS_PER_PAGE = 25


@require_safe
@login_required
def my_loans(request: HttpRequest) -> HttpResponse:
    """What the reader has at home, the most urgent first, with the reason where a loan cannot be renewed."""
    reader = _reader_of(request)
    states = (
        queries.loan_states(queries.with_authors(queries.open_loans_of(reader)), now=timezone.now()) if reader else []
    )
    context = {
        "reader": reader,
        "states": states,
        "overdue": sum(state.is_overdue for state in states),
        "renewable": sum(not state.renewal_refusals for state in states),
    }
    return render(request, "circulation/my_loans.html", context)


@require_POST
@login_required
def renew_mine(request: HttpRequest) -> HttpResponse:
    """Renew one of the reader's own loans, or every one that may be renewed."""
    form = RenewMineForm(request.POST)
    reader = _reader_of(request)
    if reader is None or not form.is_valid():
        raise Http404
    loans = queries.open_loans_of(reader)
    if uid := form.cleaned_data["loan"]:
        loans = loans.filter(uid=uid)
        if not loans:
            raise Http404
    _renew_each(request, loans)
    return redirect("my_loans")


@require_safe
@login_required
def my_history(request: HttpRequest) -> HttpResponse:
    """What the reader has brought back, the latest first."""
    reader = _reader_of(request)
    loans = queries.with_authors(queries.history_of(reader)) if reader else Loan.objects.none()
    page = Paginator(loans, LOANS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "circulation/my_history.html", {"reader": reader, "page": page})


def _renew_each(request: HttpRequest, loans: Iterable[Loan]) -> None:
    """Renew and tell the reader what came of each."""
    assert isinstance(request.user, User)
    for loan in loans:
        title = loan.copy.book.title
        try:
            renewed = renew(loan_id=loan.pk, by=request.user, now=timezone.now())
        except Refused as error:
            reasons = " ".join(sentence(refusal) for refusal in error.refusals)
            messages.warning(
                request, _("“%(title)s” was not renewed. %(reasons)s") % {"title": title, "reasons": reasons}
            )
        except Busy:
            messages.error(request, _("“%(title)s” is being worked with. Try again in a moment.") % {"title": title})
        else:
            text = _("“%(title)s” is yours until %(due)s.") % {"title": title, "due": moment(renewed.loan.due_local)}
            if renewed.fine:
                text += " " + _("The fine is %(amount)s.") % {"amount": money(renewed.fine)}
            messages.success(request, text)


def _reader_of(request: HttpRequest) -> Reader | None:
    assert isinstance(request.user, User)
    return reader_of(request.user)
