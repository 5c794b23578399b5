"""The mapping of MARC records as a page: `manage.py show_marc_mapping > docs/marc-mapping.md`."""

from typing import Any

from django.core.management.base import BaseCommand

from catalog.marc.mapping_page import page


class Command(BaseCommand):
    """Write the page to standard output."""

    help = "Prints docs/marc-mapping.md, made from the mapping of MARC21, UNIMARC and RUSMARC."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print it."""
        self.stdout.write(page(), ending="")
