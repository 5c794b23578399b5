"""Copy cataloguing: other catalogues searched at the same time, one of their records taken over.

A record that was found waits in the cache for an hour or two under a key of its own; taking it over is an import of
one record (`catalog.imports`), with all that belongs to it: mapping, source record, index, audit.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from typing import Any

from django.core.cache import cache

from catalog import copy_fields
from catalog.bookdata import DESCRIBING, BookData, Incoming
from catalog.import_copies import CopyOptions
from catalog.import_preparing import fitted
from catalog.import_reading import Known, Source, records
from catalog.imports import Result, import_books
from catalog.merging import comparable, merged
from catalog.models import Book, Isbn, SourceRecord
from catalog.problems import Remark
from catalog.stored import read_books
from lookup import sru
from lookup.fetching import Bounds, at_once, fetch
from lookup.models import Target
from lookup.trouble import Trouble, Unavailable

PER_TARGET = 10
"""Records that one page shows of each target."""
MOST_PAGES = 50
MOST_TARGETS = 8
"""Targets searched at the same time."""
ANSWER_BYTES = 4_000_000
KEPT_SECONDS = 2 * 60 * 60
"""How long a found record can be looked at and taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One record of another catalogue."""

    key: str
    target: str
    """Name of the target."""
    book: BookData | None
    refusal: Remark | None
    """Why it describes no book; None: it does."""
    remarks: Sequence[Remark]
    digest: str
    source_key: str
    book_ids: Sequence[int] = ()
    """Books of this library that came from this record, or bear its ISBN; those from the record first."""
    kinship: str = ""
    """How the first of them is related: from the `same` record or an earlier `version` of it, or by its `isbn`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAnswer:
    """What came of searching one target."""

    target: Target
    total: int = 0
    found: Sequence[Found] = ()
    diagnostics: Sequence[sru.Diagnostic] = ()
    trouble: Unavailable | None = None
    is_unable: bool = False
    """It has no index for what was asked, and so was not asked."""


@dataclass(frozen=True, slots=True)
class Results:
    """One page of all targets' answers."""

    answers: Sequence[TargetAnswer]
    page: int
    pages: int

    @property
    def found(self) -> list[Found]:
        """All records: the first of each target, then the second of each, and so on."""
        lists = [answer.found for answer in self.answers]
        return [found[place] for place in range(PER_TARGET) for found in lists if place < len(found)]


