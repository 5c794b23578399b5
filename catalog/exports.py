"""Books out of the catalogue as MARC records: the record they came from with what was edited since, or a new one."""

from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from django.conf import settings

from catalog.bookdata import DESCRIBING, BookData
from catalog.marc import marc21_writing, unimarc_writing, writing
from catalog.marc.record import Record
from catalog.merging import book_of_source, comparable
from catalog.models import Book, SourceRecord
from catalog.stored import read_books

BATCH = 500
"""Books read from the database at a time."""


class Schema(StrEnum):
    """What the records are written in. A record that came in the other one is made anew from what we know."""

    MARC21 = "marc21"
    RUSMARC = "rusmarc"


class Container(StrEnum):
    """How the records are put into a file."""

    ISO2709 = "iso2709"
    MARCXML = "marcxml"


class TooLongBook(NamedTuple):
    """A book whose record ISO 2709 cannot hold."""

    book_id: int
    title: str
    size: int
    """Bytes."""


def marc_records(book_ids: Collection[int], schema: Schema) -> Iterator[tuple[Book, Record]]:
    """The books with their records, in the order given; some ten queries for every five hundred."""
    ids = list(book_ids)
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        books = Book.objects.in_bulk(some)
        data = read_books(some)
        sources = {source.book_id: source for source in SourceRecord.objects.filter(book__in=some)}
        for book_id in some:
            if book := books.get(book_id):
                yield book, _record(book, data[book_id], sources.get(book_id), schema)


def iso2709(book_ids: Collection[int], schema: Schema, too_long: list[TooLongBook]) -> Iterator[bytes]:
    """The records of a file in ISO 2709. Books that it cannot hold go to `too_long`: MARCXML takes them."""
    for book, record in marc_records(book_ids, schema):
        try:
            yield writing.iso2709(record)
        except writing.TooLong as error:
            too_long.append(TooLongBook(book.pk, book.title, error.size))


def marcxml(book_ids: Collection[int], schema: Schema) -> Iterator[str]:
    """An XML document of the records: MARCXML, or MarcXchange for RUSMARC."""
    records: Iterable[Record] = (record for _, record in marc_records(book_ids, schema))
    return writing.marcxml(records, unimarc=schema == Schema.RUSMARC)


def _record(book: Book, data: BookData, source: SourceRecord | None, schema: Schema) -> Record:
    rules = marc21_writing if schema == Schema.MARC21 else unimarc_writing
    fresh: Record = rules.record(
        data,
        number=_number(book, schema),
        agency=settings.LIBRARY_AGENCY,
        entered=book.created_at,
        changed=book.updated_at,
    )
    if source is None or source.format == SourceRecord.Format.TABLE:
        return fresh
    if (source.format == SourceRecord.Format.MARC21) != (schema == Schema.MARC21):
        return fresh
    whole = Record.from_json(source.content)
    before = book_of_source(source)
    if edited := {name for name in (*DESCRIBING, "copies") if comparable(name, before) != comparable(name, data)}:
        whole = rules.edited(whole, fresh, edited)
    return whole


def _number(book: Book, schema: Schema) -> str:
    """The control number of a record made here: the book's public id, by which an import knows it again."""
    if schema == Schema.RUSMARC and settings.LIBRARY_AGENCY:
        return rf"RU\{settings.LIBRARY_AGENCY}\bibl\{book.uid}"
    return str(book.uid)
