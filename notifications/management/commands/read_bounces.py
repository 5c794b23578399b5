"""`manage.py read_bounces`: mark the e-mail addresses from which letters come back."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from notifications.bounces import take_in
from notifications.mailboxes import LARGEST, MailboxError, from_maildir, parse
from notifications.tasks import read_mailbox


class Command(BaseCommand):
    """Reads BOUNCE_MAILBOX_URL, a Maildir, or one message from the standard input."""

    help = "Read reports of mail servers on letters that came back, and mark the addresses that do not work."

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--maildir", type=Path, help="read the new messages of this Maildir")
        source.add_argument("--stdin", action="store_true", help="read one message, as a mail server pipes it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["stdin"]:
                message = parse(sys.stdin.buffer.read(LARGEST))
                outcomes = take_in([(message, lambda: None)], now=timezone.now())
            elif options["maildir"]:
                outcomes = take_in(from_maildir(options["maildir"]), now=timezone.now())
            else:
                outcomes = read_mailbox()
        except MailboxError as error:
            raise CommandError(_("The mailbox cannot be read: %(why)s") % {"why": error}) from error
        self.stdout.write(
            _("Addresses marked: %(marked)d, letters sent another way: %(passed_on)d, of no use: %(rest)d.")
            % {
                "marked": outcomes["marked"],
                "passed_on": outcomes["passed_on"],
                "rest": outcomes.total() - outcomes["marked"] - outcomes["passed_on"],
            }
        )
