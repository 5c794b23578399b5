"""Books that are probably the same edition: by ISBN, and by folded title, author and year.

Everything is looked up by index: ISBNs by value, titles by `sort_title`, and an author's books by the author. Two
volumes of one set are never the same, nor are books that somebody told apart.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from catalog.models import Author, Book, Contribution, DistinctBooks, ImportedBook, Isbn
from catalog.titles import ARTICLES, sort_title, volume_key
from library.core.text import fold
from library.core.transactions import one_commit

MOST_LOOKED_AT = 200
"""Books of one title or author that are compared."""
MOST_SHOWN = 10
"""Candidates that are told."""
GROUPS_PER_PAGE = 20
"""Groups of probable duplicates on one page."""
_STEP = 200
"""Titles or ISBNs that one statement brings."""
_MOST_STEPS = 10
"""Statements for one page; what remains is on the next."""


class Likeness(StrEnum):
    """Why two books are taken for the same."""

    ISBN = "isbn"
    TITLE = "title"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a book is recognised by."""

    title: str
    subtitle: str = ""
    volume: str = ""
    year: int | None = None
    names: Sequence[str] = ()
    """Authors as in an index, the first one first."""
    isbns: Collection[str] = ()


def candidates(wanted: Description, *, book_id: int | None = None) -> list[tuple[Book, Likeness]]:
    """Books that are probably the one described, by ISBN first; at most `MOST_SHOWN`. Bounded index look-ups.

    `book_id` is the described book itself, when it is in the catalogue already.
    """
    passed_over = [] if book_id is None else [book_id, *_told_apart_from(book_id)]
    shown = _shown(Book.objects.exclude(pk__in=passed_over))
    with_isbn = Isbn.objects.filter(value__in=list(wanted.isbns)).values_list("book")
    by_isbn = shown.filter(pk__in=with_isbn)[:MOST_LOOKED_AT] if wanted.isbns else []
    found = {book.pk: (book, Likeness.ISBN) for book in by_isbn}
    titles = _titles(wanted)
    alike = list(shown.filter(sort_title__in=titles)[:MOST_LOOKED_AT]) if titles else []
    if wanted.names and (first := fold(wanted.names[0])):
        by_author = Contribution.objects.filter(author__in=Author.objects.filter(folded_name=first)).values("book")
        alike += shown.filter(pk__in=by_author)[:MOST_LOOKED_AT]
    for book in alike:
        if is_alike(wanted, described(book)):
            found.setdefault(book.pk, (book, Likeness.TITLE))
    of_volume = [pair for pair in found.values() if not _other_volume(wanted, described(pair[0]))]
    return of_volume[:MOST_SHOWN]


def is_alike(one: Description, other: Description) -> bool:
    """Whether both are the same by title, author and year: what one does not say does not tell them apart."""
    if _other_volume(one, other) or _titles(one).isdisjoint(_titles(other)):
        return False
    if one.year is not None and other.year is not None and one.year != other.year:
        return False
    if not one.names or not other.names:
        return bool(one.year and other.year) or not (one.names or other.names)
    first, second = ({_surname(name) for name in each.names} for each in (one, other))
    return not first.isdisjoint(second)


def described(book: Book) -> Description:
    """What a book of the catalogue is recognised by; uses `contributions` and `isbns`."""
    main = (Contribution.Role.AUTHOR, Contribution.Role.COMPOSER)
    return Description(
        title=book.title,
        subtitle=book.subtitle,
        volume=book.volume,
        year=book.year,
        names=[part.author.name for part in book.contributions.all() if part.role in main],
        isbns=[isbn.value for isbn in book.isbns.all()],
    )


def probable_duplicates(kind: Likeness, *, after: str = "", run_id: int | None = None) -> tuple[list[list[Book]], str]:
    """One page of groups of books that are probably the same, by title or ISBN, and where the next page begins.

    `after` is the title or ISBN that the page before ended with; an empty second part says that this is the last page.
    With `run_id` only groups that hold a book which that import made or changed.
    """
    groups: list[list[Book]] = []
    for _step in range(_MOST_STEPS):
        keys = _shared_by_isbn(after, run_id) if kind is Likeness.ISBN else _shared_by_title(after, run_id)
        for key, books in _books_of(kind, keys):
            groups += _of_import(run_id, _groups(kind, books))
            after = key
            if len(groups) >= GROUPS_PER_PAGE:
                return groups, after
        if len(keys) < _STEP:
            return groups, ""
        after = keys[-1]
    return groups, after


