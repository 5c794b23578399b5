"""What `import_marc` and `import_books` share: the choices about copies, progress, report and summary."""

import csv
import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from catalog.bookdata import BookData, Incoming
from catalog.import_copies import CopyOptions, copy_options
from catalog.import_reading import Source, batches, records
from catalog.import_wording import sentence, summary
from catalog.imports import Outcome, Result, go_on, import_batches
from catalog.models import ImportRun
from library.core.errors import Busy, Invalid

SHOWN_REMARKS = 20
"""Remarks printed for a file; all of them go into the report."""
COUNTS = ("read", *Outcome, "copies_created")


class ImportCommand(BaseCommand):
    """Import files one after another, each with its own counts."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--branch", metavar="CODE", help="branch of copies whose own is missing or unknown")
        parser.add_argument(
            "--branch-map",
            action="append",
            default=[],
            metavar="NAME=CODE",
            help="the branch that records call NAME is our CODE; may be given several times",
        )
        parser.add_argument("--create-branches", action="store_true", help="make branches that nobody knows")
        parser.add_argument("--item-type", metavar="CODE", help="item type of copies whose own is missing or unknown")
        parser.add_argument("--no-copies", action="store_true", help="import books only")
        parser.add_argument(
            "--copies", type=int, default=0, metavar="N", help="copies of a new book whose record names none"
        )
        parser.add_argument(
            "--resume", action="store_true", help="go on with the import of this file that was interrupted"
        )
        parser.add_argument("--dry-run", action="store_true", help="do everything, report, and take it all back")
        parser.add_argument(
            "--preview",
            type=int,
            default=0,
            metavar="N",
            help="show the first N books as understood, and stop",
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="write every remark to FILE.json or FILE.csv")

    def source(self, name: str, options: dict[str, Any]) -> Source:
        """How to read a file of this name."""
        raise NotImplementedError

    def chosen(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options kept with the import, for the record."""
        names = ("branch", "branch_map", "create_branches", "item_type", "no_copies", "copies", "dry_run")
        return {name: options[name] for name in names if options[name]}

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            copies = copy_options(options)
        except Invalid as error:
            raise CommandError(_words(error)) from error
        report = _Report(options["report"])
        for path in options["files"]:
            try:
                with path.open("rb") as stream:
                    if options["preview"]:
                        self._preview(records(stream, self.source(path.name, options)), options["preview"])
                    else:
                        self._import(stream, path, copies, options, report)
            except OSError as error:
                raise CommandError(
                    _("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": error.strerror or error}
                ) from error
            except Invalid as error:
                raise CommandError(f"{path}: {_words(error)}") from error
            except Busy as error:
                raise CommandError(_("Another import is at work. Wait for it, then import this file again.")) from error
        report.close()

    def _preview(self, arrivals: Iterable[Incoming], count: int) -> None:
        for incoming in islice(arrivals, count):
            line = brief(incoming.book) if incoming.book else sentence(incoming.refusal) if incoming.refusal else ""
            self.stdout.write(f"{incoming.number}: {line}")

    def _import(
        self, stream: BinaryIO, path: Path, copies: CopyOptions, options: dict[str, Any], report: "_Report"
    ) -> None:
        shown: list[str] = []
        hidden = 0
        with _Bar(path, is_shown=sys.stdout.isatty() and options["verbosity"] > 0) as bar:

            def on_batch(run: ImportRun, results: list[Result]) -> None:
                nonlocal hidden
                bar.advance(run.position, run.read)
                for result in results:
                    report.add(path.name, result)
                    for remark in result.remarks:
                        if len(shown) < SHOWN_REMARKS:
                            shown.append(
                                _("Record %(number)s: %(remark)s")
                                % {"number": result.number, "remark": sentence(remark)}
                            )
                        else:
                            hidden += 1
                if not bar.is_shown and options["verbosity"] > 1:
                    self.stdout.write(f"{path.name}: {run.read}")

            size = path.stat().st_size
            read = batches(stream, self.source(path.name, options), size=size)
            if options["resume"]:
                run = self._interrupted(path.name, size)
                go_on(run, read, copies=copies, on_batch=on_batch)
            else:
                run = import_batches(
                    read,
                    file_name=path.name,
                    by=None,
                    copies=copies,
                    options=self.chosen(options),
                    is_trial=options["dry_run"],
                    on_batch=on_batch,
                    size=size,
                )
        counts = {name: getattr(run, name) for name in COUNTS}
        report.finish(path.name, counts)
        for line in shown:
            self.stdout.write(f"  {line}")
        if hidden:
            self.stdout.write(
                "  "
                + ngettext(
                    "… and %(count)s more remark; --report writes all of them.",
                    "… and %(count)s more remarks; --report writes all of them.",
                    hidden,
                )
                % {"count": hidden}
            )
        self.stdout.write(f"{path.name}: {summary(counts)}")
        if options["dry_run"]:
            self.stdout.write(_("This was a trial: nothing has been kept."))

    def _interrupted(self, name: str, size: int) -> ImportRun:
        """The import of this file that a command left undone."""
        undone = ImportRun.objects.filter(upload="", state=ImportRun.State.RUNNING, file_name=name, size=size)
        if run := undone.order_by("-started_at").first():
            return run
        raise CommandError(_("No import of %(file)s was interrupted. Import it without --resume.") % {"file": name})


