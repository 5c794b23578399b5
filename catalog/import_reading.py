"""Files of any kind as arrivals for the catalogue, a batch ahead of the database."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from queue import Empty, Queue
from threading import Event, Thread
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.utils import translation

from catalog import tables
from catalog.bookdata import Incoming
from catalog.marc import encodings, mapping, reading
from catalog.problems import Remark

BATCH = 1000
"""Records of one commit."""
TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls")
"""How the names of tables end; any other file holds MARC records."""


class Batch(NamedTuple):
    """Some records in the order of their file."""

    arrivals: list[Incoming]
    position: int
    """Bytes of the file that were read for them and for all before; 0: unknown."""


def is_table(name: str) -> bool:
    """Whether a file of this name is a table of books."""
    return name.lower().endswith(TABLES)


def records(
    stream: BinaryIO, name: str, *, encoding: str = encodings.AUTO, format: str = mapping.AUTO
) -> Iterator[Incoming]:
    """What an open file called `name` brings: the rows of a table or MARC records. Raises Invalid for no table."""
    if is_table(name):
        return tables.books([tables.unescaped(cell) for cell in row] for row in tables.read(stream, name))
    return marc_records(stream, encoding=encoding, format=format)


def marc_records(stream: BinaryIO, *, encoding: str = encodings.AUTO, format: str = mapping.AUTO) -> Iterator[Incoming]:
    """The records of a MARC file, understood."""
    for piece in reading.read(stream, encoding):
        if piece.record is None:
            yield Incoming(number=piece.number, refusal=piece.refusal, raw=piece.raw)
            continue
        understood = mapping.understand(piece.record, format)
        if isinstance(understood, Remark):
            yield Incoming(number=piece.number, refusal=understood, remarks=piece.remarks, raw=piece.raw)
            continue
        yield Incoming(
            number=piece.number,
            book=understood.book,
            remarks=piece.remarks + understood.remarks,
            format=understood.format,
            key=understood.key,
            is_key_trusted=understood.is_key_trusted,
            digest=piece.record.digest(),
            content=piece.record.as_json,
            uid=_own_number(piece.record.control("001")),
            raw=piece.raw,
        )


def _own_number(number: str) -> UUID | None:
    """The public id of a book in the control number of a record that this library made itself (`catalog.exports`)."""
    try:
        return UUID(number.rpartition("\\")[2]) if len(number) >= 32 else None
    except ValueError:
        return None


def read_ahead(arrivals: Iterable[Incoming], stream: BinaryIO | None = None) -> Iterator[Batch]:
    """Batches of arrivals, the next one being read by another thread while the database works on the last.

    `stream` is the file that they come from, if it tells how far it is read.
    """
    batches: Queue[Batch | BaseException] = Queue(maxsize=1)
    is_over = Event()
    language = translation.get_language()

    def read() -> None:
        waiting = iter(arrivals)
        try:
            with translation.override(language):
                while not is_over.is_set():
                    batch = Batch(list(islice(waiting, BATCH)), _position(stream))
                    batches.put(batch)
                    if not batch.arrivals:
                        return
        except BaseException as error:  # noqa: BLE001 - whatever happened is raised where the batch is waited for
            batches.put(error)

    reader = Thread(target=read, daemon=True)
    reader.start()
    try:
        while True:
            batch = batches.get()
            if isinstance(batch, BaseException):
                raise batch
            if not batch.arrivals:
                return
            yield batch
    finally:
        is_over.set()
        while reader.is_alive():
            with suppress(Empty):
                batches.get(timeout=0.05)


def _position(stream: BinaryIO | None) -> int:
    try:
        return stream.tell() if stream else 0
    except (OSError, ValueError):
        return 0
