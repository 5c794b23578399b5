"""Books of the catalogue as plain data: what an import compares with, what an export writes."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from catalog.bookdata import SCALARS, BookData, CopyData, Person
from catalog.models import Book, Contribution, Copy, Isbn


def read_books(book_ids: Collection[int]) -> dict[int, BookData]:
    """Each of these books by its primary key; six queries for any number of them."""
    people: defaultdict[int, list[Person]] = defaultdict(list)
    for book_id, name, dates, role in (
        Contribution.objects.filter(book__in=book_ids)
        .order_by("position", "pk")
        .values_list("book_id", "author__name", "author__dates", "role")
    ):
        people[book_id].append(Person(name=name, dates=dates, role=role))
    isbns = _gathered(Isbn.objects.filter(book__in=book_ids).order_by("position", "pk").values_list("book_id", "value"))
    genres = _gathered(
        Book.genres.through.objects.filter(book__in=book_ids).order_by("pk").values_list("book_id", "genre__name")
    )
    subjects = _gathered(
        Book.subjects.through.objects.filter(book__in=book_ids).order_by("pk").values_list("book_id", "subject__name")
    )
    copies: defaultdict[int, list[CopyData]] = defaultdict(list)
    for copy in (
        Copy.objects.filter(book__in=book_ids).select_related("branch", "item_type").order_by("inventory_number")
    ):
        copies[copy.book_id].append(
            CopyData(
                barcode=copy.barcode,
                inventory_number=copy.inventory_number,
                branch=copy.branch.code,
                item_type=copy.item_type.code,
                shelf_mark=copy.shelf_mark,
                status=copy.status,
                is_reference_only=copy.is_reference_only,
                price=copy.price,
                acquired_on=copy.acquired_on,
                note=copy.note,
            )
        )
    columns = Book.objects.filter(pk__in=book_ids).values(
        "pk", "other_titles", "publisher__name", "series__name", "volume", "parent__title", *SCALARS
    )
    return {
        row["pk"]: BookData(
            **{name: row[name] for name in SCALARS},
            other_titles=tuple(filter(None, row["other_titles"].split("\n"))),
            publisher=row["publisher__name"] or "",
            series=row["series__name"] or "",
            volume=row["volume"],
            whole=row["parent__title"] or "",
            people=tuple(people[row["pk"]]),
            isbns=tuple(isbns[row["pk"]]),
            genres=tuple(genres[row["pk"]]),
            subjects=tuple(subjects[row["pk"]]),
            copies=tuple(copies[row["pk"]]),
        )
        for row in columns
    }


def _gathered(pairs: Any) -> defaultdict[int, list[str]]:
    lists: defaultdict[int, list[str]] = defaultdict(list)
    for key, value in pairs:
        lists[key].append(value)
    return lists
