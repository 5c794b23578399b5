"""Books written a thousand at a time: names looked up or made in one query a kind, rows sent by COPY.

Everything here runs inside the transaction of `catalog.imports`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from django.db import connection, models

from catalog.author_names import authors_by_variant
from catalog.bookdata import SCALARS, BookData, Incoming, Person
from catalog.models import (
    NAME_LENGTH,
    Author,
    Book,
    Contribution,
    Genre,
    ImportRun,
    Isbn,
    NamedThing,
    Publisher,
    Series,
    SourceRecord,
    Subject,
    folded_name,
)
from catalog.problems import Problem, Remark
from catalog.titles import sort_title

LONGEST_TEXT = 100_000
"""Characters of a description or of all other titles."""


class Names(NamedTuple):
    """The primary keys behind the names of a batch, by folded name; authors by folded name and dates."""

    authors: Mapping[tuple[str, str], int]
    genres: Mapping[str, int]
    subjects: Mapping[str, int]
    publishers: Mapping[str, int]
    series: Mapping[str, int]


# --- Fitting into the database -------------------------------------------------------------------------------------
_LENGTHS = {
    field.name: field.max_length
    for field in Book._meta.get_fields()
    if isinstance(field, models.CharField) and field.name in SCALARS and field.max_length and not field.choices
} | {"publisher": NAME_LENGTH, "series": NAME_LENGTH}
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


# --- Names ---------------------------------------------------------------------------------------------------------
def look_up(books: Collection[BookData]) -> Names:
    """The names that these books need; those that are not there yet are made."""
    people = {
        (folded_name(person.name), person.dates): person.name
        for book in reversed(list(books))
        for person in book.people
    }
    return Names(
        authors=_authors(people),
        genres=_things(Genre, (name for book in books for name in book.genres)),
        subjects=_things(Subject, (name for book in books for name in book.subjects)),
        publishers=_things(Publisher, (book.publisher for book in books if book.publisher)),
        series=_things(Series, (book.series for book in books if book.series)),
    )


def _things(model: type[NamedThing], names: Iterable[str]) -> dict[str, int]:
    wanted: dict[str, str] = {}
    for name in names:
        wanted.setdefault(folded_name(name), name)

    def there(folded: Collection[str]) -> dict[str, int]:
        return dict(model._default_manager.filter(folded_name__any_of=folded).values_list("folded_name", "pk"))

    found = there(wanted) if wanted else {}
    if missing := sorted(wanted.keys() - found.keys()):
        _insert(model, ("folded_name", "name"), [missing, [wanted[folded] for folded in missing]])
        found |= there(missing)
    return found


def _authors(wanted: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], int]:
    def there(folded: Iterable[str]) -> dict[tuple[str, str], int]:
        rows = Author.objects.filter(folded_name__any_of=folded).values_list("folded_name", "dates", "pk")
        return {(name, dates): pk for name, dates, pk in rows}

    found = there({folded for folded, _ in wanted}) if wanted else {}
    if unknown := {folded for folded, dates in wanted.keys() - found.keys() if not dates}:
        found |= {(folded, ""): pk for folded, pk in authors_by_variant(unknown).items()}
    if missing := sorted(wanted.keys() - found.keys()):
        folded, dates = (list(column) for column in zip(*missing, strict=True))
        _insert(Author, ("folded_name", "dates", "name"), [folded, dates, [wanted[key] for key in missing]])
        found |= there(folded)
    return found


def _insert(model: type[models.Model], columns: Sequence[str], values: Sequence[list[str]]) -> None:
    """Rows of texts, but for those that somebody else has made meanwhile."""
    table, listed = model._meta.db_table, ", ".join(columns)
    arrays = ", ".join(["%s::text[]"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({listed}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING",  # noqa: S608 - names of our own
            list(values),
        )


# --- Books ---------------------------------------------------------------------------------------------------------
def create_books(
    arrivals: Sequence[tuple[Incoming, BookData]], *, names: Names, run: ImportRun, now: datetime
) -> list[int]:
    """Make these books with all that belongs to them but their copies; their primary keys in the same order."""
    book_ids = new_ids(Book, len(arrivals))
    books = [book for _, book in arrivals]
    send(
        Book,
        (
            "id",
            "uid",
            *SCALARS,
            "other_titles",
            "sort_title",
            "publisher_id",
            "series_id",
            "cover",
            "created_at",
            "updated_at",
        ),
        (
            (
                book_id,
                uuid4(),
                *(getattr(book, name) for name in SCALARS),
                "\n".join(book.other_titles),
                sort_title(book.title, book.language),
                names.publishers[folded_name(book.publisher)] if book.publisher else None,
                names.series[folded_name(book.series)] if book.series else None,
                "",
                now,
                now,
            )
            for book_id, book in zip(book_ids, books, strict=True)
        ),
    )
    pairs = list(zip(book_ids, books, strict=True))
    _write_people(pairs, names)
    _write_isbns(pairs)
    _write_genres(pairs, names)
    _write_subjects(pairs, names)
    write_sources(
        [(book_id, incoming) for book_id, (incoming, _) in zip(book_ids, arrivals, strict=True)], run=run, now=now
    )
    return book_ids


def update_books(changes: Mapping[int, tuple[BookData, BookData]], *, names: Names, now: datetime) -> None:
    """Bring these books from their current data to the wanted; only what differs is written. The rows are locked."""
    columns = {*SCALARS, "other_titles", "publisher", "series"}
    books = Book.objects.in_bulk(changes)
    changed: list[Book] = []
    for book_id, (current, wanted) in changes.items():
        if differing := {name for name in columns if getattr(current, name) != getattr(wanted, name)}:
            book = books[book_id]
            for name in differing & {*SCALARS}:
                setattr(book, name, getattr(wanted, name))
            book.other_titles = "\n".join(wanted.other_titles)
            book.publisher_id = names.publishers[folded_name(wanted.publisher)] if wanted.publisher else None
            book.series_id = names.series[folded_name(wanted.series)] if wanted.series else None
            book.sort_title = sort_title(book.title, book.language)
            changed.append(book)
    Book.objects.filter(pk__in=changes).update(updated_at=now)
    Book.objects.bulk_update(changed, [*SCALARS, "other_titles", "publisher", "series", "sort_title"], batch_size=200)

    def differing_in(name: str) -> list[tuple[int, BookData]]:
        return [
            (pk, wanted) for pk, (current, wanted) in changes.items() if getattr(current, name) != getattr(wanted, name)
        ]

    for name, model, write in (
        ("people", Contribution, lambda pairs: _write_people(pairs, names)),
        ("isbns", Isbn, _write_isbns),
        ("genres", Book.genres.through, lambda pairs: _write_genres(pairs, names)),
        ("subjects", Book.subjects.through, lambda pairs: _write_subjects(pairs, names)),
    ):
        if pairs := differing_in(name):
            model.objects.filter(book__in=[book_id for book_id, _ in pairs]).delete()
            write(pairs)


def write_sources(arrivals: Iterable[tuple[int, Incoming]], *, run: ImportRun, now: datetime) -> None:
    """Keep the records that these books came from, each in place of the one kept before."""
    rows = [
        (
            book_id,
            incoming.format,
            incoming.key[:200],
            incoming.digest,
            incoming.content() if incoming.content else "{}",
            run.pk,
            now,
        )
        for book_id, incoming in arrivals
        if incoming.format
    ]
    SourceRecord.objects.filter(book__in=[row[0] for row in rows]).delete()
    send(SourceRecord, ("book_id", "format", "key", "digest", "content", "run_id", "imported_at"), rows)


def _write_people(pairs: Iterable[tuple[int, BookData]], names: Names) -> None:
    send(
        Contribution,
        ("book_id", "author_id", "role", "position"),
        (
            (book_id, names.authors[folded_name(person.name), person.dates], str(person.role), position)
            for book_id, book in pairs
            for position, person in enumerate(book.people)
        ),
    )


def _write_isbns(pairs: Iterable[tuple[int, BookData]]) -> None:
    send(
        Isbn,
        ("book_id", "value", "position"),
        ((book_id, value, position) for book_id, book in pairs for position, value in enumerate(book.isbns)),
    )


def _write_genres(pairs: Iterable[tuple[int, BookData]], names: Names) -> None:
    send(
        Book.genres.through,
        ("book_id", "genre_id"),
        ((book_id, names.genres[folded_name(name)]) for book_id, book in pairs for name in book.genres),
    )


def _write_subjects(pairs: Iterable[tuple[int, BookData]], names: Names) -> None:
    send(
        Book.subjects.through,
        ("book_id", "subject_id"),
        ((book_id, names.subjects[folded_name(name)]) for book_id, book in pairs for name in book.subjects),
    )


def send(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows by COPY, the quickest way in: the database checks every constraint as with INSERT."""
    table = connection.ops.quote_name(model._meta.db_table)
    listed = ", ".join(map(connection.ops.quote_name, columns))
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """Keys for so many rows to come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [pk for (pk,) in cursor.fetchall()]