def tell_apart(*, book_ids: Collection[int], by: Any, now: datetime) -> None:
    """Remember that these books are all different. Books that are gone are passed over. Raises Busy."""
    with one_commit():
        there = list(Book.objects.locked().filter(pk__in=book_ids).values_list("pk", flat=True))
        DistinctBooks.objects.bulk_create(
            (
                DistinctBooks(first_id=first, second_id=second, by=by, at=now)
                for first, second in combinations(there, 2)
            ),
            ignore_conflicts=True,
        )


def _shown(books: QuerySet[Book]) -> QuerySet[Book]:
    parts = Prefetch("contributions", Contribution.objects.select_related("author"))
    return books.select_related("publisher").defer("description").prefetch_related(parts, "isbns").order_by("pk")


def _titles(wanted: Description) -> set[str]:
    """The forms under which the title may be filed: with the subtitle, without it, without what follows a colon."""
    main = wanted.title
    for sign in (" : ", ": ", " / ", " = "):
        main = main.partition(sign)[0]
    texts = (main, wanted.title, f"{wanted.title} {wanted.subtitle}")
    return {sort_title(text, language) for text in texts for language in ("", *ARTICLES)} - {""}


def _surname(name: str) -> str:
    return fold(name).partition(" ")[0]


def _other_volume(one: Description, other: Description) -> bool:
    return volume_key(one.volume) != volume_key(other.volume)


def _told_apart_from(book_id: int) -> list[int]:
    pairs = DistinctBooks.objects.filter(Q(first=book_id) | Q(second=book_id)).values_list("first", "second")
    return [pk for pair in pairs for pk in pair if pk != book_id]


def _shared_by_title(after: str, run_id: int | None) -> list[str]:
    books = Book.objects.filter(sort_title__gt=after)
    if run_id is not None:
        books = books.filter(sort_title__in=Book.objects.filter(imports__run=run_id).values("sort_title"))
    titles = books.order_by("sort_title").values("sort_title").annotate(n=Count("pk")).filter(n__gt=1)
    return list(titles.values_list("sort_title", flat=True)[:_STEP])


def _shared_by_isbn(after: str, run_id: int | None) -> list[str]:
    isbns = Isbn.objects.filter(value__gt=after)
    if run_id is not None:
        isbns = isbns.filter(value__in=Isbn.objects.filter(book__imports__run=run_id).values("value"))
    values = isbns.order_by("value").values("value").annotate(n=Count("pk")).filter(n__gt=1)
    return list(values.values_list("value", flat=True)[:_STEP])


def _of_import(run_id: int | None, groups: list[list[Book]]) -> list[list[Book]]:
    """The groups that hold a book of the import; all of them where none is asked for."""
    if run_id is None or not groups:
        return groups
    keys = [book.pk for group in groups for book in group]
    brought = set(ImportedBook.objects.filter(run=run_id, book__in=keys).values_list("book", flat=True))
    return [group for group in groups if any(book.pk in brought for book in group)]


def _books_of(kind: Likeness, keys: Sequence[str]) -> Iterable[tuple[str, list[Book]]]:
    """Each key with its books, in order; at most `MOST_LOOKED_AT` for one."""
    books: dict[str, list[Book]] = {key: [] for key in keys}
    if kind is Likeness.ISBN:
        pairs = list(Isbn.objects.filter(value__in=keys).values_list("value", "book")[: _STEP * MOST_LOOKED_AT])
        rows = _shown(Book.objects.all()).in_bulk({pk for _value, pk in pairs})
        for value, pk in pairs:
            books[value].append(rows[pk])
    else:
        for book in _shown(Book.objects.filter(sort_title__in=keys))[: _STEP * MOST_LOOKED_AT]:
            books[book.sort_title].append(book)
    return [(key, found[:MOST_LOOKED_AT]) for key, found in books.items()]


def _groups(kind: Likeness, books: Sequence[Book]) -> list[list[Book]]:
    """Those of the books that belong together, each in one group; nobody told them apart."""
    if len(books) < 2:
        return []
    keys = [book.pk for book in books]
    apart = set(DistinctBooks.objects.filter(first__in=keys, second__in=keys).values_list("first", "second"))
    facts = {book.pk: described(book) for book in books}
    groups: list[list[Book]] = []
    for book in books:
        for group in groups:
            if all(
                (min(book.pk, each.pk), max(book.pk, each.pk)) not in apart
                and (
                    not _other_volume(facts[book.pk], facts[each.pk])
                    if kind is Likeness.ISBN
                    else is_alike(facts[book.pk], facts[each.pk])
                )
                for each in group
            ):
                group.append(book)
                break
        else:
            groups.append([book])
    return [group for group in groups if len(group) > 1]
