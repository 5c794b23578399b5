"""What the bot says: text with buttons, within the bounds of Telegram."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from re import sub
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

LONGEST = 4000
"""Characters of a message, a little below Telegram's 4096."""
LONGEST_BUTTON = 40
MOST_DATA = 64
"""Bytes that a button may carry."""


@dataclass(frozen=True, slots=True)
class Button:
    """Does something (`data`, parts joined by colons) or opens a page (`url`)."""

    text: str
    data: str = ""
    url: str = ""

    def as_json(self) -> dict[str, str]:
        """As the Bot API wants it."""
        if self.url:
            return {"text": shortened(self.text), "url": self.url}
        if not 0 < len(self.data.encode()) <= MOST_DATA:
            raise ValueError(f"A button cannot carry {self.data!r}")
        return {"text": shortened(self.text), "callback_data": self.data}


@dataclass(frozen=True, slots=True)
class Reply:
    """A message of Telegram's HTML, and rows of buttons under it."""

    text: str
    buttons: Sequence[Sequence[Button]] = ()
    menu: Sequence[Sequence[str]] = ()
    """Rows of the keyboard that stays below the chat; only a new message may bring one."""
    toast: str = ""
    """Where a button was tapped: what is shown over the chat for a moment."""
    is_new: bool = field(default=False, kw_only=True)
    """Where a button was tapped: a message of its own instead of other words in the one with the button."""

    @property
    def markup(self) -> dict[str, Any] | None:
        """The buttons or the menu as the Bot API wants them."""
        if self.buttons:
            return {"inline_keyboard": [[button.as_json() for button in row] for row in self.buttons]}
        if self.menu:
            return {
                "keyboard": [[{"text": text} for text in row] for row in self.menu],
                "resize_keyboard": True,
                "is_persistent": True,
            }
        return None


def on_site(path: str, *, words: str = "") -> list[list[Button]]:
    """A row with a button that opens a page of the library; none where only this machine could open it.

    Telegram refuses a message with such a button.
    """
    host = urlsplit(settings.LIBRARY_URL).hostname or ""
    if "." not in host or host.startswith("127."):
        return []
    return [[Button(words or _("Open on the site"), url=settings.LIBRARY_URL + path)]]


def joined(parts: Sequence[str], *, more: str = "") -> str:
    """Paragraphs, a blank line between each, as many as a message holds; `more` tells that some were left out."""
    kept: list[str] = []
    left = LONGEST - length(more) - 2
    for part in parts:
        left -= length(part) + 2
        if left < 0:
            return "\n\n".join([*kept, more] if more else kept)
        kept.append(part)
    return "\n\n".join(kept)


def length(text: str) -> int:
    """Characters as Telegram counts them: without tags, entities as what they stand for, in units of UTF-16."""
    return len(unescape(sub(r"<[^>]*>", "", text)).encode("utf-16-le")) // 2


def bold(text: object) -> str:
    """Words that stand out."""
    return f"<b>{escape(shortened(str(text), 200), quote=False)}</b>"


def plain(text: object, *, most: int = 600) -> str:
    """Words as they are, at most so many characters."""
    return escape(shortened(str(text), most), quote=False)


def shortened(text: str, most: int = LONGEST_BUTTON) -> str:
    """At most so many characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def short(uid: UUID) -> str:
    """A public id in 22 characters, for buttons."""
    return urlsafe_b64encode(uid.bytes).decode().rstrip("=")


def long(text: str) -> UUID | None:
    """The public id of `short`; None: it is none."""
    try:
        return UUID(bytes=urlsafe_b64decode(text + "=="))
    except ValueError:
        return None
