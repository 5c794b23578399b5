"""Books out of the catalogue as MARC records: the record they came from with what was edited since, or a new one."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, TypeGuard

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Lower

from catalog import copy_fields
from catalog.bookdata import DESCRIBING, BookData, CopyData
from catalog.marc import editing, items, marc21_writing, unimarc, unimarc_writing, writing
from catalog.marc.record import Record
from catalog.merging import book_of_source, comparable
from catalog.models import Book, Copy, SourceRecord
from catalog.stored import read_books
from library.core.text import fold
from policies.models import Branch, ItemType

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
        shelves = _Shelves()
        sources = {source.book_id: source for source in SourceRecord.objects.filter(book__in=some)}
        for book_id in some:
            if book := books.get(book_id):
                yield book, _record(book, data[book_id], sources.get(book_id), schema, shelves)


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


def _record(book: Book, data: BookData, source: SourceRecord | None, schema: Schema, shelves: "_Shelves") -> Record:
    writer = marc21_writing if schema == Schema.MARC21 else unimarc_writing

    def fresh() -> Record:
        record: Record = writer.record(
            data,
            number=_number(book, schema),
            agency=settings.LIBRARY_AGENCY,
            entered=book.created_at,
            changed=book.updated_at,
        )
        return record

    if not _is_kept(source, schema):
        return fresh()
    whole = Record.from_json(source.content)
    before = book_of_source(source)
    if names := {name for name in DESCRIBING if comparable(name, before) != comparable(name, data)}:
        whole = editing.edited(whole, fresh(), data, names, writer)
    if data.whole and "773" not in whole:
        whole = Record(whole.leader, tuple(editing.merged(list(whole.fields), list(fresh().all("773")))))
    return shelves.with_copies(whole, data.copies, source.format, before.call_number)


def _is_kept(source: SourceRecord | None, schema: Schema) -> TypeGuard[SourceRecord]:
    """Whether the record that the book came from goes out again, and not a new one."""
    if source is None or source.format == SourceRecord.Format.TABLE:
        return False
    return (source.format == SourceRecord.Format.MARC21) == (schema == Schema.MARC21)


class _Shelves:
    """Copies in the words of the records that they came from, and which of those the library has no longer."""

    @cached_property
    def _known(self) -> dict[str, tuple[items.CopyFields, ...]]:
        return copy_fields.known()

    @cached_property
    def _branches(self) -> dict[str, str]:
        return _codes(Branch)

    @cached_property
    def _types(self) -> dict[str, str]:
        return _codes(ItemType)

    def with_copies(self, record: Record, now: Sequence[CopyData], format: str, call_number: str) -> Record:
        """The record with its copies as they are now.

        A copy that the record has and the book has not was taken out of the library if another one of the record is
        there and no other book bears its number; else it was never entered, and stays in the record.
        """
        known = self._known.get(format, ())
        is_marc21 = format == SourceRecord.Format.MARC21
        price = None if is_marc21 else unimarc.usual_price(record)
        currency = "" if is_marc21 else settings.LIBRARY_CURRENCY
        said = list(items.copies(record, known, currency=currency))
        if not said and not now:
            return record
        numbers = {number.casefold() for copy in now for number in (copy.barcode, copy.inventory_number)}
        missing = [copy for copy in said if numbers.isdisjoint(_numbers(copy))]
        elsewhere: set[str] = set()
        if missing and len(missing) < len(said):
            wanted = {number for copy in missing for number in _numbers(copy)}
            there = Copy.objects.annotate(folded=Lower("barcode"), number=Lower("inventory_number"))
            pairs = there.filter(Q(folded__in=wanted) | Q(number__in=wanted)).values_list("folded", "number")
            elsewhere = {number for pair in pairs for number in pair}
        return items.edited(
            record,
            known,
            now,
            settled=self._settled,
            is_gone=lambda copy: len(missing) < len(said) and elsewhere.isdisjoint(_numbers(copy)),
            usual=items.USUAL[format],
            currency=currency,
            shelf_mark=call_number,
            price=price,
        )

    def _settled(self, before: CopyData, now: CopyData) -> CopyData:
        """The copy of a record as it was entered: what the library put in by itself is no edit.

        That is another branch or item type than one that the library knows by its name, and a number given out here.
        """
        status = now.status if now.status in items.STATES.values() else Copy.Status.AVAILABLE
        return before._replace(
            barcode=now.barcode,
            inventory_number=now.inventory_number,
            branch=before.branch if self._branches.get(fold(before.branch), now.branch) != now.branch else now.branch,
            item_type=before.item_type
            if self._types.get(fold(before.item_type), now.item_type) != now.item_type
            else now.item_type,
            shelf_mark=now.shelf_mark
            if before.shelf_mark[: len(now.shelf_mark)] == now.shelf_mark
            else before.shelf_mark,
            status=now.status if before.status == status else before.status,
        )


def _numbers(copy: CopyData) -> set[str]:
    return {number.casefold() for number in (copy.barcode, copy.inventory_number) if number}


def _codes(model: type[Branch] | type[ItemType]) -> dict[str, str]:
    """Codes by folded name and folded code."""
    pairs = list(model._default_manager.values_list("name", "code"))
    return {fold(name): code for name, code in pairs} | {fold(code): code for _, code in pairs}


def _number(book: Book, schema: Schema) -> str:
    """The control number of a record made here: the book's public id, by which an import knows it again."""
    if schema == Schema.RUSMARC and settings.LIBRARY_AGENCY:
        return rf"RU\{settings.LIBRARY_AGENCY}\bibl\{book.uid}"
    return str(book.uid)
