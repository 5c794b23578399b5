"""What one source says of an ISBN, and how the answers of all become one. Pure: no network, no database.

JSON from outside is believed in nothing: a field of another type than its documentation says counts as missing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from catalog import names
from catalog.bookdata import Person
from catalog.cleaning import mended, tidy
from catalog.languages import code
from catalog.marc import roles
from catalog.models import Contribution
from library.core.text import fold

MOST_PEOPLE = 12
MOST_SUBJECTS = 8
LONGEST_DESCRIPTION = 4000
"""Characters: what is longer is no description of a book but a chapter of it."""

_YEAR = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?!\d)")
_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>")
_CYRILLIC = re.compile("[А-Яа-яЁёІіЇїЄєЎў]")
_IN_CYRILLIC = ("9785", "978985", "978966", "978617", "978601", "9789967")
"""Beginnings of ISBNs of Russia and its predecessors, Belarus, Ukraine, Kazakhstan, Kyrgyzstan."""
_COUNTED_IN_RUSSIAN = frozenset({"rus", "ukr", "bel"})


class Source(StrEnum):
    """Who says it."""

    OPEN_LIBRARY = "open_library"
    GOOGLE_BOOKS = "google_books"


class Scalars(NamedTuple):
    """Fields with one value each, of which the best source's is taken."""

    title: str = ""
    subtitle: str = ""
    language: str = ""
    year: str = ""
    place: str = ""
    publisher: str = ""
    edition: str = ""
    pages: str = ""
    series: str = ""
    series_number: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A description by one source, tidied: names as in an index, the language by its three letters, the year alone."""

    source: Source
    scalars: Scalars
    people: tuple[Person, ...] = ()
    subjects: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    """Addresses of pictures, the largest first."""


class Said(NamedTuple):
    """A value and who said it."""

    value: Any
    source: Source


@dataclass(frozen=True, slots=True)
class Merged:
    """What all sources together say: by field the values in order of preference, each different one once."""

    fields: Mapping[str, Sequence[Said]] = field(default_factory=dict)
    covers: Sequence[Said] = ()


BY_CATALOGUERS = (Source.OPEN_LIBRARY, Source.GOOGLE_BOOKS)
"""Open Library's records come from library catalogues and are corrected by hand; only it knows place, series, edition,
the parts people had in a book, and «xii, 240 p.» as printed."""
BY_PUBLISHERS = (Source.GOOGLE_BOOKS, Source.OPEN_LIBRARY)
"""Google Books has what publishers send to shops: the blurb in the book's own language."""
PREFERENCE: Mapping[str, Sequence[Source]] = {
    **dict.fromkeys((*Scalars._fields, "people", "subjects"), BY_CATALOGUERS),
    "description": BY_PUBLISHERS,
}
"""Field -> whose word counts most. A rule that comes before it: of a book from a country that writes in Cyrillic, a
source that does so, too, comes before one that romanises."""


def merge(isbn: str, findings: Iterable[Finding]) -> Merged:
    """One description out of several."""
    by_source = {finding.source: finding for finding in findings}
    fields: dict[str, Sequence[Said]] = {}
    for name, preference in PREFERENCE.items():
        said = [
            Said(value, source)
            for source in _in_script(isbn, preference, by_source)
            if source in by_source and (value := _value(by_source[source], name))
        ]
        if said:
            fields[name] = _each_once(said)
    covers = [
        Said(address, source)
        for source in BY_CATALOGUERS
        if source in by_source
        for address in by_source[source].covers
    ]
    return Merged(fields, covers)


def _value(finding: Finding, name: str) -> Any:
    return getattr(finding.scalars, name, None) or getattr(finding, name, None)


def _in_script(isbn: str, preference: Sequence[Source], findings: Mapping[Source, Finding]) -> list[Source]:
    if not isbn.startswith(_IN_CYRILLIC):
        return list(preference)
    romanised = {source for source, finding in findings.items() if not _CYRILLIC.search(finding.scalars.title)}
    return sorted(preference, key=lambda source: source in romanised)


def _each_once(said: Sequence[Said]) -> list[Said]:
    kept: dict[str, Said] = {}
    for entry in said:
        kept.setdefault(fold(repr(entry.value)), entry)
    return list(kept.values())


# --- Open Library ----------------------------------------------------------------------------------------------------
def open_library(data: Any, details: Any) -> Finding | None:
    """What /api/books says of one book: `data` by jscmd=data (works included), `details` by jscmd=details (the edition
    as it is kept); either may be missing. None: it knows no such book.
    """
    data, edition = _mapping(data), _mapping(_mapping(details).get("details"))
    title = _text(data.get("title")) or _text(edition.get("title"))
    if not title:
        return None
    language = code(_text(_first(edition.get("languages")), "key").removeprefix("/languages/"))
    series, number = _series(_text(_first(edition.get("series"))))
    pages = _text(data.get("pagination")) or _text(edition.get("pagination"))
    count = data.get("number_of_pages") or edition.get("number_of_pages")
    pages = pages.rstrip(" :;,") if pages and not pages.isdigit() else _extent(pages or count, language)
    return Finding(
        source=Source.OPEN_LIBRARY,
        scalars=Scalars(
            title=title,
            subtitle=_text(data.get("subtitle")) or _text(edition.get("subtitle")),
            language=language,
            year=_year(data.get("publish_date") or edition.get("publish_date")),
            place=_text(_first(data.get("publish_places")), "name") or _text(_first(edition.get("publish_places"))),
            publisher=_text(_first(data.get("publishers")), "name") or _text(_first(edition.get("publishers"))),
            edition=_text(edition.get("edition_name")),
            pages=pages,
            series=series,
            series_number=number,
            description=_prose(edition.get("description")),
        ),
        people=_people(
            [(_text(author, "name"), "") for author in _list(data.get("authors")) or _list(edition.get("authors"))]
            + [(_text(person, "name"), _text(person, "role")) for person in _list(edition.get("contributors"))]
        ),
        subjects=_subjects(_text(subject, "name") for subject in _list(data.get("subjects"))),
        covers=_open_library_covers(_mapping(data.get("cover"))),
    )


