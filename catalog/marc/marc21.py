"""MARC21: what its fields mean for a book (`marc21_fields` says it as a table)."""

import re
from collections.abc import Iterable
from functools import lru_cache

from catalog import cleaning, isbn, languages
from catalog.bookdata import BookData, Person
from catalog.cleaning import tidy, unique, without_isbd
from catalog.marc import roles
from catalog.marc.items import SHIPPED, CopyFields, copies
from catalog.marc.marc21_fields import BODIES, PEOPLE, SUBJECTS
from catalog.marc.record import Field, Record
from catalog.models import Contribution, MaterialType

Role = Contribution.Role

FORMAT = "marc21"

_MATERIAL = {
    "c": MaterialType.MUSIC,
    "d": MaterialType.MUSIC,
    "e": MaterialType.MAP,
    "f": MaterialType.MAP,
    "g": MaterialType.VIDEO,
    "i": MaterialType.AUDIO,
    "j": MaterialType.AUDIO,
    "k": MaterialType.IMAGE,
    "m": MaterialType.ELECTRONIC,
    "o": MaterialType.OTHER,
    "p": MaterialType.OTHER,
    "r": MaterialType.GAME,
    "t": MaterialType.MANUSCRIPT,
}
"""Leader/06 where it decides alone; a (language material) depends on leader/07."""
_NOT_BIBLIOGRAPHIC = frozenset("uvwxyzq")
"""Leader/06 of holdings, classification, authority and community records."""
_NOBODY = re.compile(r"\b(?:s\.?\s?n\.?|б\.?\s?и\.?|publisher not identified|издатель не указан)\]?$", re.IGNORECASE)
_NOWHERE = re.compile(r"\b(?:s\.?\s?l\.?|б\.?\s?м\.?|place of publication not identified)\]?$", re.IGNORECASE)
_AGENCY = re.compile(r"^\([^)]*\)")
"""What stands before the number in $w: «(DLC)   85001234»."""
_CYRILLIC = re.compile("[А-Яа-яЁёІіЇїЄєҐґЎў]")


def is_bibliographic(record: Record) -> bool:
    """Whether the record describes a book at all."""
    return record.leader[6] not in _NOT_BIBLIOGRAPHIC


def key(record: Record) -> tuple[str, bool]:
    """The control number with its agency (003), and whether the agency is known."""
    number, agency = record.control("001").strip(), record.control("003").strip()
    return (f"{agency}:{number}" if agency else number) if number else "", bool(agency)


def whole_key(record: Record) -> str:
    """The key of the set or journal that this is a volume or issue of: 773 $w; «» for an article."""
    number = _AGENCY.sub("", record.first("773", "w")).strip()
    if not number or _material(record) == MaterialType.ARTICLE:
        return ""
    agency = record.control("003").strip()
    return f"{agency}:{number}" if agency else number


def book(record: Record, known: Iterable[CopyFields] = SHIPPED[FORMAT]) -> BookData:
    """The book that the record describes, its copies as in `known`; `title` stays empty when it gives none."""
    if "880" in record:
        record = _in_original_script(record)
    title, subtitle, other_titles = _titles(record)
    year, year_note = _year(record)
    series, series_number = _series(record)
    call_number = _call_number(record)
    return BookData(
        title=title,
        subtitle=subtitle,
        volume=without_isbd(record.first("773", "g")) if whole_key(record) else "",
        other_titles=unique(other_titles),
        people=_people(record),
        isbns=tuple(dict.fromkeys(value for field in record.all("020") for value in isbn.find(field.first("a")))),
        year=year,
        year_note=year_note,
        place=_imprint(record, "a", _NOWHERE),
        publisher=_imprint(record, "b", _NOBODY),
        language=_language(record),
        edition=without_isbd(record.first("250", "a")),
        pages=without_isbd(record.first("300", "a")),
        series=series,
        series_number=series_number,
        call_number=call_number,
        description=_description(record),
        material_type=_material(record),
        genres=_genres(record),
        subjects=unique([_subject(field) for field in record.all(*SUBJECTS)]),
        copies=tuple(copies(record, known, shelf_mark=call_number)),
    )


