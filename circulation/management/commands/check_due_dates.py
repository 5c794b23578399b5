"""`manage.py check_due_dates`: the daily check of due dates, now; safe to repeat."""

from argparse import ArgumentParser
from datetime import date, datetime, time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from circulation.losses import declare_overdue_lost
from circulation.reminders import check_due_dates
from circulation.renewals import renew_automatically
from notifications.models import Event


class Command(BaseCommand):
    """Renews what renews itself, declares lost what is overdue too long, marks overdue loans and writes reminders.

    Whatever the hour, and whether or not the day's run is done.
    """

    help = "Mark overdue loans and write the reminders of the day. Repeating it does no harm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument(
            "--date",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="say what would be done on this day; needs --dry-run",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        day: date | None = options["date"]
        if day and not options["dry_run"]:
            raise CommandError(_("Reminders of another day cannot be written. Add --dry-run to see them."))
        now = timezone.make_aware(datetime.combine(day, time(settings.DAILY_JOBS_HOUR))) if day else timezone.now()
        renewed = renew_automatically(now=now, dry_run=options["dry_run"])
        lost = declare_overdue_lost(now=now, dry_run=options["dry_run"])
        summary = check_due_dates(now=now, dry_run=options["dry_run"])
        self.stdout.write(
            ngettext("%(count)d open loan.", "%(count)d open loans.", summary.open_loans)
            % {"count": summary.open_loans}
        )
        self.stdout.write(
            ngettext("%(count)d loan newly overdue.", "%(count)d loans newly overdue.", summary.marked_overdue)
            % {"count": summary.marked_overdue}
        )
        if renewed.renewed or renewed.refused:
            text = _("Renewed automatically: %(renewed)d; refused: %(refused)d.")
            self.stdout.write(text % {"renewed": renewed.renewed, "refused": renewed.refused})
        if lost:
            text = ngettext("%(count)d copy is declared lost.", "%(count)d copies are declared lost.", lost)
            self.stdout.write(text % {"count": lost})
        for event in (Event.DUE_SOON, Event.OVERDUE, Event.LOAN_REMINDER):
            self.stdout.write(
                _("Reminders (%(event)s): %(count)d.") % {"event": event.label, "count": summary.reminders[event]}
            )
        if summary.unreachable:
            self.stdout.write(
                ngettext(
                    "%(count)d reminder is for a reader without an address: please telephone.",
                    "%(count)d reminders are for readers without an address: please telephone.",
                    summary.unreachable,
                )
                % {"count": summary.unreachable}
            )
        if options["dry_run"]:
            self.stdout.write(self.style.WARNING(_("Dry run: nothing was written.")))
