"""The names of imported books: people, publishers, subjects. Looked up batch by batch, made where they are missing.

Everything here runs inside the transaction of `catalog.imports`.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.db import connection, models

from catalog.author_names import authors_by_variant
from catalog.bookdata import BookData
from catalog.models import Author, Genre, NamedThing, Publisher, Series, Subject, folded_name
from catalog.rows import array, text_array

Key = TypeVar("Key", bound=Hashable)
Name = tuple[str, str]
"""A name folded, and as it is written."""


class Named(NamedTuple):
    """The names of a book, each with its folded form."""

    people: tuple[tuple[str, str, str, str], ...]
    """Folded name, years of life, role, name; in the order of the title page."""
    genres: tuple[Name, ...]
    subjects: tuple[Name, ...]
    publisher: Name | None
    series: Name | None


def named(book: BookData) -> Named:
    """The names of a book that is `fitted`."""
    return Named(
        tuple((folded_name(person.name), person.dates, str(person.role), person.name) for person in book.people),
        tuple((folded_name(name), name) for name in book.genres),
        tuple((folded_name(name), name) for name in book.subjects),
        (folded_name(book.publisher), book.publisher) if book.publisher else None,
        (folded_name(book.series), book.series) if book.series else None,
    )


class Names(NamedTuple):
    """The primary keys behind the names of a batch, by folded name; authors by folded name and years of life."""

    authors: Mapping[tuple[str, str], int]
    genres: Mapping[str, int]
    subjects: Mapping[str, int]
    publishers: Mapping[str, int]
    series: Mapping[str, int]


def look_up(books: Iterable[Named], known: "KnownNames | None" = None) -> Names:
    """The names of these books; those that are not there yet are made. The spelling of the first book stays.

    What is `known` is not asked for again.
    """
    people: dict[tuple[str, str], str] = {}
    genres: dict[str, str] = {}
    subjects: dict[str, str] = {}
    publishers: dict[str, str] = {}
    series: dict[str, str] = {}
    for book in books:
        for folded, dates, _role, name in book.people:
            people.setdefault((folded, dates), name)
        for folded, name in book.genres:
            genres.setdefault(folded, name)
        for folded, name in book.subjects:
            subjects.setdefault(folded, name)
        if book.publisher:
            publishers.setdefault(*book.publisher)
        if book.series:
            series.setdefault(*book.series)
    known = known or KnownNames()
    return Names(
        authors=_known_and_found(known.authors, people, _authors),
        genres=_known_and_found(known.genres, genres, partial(_things, Genre)),
        subjects=_known_and_found(known.subjects, subjects, partial(_things, Subject)),
        publishers=_known_and_found(known.publishers, publishers, partial(_things, Publisher)),
        series=_known_and_found(known.series, series, partial(_things, Series)),
    )


class KnownNames:
    """Names that earlier batches of an import found or made, so that a batch asks for those only that are new to it.

    A name may be deleted meanwhile: then a batch is refused for its references, and `forget` lets it be tried again.
    """

    MOST = 100_000
    """Names of one kind that are remembered."""

    def __init__(self) -> None:
        self.forget()

    def __bool__(self) -> bool:
        return bool(self.authors or self.genres or self.subjects or self.publishers or self.series)

    def forget(self) -> None:
        """Know nothing."""
        self.authors: dict[tuple[str, str], int] = {}
        self.genres: dict[str, int] = {}
        self.subjects: dict[str, int] = {}
        self.publishers: dict[str, int] = {}
        self.series: dict[str, int] = {}

    def learn(self, names: Names) -> None:
        """Remember names that are written for good."""
        for kind, listed in names._asdict().items():
            known = getattr(self, kind)
            if len(known) > self.MOST:
                known.clear()
            known.update(listed)


def _known_and_found(
    known: Mapping[Key, int], wanted: Mapping[Key, str], found: Callable[[Mapping[Key, str]], dict[Key, int]]
) -> dict[Key, int]:
    there = {key: known[key] for key in wanted if key in known}
    return there | found({key: name for key, name in wanted.items() if key not in there})


def _things(model: type[NamedThing], wanted: Mapping[str, str]) -> dict[str, int]:
    def there(folded: Collection[str]) -> dict[str, int]:
        return dict(model._default_manager.filter(folded_name__any_of=folded).values_list("folded_name", "pk"))

    found = there(wanted) if wanted else {}
    if missing := sorted(wanted.keys() - found.keys()):
        found |= dict(_inserted(model, ("folded_name", "name"), [missing, [wanted[folded] for folded in missing]]))
        if rivalled := wanted.keys() - found.keys():
            found |= there(rivalled)
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
        rows = [folded, dates, [wanted[key] for key in missing]]
        found |= {(name, years): pk for name, years, pk in _inserted(Author, ("folded_name", "dates", "name"), rows)}
        if wanted.keys() - found.keys():
            found |= there(folded)
    return found


def _inserted(model: type[models.Model], columns: Sequence[str], values: Sequence[list[str]]) -> list[tuple[Any, ...]]:
    """Enter rows of texts, but those that somebody else has entered meanwhile; their columns but the last, and keys."""
    table, listed, told = model._meta.db_table, ", ".join(columns), ", ".join((*columns[:-1], "id"))
    arrays = ", ".join(["%s::text[]"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({listed}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING RETURNING {told}",  # noqa: S608 - names of our own
            [text_array(column) for column in values],
        )
        return list(cursor.fetchall())


def with_other_names(authors: Iterable[int]) -> set[int]:
    """Those of these authors that are known by other forms of their names too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT author_id FROM catalog_authorname WHERE author_id = ANY(%s::bigint[])",
            [array(set(authors))],
        )
        return {pk for (pk,) in cursor.fetchall()}