def _words(error: Invalid) -> str:
    return " ".join(str(message) for messages in error.errors.values() for message in messages)


def brief(book: BookData) -> str:
    """A book in one line: «Толстой, Лев Николаевич. Война и мир. 1978»."""
    parts = [book.people[0].name if book.people else "", book.title, book.year_note or str(book.year or "")]
    return ". ".join(part.rstrip(".") for part in parts if part)


class _Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, path: Path, *, is_shown: bool) -> None:
        self.is_shown = is_shown
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[read]}"),
            TimeRemainingColumn(),
            console=Console(quiet=not is_shown),
            disable=not is_shown,
        )
        self._task = self._progress.add_task(path.name, total=path.stat().st_size, read=0)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def advance(self, position: int, read: int) -> None:
        self._progress.update(self._task, completed=position, read=read)


class _Report:
    """Every remark of every file, as JSON or CSV by the name of the file it goes to; nothing without a name."""

    def __init__(self, path: Path | None) -> None:
        self._file = None
        if path is None:
            return
        if path.suffix not in (".json", ".csv"):
            raise CommandError(_("The report must be called FILE.json or FILE.csv."))
        self._is_json = path.suffix == ".json"
        self._file = path.open("w", encoding="utf-8" if self._is_json else "utf-8-sig", newline="")
        self._remarks: list[dict[str, Any]] = []
        self._files: list[dict[str, Any]] = []
        if not self._is_json:
            self._writer = csv.writer(self._file)
            self._writer.writerow(["file", "record", "outcome", "problem", "remark"])

    def add(self, file_name: str, result: Result) -> None:
        """One record's remarks."""
        if self._file is None:
            return
        for remark in result.remarks:
            if self._is_json:
                self._remarks.append(
                    {
                        "record": result.number,
                        "outcome": result.outcome,
                        "problem": remark.problem,
                        "data": dict(remark.data),
                        "remark": sentence(remark),
                    }
                )
            else:
                self._writer.writerow([file_name, result.number, result.outcome, remark.problem, sentence(remark)])

    def finish(self, file_name: str, counts: dict[str, int]) -> None:
        """The counts of one file."""
        if self._file is not None:
            self._files.append({"file": file_name, **counts, "remarks": self._remarks})
            self._remarks = []

    def close(self) -> None:
        """Write what is left."""
        if self._file is None:
            return
        if self._is_json:
            json.dump({"files": self._files}, self._file, ensure_ascii=False, indent=1)
        self._file.close()