def search(targets: Sequence[Target], wanted: Mapping[str, str], *, page: int = 1) -> Results:
    """Search all targets at the same time; `wanted` maps `sru.FIELDS` to words. One that fails says why, the others
    answer."""
    chosen = list(targets)[:MOST_TARGETS]
    page = min(max(page, 1), MOST_PAGES)
    queries = [sru.cql(target.indexes(), wanted) for target in chosen]
    asked = [(target, query) for target, query in zip(chosen, queries, strict=True) if query]
    came = at_once([partial(_ask, target, query, page) for target, query in asked])
    by_target = {target.pk: answer for (target, _query), answer in zip(asked, came, strict=True)}
    copies = copy_fields.known()
    answers = [_answer(target, by_target.get(target.pk), copies) for target in chosen]
    known = _known([found for answer in answers for found in answer.found])
    answers = [replace(answer, found=[known[found.key] for found in answer.found]) for answer in answers]
    pages = max((-(-answer.total // PER_TARGET) for answer in answers), default=0)
    return Results(answers, page, min(pages, MOST_PAGES))


def kept_record(key: str) -> tuple[Found, Incoming] | None:
    """A record that was found before; None when that was too long ago."""
    if not (kept := cache.get(f"lookup:record:{key}")):
        return None
    found, incoming = _understood(kept)
    return _known([found])[key], incoming


def take_over(key: str, *, by: Any, into: int | None) -> Result | None:
    """Take the record over: as a new book, or, where a book came from this record, as its newer version; `into` names
    a book that the record shall describe from now on, in what the record speaks of. None: the record is not kept any
    longer. Raises Busy, Book.DoesNotExist.
    """
    if not (kept := cache.get(f"lookup:record:{key}")):
        return None
    _found, incoming = _understood(kept)
    if into is not None:
        uid = Book.objects.values_list("uid", flat=True).get(pk=into)
        incoming = incoming._replace(uid=uid, fields=_told(incoming))
    else:
        incoming = incoming._replace(uid=None)
    results: list[Result] = []
    import_books(
        [incoming],
        file_name=kept["target"],
        by=by,
        copies=CopyOptions(is_wanted=False),
        options={"catalogue": kept["target"], "address": kept["url"]},
        on_batch=lambda run, batch: results.extend(batch),
    )
    return results[0]


def changes(incoming: Incoming, book_id: int) -> list[tuple[str, Any, Any]]:
    """What the record would change in the book: field, value now, value then."""
    if incoming.book is None:
        return []
    now = read_books([book_id])[book_id]
    after, _kept = merged(now, fitted(incoming.book)[0], None, _told(incoming))
    return [
        (name, getattr(now, name), getattr(after, name))
        for name in DESCRIBING
        if comparable(name, now) != comparable(name, after)
    ]


def _told(incoming: Incoming) -> frozenset[str]:
    """The fields that the record has something to say of; the others of the book stay."""
    book = incoming.book or BookData()
    return frozenset(name for name in DESCRIBING if getattr(book, name))


def _ask(target: Target, query: str, page: int) -> sru.Answered:
    params = sru.parameters(
        query=query,
        version=target.version,
        schema=target.record_schema,
        start=(page - 1) * PER_TARGET + 1,
        count=PER_TARGET,
    )
    answer = fetch(
        target.url,
        params=params,
        bounds=Bounds(max_bytes=ANSWER_BYTES),
        headers={"Accept": "application/xml, text/xml"},
    )
    if answer.status == 404:
        raise Unavailable(Trouble.FAILED, status=404)
    return sru.read(answer.content)


def _answer(target: Target, came: sru.Answered | Unavailable | None, copies: Known) -> TargetAnswer:
    if came is None:
        return TargetAnswer(target=target, is_unable=True)
    if isinstance(came, Unavailable):
        return TargetAnswer(target=target, trouble=came)
    found = [_kept(target, record, copies) for record in came.records[:PER_TARGET]]
    return TargetAnswer(target=target, total=came.total, found=found, diagnostics=came.diagnostics)


def _kept(target: Target, record: bytes, copies: Known) -> Found:
    """The record, kept in the cache under its digest with what it came from."""
    content = {"record": record.decode(), "format": target.format, "target": target.name, "url": target.url}
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]
    cache.set(f"lookup:record:{key}", content | {"key": key}, KEPT_SECONDS)
    return _understood(content | {"key": key}, copies)[0]


def _understood(kept: Mapping[str, str], copies: Known | None = None) -> tuple[Found, Incoming]:
    """`copies` are the mappings of copies in records, where many are understood at once."""
    source = Source("", is_table=False, encoding="utf-8", format=kept["format"])
    incoming = next(records(BytesIO(kept["record"].encode()), source, copies), Incoming(number=1))
    found = Found(
        key=kept["key"],
        target=kept["target"],
        book=incoming.book,
        refusal=incoming.refusal,
        remarks=incoming.remarks,
        digest=incoming.digest,
        source_key=incoming.key,
    )
    return found, incoming


def _known(found: Sequence[Found]) -> dict[str, Found]:
    """The records by their keys, each with the books that the library has of it; three queries for any number."""
    digests = [record.digest for record in found if record.digest]
    by_digest = dict(SourceRecord.objects.filter(digest__in=digests).values_list("digest", "book_id"))
    keys = [record.source_key for record in found if record.source_key]
    by_key = dict(SourceRecord.objects.filter(key__in=keys).order_by("-pk").values_list("key", "book_id"))
    numbers = [value for record in found if record.book for value in record.book.isbns]
    by_isbn: dict[str, list[int]] = {}
    for value, book_id in Isbn.objects.filter(value__in=numbers).order_by("book_id").values_list("value", "book_id"):
        by_isbn.setdefault(value, []).append(book_id)
    known = {}
    for record in found:
        related = [("same", by_digest.get(record.digest)), ("version", by_key.get(record.source_key))]
        for value in record.book.isbns if record.book else ():
            related += [("isbn", book_id) for book_id in by_isbn.get(value, ())]
        there = [(kinship, book_id) for kinship, book_id in related if book_id]
        book_ids = list(dict.fromkeys(book_id for _kinship, book_id in there))[:5]
        known[record.key] = replace(record, book_ids=book_ids, kinship=there[0][0] if there else "")
    return known