def bad_isbns(record: Record) -> list[str]:
    """What stands where an ISBN should, and is none."""
    return [value for field in record.all("020") for value in field.all("a") if not isbn.find(value)]


def _titles(record: Record) -> tuple[str, str, list[str]]:
    other = [_joined(field, "ab", " : ") for field in record.all("246", "740")]
    other += [_joined(field, "a", "") for field in record.all("130", "240")]
    title = subtitle = ""
    for field in record.all("245"):
        main = field.first("a") or field.first("kfg")
        parts = [without_isbd(part) for part in field.all("np")]
        rest = field.all("b")
        if field.first("a").rstrip().endswith("="):
            other += [without_isbd(part) for part in rest]
        else:
            whole = " ".join(rest)
            subtitle, *parallel = re.split(r"\s=\s", whole) if "=" in whole else [whole]
            subtitle = without_isbd(subtitle)
            other += [without_isbd(part) for part in parallel]
        title = ". ".join(part for part in (without_isbd(main), ", ".join(filter(None, parts))) if part)
        if title:
            break
    title = title or next(filter(None, (without_isbd(record.first(tag, "at")) for tag in ("222", "240", "130"))), "")
    return title, subtitle, [text for text in other if text.casefold() != title.casefold()]


def _joined(field: Field, codes: str, separator: str) -> str:
    return separator.join(filter(None, (without_isbd(value) for value in field.all(codes))))


def _people(record: Record) -> tuple[Person, ...]:
    statement = record.first("245", "c")
    people: dict[tuple[str, str, str], Person] = {}
    headings = [field for field in record.fields if field[0] in _HEADINGS]
    for field in sorted(headings, key=_of_hundred) if len(headings) > 1 else headings:
        is_person = field.tag in PEOPLE
        name = _person_name(field) if is_person else _body_name(field)
        if not name:
            continue
        dates = tidy(field.first("d")).strip(" .,()") if is_person else ""
        for role in _roles(field, name, statement, is_person=is_person):
            people.setdefault((name, dates, role), Person(name=name, dates=dates, role=role))
    return tuple(people.values())


_HEADINGS = PEOPLE | BODIES


def _of_hundred(field: Field) -> str:
    return field[0][0]


def _person_name(field: Field) -> str:
    name = _TRAILING_COMMA.sub("", tidy(field.first("a")))
    if field.first("b"):
        name = f"{name} {tidy(field.first('b')).rstrip(' ,')}"
    if field.first("c"):
        name = f"{name}, {tidy(' '.join(field.all('c'))).rstrip(' ,.')}"
    return without_isbd(name)


_TRAILING_COMMA = re.compile(r"[\s,;]+$")


def _body_name(field: Field) -> str:
    main = without_isbd(field.first("a"))
    is_meeting = field.tag[1:] == "11"
    units = [without_isbd(unit) for unit in field.all("e" if is_meeting else "b")]
    meeting = tidy(" ".join(field.all("ndc")))
    name = ". ".join(filter(None, [main, *units]))
    return f"{name} {meeting}".rstrip(" .,") if meeting else name


def _roles(field: Field, name: str, statement: str, *, is_person: bool) -> list[str]:
    """The roles a heading names; failing that, what the statement of responsibility says, else the usual one."""
    words = field.all("j" if field.tag[1:] == "11" else "e")
    named = [*map(roles.of_code, field.all("4")), *map(roles.of_word, words)]
    if found := list(dict.fromkeys(role for role in named if role)):
        return list(found)
    if not is_person:
        return [Role.BODY]
    if field.tag[0] == "1":
        return [Role.OTHER if words else Role.AUTHOR]
    return [Role.OTHER if words else roles.in_statement(name, statement) or Role.OTHER]


def _year(record: Record) -> tuple[int | None, str]:
    coded = record.control("008")[7:11] if record.control("008")[6:7] not in ("n", "b") else ""
    printed = ""
    for field in record.all("264", "260"):
        if field.tag == "260" or field.indicators[1] in "1 4" or not printed:
            printed = printed or field.first("c")
    return cleaning.year(printed, coded)


