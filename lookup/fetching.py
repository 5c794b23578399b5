"""GET with bounds: how long, how much, how often, and above all from where.

Nothing a user typed or a server said leads to a host that was not allowed beforehand: every address, also one that a
redirect names, passes the same check, and where private networks are closed the connection goes to the very address
that was checked, so that a name cannot mean something else a moment later.
"""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import httpx
from django.conf import settings

from library.core import addresses
from lookup.trouble import Trouble, Unavailable

Answer = TypeVar("Answer")

MOST_REDIRECTS = 5
LONGEST_PAUSE = 2.0
"""Seconds: a server that asks for more patience than this is tried again another day."""
_PASSING = frozenset({429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TROUBLED = {429: Trouble.RATE_LIMITED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far one question may go."""

    max_bytes: int
    hosts: tuple[str, ...] | None = None
    """Hosts, with a port where it is not the usual one, that may be asked; «.archive.org» stands for all hosts of the
    domain. None: any host that is on the public internet, or in a private network where settings allow it."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered: 200 with a body, or 404 without."""

    status: int
    content: bytes


def fetch(url: str, *, params: Mapping[str, str] | None = None, bounds: Bounds, headers: Mapping[str, str]) -> Page:
    """The answer to one question. Time-outs, 429 and 5xx are tried again, with growing pauses, within the deadline of
    `LOOKUP_DEADLINE` seconds. Raises Unavailable.
    """
    ends = time.monotonic() + settings.LOOKUP_DEADLINE
    asked = httpx.URL(url)
    asked = asked.copy_merge_params(params) if params else asked
    for attempt in range(settings.LOOKUP_ATTEMPTS):
        try:
            return _follow(asked, bounds=bounds, headers=headers, ends=ends)
        except Unavailable as failure:
            pause = _pause(failure, attempt)
            is_last = attempt + 1 == settings.LOOKUP_ATTEMPTS
            if is_last or pause is None or time.monotonic() + pause >= ends:
                raise
            time.sleep(pause)
    raise AssertionError("LOOKUP_ATTEMPTS is at least 1.")


def at_once(questions: Sequence[Callable[[], Answer]]) -> list[Answer | Unavailable]:
    """Ask all at the same time, each in a thread of its own; answers, or what went wrong, in the same order."""
    if not questions:
        return []
    with ThreadPoolExecutor(max_workers=len(questions)) as pool:
        waiting = [pool.submit(question) for question in questions]
        answers: list[Answer | Unavailable] = []
        for answer in waiting:
            try:
                answers.append(answer.result())
            except Unavailable as failure:
                answers.append(failure)
        return answers


def public_address(host: str, port: int) -> str:
    """An address of the host that everybody may know, of the older protocol where it has one: that works everywhere.

    Raises Unavailable for a host of a private network, unless `LOOKUP_PRIVATE_ADDRESSES`, and for an unknown one.
    """
    try:
        return addresses.address_of(host, port, may_be_private=settings.LOOKUP_PRIVATE_ADDRESSES)
    except addresses.Unknown as error:
        raise Unavailable(Trouble.UNREACHABLE) from error
    except addresses.Private as error:
        raise Unavailable(Trouble.FORBIDDEN_ADDRESS, host=host) from error


def _pause(failure: Unavailable, attempt: int) -> float | None:
    """Seconds until the next attempt; None: trying again is no use."""
    if failure.trouble is Trouble.FAILED and failure.data["status"] not in _PASSING:
        return None
    if failure.trouble not in (Trouble.TIMED_OUT, Trouble.RATE_LIMITED, Trouble.FAILED, Trouble.UNREACHABLE):
        return None
    asked_for = failure.data.get("retry_after", 0.0)
    return None if asked_for > LONGEST_PAUSE else max(asked_for, settings.LOOKUP_BACKOFF * 2**attempt)


def _follow(url: httpx.URL, *, bounds: Bounds, headers: Mapping[str, str], ends: float) -> Page:
    for _hop in range(MOST_REDIRECTS + 1):
        answer = _ask(url, bounds=bounds, headers=headers, ends=ends)
        if isinstance(answer, Page):
            return answer
        url = answer
    raise Unavailable(Trouble.FAILED, status=310)


def _ask(url: httpx.URL, *, bounds: Bounds, headers: Mapping[str, str], ends: float) -> Page | httpx.URL:
    """One request: a page, or where to look instead."""
    target, extra = _checked(url, bounds)
    sent = {"User-Agent": settings.LOOKUP_USER_AGENT, "Accept-Encoding": "gzip", **headers, **extra["headers"]}
    seconds = min(settings.LOOKUP_TIMEOUT, max(ends - time.monotonic(), 0.1))
    try:
        with (
            httpx.Client(verify=_trust(), timeout=seconds, follow_redirects=False) as client,
            client.stream("GET", target, headers=sent, extensions=extra["extensions"]) as answer,
        ):
            if answer.status_code in _REDIRECTS and "location" in answer.headers:
                return url.join(answer.headers["location"])
            if answer.status_code == 404:
                return Page(404, b"")
            if answer.status_code != 200:
                raise _refusal(answer)
            return Page(200, _content(answer, bounds.max_bytes, ends))
    except httpx.TimeoutException as error:
        raise Unavailable(Trouble.TIMED_OUT) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise Unavailable(Trouble.UNREACHABLE) from error


@lru_cache(1)
def _trust() -> ssl.SSLContext:
    """The certificates believed in, read once: that takes longer than many an answer."""
    return httpx.create_ssl_context()


def _checked(url: httpx.URL, bounds: Bounds) -> tuple[httpx.URL, dict[str, Any]]:
    """The address to connect to, once it is known to be allowed, and what the request must say besides."""
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise Unavailable(Trouble.FORBIDDEN_ADDRESS, host=url.host)
    if bounds.hosts is not None:
        if not any(_is_named(url, host) for host in bounds.hosts):
            raise Unavailable(Trouble.FORBIDDEN_ADDRESS, host=url.host)
        return url, {"headers": {}, "extensions": {}}
    address = public_address(url.host, url.port or {"http": 80, "https": 443}[url.scheme])
    said = {"headers": {"Host": url.netloc.decode("ascii")}, "extensions": {"sni_hostname": url.raw_host.decode()}}
    return url.copy_with(host=address), said


def _is_named(url: httpx.URL, allowed: str) -> bool:
    netloc = url.netloc.decode("ascii")
    return netloc.endswith(allowed) if allowed.startswith(".") else netloc == allowed


def _refusal(answer: httpx.Response) -> Unavailable:
    text = answer.headers.get("retry-after", "")
    seconds = float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0
    trouble = _TROUBLED.get(answer.status_code, Trouble.FAILED)
    return Unavailable(trouble, status=answer.status_code, retry_after=seconds)


def _content(answer: httpx.Response, max_bytes: int, ends: float) -> bytes:
    """The body, unpacked, as long as it is no longer and takes no longer than it may."""
    content = bytearray()
    for chunk in answer.iter_bytes(64 * 1024):
        content += chunk
        if len(content) > max_bytes:
            raise Unavailable(Trouble.TOO_LARGE, bytes=max_bytes)
        if time.monotonic() > ends:
            raise Unavailable(Trouble.TIMED_OUT)
    return bytes(content)
