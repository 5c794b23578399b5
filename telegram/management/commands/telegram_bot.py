"""`manage.py telegram_bot`: the bot by long polling, as a process of its own."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from telegram.client import Declined, TelegramError, bot
from telegram.polling import Polling
from telegram.setup import delete_webhook, present


class Command(BaseCommand):
    """Asks Telegram for updates until stopped."""

    help = "Run the Telegram bot by long polling. Needs TELEGRAM_BOT_TOKEN; removes a webhook that was set."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TELEGRAM_BOT_TOKEN:
            raise CommandError(_("TELEGRAM_BOT_TOKEN is not set: there is no bot to run."))
        api = bot()
        try:
            name = present(api)
            delete_webhook(api)
        except Declined as error:
            raise CommandError(_("Telegram refuses the token: %(error)s.") % {"error": error}) from error
        except TelegramError as error:
            self.stderr.write(_("Telegram cannot be reached yet: %(error)s.") % {"error": error})
        else:
            self.stdout.write(_("@%(name)s is answering.") % {"name": name})
            if name != settings.TELEGRAM_BOT_NAME:
                self.stderr.write(_("TELEGRAM_BOT_NAME should be %(name)s: readers look for it.") % {"name": name})
        Polling(api).run()
