"""`manage.py simulate_year`: a year of a library with branches, played quickly, and every figure checked by hand."""

import logging
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from demo.actions import NotEmpty
from demo.compared import Line, compare
from demo.mailbox import Mailbox
from demo.played import RealDesk
from demo.year import CARD_NOTICE, PICKUP_NOTICE, Year


class Command(BaseCommand):
    """Plays the year into an empty library; exit code 1 when any figure differs from the tally."""

    help = (
        "Play a year through the real actions with a clock of its own, in an EMPTY library, send its letters to a mail "
        "server of its own, and compare notices, mails and reports with an independent tally."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--readers", type=int, default=5000)
        parser.add_argument("--branches", type=int, default=3)
        parser.add_argument("--days", type=int, default=365)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--visits", type=float, default=0.6, help="visits of a reader in a year, besides returns")
        parser.add_argument("--start", type=date.fromisoformat, default=date(2025, 10, 1), help="the first day")
        parser.add_argument("--mails", type=Path, help="an empty folder to keep the letters in")
        parser.add_argument("--all", action="store_true", help="print also the figures that agree, one by one")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.disable(logging.INFO)  # a line for each letter says nothing here
        try:
            self._play(options)
        finally:
            logging.disable(logging.NOTSET)

    def _play(self, options: dict[str, Any]) -> None:
        began = perf_counter()
        desk = RealDesk()
        year = Year(
            start=options["start"],
            days=options["days"],
            readers=options["readers"],
            branches=options["branches"],
            seed=options["seed"],
            visits=options["visits"],
            desk=desk,
        )
        with Mailbox(options["mails"]) as mailbox:
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
            settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
            settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
            settings.CARD_NOTICE_DAYS, settings.PICKUP_NOTICE_DAYS = CARD_NOTICE, PICKUP_NOTICE
            try:
                desk.furnish(year)
            except NotEmpty as error:
                raise CommandError(
                    _("This library is not empty. The simulated year goes into an empty one.")
                ) from error
            tally = year.pass_by()
        desk.close_the_books(year)
        lines = compare(year, tally, mailbox.count)
        self._print(lines, is_long=options["all"])
        for flaw in mailbox.flaws[:20]:
            self.stdout.write(flaw)
        self.stdout.write(
            _("%(seconds)d s. %(mails)d mails. %(figures)d figures, %(wrong)d differ.")
            % {
                "seconds": perf_counter() - began,
                "mails": mailbox.count.total(),
                "figures": len(lines),
                "wrong": sum(not line.agrees for line in lines),
            }
        )
        if mailbox.flaws or not all(line.agrees for line in lines):
            raise SystemExit(1)

    def _print(self, lines: Sequence[Line], *, is_long: bool) -> None:
        """A line for each event; of other subjects their sum, unless all are wanted or some differ."""
        self.stdout.write(f"{'':44}{'expected':>14}{'found':>14}")
        for subject, group in groupby(lines, key=lambda line: line.subject):
            of_subject = list(group)
            is_shown = is_long or len(of_subject) < 6 or subject in ("notices", "letters")
            for line in of_subject:
                if is_shown or not line.agrees:
                    mark = "" if line.agrees else "  <<<"
                    self.stdout.write(f"{f'{subject}: {line.what}':44}{line.expected:>14}{line.found:>14}{mark}")
            if not is_shown:
                expected, found = sum(line.expected for line in of_subject), sum(line.found for line in of_subject)
                self.stdout.write(f"{f'{subject} ({len(of_subject)} figures)':44}{expected:>14}{found:>14}")
