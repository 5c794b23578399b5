"""Describing books and copies one at a time: every change with its audit entry and the search index, in one commit.

`fields` are those of the models, with these said in words: `publisher` and `series` by name, `genres` and `subjects` as
names, `isbns` as 13 digits, `contributions` as mappings with `name`, `dates` and `role`; each list in order, and
replacing what there was. Names are found again by their folded form, new ones are entered. Doors check the form before.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.author_names import authors_by_variant
from catalog.models import (
    Author,
    Book,
    Contribution,
    Copy,
    Genre,
    Isbn,
    NamedThing,
    Publisher,
    Series,
    Subject,
    folded_name,
)
from catalog.search import index_books
from catalog.volumes import problem_with_parent
from library.core import audit
from library.core.errors import Invalid
from library.core.text import fold
from library.core.transactions import one_commit

Thing = TypeVar("Thing", bound=NamedThing)

SHARED: dict[str, type[Publisher | Series]] = {"publisher": Publisher, "series": Series}
TOPICS: dict[str, type[Genre | Subject]] = {"genres": Genre, "subjects": Subject}
PARTS = ("isbns", "contributions")
SAID_HERE = (Copy.Status.AVAILABLE, Copy.Status.ON_ORDER, Copy.Status.DAMAGED, Copy.Status.LOST)
"""States of a copy that are simply said; the others follow from loans, reservations and withdrawal acts."""
SET_ASIDE = (Copy.Status.ON_HOLD_SHELF, Copy.Status.IN_TRANSIT)
"""States that agree with a reservation or a transfer, which end first."""


def create_book(*, fields: Mapping[str, Any], by: Any, now: datetime) -> Book:
    """Describe a new book. Raises Invalid for a `parent` that cannot have volumes, Busy."""
    with one_commit():
        book = Book()
        _describe(book, fields)
        audit.record(action="catalog.create_book", subject=book, by=by, now=now)
        return book


def update_book(*, book_id: int, fields: Mapping[str, Any], by: Any, now: datetime) -> Book:
    """Correct a description; what `fields` does not name stays. Raises as above and Book.DoesNotExist."""
    with one_commit():
        parents = [fields["parent"].pk] if fields.get("parent") else []
        book = {row.pk: row for row in Book.objects.locked().filter(pk__in=[book_id, *parents])}.get(book_id)
        if book is None:
            raise Book.DoesNotExist
        _describe(book, fields)
        audit.record(action="catalog.update_book", subject=book, by=by, now=now, detail={"changed": sorted(fields)})
        return book


def delete_book(*, book_id: int, by: Any, now: datetime) -> None:
    """Forget a description that has no copies. Raises ProtectedError if it has, Book.DoesNotExist, Busy."""
    with one_commit():
        book = Book.objects.locked().get(pk=book_id)
        audit.record(action="catalog.delete_book", subject=book, by=by, now=now, detail={"uid": str(book.uid)})
        book.delete()


def create_copy(*, book_id: int, fields: Mapping[str, Any], by: Any, now: datetime) -> Copy:
    """Enter a copy, ready on its shelf; without a `shelf_mark` it takes the book's call number. Raises Busy."""
    with one_commit():
        book = Book.objects.locked().get(pk=book_id)
        copy = Copy.objects.create(**{"shelf_mark": book.call_number, **fields, "book": book})
        index_books([book.pk])
        audit.record(action="catalog.create_copy", subject=copy, by=by, now=now)
        return copy


def update_copy(*, copy_id: int, fields: Mapping[str, Any], by: Any, now: datetime) -> Copy:
    """Correct what is known of a copy; its status changes by circulation only. Raises Copy.DoesNotExist, Busy."""
    with one_commit():
        Book.objects.filter(copies=copy_id).locked().first()
        copy = Copy.objects.locked().get(pk=copy_id)
        _set(copy, fields)
        index_books([copy.book_id])
        audit.record(action="catalog.update_copy", subject=copy, by=by, now=now, detail={"changed": sorted(fields)})
        return copy


