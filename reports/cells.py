"""Values of reports in words, for pages and letters, and as they are, for files and the API."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from library.core.money import money
from reports.registry import Column, Kind
from reports.tables import Row


class Cell(NamedTuple):
    """One cell of a page."""

    column: Column
    text: str
    url: str


def in_words(column: Column, value: Any) -> str:
    """A value as the language in use writes it."""
    if value is None or value == "":
        return str(column.empty)
    if column.words:
        return str(column.words(value))
    match column.kind:
        case Kind.NUMBER:
            return number_format(value, column.digits, use_l10n=True, force_grouping=True)
        case Kind.PERCENT:
            number = number_format(value, column.digits, use_l10n=True, force_grouping=True)
            return _("%(number)s%%") % {"number": number}
        case Kind.MONEY:
            return money(Decimal(value))
        case Kind.DAY:
            return date_format(value, "d.m.Y")
        case Kind.MONTH:
            return date_format(value, "F Y")
        case Kind.MOMENT:
            return date_format(value, "d.m.Y H:i")
    return str(value)


def line(columns: Iterable[Column], row: Row) -> list[Cell]:
    """A row as cells of a page."""
    return [Cell(column, in_words(column, row[column.key]), _url(column, row)) for column in columns]


def lines(columns: Sequence[Column], rows: Iterable[Row]) -> list[list[Cell]]:
    """Rows as cells of a page."""
    return [line(columns, row) for row in rows]


def plain(column: Column, value: Any) -> Any:
    """A value for a table that somebody takes away: numbers stay numbers, codes are told in words, nothing is None."""
    if value is None or value == "":
        return "" if column.empty == "—" else str(column.empty)
    if column.words:
        return str(column.words(value))
    if column.kind.is_figure and isinstance(value, Decimal) and column.kind != Kind.MONEY:
        return round(value, column.digits)
    return value


def as_json(column: Column, value: Any) -> Any:
    """A value for the API: money as a string, days as in ISO 8601, other figures as numbers, codes as they are."""
    if isinstance(value, Decimal):
        return str(value) if column.kind == Kind.MONEY else round(float(value), column.digits)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value


def _url(column: Column, row: Row) -> str:
    if column.link is None:
        return ""
    name, key = column.link
    return reverse(name, args=[row[key]]) if row[key] is not None else ""
