"""`manage.py setup_library`: the first set-up, safe to repeat."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from policies.setup import UnknownCountry, add_holidays, run_further_steps, set_up


class Command(BaseCommand):
    """Creates what a new library needs to lend its first book, and leaves alone what is there."""

    help = "Create branch, reader categories, item types, the default lending rule and schedules, where missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--branch",
            action="append",
            nargs=3,
            default=[],
            metavar=("CODE", "NAME", "TIME_ZONE"),
            help="a branch to create, e.g. central 'Central Library' Europe/Moscow; may be given several times",
        )
        parser.add_argument(
            "--language",
            choices=[code for code, _name in settings.LANGUAGES],
            default=settings.LANGUAGE_CODE,
            help="the language of the names that are created",
        )
        parser.add_argument(
            "--holidays",
            action="append",
            nargs=2,
            default=[],
            metavar=("COUNTRY", "YEAR"),
            help="close every branch on the public holidays of a year, e.g. RU 2026; may be given several times",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        language = options["language"]
        try:
            with transaction.atomic():
                created = set_up(language=language, branches=[tuple(branch) for branch in options["branch"]])
                for country, year in options["holidays"]:
                    created += add_holidays(country=country, year=_year(year), language=language)
                created += run_further_steps()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except UnknownCountry as error:
            raise CommandError(
                _("The holidays of “%(country)s” are not known: give two letters, for example RU.") % {"country": error}
            ) from error
        for sentence in created:
            self.stdout.write(sentence)
        self.stdout.write(self.style.SUCCESS(_("The library is set up.")))


def _year(text: str) -> int:
    if not (text.isdecimal() and 1990 <= int(text) <= 2200):
        raise CommandError(_("“%(text)s” is not a year between 1990 and 2200.") % {"text": text})
    return int(text)
