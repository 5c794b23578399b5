"""Changing one field of many books or copies: previewed, done in batches, undone row by row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.models import (
    BatchChange,
    BatchRow,
    Book,
    Copy,
    Genre,
    MaterialType,
    Publisher,
    Series,
    Subject,
    folded_name,
)
from catalog.search import index_books
from library.core import audit
from library.core.errors import Invalid
from library.core.transactions import one_commit
from policies.models import Branch, ItemType

Deed: TypeAlias = BatchChange.Deed
State: TypeAlias = BatchChange.State
MOST_TARGETS = 100_000
"""Books or copies that one change takes."""
AT_ONCE = 200
"""Rows of one commit."""
QUICK = 400
"""Rows that a page of the panel changes itself; more are a worker's."""
TEXT = (Deed.SET, Deed.REPLACE, Deed.CLEAR)
NAMED: dict[str, Any] = {"publisher": Publisher, "series": Series, "genres": Genre, "subjects": Subject}
"""Fields whose value is a name."""
CHOSEN: dict[str, Any] = {"branch": Branch, "item_type": ItemType}
"""Fields whose value is the key of a row."""
FIELDS: dict[str, dict[str, tuple[Deed, ...]]] = {
    "book": {
        "language": (Deed.SET, Deed.CLEAR),
        "material_type": (Deed.SET,),
        "publisher": (Deed.SET, Deed.CLEAR),
        "series": (Deed.SET, Deed.CLEAR),
        "genres": (Deed.ADD, Deed.REMOVE),
        "subjects": (Deed.ADD, Deed.REMOVE),
        "call_number": TEXT,
        "place": TEXT,
        "edition": TEXT,
        "title": (Deed.REPLACE,),
        "subtitle": (Deed.REPLACE, Deed.CLEAR),
        "description": (Deed.REPLACE, Deed.CLEAR),
    },
    "copy": {
        "branch": (Deed.SET,),
        "item_type": (Deed.SET,),
        "shelf_mark": TEXT,
        "note": TEXT,
    },
}
"""What may be changed, and how."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One row of the preview."""

    name: str
    before: str
    after: str


def draft(*, kind: BatchChange.Kind, target_ids: Sequence[int], by: Any, now: datetime) -> BatchChange:
    """Remember what is to be changed. Raises Invalid for none or more than `MOST_TARGETS`."""
    if not 0 < len(target_ids) <= MOST_TARGETS:
        raise Invalid({"__all__": [_("Choose from 1 to %(most)d of them.") % {"most": MOST_TARGETS}]})
    return BatchChange.objects.create(kind=kind, target_ids=sorted(target_ids), by=by, created_at=now)


def start(*, batch_id: int, field: str, deed: str, value: str, find: str, by: Any, now: datetime) -> BatchChange:
    """Say what is to be done, once; `work` does it. Raises Invalid when it makes no sense or was started already."""
    with one_commit():
        batch = BatchChange.objects.select_for_update().get(pk=batch_id)
        if batch.state != State.DRAFT:
            raise Invalid({"__all__": [_("This change was started already.")]})
        batch.field, batch.deed, batch.value, batch.find = field, deed, value, find
        check(batch)
        batch.state = State.RUNNING
        batch.save(update_fields=["field", "deed", "value", "find", "state"])
        detail = {"field": field, "change": deed, "value": value, "find": find, "targets": len(batch.target_ids)}
        audit.record(action="catalog.start_batch_change", subject=batch, by=by, now=now, detail=detail)
        return batch


def start_undoing(*, batch_id: int, by: Any, now: datetime) -> BatchChange:
    """Let `work` change everything back. Raises Invalid unless the change is done."""
    with one_commit():
        batch = BatchChange.objects.select_for_update().get(pk=batch_id)
        if batch.state != State.DONE:
            raise Invalid({"__all__": [_("Only a finished change can be undone, and only once.")]})
        batch.state, batch.position = State.UNDOING, 0
        batch.save(update_fields=["state", "position"])
        audit.record(action="catalog.undo_batch_change", subject=batch, by=by, now=now)
        return batch


def work(*, batch_id: int, now: datetime, most: int | None = None) -> bool:
    """Go on with a change or its undoing, a commit for every `AT_ONCE` rows; whether it is finished.

    Stops after `most` rows. Two at once do no harm: each takes the next rows. Raises Busy, and may then be repeated.
    """
    done = 0
    while most is None or done < most:
        with one_commit():
            batch = BatchChange.objects.select_for_update().get(pk=batch_id)
            if batch.state not in (State.RUNNING, State.UNDOING):
                return True
            keys = batch.target_ids[batch.position : batch.position + AT_ONCE]
            if batch.state == State.RUNNING:
                _change(batch, keys)
            else:
                _change_back(batch, keys)
            batch.position += len(keys)
            if batch.position >= len(batch.target_ids):
                is_undoing = batch.state == State.UNDOING
                batch.state = State.UNDONE if is_undoing else State.DONE
                setattr(batch, "undone_at" if is_undoing else "finished_at", now)
            batch.save(update_fields=["position", "changed", "refused", "state", "finished_at", "undone_at"])
            done += len(keys)
    going = BatchChange.objects.filter(pk=batch_id, state__in=[State.RUNNING, State.UNDOING])
    return not going.exists()


