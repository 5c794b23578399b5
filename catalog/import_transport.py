"""Batches on their way from the process that reads to the one that writes: plain tuples, which pickle in a moment.

The classes would take longer to pickle than their records to read. The book of a MARC record stays behind: all that is
written of a new one is ready, and where it is wanted after all the record tells it again.
"""

from collections.abc import Sequence
from typing import Any

from catalog.bookdata import Incoming
from catalog.import_names import Named
from catalog.import_preparing import Ready, ReadyCopy
from catalog.models import SourceRecord


def packed(arrivals: Sequence[Incoming], ready: Sequence[Ready | None]) -> list[tuple[Any, ...]]:
    """Arrivals and what is ready of them."""
    return [(_packed(incoming), one and _packed_ready(one)) for incoming, one in zip(arrivals, ready, strict=True)]


def unpacked(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Incoming], list[Ready | None]]:
    """What `packed` was given, but for the books of MARC records."""
    return [Incoming._make(values) for values, _ in rows], [one and _unpacked_ready(one) for _, one in rows]


def _packed(incoming: Incoming) -> tuple[Any, ...]:
    values: list[Any] = list(incoming)
    values[_CONTENT] = None
    if incoming.format not in _TABLES:
        values[_BOOK] = None
    return tuple(values)


def _packed_ready(ready: Ready) -> tuple[Any, ...]:
    values: list[Any] = list(ready)
    values[_NAMED] = tuple(ready.named)
    values[_COPIES] = list(map(tuple, ready.copies))
    values[_READY_BOOK] = None
    return tuple(values)


def _unpacked_ready(values: tuple[Any, ...]) -> Ready:
    row = list(values)
    row[_NAMED] = Named._make(row[_NAMED])
    row[_COPIES] = tuple(map(ReadyCopy._make, row[_COPIES]))
    return Ready._make(row)


_TABLES = ("", SourceRecord.Format.TABLE)
"""Formats of arrivals whose content does not tell the whole book, or that have none."""
_BOOK, _CONTENT = map(Incoming._fields.index, ("book", "content"))
_NAMED, _COPIES, _READY_BOOK = map(Ready._fields.index, ("named", "copies", "book"))
