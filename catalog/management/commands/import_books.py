"""Import a table of books into the catalogue."""

from typing import Any

from catalog.import_reading import Source
from catalog.management.import_command import ImportCommand


class Command(ImportCommand):
    """CSV and Excel tables with Russian or English column names; see docs/import.md."""

    help = "Import books (and copies) from CSV or Excel tables; safe to repeat."

    def source(self, name: str, options: dict[str, Any]) -> Source:
        return Source(name, is_table=True)
