"""Telegram for the tests: a local server that speaks its Bot API, and people who write to the bot."""

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache

from accounts.tests.factories import ReaderFactory
from policies.tests.factories import BranchFactory, DefaultRuleFactory
from telegram.client import bot
from telegram.conversation import deal_with
from telegram.models import Chat
from telegram.tests.server import TOKEN, BotServer

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def bot_server():
    server = BotServer()
    yield server
    server.stop()


@pytest.fixture
def telegram(bot_server, settings):
    """The server as the library's Telegram, with nothing said yet."""
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_BOT_NAME = TOKEN, "town_library_bot"
    settings.TELEGRAM_API_URL = bot_server.url
    settings.LIBRARY_URL, settings.LIBRARY_NAME = "https://library.example", "Городская библиотека"
    for kept in (bot_server.sent, bot_server.messages, bot_server.waiting, bot_server.files, bot_server.failures):
        kept.clear()
    bot_server.blocked.clear()
    bot_server.webhook = None
    cache.clear()
    return bot_server


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def hear():
    """Deal with an update at NOW, as both doors do."""
    return lambda update, now=NOW: deal_with(update, bot=bot(), now=now)


@pytest.fixture
def anna(db, clock):
    """A reader of the main branch who is linked to chat 501."""
    main = BranchFactory(name="Центральная", code="main")
    DefaultRuleFactory()
    anna = ReaderFactory(full_name="Анна Ким", signs_in=True, home_branch=main, language="en")
    Chat.objects.create(user=anna.user, chat_id=501, linked_at=NOW)
    return anna
