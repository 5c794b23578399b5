"""What is on the shelf, and where: for lists of books and the page of one book."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, F, FilteredRelation, Q, QuerySet

from catalog.models import Book, Copy, Publisher
from catalog.queries import GONE
from catalog.search import MAIN_ROLES
from policies.models import Branch

ON_SHELF = Q(status=Copy.Status.AVAILABLE, is_reference_only=False)
"""A copy that a reader can take home now."""
IN_READING_ROOM = Q(status=Copy.Status.AVAILABLE, is_reference_only=True)
"""A copy that is there, but stays in the building."""


@dataclass(slots=True)
class BranchShelf:
    """Copies of one book in one branch."""

    branch_id: int
    name: str
    total: int
    on_shelf: int
    reading_room: int


@dataclass(slots=True)
class Availability:
    """Copies of one book by branch, the branches that have it on the shelf first."""

    branches: list[BranchShelf] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Copies that the library has, lost and withdrawn ones apart."""
        return sum(shelf.total for shelf in self.branches)

    @property
    def on_shelf(self) -> int:
        """Copies that can be taken home now."""
        return sum(shelf.on_shelf for shelf in self.branches)

    @property
    def reading_room(self) -> int:
        """Copies that can be read in the library now."""
        return sum(shelf.reading_room for shelf in self.branches)


@dataclass(frozen=True, slots=True)
class BookCard:
    """A book as lists show it."""

    book: Book
    names: list[str]
    """Those the book is by, as in the index: authors and composers, else whoever is named first."""
    availability: Availability


_CARDS = """
SELECT book.id, book.uid, book.title, book.volume, book.cover, book.year, book.year_note, book.language,
       book.material_type, book.publisher_id, publisher.name AS publisher_name,
       ARRAY(SELECT role || ' ' || author.name
             FROM catalog_contribution part JOIN catalog_author author ON author.id = part.author_id
             WHERE part.book_id = book.id ORDER BY position, part.id) AS parts,
       {shelves} AS shelves
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
     JOIN catalog_book book USING (id) LEFT JOIN catalog_publisher publisher ON publisher.id = book.publisher_id
ORDER BY wanted.place"""
_SHELVES = """ARRAY(
    SELECT concat_ws(' ', branch.id, total, on_shelf, reading_room, branch.name)
    FROM (SELECT branch_id, count(*) AS total,
                 count(*) FILTER (WHERE status = 'available' AND NOT is_reference_only) AS on_shelf,
                 count(*) FILTER (WHERE status = 'available' AND is_reference_only) AS reading_room
          FROM catalog_copy WHERE book_id = book.id AND status <> ALL(%(gone)s) GROUP BY branch_id) shelf
         JOIN policies_branch branch ON branch.id = branch_id
    ORDER BY on_shelf DESC, reading_room DESC, branch.name)"""


def book_cards(book_ids: Sequence[int], *, with_availability: bool = True) -> list[BookCard]:
    """The books in this order, ready to be shown: one statement however many there are."""
    statement = _CARDS.format(shelves=_SHELVES if with_availability else "ARRAY[]::text[]")
    cards = []
    for book in Book.objects.raw(statement, {"ids": list(book_ids), "gone": list(GONE)}) if book_ids else ():
        told: dict[str, Any] = vars(book)
        if book.publisher_id:
            book.publisher = Publisher(pk=book.publisher_id, name=told["publisher_name"])
        names = _main([part.split(" ", 1) for part in told["parts"]])
        cards.append(BookCard(book, names, Availability([_shelf(shelf) for shelf in told["shelves"]])))
    return cards


def _shelf(words: str) -> BranchShelf:
    *numbers, name = words.split(" ", 4)
    return BranchShelf(int(numbers[0]), name, *map(int, numbers[1:]))


def main_names(book: Book) -> list[str]:
    """Names of the authors and composers in order; of a book without any, whoever comes first. Uses `contributions`."""
    return _main([(part.role, part.author.name) for part in book.contributions.all()])


def _main(parts: Sequence[Sequence[str]]) -> list[str]:
    """The names among those with roles, in order."""
    names = [name for role, name in parts if role in MAIN_ROLES] or [name for _, name in parts[:1]]
    return list(dict.fromkeys(names))


def availability_of(book_ids: Iterable[int]) -> dict[int, Availability]:
    """By key of the book, for every one of these: one statement."""
    found = {pk: Availability() for pk in book_ids}
    rows = (
        Copy.objects.filter(book__in=list(found))
        .exclude(status__in=GONE)
        .values_list("book_id", "branch_id", "branch__name")
        .annotate(
            total=Count("pk"),
            on_shelf=Count("pk", filter=ON_SHELF),
            reading_room=Count("pk", filter=IN_READING_ROOM),
        )
        .order_by("-on_shelf", "-reading_room", "branch__name")
    )
    for book_id, *shelf in rows:
        found[book_id].branches.append(BranchShelf(*shelf))
    return found


def availability_in(copies: Iterable[tuple[Branch, Sequence[Copy]]]) -> Availability:
    """The same, of copies that are known already, by branch."""
    shelves = []
    for branch, kept in copies:
        there = [copy.is_reference_only for copy in kept if copy.status == Copy.Status.AVAILABLE]
        shelves.append(BranchShelf(branch.pk, branch.name, len(kept), there.count(False), there.count(True)))
    return Availability(sorted(shelves, key=lambda shelf: (-shelf.on_shelf, -shelf.reading_room, shelf.name)))


def copies_of(book: Book) -> QuerySet[Copy]:
    """Copies that readers are shown, by branch and shelf mark, each with `due_at`: when an open loan ends, else None.

    Never with the reader.
    """
    return (
        Copy.objects.filter(book=book)
        .exclude(status__in=GONE)
        .select_related("branch")
        .annotate(open_loan=FilteredRelation("loans", condition=Q(loans__returned_at=None)))
        .annotate(due_at=F("open_loan__due_at"))
        .order_by("branch__name", "branch_id", "shelf_mark", "inventory_number")
    )


def next_return(copies: Iterable[Copy]) -> datetime | None:
    """The earliest due date among the copies of `copies_of`."""
    return min((copy.due_at for copy in copies if copy.due_at), default=None)  # type: ignore[attr-defined] # annotated
