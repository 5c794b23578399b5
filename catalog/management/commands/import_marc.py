"""Import MARC records into the catalogue."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from catalog.import_reading import Source
from catalog.management.import_command import ImportCommand
from catalog.marc import encodings, mapping


class Command(ImportCommand):
    """MARC21, UNIMARC and RUSMARC; ISO 2709 and XML; see docs/import.md."""

    help = "Import MARC21, UNIMARC or RUSMARC records (ISO 2709 or MARCXML); safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--format", choices=mapping.FORMATS, default=mapping.AUTO, help="auto: by the record itself"
        )
        parser.add_argument(
            "--encoding",
            default=encodings.AUTO,
            metavar="NAME",
            help=f"auto (by the letters found) or one of {', '.join(encodings.CHOICES[1:])}, …",
        )

    def source(self, name: str, options: dict[str, Any]) -> Source:
        try:
            encoding = encodings.known(options["encoding"])
        except LookupError as error:
            raise CommandError(_("Nobody knows the encoding “%(name)s”.") % {"name": options["encoding"]}) from error
        return Source(name, is_table=False, encoding=encoding, format=options["format"])

    def chosen(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"format": options["format"], "encoding": options["encoding"], **super().chosen(options)}
