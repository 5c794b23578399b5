"""`manage.py erase_reader`: erase what the law lets go."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.queries import reader_by_scan
from library.core.errors import Refused
from readership import rules
from readership.erasure import erase, erasure_facts
from readership.wording import sentence


class Command(BaseCommand):
    """Erases as the panel does, or says every reason why not."""

    help = "Erase a reader: what the law asks to keep stays without a name. Cannot be undone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("card", help="card number")
        parser.add_argument("--dry-run", action="store_true", help="only say what stands against it")

    def handle(self, *args: Any, **options: Any) -> None:
        reader = reader_by_scan(options["card"])
        if reader is None:
            raise CommandError(_("There is no reader with this card."))
        refusals = rules.erasure_refusals(erasure_facts(reader))
        try:
            if not options["dry_run"]:
                erase(reader_id=reader.pk, by=None, now=timezone.now())
        except Refused as error:
            refusals = error.refusals
        if refusals:
            raise CommandError("\n".join(sentence(refusal) for refusal in refusals))
        if options["dry_run"]:
            self.stdout.write(self.style.WARNING(_("Dry run: nothing was written.")))
        else:
            self.stdout.write(_("The reader is erased."))
