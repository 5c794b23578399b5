"""Undoing an import: what it made is removed, what it changed is brought back to what it was.

Only as long as nothing has been built on it: a copy lent or reserved, a book or copy changed by a person or by a later
import stays, and is named. The undoing goes batch by batch; killed half-way, it goes on; done twice, it does nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import Count, Exists, F, Func, IntegerField, OuterRef, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from catalog.import_journal import NAMES, former_book, former_source
from catalog.import_names import look_up, named
from catalog.import_writing import update_books
from catalog.models import Book, Contribution, Copy, ImportedBook, ImportRun, SourceRecord
from catalog.search import index_books
from catalog.stored import read_books
from library.core import audit
from library.core.errors import Refusal, Refused
from library.core.transactions import one_commit

State = ImportRun.State

BATCH = 500
"""Books of one commit."""
SHOWN = 100
"""Books named in a refusal."""
UNDOABLE = (State.FINISHED, State.FAILED, State.CANCELLED)


class Obstacle(StrEnum):
    """Why a book cannot be brought back to what it was."""

    USED = "used"
    HAS_VOLUMES = "has_volumes"
    COPY_ADDED = "copy_added"
    CHANGED = "changed"
    IMPORTED_AGAIN = "imported_again"
    NOT_UNDOABLE = "not_undoable"


WORDS = {
    Obstacle.USED: gettext_lazy("“%(title)s” was lent or reserved."),
    Obstacle.HAS_VOLUMES: gettext_lazy("“%(title)s” has volumes that were entered by hand."),
    Obstacle.COPY_ADDED: gettext_lazy("“%(title)s” has copies that did not come from this import."),
    Obstacle.CHANGED: gettext_lazy("“%(title)s” or a copy of it was changed after the import."),
    Obstacle.IMPORTED_AGAIN: gettext_lazy("A later import changed “%(title)s”. Undo that one first."),
    Obstacle.NOT_UNDOABLE: gettext_lazy("This import is under way, or there is nothing of it to undo."),
}


class Extent(NamedTuple):
    """What undoing an import would do."""

    removed: int
    """Books that it made."""
    restored: int
    """Books that it changed."""
    copies: int
    """Copies that it made."""
    obstacles: list[tuple[int, str, Obstacle]]
    """Key and title of books in the way, at most `SHOWN`, with the reason."""
    has_more: bool
    """Whether there are more of them."""


# --- What is in the way --------------------------------------------------------------------------------------------
def _protected(model: type[models.Model]) -> list[tuple[str, str]]:
    """Tables, of whatever app, whose rows forbid to delete a row of the model, and the columns that point to it."""
    return [
        (relation.related_model._meta.db_table, str(relation.field.column))
        for relation in model._meta.related_objects
        if getattr(relation, "on_delete", None) in (models.PROTECT, models.RESTRICT)
        and relation.related_model not in (Book, Copy)
    ]


def _obstacle_queries() -> list[tuple[Obstacle, str]]:
    """SQL that gives the books in the way of undoing the entries of `%(run)s` named in `%(entries)s` (null: all)."""
    entries = (
        "FROM catalog_importedbook entry {joins} WHERE entry.run_id = %(run)s"
        " AND (%(entries)s::bigint[] IS NULL OR entry.id = ANY(%(entries)s)) AND {condition}"
    )
    copies = "CROSS JOIN unnest(entry.copies) AS made(id)"
    queries = [
        (Obstacle.USED, f"{copies} JOIN {table} used ON used.{column} = made.id", "true")
        for table, column in _protected(Copy)
    ]
    queries += [
        (Obstacle.USED, f"JOIN {table} used ON used.{column} = entry.book_id", "entry.before IS NULL")
        for table, column in _protected(Book)
    ]
    volume = "SELECT FROM catalog_book volume LEFT JOIN catalog_sourcerecord source ON source.book_id = volume.id"
    by_hand = f"{volume} WHERE volume.parent_id = entry.book_id AND coalesce(source.whole_key, '') = ''"
    queries.append((Obstacle.HAS_VOLUMES, "", f"entry.before IS NULL AND EXISTS ({by_hand})"))
    other_copy = "SELECT FROM catalog_copy copy WHERE copy.book_id = entry.book_id AND copy.id <> ALL(entry.copies)"
    audited = (
        "SELECT FROM core_auditentry deed"
        " WHERE deed.subject_type = '{}' AND deed.subject_id = {} AND deed.at > entry.at"
    )
    book_changed = audited.format("catalog.book", "entry.book_id")
    copy_changed = audited.format("catalog.copy", "made.id")
    later = "SELECT FROM catalog_importedbook later WHERE later.book_id = entry.book_id AND later.id > entry.id"
    queries += [
        (Obstacle.COPY_ADDED, "", f"entry.before IS NULL AND EXISTS ({other_copy})"),
        (Obstacle.CHANGED, "", f"(entry.before IS NULL OR entry.before <> '{{}}') AND EXISTS ({book_changed})"),
        (Obstacle.CHANGED, copies, f"EXISTS ({copy_changed})"),
        (Obstacle.IMPORTED_AGAIN, "", f"EXISTS ({later})"),
    ]
    return [
        (obstacle, f"SELECT DISTINCT entry.book_id {entries.format(joins=joins, condition=condition)}")
        for obstacle, joins, condition in queries
    ]


def _in_the_way(run_id: int, entries: Sequence[int] | None = None, *, limit: int | None = None) -> dict[int, Obstacle]:
    """The books that cannot be brought back, with the first reason found."""
    found: dict[int, Obstacle] = {}
    with connection.cursor() as cursor:
        for obstacle, sql in _obstacle_queries():
            bounded = f"{sql} LIMIT {limit}" if limit else sql
            cursor.execute(bounded, {"run": run_id, "entries": None if entries is None else list(entries)})
            for (book_id,) in cursor.fetchall():
                found.setdefault(book_id, obstacle)
    return found


def extent(run: ImportRun) -> Extent:
    """What undoing would do, and what is in its way."""
    entries = run.books.all()
    copies = Func(F("copies"), function="cardinality", output_field=IntegerField())
    counts = entries.aggregate(all=Count("pk"), made=Count("pk", filter=Q(before__isnull=True)), copies=Sum(copies))
    blocked = _in_the_way(run.pk, limit=SHOWN + 1)
    titles = dict(Book.objects.filter(pk__in=list(blocked)[:SHOWN]).values_list("pk", "title"))
    obstacles = [(pk, titles[pk], reason) for pk, reason in blocked.items() if pk in titles]
    made = counts["made"]
    return Extent(made, counts["all"] - made, counts["copies"] or 0, obstacles, len(blocked) > SHOWN)


# --- The deed ------------------------------------------------------------------------------------------------------
def request_undo(*, run_id: int, by: Any, now: datetime) -> None:
    """Have a worker undo the import. Raises Refused with what is in the way, Busy."""
    with one_commit():
        run = ImportRun.objects.select_for_update(no_key=True).get(pk=run_id)
        whole = extent(run)
        if run.state not in UNDOABLE or not (whole.removed or whole.restored):
            raise Refused([Refusal(Obstacle.NOT_UNDOABLE)])
        if whole.obstacles:
            raise Refused([Refusal(reason, {"book": pk, "title": title}) for pk, title, reason in whole.obstacles])
        run.state, run.failure, run.undone = State.UNDOING, "", 0
        run.to_undo, run.resumed_at, run.heard_of_at = whole.removed + whole.restored, now, None
        run.save(update_fields=["state", "failure", "undone", "to_undo", "resumed_at", "heard_of_at"])
        audit.record(action="catalog.undo_import", subject=run, by=by, now=now, detail={"books": run.to_undo})


def undo(
    run: ImportRun,
    *,
    on_batch: Callable[[ImportRun], None] = lambda run: None,
    clock: Callable[[], datetime] = timezone.now,
) -> None:
    """Undo an import whose state is `undoing`, last book first. Raises Busy.

    What got in the way since it was requested stays, and the import is `finished` again with words about it.
    """
    last: int | None = None
    kept = 0
    while True:
        with one_commit():
            entries = run.books.order_by("-pk") if last is None else run.books.filter(pk__lt=last).order_by("-pk")
            if not (batch := list(entries[:BATCH])):
                break
            last = batch[-1].pk
            list(Book.objects.locked().filter(pk__in=[entry.book_id for entry in batch]).values_list("pk"))
            blocked = _in_the_way(run.pk, [entry.pk for entry in batch])
            free = [entry for entry in batch if entry.book_id not in blocked]
            _take_back(run, free, now=clock())
            kept += len(blocked)
            run.undone += len(free)
            run.heard_of_at = clock()
            run.save(update_fields=["undone", "heard_of_at"])
        on_batch(run)
    run.state = State.FINISHED if kept else State.UNDONE
    if kept:
        told = ngettext(
            "%(count)s book was used or changed while the import was being undone; it stays.",
            "%(count)s books were used or changed while the import was being undone; they stay.",
            kept,
        )
        run.failure = told % {"count": kept}
    run.save(update_fields=["state", "failure"])


def _take_back(run: ImportRun, entries: Sequence[ImportedBook], *, now: datetime) -> None:
    """Bring the books of these entries back; their rows are locked."""
    copies = [copy_id for entry in entries for copy_id in entry.copies]
    list(Copy.objects.locked().filter(pk__in=copies).values_list("pk"))
    made = [entry.book_id for entry in entries if entry.before is None]
    changed = [entry for entry in entries if entry.before is not None]
    names = _names_of([entry.book_id for entry in entries])
    Copy.objects.filter(pk__in=copies).delete()
    _restore(changed, now=now)
    orphaned = list(Book.objects.locked().filter(parent__in=made).exclude(pk__in=made).values_list("pk", flat=True))
    Book.objects.filter(parent__in=made).update(parent=None)
    Book.objects.filter(pk__in=made).delete()
    ImportedBook.objects.filter(pk__in=[entry.pk for entry in changed]).delete()
    _remove_unused(names, run.names_before)
    index_books([*orphaned, *(entry.book_id for entry in changed)])


def _restore(entries: Sequence[ImportedBook], *, now: datetime) -> None:
    """Descriptions and source records as they were."""
    befores = {entry.book_id: entry.before or {} for entry in entries}
    current = read_books(befores)
    wanted = {
        pk: (current[pk], former_book(current[pk], before)) for pk, before in befores.items() if "fields" in before
    }
    if wanted:
        update_books(wanted, names=look_up([named(former) for _current, former in wanted.values()]), now=now)
    sources = [former_source(pk, before) for pk, before in befores.items()]
    SourceRecord.objects.filter(book__in=[pk for pk, before in befores.items() if "source" in before]).delete()
    SourceRecord.objects.bulk_create((source for source in sources if source), ignore_conflicts=True)


def _names_of(book_ids: Iterable[int]) -> dict[str, set[int]]:
    """The names that these books use, by the name of their model."""
    books = Book.objects.filter(pk__in=list(book_ids))
    columns = {"genre": "genres", "subject": "subjects", "publisher": "publisher", "series": "series"}
    found = {
        name: set(books.exclude(**{column: None}).values_list(column, flat=True)) for name, column in columns.items()
    }
    found["author"] = set(Contribution.objects.filter(book__in=books).values_list("author", flat=True))
    return found


def _remove_unused(names: dict[str, set[int]], before: dict[str, int]) -> None:
    """Names that came with the import and that nothing uses any longer."""
    for model in NAMES:
        kind = str(model._meta.model_name)
        later = [pk for pk in names[kind] if pk > before.get(kind, pk)]
        unused = model._default_manager.filter(pk__in=later)
        for relation in model._meta.related_objects:
            users = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
            unused = unused.exclude(Exists(users))
        unused.delete()


def words(reason: StrEnum, data: Mapping[str, Any]) -> str:
    """What is in the way, in a sentence."""
    return str(WORDS[Obstacle(reason)]) % dict(data)
