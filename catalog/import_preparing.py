"""Arrivals made ready for the database: everything about a new book that can be said without asking it.

It is done where the file is read, by another thread or process than the one that writes: cutting texts to the length of
their columns, folding names, the words for the search, rows as text.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import attrgetter, gt
from typing import Any, NamedTuple

from django.db import models

from catalog.bookdata import SCALARS, BookData, CopyData, Incoming, Person
from catalog.import_names import Named, named
from catalog.models import NAME_LENGTH, Book, Copy, folded_name
from catalog.problems import Problem, Remark
from catalog.rows import escaped
from catalog.search import MAIN_ROLES, codes_of_numbers, filed
from catalog.search_text import codes_of_book, said
from catalog.titles import LONGEST_VOLUME, sort_title, volume_key

LONGEST_TEXT = 100_000
"""Characters of a description or of all other titles."""
BOOK_COLUMNS = ("uid", *SCALARS, "other_titles", "sort_title", "volume", "volume_key")
"""The columns of Book that `Ready.columns` holds."""
COPY_COLUMNS = ("shelf_mark", "status", "is_reference_only", "price", "acquired_on", "note")
"""The columns of Copy that `ReadyCopy.columns` holds."""
GONE = (Copy.Status.LOST, Copy.Status.WITHDRAWN)


class ReadyCopy(NamedTuple):
    """A copy as it will be written."""

    inventory_number: str
    """The barcode, where the record gives none."""
    barcode: str
    branch: str
    item_type: str
    uid: str
    columns: str
    """`COPY_COLUMNS` in the text format of COPY."""
    codes: str
    """`codes_of_numbers`, where both numbers are given."""
    is_owned: bool
    is_on_shelf: bool
    cuts: tuple[Remark, ...]
    """What had to be cut to the length of its column."""


class Ready(NamedTuple):
    """A book as it will be written."""

    title: str
    year: int | None
    isbns: tuple[str, ...]
    material_type: str
    call_number: str
    cuts: tuple[Remark, ...]
    """What had to be cut to the length of its column."""
    named: Named
    copies: tuple[ReadyCopy, ...]
    columns: str
    """`BOOK_COLUMNS` in the text format of COPY."""
    filed: str
    """Of the search entry, as `catalog.search.filed` gives it."""
    lexemes: str
    """`Said.lexemes` and the codes of the book, as long as its authors have no other names than those here; in the text
    format of COPY."""
    content: str
    """The source record in the text format of COPY."""
    book: BookData | None
    """`fitted`. Of a record that another process read it stays there: `catalog.merging.book_of_arrival` gives it."""


def made_ready(incoming: Incoming, *, uids: Iterator[str], words: set[str]) -> Ready | None:
    """What will be written if the book is new; None where there is no book. Its words are added to `words`."""
    if incoming.book is None:
        return None
    book, cuts = fitted(incoming.book)
    names = named(book)
    other_titles = "\n".join(book.other_titles)
    sorted_by = sort_title(book.title, book.language)
    main = [folded for folded, _dates, role, _name in names.people if role in MAIN_ROLES]
    material_type = str(book.material_type)
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
            material_type=material_type,
        ),
    )
    words |= text.words
    columns = map(_value, _scalars_of(book))
    rest = map(escaped, (other_titles, sorted_by, book.volume, volume_key(book.volume)))
    return Ready(
        title=book.title,
        year=book.year,
        isbns=book.isbns,
        material_type=material_type,
        call_number=book.call_number,
        cuts=tuple(cuts),
        named=names,
        copies=tuple([ready_copy(copy, next(uids)) for copy in book.copies]),
        columns="\t".join([next(uids), *columns, *rest]),
        filed=filed(
            sort_title=sorted_by,
            sort_author=main[0] if main else sorted_by,
            language=book.language,
            material_type=material_type,
            year=book.year,
        ),
        lexemes=text.lexemes.replace("\\", "\\\\"),
        content=escaped(incoming.content()) if incoming.content else "{}",
        book=book,
    )


def ready_copy(copy: CopyData, uid: str) -> ReadyCopy:
    """The copy as it will be written under this public id."""
    texts = (copy.barcode, copy.inventory_number, copy.shelf_mark)
    cuts: tuple[Remark, ...] = ()
    if max(map(len, texts)) > _SHORTEST:
        texts, cuts = _cut_texts(texts)
    barcode, inventory_number, shelf_mark = texts
    inventory_number = inventory_number or barcode
    status = str(copy.status)
    return ReadyCopy(
        inventory_number,
        barcode,
        copy.branch,
        copy.item_type,
        uid,
        f"{escaped(shelf_mark)}\t{status}\t{'t' if copy.is_reference_only else 'f'}\t{_value(copy.price)}\t"
        f"{_value(copy.acquired_on)}\t{escaped(copy.note)}",
        codes_of_numbers(inventory_number, barcode) if barcode else "",
        status not in GONE,
        status == Copy.Status.AVAILABLE and not copy.is_reference_only,
        cuts,
    )


_COPY_LENGTHS = {"barcode": 40, "inventory_number": 40, "shelf_mark": 100}
_SHORTEST = min(_COPY_LENGTHS.values())


def _cut_texts(texts: tuple[str, str, str]) -> tuple[tuple[str, str, str], tuple[Remark, ...]]:
    """Barcode, inventory number and shelf mark as long as their columns."""
    cuts = [
        Remark(Problem.TEXT_CUT, {"field": name})
        for (name, length), text in zip(_COPY_LENGTHS.items(), texts, strict=True)
        if len(text) > length
    ]
    barcode, inventory_number, shelf_mark = (
        text[:length] for text, length in zip(texts, _COPY_LENGTHS.values(), strict=True)
    )
    return (barcode, inventory_number, shelf_mark), tuple(cuts)


def _value(value: Any) -> str:
    return "\\N" if value is None else escaped(str(value))


_scalars_of = attrgetter(*SCALARS)


# --- Fitting into the database -------------------------------------------------------------------------------------
_LENGTHS = {
    field.name: field.max_length
    for field in Book._meta.get_fields()
    if isinstance(field, models.CharField) and field.name in SCALARS and field.max_length and not field.choices
} | {"publisher": NAME_LENGTH, "series": NAME_LENGTH, "volume": LONGEST_VOLUME}
_texts_of = attrgetter(*_LENGTHS)
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
    if any(map(gt, map(len, _texts_of(book)), _LENGTHS.values())):
        for name, length in _LENGTHS.items():
            if len(text := getattr(book, name)) > length:
                changes[name] = short(name, text, length)
    for name in ("genres", "subjects"):
        given: tuple[str, ...] = getattr(book, name)
        if len(set(map(folded_name, given))) < len(given) or any(len(text) > NAME_LENGTH for text in given):
            changes[name] = _once_each(short(name, text, NAME_LENGTH) for text in given)
    if len({(folded_name(name), dates, role) for name, dates, role in book.people}) < len(book.people) or any(
        len(name) > NAME_LENGTH or len(dates) > _DATES for name, dates, _role in book.people
    ):
        people: dict[tuple[str, str, str], Person] = {}
        for name, dates, role in book.people:
            cut_name, cut_dates = short("people", name, NAME_LENGTH), short("people", dates, _DATES)
            person = Person(name=cut_name, dates=cut_dates, role=role)
            people.setdefault((folded_name(person.name), person.dates, person.role), person)
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
