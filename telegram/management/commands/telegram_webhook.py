"""`manage.py telegram_webhook`: let Telegram send updates to the site, or no longer."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from telegram.client import TelegramError, bot
from telegram.setup import delete_webhook, present, set_webhook


class Command(BaseCommand):
    """Sets or deletes the webhook."""

    help = "Let Telegram send updates to LIBRARY_URL, instead of `telegram_bot` asking for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--delete", action="store_true", help="Let Telegram keep updates until they are asked for.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TELEGRAM_BOT_TOKEN:
            raise CommandError(_("TELEGRAM_BOT_TOKEN is not set: there is no bot to run."))
        if not (options["delete"] or settings.TELEGRAM_WEBHOOK_SECRET):
            raise CommandError(_("TELEGRAM_WEBHOOK_SECRET is not set: anybody could send updates."))
        try:
            if options["delete"]:
                delete_webhook(bot())
                self.stdout.write(_("The webhook is deleted."))
                return
            name = present(bot())
            address = set_webhook(bot())
        except TelegramError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("Telegram sends what happens to @%(name)s to %(url)s.") % {"name": name, "url": address})
