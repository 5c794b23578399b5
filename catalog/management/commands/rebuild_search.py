"""`manage.py rebuild_search`: the search entry of every book, written anew."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import ngettext
from rich.progress import MofNCompleteColumn, Progress

from catalog.models import Book
from catalog.popularity import count_loans
from catalog.search import CHUNK, index_books


class Command(BaseCommand):
    """Goes through the books in the order of their keys, a thousand a commit; safe to stop and to run again.

    Readers go on searching meanwhile: each entry stays as it was until its new one is committed.
    """

    help = "Index every book again for the search. Needed after a change of how books are indexed, never otherwise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--missing", action="store_true", help="only books that have never been indexed")

    def handle(self, *args: Any, **options: Any) -> None:
        books = Book.objects.filter(search_entry=None) if options["missing"] else Book.objects.all()
        total, done, last = books.count(), 0, 0
        with Progress(
            *Progress.get_default_columns(), MofNCompleteColumn(), disable=not options["verbosity"]
        ) as progress:
            task = progress.add_task("", total=total)
            while ids := list(books.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
                index_books(ids)
                done, last = done + len(ids), ids[-1]
                progress.update(task, completed=done)
        if done:
            count_loans(now=timezone.now())
        words = ngettext("%(count)d book is indexed.", "%(count)d books are indexed.", done)
        self.stdout.write(words % {"count": done})
