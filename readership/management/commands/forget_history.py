"""`manage.py forget_history`: part what came back long ago from its readers, now; safe to repeat."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from readership.forgetting import forget_old_history


class Command(BaseCommand):
    """Forgets whatever the hour, and whether or not the day's run is done."""

    help = "Forget who borrowed what came back more than HISTORY_DAYS ago. Repeating it does no harm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be forgotten")
        parser.add_argument("--days", type=int, help="instead of HISTORY_DAYS")

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.HISTORY_DAYS if options["days"] is None else options["days"]
        if days < 0:
            raise CommandError(_("Give a number of days."))
        if not days:
            self.stdout.write(_("HISTORY_DAYS is 0: the history is kept for ever."))
            return
        done = forget_old_history(now=timezone.now(), days=days, dry_run=options["dry_run"])
        self.stdout.write(_("Loans forgotten: %(count)d.") % {"count": done.loans})
        self.stdout.write(_("Reservations forgotten: %(count)d.") % {"count": done.reservations})
        if done.owed_for:
            words = _("Loans kept because something is owed for them: %(count)d.")
            self.stdout.write(words % {"count": done.owed_for})
        if options["dry_run"]:
            self.stdout.write(self.style.WARNING(_("Dry run: nothing was written.")))
