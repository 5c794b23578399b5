"""A book as plain data: what a record, a table row or the catalogue says of it, in one form for all doors."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from catalog.models import Contribution, Copy, MaterialType
from catalog.problems import Remark


class Person(NamedTuple):
    """A person or body with a part in a book."""

    name: str
    """As in an index: «Толстой, Лев Николаевич»."""
    dates: str = ""
    role: str = Contribution.Role.AUTHOR


class CopyData(NamedTuple):
    """One physical item. Codes and names of branch and type are as the record has them."""

    barcode: str = ""
    inventory_number: str = ""
    branch: str = ""
    item_type: str = ""
    shelf_mark: str = ""
    status: str = Copy.Status.AVAILABLE
    is_reference_only: bool = False
    price: Decimal | None = None
    acquired_on: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookData:
    """One book. Texts are tidy (`catalog.cleaning`) but may still be longer than the database allows (`fitted`)."""

    title: str = ""
    subtitle: str = ""
    other_titles: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()
    """In the order of the title page."""
    isbns: tuple[str, ...] = ()
    """13 digits each."""
    year: int | None = None
    year_note: str = ""
    place: str = ""
    publisher: str = ""
    language: str = ""
    """Three letters of ISO 639-2/B."""
    edition: str = ""
    pages: str = ""
    series: str = ""
    series_number: str = ""
    call_number: str = ""
    description: str = ""
    material_type: str = MaterialType.BOOK
    genres: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    copies: tuple[CopyData, ...] = ()
    volume: str = ""
    """The designation of a volume or issue. An import enters it with a new book and leaves it alone afterwards."""
    whole: str = ""
    """The title of the set or journal that it is a part of."""


SCALARS = (
    "title",
    "subtitle",
    "year",
    "year_note",
    "place",
    "language",
    "edition",
    "pages",
    "series_number",
    "call_number",
    "description",
    "material_type",
)
"""Fields of BookData that are columns of Book as they are."""
DESCRIBING = tuple(field.name for field in fields(BookData) if field.name not in ("copies", "volume", "whole"))
"""Fields of BookData that describe the book by itself; copies and sets lead a life of their own."""


class Incoming(NamedTuple):
    """One record or row on its way into the catalogue: a book, or the reason why there is none."""

    number: int
    """Counted from 1 in the order of the file."""
    book: BookData | None = None
    refusal: Remark | None = None
    remarks: tuple[Remark, ...] = ()
    format: str = ""
    """A `SourceRecord.Format`; «» for a row that names its book by `uid` and leaves the source alone."""
    key: str = ""
    whole_key: str = ""
    """The key of the record of the set or journal that this is a part of."""
    is_key_trusted: bool = False
    """Whether the key holds an agency, so that no other library uses it."""
    digest: str = ""
    content: Callable[[], str] | None = None
    """Gives the record or the cells of the row as JSON."""
    uid: UUID | None = None
    """The public id of the book that the row wants to change."""
    raw: bytes = b""
    """What a MARC record that is refused was in the file, without its terminator."""
    fields: frozenset[str] = frozenset(DESCRIBING)
    """The fields of BookData that the record speaks of; a table speaks only of its columns."""
