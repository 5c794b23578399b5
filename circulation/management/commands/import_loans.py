"""`manage.py import_loans FILE.csv`: past loans from a former system."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from circulation.history import Defaults, Tally, import_loans, read_rows, sentence
from library.core.errors import Invalid
from policies.models import Branch, ItemType, ReaderCategory


class Command(BaseCommand):
    """Takes over loans that are over; the same file twice writes nothing new."""

    help = "Import past loans from a CSV table: card, copy or call number, day lent and, if known, day returned."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--branch", help="code of the branch that lent; the first branch if not given")
        parser.add_argument("--category", help="code of the category of new readers; the default one if not given")
        parser.add_argument("--item-type", help="code of the type of added copies; the first type if not given")
        parser.add_argument("--report", type=Path, help="write the rejected rows with their reasons to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        tally = Tally()
        defaults = Defaults(
            branch=_chosen(Branch, options["branch"], {}),
            category=_chosen(ReaderCategory, options["category"], {"is_default": True}),
            item_type=_chosen(ItemType, options["item_type"], {}),
        )
        try:
            rows = list(read_rows(options["file"], tally, timezone.localdate(now, defaults.branch.zone)))
            import_loans(rows, tally=tally, defaults=defaults, by=None, now=now)
        except Invalid as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(_("The file cannot be read: %(error)s") % {"error": error}) from error
        except UnicodeDecodeError as error:
            raise CommandError(_("The file is not UTF-8 text.")) from error
        if options["report"]:
            self._write_report(options["report"], tally)
        self.stdout.write(
            _(
                "read %(read)s, created %(created)s, unchanged %(unchanged)s, rejected %(rejected)s; "
                "new readers %(readers)s, new copies %(copies)s"
            )
            % {
                "read": tally.read,
                "created": tally.created,
                "unchanged": tally.unchanged,
                "rejected": len(tally.rejected),
                "readers": tally.readers_created,
                "copies": tally.copies_created,
            }
        )

    def _write_report(self, path: Path, tally: Tally) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "code", "reason"])
            writer.writerows((number, flaw.value, sentence(flaw)) for number, flaw in tally.rejected)


def _chosen(model: Any, code: str | None, otherwise: dict[str, Any]) -> Any:
    chosen = model.objects.filter(**({"code": code} if code else otherwise)).order_by("pk").first()
    if chosen is None:
        raise CommandError(
            _("There is no %(kind)s “%(code)s”. Set the library up first: manage.py setup_library.")
            % {"kind": model._meta.verbose_name, "code": code or ""}
        )
    return chosen