def _open_library_covers(cover: Mapping[str, Any]) -> tuple[str, ...]:
    addresses = [_text(cover.get(size)) for size in ("large", "medium")]
    return tuple(f"{address}?default=false" if "?" not in address else address for address in addresses if address)


def _series(text: str) -> tuple[str, str]:
    """«Библиотека всемирной литературы ; т. 5» and «Puffin books, 23» as series and number."""
    name, _sign, number = text.partition(";")
    if not number and (match := re.fullmatch(r"(.+?),? *[(#]? *((?:№|no\.?|vol\.?|т\.|вып\.)? *\d+)\)?", text)):
        name, number = match[1], match[2]
    return name.strip(" ,"), number.strip()


# --- Google Books ----------------------------------------------------------------------------------------------------
def google_books(answer: Any, isbn: str) -> Finding | None:
    """What /books/v1/volumes says: the volume that bears this very ISBN; None when there is none."""
    for item in _list(_mapping(answer).get("items")):
        volume = _mapping(_mapping(item).get("volumeInfo"))
        numbers = {_text(entry, "identifier").upper() for entry in _list(volume.get("industryIdentifiers"))}
        if numbers.isdisjoint({isbn, _ten(isbn)}) or not _text(volume.get("title")):
            continue
        language = code(_text(volume.get("language")))
        return Finding(
            source=Source.GOOGLE_BOOKS,
            scalars=Scalars(
                title=_text(volume.get("title")),
                subtitle=_text(volume.get("subtitle")),
                language=language,
                year=_year(volume.get("publishedDate")),
                publisher=_text(volume.get("publisher")).strip('"«»'),
                pages=_extent(volume.get("pageCount"), language),
                description=_prose(volume.get("description")),
            ),
            people=_people([(_text(name), "") for name in _list(volume.get("authors"))]),
            subjects=_subjects(_text(category) for category in _list(volume.get("categories"))),
            covers=_google_covers(_mapping(volume.get("imageLinks"))),
        )
    return None


def _google_covers(links: Mapping[str, Any]) -> tuple[str, ...]:
    """By https and without the drawn page corner."""
    sizes = ("extraLarge", "large", "medium", "thumbnail")
    addresses = [_text(links.get(size)).replace("&edge=curl", "") for size in sizes]
    return tuple(re.sub(r"^http://(?=books\.google\.)", "https://", address) for address in addresses if address)


def _ten(isbn: str) -> str:
    """The same number in the form of before 2007."""
    digits = isbn[3:12]
    rest = -sum((10 - place) * int(digit) for place, digit in enumerate(digits)) % 11
    return digits + ("X" if rest == 10 else str(rest))


# --- Values of any type ----------------------------------------------------------------------------------------------
def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(value: Any) -> Any:
    return next(iter(_list(value)), value if isinstance(value, str | dict) else None)


def _text(value: Any, name: str = "value") -> str:
    """One tidy line: a string, a number, or the member `name` of an object."""
    if isinstance(value, dict):
        value = value.get(name, value.get("value"))
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return tidy(mended(value)) if isinstance(value, str) else ""


def _prose(value: Any) -> str:
    """A description: a string or {"type": "/type/text", "value": …}; without tags; paragraphs stay."""
    value = value.get("value") if isinstance(value, dict) else value
    if not isinstance(value, str):
        return ""
    lines = [tidy(_TAGS.sub(" ", line)) for line in re.sub(r"<br */?>|</?p>", "\n", mended(value)).splitlines()]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return text if len(text) <= LONGEST_DESCRIPTION else text[:LONGEST_DESCRIPTION].rsplit(" ", 1)[0] + "…"


def _year(value: Any) -> str:
    """The year in «October 1, 1988», «1988-10», «c1988», 1988; «» where there is none, or more than one."""
    found = set(_YEAR.findall(_text(value)))
    return found.pop() if len(found) == 1 else ""


def _extent(count: Any, language: str) -> str:
    """«240 с.» or «240 p.»; nothing for a book of no pages."""
    number = _text(count)
    if not number.isdigit() or not 0 < int(number[:9]) < 30_000:
        return ""
    return f"{number} с." if language in _COUNTED_IN_RUSSIAN else f"{number} p."


def _people(given: Iterable[tuple[str, str]]) -> tuple[Person, ...]:
    """Names with the words for their parts, as persons; nobody twice, and nobody whose name has no letters."""
    people: dict[str, Person] = {}
    for name, part in given:
        inverted = names.inverted(name)
        role = roles.of_word(part)
        if any(letter.isalpha() for letter in inverted):
            default = Contribution.Role.OTHER if part else Contribution.Role.AUTHOR
            people.setdefault(fold(inverted), Person(name=inverted, role=role or default))
    return tuple(people.values())[:MOST_PEOPLE]


def _subjects(given: Iterable[str]) -> tuple[str, ...]:
    """Headings, without codes such as «nyt:hardcover» and «Accessible book»."""
    kept = {fold(text): text for text in given if text and ":" not in text and "=" not in text and len(text) <= 80}
    kept.pop("accessible book", None)
    kept.pop("protected daisy", None)
    return tuple(kept.values())[:MOST_SUBJECTS]
