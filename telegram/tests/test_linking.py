"""Linking a chat: page, deep link and QR code, both doors of the bot, unlinking."""

import json
from base64 import b64decode
from datetime import timedelta

import pytest
import zxingcpp
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.tests.factories import UserFactory
from library.core.models import AuditEntry
from telegram import linking, polling
from telegram.client import bot
from telegram.models import Chat, LinkCode
from telegram.tests.conftest import NOW

pytestmark = pytest.mark.django_db


def code_of(user):
    return linking.issue_code(user=user, now=NOW)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_a_chat_is_linked_by_the_link_or_the_code_on_the_page(telegram, hear, anna, tmp_path):
    Chat.objects.all().delete()
    client = signed_in(anna.user)
    assert "Link my Telegram" in client.get("/my/telegram/", headers={"accept-language": "en"}).text
    page = client.post("/my/telegram/link/")
    address = page.context["address"]
    assert address.startswith("https://t.me/town_library_bot?start=")
    assert page["Cache-Control"].startswith("max-age=0")
    svg = b64decode(page.context["picture"].removeprefix("data:image/svg+xml;base64,")).decode()
    assert svg.count("<path") == 1
    assert svg == zxingcpp.create_barcode(address, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_svg()
    code = address.partition("start=")[2]
    hear(telegram.says(f"/start {code}"))
    assert telegram.text().startswith("Hello, ")
    assert telegram.last()["reply_markup"]["keyboard"][0][0]["text"] == "My loans"
    assert Chat.objects.get().user == anna.user
    assert not LinkCode.objects.exists()
    assert AuditEntry.objects.filter(action="telegram.link", actor=anna.user).count() == 1
    hear(telegram.says(f"/start {code}", chat=502, language="en"))
    assert telegram.text(502).startswith("This link is no longer good.")
    assert Chat.objects.count() == 1


def test_a_code_is_good_for_a_quarter_of_an_hour_and_only_the_last_one(telegram, hear, db, clock):
    user = UserFactory()
    former, code = code_of(user), code_of(user)
    assert linking.user_of_code(former, now=NOW) is None
    assert linking.user_of_code(code, now=NOW + timedelta(minutes=14, seconds=59)) == user
    assert linking.link(code=code, chat_id=1, now=NOW + timedelta(minutes=15)) is None
    assert code not in str(LinkCode.objects.values())


def test_a_chat_of_somebody_else_is_linked_anew_only_after_asking(telegram, hear, anna):
    brother = UserFactory(full_name="Борис", language="en")
    hear(telegram.says(f"/start {code_of(brother)}"))
    assert Chat.objects.get().user == anna.user
    assert telegram.text() == f"This chat is linked to {anna.user.full_name}. Link it to another account instead?"
    hear(telegram.taps("Yes, link it"))
    assert Chat.objects.get().user == brother
    assert telegram.text().startswith("Hello, Борис!")
    hear(telegram.says("/loans"))
    assert telegram.text() == "Your account has no library card. Ask for one at any desk of the library."


def test_stop_and_the_page_unlink(telegram, hear, anna):
    hear(telegram.says("/stop"))
    assert not Chat.objects.exists()
    assert telegram.text().startswith("This chat is no longer linked to your account.")
    Chat.objects.create(user=anna.user, chat_id=501, linked_at=NOW)
    assert signed_in(anna.user).post("/my/telegram/unlink/").status_code == 302
    assert not Chat.objects.exists()
    Chat.objects.create(user=anna.user, chat_id=501, linked_at=NOW)
    anna.user.is_active = False
    anna.user.save()
    hear(telegram.says("/loans", language="en"))
    assert telegram.text().startswith("I do not know who you are yet.")


def test_the_webhook_takes_updates_from_whoever_knows_the_secret(telegram, settings, anna):
    settings.TELEGRAM_WEBHOOK_SECRET = "s-e_c-r_e-t"
    call_command("telegram_webhook")
    assert telegram.webhook["url"] == "https://library.example/telegram/webhook/"
    assert telegram.webhook["secret_token"] == "s-e_c-r_e-t"
    telegram.messages.clear()
    client = Client(enforce_csrf_checks=True)

    def post(body, secret=settings.TELEGRAM_WEBHOOK_SECRET):
        headers = {"x-telegram-bot-api-secret-token": secret} if secret else {}
        return client.post("/telegram/webhook/", body, content_type="application/json", headers=headers).status_code

    update = json.dumps(telegram.says("/help"))
    assert [post(update, secret="wrong"), post(update, secret=None), post("{"), post(b"x" * 300_000)] == [
        404,
        404,
        400,
        413,
    ]
    assert telegram.messages == {}
    assert [post(update), post(update), post("[]")] == [200, 200, 200]
    assert len(telegram.messages) == 1
    settings.TELEGRAM_WEBHOOK_SECRET = ""
    assert post(update, secret="") == 404
    with pytest.raises(CommandError, match="TELEGRAM_WEBHOOK_SECRET"):
        call_command("telegram_webhook")


def test_long_polling_deals_with_each_update_once_and_survives_trouble(telegram, settings, anna, monkeypatch):
    pauses = []
    monkeypatch.setattr("telegram.polling.time.sleep", pauses.append)
    asking = polling.Polling(bot())
    telegram.says("/help")
    telegram.says("/hours")
    assert asking.step(wait=0) == 2
    assert asking.step(wait=0) == 0
    assert len(telegram.messages) == 2
    telegram.webhook = {"url": "https://elsewhere"}
    asking.step(wait=0)
    asking.step(wait=0)
    assert pauses == [1, 2]
    telegram.webhook = None
    telegram.says("/help")
    asking._is_told_to_stop = True
    with pytest.raises(SystemExit):
        asking.step(wait=0)


def test_no_error_and_no_log_names_the_token(telegram, settings, anna, caplog):
    settings.TELEGRAM_API_URL = "http://127.0.0.1:1"
    polling.deal_with(telegram.says("/help"), bot=bot(), now=NOW)
    with pytest.raises(CommandError) as caught:
        call_command("telegram_webhook", "--delete")
    assert settings.TELEGRAM_BOT_TOKEN not in f"{caught.value} {caplog.text}"
