"""A reader's money on the panel: the ledger, and a page for each deed with errors next to their fields."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Reader, User
from cashdesk import actions, queries
from cashdesk.forms import ChargeForm, PayForm, RefundForm, ReverseForm, WaiveForm
from cashdesk.models import Entry, Kind, Method
from cashdesk.rules import NOTHING
from cashdesk.wording import sentence, title
from library.core.errors import Busy, Invalid, Refused
from library.core.money import as_typed, money

PER_PAGE = 50
BRANCH_KEY = "desk_branch"
"""Where the session keeps the branch that the desk stands at."""
FIELD_OF_REFUSAL = "amount"
"""Where a refusal is told if the form has such a field: all but those of reversals are about the amount."""
View = Callable[..., HttpResponse]


class StaffRequest(HttpRequest):
    """A request of a member of staff."""

    user: User


def staff_who_may(*permissions: str) -> Callable[[View], View]:
    """For staff with every one of `permissions` (of `cashdesk`); strangers sign in first, others are turned away."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            may = request.user.has_perms([f"cashdesk.{permission}" for permission in permissions])
            if not (request.user.is_staff and may):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


@require_safe
@staff_who_may("view_charge", "view_payment")
def reader_money(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What a reader owes, what is open, and the whole ledger, the latest first."""
    reader = _reader(uid)
    account = queries.account_of(reader.pk)
    context = {
        "owed": account.owed,
        "credit": account.credit,
        "open_debits": queries.open_debits_of(reader.pk),
        "page": Paginator(queries.ledger_of(reader.pk), PER_PAGE).get_page(request.GET.get("page")),
    }
    return _page(request, "reader", reader, _("Money"), **context)


@require_http_methods(["GET", "POST"])
@staff_who_may("take_payments")
def take_payment(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Take money: for the oldest charges, or for those ticked."""
    reader = _reader(uid)
    chosen = [value for value in request.POST.getlist("charges") if _is_uid(value)]
    account = queries.account_of(reader.pk)
    form = _form(PayForm, request, reader.home_branch_id, amount=as_typed(account.owed) if account.owed else "")

    def act(said: Mapping[str, Any]) -> Entry:
        return actions.pay(
            reader_id=reader.pk,
            amount=said["amount"],
            method=Method(said["method"]),
            branch_id=said["branch"].pk,
            charges=[UUID(value) for value in chosen],
            keeps_rest=said["keeps_rest"],
            uid=said["uid"],
            by=request.user,
            now=timezone.now(),
        )

    if done := _do(request, form, act):
        text = _("%(amount)s taken, receipt %(receipt)s.")
        messages.success(request, text % {"amount": money(done.amount), "receipt": done.receipt})
        return _back(request, reader)
    context = {"open_debits": queries.open_debits_of(reader.pk), "chosen": chosen, "owed": account.owed}
    return _deed(request, "pay", reader, _("Take a payment"), form, **context)


@require_http_methods(["GET", "POST"])
@staff_who_may("add_charges")
def add_charge(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Charge a reader by hand."""
    reader = _reader(uid)
    form = _form(ChargeForm, request, reader.home_branch_id)

    def act(said: Mapping[str, Any]) -> Entry:
        return actions.charge(
            reader_id=reader.pk,
            kind=Kind(said["kind"]),
            amount=said["amount"],
            reason=said["reason"],
            branch_id=said["branch"].pk,
            uid=said["uid"],
            by=request.user,
            now=timezone.now(),
        )

    if done := _do(request, form, act):
        messages.success(request, _("%(amount)s charged.") % {"amount": money(done.amount)})
        return _back(request, reader)
    return _deed(request, "deed", reader, _("Charge the reader"), form, submit=_("Charge"))


@require_http_methods(["GET", "POST"])
@staff_who_may("give_refunds")
def give_refund(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Give money back to a reader who has credit."""
    reader = _reader(uid)
    credit = queries.account_of(reader.pk).credit
    form = _form(RefundForm, request, reader.home_branch_id, amount=as_typed(credit) if credit else "")

    def act(said: Mapping[str, Any]) -> Entry:
        return actions.refund(
            reader_id=reader.pk,
            amount=said["amount"],
            method=Method(said["method"]),
            reason=said["reason"],
            branch_id=said["branch"].pk,
            uid=said["uid"],
            by=request.user,
            now=timezone.now(),
        )

    if done := _do(request, form, act):
        text = _("%(amount)s given back, receipt %(receipt)s.")
        messages.success(request, text % {"amount": money(done.amount), "receipt": done.receipt})
        return _back(request, reader)
    lead = _("The reader's credit is %(amount)s.") % {"amount": money(credit)}
    return _deed(request, "deed", reader, _("Give money back"), form, submit=_("Give back"), lead=lead)


@require_http_methods(["GET", "POST"])
@staff_who_may("waive_charges")
def waive_charge(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Forgive a charge or a part of it."""
    entry = _entry(uid)
    form = _form(WaiveForm, request, entry.branch_id, amount=as_typed(entry.left))

    def act(said: Mapping[str, Any]) -> Entry:
        return actions.waive(
            charge_uid=uid,
            amount=said["amount"],
            reason=said["reason"],
            uid=said["uid"],
            by=request.user,
            now=timezone.now(),
        )

    if done := _do(request, form, act):
        messages.success(request, _("%(amount)s waived.") % {"amount": money(done.amount)})
        return _back(request, entry.reader)
    return _deed(request, "deed", entry.reader, _("Waive a charge"), form, submit=_("Waive"), entry=entry)


@require_http_methods(["GET", "POST"])
@staff_who_may("reverse_entries")
def reverse_entry(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Undo an entry by its opposite."""
    entry = _entry(uid)
    form = _form(ReverseForm, request, entry.branch_id)

    def act(said: Mapping[str, Any]) -> Entry:
        return actions.reverse(
            entry_uid=uid,
            reason=said["reason"],
            branch_id=said["branch"].pk,
            uid=said["uid"],
            by=request.user,
            now=timezone.now(),
        )

    if done := _do(request, form, act):
        text = _("%(what)s is reversed.") % {"what": title(entry)}
        if done.receipt:
            text += " " + _("Receipt %(receipt)s.") % {"receipt": done.receipt}
        messages.success(request, text)
        return _back(request, entry.reader)
    lead = _("What was paid for it becomes credit.") if entry.is_debit else _("What it had covered is owed again.")
    return _deed(
        request, "deed", entry.reader, _("Reverse an entry"), form, submit=_("Reverse"), entry=entry, lead=lead
    )


# --- Parts ---------------------------------------------------------------------------------------------------------


def _reader(uid: UUID) -> Reader:
    return get_object_or_404(Reader.objects.current().select_related("category", "home_branch"), uid=uid)


def _entry(uid: UUID) -> Entry:
    return get_object_or_404(Entry.objects.with_left().in_full(), uid=uid)


def _is_uid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _form(form_class: type[forms.Form], request: StaffRequest, branch_id: int, **initial: Any) -> Any:
    """The form as sent, or with what is likely: the branch of this desk, else the one given."""
    if request.method == "POST":
        return form_class(request.POST)
    return form_class(initial={"branch": request.session.get(BRANCH_KEY, branch_id), **initial})


def _do(request: StaffRequest, form: forms.Form, act: Callable[[Mapping[str, Any]], Entry]) -> Entry | None:
    """The entry written; None: the form is not sent or not right, and says so."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        return act(form.cleaned_data)
    except Refused as error:
        for refusal in error.refusals:
            has_amount = FIELD_OF_REFUSAL in form.fields and refusal.data.get("amount") is not None
            form.add_error(FIELD_OF_REFUSAL if has_amount else None, sentence(refusal))
    except Invalid as error:
        for name, texts in error.errors.items():
            for text in texts:
                form.add_error(name if name in form.fields else None, text)
    except Busy:
        form.add_error(None, _("Somebody else is working with this reader. Send it again in a moment."))
    return None


def _deed(
    request: StaffRequest, template: str, reader: Reader, name: str, form: forms.Form, **context: Any
) -> HttpResponse:
    return _page(request, template, reader, name, form=form, back=_target(request, reader), **context)


def _target(request: StaffRequest, reader: Reader) -> str:
    """Where to go afterwards: where one came from, or the reader's money."""
    asked = request.POST.get("next") or request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure()):
        return asked
    if request.user.has_perms(["cashdesk.view_charge", "cashdesk.view_payment"]):
        return reverse("reader_money", args=[reader.uid])
    return reverse("admin:index")


def _back(request: StaffRequest, reader: Reader) -> HttpResponse:
    return redirect(_target(request, reader))


def _page(request: StaffRequest, template: str, reader: Reader, name: str, **context: Any) -> HttpResponse:
    context = {"reader": reader, "title": name, "nothing": NOTHING} | context
    return render(request, f"admin/money/{template}.html", admin.site.each_context(request) | context)
