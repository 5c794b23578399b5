"""Telling Telegram about the bot: its commands in every language, and where updates go."""

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from telegram.client import BotApi
from telegram.conversation import COMMANDS
from telegram.updates import KINDS


def present(bot: BotApi) -> str:
    """Check the token and give the bot's menu its words; the name of the bot. Raises TelegramError."""
    name = str(bot.me()["username"])
    for language, _label in settings.LANGUAGES:
        with translation.override(language):
            listed = [{"command": command, "description": str(label)} for command, label in COMMANDS]
        bot.call("setMyCommands", commands=listed, language_code=language)
        if language == settings.LANGUAGE_CODE:
            bot.call("setMyCommands", commands=listed)
    return name


def set_webhook(bot: BotApi) -> str:
    """Let Telegram send updates to the library; the address. Raises TelegramError."""
    address = f"{settings.LIBRARY_URL}{reverse('telegram_webhook')}"
    secret = settings.TELEGRAM_WEBHOOK_SECRET
    bot.call("setWebhook", url=address, secret_token=secret, allowed_updates=list(KINDS), max_connections=4)
    return address


def delete_webhook(bot: BotApi) -> None:
    """Let Telegram keep updates until they are asked for. Raises TelegramError."""
    bot.call("deleteWebhook")
