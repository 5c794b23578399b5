"""What the reader may be about to type: titles, authors and subjects that go on from the letters so far."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import QuerySet

from catalog.models import Author, Book, NamedThing, Subject
from catalog.queries import Matches
from catalog.search import as_tsquery, clean
from library.core.text import fold

MOST = 20
"""Suggestions, at most."""


class Kind(StrEnum):
    """What a suggestion leads to."""

    TITLE = "title"
    AUTHOR = "author"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something the library has, to be shown under the search field."""

    kind: Kind
    text: str
    key: str
    """The uid of the book, the primary key of the author or subject."""


def suggest(text: str, *, limit: int = 8) -> list[Suggestion]:
    """Authors, titles and subjects that begin with, or have words that begin with, what was typed; the best first.

    Never fails on strange text; nothing for less than two letters.
    """
    typed = fold(clean(text))
    if len(typed) < 2:
        return []
    limit = min(max(limit, 1), MOST)
    words = as_tsquery(text, weights="A", is_typing=True)
    books: Iterable[tuple[object, str]] = ()
    if words:
        books = Book.objects.filter(Matches(words)).order_by("sort_title", "pk").values_list("uid", "title")[:limit]
    found = [Suggestion(Kind.AUTHOR, name, str(pk)) for pk, name in _named(Author.objects.all(), typed)[:2]]
    found += [Suggestion(Kind.SUBJECT, name, str(pk)) for pk, name in _named(Subject.objects.all(), typed)[:2]]
    titles = {title: Suggestion(Kind.TITLE, title, str(uid)) for uid, title in books}
    return [*titles.values()][: limit - len(found)] + found[:limit]


def _named(things: QuerySet[NamedThing], typed: str) -> "QuerySet[NamedThing, tuple[int, str]]":
    for word in typed.split()[:8]:
        things = things.filter(folded_name__contains=word)
    return things.order_by("folded_name").values_list("pk", "name")
