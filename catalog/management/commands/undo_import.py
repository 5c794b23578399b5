"""Undo an import."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import Progress

from catalog.import_undo import extent, request_undo, undo, words
from catalog.models import ImportRun
from library.core.errors import Busy, Refused


class Command(BaseCommand):
    """Removes what an import made and brings back what it changed; see docs/import.md."""

    help = "Undo an import, as long as nothing of it was lent, reserved or changed since; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int, help="the number of the import; 0: list the last twenty")
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed and brought back")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["number"]:
            for last in ImportRun.objects.all()[:20]:
                self.stdout.write(f"{last.pk}: {last.file_name}, {last.started_at:%Y-%m-%d %H:%M}, {last.state}")
            return
        run = ImportRun.objects.filter(pk=options["number"]).first()
        if run is None:
            raise CommandError(_("There is no such import."))
        whole = extent(run)
        if options["dry_run"] or run.state == ImportRun.State.UNDONE:
            self._tell(whole.removed, whole.copies, whole.restored)
            return
        try:
            if run.state != ImportRun.State.UNDOING:
                request_undo(run_id=run.pk, by=None, now=timezone.now())
                run.refresh_from_db()
            self._undo(run)
        except Refused as refused:
            raise CommandError("\n".join(words(each.reason, each.data) for each in refused.refusals)) from refused
        except Busy as error:
            raise CommandError(_("Another import is at work. Try again in a minute.")) from error
        if run.failure:
            self.stdout.write(run.failure)
        self._tell(whole.removed, whole.copies, whole.restored)

    def _undo(self, run: ImportRun) -> None:
        is_shown = sys.stdout.isatty()
        with Progress(console=Console(quiet=not is_shown), disable=not is_shown) as bar:
            task = bar.add_task(run.file_name, total=run.to_undo)
            undo(run, on_batch=lambda run: bar.update(task, completed=run.undone))

    def _tell(self, removed: int, copies: int, restored: int) -> None:
        told = _("Books removed: %(removed)s. Copies removed: %(copies)s. Books brought back: %(restored)s.")
        self.stdout.write(told % {"removed": removed, "copies": copies, "restored": restored})
