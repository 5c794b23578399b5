"""Write books as MARC records."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.exports import Container, Schema, TooLongBook, iso2709, marcxml
from catalog.models import Book
from catalog.queries import matching_books


class Command(BaseCommand):
    """MARC21 or RUSMARC, in ISO 2709 or XML, of the books chosen; see docs/import.md."""

    help = "Write books as MARC records to a file, or to standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--query", metavar="WORDS", help="the books that a search finds")
        chosen.add_argument("--ids", nargs="+", metavar="ID", help="books by their public ids or numbers")
        chosen.add_argument("--all", action="store_true", help="every book")
        parser.add_argument(
            "--format", choices=[*Container], default=Container.ISO2709, help="how the records are put into the file"
        )
        parser.add_argument(
            "--schema", choices=[*Schema], default=Schema.MARC21, help="what the records are written in"
        )
        parser.add_argument("--output", type=Path, metavar="FILE", help="the file; without it, standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        ids = self._ids(options)
        if options["output"]:
            try:
                with options["output"].open("wb") as stream:
                    too_long = self._write(ids, options, stream)
            except OSError as error:
                raise CommandError(
                    _("%(file)s cannot be written: %(reason)s.")
                    % {"file": options["output"], "reason": error.strerror or error}
                ) from error
        else:
            too_long = self._write(ids, options, sys.stdout.buffer)
        written = len(ids) - len(too_long)
        words = ngettext("%(count)d record written.", "%(count)d records written.", written)
        self.stderr.write(words % {"count": written})
        for book in too_long:
            self.stderr.write(
                _("“%(title)s” (%(id)s) has %(size)s bytes, too many for ISO 2709. Export it with --format marcxml.")
                % {"title": book.title, "id": book.book_id, "size": book.size}
            )
        if too_long:
            raise CommandError(_("Some records were left out."))

    def _ids(self, options: dict[str, Any]) -> list[int]:
        books = Book.objects.order_by("pk")
        if options["query"]:
            return list(matching_books(Book.objects.all(), options["query"]).values_list("pk", flat=True))
        if options["ids"]:
            numbers = [int(given) for given in options["ids"] if given.isdecimal()]
            try:
                uids = [UUID(given) for given in options["ids"] if not given.isdecimal()]
            except ValueError as error:
                raise CommandError(_("Give public ids or numbers of books.")) from error
            found = {*books.filter(Q(pk__in=numbers) | Q(uid__in=uids)).values_list("pk", flat=True)}
            if len(found) < len(set(options["ids"])):
                raise CommandError(_("Some of these ids belong to no book."))
            return sorted(found)
        return list(books.values_list("pk", flat=True))

    def _write(self, ids: list[int], options: dict[str, Any], stream: BinaryIO) -> list[TooLongBook]:
        too_long: list[TooLongBook] = []
        schema = Schema(options["schema"])
        pieces: Iterable[bytes] = (
            iso2709(ids, schema, too_long)
            if options["format"] == Container.ISO2709
            else (text.encode() for text in marcxml(ids, schema))
        )
        for piece in pieces:
            stream.write(piece)
        return too_long
