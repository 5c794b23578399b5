"""Pages about oneself: the library card, own data, appearance."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import OwnDataForm
from accounts.models import User
from accounts.queries import reader_of
from library.core.context import THEMES

YEAR = 365 * 24 * 60 * 60


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or as-the-device in a cookie, and go back to the page."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = redirect(target)
    if (theme := request.POST.get("theme")) in THEMES:
        response.set_cookie("theme", theme, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return response


@require_safe
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The library card and what the library knows about whoever is signed in."""
    user = _signed_in(request)
    reader = reader_of(user)
    context: dict[str, Any] = {"reader": reader}
    if reader:
        today = timezone.localdate(timezone=reader.home_branch.zone)
        context |= {
            "is_expired": reader.expires_on < today,
            "blocks": [block for block in reader.blocks.filter(lifted_at=None) if block.holds_on(today)],
        }
    return render(request, "account/profile.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def edit_profile(request: HttpRequest) -> HttpResponse:
    """Change one's own phone, branch and language."""
    user = _signed_in(request)
    form = OwnDataForm(request.POST or None, user=user, reader=reader_of(user))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("profile")
    return render(request, "account/profile_edit.html", {"form": form})


def _signed_in(request: HttpRequest) -> User:
    """The user behind `login_required`."""
    assert isinstance(request.user, User)
    return request.user
