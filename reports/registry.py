"""What a report is: a title, filters, columns and one statement. Pages, exports, API and schedules know no more of it.

A module of reports has a tuple `REPORTS`; `reports.index` puts them together. docs/reports.md defines every figure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

VIEW_REPORTS = "reports.view_reports"
VIEW_READERS = "accounts.view_reader"
"""Whoever lacks it sees no column that tells who a reader is."""
VIEW_MONEY = ("cashdesk.view_charge", "cashdesk.view_payment")


class Kind(StrEnum):
    """What the cells of a column hold, and so how they are written and aligned."""

    TEXT = "text"
    NUMBER = "number"
    """An int, or a Decimal with the column's `digits`."""
    MONEY = "money"
    PERCENT = "percent"
    """From 0 to 100, or more."""
    DAY = "day"
    MONTH = "month"
    """The first day of the month."""
    MOMENT = "moment"
    """A timestamp without time zone, on the clock of the branch."""

    @property
    def is_figure(self) -> bool:
        """Whether it is aligned to the right."""
        return self in (Kind.NUMBER, Kind.MONEY, Kind.PERCENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: an output column of the statement, and how it is told."""

    key: str
    """The name in the statement, in the API and for sorting."""
    title: Promise | str
    kind: Kind = Kind.TEXT
    digits: int = 0
    """Decimals of a NUMBER or PERCENT."""
    words: Callable[[Any], str] | None = None
    """Tells a code in words; the API gives the code."""
    empty: Promise | str = "—"
    """What NULL and the empty text are called."""
    link: tuple[str, str] | None = None
    """Name of an address of the panel, and the output column with its argument; NULL: no link."""
    is_personal: bool = False
    """Tells who a reader is: only for those who may see readers."""
    by: str = ""
    """Another output column that sorts it, never NULL, in the order of an index; with a minus, the other way round."""
    has_total: bool = False
    """Its sum over all rows stands under the table."""


class Shape(StrEnum):
    """How a chart draws its rows."""

    COLUMNS = "columns"
    """Upright, in the order of time."""
    BARS = "bars"
    """Lying, the largest first: things with names."""
    LINES = "lines"
    """Several series over the same months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of the rows: one column names them, others are drawn."""

    shape: Shape
    label: str
    values: tuple[str, ...]
    most: int = 400
    """Rows drawn."""


class Query(NamedTuple):
    """One SELECT with named parameters; a `%` of its own is doubled. No ORDER BY at the end, and no LIMIT."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is asked for. Keys are those of rows; None: all of them. Days are local, the last one included."""

    now: datetime
    since: date
    until: date
    branch: int | None = None
    category: int | None = None
    """Of readers."""
    item_type: int | None = None
    language: str | None = None
    """Three letters of ISO 639-2/B."""
    years: int = 0
    days: int = 0
    per_copy: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What only one report knows of."""

    def parameters(self) -> dict[str, Any]:
        """All of it as parameters of a statement.

        `from_at` and `to_at` enclose the local days `since` to `until` of every time zone: an index finds what lies
        between, and the local day decides.
        """
        return {
            "now": self.now,
            "since": self.since,
            "until": self.until,
            "from_at": datetime.combine(self.since, time.min, UTC) - timedelta(days=1),
            "to_at": datetime.combine(self.until, time.min, UTC) + timedelta(days=2),
            "branch": self.branch,
            "category": self.category,
            "item_type": self.item_type,
            "language": self.language,
            "years": self.years,
            "days": self.days,
            "per_copy": self.per_copy,
            **self.extra,
        }


class Group(NamedTuple):
    """Reports that belong together on the page of all reports."""

    key: str
    title: Promise


NOW = Group("now", _("The library now"))
OVER_TIME = Group("over-time", _("Loans over time"))
LOANS = Group("loans", _("What is lent, and to whom"))
READERS = Group("readers", _("Readers"))
COLLECTION = Group("collection", _("Collection"))
RESERVATIONS = Group("reservations", _("Reservations"))
MONEY = Group("money", _("Money"))
FORMS = Group("forms", _("Statistical forms"))
GROUPS = (NOW, OVER_TIME, LOANS, READERS, COLLECTION, RESERVATIONS, MONEY, FORMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. Its key is part of addresses and of saved reports: it never changes."""

    key: str
    title: Promise
    purpose: Promise
    """What question it answers, in a sentence."""
    group: Group
    columns: tuple[Column, ...]
    query: Callable[[Asked], Query]
    sort: str
    """The key of the column to sort by at first; with a minus, the largest first."""
    identity: str
    """An output column that no two rows share: the order of rows that are equal otherwise."""
    filters: tuple[str, ...] = ()
    """Names of `reports.forms.FilterForm`'s fields; `period` stands for its three."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What filters say at first, where it is not what they always say."""
    chart: Chart | None = None
    needs: tuple[str, ...] = ()
    """Permissions besides that to view reports."""
    fresh_at: Callable[[], datetime | None] | None = None
    """Until when its figures are counted, if they are counted beforehand; None: not at all yet."""

    def may_be_seen_by(self, user: Any) -> bool:
        """Whether `user` may open it."""
        return bool(user.is_staff and user.has_perms([VIEW_REPORTS, *self.needs]))

    def columns_for(self, user: Any) -> tuple[Column, ...]:
        """The columns that `user` may see."""
        may_see_readers = user.has_perm(VIEW_READERS)
        return tuple(column for column in self.columns if may_see_readers or not column.is_personal)
