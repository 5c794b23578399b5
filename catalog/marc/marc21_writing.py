"""MARC21 made from what the catalogue knows of a book; the counterpart of `marc21`.

Every field written here is read back by `marc21.book` as it was.
"""

from datetime import datetime

from catalog.bookdata import BookData, Person
from catalog.marc import marc21
from catalog.marc.items import USUAL, field_of
from catalog.marc.marc21_fields import PLACES as PLACES
from catalog.marc.marc21_fields import TAGS as TAGS
from catalog.marc.record import Field, Record
from catalog.models import Contribution, MaterialType
from library.core.text import fold

Role = Contribution.Role
reading = marc21
"""The counterpart."""
LINKS = ()
"""Fields from which title and series are read when the record describes a part."""

_LEADERS = {
    MaterialType.BOOK: "am",
    MaterialType.JOURNAL: "as",
    MaterialType.ARTICLE: "aa",
    MaterialType.MUSIC: "cm",
    MaterialType.MAP: "em",
    MaterialType.AUDIO: "jm",
    MaterialType.VIDEO: "gm",
    MaterialType.IMAGE: "km",
    MaterialType.ELECTRONIC: "mm",
    MaterialType.MANUSCRIPT: "tm",
    MaterialType.GAME: "rm",
    MaterialType.OTHER: "om",
}
"""Leader/06-07 by material."""
_RELATORS = {
    Role.AUTHOR: "aut",
    Role.EDITOR: "edt",
    Role.TRANSLATOR: "trl",
    Role.ILLUSTRATOR: "ill",
    Role.COMPILER: "com",
    Role.COMPOSER: "cmp",
    Role.NARRATOR: "nrt",
    Role.ARTIST: "art",
    Role.FOREWORD: "aui",
    Role.OTHER: "oth",
}


def record(book: BookData, *, number: str, agency: str, entered: datetime, changed: datetime) -> Record:
    """A record of the book, with the control number `number` of the library `agency` («»: none)."""
    kind = _LEADERS[MaterialType(book.material_type)]
    fields = [Field("001", data=number)]
    if agency:
        fields.append(Field("003", data=agency))
    fields += [
        Field("005", data=f"{changed:%Y%m%d%H%M%S}.0"),
        Field("008", data=fixed_data(book, entered)),
        *(_field("020", "  ", a=value) for value in book.isbns),
    ]
    if agency:
        fields.append(_field("040", "  ", a=agency, c=agency))
    if book.language:
        fields.append(_field("041", "  ", a=book.language))
    if book.call_number:
        fields.append(_field("090", "  ", a=book.call_number))
    fields += _people(book)[:1]
    fields.append(_field("245", "10", a=book.title, b=book.subtitle))
    fields += [_field("246", "3 ", a=title) for title in book.other_titles]
    if book.edition:
        fields.append(_field("250", "  ", a=book.edition))
    if book.place or book.publisher or book.year is not None or book.year_note:
        printed = book.year_note or ("" if book.year is None else str(book.year))
        fields.append(_field("264", " 1", a=book.place, b=book.publisher, c=printed))
    if book.pages:
        fields.append(_field("300", "  ", a=book.pages))
    if book.series:
        fields.append(_field("490", "0 ", a=book.series, v=book.series_number))
    if book.description:
        fields += [_field("520", "  ", a=part) for part in book.description.split("\n\n")]
    fields += [_subject(heading) for heading in book.subjects]
    fields += [_field("655", " 4", a=name) for name in book.genres]
    fields += _people(book)[1:]
    if book.whole and book.material_type != MaterialType.ARTICLE:
        fields.append(_field("773", "08", t=book.whole, g=book.volume))
    fields += [field_of(copy, USUAL["marc21"]) for copy in book.copies]
    return Record(f"00000n{kind} a2200000 c 4500", tuple(fields))


def fixed_data(book: BookData, entered: datetime) -> str:
    """008: entered on, date, place unknown, language."""
    known = book.year is not None and 0 < book.year < 10000
    dates = f"s{book.year:04}    " if known else "nuuuuuuuu"
    return f"{entered:%y%m%d}{dates}xx {' ' * 17}{book.language or 'und'} d"


def _field(tag: str, indicators: str, **subfields: str) -> Field:
    return Field(
        tag, indicators=indicators, subfields=tuple((code, value) for code, value in subfields.items() if value)
    )


def _people(book: BookData) -> list[Field]:
    """The main entry, if the first name is a responsible one, then the added entries. The first is always returned."""
    fields = []
    for position, person in enumerate(book.people):
        is_main = position == 0 and person.role in (Role.AUTHOR, Role.COMPOSER, Role.BODY)
        fields.append(_heading(person, "1" if is_main else "7"))
    return fields


def _heading(person: Person, kind: str) -> Field:
    if person.role == Role.BODY:
        return _field(f"{kind}10", "2 ", a=person.name)
    relator = _RELATORS[Role(person.role)]
    return _field(f"{kind}00", "1 " if "," in person.name else "0 ", a=person.name, d=person.dates, **{"4": relator})


def _subject(heading: str) -> Field:
    main, *subdivisions = heading.split(" — ")
    return Field("650", indicators=" 4", subfields=(("a", main), *(("x", part) for part in subdivisions)))


def with_fixed_data(record: Record, fresh: Record, names: set[str]) -> Record:
    """The record with the coded forms of what was edited, taken from `fresh`: leader, 008; 006 and 007 may be wrong."""
    leader = record.leader
    fields = record.fields
    if "material_type" in names:
        leader = leader[:6] + fresh.leader[6:8] + leader[8:]
        fields = tuple(field for field in fields if field.tag not in ("006", "007"))
    return Record(
        leader,
        tuple(
            field._replace(data=_fixed_data(field.data, fresh.control("008"), names)) if field.tag == "008" else field
            for field in fields
        ),
    )


def with_filing(title: Field) -> Field:
    """245 with the number of characters of its article in the second indicator."""
    if title.tag != "245":
        return title
    words = title.first("a").split(" ", 1)
    skipped = len(words[0]) + 1 if len(words) > 1 and fold(words[0]) in ("the", "a", "an") else 0
    return title._replace(indicators=f"{title.indicators[0]}{skipped}")


def as_heading(field: Field, tag: str) -> Field:
    """A person or body as main (1XX) or added entry (7XX), as `tag` is."""
    return field._replace(tag=tag[0] + field.tag[1:])


def _fixed_data(old: str, fresh: str, names: set[str]) -> str:
    if not names & {"year", "year_note", "language", "material_type"}:
        return old
    data = old.ljust(40)
    if names & {"year", "year_note"}:
        data = data[:6] + fresh[6:15] + data[15:]
    if "language" in names:
        data = data[:35] + fresh[35:38] + data[38:]
    if "material_type" in names:
        data = data[:23] + " " + data[24:]
    return data
