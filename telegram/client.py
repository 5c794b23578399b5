"""The Bot API of Telegram over httpx: the few methods that the library calls, with bounds on time and size.

https://core.telegram.org/bots/api. Every call is a POST of JSON, every answer {"ok": …, "result": …}.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import httpx
from django.conf import settings

MAX_ANSWER = 2 * 1024 * 1024
"""Bytes of an answer: a hundred updates are far smaller."""
MAX_PHOTO = 10 * 1024 * 1024
TIMEOUT = 10.0
"""Seconds that one call may take to connect, and that the server may keep silent."""


class TelegramError(Exception):
    """Telegram did not do what was asked."""


class Unanswered(TelegramError):
    """Nobody answered, or with something that is no answer: trying again later may help."""


class TooMany(TelegramError):
    """429: Telegram asks for a pause of `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Telegram asks to wait {seconds} s")
        self.seconds = seconds


class Declined(TelegramError):
    """Telegram refused this very call for good; `code` is that of HTTP: 403 is a person who blocked the bot."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description

    @property
    def is_blocked(self) -> bool:
        """Whether nothing reaches this chat any more: the bot is blocked, or the account is gone."""
        return self.code == httpx.codes.FORBIDDEN or "chat not found" in self.description


class BotApi:
    """The bot as Telegram knows it. Threads may share one: the connections are pooled."""

    def __init__(self, *, token: str, url: str) -> None:
        self._base, self._files = f"{url}/bot{token}", f"{url}/file/bot{token}"
        self._http = httpx.Client(timeout=TIMEOUT, follow_redirects=False)

    def call(self, method: str, *, wait: float = 0, **parameters: Any) -> Any:
        """The result of a method; `wait`: seconds that Telegram may hold the call. Raises TelegramError."""
        given = {name: value for name, value in parameters.items() if value is not None}
        timeout = httpx.Timeout(TIMEOUT, read=TIMEOUT + wait)
        status, content = self._exchange("POST", f"{self._base}/{method}", MAX_ANSWER, json=given, timeout=timeout)
        try:
            answer = json.loads(content)
            is_ok, result = answer["ok"], answer.get("result")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Unanswered(f"{method}: no answer of the Bot API, status {status}") from error
        if is_ok is True:
            return result
        raise _refusal(answer, status)

    def me(self) -> Mapping[str, Any]:
        """The bot itself: `username` and so on."""
        result: Mapping[str, Any] = self.call("getMe")
        return result

    def updates(self, *, offset: int | None, wait: int, kinds: Sequence[str]) -> list[Mapping[str, Any]]:
        """What happened since; `offset` is one more than the last update that was dealt with."""
        result: list[Mapping[str, Any]] = self.call(
            "getUpdates", wait=wait, offset=offset, timeout=wait, allowed_updates=list(kinds)
        )
        return result

    def send(self, chat_id: int, text: str, *, markup: Mapping[str, Any] | None = None) -> None:
        """Send a message of Telegram's HTML, at most 4096 characters without the tags."""
        self.call("sendMessage", chat_id=chat_id, text=text, reply_markup=markup, **_FORM)

    def edit(self, chat_id: int, message_id: int, text: str, *, markup: Mapping[str, Any] | None = None) -> None:
        """Put other words and buttons into a message of the bot's; no difference is no error."""
        try:
            self.call(
                "editMessageText", chat_id=chat_id, message_id=message_id, text=text, reply_markup=markup, **_FORM
            )
        except Declined as error:
            if "not modified" not in error.description:
                raise

    def acknowledge(self, tap_id: str, text: str = "", *, is_alert: bool = False) -> None:
        """End the waiting of a button that was tapped; `text`, up to 200 characters, is shown over the chat."""
        self.call("answerCallbackQuery", callback_query_id=tap_id, text=text[:200], show_alert=is_alert)

    def photo(self, file_id: str) -> bytes:
        """What a photo or file holds, of `MAX_PHOTO` bytes at most."""
        path = self.call("getFile", file_id=file_id).get("file_path")
        if not isinstance(path, str) or ".." in path:
            raise Unanswered("getFile: no path")
        status, content = self._exchange("GET", f"{self._files}/{path}", MAX_PHOTO)
        if status != httpx.codes.OK:
            raise Unanswered(f"file: status {status}")
        return content

    def _exchange(self, verb: str, url: str, limit: int, **options: Any) -> tuple[int, bytes]:
        """Status and body, which is read up to `limit`. No error names the address: the token is in it."""
        try:
            with self._http.stream(verb, url, **options) as response:
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > limit:
                        raise Unanswered("the answer is too long")
                return response.status_code, bytes(content)
        except httpx.HTTPError as error:
            raise Unanswered(type(error).__name__) from None


def bot() -> BotApi:
    """The library's bot, by the settings; one for the process."""
    return _bot(settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_API_URL)


@lru_cache(maxsize=4)
def _bot(token: str, url: str) -> BotApi:
    return BotApi(token=token, url=url)


_FORM: Mapping[str, Any] = {"parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}


def _refusal(answer: Mapping[str, Any], status: int) -> TelegramError:
    code = answer.get("error_code")
    code = code if isinstance(code, int) else status
    description = str(answer.get("description", ""))[:300]
    if code == httpx.codes.TOO_MANY_REQUESTS:
        seconds = (answer.get("parameters") or {}).get("retry_after")
        return TooMany(seconds if isinstance(seconds, int) and seconds > 0 else 1)
    if code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Unanswered(f"{code} {description}")
    return Declined(code, description)
