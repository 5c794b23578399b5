"""What search engines are told: robots.txt, and a sitemap of every book and author (https://www.sitemaps.org).

A sitemap's file holds the books of one range of primary keys, so that a million books are read by index, a file at a
time, and a new book changes no other file.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from catalog.models import Author, Book

KEYS = 20_000
"""Primary keys of one file; the protocol allows 50,000 addresses and 50 MB."""
ENTRIES = 2_000
"""Addresses that are read and sent at a time."""
SECONDS = 3600
"""How long a sitemap may be kept."""
_MODELS: dict[str, Any] = {"books": Book, "authors": Author}
_NO_BOOK = UUID(int=0)
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_RANGES = """
    WITH RECURSIVE ranges AS (
        SELECT min(id) / %(keys)s AS number FROM {table}
        UNION ALL
        SELECT (SELECT min(id) / %(keys)s FROM {table} WHERE id >= (number + 1) * %(keys)s)
        FROM ranges WHERE number IS NOT NULL
    )
    SELECT number FROM ranges WHERE number IS NOT NULL"""
"""The ranges that hold anything: one look into the index for each, however many rows there are."""


@require_safe
@cache_control(public=True, max_age=SECONDS)
def robots(request: HttpRequest) -> HttpResponse:
    """Books, authors and lists of one filter may be visited; endless combinations and people's own pages may not."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in ("/admin/", "/accounts/", "/api/", "/my/", "/i18n/", "/suggestions/")),
        "Disallow: /search/?*&",
        *(f"Disallow: /search/?{name}=" for name in ("q", "title", "author", "isbn", "sort", "year_from", "year_to")),
        "Disallow: /books/*/citation.",
        "",
        f"Sitemap: {settings.LIBRARY_URL}{reverse('sitemap')}",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=SECONDS)
def sitemap(request: HttpRequest) -> HttpResponse:
    """The index: the address of every file."""
    files = [
        f"<sitemap><loc>{settings.LIBRARY_URL}{reverse('sitemap_file', args=[kind, number])}</loc></sitemap>\n"
        for kind, model in _MODELS.items()
        for number in _ranges(model._meta.db_table)
    ]
    body = "".join([_XML, f'<sitemapindex xmlns="{_NAMESPACE}">\n', *files, "</sitemapindex>\n"])
    return HttpResponse(body, content_type="application/xml; charset=utf-8")


def _ranges(table: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_RANGES.format(table=connection.ops.quote_name(table)), {"keys": KEYS})
        return [number for (number,) in cursor.fetchall()]


@require_safe
@cache_control(public=True, max_age=SECONDS)
@gzip_page
def sitemap_file(request: HttpRequest, kind: str, number: int) -> StreamingHttpResponse:
    """One file: the addresses of a range of books or authors, written while they are read."""
    if kind not in _MODELS or number > 10**9:
        raise Http404
    return StreamingHttpResponse(_written(kind, number), content_type="application/xml; charset=utf-8")


def _written(kind: str, number: int) -> Iterator[str]:
    """The file in pieces of many addresses: each piece is compressed and sent by itself."""
    yield f'{_XML}<urlset xmlns="{_NAMESPACE}">\n'
    found = _MODELS[kind].objects.filter(pk__gte=number * KEYS, pk__lt=(number + 1) * KEYS).order_by("pk")
    if kind == "books":
        start, end = _around(reverse("book", args=[_NO_BOOK]), str(_NO_BOOK))
        rows = found.values_list("uid", "updated_at").iterator(chunk_size=ENTRIES)
        entries = (
            f"<url><loc>{start}{uid}{end}</loc><lastmod>{changed_at:%Y-%m-%dT%H:%M:%SZ}</lastmod></url>\n"
            for uid, changed_at in rows
        )
    else:
        start, end = _around(reverse("author", args=[0]), "0")
        rows = found.values_list("pk", flat=True).iterator(chunk_size=ENTRIES)
        entries = (f"<url><loc>{start}{pk}{end}</loc></url>\n" for pk in rows)
    while piece := "".join(islice(entries, ENTRIES)):
        yield piece
    yield "</urlset>\n"


def _around(path: str, gap: str) -> tuple[str, str]:
    """What stands before and behind the key in an address: asking the resolver for every book takes seconds."""
    start, _, end = path.rpartition(gap)
    return f"{settings.LIBRARY_URL}{start}", end
