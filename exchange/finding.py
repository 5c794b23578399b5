"""Books for a CQL query: each index said in the search's own terms, all of them by index of the database."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.postgres.aggregates import StringAgg
from django.contrib.postgres.search import SearchQueryField, SearchRank, SearchVector
from django.db import OperationalError, connection, transaction
from django.db.models import BooleanField, F, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast
from psycopg.errors import QueryCanceled

from catalog import isbn
from catalog.models import Book, Contribution, Isbn, MaterialType, Publisher, folded_name
from catalog.queries import CAP as MOST_RANKED
from catalog.queries import Matches
from catalog.query_language import MOST_TERMS, SHORTEST_PREFIX, Field, understand
from catalog.titles import ARTICLES, sort_title
from exchange.cql import Clause, Diagnostic, Pair, Query, SortKey
from library.core.text import fold

CAP = 10_000
"""Hits that are counted and can be reached."""
LONGEST_MS = 5000
"""Milliseconds that any statement of a query may take; anybody may ask."""
WEIGHTS = [0.1, 0.3, 0.8, 1.0]
"""What a word counts by its place, as on the pages: description; subjects, publisher; names; title."""
Found = str | Q
"""What a tree becomes: a tsquery as long as that says it all, else a condition."""

_MARKS = re.compile('["«»“”„]|(?<!\\S)-+')
"""What would be an operator in a reader's query."""


class Page(NamedTuple):
    """Books by public id, in order; the number of hits, at most `CAP`."""

    books: dict[int, UUID]
    total: int


