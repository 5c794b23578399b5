"""Letters as text messages, through whatever gateway takes them by HTTP: its request is described by settings."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx
from django.conf import settings

from accounts.models import Reader
from notifications.channels.base import Channel, Refused, SlowDown, Unreachable
from notifications.models import Letter
from notifications.rendering import Rendered

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The alphabet of text messages (GSM 03.38): a letter is seven bits."""
GSM_DOUBLE = frozenset("^{}\\[~]|€")
"""Those that take two places of it."""
MAX_ANSWER = 64 * 1024


class SmsChannel(Channel):
    """To the reader's telephone; each message costs money, so it is as short as can be."""

    name = Letter.Channel.SMS
    is_costly = True
    of_use_for = timedelta(days=1)

    def __init__(self) -> None:
        self.rate = settings.SMS_PER_MINUTE
        self._http: httpx.Client | None = None

    @classmethod
    def is_on(cls) -> bool:
        return bool(settings.SMS_URL)

    def addresses(self, readers: Collection[Reader]) -> dict[int, str]:
        numbers = {reader.pk: international(reader.phone) for reader in readers}
        return {pk: number for pk, number in numbers.items() if number}

    def open(self) -> None:
        self._http = self._http or httpx.Client(timeout=settings.SMS_TIMEOUT, follow_redirects=False)

    def close(self) -> None:
        if self._http:
            self._http.close()
            self._http = None

    def send(self, letter: Letter, rendered: Rendered) -> None:
        assert self._http is not None
        text = cut(rendered.short, parts=settings.SMS_MOST_PARTS)
        given = {"to": letter.address, "digits": letter.address.lstrip("+"), "text": text, "id": str(letter.uid)}
        try:
            with self._http.stream(**request(given)) as answer:
                content = next(answer.iter_bytes(MAX_ANSWER), b"")
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from None  # its words may name the address, and a secret in it
        _judge(answer, content.decode(errors="replace"))


def request(given: Mapping[str, str]) -> dict[str, Any]:
    """The gateway's request as httpx takes it: {to}, {digits}, {text} and {id} put where the settings have them."""
    parts = urlsplit(settings.SMS_URL)
    query = [(name, _put(value, given)) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    asked: dict[str, Any] = {
        "method": settings.SMS_METHOD,
        "url": urlunsplit(parts._replace(query="")),
        "headers": settings.SMS_HEADERS,
        "params": query,
    }
    if settings.SMS_BODY:
        try:
            asked["json"] = _put(json.loads(settings.SMS_BODY), given)
        except ValueError:
            asked["data"] = {
                name: _put(value, given) for name, value in parse_qsl(settings.SMS_BODY, keep_blank_values=True)
            }
    return asked


def international(phone: str) -> str:
    """A telephone number as gateways want it (E.164): «8 (912) 345-67-89» -> +79123456789; empty: it is none.

    Numbers without a country are of SMS_COUNTRY_CODE.
    """
    digits = "".join(letter for letter in phone if letter in "0123456789")
    code = settings.SMS_COUNTRY_CODE
    if not phone.strip().startswith("+"):
        if digits.startswith("00"):
            digits = digits[2:]
        elif code == "7" and len(digits) == 11 and digits[0] in "78":
            digits = code + digits[1:]
        elif digits:
            digits = code + digits.removeprefix("0")
    return f"+{digits}" if 10 <= len(digits) <= 15 and not digits.startswith("0") else ""


def cut(text: str, *, parts: int) -> str:
    """As much of a text as so many messages hold: 160 letters in one, 153 in each of several; of Cyrillic 70 and 67."""
    text = " ".join(text.split())
    if size(text) <= room(text, parts):
        return text
    while size(text + "…") > room(text + "…", parts):
        text = text[:-1].rstrip()
    return text + "…"


def size(text: str) -> int:
    """The places that a text takes, of the alphabet that it needs."""
    if all(letter in GSM or letter in GSM_DOUBLE for letter in text):
        return len(text) + sum(letter in GSM_DOUBLE for letter in text)
    return len(text.encode("utf-16-le")) // 2


def room(text: str, parts: int) -> int:
    """The places that so many messages have, in the alphabet that a text needs."""
    is_gsm = all(letter in GSM or letter in GSM_DOUBLE for letter in text)
    one, each = (160, 153) if is_gsm else (70, 67)
    return one if parts == 1 else each * parts


def _put(value: Any, given: Mapping[str, str]) -> Any:
    """The value with every {name} replaced, in strings at any depth."""
    if isinstance(value, str):
        return re.sub(r"\{(to|digits|text|id)\}", lambda match: given[match[1]], value)
    if isinstance(value, list):
        return [_put(part, given) for part in value]
    if isinstance(value, dict):
        return {name: _put(part, given) for name, part in value.items()}
    return value


def _judge(answer: httpx.Response, content: str) -> None:
    """Whether the gateway took the message. Raises what a channel raises, ValueError for «try again later»."""
    told = f"{answer.status_code} {content[:200]}"
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        seconds = answer.headers.get("retry-after", "")
        raise SlowDown(timedelta(seconds=int(seconds) if seconds.isascii() and seconds.isdigit() else 60))
    if status in (401, 402, 403, 404) or status >= 500:
        raise Unreachable(told)
    is_taken = answer.is_success and (not settings.SMS_TAKEN or re.search(settings.SMS_TAKEN, content))
    if is_taken:
        return
    if 400 <= status < 500 or (settings.SMS_REFUSED and re.search(settings.SMS_REFUSED, content)):
        raise Refused(told)
    raise ValueError(told)
