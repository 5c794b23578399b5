"""Sets of several volumes and journals with their issues: books that belong to another book.

A set has one level: a volume belongs to a book that belongs to none. An issue is called by year and number in one,
«2024, № 3».
"""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from catalog.models import Book

VOLUMES_PER_PAGE = 50
"""Volumes that one page shows."""
NEIGHBOURS = 6
"""Volumes before and after a volume that its own page shows."""


def volumes_of(book: Book) -> QuerySet[Book]:
    """The volumes or issues of a book in natural order: «Т. 2» before «Т. 10»."""
    return Book.objects.filter(parent=book).order_by("volume_key", "sort_title", "pk")


def volumes_around(volume: Book) -> list[Book]:
    """A volume between its neighbours in its set, `NEIGHBOURS` on each side at most; empty for a book of no set."""
    if volume.parent_id is None:
        return []
    place = (volume.volume_key, volume.sort_title, volume.pk)
    every = Book.objects.filter(parent=volume.parent_id)
    before = every.filter(volume_key__lte=place[0]).filter(_beyond("lt", place))
    after = every.filter(volume_key__gte=place[0]).filter(_beyond("gt", place))
    order = ("volume_key", "sort_title", "pk")
    earlier = list(before.order_by(*(f"-{name}" for name in order))[:NEIGHBOURS])
    return [*reversed(earlier), volume, *after.order_by(*order)[:NEIGHBOURS]]


def _beyond(side: str, place: tuple[str, str, int]) -> Q:
    """Rows before (`lt`) or behind (`gt`) a place in the order of volumes."""
    key, title, pk = place
    same_key = Q(volume_key=key)
    return (
        Q(**{f"volume_key__{side}": key})
        | (same_key & Q(**{f"sort_title__{side}": title}))
        | (same_key & Q(sort_title=title) & Q(**{f"pk__{side}": pk}))
    )


def problem_with_parent(*, book_id: int | None, parent_id: int) -> str:
    """Why the one book cannot be a volume of the other, in words; empty when it can. Locks both until the commit.

    `book_id` is None for a book that is not written yet.
    """
    if book_id == parent_id:
        return _("A book is no volume of itself.")
    keys = [parent_id] if book_id is None else [book_id, parent_id]
    parents = dict(Book.objects.locked().filter(pk__in=keys).values_list("pk", "parent"))
    if parents.get(parent_id) is not None:
        return _("That book is itself a volume. Choose the set that it belongs to.")
    if book_id is not None and Book.objects.filter(parent=book_id).exists():
        return _("This book has volumes of its own, so it cannot be a volume of another.")
    return ""
