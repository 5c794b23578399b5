"""The service worker of a reader's browser, and switching its messages on and off."""

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Reader, User
from accounts.queries import reader_of
from library.core.errors import Invalid
from webpush.actions import switch_off, switch_on

MAX_BODY = 4096


@require_safe
@cache_control(no_cache=True)
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker; from here its scope is the whole site, and it does nothing but show messages."""
    return render(request, "webpush/worker.js", content_type="text/javascript")


@require_POST
@login_required
def subscribe(request: HttpRequest) -> HttpResponse:
    """A browser introduces itself: 204, or 400 with a sentence."""
    reader = _reader(request)
    if not settings.PUSH_PRIVATE_KEY:
        raise Http404
    given = _json(request)
    keys = given.get("keys")
    keys = keys if isinstance(keys, dict) else {}
    try:
        switch_on(
            reader=reader,
            endpoint=str(given.get("endpoint", "")),
            public_key=str(keys.get("p256dh", "")),
            secret=str(keys.get("auth", "")),
            user_agent=request.headers.get("User-Agent", "")[:500],
            now=timezone.now(),
        )
    except Invalid as error:
        return JsonResponse({"detail": " ".join(told for said in error.errors.values() for told in said)}, status=400)
    return HttpResponse(status=204)


@require_POST
@login_required
def unsubscribe(request: HttpRequest) -> HttpResponse:
    """The browser itself takes its leave (204), or the reader removes one from the list (back to the page)."""
    reader = _reader(request)
    if request.content_type == "application/json":
        switch_off(reader=reader, endpoint=str(_json(request).get("endpoint", "")))
        return HttpResponse(status=204)
    uid = request.POST.get("browser", "")
    try:
        is_removed = switch_off(reader=reader, uid=str(UUID(uid)))
    except ValueError:
        raise Http404 from None
    if is_removed:
        messages.success(request, _("No more messages are shown there."))
    return redirect("my_letters")


def _reader(request: HttpRequest) -> Reader:
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        raise Http404
    return reader


def _json(request: HttpRequest) -> dict[str, Any]:
    """The object in the body; empty for anything else."""
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
        return {}
    try:
        given = json.loads(request.body)
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
