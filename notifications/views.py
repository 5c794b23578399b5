"""A reader's own letters: what was sent, how to be told, and the link in a letter that switches its kind off."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.queries import reader_of
from notifications.bounces import bounce_of
from notifications.channels.registry import channels
from notifications.choosing import choose, unsubscribe
from notifications.forms import PreferencesForm
from notifications.queries import letters_of
from notifications.rendering import Unrenderable
from notifications.rendering import render as render_letter
from notifications.unsubscribing import read_token

PER_PAGE = 20


@require_http_methods(["GET", "POST"])
@login_required
def my_letters(request: HttpRequest) -> HttpResponse:
    """How the reader is told of what, and the ways that reach them."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        return render(request, "notifications/my_letters.html", {"reader": None})
    form = PreferencesForm(reader, request.POST if request.method == "POST" else None)
    if form.is_valid():
        choose(reader=reader, choices=form.choices(), by=request.user, now=timezone.now())
        messages.success(request, _("Your choice of letters is kept."))
        return redirect("my_letters")
    panels = [
        {"template": channel.panel, name: channel.panel_context(reader)}
        for name, channel in channels().items()
        if channel.panel
    ]
    context = {"reader": reader, "form": form, "panels": panels, "bounce": bounce_of(reader)}
    return render(request, "notifications/my_letters.html", context)


@require_safe
@login_required
def my_sent_letters(request: HttpRequest) -> HttpResponse:
    """What the library has written to the reader, newest first."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        return render(request, "notifications/my_letters.html", {"reader": None})
    page = Paginator(letters_of(reader), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "notifications/my_sent_letters.html", {"reader": reader, "page": page})


@require_safe
@login_required
def my_sent_letter(request: HttpRequest, uid: str) -> HttpResponse:
    """One letter in full."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    letter = letters_of(reader).filter(uid=uid).first() if reader else None
    if letter is None:
        raise Http404
    try:
        rendered = render_letter(letter)
    except Unrenderable:
        rendered = None
    return render(request, "notifications/my_sent_letter.html", {"letter": letter, "rendered": rendered})


@csrf_exempt  # mail programs post here by themselves (RFC 8058); the signed link is what counts
@require_http_methods(["GET", "POST"])
def unsubscribe_view(request: HttpRequest, token: str) -> HttpResponse:
    """Switch the kind of a letter off, by the link it carried: asked first on a page, at once by a mail program."""
    try:
        reader, event = read_token(token)
    except signing.BadSignature as error:
        raise Http404 from error
    if request.method == "POST":
        unsubscribe(reader=reader, event=event, now=timezone.now())
    context = {"event": capfirst(event.label), "is_done": request.method == "POST", "token": token}
    return render(request, "notifications/unsubscribe.html", context)
