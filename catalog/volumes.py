"""Sets of several volumes and journals with their issues: books that belong to another book.

A set has one level: a volume belongs to a book that belongs to none. An issue is called by year and number in one,
«2024, № 3».
"""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from catalog.models import Book

VOLUMES_PER_PAGE = 50
"""Volumes that one page shows."""


def volumes_of(book: Book) -> QuerySet[Book]:
    """The volumes or issues of a book in natural order: «Т. 2» before «Т. 10»."""
    return Book.objects.filter(parent=book).order_by("volume_key", "sort_title", "pk")


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
