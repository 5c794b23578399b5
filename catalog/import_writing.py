"""Books written a thousand at a time, rows sent by COPY.

Everything here runs inside the transaction of `catalog.imports`.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection

from catalog.bookdata import SCALARS, BookData, Incoming
from catalog.import_names import Named, Names, named
from catalog.import_preparing import BOOK_COLUMNS, Ready
from catalog.models import Book, Contribution, ImportRun, Isbn, SourceRecord, folded_name
from catalog.rows import escaped, send_lines
from catalog.titles import sort_title


@contextmanager
def uncollected() -> Iterator[None]:
    """Python does not look for cycles among the objects meanwhile: a batch has hundreds of thousands, and none.

    It would walk through everything that the process holds several times a batch. Who stays here long collects now and
    then what else has gathered.
    """
    was_on, was_frozen = gc.isenabled(), gc.get_freeze_count()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if not was_frozen:
            gc.unfreeze()
        if was_on:
            gc.enable()


def tell_planner() -> None:
    """Let PostgreSQL count anew: a table that was small, or emptied, a moment ago is searched in the wrong way.

    Its own watch comes by too late for the first thousands of records.
    """
    tables = ", ".join(
        connection.ops.quote_name(model._meta.db_table)
        for model in apps.get_app_config("catalog").get_models(include_auto_created=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {tables}")


def create_books(
    arrivals: Sequence[tuple[Incoming, Ready]],
    *,
    book_ids: Sequence[int],
    names: Names,
    run: ImportRun,
    now: datetime,
) -> None:
    """Make these books under these keys, with all that belongs to them but their copies.

    The books come last: triggers that look after the books of new parts find none yet, and what is told of a new book
    is told once, with its copies. References are checked at the end of the batch.
    """
    readies = [ready for _, ready in arrivals]
    write_sources([(book_id, *arrival) for book_id, arrival in zip(book_ids, arrivals, strict=True)], run=run, now=now)
    pairs = list(zip(book_ids, [ready.named for ready in readies], strict=True))
    _write_people(pairs, names)
    _write_genres(pairs, names)
    _write_subjects(pairs, names)
    _write_isbns((book_id, ready.isbns) for book_id, ready in zip(book_ids, readies, strict=True))
    send_lines(
        Book,
        ("id", *BOOK_COLUMNS, "publisher_id", "series_id", "cover", "created_at", "updated_at"),
        (
            f"{book_id}\t{ready.columns}\t{_key(names.publishers, ready.named.publisher)}\t"
            f"{_key(names.series, ready.named.series)}\t\t{now}\t{now}\n"
            for book_id, ready in zip(book_ids, readies, strict=True)
        ),
    )


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
    write_named: Callable[[Any, Names], None]
    for name, model, write_named in (
        ("people", Contribution, _write_people),
        ("genres", Book.genres.through, _write_genres),
        ("subjects", Book.subjects.through, _write_subjects),
    ):
        if pairs := _differing(changes, name):
            model.objects.filter(book__in=[book_id for book_id, _ in pairs]).delete()
            write_named([(book_id, named(wanted)) for book_id, wanted in pairs], names)
    if pairs := _differing(changes, "isbns"):
        Isbn.objects.filter(book__in=[book_id for book_id, _ in pairs]).delete()
        _write_isbns((book_id, wanted.isbns) for book_id, wanted in pairs)


def _differing(changes: Mapping[int, tuple[BookData, BookData]], name: str) -> list[tuple[int, BookData]]:
    """The books of which this field is to change, with what is wanted."""
    return [
        (pk, wanted) for pk, (current, wanted) in changes.items() if getattr(current, name) != getattr(wanted, name)
    ]


def replace_sources(arrivals: Sequence[tuple[int, Incoming, Ready]], *, run: ImportRun, now: datetime) -> None:
    """Keep the records that these books came from, each in place of the one kept before."""
    SourceRecord.objects.filter(book__in=[book_id for book_id, incoming, _ in arrivals if incoming.format]).delete()
    write_sources(arrivals, run=run, now=now)


def write_sources(arrivals: Iterable[tuple[int, Incoming, Ready]], *, run: ImportRun, now: datetime) -> None:
    """Keep the records that these books came from; none was kept before."""
    send_lines(
        SourceRecord,
        ("book_id", "format", "key", "whole_key", "digest", "content", "run_id", "imported_at"),
        (
            f"{book_id}\t{incoming.format}\t{escaped(incoming.key[:200])}\t{escaped(incoming.whole_key[:200])}\t"
            f"{incoming.digest}\t{ready.content}\t{run.pk}\t{now}\n"
            for book_id, incoming, ready in arrivals
            if incoming.format
        ),
    )


def _key(keys: Mapping[str, int], name: tuple[str, str] | None) -> int | str:
    return keys[name[0]] if name else "\\N"


def _write_people(pairs: Iterable[tuple[int, Named]], names: Names) -> None:
    send_lines(
        Contribution,
        ("book_id", "author_id", "role", "position"),
        (
            f"{book_id}\t{names.authors[folded, dates]}\t{role}\t{position}\n"
            for book_id, book in pairs
            for position, (folded, dates, role, _name) in enumerate(book.people)
        ),
    )


def _write_isbns(pairs: Iterable[tuple[int, Sequence[str]]]) -> None:
    send_lines(
        Isbn,
        ("book_id", "value", "position"),
        (f"{book_id}\t{value}\t{position}\n" for book_id, isbns in pairs for position, value in enumerate(isbns)),
    )


def _write_genres(pairs: Iterable[tuple[int, Named]], names: Names) -> None:
    send_lines(
        Book.genres.through,
        ("book_id", "genre_id"),
        (f"{book_id}\t{names.genres[folded]}\n" for book_id, book in pairs for folded, _ in book.genres),
    )


def _write_subjects(pairs: Iterable[tuple[int, Named]], names: Names) -> None:
    send_lines(
        Book.subjects.through,
        ("book_id", "subject_id"),
        (f"{book_id}\t{names.subjects[folded]}\n" for book_id, book in pairs for folded, _ in book.subjects),
    )
