"""Rows written by COPY, the quickest way in: the database checks every constraint as with INSERT."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection, models

_PIECE = 1 << 18
"""Characters handed over at a time."""


def send(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of values of any type."""
    with connection.cursor() as cursor, cursor.copy(_statement(model, columns)) as copy:
        for row in rows:
            copy.write_row(row)


def send_lines(model: type[models.Model], columns: Sequence[str], lines: Iterable[str]) -> None:
    r"""Write rows in the text format of COPY: values between tabs, `\N` for null, each with its line end."""
    text = "".join(lines)
    if not text:
        return
    with connection.cursor() as cursor, cursor.copy(_statement(model, columns)) as copy:
        for start in range(0, len(text), _PIECE):
            copy.write(text[start : start + _PIECE])


def escaped(text: str) -> str:
    """A text as COPY wants it."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if text.isprintable():
        return text
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def unescaped(text: str) -> str:
    """The JSON that `escaped` was given: it has no tabs and line ends of its own."""
    return text.replace("\\\\", "\\")


def array(keys: Iterable[int]) -> str:
    """Keys in the notation of arrays."""
    return "{" + ",".join(map(str, keys)) + "}"


def text_array(texts: Iterable[str]) -> str:
    """Texts in the notation of arrays, thousands of them at once; none holds a NUL, as none in the database does."""
    if not (listed := list(texts)):
        return "{}"
    return '{"' + "\0".join(listed).replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","') + '"}'


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """Keys for so many rows to come."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(nextval(ids)::text, ' ') FROM generate_series(1, %s),"
            " (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS ids OFFSET 0) sequence",
            [count, model._meta.db_table],
        )
        return list(map(int, cursor.fetchone()[0].split()))


def random_uids() -> Iterator[str]:
    """UUIDs of version 4 without end: 32 hexadecimal digits with version and variant in their places (RFC 9562)."""
    while True:
        digits = os.urandom(16 * _UIDS).hex()
        for at in range(0, 32 * _UIDS, 32):
            variant = "89ab"[int(digits[at + 16], 16) & 3]
            yield f"{digits[at : at + 12]}4{digits[at + 13 : at + 16]}{variant}{digits[at + 17 : at + 32]}"


_UIDS = 1000
"""UUIDs that one call of the system's random numbers is for."""


def _statement(model: type[models.Model], columns: Sequence[str]) -> str:
    table = connection.ops.quote_name(model._meta.db_table)
    return f"COPY {table} ({', '.join(map(connection.ops.quote_name, columns))}) FROM STDIN"
