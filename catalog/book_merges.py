"""Merging books that describe the same edition, and taking it back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from catalog.merges import MOST_MERGED, Undoing, empty_record, locked_merge, readdress, rows_of, stored, turn
from catalog.models import Book, Contribution, Copy, DistinctBooks, Isbn, Merge, SourceRecord
from catalog.search import index_books
from catalog.titles import sort_title, volume_key
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit

CHOSEN = (
    "title", "subtitle", "other_titles", "parent", "volume", "material_type", "language", "year", "year_note", "place",
    "publisher", "edition", "pages", "series", "series_number", "call_number", "description", "cover",
)  # fmt: skip
"""Fields of which one book's value is taken."""
TOPICS = {"genres": Book.genres.through, "subjects": Book.subjects.through}
PARTS: dict[str, Any] = {"contributions": Contribution, "isbns": Isbn, **TOPICS}
"""What is united: by name the model of its rows."""
OWNED = (*PARTS.values(), SourceRecord, DistinctBooks)


def merge_books(
    *,
    survivor_id: int,
    merged_ids: Collection[int],
    choices: Mapping[str, int],
    parts: Mapping[str, Collection[int]],
    by: Any,
    now: datetime,
) -> Merge:
    """Make one book of several; copies with their loans, volumes and all else that points to them come along.

    `choices` says for a field of `CHOSEN` the book whose value is taken, else that of the survivor; `parts` says for
    contributions and ISBNs which rows and for genres and subjects which of them stay, else all do. Source records are
    kept: the survivor's own, else the first; the others in the merge. Raises Invalid when one of the books is gone,
    they are parts of each other or a reader has reserved two of them, Busy.
    """
    with one_commit():
        wanted = sorted({survivor_id, *merged_ids})
        books = {book.pk: book for book in Book.objects.locked().filter(pk__in=wanted)}
        list(Copy.objects.locked().filter(book__in=wanted).values_list("pk"))
        _check(books, wanted, survivor_id, choices)
        gone = [pk for pk in wanted if pk != survivor_id]
        survivor, record = books[survivor_id], empty_record()
        merge = Merge.objects.create(
            kind=Merge.Kind.BOOK,
            survivor_id=survivor_id,
            survivor_name=str(survivor)[:300],
            names=[str(books[pk])[:300] for pk in gone],
            at=now,
            by=by,
        )
        _united(record, books, survivor_id, parts)
        _source(record, survivor_id, gone)
        turn(record, Book, gone=gone, into=survivor_id, owned=OWNED)
        record["gone"] = rows_of(Book, pk__in=gone)
        record["parts"] |= {
            model._meta.label_lower: rows_of(model, book_id__in=gone) for model in (*PARTS.values(), SourceRecord)
        }
        told_apart = DistinctBooks.objects.filter(Q(first__in=gone) | Q(second__in=gone))
        record["parts"][DistinctBooks._meta.label_lower] = rows_of(DistinctBooks, pk__in=told_apart.values("pk"))
        columns = {Book._meta.get_field(name).attname: books[choices.get(name, survivor_id)] for name in CHOSEN}  # type: ignore[union-attr] # columns
        values = {name: getattr(book, name) for name, book in columns.items()}
        record["before"] = {name: rows_of(Book, pk=survivor_id)[0][name] for name in values}
        Book.objects.filter(pk__in=gone).delete()
        derived = {
            "sort_title": sort_title(values["title"], values["language"]),
            "volume_key": volume_key(values["volume"]),
            "updated_at": now,
        }
        Book.objects.filter(pk=survivor_id).update(**values, **derived)
        record["after"] = {name: rows_of(Book, pk=survivor_id)[0][name] for name in values}
        readdress(merge, record, keys=[(str(books[pk].uid), pk) for pk in gone])
        merge.record = stored(record)
        merge.save(update_fields=["record"])
        index_books([survivor_id])
        survivor.refresh_from_db(fields=["title", "volume"])
        audit.record(
            action="catalog.merge_books",
            subject=survivor,
            by=by,
            now=now,
            detail={"merged": merge.names, "merge": merge.pk},
        )
        return merge


