"""The panel's page of one reader's letters: how they are told, what was sent, an address that fails."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Reader
from notifications.bounces import bounce_of, trust_again
from notifications.choosing import choose
from notifications.forms import PreferencesForm
from notifications.models import Letter

SHOWN = 20
"""Letters of the reader on the page."""


@require_http_methods(["GET", "POST"])
def reader_letters(request: HttpRequest, pk: int) -> HttpResponse:
    """How a reader is told of what, and the last letters."""
    if not request.user.has_perm("notifications.view_letter"):
        raise PermissionDenied
    reader = _reader(pk)
    form = PreferencesForm(reader, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        _require_choice(request)
        if form.is_valid():
            choose(reader=reader, choices=form.choices(), by=request.user, now=timezone.now())  # type: ignore[arg-type] # staff
            messages.success(request, _("The choice is kept."))
            return redirect("admin:notifications_reader", pk)
    context = {
        **admin.site.each_context(request),
        "opts": Letter._meta,
        "title": _("Letters to the reader"),
        "reader": reader,
        "form": form,
        "bounce": bounce_of(reader),
        "letters": Letter.objects.filter(reader=reader).order_by("-created_at", "-pk")[:SHOWN],
        "may_change": request.user.has_perm("notifications.choose_letters"),
    }
    return TemplateResponse(request, "admin/notifications/reader.html", context)


@require_POST
def unbounce(request: HttpRequest, pk: int) -> HttpResponse:
    """Write to the reader's e-mail address again."""
    _require_choice(request)
    trust_again(reader=_reader(pk), by=request.user, now=timezone.now())  # type: ignore[arg-type] # staff
    messages.success(request, _("Letters go to this address again."))
    return redirect("admin:notifications_reader", pk)


def _reader(pk: int) -> Reader:
    return get_object_or_404(Reader.objects.current().select_related("home_branch"), pk=pk)


def _require_choice(request: HttpRequest) -> None:
    if not request.user.has_perm("notifications.choose_letters"):
        raise PermissionDenied