def check(batch: BatchChange) -> None:
    """Raise Invalid unless the field can be changed so."""
    deeds = FIELDS[batch.kind].get(batch.field, ())
    errors: dict[str, list[str]] = {}
    if batch.deed not in deeds:
        errors["deed"] = [_("Choose what to do.")]
    if batch.deed == Deed.REPLACE and not batch.find:
        errors["find"] = [_("Type the text to find.")]
    if batch.deed in (Deed.SET, Deed.ADD, Deed.REMOVE) and not batch.value:
        errors["value"] = [_("Type or choose a value.")]
    if not errors and batch.deed in (Deed.SET, Deed.ADD, Deed.REMOVE):
        if (model := CHOSEN.get(batch.field)) and not (
            batch.value.isdecimal() and model.objects.filter(pk=int(batch.value[:18])).exists()
        ):
            errors["value"] = [_("Type or choose a value.")]
        elif batch.field in NAMED and not (len(folded_name(batch.value)) > 0 and len(batch.value) <= 300):
            errors["value"] = [_("Type a name of letters or digits, not longer than 300.")]
        elif batch.field not in NAMED and batch.field not in CHOSEN:
            column: Any = _model(batch)._meta.get_field(batch.field)
            try:
                column.clean(batch.value, None)
            except ValidationError as error:
                errors["value"] = [str(message) for message in error.messages]
    if errors:
        raise Invalid(errors)


def changing(batch: BatchChange, keys: Collection[int] | None = None) -> QuerySet[Any]:
    """The targets that the change would change, of `keys` if given."""
    model = _model(batch)
    rows = model._default_manager.filter(pk__in=batch.target_ids if keys is None else keys).order_by("pk")
    match batch.deed:
        case Deed.ADD | Deed.REMOVE:
            thing = _thing(batch)
            having = {f"{batch.field}": thing} if thing else {"pk__in": []}
            tied = model._default_manager.filter(**having).values("pk")
            return rows.exclude(pk__in=tied) if batch.deed == Deed.ADD else rows.filter(pk__in=tied)
        case Deed.REPLACE:
            return rows.filter(**{f"{batch.field}__contains": batch.find})
        case Deed.CLEAR:
            return rows.exclude(**({f"{batch.field}__isnull": True} if batch.field in NAMED else {batch.field: ""}))
    if batch.field in NAMED:
        thing = _thing(batch)
        return rows.exclude(**{batch.field: thing}) if thing else rows
    return rows.exclude(**{batch.field: int(batch.value) if batch.field in CHOSEN else batch.value})


def preview(batch: BatchChange, rows: Sequence[Any]) -> list[Shown]:
    """What would become of these rows."""
    if batch.field in ("genres", "subjects"):
        models.prefetch_related_objects(list(rows), batch.field)
    thing = _thing(batch) if batch.field in NAMED else None
    before = [_value(batch, row) for row in rows]
    after = [_wanted(batch, value, thing) for value in before]
    names = _names(batch, [*before, *after])
    return [
        Shown(str(row), _words(batch, was, names), _words(batch, will, names))
        for row, was, will in zip(rows, before, after, strict=True)
    ]


def shown_rows(batch: BatchChange, rows: Sequence[BatchRow]) -> list[tuple[BatchRow, str, str]]:
    """Rows of a change with their values in words."""
    names = _names(batch, [value for row in rows for value in (row.before, row.after)])
    return [(row, _words(batch, row.before, names), _words(batch, row.after, names)) for row in rows]


def summary(batch: BatchChange) -> str:
    """How far it went, in words."""
    words = ngettext("%(count)d record changed", "%(count)d records changed", batch.changed)
    text = words % {"count": batch.changed}
    if batch.refused:
        words = ngettext("%(count)d left as it was", "%(count)d left as they were", batch.refused)
        text += ", " + words % {"count": batch.refused}
    return text


def _model(batch: BatchChange) -> type[models.Model]:
    return Book if batch.kind == BatchChange.Kind.BOOK else Copy


def _thing(batch: BatchChange) -> Any:
    """The genre, subject, publisher or series of that name, None when there is none yet."""
    return NAMED[batch.field].objects.filter(folded_name=folded_name(batch.value)).first()


def _locked(batch: BatchChange, keys: Collection[int]) -> dict[int, Any]:
    """The rows, books before copies."""
    if batch.kind == BatchChange.Kind.BOOK:
        return {book.pk: book for book in Book.objects.locked().filter(pk__in=keys)}
    books = Copy.objects.filter(pk__in=keys).values("book")
    list(Book.objects.locked().filter(pk__in=books).values_list("pk"))
    return {copy.pk: copy for copy in Copy.objects.locked().filter(pk__in=keys)}