def undo_book_merge(*, merge_id: int, by: Any, now: datetime) -> list[str]:
    """Take a merge back; in words, what could not be: it was changed, moved or deleted since.

    Raises Invalid when it was undone already, or the book that stayed is gone; Merge.DoesNotExist, Busy.
    """
    with one_commit():
        survivor_id = Merge.objects.values_list("survivor_id", flat=True).get(pk=merge_id, kind=Merge.Kind.BOOK)
        survivor = Book.objects.locked().filter(pk=survivor_id).first()
        merge = locked_merge(merge_id, Merge.Kind.BOOK)
        if survivor is None:
            words = _("The book that stayed is gone. If it was merged too, undo that merge first.")
            raise Invalid({"__all__": [words]})
        copies = [key for label, _column, key, _from in merge.record["moved"] if label == "catalog.copy"]
        list(Copy.objects.locked().filter(pk__in=copies).values_list("pk"))
        undoing = Undoing(merge)
        undoing.fields(survivor)
        survivor.refresh_from_db()
        survivor.save(update_fields=["title", "language", "volume", "updated_at"])
        undoing.parts(survivor, "book_id")
        undoing.addresses()
        undoing.insert(Book, merge.record["gone"])
        undoing.turn_back()
        for label, rows in merge.record["parts"].items():
            model = next(model for model in OWNED if model._meta.label_lower == label)
            undoing.insert(model, rows)
        keys = [row["id"] for row in merge.record["gone"]]
        index_books([survivor.pk, *keys])
        problems = undoing.close(by=by, now=now)
        audit.record(
            action="catalog.undo_merge",
            subject=survivor,
            by=by,
            now=now,
            detail={"restored": merge.names, "merge": merge.pk, "problems": problems},
        )
        return problems


def _check(books: Mapping[int, Book], wanted: Collection[int], survivor_id: int, choices: Mapping[str, int]) -> None:
    problems = []
    if not 2 <= len(wanted) <= MOST_MERGED:
        problems.append(_("Choose from 2 to %(most)d of them.") % {"most": MOST_MERGED})
    if len(books) < len(wanted):
        problems.append(_("One of the books is gone: somebody has merged or deleted it. Look at the list again."))
    if not problems:
        parent = books[choices.get("parent", survivor_id)].parent_id
        has_volumes = Book.objects.filter(parent__in=wanted).exists()
        if any(book.parent_id in books for book in books.values()):
            problems.append(_("One of the books is a volume of another. A set and its volume are not the same book."))
        elif parent and has_volumes:
            problems.append(_("A book with volumes cannot be a volume itself. Choose an empty “part of”."))
        waiting = Book.objects.filter(pk__in=wanted, reservations__isnull=False, reservations__ended_at=None)
        places = list(waiting.values_list("reservations__reader", "reservations__slot"))
        if len(set(places)) < len(places):
            problems.append(_("A reader has reserved two of the books. Cancel one of the reservations first."))
    if problems:
        raise Invalid({"__all__": problems})


def _united(record: Any, books: Mapping[int, Book], survivor_id: int, parts: Mapping[str, Collection[int]]) -> None:
    """Write the people, ISBNs, genres and subjects of all the books to the one that stays, each once."""
    order = {pk: place for place, pk in enumerate([survivor_id, *(pk for pk in books if pk != survivor_id)])}
    for name, model in PARTS.items():
        label = model._meta.label_lower
        told = {"genres": "genre_id", "subjects": "subject_id", "isbns": "value"}.get(name, "")
        rows = sorted(
            rows_of(model, book_id__in=books), key=lambda row: (order[row["book_id"]], row.get("position", 0))
        )
        kept: dict[Any, dict[str, Any]] = {}
        for row in rows:
            if name in parts and row["id" if name not in TOPICS else told] not in parts[name]:
                continue
            kept.setdefault(row[told] if told else (row["author_id"], row["role"]), row)
        record["parts_before"][label] = rows_of(model, book_id=survivor_id)
        before = {row["id"] for row in record["parts_before"][label]}
        fresh = [row for row in kept.values() if row["id"] not in before]
        stay = before & {row["id"] for row in kept.values()}
        model._base_manager.filter(book_id=survivor_id).exclude(pk__in=stay).delete()
        last = max((row["position"] for row in kept.values() if row["id"] in stay and "position" in row), default=-1)
        for place, row in enumerate(fresh, start=last + 1):
            columns = {key: value for key, value in row.items() if key != "id"} | {"book_id": survivor_id}
            model._base_manager.create(**columns | ({"position": place} if "position" in row else {}))
        record["parts_after"][label] = rows_of(model, book_id=survivor_id)


def _source(record: Any, survivor_id: int, gone: Collection[int]) -> None:
    """A book that has no source record takes the first of the others."""
    if SourceRecord.objects.filter(book=survivor_id).exists():
        return
    if source := SourceRecord.objects.filter(book__in=gone).order_by("book").first():
        record["moved"].append((SourceRecord._meta.label_lower, "book_id", source.pk, source.book_id))
        SourceRecord.objects.filter(pk=source.pk).update(book=survivor_id)
