"""Who is at the other end of a chat."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts.models import Reader, User
from accounts.queries import reader_of
from telegram.models import Chat

LIKE_RUSSIAN = ("ru", "uk", "be", "kk", "ky", "uz", "tg", "tt")
"""Languages of Telegram whose speakers, as strangers to the library, are answered in Russian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody in a private chat, at an instant."""

    chat_id: int
    user: User | None
    """Whom the chat is linked to and who may sign in; None: a stranger, who is told nothing about anybody."""
    reader: Reader | None
    """Their card; None for strangers, and for staff without one."""
    language: str
    now: datetime

    @property
    def is_staff(self) -> bool:
        """Whether they may be shown copies as staff see them."""
        return self.user is not None and self.user.is_staff and self.user.has_perm("catalog.view_copy")


def person_in(chat_id: int, *, language: str, now: datetime) -> Person:
    """Who writes from a chat; `language` is what their Telegram says. Two queries."""
    chat = Chat.objects.select_related("user").filter(chat_id=chat_id, user__is_active=True).first()
    user = chat.user if chat else None
    reader = reader_of(user) if user else None
    spoken = reader.language if reader else user.language if user else _spoken(language)
    return Person(chat_id=chat_id, user=user, reader=reader, language=spoken, now=now)


def _spoken(language: str) -> str:
    code = language.lower().partition("-")[0]
    if not code:
        return str(settings.LANGUAGE_CODE)
    return "ru" if code in LIKE_RUSSIAN else "en"