def _change(batch: BatchChange, keys: Sequence[int]) -> None:
    rows = _locked(batch, keys)
    thing = _thing(batch) if batch.field in NAMED else None
    if batch.field in NAMED and thing is None and batch.deed in (Deed.SET, Deed.ADD):
        folded = folded_name(batch.value)
        thing = NAMED[batch.field].objects.get_or_create(folded_name=folded, defaults={"name": batch.value})[0]
    wanted = list(changing(batch, keys).values_list("pk", flat=True))
    written = []
    for row in (rows[key] for key in wanted if key in rows):
        before = _value(batch, row)
        after = _wanted(batch, before, thing)
        problem = _write(batch, row, after)
        written.append(
            BatchRow(
                batch=batch, object_id=row.pk, name=str(row)[:300], before=before, after=after,
                is_changed=not problem, problem=problem,
            )
        )  # fmt: skip
    BatchRow.objects.bulk_create(written)
    batch.changed += sum(row.is_changed for row in written)
    batch.refused += sum(not row.is_changed for row in written)
    _index(batch, rows.values())


def _change_back(batch: BatchChange, keys: Sequence[int]) -> None:
    rows = _locked(batch, keys)
    done = list(BatchRow.objects.filter(batch=batch, object_id__in=keys, is_changed=True).order_by("pk"))
    for entry in done:
        row = rows.get(entry.object_id)
        if row is None:
            entry.problem = _("It is gone.")
        elif not _is_same(_value(batch, row), entry.after):
            entry.problem = _("It was changed since and stays as it is.")
        else:
            entry.problem = _write(batch, row, entry.before)
        entry.is_undone = not entry.problem
    BatchRow.objects.bulk_update(done, ["problem", "is_undone"])
    _index(batch, rows.values())


def _index(batch: BatchChange, rows: Collection[Any]) -> None:
    index_books({row.pk if batch.kind == BatchChange.Kind.BOOK else row.book_id for row in rows})


def _value(batch: BatchChange, row: Any) -> Any:
    """The value as the record of the change keeps it: a text, a key, or a list of keys."""
    if batch.field in ("genres", "subjects"):
        return sorted(thing.pk for thing in getattr(row, batch.field).all())
    return getattr(row, f"{batch.field}_id" if batch.field in (*NAMED, *CHOSEN) else batch.field)


def _wanted(batch: BatchChange, before: Any, thing: Any) -> Any:
    """The value after the change. `thing` is what the value names; a name that is new stands for itself."""
    key = batch.value if thing is None else thing.pk
    match batch.deed:
        case Deed.CLEAR:
            return None if batch.field in NAMED else ""
        case Deed.REPLACE:
            return before.replace(batch.find, batch.value)
        case Deed.ADD:
            return [*(one for one in before if one != key), key]
        case Deed.REMOVE:
            return [one for one in before if one != key]
    if batch.field in NAMED:
        return key
    return int(batch.value) if batch.field in CHOSEN else batch.value


def _write(batch: BatchChange, row: Any, value: Any) -> str:
    """Write the value; why not, in words, when the row cannot have it."""
    if batch.field in ("genres", "subjects"):
        there = NAMED[batch.field].objects.filter(pk__in=value)
        getattr(row, batch.field).set(there)
        return ""
    model: Any = NAMED.get(batch.field) or CHOSEN.get(batch.field)
    if model:
        if value is not None and not model.objects.filter(pk=value).exists():
            return _("The former value is gone.")
        setattr(row, f"{batch.field}_id", value)
    else:
        setattr(row, batch.field, value)
        others = {field.name for field in row._meta.concrete_fields} - {batch.field}
        try:
            row.clean_fields(exclude=others)
        except ValidationError as error:
            return " ".join(error.messages)
    row.save(update_fields=[batch.field, *(["updated_at"] if batch.kind == BatchChange.Kind.BOOK else [])])
    return ""


def _is_same(one: Any, other: Any) -> bool:
    return sorted(one) == sorted(other) if isinstance(one, list) else one == other


def _names(batch: BatchChange, values: Collection[Any]) -> dict[Any, str]:
    """Names of all that the values are keys of."""
    model = NAMED.get(batch.field) or CHOSEN.get(batch.field)
    if model is None:
        return {}
    keys = {key for value in values for key in (value if isinstance(value, list) else [value]) if isinstance(key, int)}
    return {key: str(thing) for key, thing in model.objects.in_bulk(keys).items()}


def _words(batch: BatchChange, value: Any, names: dict[Any, str]) -> str:
    """A value as people read it."""
    if isinstance(value, list):
        return ", ".join(sorted(str(names.get(key, key)) for key in value))
    if batch.field == "material_type":
        return str(dict(MaterialType.choices).get(value, value))
    return "" if value is None else str(names.get(value, value))
