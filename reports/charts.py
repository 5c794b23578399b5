"""Charts as SVG, drawn on the server: no script, no inline style, readable without colour, in the colours of the page.

Geometry stands in attributes, looks in classes of static/css/reports.css. Series differ by pattern and by the words at
their ends; the table beside the chart has the same figures for those who do not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10
from typing import Any

from django.utils.formats import number_format

from reports.cells import in_words
from reports.registry import Chart, Column, Kind, Report, Shape
from reports.tables import Row

WIDTH, HEIGHT = 960, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 20, 44
BAR, NAME_WIDTH = 28, 270
MOST_BARS = 20
"""Lying bars drawn; the table has the rest."""
MOST_SERIES = 4
LONGEST_NAME = 34
"""Letters of a name beside a bar."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A column, a bar or a point: a rectangle or a place, with what it stands for."""

    x: float
    y: float
    width: float
    height: float
    name: str
    value: str
    is_told: bool = True
    """Whether its value is written above it: with many there is no room."""

    @property
    def middle(self) -> float:
        """Halfway along it."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Series:
    """The marks of one column of figures; `number` chooses its pattern."""

    number: int
    title: str
    marks: tuple[Mark, ...]
    path: str = ""
    """Of a line."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid with what it stands for."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that the template draws."""

    shape: Shape
    title: str
    description: str
    width: int
    height: int
    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    names: tuple[Tick, ...] = ()
    """Of columns and lines: what stands under the axis."""
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def draw(report: Report, rows: Sequence[Row]) -> Drawing | None:
    """The picture of these rows; None where there is nothing to see."""
    chart = report.chart
    if chart is None:
        return None
    columns = {column.key: column for column in report.columns}
    label, values = columns[chart.label], [columns[key] for key in chart.values[:MOST_SERIES]]
    rows = [row for row in rows[: chart.most] if any(row[column.key] is not None for column in values)]
    largest = max((_number(row[column.key]) for row in rows for column in values), default=0)
    if largest <= 0:
        return None
    described = _described(label, values, rows)
    if chart.shape == Shape.BARS:
        return _bars(report, chart, label, values[0], rows[:MOST_BARS], described)
    return _upright(report, chart, label, values, rows, largest, described)


def _upright(
    report: Report,
    chart: Chart,
    label: Column,
    values: list[Column],
    rows: Sequence[Row],
    largest: float,
    described: str,
) -> Drawing:
    top = scale_end(largest)
    floor_y, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    step = (WIDTH - LEFT - RIGHT) / len(rows)
    every = ceil(len(rows) / 12)
    series = []
    for number, column in enumerate(values):
        width = step * 0.76 / (len(values) if chart.shape == Shape.COLUMNS else 1)
        marks = []
        for place, row in enumerate(rows):
            height = _number(row[column.key]) / top * room
            x = LEFT + step * (place + 0.12) + (width * number if chart.shape == Shape.COLUMNS else 0)
            few = len(rows) * len(values) <= (6 if column.kind == Kind.MONEY else 24)
            if row[column.key] is not None:
                marks.append(_mark(x, floor_y - height, width, height, label, column, row, is_told=few))
        path = "M" + " L".join(f"{mark.middle:.1f},{mark.y:.1f}" for mark in marks) if marks else ""
        series.append(Series(number, str(column.title), tuple(marks), path))
    ticks = [Tick(floor_y - room * part / 4, _axis(top * part / 4)) for part in range(5)]
    names = [
        Tick(LEFT + step * (place + 0.5), _short(label, row[label.key]))
        for place, row in enumerate(rows)
        if place % every == 0
    ]
    return Drawing(chart.shape, str(report.title), described, WIDTH, HEIGHT, tuple(series), tuple(ticks), tuple(names))


def _bars(report: Report, chart: Chart, label: Column, value: Column, rows: Sequence[Row], described: str) -> Drawing:
    largest = max(_number(row[value.key]) for row in rows)
    top = scale_end(largest)
    room = WIDTH - NAME_WIDTH - 90
    marks = tuple(
        _mark(NAME_WIDTH, TOP + BAR * place, _number(row[value.key]) / top * room, BAR * 0.7, label, value, row)
        for place, row in enumerate(rows)
    )
    height = TOP + BAR * len(rows) + 12
    return Drawing(
        chart.shape, str(report.title), described, WIDTH, height, (Series(0, str(value.title), marks),), (),
        left=NAME_WIDTH, bottom=height,
    )  # fmt: skip


def _mark(
    x: float, y: float, width: float, height: float, label: Column, column: Column, row: Row, *, is_told: bool = True
) -> Mark:
    name = in_words(label, row[label.key])
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"
    value = in_words(column, row[column.key])
    return Mark(round(x, 1), round(y, 1), round(width, 1), round(height, 1), short, value, is_told)


def scale_end(largest: float) -> float:
    """Where an axis ends that shows `largest`: not far above it, and a number whose quarters are round."""
    power = 10.0 ** floor(log10(largest))
    steps = (4, 8, 12) if power == 1 else (1.2, 1.6, 2, 2.4, 2.8, 3.2, 4, 6, 8, 12)
    return float(next(step * power for step in steps if step * power >= largest))


def _described(label: Column, values: Sequence[Column], rows: Sequence[Row]) -> str:
    """The first series in a sentence, for those who hear the page."""
    column = values[0]
    told = [f"{in_words(label, row[label.key])}: {in_words(column, row[column.key])}" for row in rows[:MOST_BARS]]
    return "; ".join(told) + ("; …" if len(rows) > MOST_BARS else "")


def _short(label: Column, value: Any) -> str:
    """What fits under a column."""
    if label.kind == Kind.MONTH:
        return f"{value:%m.%Y}"
    return f"{value:%d.%m}" if label.kind == Kind.DAY else in_words(label, value)


def _axis(value: float) -> str:
    return number_format(value, 0 if value == int(value) else 1, use_l10n=True, force_grouping=True)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float, Decimal)) else 0.0
