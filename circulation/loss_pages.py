"""A reader says at the desk that a copy is lost: what it would cost, a note, and the deed."""

from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from circulation import queries
from circulation.actions import declare_lost
from circulation.desk import DeskRequest, staff_who_may
from circulation.forms import LossForm
from circulation.models import Loan
from circulation.wording import sentence
from library.core.errors import Busy, Refused
from library.core.money import money


@require_http_methods(["GET", "POST"])
@staff_who_may("declare_lost")
def lose(request: DeskRequest, uid: UUID) -> HttpResponse:
    """Declare the copy of a loan lost."""
    loan = get_object_or_404(Loan.objects.in_full(), uid=uid)
    form = LossForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            done = declare_lost(loan_id=loan.pk, note=form.cleaned_data["note"], by=request.user, now=timezone.now())
        except Refused as error:
            form.add_error(None, " ".join(sentence(refusal) for refusal in error.refusals))
        except Busy:
            form.add_error(None, _("Somebody else is working with this copy or reader. Send it again in a moment."))
        else:
            values = {"title": loan.copy.book.title, "amount": money(done.charges.total)}
            messages.success(request, _("“%(title)s” is declared lost; %(amount)s is charged.") % values)
            return redirect("desk_reader", loan.reader.uid)
    context = {
        "form": form,
        "loan": loan,
        "reader": loan.reader,
        "charges": queries.loss_charges(loan, now=timezone.now()),
        "title": _("Declare a copy lost"),
    }
    return render(request, "admin/desk/lost.html", admin.site.each_context(request) | context)
