"""Merging two or more rows into one and taking it back: the part that books and authors share.

Every foreign key of the whole program that leads to a row that goes is turned to the one that stays, whichever app it
belongs to; a row that cannot follow because its like is there already (the same reader twice in one queue) is put aside
and comes back when the merge is undone.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.search import SearchVectorField
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _

from catalog.models import Book, FormerAddress, Merge
from catalog.rows import text_array
from library.core.errors import Invalid

MOST_MERGED = 10
"""Rows that one merge takes together."""
Row = dict[str, Any]
"""A row by its columns (`attname`), as JSON holds it."""


class Record(TypedDict):
    """What a merge did, for undoing it. Rows are said by the label of their model: «catalog.copy»."""

    gone: list[Row]
    """The rows that were merged away."""
    parts: dict[str, list[Row]]
    """What belonged to them and went with them."""
    before: Row
    """Columns of the row that stays, as they were."""
    after: Row
    """The same columns when the merge was done."""
    parts_before: dict[str, list[Row]]
    """What belonged to the row that stays, of those kinds that the merge wrote anew."""
    parts_after: dict[str, list[Row]]
    moved: list[tuple[str, str, Any, int]]
    """Model, column, key of a row that was turned to the one that stays, and the key it pointed to."""
    dropped: list[tuple[str, Row]]
    """Rows that could not follow."""
    made: list[tuple[str, Any]]
    """Model and key of rows that the merge added."""
    addresses: list[tuple[str, int]]
    """Earlier former addresses that now lead on: key, and where they led."""


def empty_record() -> Record:
    """A record of nothing."""
    return {
        "gone": [], "parts": {}, "before": {}, "after": {}, "parts_before": {}, "parts_after": {}, "moved": [],
        "dropped": [], "made": [], "addresses": [],
    }  # fmt: skip


def rows_of(model: type[models.Model], **of: Any) -> list[Row]:
    """Rows as they are stored, in the order of their keys, without what only the search writes."""
    names = [field.attname for field in model._meta.concrete_fields if not isinstance(field, SearchVectorField)]
    return list(model._base_manager.filter(**of).order_by("pk").values(*names))


def links_to(model: type[models.Model], owned: Collection[type[models.Model]]) -> Iterator[tuple[Any, str]]:
    """Model and column of every foreign key to `model`, but for those of `owned` and one-to-one parts."""
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and not isinstance(relation, models.OneToOneRel):
            other: Any = relation.related_model
            if other not in owned and relation.field.remote_field.model is model:
                yield other, relation.field.attname


def turn(
    record: Record, model: type[models.Model], *, gone: Collection[int], into: int, owned: Collection[Any]
) -> None:
    """Turn all that points to the rows `gone` to the row `into`, and write down what was done."""
    for other, column in links_to(model, owned):
        for row in rows_of(other, **{f"{column}__in": gone}):
            key = row[other._meta.pk.attname]
            try:
                with transaction.atomic():
                    other._base_manager.filter(pk=key).update(**{column: into})
                record["moved"].append((other._meta.label_lower, column, key, row[column]))
            except IntegrityError:
                record["dropped"].append((other._meta.label_lower, row))
                other._base_manager.filter(pk=key).delete()


def readdress(merge: Merge, record: Record, *, keys: Iterable[tuple[str, int]]) -> None:
    """Let the old addresses of what is merged, and those that led there before, lead to what stays."""
    gone = [pk for _key, pk in keys]
    earlier = FormerAddress.objects.select_for_update().filter(kind=merge.kind, into_id__in=gone)
    record["addresses"] = [(address.key, address.into_id) for address in earlier]
    earlier.update(into_id=merge.survivor_id)
    FormerAddress.objects.bulk_create(
        FormerAddress(kind=merge.kind, key=key, former_id=pk, into_id=merge.survivor_id, merge=merge)
        for key, pk in keys
    )


def stored(record: Record) -> Any:
    """The record as JSON holds it, instants to the microsecond."""
    return json.loads(json.dumps(record, default=lambda value: getattr(value, "isoformat", value.__str__)()))


class FormerSource(NamedTuple):
    """The record of a book that was merged away, and the book that stands for it today."""

    digest: str
    key: str
    title: str
    year: int | None
    isbns: Sequence[str]
    """Of the book that was merged away."""
    book_id: int
    book_title: str
    """Of the one that stands for it."""


_FORMER_SOURCES = """
SELECT source.digest, source.key, gone ->> 'title', (gone ->> 'year')::int,
       ARRAY(SELECT isbn ->> 'value' FROM jsonb_array_elements(done.record #> '{parts,catalog.isbn}') isbn
             WHERE isbn -> 'book_id' = gone -> 'id'),
       book.id, book.title
FROM catalog_merge done
CROSS JOIN jsonb_array_elements(done.record -> 'gone') gone
JOIN catalog_formeraddress address ON address.merge_id = done.id AND address.former_id = (gone ->> 'id')::bigint
JOIN catalog_book book ON book.id = address.into_id
CROSS JOIN LATERAL (
    SELECT kept ->> 'digest' AS digest, kept ->> 'key' AS key
    FROM jsonb_array_elements(done.record #> '{parts,catalog.sourcerecord}') kept
    WHERE kept -> 'book_id' = gone -> 'id'
    UNION ALL
    SELECT digest, key
    FROM jsonb_array_elements(done.record -> 'moved') moved
    JOIN catalog_sourcerecord source ON source.id = (moved ->> 2)::bigint
    WHERE moved ->> 0 = 'catalog.sourcerecord' AND moved -> 3 = gone -> 'id'
) source
WHERE done.kind = 'book' AND done.undone_at IS NULL
      AND (source.digest = ANY(%s::text[]) OR (source.key <> '' AND source.key = ANY(%s::text[])))
ORDER BY done.id
"""
"""Records kept in the merge, and those that the book that stays took over because it had none."""


def former_sources(*, digests: Iterable[str], keys: Iterable[str]) -> list[FormerSource]:
    """The records with one of these digests or keys whose books were merged away."""
    if not Merge.objects.filter(kind=Merge.Kind.BOOK, undone_at=None).exists():
        return []
    with connection.cursor() as cursor:
        cursor.execute(_FORMER_SOURCES, [text_array(digests), text_array(keys)])
        return [FormerSource(*row) for row in cursor.fetchall()]


def books_of_former_uids(uids: Iterable[UUID]) -> dict[UUID, tuple[int, str]]:
    """Key and title of the books that stand today for those with these public ids, which were merged away."""
    addresses = FormerAddress.objects.filter(kind=Merge.Kind.BOOK, key__in=[str(uid) for uid in uids])
    into = {UUID(key): pk for key, pk in addresses.values_list("key", "into_id")}
    titles = dict(Book.objects.filter(pk__in=into.values()).values_list("pk", "title"))
    return {uid: (pk, titles[pk]) for uid, pk in into.items() if pk in titles}


def new_id(kind: Merge.Kind, key: str) -> int | None:
    """The primary key of what a merged book or author is found under today; None: it never was merged."""
    return FormerAddress.objects.filter(kind=kind, key=key).values_list("into_id", flat=True).first()


def merged_into(uid: UUID | str) -> UUID | None:
    """The public id of the book that a merged one is found under today; None: the book was not merged."""
    into = FormerAddress.objects.filter(kind=Merge.Kind.BOOK, key=str(uid)).values("into_id")
    return Book.objects.filter(pk__in=into).values_list("uid", flat=True).first()


class Undoing:
    """Takes one merge back and gathers in `problems`, in words, what cannot be brought back."""

    def __init__(self, merge: Merge) -> None:
        self.merge = merge
        self.record: Record = merge.record
        self.problems: list[str] = []

    def fields(self, survivor: models.Model) -> None:
        """Give the row that stayed its former fields, but for those that were changed since."""
        model = type(survivor)
        now = rows_of(model, pk=survivor.pk)[0]
        after, before = (_loaded(model, self.record[name]) for name in ("after", "before"))
        back = {}
        for name, value in before.items():
            if now[name] == value:
                continue
            if now[name] == after[name]:
                back[name] = value
            else:
                label = model._meta.get_field(name).verbose_name  # type: ignore[union-attr] # a column
                self.problems.append(_("%(field)s was changed since and stays as it is.") % {"field": label})
        back = self._with_targets(model, back) or {}
        if back:
            model._base_manager.filter(pk=survivor.pk).update(**back)

    def parts(self, survivor: models.Model, column: str) -> None:
        """Give the row that stayed its former parts, but for kinds of them that were changed since."""
        for label, before in self.record["parts_before"].items():
            model = apps.get_model(label)
            pk = model._meta.pk.attname
            now = {_content(row, pk) for row in rows_of(model, **{column: survivor.pk})}
            if now != {_content(_loaded(model, row), pk) for row in self.record["parts_after"][label]}:
                words = _("%(parts)s were changed since and stay as they are.")
                self.problems.append(words % {"parts": model._meta.verbose_name_plural})
                continue
            model._base_manager.filter(**{column: survivor.pk}).delete()
            self.insert(model, before)

    def insert(self, model: type[models.Model], rows: Iterable[Row]) -> None:
        """Bring rows back under their own keys."""
        for stored in rows:
            row = self._with_targets(model, _loaded(model, stored))
            if row is None:
                self._lost(model, stored)
                continue
            try:
                with transaction.atomic():
                    model._base_manager.bulk_create([model(**row)])
                    model._base_manager.filter(pk=row[model._meta.pk.attname]).update(**row)
            except IntegrityError:
                self._lost(model, stored)

    def turn_back(self) -> None:
        """Turn rows back that the merge turned, unless they were moved on or deleted since."""
        lost: dict[str, int] = {}
        for label, column, key, former in self.record["moved"]:
            model = apps.get_model(label)
            still = model._base_manager.filter(pk=key, **{column: self.merge.survivor_id})
            try:
                with transaction.atomic():
                    done = still.update(**{column: former})
            except IntegrityError:
                done = 0
            if not done:
                lost[label] = lost.get(label, 0) + 1
        for label, count in lost.items():
            words = _("%(things)s: %(count)d moved or deleted since, left where they are.")
            self.problems.append(words % {"things": apps.get_model(label)._meta.verbose_name_plural, "count": count})
        for label, row in self.record["dropped"]:
            self.insert(apps.get_model(label), [row])
        for label, key in self.record["made"]:
            apps.get_model(label)._base_manager.filter(pk=key).delete()

    def addresses(self) -> None:
        """Let the old addresses be addresses again."""
        FormerAddress.objects.filter(merge=self.merge).delete()
        for key, into in self.record["addresses"]:
            FormerAddress.objects.filter(kind=self.merge.kind, key=key).update(into_id=into)

    def close(self, *, by: Any, now: datetime) -> list[str]:
        """Say that it is undone; what could not be brought back."""
        self.merge.undone_at, self.merge.undone_by = now, by
        self.merge.save(update_fields=["undone_at", "undone_by"])
        return self.problems

    def _with_targets(self, model: type[models.Model], row: Row) -> Row | None:
        """The row with every foreign key leading somewhere: to what its target was merged into, else empty.

        None if it must not be empty.
        """
        for field in model._meta.concrete_fields:
            target: Any = field.remote_field and field.remote_field.model
            if not target or (key := row.get(field.attname)) is None:
                continue
            if target._base_manager.filter(pk=key).exists():
                continue
            kind = target._meta.model_name
            led = FormerAddress.objects.filter(kind=kind, former_id=key, merge__undone_at=None).exclude(
                merge=self.merge
            )
            found = led.values_list("into_id", flat=True).first()
            if found is None and not field.null:
                return None
            row = {**row, field.attname: found}
        return row

    def _lost(self, model: type[models.Model], row: Row) -> None:
        words = _("Cannot be brought back: %(thing)s %(text)s.")
        text = next((str(row[name]) for name in ("title", "name", "value", "key") if row.get(name)), "")
        self.problems.append(words % {"thing": model._meta.verbose_name, "text": text})


def locked_merge(merge_id: int, kind: Merge.Kind) -> Merge:
    """The merge, locked. Raises Invalid when it was undone already, Merge.DoesNotExist."""
    merge = Merge.objects.select_for_update().get(pk=merge_id, kind=kind)
    if merge.undone_at:
        raise Invalid({"__all__": [_("This merge was undone already.")]})
    return merge


def _loaded(model: type[models.Model], row: Row) -> Row:
    """A row of JSON with the values that its columns have."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return {
        name: getattr(fields[name], "target_field", fields[name]).to_python(value)
        for name, value in row.items()
        if name in fields
    }


def _content(row: Row, pk: str) -> frozenset[tuple[str, Any]]:
    """A row without its key, to compare."""
    return frozenset((name, value) for name, value in row.items() if name != pk)