def set_copy_status(*, copy_id: int, status: Copy.Status, by: Any, now: datetime) -> Copy:
    """Say how a copy stands: on the shelf, on order, damaged, missing from its shelf. Loans are circulation's to write.

    Raises Invalid for a copy on loan, set aside or withdrawn and for a status that is not said here,
    Copy.DoesNotExist, Busy.
    """
    with one_commit():
        Book.objects.filter(copies=copy_id).locked().first()
        copy = Copy.objects.locked().get(pk=copy_id)
        if status not in SAID_HERE:
            message = _("A copy becomes “%(status)s” at the desk or by an act only.")
            raise Invalid({"status": [message % {"status": status.label}]})
        if copy.status == Copy.Status.LOANED or copy.loans.filter(returned_at=None).exists():
            raise Invalid({"status": [_("%(copy)s is on loan. Take it back first.") % {"copy": copy}]})
        if copy.status in SET_ASIDE:
            message = _("%(copy)s is %(state)s. Release it on the hold shelf or among the transfers first.")
            raise Invalid({"status": [message % {"copy": copy, "state": copy.get_status_display()}]})
        if copy.status == Copy.Status.WITHDRAWN:
            raise Invalid({"status": [_("%(copy)s was withdrawn. Restore it first.") % {"copy": copy}]})
        former = copy.status
        if former != status:
            _set(copy, {"status": status})
            detail = {"from": former, "to": str(status)}
            audit.record(action="catalog.set_copy_status", subject=copy, by=by, now=now, detail=detail)
        return copy


def create_author(*, name: str, dates: str, by: Any, now: datetime) -> Author:
    """Enter a person or body. Raises IntegrityError for one of the same name and dates."""
    with one_commit():
        author = Author.objects.create(name=name, dates=dates)
        audit.record(action="catalog.create_author", subject=author, by=by, now=now)
        return author


def update_author(*, author_id: int, fields: Mapping[str, Any], by: Any, now: datetime) -> Author:
    """Correct a name or its dates; all their books are found by the new name. Raises as above, Author.DoesNotExist."""
    with one_commit():
        books = Book.objects.filter(contributions__author=author_id).order_by("pk").distinct()
        index = list(Book.objects.locked().filter(pk__in=books.values("pk")).values_list("pk", flat=True))
        author = Author.objects.select_for_update(no_key=True).get(pk=author_id)
        _set(author, fields)
        index_books(index)
        audit.record(action="catalog.update_author", subject=author, by=by, now=now, detail={"changed": sorted(fields)})
        return author


def delete_author(*, author_id: int, by: Any, now: datetime) -> None:
    """Forget somebody who made no book here. Raises ProtectedError if they did, Author.DoesNotExist."""
    with one_commit():
        author = Author.objects.select_for_update().get(pk=author_id)
        audit.record(action="catalog.delete_author", subject=author, by=by, now=now)
        author.delete()


def _describe(book: Book, fields: Mapping[str, Any]) -> None:
    """Write a book with all that `fields` says of it, and its index."""
    if (parent := fields.get("parent")) and (words := problem_with_parent(book_id=book.pk, parent_id=parent.pk)):
        raise Invalid({"parent": [words]})
    plain = {name: value for name, value in fields.items() if name not in {*SHARED, *TOPICS, *PARTS}}
    for name, model in SHARED.items():
        if name in fields:
            plain[name] = _named(model, fields[name]) if fields[name] else None
    if book.pk:
        _set(book, plain | {"updated_at": None})
    else:
        for name, value in plain.items():
            setattr(book, name, value)
        book.save(force_insert=True)
    for name, kind in TOPICS.items():
        if name in fields:
            getattr(book, name).set([_named(kind, topic) for topic in fields[name]])
    if "isbns" in fields:
        _replace_isbns(book, fields["isbns"])
    if "contributions" in fields:
        _replace_contributions(book, fields["contributions"])
    index_books([book.pk])


def _set(row: Any, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))


def _named(model: type[Thing], name: str) -> Thing:
    """The thing of that name, entered if it is new."""
    return model._default_manager.get_or_create(folded_name=folded_name(name), defaults={"name": name})[0]


def _by_variant(folded_name: str, dates: str) -> Author | None:
    """The only author who is also called so, unless born or dead in other years."""
    key = authors_by_variant([folded_name]).get(folded_name, 0)
    return Author.objects.filter(pk=key).filter(Q(dates=dates) | Q(dates="") if dates else Q()).first()


def _replace_isbns(book: Book, values: Iterable[str]) -> None:
    book.isbns.all().delete()
    unique = dict.fromkeys(values)
    Isbn.objects.bulk_create(Isbn(book=book, value=value, position=place) for place, value in enumerate(unique))


def _replace_contributions(book: Book, parts: Iterable[Mapping[str, str]]) -> None:
    book.contributions.all().delete()
    made: dict[tuple[int, str], Contribution] = {}
    for part in parts:
        found = {"folded_name": fold(part["name"]), "dates": part.get("dates", "")}
        author = Author.objects.filter(**found).first() or _by_variant(**found)
        if author is None:
            author = Author.objects.get_or_create(**found, defaults={"name": part["name"]})[0]
        role = part.get("role", Contribution.Role.AUTHOR)
        made.setdefault((author.pk, role), Contribution(book=book, author=author, role=role, position=len(made)))
    Contribution.objects.bulk_create(made.values())
