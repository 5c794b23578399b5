"""`manage.py reader_data`: all that is kept of a reader, as a zip."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.queries import reader_by_scan
from library.core import audit
from readership.data_files import zipped


class Command(BaseCommand):
    """Writes what the reader's own page gives, whoever asks."""

    help = "Write all that the library keeps of a reader to a zip."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("card", help="card number")
        parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the zip to write")

    def handle(self, *args: Any, **options: Any) -> None:
        reader = reader_by_scan(options["card"])
        if reader is None:
            raise CommandError(_("There is no reader with this card."))
        now, target = timezone.now(), options["to"]
        try:
            target.touch(mode=0o600)
            target.write_bytes(zipped(reader, now=now))
        except OSError as error:
            raise CommandError(str(error)) from error
        audit.record(action="readership.fetch_data", subject=reader, by=None, now=now)
        self.stdout.write(_("Written: %(file)s.") % {"file": target})
