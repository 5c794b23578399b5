"""Which book of the catalogue a record stands for."""

from collections import defaultdict
from collections.abc import Collection
from difflib import SequenceMatcher
from typing import NamedTuple
from uuid import UUID

from catalog.bookdata import Incoming
from catalog.merges import FormerSource
from catalog.models import Book, Isbn, SourceRecord
from library.core.text import fold

LIKENESS = 0.75
"""How alike two titles must be (difflib's ratio of the folded titles) to be versions of one."""


class Candidate(NamedTuple):
    """A book whose source record has the control number or key asked for."""

    book_id: int
    title: str
    year: int | None
    isbns: Collection[str]


def books_by_digest(batch: list[Incoming]) -> dict[str, int]:
    """The books that these very records were imported as."""
    digests = [incoming.digest for incoming in batch if incoming.digest]
    return dict(SourceRecord.objects.filter(digest__any_of=digests).values_list("digest", "book_id"))


def books_by_uid(batch: list[Incoming]) -> dict[UUID, int]:
    """The books that the rows name by their public ids."""
    uids = [incoming.uid for incoming in batch if incoming.uid]
    return dict(Book.objects.filter(uid__in=uids).values_list("uid", "pk")) if uids else {}


def candidates(keys: set[str]) -> dict[str, list[Candidate]]:
    """By key the books whose source records have it."""
    found: defaultdict[str, list[Candidate]] = defaultdict(list)
    rows = list(
        SourceRecord.objects.filter(key__any_of=keys)
        .order_by("pk")
        .values_list("key", "book_id", "book__title", "book__year")
    )
    isbns: defaultdict[int, set[str]] = defaultdict(set)
    for book_id, value in Isbn.objects.filter(book__in=[row[1] for row in rows]).values_list("book_id", "value"):
        isbns[book_id].add(value)
    for key, book_id, title, year in rows:
        found[key].append(Candidate(book_id, title, year, isbns[book_id]))
    return found


def is_newer(book: Candidate, source: FormerSource, incoming: Incoming) -> bool:
    """Whether the record is a newer version of one whose book was merged away."""
    if not incoming.key or incoming.key != source.key:
        return False
    former = Candidate(source.book_id, source.title, source.year, source.isbns)
    return is_same_book(book, former, incoming)


def is_same_book(book: Candidate, candidate: Candidate, incoming: Incoming) -> bool:
    """Whether a record with the same control number describes the same book, perhaps in other words.

    Where the agency of the number is unknown the years must not contradict each other either.
    """
    if not incoming.is_key_trusted and book.year and candidate.year and book.year != candidate.year:
        return False
    if not set(candidate.isbns).isdisjoint(book.isbns):
        return True
    titles = fold(book.title), fold(candidate.title)
    return titles[0] == titles[1] or SequenceMatcher(None, *titles).ratio() >= LIKENESS
