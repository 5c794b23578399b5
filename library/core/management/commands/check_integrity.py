"""`manage.py check_integrity`: whether what must be true of the data is true; what is not, and how to mend it."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from library.core.integrity import SHOWN, Finding, checks, findings


class Command(BaseCommand):
    """Reads only, beside people at work. Ends with 1 where anything is found."""

    help = "Verify the invariants of the whole database; say what breaks them and how to mend it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", nargs="+", metavar="CODE", default=[], help="these invariants only")
        parser.add_argument("--first", type=int, default=SHOWN, metavar="N", help="rows to name of each")
        parser.add_argument("--language", choices=[code for code, _name in settings.LANGUAGES], help="of what is said")
        parser.add_argument("--list", action="store_true", help="list the invariants and end")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"] or translation.get_language()):
            known = checks()
            if unknown := set(options["only"]) - {check.code for check in known}:
                raise CommandError(_("There is no invariant %(codes)s.") % {"codes": ", ".join(sorted(unknown))})
            if options["list"]:
                self.stdout.writelines(f"{check.code}: {check.says}\n" for check in known)
                return
            found = findings(shown=options["first"], only=options["only"])
            for finding in found:
                self._tell(finding)
            if found:
                count = len(found)
                text = ngettext("%(count)d invariant is broken.", "%(count)d invariants are broken.", count)
                raise CommandError(text % {"count": count})
            count = len(options["only"]) or len(known)
            text = ngettext("%(count)d invariant holds.", "%(count)d invariants hold.", count)
            self.stdout.write(self.style.SUCCESS(text % {"count": count}))

    def _tell(self, finding: Finding) -> None:
        check = finding.check
        self.stdout.write(self.style.ERROR(f"{check.code}: {finding.count}"))
        self.stdout.write(f"  {check.says}")
        for row in finding.rows:
            self.stdout.write(f"  - {row}")
        if more := finding.count - len(finding.rows):
            self.stdout.write("  - " + ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more})
        self.stdout.write(f"  {_('To mend it:')} {check.mend}")
