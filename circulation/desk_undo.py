"""Undoing the last steps at the desk, each by its counter-action."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

import cashdesk.actions
from cashdesk.models import Entry
from circulation.desk import (
    MAY_UNDO,
    DeskRequest,
    lending_page,
    line_about,
    readers_served,
    returning_page,
    slip_for,
    staff_who_may,
    tell_trouble,
)
from circulation.desk_scans import Line
from circulation.forms import UndoForm
from circulation.models import Loan
from circulation.steps import DEEDS, PAID
from circulation.undo_rules import Step
from circulation.undoing import UndoOutcome, undo
from library.core.dates import moment
from library.core.errors import LibraryError
from library.core.models import AuditEntry
from library.core.money import money
from policies.models import Branch
from reservations.staff_views import destination
from reservations.staffed import at_branch


@require_POST
@staff_who_may("check_out_copies", "renew_loans", "return_copies")
@at_branch
def undo_step(request: DeskRequest, branch: Branch) -> HttpResponse:
    """Undo one of this librarian's own steps."""
    form = UndoForm(request.POST)
    if not form.is_valid():
        return redirect("desk")
    own = AuditEntry.objects.filter(actor=request.user, action__in=[*DEEDS, PAID])
    entry = get_object_or_404(own, pk=form.cleaned_data["entry"])
    step = DEEDS.get(entry.action)
    if not request.user.has_perm(MAY_UNDO[step]):
        raise PermissionDenied
    line = _undo_of_loan(request, branch, entry, step) if step else _undo_of_payment(request, branch, entry)
    if form.cleaned_data["mode"] == "return":
        return returning_page(request, branch, line)
    reader = readers_served().filter(uid=form.cleaned_data["reader"]).first() if form.cleaned_data["reader"] else None
    return lending_page(request, branch, reader, line)


def _undo_of_loan(request: DeskRequest, branch: Branch, entry: AuditEntry, step: Step) -> Line:
    loan = get_object_or_404(Loan.objects.in_full(), pk=entry.subject_id)
    line = line_about(loan.copy)
    try:
        outcome = undo(loan_id=loan.pk, step=step, by=request.user, branch_id=branch.pk, now=timezone.now())
    except LibraryError as error:
        tell_trouble(line, error)
    else:
        line.tone, line.said = "info", _told(outcome)
        line.slip = slip_for(outcome.placement)
        if step is not Step.CHECK_OUT:
            line.stamp = moment(outcome.loan.due_local)
    return line


def _told(outcome: UndoOutcome) -> list[str]:
    reader = outcome.loan.reader.full_name
    match outcome.step:
        case Step.CHECK_OUT:
            said = [_("The loan to %(reader)s is undone.") % {"reader": reader}]
        case Step.RENEW:
            said = [_("The renewal is undone: due as before.")]
        case Step.RETURN:
            said = [_("The return is undone: %(reader)s has it again.") % {"reader": reader}]
    if outcome.cancelled:
        said.append(_("The fine of %(amount)s is cancelled.") % {"amount": money(outcome.cancelled)})
    if outcome.placement and (where := destination(outcome.placement, otherwise="")):
        said.append(where)
    if outcome.is_told:
        said.append(_("The receipt of the loan has already gone out by e-mail."))
    return said


def _undo_of_payment(request: DeskRequest, branch: Branch, entry: AuditEntry) -> Line:
    payment = get_object_or_404(Entry.objects.select_related("reader"), pk=entry.subject_id)
    line = Line(tone="info", title=payment.reader.full_name, number=payment.reader.card_number)
    try:
        cashdesk.actions.reverse(
            entry_uid=payment.uid,
            reason=_("Undone at the desk."),
            branch_id=branch.pk,
            by=request.user,
            now=timezone.now(),
        )
    except LibraryError as error:
        tell_trouble(line, error)
    else:
        line.said = [_("The payment of %(amount)s is undone: give the money back.") % {"amount": money(payment.amount)}]
    return line
