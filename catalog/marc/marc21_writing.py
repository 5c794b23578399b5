"""MARC21 made from what the catalogue knows of a book; the counterpart of `marc21`.

Every field written here is read back by `marc21.book` as it was.
"""

from datetime import datetime

from catalog.bookdata import BookData, CopyData, Person
from catalog.marc import marc21
from catalog.marc.record import Field, Record
from catalog.models import Contribution, Copy, MaterialType
from library.core.text import fold

Role = Contribution.Role

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
TAGS = {
    "title": ("245",),
    "subtitle": ("245",),
    "other_titles": ("130", "240", "246", "740"),
    "people": ("100", "110", "111", "700", "710", "711"),
    "isbns": ("020",),
    "year": ("260", "264"),
    "year_note": ("260", "264"),
    "place": ("260", "264"),
    "publisher": ("260", "264"),
    "language": ("041",),
    "edition": ("250",),
    "pages": ("300",),
    "series": ("490", "440", "830", "800", "810"),
    "series_number": ("490", "440", "830", "800", "810"),
    "call_number": ("084", "090"),
    "description": ("520",),
    "genres": ("655",),
    "subjects": marc21.SUBJECTS,
    "material_type": (),
    "copies": (),
}
"""The fields that hold what a field of BookData says: those that an edit replaces."""


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
    fields += [item(copy) for copy in book.copies]
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


def item(copy: CopyData) -> Field:
    """An item as Koha writes it (952)."""
    lost, damaged = copy.status == Copy.Status.LOST, copy.status == Copy.Status.DAMAGED
    return _field(
        "952",
        "  ",
        **{
            "0": "1" if copy.status == Copy.Status.WITHDRAWN else "",
            "1": "1" if lost else "",
            "4": "1" if damaged else "",
            "7": "1" if copy.is_reference_only else "",
            "a": copy.branch,
            "b": copy.branch,
            "d": copy.acquired_on.isoformat() if copy.acquired_on else "",
            "g": "" if copy.price is None else str(copy.price),
            "i": copy.inventory_number,
            "o": copy.shelf_mark,
            "p": copy.barcode,
            "y": copy.item_type,
            "z": copy.note,
        },
    )


def edited(source: Record, fresh: Record, names: set[str]) -> Record:
    """The source with what was edited in the library: the fields of these names of BookData come from `fresh`.

    What the library does not edit stays as it is, also inside 245: statement of responsibility, medium.
    """
    doomed = {tag for name in names for tag in TAGS[name]}
    incoming = [field for field in fresh.fields if field.tag in doomed or (field.tag == "952" and "copies" in names)]
    leader = source.leader
    fields = []
    for field in source.fields:
        if field.tag == "245" and "245" in doomed:
            incoming = [_with_statement(new, field) if new.tag == "245" else new for new in incoming]
        if field.tag in doomed or ("copies" in names and marc21.is_item(field)):
            continue
        if field.tag == "880" and field.first("6")[:3] in doomed:
            continue
        if field.tag == "008":
            field = field._replace(data=_fixed_data(field.data, fresh.control("008"), names))
        if "genres" in names and field.tag in ("600", "650", "651"):
            field = field._replace(subfields=tuple(pair for pair in field.subfields if pair[0] != "v"))
        if "material_type" in names and field.tag in ("006", "007"):
            continue
        fields.append(field)
    if "material_type" in names:
        leader = leader[:6] + fresh.leader[6:8] + leader[8:]
    return Record(leader, tuple(merged(fields, incoming)))


def merged(fields: list[Field], incoming: list[Field]) -> list[Field]:
    """Each incoming field put before the first field with a higher tag."""
    result = list(fields)
    for new in incoming:
        place = next((at for at, field in enumerate(result) if field.tag > new.tag), len(result))
        result.insert(place, new)
    return result


def _with_statement(new: Field, old: Field) -> Field:
    """The new title with what else the old 245 says: $c, $h."""
    rest = tuple(pair for pair in old.subfields if pair[0] not in "abnp6")
    return new._replace(subfields=new.subfields + rest, indicators=old.indicators[0] + _non_filing(new))


def _non_filing(title: Field) -> str:
    words = title.first("a").split(" ", 1)
    return str(len(words[0]) + 1) if len(words) > 1 and fold(words[0]) in ("the", "a", "an") else "0"


def _fixed_data(old: str, fresh: str, names: set[str]) -> str:
    data = old.ljust(40)
    if names & {"year", "year_note"}:
        data = data[:6] + fresh[6:15] + data[15:]
    if "language" in names:
        data = data[:35] + fresh[35:38] + data[38:]
    if "material_type" in names:
        data = data[:23] + " " + data[24:]
    return data
