"""One book said in several ways: what its source said, what the catalogue says now, what is to become of it."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from catalog.bookdata import BookData, Incoming
from catalog.import_preparing import Ready, fitted
from catalog.marc import mapping
from catalog.models import SourceRecord, folded_name
from catalog.rows import unescaped
from catalog.tables import book_of_row


def book_of_source(source: SourceRecord) -> BookData:
    """What the record said that the book was imported from."""
    return _book_of(source.content, source.format)


def book_of_arrival(incoming: Incoming, ready: Ready) -> BookData:
    """The book that arrives, `fitted`, also where another process has read it."""
    if ready.book is not None:
        return ready.book
    if incoming.book is not None:
        return fitted(incoming.book)[0]
    return _book_of(json.loads(unescaped(ready.content)), incoming.format)


def _book_of(content: dict[str, Any], format: str) -> BookData:
    if format == SourceRecord.Format.TABLE:
        return fitted(book_of_row(content))[0]
    return fitted(mapping.book_of(content, format))[0]


def merged(
    current: BookData, new: BookData, base: BookData | None, fields: Iterable[str]
) -> tuple[BookData, list[str]]:
    """The book after an update, and the fields that stay because a librarian edited them.

    `base` is what the earlier version of the record said; None: the new data come from an editor and win.
    """
    changes: dict[str, Any] = {}
    kept: list[str] = []
    for name in fields:
        value = comparable(name, new)
        if value == comparable(name, current):
            continue
        if base is not None and value == comparable(name, base):
            continue
        if base is not None and comparable(name, current) != comparable(name, base):
            kept.append(name)
            continue
        changes[name] = getattr(new, name)
    return replace(current, **changes), sorted(kept)


def comparable(name: str, book: BookData) -> Any:
    """The field in a form in which spellings of one name are equal, and subjects and copies have no order."""
    value = getattr(book, name)
    if name == "people":
        return tuple((folded_name(person.name), person.dates, person.role) for person in value)
    if name in ("publisher", "series"):
        return folded_name(value)
    if name in ("genres", "subjects"):
        return frozenset(map(folded_name, value))
    if name == "copies":
        return frozenset(
            ((copy.barcode or copy.inventory_number).lower(), copy.shelf_mark, copy.status, copy.price)
            for copy in value
        )
    return value
