"""What librarians choose when they merge books or authors: one value a field, the parts that stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from catalog import author_merges, book_merges, isbn
from catalog.forms import numbers
from catalog.models import Author, Book
from catalog.templatetags.catalog import language_label


@dataclass(frozen=True, slots=True)
class Option:
    """One value to choose: what is sent, what is shown."""

    value: int
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the comparison with an option for each row, or one list with a box for each of its parts."""

    name: str
    label: str
    options: Sequence[Option]
    is_list: bool = False


class MergeChoice:
    """The choices of the merge page: read from what was sent, else proposed."""

    def __init__(self, rows: Sequence[Any], sent: QueryDict | None) -> None:
        self.rows = list(rows)
        self.sent = sent
        self.is_book = isinstance(self.rows[0], Book)
        keys = {row.pk for row in self.rows}
        asked = next(iter(numbers([sent.get("survivor", "")])), 0) if sent is not None else 0
        self.survivor_id: int = asked if asked in keys else self.rows[0].pk

    @property
    def choices(self) -> dict[str, int]:
        """Field -> key of the row whose value is taken."""
        keys = {row.pk for row in self.rows}
        chosen = {}
        for name in self._fields():
            asked = next(iter(numbers([self.sent.get(name, "")])), 0) if self.sent is not None else 0
            chosen[name] = asked if asked in keys else self._proposed(name)
        return chosen

    @property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """List -> keys of the parts that stay; empty while nothing was sent, so that all do."""
        if self.sent is None or not self.is_book:
            return {}
        return {
            name: tuple(int(key) for key in self.sent.getlist(name) if key.isdecimal() and len(key) <= 18)
            for name in book_merges.PARTS
        }

    def lines(self) -> list[Line]:
        """Fields in which the rows differ, then the lists."""
        choices = self.choices
        lines = []
        for name in self._fields():
            texts = [self._text(name, row) for row in self.rows]
            if len(set(texts)) > 1:
                options = [
                    Option(row.pk, text, choices[name] == row.pk) for row, text in zip(self.rows, texts, strict=True)
                ]
                lines.append(Line(name, self._label(name), options))
        return lines + (self._lists() if self.is_book else [])

    def same(self) -> list[tuple[str, str]]:
        """Fields in which the rows agree, with what they say."""
        found = []
        for name in self._fields():
            texts = {self._text(name, row) for row in self.rows}
            if len(texts) == 1 and (text := texts.pop()):
                found.append((self._label(name), text))
        return found

    def _fields(self) -> tuple[str, ...]:
        return book_merges.CHOSEN if self.is_book else author_merges.CHOSEN

    def _proposed(self, name: str) -> int:
        """The row that stays, unless it says nothing here and another does."""
        by_key = {row.pk: row for row in self.rows}
        order = [by_key[self.survivor_id], *self.rows]
        return int(next((row.pk for row in order if self._text(name, row)), self.survivor_id))

    def _label(self, name: str) -> str:
        model: type[Model] = Book if self.is_book else Author
        return capfirst(str(model._meta.get_field(name).verbose_name))  # type: ignore[union-attr] # a column

    def _text(self, name: str, row: Any) -> str:
        value = getattr(row, name)
        if name == "material_type":
            return str(row.get_material_type_display())
        if name == "language":
            return language_label(value) if value else ""
        return "" if value is None else str(value)

    def _lists(self) -> list[Line]:
        people: dict[Any, Option] = {}
        isbns: dict[str, Option] = {}
        topics: dict[str, dict[int, Option]] = {"genres": {}, "subjects": {}}
        parts = self.parts
        survivor_first = sorted(self.rows, key=lambda row: row.pk != self.survivor_id)

        def stays(name: str, key: int) -> bool:
            return not parts or key in parts[name]

        for book in survivor_first:
            for part in book.contributions.all():
                text = f"{part.author.name} {part.author.dates}".strip() + f" ({part.get_role_display()})"
                people.setdefault((part.author_id, part.role), Option(part.pk, text, stays("contributions", part.pk)))
            for one in book.isbns.all():
                isbns.setdefault(one.value, Option(one.pk, isbn.hyphenated(one.value), stays("isbns", one.pk)))
            for name, found in topics.items():
                for thing in getattr(book, name).all():
                    found.setdefault(thing.pk, Option(thing.pk, thing.name, stays(name, thing.pk)))
        lists: Mapping[str, tuple[str, Mapping[Any, Option]]] = {
            "contributions": (_("People"), people),
            "isbns": ("ISBN", isbns),
            "genres": (_("Genres"), topics["genres"]),
            "subjects": (_("Subjects"), topics["subjects"]),
        }
        return [Line(name, label, list(found.values()), True) for name, (label, found) in lists.items() if found]
