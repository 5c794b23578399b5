"""Batches on their way from the process that reads to the one that writes: plain tuples, which pickle in a moment.

The classes would take longer to pickle than their records to read.
"""

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from catalog.bookdata import DESCRIBING, BookData, CopyData, Incoming, Person
from catalog.import_names import Named
from catalog.import_preparing import Ready

_COPY = tuple(field.name for field in fields(CopyData))
_PERSON = tuple(field.name for field in fields(Person))
_BOOK = (*(name for name in DESCRIBING if name != "people"), "volume", "whole")
_INCOMING = tuple(field.name for field in fields(Incoming) if field.name not in ("book", "content"))
_of_copy, _of_person, _of_book, _of_incoming = (attrgetter(*names) for names in (_COPY, _PERSON, _BOOK, _INCOMING))


def packed(arrivals: Sequence[Incoming], ready: Sequence[Ready | None]) -> list[tuple[Any, ...]]:
    """Arrivals and what is ready of them. Of the books only those that are ready go: fitted ones."""
    return [(_of_incoming(incoming), one and _packed_ready(one)) for incoming, one in zip(arrivals, ready, strict=True)]


def unpacked(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Incoming], list[Ready | None]]:
    """What `packed` was given."""
    ready = [one and _unpacked_ready(*one) for _, one in rows]
    arrivals = [
        Incoming(book=one and one.book, **dict(zip(_INCOMING, values, strict=True)))
        for (values, _), one in zip(rows, ready, strict=True)
    ]
    return arrivals, ready


def _packed_ready(ready: Ready) -> tuple[Any, ...]:
    book = ready.book
    people, copies = list(map(_of_person, book.people)), list(map(_of_copy, book.copies))
    return _of_book(book), people, copies, ready.cuts, tuple(ready.named), tuple(ready[3:])


def _unpacked_ready(
    book: tuple[Any, ...],
    people: list[Any],
    copies: list[Any],
    cuts: Any,
    named: tuple[Any, ...],
    rest: tuple[Any, ...],
) -> Ready:
    whole = BookData(
        **dict(zip(_BOOK, book, strict=True)),
        people=tuple(Person(**dict(zip(_PERSON, one, strict=True))) for one in people),
        copies=tuple(CopyData(**dict(zip(_COPY, one, strict=True))) for one in copies),
    )
    return Ready(whole, cuts, Named(*named), *rest)
