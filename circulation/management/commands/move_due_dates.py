"""`manage.py move_due_dates`: move what falls due on closed days."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from circulation import closings
from library.core.errors import Invalid
from policies.models import Branch


class Command(BaseCommand):
    """Moves due dates and pick-up deadlines off days that are closed by the calendar; a second time finds nothing."""

    help = "Move due dates and pick-up deadlines off days on which a branch is closed after all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("starts_on", type=date.fromisoformat, metavar="YYYY-MM-DD", help="first day")
        parser.add_argument("ends_on", type=date.fromisoformat, metavar="YYYY-MM-DD", nargs="?", help="last day")
        parser.add_argument("--branch", help="code of the branch; every branch if not given")
        parser.add_argument("--reason", default="", help="what readers are told")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be moved")

    def handle(self, *args: Any, **options: Any) -> None:
        branch = None
        if options["branch"] and not (branch := Branch.objects.filter(code=options["branch"]).first()):
            raise CommandError(_("There is no branch with this code."))
        starts_on, now = options["starts_on"], timezone.now()
        ends_on = options["ends_on"] or starts_on
        try:
            if options["dry_run"]:
                found = closings.preview(branch=branch, starts_on=starts_on, ends_on=ends_on, now=now, shown=0)
                self._tell(found.loans, found.pickups)
                self.stdout.write(self.style.WARNING(_("Dry run: nothing was written.")))
                return
            made = closings.close(
                branch_id=branch.pk if branch else None,
                starts_on=starts_on,
                ends_on=ends_on,
                reason=options["reason"],
                by=None,
                now=now,
            )
        except Invalid as error:
            raise CommandError(" ".join(text for texts in error.errors.values() for text in texts)) from error
        made = closings.work(closing_id=made.pk, now=now)
        self._tell(made.loans, made.pickups)

    def _tell(self, loans: int, pickups: int) -> None:
        text = _("Loans: %(loans)d; pick-up deadlines: %(pickups)d.")
        self.stdout.write(text % {"loans": loans, "pickups": pickups})
