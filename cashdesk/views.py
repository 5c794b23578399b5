"""A reader's own money, and receipts to print: for the reader they are about, and for staff."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.queries import reader_of
from cashdesk import queries
from cashdesk.models import Entry

PER_PAGE = 25
PAPERS = ("a4", "roll")
"""What receipts are printed on: a sheet, or the 80 mm of a receipt printer."""


@require_safe
@login_required
def my_charges(request: HttpRequest) -> HttpResponse:
    """What the reader owes and why, and what was paid, the latest first."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    ledger = queries.ledger_of(reader.pk) if reader else Entry.objects.none()
    account = queries.account_of(reader.pk) if reader else None
    context = {
        "reader": reader,
        "account": account,
        "page": Paginator(ledger, PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "cashdesk/my_charges.html", context)


@require_safe
@login_required
def receipt(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A receipt on `?paper=` a4 or roll; another reader's is not there."""
    assert isinstance(request.user, User)
    entry = get_object_or_404(queries.entries_visible_to(request.user).in_full(), uid=uid)
    if not entry.receipt:
        raise Http404
    paper = request.GET.get("paper")
    context = {
        "entry": entry,
        "paper": paper if paper in PAPERS else PAPERS[0],
        "lines": queries.receipt_lines(entry),
        "local": entry.at.astimezone(entry.branch.zone),
    }
    return render(request, "cashdesk/receipt.html", context)
