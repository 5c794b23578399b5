"""The rows of a report out of the database: a page of them, all of them, their number and sums; never too long."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg import errors as pg

from library.core.errors import LibraryError
from reports.registry import Asked, Column, Query, Report

COUNTED_TO = 10_000
"""Rows without sums are counted, and paged through, up to here: whoever needs all of them takes the file."""
BATCH = 2000
"""Rows fetched at a time for a file."""
Row = dict[str, Any]


class TooSlow(LibraryError):
    """The statement took longer than a report may: the filters have to be narrower."""


class Totals(NamedTuple):
    """How many rows there are, at most `COUNTED_TO` where nothing is summed up, and the sums by key of column."""

    rows: int
    is_exact: bool
    sums: Row


@contextmanager
def limited(*, seconds: float) -> Iterator[None]:
    """A transaction of its own; a statement in it that takes longer than `seconds` raises `TooSlow`."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, pg.QueryCanceled):
            raise TooSlow from error
        raise


def page_of(report: Report, asked: Asked, *, sort: str, start: int, size: int) -> list[Row]:
    """The rows from `start` on in the order of `sort`, a key of a column, with a minus reversed."""
    query = report.query(asked)
    statement = f"{_ordered(report, query, sort)} LIMIT %(_size)s OFFSET %(_start)s"
    with limited(seconds=settings.REPORT_SECONDS), connection.cursor() as cursor:
        cursor.execute(statement, {**query.parameters, "_size": size, "_start": start})
        return _as_dicts(cursor, cursor.fetchall())


def totals_of(report: Report, asked: Asked) -> Totals:
    """The number of rows and the sums of the columns that have one."""
    query = report.query(asked)
    summed = [column.key for column in report.columns if column.has_total]
    sums = "".join(f', sum("{key}")' for key in summed)
    rows = f"({query.sql}) AS report"
    if not summed:
        rows = f"(SELECT 1 FROM {rows} LIMIT {COUNTED_TO + 1}) AS found"
    with limited(seconds=settings.REPORT_SECONDS), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*){sums} FROM {rows}", query.parameters)
        count, *values = cursor.fetchone()
    is_exact = bool(summed) or count <= COUNTED_TO
    return Totals(count if is_exact else COUNTED_TO, is_exact, dict(zip(summed, values, strict=True)))


def count_up_to(report: Report, asked: Asked, *, most: int) -> int:
    """How many rows there are; more than `most` are `most` + 1."""
    query = report.query(asked)
    statement = f"SELECT count(*) FROM (SELECT 1 FROM ({query.sql}) AS report LIMIT {most + 1}) AS found"
    with limited(seconds=settings.REPORT_FILE_SECONDS), connection.cursor() as cursor:
        cursor.execute(statement, query.parameters)
        return int(cursor.fetchone()[0])


def every_row(report: Report, asked: Asked, *, sort: str, most: int) -> Iterator[Row]:
    """All rows, `most` at most, through a cursor of the server: memory stays flat."""
    query = report.query(asked)
    with limited(seconds=settings.REPORT_FILE_SECONDS), connection.chunked_cursor() as cursor:
        cursor.execute(f"{_ordered(report, query, sort)} LIMIT {most}", query.parameters)
        while rows := cursor.fetchmany(BATCH):
            yield from _as_dicts(cursor, rows)


def column_to_sort_by(columns: Sequence[Column], sort: str) -> Column | None:
    """The column that `sort` names; None: there is none that one may see."""
    return next((column for column in columns if column.key == sort.removeprefix("-")), None)


def _ordered(report: Report, query: Query, sort: str) -> str:
    column = column_to_sort_by(report.columns, sort)
    if column is None:
        raise ValueError(f"{report.key} has no column {sort}")
    key, nulls = (column.by, "") if column.by else (column.key, " NULLS LAST")
    direction = "DESC" if sort.startswith("-") != key.startswith("-") else "ASC"
    order = f'"{key.removeprefix("-")}" {direction}{nulls}, "{report.identity}"'
    return f"SELECT * FROM ({query.sql}) AS report ORDER BY {order}"


def _as_dicts(cursor: Any, rows: Sequence[Sequence[Any]]) -> list[Row]:
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in rows]
