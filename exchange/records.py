"""Books as other programs take them: Dublin Core, MARCXML, MarcXchange in RUSMARC. Descriptions only, without copies.

Items stay at home: prices and notes are nobody else's business, and a loan must not look like a changed record. Where
copies are is said by the sets.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from catalog import copy_fields, exports
from catalog.bookdata import BookData
from catalog.marc import items
from catalog.marc.writing import NAMESPACES, lone_xml_record, xml_attribute, xml_text
from catalog.models import Contribution, MaterialType
from catalog.stored import read_books

XSI = "http://www.w3.org/2001/XMLSchema-instance"
DC = "http://purl.org/dc/elements/1.1/"


class Format(StrEnum):
    """Metadata formats by their OAI prefix. Every book is to be had in each: made anew where it came in another."""

    DUBLIN_CORE = "oai_dc"
    MARC21 = "marcxml"
    RUSMARC = "rusmarc"


class Schema(NamedTuple):
    """Where a format is defined."""

    location: str
    namespace: str


SCHEMAS = {
    Format.DUBLIN_CORE: Schema(
        "http://www.openarchives.org/OAI/2.0/oai_dc.xsd", "http://www.openarchives.org/OAI/2.0/oai_dc/"
    ),
    Format.MARC21: Schema("http://www.loc.gov/standards/marcxml/schema/MARC21slim.xsd", NAMESPACES[False]),
    Format.RUSMARC: Schema("http://www.loc.gov/standards/iso25577/marcxchange-1-1.xsd", NAMESPACES[True]),
}
_TYPES = {
    MaterialType.BOOK: "Text",
    MaterialType.JOURNAL: "Text",
    MaterialType.ARTICLE: "Text",
    MaterialType.MUSIC: "Text",
    MaterialType.MAP: "StillImage",
    MaterialType.AUDIO: "Sound",
    MaterialType.VIDEO: "MovingImage",
    MaterialType.IMAGE: "StillImage",
    MaterialType.ELECTRONIC: "Software",
    MaterialType.MANUSCRIPT: "Text",
    MaterialType.GAME: "PhysicalObject",
}
"""The terms of the DCMI Type Vocabulary."""
_CREATORS = (
    Contribution.Role.AUTHOR,
    Contribution.Role.COMPOSER,
    Contribution.Role.ARTIST,
    Contribution.Role.COMPILER,
    Contribution.Role.BODY,
)


def element(name: str, text: object, /, **attributes: str) -> str:
    """An XML element with a text, safely written."""
    said = "".join(f" {key}={xml_attribute(value)}" for key, value in attributes.items())
    return f"<{name}{said}>{xml_text(str(text))}</{name}>"


def metadata(books: Mapping[int, UUID], form: Format) -> dict[int, str]:
    """The records of these books (primary key to public id) as XML elements; some ten queries for up to 500 of them.

    Books that have just been deleted are left out.
    """
    if form is Format.DUBLIN_CORE:
        return {pk: _oai_dublin_core(book, books[pk]) for pk, book in read_books(books).items()}
    is_rusmarc = form is Format.RUSMARC
    schema = exports.Schema.RUSMARC if is_rusmarc else exports.Schema.MARC21
    known = copy_fields.known()[schema]
    return {
        book.pk: lone_xml_record(items.without(record, known), unimarc=is_rusmarc)
        for book, record in exports.marc_records(books, schema)
    }


def dublin_core(book: BookData, uid: UUID) -> Iterator[tuple[str, str]]:
    """What the fifteen elements of Dublin Core can say of a book: names of elements with their texts."""
    title = f"{book.title}. {book.volume}" if book.volume else book.title
    yield "title", f"{title} : {book.subtitle}" if book.subtitle else title
    yield from (("title", title) for title in book.other_titles)
    for person in book.people:
        name = f"{person.name}, {person.dates}" if person.dates else person.name
        yield ("creator" if person.role in _CREATORS else "contributor"), name
    yield from (("subject", subject) for subject in book.subjects)
    if book.description:
        yield "description", book.description
    if book.publisher:
        yield "publisher", f"{book.place} : {book.publisher}" if book.place else book.publisher
    if printed := book.year_note or ("" if book.year is None else f"{book.year:04}"):
        yield "date", printed
    if kind := _TYPES.get(MaterialType(book.material_type)):
        yield "type", kind
    yield from (("type", genre) for genre in book.genres)
    if book.pages:
        yield "format", book.pages
    yield "identifier", f"{settings.LIBRARY_URL}{reverse('book', args=[uid])}"
    yield from (("identifier", f"urn:isbn:{value}") for value in book.isbns)
    if book.language:
        yield "language", book.language
    if book.whole:
        yield "relation", book.whole
    if book.series:
        yield "relation", f"{book.series} ; {book.series_number}" if book.series_number else book.series


def dublin_core_elements(book: BookData, uid: UUID) -> str:
    """The elements of `dublin_core` as XML, with the prefix dc."""
    return "".join(element(f"dc:{name}", text) for name, text in dublin_core(book, uid))


def _oai_dublin_core(book: BookData, uid: UUID) -> str:
    schema = SCHEMAS[Format.DUBLIN_CORE]
    return (
        f'<oai_dc:dc xmlns:oai_dc="{schema.namespace}" xmlns:dc="{DC}" xmlns:xsi="{XSI}"'
        f' xsi:schemaLocation="{schema.namespace} {schema.location}">{dublin_core_elements(book, uid)}</oai_dc:dc>'
    )
