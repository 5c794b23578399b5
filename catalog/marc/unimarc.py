"""UNIMARC and RUSMARC: what their fields mean for a book.

Tags: UNIMARC Manual (IFLA) and the Russian version of the National Library of Russia. Items: 995 as in MUBIS and the
French recommendation, 899 of RUSMARC with an inventory number, 910 of IRBIS.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.conf import settings

from catalog import cleaning, isbn, languages
from catalog.bookdata import BookData, Person
from catalog.cleaning import tidy, unique, without_isbd
from catalog.marc import roles
from catalog.marc.items import SHIPPED, CopyFields, copies
from catalog.marc.record import Field, Record
from catalog.marc.unimarc_fields import BODIES, PEOPLE, SUBJECTS
from catalog.models import Contribution, MaterialType

Role = Contribution.Role

FORMAT = "unimarc"

_MATERIAL = {
    "b": MaterialType.MANUSCRIPT,
    "c": MaterialType.MUSIC,
    "d": MaterialType.MUSIC,
    "e": MaterialType.MAP,
    "f": MaterialType.MAP,
    "g": MaterialType.VIDEO,
    "i": MaterialType.AUDIO,
    "j": MaterialType.AUDIO,
    "k": MaterialType.IMAGE,
    "l": MaterialType.ELECTRONIC,
    "m": MaterialType.ELECTRONIC,
    "r": MaterialType.GAME,
}
"""Leader/06 where it decides alone; a (language material) depends on leader/07."""
_NOT_BIBLIOGRAPHIC = frozenset("xyzwuv")
_PART = re.compile(
    r"(?:вып|ч|т|кн|часть|том|книга|выпуск|сб|bd|vol|v|pt|no|n|t|tome|band|teil|№)[\s.]*[\d\[IVXLC]", re.IGNORECASE
)
"""A title that only says which part it is: «Вып. 13», «Ч. 1», «Т. II»."""
_NOBODY = re.compile(r"\b(?:s\.?\s?n\.?|б\.?\s?и\.?)\]?$", re.IGNORECASE)
_NOWHERE = re.compile(r"\b(?:s\.?\s?l\.?|б\.?\s?м\.?)\]?$", re.IGNORECASE)


def is_bibliographic(record: Record) -> bool:
    """Whether the record describes a book at all."""
    return record.leader[6] not in _NOT_BIBLIOGRAPHIC


def key(record: Record) -> tuple[str, bool]:
    """The control number with its agency, and whether the agency is known.

    «RU\\NLR\\bibl\\3415» holds the agency itself; a bare number takes that of 801.
    """
    number, agency = record.control("001").strip(), tidy(record.first("801", "b"))
    if not number or "\\" in number:
        return number, bool(number)
    return f"{agency}:{number}" if agency else number, bool(agency)


def whole_key(record: Record) -> str:
    """The key of the set or journal that this is a volume or issue of: 001 within 461; «» for an article."""
    if _material(record) == MaterialType.ARTICLE:
        return ""
    for field in record.all("461"):
        for inner in field.embedded():
            if inner.tag == "001" and (number := inner.data.strip()):
                agency = "" if "\\" in number else tidy(record.first("801", "b"))
                return f"{agency}:{number}" if agency else number
    return ""


def book(record: Record, known: Iterable[CopyFields] = SHIPPED[FORMAT]) -> BookData:
    """The book that the record describes, its copies as in `known`; `title` stays empty when it gives none."""
    title, subtitle, volume, other_titles = _titles(record)
    series, series_number = _series(record)
    call_number = _call_number(record)
    year, year_note = cleaning.year(
        record.first("210", "d") or record.first("214", "d"), record.first("100", "a")[9:13]
    )
    return BookData(
        title=title,
        subtitle=subtitle,
        volume=volume,
        other_titles=unique(other_titles),
        people=_people(record),
        isbns=tuple(
            dict.fromkeys(value for field in record.all("010") for text in field.all("az") for value in isbn.find(text))
        ),
        year=year,
        year_note=year_note,
        place=_imprint(record, "a", _NOWHERE),
        publisher=_imprint(record, "c", _NOBODY),
        language=next(filter(None, map(languages.code, _all(record, "101", "a"))), ""),
        edition=without_isbd(record.first("205", "a")),
        pages=without_isbd(record.first("215", "a")),
        series=series,
        series_number=series_number,
        call_number=call_number,
        description=_description(record),
        material_type=_material(record),
        genres=unique([without_isbd(value) for value in _all(record, "608", "a") + _all(record, "606", "j")]),
        subjects=unique([heading for field in record.all(*SUBJECTS) for heading in _subjects(field)]),
        copies=tuple(
            copies(
                record,
                known,
                shelf_mark=call_number,
                price=usual_price(record),
                currency=settings.LIBRARY_CURRENCY,
            )
        ),
    )


def is_part(title: str) -> bool:
    """Whether a title only says which part it is: «Вып. 13»."""
    return bool(_PART.match(title))


def bad_isbns(record: Record) -> list[str]:
    """What stands where an ISBN should, and is none. $z holds numbers that are wrong on purpose."""
    return [value for value in _all(record, "010", "a") if not isbn.find(value)]


def _all(record: Record, tag: str, codes: str) -> list[str]:
    return [value for field in record.all(tag) for value in field.all(codes)]


def _titles(record: Record) -> tuple[str, str, str, list[str]]:
    """Title, subtitle, volume, other titles. A part that is only numbered is called as its whole."""
    other = [without_isbd(value) for value in _all(record, "200", "d")]
    other += [without_isbd(value) for tag in ("500", "510", "512", "517", "532") for value in _all(record, tag, "a")]
    other += [text for text in (_linked_title(field) for field in record.all("454")) if text]
    title = subtitle = volume = ""
    parent = _parent_title(record)
    for field in record.all("200"):
        main = " ; ".join(filter(None, (without_isbd(value) for value in field.all("a"))))
        parts = [without_isbd(value) for value in field.all("hi")]
        title = ". ".join(filter(None, [main, ", ".join(filter(None, parts))]))
        if parent and (field.indicators[0] == "0" or is_part(title) or not title):
            title, volume = parent, title
        subtitle = " : ".join(filter(None, (without_isbd(value) for value in field.all("e"))))
        if title:
            break
    title = title or parent or without_isbd(record.first("500", "a"))
    if parent and not volume and _material(record) != MaterialType.ARTICLE:
        volume = next(filter(None, (without_isbd(value) for value in _all(record, "461", "v"))), "")
    return title, subtitle, volume, [text for text in other if text.casefold() != title.casefold()]


def _parent_title(record: Record) -> str:
    """The title of the whole that this is a part of: the set (461), then the subset (462)."""
    return ". ".join(unique([_linked_title(field) for field in record.all("461", "462")]))


def _linked_title(field: Field) -> str:
    for inner in field.embedded():
        if inner.tag in ("200", "500"):
            return without_isbd(inner.first("a"))
    return without_isbd(field.first("t"))


def _people(record: Record) -> tuple[Person, ...]:
    statement = " ; ".join(tidy(value) for value in _all(record, "200", "fg"))
    people: dict[tuple[str, str, str], Person] = {}
    for field in record.fields:
        is_person = field.tag in PEOPLE
        if not is_person and field.tag not in BODIES:
            continue
        name = _person_name(field) if is_person else _body_name(field)
        if not name:
            continue
        dates = tidy(field.first("f")).strip(" .,()") if is_person else ""
        for role in _roles(field, name, statement, is_person=is_person):
            people.setdefault((name, dates, role), Person(name=name, dates=dates, role=role))
    return tuple(people.values())


def _person_name(field: Field) -> str:
    """«Толстой» + «Лев Николаевич» ($g) or «Л. Н.» ($b); numeration ($d) and additions ($c) follow."""
    name = tidy(field.first("a")).strip(" ,")
    rest = (tidy(field.first("g")) or tidy(field.first("b"))).strip(" ,")
    if rest:
        name = f"{name}, {rest}" if field.indicators[1] != "0" else f"{name} {rest}"
    if field.first("d"):
        name = f"{name} {tidy(field.first('d')).strip(' ,')}"
    if field.first("c"):
        name = f"{name}, {tidy(field.first('c')).strip(' ,()')}"
    return without_isbd(name)


def _body_name(field: Field) -> str:
    name = ". ".join(filter(None, (without_isbd(value) for value in field.all("ab"))))
    meeting = " : ".join(tidy(value).strip(" ()") for value in field.all("dfe"))
    return f"{name} ({meeting})" if name and meeting else name


def _roles(field: Field, name: str, statement: str, *, is_person: bool) -> list[str]:
    """The roles of $4; where it says only «collaborator» or nothing, what the statement of responsibility says."""
    if found := list(dict.fromkeys(role for role in map(_role, field.all("4")) if role)):
        return list(found)
    if not is_person:
        return [Role.BODY]
    if field.tag in ("700", "701"):
        return [Role.AUTHOR]
    return [roles.in_statement(name, statement) or Role.OTHER]


def _role(code: str) -> str | None:
    return roles.of_code(code) or (roles.of_word(code) if not code.strip().isdigit() else None)


def _imprint(record: Record, code: str, nothing: re.Pattern[str]) -> str:
    for value in [*_all(record, "210", code), *_all(record, "214", code)]:
        if (text := without_isbd(value)) and not nothing.search(text):
            return text
    return ""


def _series(record: Record) -> tuple[str, str]:
    for field in record.all("225"):
        if name := without_isbd(field.first("a")):
            return name, without_isbd(field.first("v"))
    for field in record.all("410", "461"):
        if name := _linked_title(field):
            numbers = [inner.first("v") for inner in field.embedded()] + [field.first("v")]
            return name, without_isbd(next(filter(None, numbers), ""))
    return "", ""


def _call_number(record: Record) -> str:
    """That of the first copy, else ББК, else what stands for it: УДК, Dewey, the local shelf mark."""
    if value := record.first("995", "l"):
        return tidy(value)
    for field in record.all("686"):
        if field.first("2") == "rubbk" and not field.first("v"):
            return tidy(field.first("a"))
    for tag in ("686", "676", "675", "930"):
        if value := record.first(tag, "a"):
            return tidy(value)
    return ""


def _description(record: Record) -> str:
    summary = "\n\n".join(filter(None, map(tidy, _all(record, "330", "a"))))
    if summary or record.leader[7] != "a":
        return summary
    for field in record.all("463", "461"):
        inner = field.embedded()
        parts = [_linked_title(field)]
        parts += [tidy(each.first("d")) for each in inner if each.tag == "210"]
        parts += [tidy(each.first("v")) for each in inner if each.tag == "200"]
        parts += [tidy(each.first("a")) for each in inner if each.tag == "215"]
        if parts[0]:
            return f"// {'. — '.join(filter(None, parts))}"
    return ""


def _material(record: Record) -> str:
    kind, level = record.leader[6], record.leader[7]
    if kind in _MATERIAL:
        return _MATERIAL[kind]
    if level == "a":
        return MaterialType.ARTICLE
    return MaterialType.JOURNAL if level == "s" else MaterialType.BOOK


def _subjects(field: Field) -> Iterator[str]:
    if field.tag == "610":
        yield from (without_isbd(value) for value in field.all("a"))
        return
    if field.tag == "600":
        heading = _person_name(field)
    elif field.tag in ("604", "605"):
        heading = without_isbd(field.first("a")) or ". ".join(
            without_isbd(inner.first("a")) for inner in field.embedded() if inner.first("a")
        )
    else:
        heading = ". ".join(filter(None, (without_isbd(value) for value in field.all("ab"))))
    yield " — ".join(filter(None, [heading, *(without_isbd(value) for value in field.all("xyz"))]))


def usual_price(record: Record) -> Decimal | None:
    """The price of 010 $d, for copies without their own, unless it is in another currency than the library's."""
    amount, currency = cleaning.price(record.first("010", "d"))
    return amount if currency in ("", settings.LIBRARY_CURRENCY) else None