def find(query: Query, *, start: int, size: int) -> Page:
    """The books of a query from the place `start` on, counted from 1. Raises Diagnostic.

    Without a sort key the best come first (of the `MOST_RANKED` newest), for a query without words the newest.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(LONGEST_MS)])
        try:
            return _find(query, start, size)
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise Diagnostic(47, "too expensive") from error
            raise


def _find(query: Query, start: int, size: int) -> Page:
    found = _found(query.tree)
    books = Book.objects.filter(_condition(found))
    total = books.order_by()[:CAP].count()
    if start > max(total, 1):
        raise Diagnostic(61, str(start))
    shown = _sorted(books, query.sort, found)[start - 1 : min(start - 1 + size, CAP)] if size else Book.objects.none()
    return Page(dict(shown.values_list("pk", "uid")), total)


# --- Order ---------------------------------------------------------------------------------------------------------

_SORTS = {
    "dc.title": "sort_title",
    "title": "sort_title",
    "dc.creator": "search_entry__sort_author",
    "creator": "search_entry__sort_author",
    "author": "search_entry__sort_author",
    "dc.date": "year",
    "date": "year",
    "rec.creationdate": "created_at",
}


def _sorted(books: QuerySet[Book], keys: tuple[SortKey, ...], found: Found) -> QuerySet[Book]:
    if keys:
        order = []
        for key in keys:
            if key.index not in _SORTS:
                raise Diagnostic(80, key.index)
            field = F(_SORTS[key.index])
            order.append(field.desc(nulls_last=True) if key.is_descending else field.asc(nulls_last=True))
        return books.order_by(*order, "pk")
    newest = books.order_by("-created_at", "-pk")
    if isinstance(found, Q) or not found:
        return newest
    rank = SearchRank(F("search_entry__words"), Cast(Value(found), SearchQueryField()), weights=WEIGHTS)
    best = Book.objects.filter(pk__in=newest.values("pk")[:MOST_RANKED])
    return best.order_by(rank.desc(), F("year").desc(nulls_last=True), "-pk")


# --- What is looked for --------------------------------------------------------------------------------------------


def _found(tree: Clause | Pair) -> Found:
    if isinstance(tree, Clause):
        return _of_clause(tree)
    left, right = _found(tree.left), _found(tree.right)
    if isinstance(left, str) and isinstance(right, str) and left and right:
        sign = {"and": "&", "or": "|", "not": "& !"}[tree.operator]
        return f"(({left}) {sign}({right}))"
    one, other = _condition(left), _condition(right)
    return one | other if tree.operator == "or" else one & other if tree.operator == "and" else one & ~other


def _condition(found: Found) -> Q:
    if isinstance(found, Q):
        return found
    return Q(Matches("search_entry__words", found)) if found else Q(pk__in=[])


def _of_clause(clause: Clause) -> Found:
    name = clause.index if "." in clause.index else f"cql.{clause.index}"
    context, _dot, plain = name.partition(".")
    if context not in ("cql", "srw", "dc", "bath", "rec"):
        raise Diagnostic(15, context)
    if context == "rec" and plain == "id":
        plain = "recordid"
    if (answer := INDEXES.get(plain)) is None:
        raise Diagnostic(16, clause.index)
    return answer(clause)


def _words(clause: Clause, where: Field) -> str:
    """A clause over words as a tsquery."""
    text = _MARKS.sub(" ", clause.term).strip()
    if clause.is_truncated:
        words = fold(text).split()
        if not words or len(words[-1]) < SHORTEST_PREFIX:
            raise Diagnostic(29, clause.term)
    match clause.relation:
        case "=" | "adj" if " " in text:
            if clause.is_truncated:
                raise Diagnostic(33, clause.term)
            return understand(f'"{text}"', field=where).words
        case "=" | "adj" | "all":
            return understand(text, field=where, is_typing=clause.is_truncated).words
        case "any":
            *first, last = text.split()[:MOST_TERMS] or [""]
            pieces = [understand(word, field=where).words for word in first]
            pieces.append(understand(last, field=where, is_typing=clause.is_truncated).words)
            return " | ".join(filter(None, pieces))
    raise Diagnostic(22, f"{clause.index} {clause.relation}")


def _is_exact(clause: Clause) -> bool:
    return clause.relation in ("exact", "==") and not clause.is_truncated


def _title(clause: Clause) -> Found:
    return _exact_title(clause.term) if _is_exact(clause) else _words(clause, Field.TITLE)


def _exact_title(text: str) -> Q:
    return Q(sort_title__in=sorted({sort_title(text, language) for language in ("", *ARTICLES)}))


def _creator(clause: Clause) -> Found:
    return _exact_creator(clause.term) if _is_exact(clause) else _words(clause, Field.AUTHOR)


def _exact_creator(text: str) -> Q:
    return Q(pk__in=Contribution.objects.filter(author__folded_name=folded_name(text)).values("book"))


def _subject(clause: Clause) -> Found:
    through = Book.subjects.through.objects
    if _is_exact(clause):
        return Q(pk__in=through.filter(subject__folded_name=folded_name(clause.term)).values("book"))
    named = through.filter(book=OuterRef("pk")).order_by().values("book")
    return _named(clause, named.values(names=StringAgg("subject__folded_name", Value(" "))))


def _publisher(clause: Clause) -> Found:
    if _is_exact(clause):
        return Q(publisher__folded_name=folded_name(clause.term))
    return _named(clause, Publisher.objects.filter(pk=OuterRef("publisher")).values("folded_name"))


def _named(clause: Clause, names: QuerySet[Any, Any]) -> Q:
    """The books with the words in their `names`: the index, where these stand among others of their weight, finds
    candidates; only their names are read."""
    words = _words(clause, Field.ANYWHERE) or "''"
    vector = SearchVector(Subquery(names, output_field=TextField()), config="russian")
    query = Cast(Value(words), SearchQueryField())
    has_words = Func(vector, query, template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())
    return _condition(_words(clause, Field.ANYWHERE)) & Q(has_words)


def _anywhere(clause: Clause) -> Found:
    if _is_exact(clause):
        return _exact_title(clause.term) | _exact_creator(clause.term)
    return _words(clause, Field.ANYWHERE)


def _description(clause: Clause) -> Found:
    return _words(clause, Field.DESCRIPTION)


def _date(clause: Clause) -> Found:
    years = [int(word) for word in clause.term.split() if re.fullmatch(r"-?\d{1,4}", word, re.ASCII)]
    if len(years) != len(clause.term.split()) or len(years) != (2 if clause.relation == "within" else 1):
        raise Diagnostic(36, clause.term)
    match clause.relation:
        case "=" | "==" | "exact":
            return Q(year=years[0])
        case "<>":
            return ~Q(year=years[0]) & Q(year__isnull=False)
        case "<":
            return Q(year__lt=years[0])
        case "<=":
            return Q(year__lte=years[0])
        case ">":
            return Q(year__gt=years[0])
        case ">=":
            return Q(year__gte=years[0])
        case "within":
            return Q(year__range=(years[0], years[1]))
    raise Diagnostic(22, f"{clause.index} {clause.relation}")


def _values(clause: Clause) -> list[str]:
    """The value asked for, or several by «any». Raises Diagnostic for what a code cannot be compared by."""
    if clause.is_truncated:
        raise Diagnostic(28, "*")
    if clause.relation == "any":
        return clause.term.split()
    if clause.relation not in ("=", "==", "exact"):
        raise Diagnostic(22, f"{clause.index} {clause.relation}")
    return [clause.term]


def _isbn(clause: Clause) -> Found:
    values = [isbn.normalise(value) for value in _values(clause)]
    if not all(values):
        raise Diagnostic(36, clause.term)
    return Q(pk__in=Isbn.objects.filter(value__in=values).values("book"))


def _record_id(clause: Clause) -> Found:
    try:
        return Q(uid__in=[UUID(value.rpartition(":")[2]) for value in _values(clause)])
    except ValueError as error:
        raise Diagnostic(36, clause.term) from error


def _language(clause: Clause) -> Found:
    return Q(language__in=[value.lower() for value in _values(clause)])


def _type(clause: Clause) -> Found:
    values = [value.lower() for value in _values(clause)]
    if not set(values) <= set(MaterialType.values):
        raise Diagnostic(36, clause.term)
    return Q(material_type__in=values)


def _all_records(clause: Clause) -> Found:
    return Q()


INDEXES: dict[str, Callable[[Clause], Found]] = {
    "serverchoice": _anywhere,
    "anywhere": _anywhere,
    "any": _anywhere,
    "allrecords": _all_records,
    "title": _title,
    "creator": _creator,
    "contributor": _creator,
    "author": _creator,
    "name": _creator,
    "subject": _subject,
    "publisher": _publisher,
    "description": _description,
    "date": _date,
    "language": _language,
    "type": _type,
    "isbn": _isbn,
    "identifier": _isbn,
    "recordid": _record_id,
}
"""Indexes by their name behind the context set: dc.title, bath.title and plain title are one."""
