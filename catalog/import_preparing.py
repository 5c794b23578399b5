"""Arrivals made ready for the database: everything about a new book that can be said without asking it.

It is done where the file is read, by another thread or process than the one that writes: cutting texts to the length of
their columns, folding names, the words for the search, rows as text.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from django.db import models

from catalog.bookdata import SCALARS, BookData, Incoming, Person
from catalog.import_names import Named, named
from catalog.models import NAME_LENGTH, Book, folded_name
from catalog.problems import Problem, Remark
from catalog.rows import escaped
from catalog.search import MAIN_ROLES
from catalog.search_text import codes_of_book, said
from catalog.titles import LONGEST_VOLUME, sort_title, volume_key

LONGEST_TEXT = 100_000
"""Characters of a description or of all other titles."""
BOOK_COLUMNS = (*SCALARS, "other_titles", "sort_title", "volume", "volume_key")
"""The columns of Book that `Ready.columns` holds."""


class Ready(NamedTuple):
    """A book as it will be written."""

    book: BookData
    """`fitted`."""
    cuts: tuple[Remark, ...]
    """What had to be cut for that."""
    named: Named
    columns: str
    """`BOOK_COLUMNS` in the text format of COPY."""
    sort_title: str
    sort_author: str
    lexemes: str
    """`Said.lexemes` and the codes of the book, as long as its authors have no other names than those here."""
    spelled: str
    """`Said.spelled`."""
    content: str
    """The source record in the text format of COPY."""


def made_ready(incoming: Incoming) -> Ready | None:
    """What will be written if the book is new; None where there is no book."""
    if incoming.book is None:
        return None
    book, cuts = fitted(incoming.book)
    names = named(book)
    other_titles = "\n".join(book.other_titles)
    filed = sort_title(book.title, book.language)
    main = [folded for folded, _dates, role, _name in names.people if role in MAIN_ROLES]
    text = said(
        title=book.title,
        other_titles=f"{other_titles} {book.volume}",
        subtitle=book.subtitle,
        description=book.description,
        main_names=main,
        other_names=[folded for folded, _dates, role, _name in names.people if role not in MAIN_ROLES],
        variants=(),
        publisher=names.publisher[0] if names.publisher else "",
        series=names.series[0] if names.series else "",
        subjects=[folded for folded, _ in names.subjects],
        genres=[folded for folded, _ in names.genres],
        codes=codes_of_book(
            isbns=book.isbns,
            call_number=book.call_number,
            year=book.year,
            language=book.language,
            material_type=str(book.material_type),
        ),
    )
    columns = [_value(getattr(book, name)) for name in SCALARS]
    return Ready(
        book=book,
        cuts=tuple(cuts),
        named=names,
        columns="\t".join([*columns, *map(escaped, (other_titles, filed, book.volume, volume_key(book.volume)))]),
        sort_title=filed,
        sort_author=main[0] if main else filed,
        lexemes=text.lexemes,
        spelled=text.spelled,
        content=escaped(incoming.content()) if incoming.content else "{}",
    )


def _value(value: Any) -> str:
    return "\\N" if value is None else escaped(str(value))


# --- Fitting into the database -------------------------------------------------------------------------------------
_LENGTHS = {
    field.name: field.max_length
    for field in Book._meta.get_fields()
    if isinstance(field, models.CharField) and field.name in SCALARS and field.max_length and not field.choices
} | {"publisher": NAME_LENGTH, "series": NAME_LENGTH, "volume": LONGEST_VOLUME}
_DATES = 60


def fitted(book: BookData) -> tuple[BookData, list[Remark]]:
    """The book with every text as long as its column allows, names once each, and a remark for each text cut."""
    cut: list[str] = []

    def short(name: str, text: str, length: int) -> str:
        if len(text) <= length:
            return text
        cut.append(name)
        return text[: length - 1].rstrip() + "…"

    changes: dict[str, Any] = {}
    for name, length in _LENGTHS.items():
        if len(text := getattr(book, name)) > length:
            changes[name] = short(name, text, length)
    for name in ("genres", "subjects"):
        listed = tuple(
            text if len(text) <= NAME_LENGTH else short(name, text, NAME_LENGTH) for text in getattr(book, name)
        )
        if (once := _once_each(listed)) != getattr(book, name):
            changes[name] = once
    people: dict[tuple[str, str, str], Person] = {}
    for person in book.people:
        if len(person.name) > NAME_LENGTH or len(person.dates) > _DATES:
            name, dates = short("people", person.name, NAME_LENGTH), short("people", person.dates, _DATES)
            person = replace(person, name=name, dates=dates)
        people.setdefault((folded_name(person.name), person.dates, person.role), person)
    if tuple(people.values()) != book.people:
        changes["people"] = tuple(people.values())
    if len(book.description) > LONGEST_TEXT:
        changes["description"] = short("description", book.description, LONGEST_TEXT)
    if sum(map(len, book.other_titles)) > LONGEST_TEXT:
        changes["other_titles"] = tuple(short("other_titles", text, 1000) for text in book.other_titles[:50])
    remarks = [Remark(Problem.TEXT_CUT, {"field": name}) for name in dict.fromkeys(cut)]
    return (replace(book, **changes) if changes else book), remarks


def _once_each(names: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, str] = {}
    for name in names:
        kept.setdefault(folded_name(name), name)
    return tuple(kept.values())
