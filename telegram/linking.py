"""Linking a chat to whoever signs in, and taking the link away again."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from library.core import audit
from library.core.transactions import one_commit
from telegram.models import Chat, LinkCode

GOOD_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A chat that speaks for a user from now on."""

    chat: Chat
    former_chat_id: int | None
    """The user's chat of before, which no longer does."""


def is_on() -> bool:
    """Whether this library has a bot that readers can find."""
    return bool(settings.TELEGRAM_BOT_TOKEN and settings.TELEGRAM_BOT_NAME)


def issue_code(*, user: User, now: datetime) -> str:
    """A code for the deep link, 32 letters, digits, - and _; one issued before is good no longer."""
    code = secrets.token_urlsafe(24)
    LinkCode.objects.update_or_create(user=user, defaults={"digest": _digest(code), "expires_at": now + GOOD_FOR})
    return code


def deep_link(code: str) -> str:
    """The address that opens the chat with the bot and hands it the code."""
    return f"https://t.me/{settings.TELEGRAM_BOT_NAME}?start={code}"


def user_of_code(code: str, *, now: datetime) -> User | None:
    """Whom the code is for; None: it is unknown, used or too old. Nothing is used up."""
    found = _good(code, now).select_related("user").first()
    return found.user if found else None


def link(*, code: str, chat_id: int, now: datetime) -> Linked | None:
    """Use a code up: the chat speaks for its user and for nobody else, and no other chat does. None: as above.

    Raises Busy.
    """
    with one_commit():
        found = _good(code, now).select_related("user").select_for_update(of=("self",)).first()
        if found is None:
            return None
        user = found.user
        found.delete()
        former = Chat.objects.filter(user=user).exclude(chat_id=chat_id).values_list("chat_id", flat=True).first()
        Chat.objects.filter(chat_id=chat_id).exclude(user=user).delete()
        chat, _is_new = Chat.objects.update_or_create(
            user=user, defaults={"chat_id": chat_id, "linked_at": now, "blocked_at": None}
        )
        audit.record(action="telegram.link", subject=user, by=user, now=now)
    return Linked(chat=chat, former_chat_id=former)


def unlink(*, user: User, now: datetime) -> bool:
    """The user's chat speaks for nobody from now on, and their code is void; False: there was no chat."""
    with one_commit():
        LinkCode.objects.filter(user=user).delete()
        deleted, _by_model = Chat.objects.filter(user=user).delete()
        if deleted:
            audit.record(action="telegram.unlink", subject=user, by=user, now=now)
    return bool(deleted)


def note_block(*, chat_id: int, now: datetime | None) -> None:
    """Remember that the person blocked the bot at `now`; None: that they let it in again."""
    if now is None:
        Chat.objects.filter(chat_id=chat_id, blocked_at__isnull=False).update(blocked_at=None)
    else:
        Chat.objects.filter(chat_id=chat_id, blocked_at__isnull=True).update(blocked_at=now)


def _good(code: str, now: datetime) -> QuerySet[LinkCode]:
    return LinkCode.objects.filter(digest=_digest(code), expires_at__gt=now, user__is_active=True)


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
