"""`manage.py rebuild_search`: the search index of every book, written anew."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import ngettext
from rich.progress import Progress

from catalog.models import Book
from catalog.search import CHUNK, index_books


class Command(BaseCommand):
    """Goes through the books in the order of their keys, a thousand a commit; safe to stop and to run again."""

    help = "Index every book again for the search. Needed after a change of how books are indexed, never otherwise."

    def handle(self, *args: Any, **options: Any) -> None:
        total, done, last = Book.objects.count(), 0, 0
        with Progress(transient=True, disable=options["verbosity"] == 0) as progress:
            task = progress.add_task("", total=total)
            while ids := list(Book.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
                index_books(ids)
                done, last = done + len(ids), ids[-1]
                progress.update(task, completed=done)
        words = ngettext("%(count)d book is indexed.", "%(count)d books are indexed.", done)
        self.stdout.write(words % {"count": done})
