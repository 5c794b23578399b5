"""`manage.py load_demo`: a library to try everything on."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from demo import credentials
from demo.actions import NotEmpty, has_passwords, load, new_passwords


class Command(BaseCommand):
    """Loads the demo library once; later runs only see to it that its three users can sign in."""

    help = "Load some 570 real books, 40 readers and a year of loans into an empty library, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--credentials",
            type=Path,
            help="file for the generated sign-ins, mode 600; where it is missing, new passwords are set",
        )
        parser.add_argument(
            "--today", type=date.fromisoformat, help="the day on which the past ends, 2026-11-21; default: today"
        )
        parser.add_argument(
            "--language",
            choices=[code for code, _name in settings.LANGUAGES],
            default=settings.LANGUAGE_CODE,
            help="the language of branches, categories and reasons; the books are Russian and English",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["credentials"]
        try:
            is_new = load(today=options["today"] or timezone.localdate(), language=options["language"])
        except NotEmpty as error:
            raise CommandError(
                _("This library has books already. The demo library goes into an empty one only.")
            ) from error
        self.stdout.write(_("The demo library is loaded.") if is_new else _("The demo library was loaded before."))
        if is_new or not has_passwords() or (path and not credentials.are_kept(path)):
            sign_ins = new_passwords(now=timezone.now())
            if path:
                credentials.keep(path, sign_ins)
                self.stdout.write(_("Sign-ins: %(path)s.") % {"path": path})
            else:
                for sign_in in sign_ins:
                    self.stdout.write(f"{sign_in.role}: {sign_in.email} {sign_in.password}")
