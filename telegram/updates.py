"""What Telegram tells the bot, as typed data: whatever does not look like it should is nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("message", "callback_query", "my_chat_member")
"""What the bot asks to be told of."""
MAX_TEXT = 300
"""Characters of a message that are looked at."""
MAX_PHOTO_SIDE = 1600
"""Of the sizes of a photo, the largest up to this one is fetched: barcodes need no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody wrote, or sent a photo."""

    chat_id: int
    language: str
    """As the person's Telegram says, `ru` or `en-GB`; may be empty."""
    text: str
    photo: str = ""
    """File to fetch; empty: no photo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapped:
    """Somebody tapped a button under a message of the bot's."""

    tap_id: str
    chat_id: int
    message_id: int
    language: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Somebody blocked the bot, or let it in again."""

    chat_id: int
    is_blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Somebody wrote to the bot where others read along."""

    chat_id: int


Happening = Said | Tapped | Blocked | Elsewhere


def read(update: Any) -> tuple[int, Happening] | None:
    """The number of an update and what happened; None: nothing that the bot knows."""
    try:
        number = update["update_id"]
        happening = _read(update)
    except (KeyError, TypeError, AttributeError, IndexError):
        return None
    return (number, happening) if isinstance(number, int) and happening else None


def _read(update: Mapping[str, Any]) -> Happening | None:
    if message := update.get("message"):
        chat_id = _number(message["chat"]["id"])
        if message["chat"]["type"] != "private":
            return Elsewhere(chat_id=chat_id) if str(message.get("text", "")).startswith("/start") else None
        text = str(message.get("text") or message.get("caption") or "").replace("\0", "")[:MAX_TEXT].strip()
        language = str(message["from"].get("language_code", ""))
        return Said(chat_id=chat_id, language=language, text=text, photo=_photo(message))
    if tap := update.get("callback_query"):
        message = tap["message"]
        if message["chat"]["type"] != "private":
            return None
        return Tapped(
            tap_id=str(tap["id"])[:64],
            chat_id=_number(message["chat"]["id"]),
            message_id=_number(message["message_id"]),
            language=str(tap["from"].get("language_code", "")),
            data=str(tap.get("data", ""))[:64],
        )
    if change := update.get("my_chat_member"):
        if change["chat"]["type"] != "private":
            return None
        state = change["new_chat_member"]["status"]
        return Blocked(chat_id=_number(change["chat"]["id"]), is_blocked=state in ("kicked", "left"))
    return None


def _photo(message: Mapping[str, Any]) -> str:
    """The file of a photo: of its sizes, the largest that is no larger than needed; or a picture sent as a file."""
    if sizes := message.get("photo"):
        fitting = [size for size in sizes if max(_number(size["width"]), _number(size["height"])) <= MAX_PHOTO_SIDE]
        chosen = max(fitting or sizes[:1], key=lambda size: size["width"] * size["height"])
        return str(chosen["file_id"])
    document = message.get("document") or {}
    return str(document["file_id"]) if str(document.get("mime_type", "")).startswith("image/") else ""


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise TypeError(value)
    return value
