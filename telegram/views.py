"""The page on which a chat is linked, and the webhook by which Telegram tells of updates."""

import json
from base64 import b64encode

import zxingcpp
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from telegram import linking
from telegram.client import bot
from telegram.conversation import deal_with
from telegram.models import Chat

MAX_UPDATE = 256 * 1024
"""Bytes of an update: text, and names of files."""


@require_safe
@never_cache
@login_required
def my_telegram(request: HttpRequest) -> HttpResponse:
    """Whether the user's chat is linked, with the way to link or unlink it."""
    return _page(request)


@require_POST
@never_cache
@login_required
def link_chat(request: HttpRequest) -> HttpResponse:
    """A new link, as a button and as a QR code, on the page itself: it is a secret, and good for some minutes."""
    if not linking.is_on():
        raise Http404
    assert isinstance(request.user, User)
    address = linking.deep_link(linking.issue_code(user=request.user, now=timezone.now()))
    return _page(request, address=address, picture=_qr(address))


@require_POST
@login_required
def unlink_chat(request: HttpRequest) -> HttpResponse:
    """From now on the chat speaks for nobody."""
    assert isinstance(request.user, User)
    if linking.unlink(user=request.user, now=timezone.now()):
        messages.success(request, _("The chat is no longer linked. Nothing of yours is told there any more."))
    return redirect("my_telegram")


@csrf_exempt
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """An update, from whoever knows the secret that Telegram was given; all others find nothing here.

    Telegram repeats what is not answered with 200. A repetition is harmless, but what failed once fails again: so every
    update that could be read is taken.
    """
    secret = settings.TELEGRAM_WEBHOOK_SECRET
    given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
    if not (secret and settings.TELEGRAM_BOT_TOKEN and constant_time_compare(given, secret)):
        raise Http404
    if int(request.headers.get("Content-Length") or 0) > MAX_UPDATE:
        return HttpResponse(status=413)
    try:
        update = json.loads(request.body)
    except ValueError:
        return HttpResponse(status=400)
    deal_with(update, bot=bot(), now=timezone.now())
    return HttpResponse()


def _page(request: HttpRequest, **link: str) -> HttpResponse:
    chat = Chat.objects.filter(user=request.user).first()  # type: ignore[misc] # behind login_required
    context = {"is_on": linking.is_on(), "chat": chat, "bot": settings.TELEGRAM_BOT_NAME, **link}
    context["minutes"] = int(linking.GOOD_FOR.total_seconds() // 60)
    return render(request, "telegram/my_telegram.html", context)


def _qr(text: str) -> str:
    """A QR code as the address of a picture."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return "data:image/svg+xml;base64," + b64encode(code.to_svg().encode()).decode()
