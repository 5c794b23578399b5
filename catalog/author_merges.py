"""Merging entries for one and the same author, and taking it back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from catalog.merges import MOST_MERGED, Undoing, empty_record, locked_merge, readdress, rows_of, stored, turn
from catalog.models import Author, AuthorName, Book, Merge, folded_name
from catalog.search import index_books
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit

CHOSEN = ("name", "dates")
"""Fields of which one author's value is taken."""


def merge_authors(
    *, survivor_id: int, merged_ids: Collection[int], choices: Mapping[str, int], by: Any, now: datetime
) -> Merge:
    """Make one author of several: all their books are the survivor's, all their names are forms of its name.

    `choices` says for `name` and `dates` whose is taken, else the survivor's. Raises Invalid when one of them is gone
    or somebody else has that name and those dates, Busy.
    """
    with one_commit():
        wanted = sorted({survivor_id, *merged_ids})
        books = _lock_books_of(wanted)
        authors = {author.pk: author for author in _locked(wanted)}
        if not 2 <= len(wanted) <= MOST_MERGED:
            raise Invalid({"__all__": [_("Choose from 2 to %(most)d of them.") % {"most": MOST_MERGED}]})
        if len(authors) < len(wanted):
            raise Invalid({"__all__": [_("One of the authors is gone: somebody has merged or deleted it.")]})
        gone = [pk for pk in wanted if pk != survivor_id]
        survivor, record = authors[survivor_id], empty_record()
        merge = Merge.objects.create(
            kind=Merge.Kind.AUTHOR,
            survivor_id=survivor_id,
            survivor_name=survivor.name,
            names=[authors[pk].name for pk in gone],
            at=now,
            by=by,
        )
        turn(record, Author, gone=gone, into=survivor_id, owned=())
        record["gone"] = rows_of(Author, pk__in=gone)
        values = {name: getattr(authors[choices.get(name, survivor_id)], name) for name in CHOSEN}
        record["before"] = {name: getattr(survivor, name) for name in CHOSEN}
        record["after"] = values
        Author.objects.filter(pk__in=gone).delete()
        if Author.objects.filter(folded_name=folded_name(values["name"]), dates=values["dates"]).exclude(
            pk=survivor_id
        ):
            raise Invalid({"__all__": [_("Another author has this name and these dates. Merge that one too.")]})
        for name, value in values.items():
            setattr(survivor, name, value)
        survivor.save(update_fields=CHOSEN)
        for author in authors.values():
            if variant := _add_variant(survivor, author.name if author.pk in gone else record["before"]["name"]):
                record["made"].append((AuthorName._meta.label_lower, variant.pk))
        readdress(merge, record, keys=[(str(pk), pk) for pk in gone])
        merge.record = stored(record)
        merge.save(update_fields=["record"])
        index_books(books)
        detail = {"merged": merge.names, "merge": merge.pk}
        audit.record(action="catalog.merge_authors", subject=survivor, by=by, now=now, detail=detail)
        return merge


def undo_author_merge(*, merge_id: int, by: Any, now: datetime) -> list[str]:
    """Take a merge back; in words, what could not be.

    Raises Invalid when it was undone already, the author who stayed is gone, or a new one has a former name;
    Merge.DoesNotExist, Busy.
    """
    with one_commit():
        survivor_id = Merge.objects.values_list("survivor_id", flat=True).get(pk=merge_id, kind=Merge.Kind.AUTHOR)
        books = _lock_books_of([survivor_id])
        survivor = _locked([survivor_id]).first()
        merge = locked_merge(merge_id, Merge.Kind.AUTHOR)
        if survivor is None:
            raise Invalid({"__all__": [_("The author who stayed is gone. If merged too, undo that merge first.")]})
        undoing = Undoing(merge)
        try:
            with transaction.atomic():
                undoing.fields(survivor)
                survivor.refresh_from_db()
                survivor.save(update_fields=["name"])
                undoing.addresses()
                undoing.insert(Author, merge.record["gone"])
        except IntegrityError as error:
            raise Invalid({"__all__": [_("Another author has the former name and dates now.")]}) from error
        back = {row["id"] for row in merge.record["gone"]}
        if Author.objects.filter(pk__in=back).count() < len(back):
            raise Invalid({"__all__": [_("Another author has the former name and dates now.")]})
        undoing.turn_back()
        index_books(books)
        problems = undoing.close(by=by, now=now)
        detail = {"restored": merge.names, "merge": merge.pk, "problems": problems}
        audit.record(action="catalog.undo_merge", subject=survivor, by=by, now=now, detail=detail)
        return problems


def _add_variant(author: Author, name: str) -> AuthorName | None:
    """Remember another form of the name; None if it is the author's own or known already."""
    folded = folded_name(name)
    if folded == folded_name(author.name) or author.variants.filter(folded_name=folded).exists():
        return None
    return AuthorName.objects.create(author=author, name=name, folded_name=folded)


def _locked(keys: Collection[int]) -> Any:
    return Author.objects.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True)


def _lock_books_of(keys: Collection[int]) -> list[int]:
    """Books come before authors in the order of locks."""
    books = Book.objects.filter(pk__in=Book.objects.filter(contributions__author__in=keys).values("pk"))
    return list(books.locked().values_list("pk", flat=True))
