"""RUSMARC made from what the catalogue knows of a book; the counterpart of `unimarc`.

Every field written here is read back by `unimarc.book` as it was.
"""

import re
from datetime import datetime

from catalog import isbn
from catalog.bookdata import BookData, Person
from catalog.marc import unimarc
from catalog.marc.items import USUAL, field_of
from catalog.marc.record import Field, Record
from catalog.marc.unimarc_fields import PLACES as PLACES
from catalog.marc.unimarc_fields import TAGS as TAGS
from catalog.models import Contribution, MaterialType

Role = Contribution.Role
reading = unimarc
"""The counterpart."""
LINKS = ("461", "462")
"""Fields from which title and series are read when the record describes a part."""

_LEADERS = {
    MaterialType.BOOK: "am0",
    MaterialType.JOURNAL: "as0",
    MaterialType.ARTICLE: "aa2",
    MaterialType.MUSIC: "cm0",
    MaterialType.MAP: "em0",
    MaterialType.AUDIO: "jm0",
    MaterialType.VIDEO: "gm0",
    MaterialType.IMAGE: "km0",
    MaterialType.ELECTRONIC: "lm0",
    MaterialType.MANUSCRIPT: "bm0",
    MaterialType.GAME: "rm0",
    MaterialType.OTHER: "am0",
}
"""Leader/06-08 by material; UNIMARC has no code for «other»."""
_RELATORS = {
    Role.AUTHOR: "070",
    Role.EDITOR: "340",
    Role.TRANSLATOR: "730",
    Role.ILLUSTRATOR: "440",
    Role.COMPILER: "220",
    Role.COMPOSER: "230",
    Role.NARRATOR: "550",
    Role.ARTIST: "040",
    Role.FOREWORD: "080",
    Role.OTHER: "570",
}


def record(book: BookData, *, number: str, agency: str, entered: datetime, changed: datetime) -> Record:
    """A record of the book, with the control number `number` of the library `agency` («»: none)."""
    fields = [Field("001", data=number), Field("005", data=f"{changed:%Y%m%d%H%M%S}.0")]
    price = next((copy.price for copy in book.copies if copy.price is not None), None)
    for position, value in enumerate(book.isbns):
        cost = f"р. {price}" if price is not None and position == 0 else ""
        fields.append(_field("010", "  ", a=isbn.hyphenated(value), d=cost))
    fields.append(_field("100", "  ", a=general_data(book, entered)))
    if book.language:
        fields.append(_field("101", "0 ", a=book.language))
    is_numbered_part = book.title == book.whole and unimarc.is_part(book.volume)
    fields.append(_field("200", "1 ", a=book.volume if is_numbered_part else book.title, e=book.subtitle))
    if book.edition:
        fields.append(_field("205", "  ", a=book.edition))
    if book.place or book.publisher or book.year is not None or book.year_note:
        printed = book.year_note or ("" if book.year is None else str(book.year))
        fields.append(_field("210", "  ", a=book.place, c=book.publisher, d=printed))
    if book.pages:
        fields.append(_field("215", "  ", a=book.pages))
    if book.series:
        fields.append(_field("225", "1 ", a=book.series, v=book.series_number))
    if book.description:
        fields += [_field("330", "  ", a=part) for part in book.description.split("\n\n")]
    if book.whole:
        link = (("1", "2001 "), ("a", book.whole), *([("v", book.volume)] if book.volume else []))
        fields.append(Field("461", indicators=" 0", subfields=link))
    fields += [_field("517", "1 ", a=title) for title in book.other_titles]
    for heading in book.subjects:
        main, *subdivisions = heading.split(" — ")
        fields.append(Field("606", indicators="0 ", subfields=(("a", main), *(("x", part) for part in subdivisions))))
    fields += [_field("608", "  ", a=name) for name in book.genres]
    if book.call_number:
        fields.append(_field("686", "  ", a=book.call_number))
    fields += [_heading(person, position) for position, person in enumerate(book.people)]
    if agency:
        fields.append(_field("801", " 0", a="RU", b=agency, c=f"{changed:%Y%m%d}"))
    fields += [field_of(copy, USUAL["unimarc"]) for copy in book.copies]
    fields.sort(key=lambda field: "7" if field.tag[0] == "7" else field.tag)
    return Record(f"00000n{_LEADERS[MaterialType(book.material_type)]} 2200000 i 450 ", tuple(fields))


def general_data(book: BookData, entered: datetime) -> str:
    """100 $a: entered on, dates, language of cataloguing, character set (UTF-8)."""
    known = book.year is not None and 0 < book.year < 10000
    date = f"d{book.year:04}    " if known else "u        "
    return f"{entered:%Y%m%d}{date}|||y0rusy50      ca"


def _field(tag: str, indicators: str, **subfields: str) -> Field:
    return Field(
        tag, indicators=indicators, subfields=tuple((code, value) for code, value in subfields.items() if value)
    )


def _heading(person: Person, position: int) -> Field:
    if person.role == Role.BODY:
        return _field("710" if position == 0 else "711", "02", a=person.name)
    tag = "702"
    if person.role in (Role.AUTHOR, Role.COMPOSER):
        tag = "700" if position == 0 else "701"
    surname, comma, given = person.name.partition(", ")
    is_initials = all(len(word) <= 2 for word in given.replace(".", ". ").split())
    initials = given if is_initials else " ".join(f"{word[0]}." for word in re.split(r"[\s-]+", given) if word)
    subfields = {"a": surname, "b": initials if comma else "", "f": person.dates}
    if comma and not is_initials:
        subfields["g"] = given
    return _field(tag, " 1" if comma else " 0", **subfields, **{"4": _RELATORS[Role(person.role)]})


def with_fixed_data(record: Record, fresh: Record, names: set[str]) -> Record:
    """The record with the coded forms of what was edited, taken from `fresh`: leader, dates of 100 $a."""
    leader = record.leader
    if "material_type" in names:
        leader = leader[:6] + fresh.leader[6:8] + leader[8:]
    is_dated = bool(names & {"year", "year_note"})
    dates = fresh.first("100", "a")
    return Record(
        leader,
        tuple(_with_dates(field, dates) if is_dated and field.tag == "100" else field for field in record.fields),
    )


def with_filing(title: Field) -> Field:
    """200 as it is: its non-filing words are marked in the text."""
    return title


def as_heading(field: Field, tag: str) -> Field:
    """A person or body with primary, alternative or secondary responsibility, as `tag` is."""
    return field._replace(tag=field.tag[:2] + tag[2])


def _with_dates(field: Field, fresh: str) -> Field:
    subfields = tuple(
        (code, value[:8] + fresh[8:17] + value[17:]) if code == "a" else (code, value)
        for code, value in field.subfields
    )
    return field._replace(subfields=subfields)
