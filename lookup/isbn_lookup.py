"""What the world knows of an ISBN: Open Library and Google Books asked at the same time, the answers remembered.

An answer, also that a source knows no such book, is kept for `LOOKUP_CACHE_DAYS`; a source that could not be asked is
asked again next time. Whoever has the book already hears of it from this library's own catalogue, never from memory.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Count

from catalog.cover_images import read_cover
from catalog.models import Book
from lookup.fetching import Bounds, at_once, fetch
from lookup.findings import Finding, Merged, Source, google_books, merge, open_library
from lookup.trouble import Trouble, Unavailable

JSON_BYTES = 1_000_000
COVER_BYTES = 5_000_000
COVER_WIDTH = 640
SMALLEST_COVER = 40
"""Pixels: what is smaller stands for «no cover»."""
_NOTHING = "nothing"
"""Stands in the cache for a source that knows no such book."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sources say of one ISBN."""

    isbn: str
    """13 digits."""
    findings: Sequence[Finding]
    troubles: Mapping[Source, Unavailable]
    """Sources that gave no answer."""

    @property
    def unknown(self) -> list[Source]:
        """Sources that know no such book."""
        answered = {finding.source for finding in self.findings} | self.troubles.keys()
        return [Source(source) for source in settings.LOOKUP_SOURCES if source not in answered]

    @property
    def merged(self) -> Merged:
        """All findings as one."""
        return merge(self.isbn, self.findings)


def look_up(isbn: str) -> Answer:
    """Ask every source that does not yet stand in the cache; `isbn` is 13 digits."""
    known = {source: cache.get(_key(source, isbn)) for source in settings.LOOKUP_SOURCES}
    missing = [Source(source) for source, found in known.items() if found is None]
    answers = dict(zip(missing, at_once([partial(_ask, source, isbn) for source in missing]), strict=True))
    troubles = {source: answer for source, answer in answers.items() if isinstance(answer, Unavailable)}
    for source, answer in answers.items():
        if not isinstance(answer, Unavailable):
            known[source] = answer or _NOTHING
            days = settings.LOOKUP_CACHE_DAYS if answer else settings.LOOKUP_NOTHING_DAYS
            cache.set(_key(source, isbn), known[source], timedelta(days=days).total_seconds())
    findings = [found for found in known.values() if isinstance(found, Finding)]
    return Answer(isbn, findings, troubles)


def owned_books(isbn: str) -> list[Any]:
    """The books of this library that bear the ISBN, with `copy_count`."""
    return list(Book.objects.filter(isbns__value=isbn).annotate(copy_count=Count("copies")).order_by("pk")[:10])


def cover(isbn: str) -> bytes | None:
    """The cover of the book as WebP; None when no source has one that can be used. Raises Unavailable when one might
    have been had."""
    if (kept := cache.get(f"lookup:cover:{isbn}")) is not None:
        return kept or None
    trouble: Unavailable | None = None
    for said in look_up(isbn).merged.covers:
        try:
            picture = _picture(str(said.value))
        except Unavailable as failure:
            trouble = failure
            continue
        if picture:
            cache.set(f"lookup:cover:{isbn}", picture, timedelta(hours=1).total_seconds())
            return picture
    if trouble:
        raise trouble
    cache.set(f"lookup:cover:{isbn}", b"", timedelta(hours=1).total_seconds())
    return None


def _key(source: str, isbn: str) -> str:
    return f"lookup:isbn:1:{source}:{isbn}"


def _ask(source: Source, isbn: str) -> Finding | None:
    return {Source.OPEN_LIBRARY: _ask_open_library, Source.GOOGLE_BOOKS: _ask_google_books}[source](isbn)


def _ask_open_library(isbn: str) -> Finding | None:
    key = f"ISBN:{isbn}"
    url = f"{settings.OPEN_LIBRARY_URL}/api/books"
    asked = ("data", "details")
    answers = at_once([partial(_json, url, {"bibkeys": key, "format": "json", "jscmd": command}) for command in asked])
    if isinstance(answers[0], Unavailable):
        raise answers[0]
    details = None if isinstance(answers[1], Unavailable) else answers[1].get(key)
    return open_library(answers[0].get(key), details)


def _ask_google_books(isbn: str) -> Finding | None:
    params = {"q": f"isbn:{isbn}", "printType": "books", "maxResults": "5"}
    if settings.GOOGLE_BOOKS_KEY:
        params["key"] = settings.GOOGLE_BOOKS_KEY
    return google_books(_json(f"{settings.GOOGLE_BOOKS_URL}/books/v1/volumes", params), isbn)


def _json(url: str, params: Mapping[str, str]) -> dict[str, Any]:
    bounds = Bounds(max_bytes=JSON_BYTES, hosts=tuple(settings.LOOKUP_HOSTS))
    page = fetch(url, params=params, bounds=bounds, headers={"Accept": "application/json"})
    if page.status == 404:
        return {}
    try:
        content = json.loads(page.content)
    except (ValueError, RecursionError) as error:
        raise Unavailable(Trouble.UNREADABLE) from error
    if not isinstance(content, dict):
        raise Unavailable(Trouble.UNREADABLE)
    return content


def _picture(address: str) -> bytes | None:
    """The picture at the address, drawn anew as WebP; None when there is none that can be read."""
    bounds = Bounds(max_bytes=COVER_BYTES, hosts=tuple(settings.LOOKUP_COVER_HOSTS))
    page = fetch(address, bounds=bounds, headers={"Accept": "image/*"})
    if page.status == 404:
        return None
    try:
        picture = read_cover(SimpleUploadedFile("cover", page.content))
    except ValidationError:
        return None
    if min(picture.size) < SMALLEST_COVER:
        return None
    picture.thumbnail((COVER_WIDTH, COVER_WIDTH * 2))
    content = BytesIO()
    picture.save(content, "WEBP", quality=90)
    return content.getvalue()
