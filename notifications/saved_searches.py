"""Searches that readers keep, and the daily word of the new books that they find."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from accounts.models import Reader
from catalog.forms import SearchForm
from catalog.models import Book, Contribution
from catalog.queries import SearchQuery, Sort, search_books
from catalog.result_pages import chips, tidy
from library.core.errors import Invalid
from notifications.actions import enqueue
from notifications.letters import BookLine, NewBooks
from notifications.models import Event, SavedSearch

MOST_SAVED = 50
"""Searches that one reader may keep."""
MOST_TOLD = 10
"""Titles in one notice; of more it says how many."""
LOOKED_AT = 100
"""Newest hits that are looked at for books that are new."""
LONGEST = SavedSearch._meta.get_field("address").max_length or 0
BATCH_SIZE = 200


def save_search(*, reader: Reader, params: QueryDict, now: datetime, name: str = "") -> SavedSearch:
    """Keep a search, or give back the same one kept before; its name is made of its words unless given.

    Raises Invalid (`name`, `search`).
    """
    kept = tidy(params)
    for passing in ("page", "sort"):
        kept.pop(passing, None)
    address = kept.urlencode()
    if len(address) > LONGEST:
        raise Invalid({"search": [_("This search is too long to be kept.")]})
    with transaction.atomic():
        Reader.objects.locked().only("pk").get(pk=reader.pk)
        own = SavedSearch.objects.filter(reader=reader)
        if same := own.filter(address=address).first():
            return same
        if own.count() >= MOST_SAVED:
            raise Invalid({"search": [_("You keep %(count)d searches: delete one first.") % {"count": MOST_SAVED}]})
        return SavedSearch.objects.create(
            reader=reader, name=_named(name.strip() or words_of(kept)), address=address, created_at=now, seen_until=now
        )


def rename_search(*, reader: Reader, uid: UUID, name: str) -> None:
    """Raises Invalid (`name`), SavedSearch.DoesNotExist."""
    search = SavedSearch.objects.get(reader=reader, uid=uid)
    search.name = _named(name)
    search.save(update_fields=["name"])


def delete_search(*, reader: Reader, uid: UUID) -> None:
    """Forget a search. Twice does no harm."""
    SavedSearch.objects.filter(reader=reader, uid=uid).delete()


def words_of(params: QueryDict) -> str:
    """A search in words, for a name: what was typed, then the filters."""
    query = SearchForm(params).query(params)
    typed = [query.text, query.title, query.author, query.isbn]
    labels = [str(chip.label) for chip in chips(query, params)]
    return Truncator(", ".join(filter(None, [*typed, *labels])) or _("All books")).chars(100)


def tell_of_new_books(*, now: datetime) -> int:
    """Write to every reader of whose saved searches finds books that came since the last time; how many notices.

    A commit for each search, so it may be interrupted and repeated: what was told is not told again.
    """
    if not settings.NOTICE_NEW_BOOKS:
        return 0
    return sum(_tell(search, now) for search in _searches())


def _searches() -> Iterator[SavedSearch]:
    after = 0
    searches = SavedSearch.objects.filter(reader__merged_into=None, reader__erased_at=None).select_related("reader")
    while batch := list(searches.filter(pk__gt=after).order_by("pk")[:BATCH_SIZE]):
        after = batch[-1].pk
        yield from batch


def _tell(search: SavedSearch, now: datetime) -> bool:
    books = list(new_books(search, now=now))
    with transaction.atomic():
        held = SavedSearch.objects.filter(pk=search.pk, seen_until=search.seen_until)
        if not held.update(seen_until=now) or not books:
            return False
        data = NewBooks(
            search=search.name,
            address=search.address,
            books=[_line(book) for book in books[:MOST_TOLD]],
            more=max(0, len(books) - MOST_TOLD),
        )
        key = f"{Event.NEW_BOOKS}:{search.uid}:{now:%Y%m%dT%H%M%S%f}"
        enqueue(key=key, event=Event.NEW_BOOKS, reader=search.reader, data=data, now=now)
    return True


def new_books(search: SavedSearch, *, now: datetime) -> list[Book]:
    """What a search finds that came into the catalogue since it was told of last; the newest first.

    Only what it really finds: neither corrected nor widened.
    """
    params = QueryDict(search.address)
    query: SearchQuery = SearchForm(params).query(params)
    result = search_books(replace(query, sort=Sort.NEWEST, page=1, per_page=LOOKED_AT))
    if result.corrected or result.is_widened:
        return []
    found = Book.objects.filter(pk__in=result.book_ids, created_at__gt=search.seen_until, created_at__lte=now)
    return list(found.only("uid", "title", "created_at").order_by("-created_at", "-pk"))


def _line(book: Book) -> BookLine:
    authors = Contribution.objects.filter(book=book, role=Contribution.Role.AUTHOR).order_by("position", "pk")
    names = "; ".join(authors.values_list("author__name", flat=True))
    return BookLine(book=str(book.uid), title=book.title, authors=names)


def _named(name: str) -> str:
    if not name.strip():
        raise Invalid({"name": [_("Give the search a name.")]})
    return Truncator(" ".join(name.split())).chars(100)
