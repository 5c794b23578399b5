"""Import a table of books into the catalogue."""

from collections.abc import Iterable
from typing import Any, BinaryIO

from catalog import tables
from catalog.bookdata import Incoming
from catalog.management.import_command import ImportCommand


class Command(ImportCommand):
    """CSV and Excel tables with Russian or English column names; see docs/import.md."""

    help = "Import books (and copies) from CSV or Excel tables; safe to repeat."

    def arrivals(self, stream: BinaryIO, name: str, options: dict[str, Any]) -> Iterable[Incoming]:
        return tables.books([tables.unescaped(cell) for cell in row] for row in tables.read(stream, name))
