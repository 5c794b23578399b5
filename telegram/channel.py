"""Letters as messages of the bot."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import Reader
from notifications.channels.base import Channel, Refused, SlowDown, Unreachable
from notifications.models import Event, Letter
from notifications.rendering import Rendered
from telegram.client import Declined, TooMany, Unanswered, bot
from telegram.linking import note_block
from telegram.models import Chat
from telegram.replies import Button, Reply, bold, joined, plain

BUTTONS = {
    Event.DUE_SOON: "loans",
    Event.OVERDUE: "loans",
    Event.LOAN_REMINDER: "loans",
    Event.AUTO_RENEWAL_REFUSED: "loans",
}
"""Letters with a button to what the reader may do about them in the chat."""


class TelegramChannel(Channel):
    """To the linked chat of whoever signs in as the reader."""

    name = Letter.Channel.TELEGRAM
    panel = "telegram/panel.html"

    def __init__(self) -> None:
        self.rate = settings.TELEGRAM_PER_MINUTE

    @classmethod
    def is_on(cls) -> bool:
        return bool(settings.TELEGRAM_BOT_TOKEN)

    def addresses(self, readers: Collection[Reader]) -> dict[int, str]:
        by_user = {reader.user_id: reader.pk for reader in readers if reader.user_id}
        chats = Chat.objects.filter(user__in=list(by_user), user__is_active=True, blocked_at=None)
        return {by_user[user_id]: str(chat_id) for user_id, chat_id in chats.values_list("user", "chat_id")}

    def panel_context(self, reader: Reader) -> dict[str, Any]:
        return {"chat": Chat.objects.filter(user=reader.user_id).first() if reader.user_id else None}

    def send(self, letter: Letter, rendered: Rendered) -> None:
        chat_id = int(letter.address)
        try:
            bot().send(chat_id, _text(rendered), markup=_markup(letter))
        except TooMany as error:
            raise SlowDown(timedelta(seconds=error.seconds)) from error
        except Unanswered as error:
            raise Unreachable(str(error)) from error
        except Declined as error:
            if error.is_blocked:
                note_block(chat_id=chat_id, now=timezone.now())
            raise Refused(str(error)) from error


def _text(rendered: Rendered) -> str:
    """The subject, the message, and the page it is about."""
    return joined([bold(rendered.subject), plain(rendered.message.strip(), most=3000), plain(rendered.url)])


def _markup(letter: Letter) -> dict[str, Any] | None:
    """A button, in the language of the letter."""
    if letter.event not in BUTTONS:
        return None
    with translation.override(letter.language):
        button = Button(_("Show my loans"), BUTTONS[Event(letter.event)])
    return Reply("", [[button]]).markup
