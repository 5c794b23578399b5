"""What librarians choose when they merge readers: who stays, and one value a field."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import Reader
from catalog.forms import numbers
from catalog.merge_forms import Line, Option
from library.core.dates import day
from readership.merges import CHOSEN


class ReaderChoice:
    """The choices of the merge page: read from what was sent, else proposed."""

    def __init__(self, rows: Sequence[Reader], sent: QueryDict | None) -> None:
        self.rows = list(rows)
        self.sent = sent
        keys = {row.pk for row in self.rows}
        asked = next(iter(numbers([sent.get("survivor", "")])), 0) if sent is not None else 0
        self.survivor_id: int = asked if asked in keys else self.rows[0].pk

    @property
    def choices(self) -> dict[str, int]:
        """Field -> key of the reader whose value is taken."""
        keys = {row.pk for row in self.rows}
        chosen = {}
        for name in CHOSEN:
            asked = next(iter(numbers([self.sent.get(name, "")])), 0) if self.sent is not None else 0
            chosen[name] = asked if asked in keys else self._proposed(name)
        return chosen

    def lines(self) -> list[Line]:
        """Fields in which the readers differ."""
        choices = self.choices
        lines = []
        for name in CHOSEN:
            texts = [self._text(name, row) for row in self.rows]
            if len(set(texts)) > 1:
                options = [
                    Option(row.pk, text, choices[name] == row.pk) for row, text in zip(self.rows, texts, strict=True)
                ]
                lines.append(Line(name, self._label(name), options))
        return lines

    def same(self) -> list[tuple[str, str]]:
        """Fields in which they agree, with what they say."""
        found = []
        for name in CHOSEN:
            texts = {self._text(name, row) for row in self.rows}
            if len(texts) == 1 and (text := texts.pop()):
                found.append((self._label(name), text))
        return found

    def _proposed(self, name: str) -> int:
        """The reader who stays, unless nothing is said there; the first registration and the last good day of all."""
        if name == "registered_on":
            return min(self.rows, key=lambda row: row.registered_on).pk
        if name == "expires_on":
            return max(self.rows, key=lambda row: row.expires_on).pk
        by_key = {row.pk: row for row in self.rows}
        order = [by_key[self.survivor_id], *self.rows]
        return next((row.pk for row in order if self._text(name, row)), self.survivor_id)

    def _label(self, name: str) -> str:
        return capfirst(str(Reader._meta.get_field(name).verbose_name))  # type: ignore[union-attr] # a column

    def _text(self, name: str, row: Reader) -> str:
        value: Any = getattr(row, name)
        if name == "language":
            return row.get_language_display()
        if name == "card_number" and row.is_card_lost:
            return f"{value} ({_('lost')})"
        if isinstance(value, bool):
            return str(_("yes") if value else _("no"))
        if isinstance(value, date):
            return day(value)
        if name == "user":
            return value.email if value else ""
        return "" if value is None else str(value)
