"""A built report as a statement: only expressions declared in `reports.builder.subjects`, values as parameters."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from reports.builder.subjects import Choices, Part, Subject
from reports.registry import Asked, Chart, Column, Group, Kind, Query, Report, Shape

BUILT = Group("built", gettext_lazy("Built reports"))


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A filter: a part and what it must be. `how` is `is`, `from`, `to` or `contains`."""

    part: Part
    how: str
    value: Any


@dataclass(frozen=True, slots=True)
class Figure:
    """What is worked out for each group: `count`, or `sum` or `average` of a part."""

    how: str
    part: Part | None = None

    @property
    def key(self) -> str:
        """The name of its column."""
        return f"{self.how}_{self.part.key}" if self.part else self.how


@dataclass(frozen=True, slots=True)
class Definition:
    """What somebody built. With figures the columns are what rows are grouped by."""

    subject: Subject
    columns: tuple[Part, ...]
    figures: tuple[Figure, ...]
    narrowings: tuple[Narrowing, ...]
    sort: str


def report_of(definition: Definition, *, key: str) -> Report:
    """The definition as a report: pages, files and schedules know what to do with it."""
    columns = tuple(_column(part) for part in definition.columns) + tuple(
        _figure_column(figure) for figure in definition.figures
    )
    return Report(
        key=key,
        title=definition.subject.title,
        purpose=definition.subject.purpose,
        group=BUILT,
        columns=columns,
        query=lambda asked: _query(definition, asked),
        sort=definition.sort,
        identity="_identity",
        needs=definition.subject.needs,
        chart=_chart(definition),
    )


def _column(part: Part) -> Column:
    return Column(
        key=part.key,
        title=part.title,
        kind=Kind.TEXT if part.kind == Kind.NUMBER and part.key in ("year", "acquired_year") else part.kind,
        words=_words(part.choices) if part.choices else None,
        is_personal=part.is_personal,
    )


def _words(choices: Choices) -> Callable[[Any], str]:
    """What a code is called; looked up when the first is asked for."""
    names: dict[str, str] = {}

    def tell(code: Any) -> str:
        if not names:
            names.update(choices())
        return names.get(str(code), str(code))

    return tell


def _figure_column(figure: Figure) -> Column:
    if figure.part is None:
        return Column(key=figure.key, title=gettext_lazy("Count"), kind=Kind.NUMBER, has_total=True)
    name = gettext("%(what)s: sum") if figure.how == "sum" else gettext("%(what)s: average")
    kind = figure.part.kind
    digits = 1 if figure.how == "average" and kind == Kind.NUMBER else 0
    title = name % {"what": figure.part.title}
    return Column(key=figure.key, title=title, kind=kind, digits=digits, has_total=figure.how == "sum")


def _chart(definition: Definition) -> Chart | None:
    """A picture where one thing is counted by one other."""
    if len(definition.columns) != 1 or not definition.figures:
        return None
    part = definition.columns[0]
    shape = Shape.COLUMNS if part.kind in (Kind.DAY, Kind.MONTH) else Shape.BARS
    return Chart(shape=shape, label=part.key, values=(definition.figures[0].key,), most=40)


def _query(definition: Definition, asked: Asked) -> Query:
    subject = definition.subject
    used = [*definition.columns, *(one.part for one in definition.narrowings)]
    used += [figure.part for figure in definition.figures if figure.part]
    parameters: dict[str, Any] = {}
    conditions = [subject.where]
    for number, narrowing in enumerate(definition.narrowings):
        conditions += _conditions(subject, narrowing, f"value{number}", parameters)
    selected = [f'{part.sql} AS "{part.key}"' for part in definition.columns]
    if definition.figures:
        selected += [f'{_aggregate(figure)} AS "{figure.key}"' for figure in definition.figures]
        numbers = ", ".join(str(number + 1) for number in range(len(definition.columns)))
        grouping = f" GROUP BY {numbers}" if numbers else ""
        keys = ", ".join(part.sql for part in definition.columns)
        selected.append(f"row({keys})::text AS _identity" if keys else "1 AS _identity")
    else:
        selected.append(f"{subject.identity} AS _identity")
        grouping = ""
    sql = (
        f"SELECT {', '.join(selected)} FROM {subject.table} {' '.join(_joins(subject, used))}"
        f" WHERE {' AND '.join(f'({one})' for one in conditions)}{grouping}"
    )
    return Query(sql, parameters)


def _joins(subject: Subject, used: Iterable[Part]) -> list[str]:
    wanted: set[str] = set()

    def want(key: str) -> None:
        for other in subject.joins[key][1]:
            want(other)
        wanted.add(key)

    for part in used:
        for key in part.joins:
            want(key)
    return [statement for key, (statement, _needs) in subject.joins.items() if key in wanted]


def _aggregate(figure: Figure) -> str:
    if figure.part is None:
        return "count(*)"
    return f"{'sum' if figure.how == 'sum' else 'avg'}({figure.part.sql})"


def _conditions(subject: Subject, narrowing: Narrowing, name: str, parameters: dict[str, Any]) -> list[str]:
    part, value = narrowing.part, narrowing.value
    parameters[name] = value
    match narrowing.how:
        case "is":
            return [f"{part.sql} = %({name})s"]
        case "contains":
            parameters[name] = f"%{_escaped(str(value))}%"
            return [f"{part.sql} ILIKE %({name})s"]
        case "from":
            found = [f"{part.sql} >= %({name})s"]
        case _:
            found = [f"{part.sql} <= %({name})s"]
    if part.key == subject.period and subject.instant and isinstance(value, date):
        margin = -1 if narrowing.how == "from" else 2
        parameters[f"{name}_at"] = datetime.combine(value, time.min, UTC) + timedelta(days=margin)
        found.append(f"{subject.instant} {'>=' if margin < 0 else '<'} %({name}_at)s")
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