def _imprint(record: Record, code: str, nothing: re.Pattern[str]) -> str:
    fields = record.all("264", "260")
    if len(fields) > 1:
        fields = sorted(fields, key=lambda field: field.tag == "264" and field.indicators[1] != "1")
    for field in fields:
        for value in field.all(code):
            if (text := without_isbd(value)) and not nothing.search(text):
                return text
    return ""


def _language(record: Record) -> str:
    return languages.code(record.control("008")[35:38]) or languages.code(record.first("041", "ad"))


def _series(record: Record) -> tuple[str, str]:
    for field in record.all("490", "440", "830", "800", "810"):
        name = without_isbd(" ".join(field.all("a" if field.tag[0] == "4" else "tap")[:1]))
        number = without_isbd(field.first("v"))
        if name and not number and " ; " in name:
            name, _, number = name.rpartition(" ; ")
        if name:
            return without_isbd(name), number
    return "", ""


def _call_number(record: Record) -> str:
    for field in record.all("084"):
        if field.first("2").startswith("rubbk"):
            return _joined(field, "ab", " ")
    for tag in ("090", "080", "082", "050"):
        for field in record.all(tag):
            return " ".join(tidy(value) for value in (field.first("a"), field.first("b")) if value)
    return ""


def _description(record: Record) -> str:
    summary = "\n\n".join(filter(None, (tidy(" ".join(field.all("ab"))) for field in record.all("520"))))
    if summary or record.leader[7] not in "ab":
        return summary
    host = next(iter(record.all("773")), None)
    return f"// {'. — '.join(filter(None, map(without_isbd, host.all('tdg'))))}" if host else ""


def _material(record: Record) -> str:
    kind, level = record.leader[6], record.leader[7]
    if kind in _MATERIAL:
        return _MATERIAL[kind]
    if level in "ab":
        return MaterialType.ARTICLE
    if level == "s":
        return MaterialType.JOURNAL
    is_online = record.control("008")[23:24] in ("o", "q", "s") or record.control("007")[:1] == "c"
    return MaterialType.ELECTRONIC if is_online else MaterialType.BOOK


def _genres(record: Record) -> tuple[str, ...]:
    forms = [without_isbd(field.first("a")) for field in record.all("655")]
    forms += [without_isbd(value) for field in record.all("650", "651", "600") for value in field.all("v")]
    return unique(forms)


@lru_cache(4096)
def _subject(field: Field) -> str:
    codes = "abcdnpt" if field.tag[1] in "01" else "a"
    if field.tag == "600":
        heading = ", ".join(filter(None, (without_isbd(value) for value in field.all("abcdt"))))
    elif field.tag == "653":
        heading = ", ".join(filter(None, (without_isbd(value) for value in field.all("a"))))
    else:
        heading = ". ".join(filter(None, (without_isbd(value) for value in field.all(codes))))
    return " — ".join(filter(None, [heading, *(without_isbd(value) for value in field.all("xyz"))]))


# --- Original script -----------------------------------------------------------------------------------------------
def _in_original_script(record: Record) -> Record:
    """Fields in Cyrillic take the place of their romanised twins; a title in any script is found as another title.

    An 880 names its twin in $6: «245-02/(N» belongs to the 245 whose $6 is «880-02».
    """
    twins = {field.first("6")[:6]: field for field in record.all("880")}
    fields: list[Field] = []
    for field in record.fields:
        link = field.first("6")
        twin = twins.get(f"{field.tag}-{link[4:6]}") if link[:3] == "880" else None
        if twin is None or field.tag == "880":
            fields.append(field)
            continue
        is_cyrillic = bool(_CYRILLIC.search("".join(value for code, value in twin.subfields if code != "6")))
        original = twin._replace(tag=field.tag)
        fields.append(original if is_cyrillic else field)
        if field.tag == "245":
            fields.append((field if is_cyrillic else original)._replace(tag="246"))
    return Record(record.leader, tuple(fields))
