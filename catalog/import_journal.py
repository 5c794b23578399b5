"""What an import did, written down as it goes, compactly: enough to bring every book back to what it was."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from catalog.bookdata import DESCRIBING, BookData, Incoming, Person
from catalog.models import Author, Genre, ImportRun, NamedThing, Publisher, Series, SourceRecord, Subject

NAMES: tuple[type[NamedThing], ...] = (Author, Genre, Subject, Publisher, Series)
"""What books share, and what an import makes as it needs it."""

_NOTE = """
INSERT INTO catalog_importedbook AS entry (run_id, book_id, at, before, copies)
SELECT %s, book_id, %s, before, ARRAY(SELECT jsonb_array_elements_text(copies)::bigint)
FROM unnest(%s::bigint[], %s::jsonb[], %s::jsonb[]) AS noted(book_id, before, copies)
ON CONFLICT (book_id, run_id) DO UPDATE SET at = EXCLUDED.at, copies = entry.copies || EXCLUDED.copies
"""


def former_state(current: BookData, after: BookData, source: SourceRecord | None, incoming: Incoming) -> dict[str, Any]:
    """The `ImportedBook.before` of a book that becomes `after`: what changes, as it is, and the record kept so far."""
    fields = {name: _said(name, current) for name in DESCRIBING if getattr(current, name) != getattr(after, name)}
    before: dict[str, Any] = {"fields": fields} if fields else {}
    if incoming.format:
        before["source"] = source and {
            "format": source.format,
            "key": source.key,
            "whole_key": source.whole_key,
            "digest": source.digest,
            "content": source.content,
            "run": source.run_id,
            "imported_at": source.imported_at.isoformat(),
        }
    return before


def _said(name: str, book: BookData) -> Any:
    value = getattr(book, name)
    return [person._asdict() for person in value] if name == "people" else value


def former_book(current: BookData, before: Mapping[str, Any]) -> BookData:
    """The book as it was."""
    fields = {name: _value(name, value) for name, value in before.get("fields", {}).items()}
    return replace(current, **fields)


def _value(name: str, value: Any) -> Any:
    if name == "people":
        return tuple(Person(**person) for person in value)
    return tuple(value) if isinstance(value, list) else value


def former_source(book_id: int, before: Mapping[str, Any]) -> SourceRecord | None:
    """The record that was kept before, not saved."""
    if not (source := before.get("source")):
        return None
    return SourceRecord(
        book_id=book_id,
        format=source["format"],
        key=source["key"],
        whole_key=source["whole_key"],
        digest=source["digest"],
        content=source["content"],
        run_id=source["run"],
        imported_at=datetime.fromisoformat(source["imported_at"]),
    )


def note_changes(
    befores: Mapping[int, Mapping[str, Any]], *, copies: Mapping[int, Sequence[int]], run: ImportRun, now: datetime
) -> None:
    """Write down books that the import found and changed; what they were before counts once only."""
    if not befores:
        return
    columns = (
        list(befores),
        [json.dumps(before, ensure_ascii=False) for before in befores.values()],
        [json.dumps(list(copies.get(book_id, ()))) for book_id in befores],
    )
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [run.pk, now, *columns])


def last_names() -> dict[str, int]:
    """The last key of each kind of `NAMES` so far, by the name of the model."""
    return {
        str(model._meta.model_name): model._default_manager.aggregate(last=Max("pk", default=0))["last"]
        for model in NAMES
    }
