"""Files of any kind as arrivals for the catalogue, a batch ahead of the database."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from queue import Empty, Queue
from threading import Event, Thread
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils import translation

from catalog import copy_fields, tables
from catalog.bookdata import Incoming
from catalog.import_preparing import Ready, made_ready
from catalog.import_transport import unpacked
from catalog.marc import encodings, mapping, reading
from catalog.marc.items import CopyFields
from catalog.problems import Remark
from catalog.rows import random_uids
from catalog.search_text import is_correctable
from catalog.words import spelling_keys
from library.core.errors import Invalid

BATCH = 1000
"""Records of one commit."""
LARGE = 4 << 20
"""Bytes from which on a file is worth a process of its own, which takes a second to start."""
MOST_TOLD = 200_000
"""Words of a file that are handed over once; a word beyond them may be handed over again."""
TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls")
"""How the names of tables end; any other file holds MARC records."""


class Batch(NamedTuple):
    """Some records in the order of their file."""

    arrivals: list[Incoming]
    ready: list[Ready | None]
    """The same as they will be written where they are new; None for those that hold no book."""
    position: int
    """Bytes of the file that were read for them and for all before; 0: unknown."""
    words: dict[str, tuple[str, ...]]
    """Words of these books that no earlier batch has, with their `spelling_keys`: for corrections."""


class Source(NamedTuple):
    """How a file is to be read."""

    name: str
    """Tells CSV from a workbook."""
    is_table: bool
    encoding: str = encodings.AUTO
    format: str = mapping.AUTO
    copy_field: str = copy_fields.AUTO
    """The id of the only mapping of copies to be used."""


Known = Mapping[str, Sequence[CopyFields]]
"""Where copies stand in records, by format."""


def source_named(
    name: str, *, encoding: str = encodings.AUTO, format: str = mapping.AUTO, copy_field: str = copy_fields.AUTO
) -> Source:
    """How to read a file of which only the name tells whether it is a table."""
    return Source(name, name.lower().endswith(TABLES), encoding, format, copy_field)


def records(stream: BinaryIO, source: Source, known: Known | None = None) -> Iterator[Incoming]:
    """What an open file brings: the rows of a table or MARC records. Raises Invalid for no table.

    `known` are the mappings of copies where no database is to be asked for them.
    """
    if source.is_table:
        return tables.books([tables.unescaped(cell) for cell in row] for row in tables.read(stream, source.name))
    if known is None:
        known = copy_fields.known(source.copy_field)
    return _understood(stream, source.encoding, source.format, known)


def batches(stream: BinaryIO, source: Source, *, size: int) -> Iterator[Batch]:
    """The records of an open file of `size` bytes, read ahead of who writes them. Raises Invalid for no table.

    A large file is read by a process of its own: understanding records takes Python as long as writing them does, and
    a process does not share the interpreter.
    """
    if size < LARGE or not _has_descriptor(stream):
        return read_ahead(records(stream, source), stream)
    return _ahead(_from_process(stream, source, copy_fields.known(source.copy_field)))


def marc_records(
    stream: BinaryIO, *, encoding: str = encodings.AUTO, format: str = mapping.AUTO, copy_field: str = copy_fields.AUTO
) -> Iterator[Incoming]:
    """The records of a MARC file, understood; `copy_field` is the id of the only mapping of copies to be used.

    The mappings are read at once, by the caller's thread.
    """
    return _understood(stream, encoding, format, copy_fields.known(copy_field))


def _understood(stream: BinaryIO, encoding: str, format: str, known: Known) -> Iterator[Incoming]:
    for piece in reading.read(stream, encoding):
        if piece.record is None:
            yield Incoming(number=piece.number, refusal=piece.refusal, raw=piece.raw)
            continue
        understood = mapping.understand(piece.record, format, known)
        if isinstance(understood, Remark):
            yield Incoming(number=piece.number, refusal=understood, remarks=piece.remarks, raw=piece.raw)
            continue
        yield Incoming(
            number=piece.number,
            book=understood.book,
            remarks=piece.remarks + understood.remarks,
            format=understood.format,
            key=understood.key,
            whole_key=understood.whole_key,
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
    """Batches of arrivals, read by another thread; `stream` is the file that they come from, if it tells how far."""
    return _ahead(cut(arrivals, stream))


def cut(arrivals: Iterable[Incoming], stream: BinaryIO | None = None) -> Iterator[Batch]:
    """Batches of arrivals, made ready to be written, with how far `stream` is read."""
    waiting, uids = iter(arrivals), random_uids()
    told: set[str] = set()
    while batch := list(islice(waiting, BATCH)):
        words: set[str] = set()
        ready = [made_ready(incoming, uids=uids, words=words) for incoming in batch]
        words -= told
        if len(told) > MOST_TOLD:
            told.clear()
        told |= words
        keys = {word: spelling_keys(word) for word in words if is_correctable(word)}
        yield Batch(batch, ready, _position(stream), keys)


def _ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches, the next one being got by another thread while the database works on the last."""
    ready: Queue[Batch | BaseException | None] = Queue(maxsize=1)
    is_over = Event()
    language = translation.get_language()

    def get() -> None:
        try:
            with translation.override(language):
                for batch in batches:
                    ready.put(batch)
                    if is_over.is_set():
                        return
            ready.put(None)
        except BaseException as error:  # noqa: BLE001 - whatever happened is raised where the batch is waited for
            ready.put(error)

    reader = Thread(target=get, daemon=True)
    reader.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        is_over.set()
        while reader.is_alive():
            with suppress(Empty):
                ready.get(timeout=0.05)


def _position(stream: BinaryIO | None) -> int:
    try:
        return stream.tell() if stream else 0
    except (OSError, ValueError):
        return 0


# --- A process of its own ------------------------------------------------------------------------------------------
def _has_descriptor(stream: BinaryIO) -> bool:
    try:
        return stream.fileno() >= 0
    except OSError:
        return False


def _from_process(stream: BinaryIO, source: Source, known: Known) -> Iterator[Batch]:
    """Batches that `catalog.import_reader` reads; it ends with us, for nobody takes what it writes."""
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    mappings = json.dumps({format: [asdict(row) for row in rows] for format, rows in known.items()})
    language = translation.get_language() or ""
    command = [sys.executable, "-m", "catalog.import_reader", json.dumps(source), language, mappings]
    with subprocess.Popen(  # noqa: S603 - ourselves; names of files are no part of the shell's
        command, stdin=stream, stdout=subprocess.PIPE, cwd=settings.BASE_DIR
    ) as reader:
        try:
            while True:
                try:
                    message = pickle.load(reader.stdout)  # type: ignore[arg-type] # noqa: S301 - our own process
                except EOFError as error:
                    raise RuntimeError(f"the reading process ended with {reader.wait()}") from error
                if message is None:
                    return
                if isinstance(message, dict):
                    raise Invalid(message)
                packed, position, words = message
                yield Batch(*unpacked(packed), position, words)
        finally:
            reader.kill()
