"""Telegram as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TelegramConfig(AppConfig):
    """The bot: what readers and staff do with the library from a chat, and the letters that reach them there."""

    name = "telegram"
    verbose_name = _("Telegram")
