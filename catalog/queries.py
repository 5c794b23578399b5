"""Finding books: one search for pages, panel and API. How and why: docs/search.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import SearchQueryField, SearchRank
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast

from catalog import isbn
from catalog.models import Book, Contribution, Copy
from catalog.search import as_tsquery, clean
from catalog.titles import ARTICLES, sort_title

CAP = 5000
"""Hits that are ranked, counted and paged through; «5 000+» beyond."""
MOST_EXACT = 50
"""Books with exactly the title asked for that come first however many others match."""
MOST_PER_PAGE = 100
"""Books of one page, at most."""
MOST_VALUES = 20
"""Values of one facet, the most frequent ones."""
GONE = (Copy.Status.LOST, Copy.Status.WITHDRAWN)
"""States of copies that readers are not shown."""


class Sort(StrEnum):
    """Orders of a list of books."""

    RELEVANCE = "relevance"
    """Without words to be relevant to: as `NEWEST`."""
    TITLE = "title"
    AUTHOR = "author"
    YEAR = "year"
    """Latest publication first, undated last."""
    NEWEST = "newest"
    """Latest in the catalogue first."""
    POPULAR = "popular"
    """Most borrowed first."""


class Facet(StrEnum):
    """What hits are counted by; `SearchQuery` narrows by the same."""

    AVAILABLE = "available"
    BRANCH = "branch"
    LANGUAGE = "language"
    GENRE = "genre"
    MATERIAL = "material"
    DECADE = "decade"
    SUBJECT = "subject"
    AUTHOR = "author"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """What is asked for; an empty one means every book. Any text is allowed.

    Values of one field are alternatives, fields narrow each other. Things are named by primary key, languages by
    ISO 639-2/B code, materials by `MaterialType` value, decades by their first year (1990).
    """

    text: str = ""
    """Words in any form, "phrases", -excluded words, names, ISBNs, inventory numbers and barcodes."""
    title: str = ""
    author: str = ""
    isbn: str = ""
    """One ISBN of 10 or 13 digits; anything else finds nothing."""
    year_from: int | None = None
    year_to: int | None = None
    decades: Sequence[int] = ()
    languages: Sequence[str] = ()
    materials: Sequence[str] = ()
    genres: Sequence[int] = ()
    subjects: Sequence[int] = ()
    authors: Sequence[int] = ()
    publishers: Sequence[int] = ()
    series: Sequence[int] = ()
    branches: Sequence[int] = ()
    """Where there is a copy; together with `is_available`, a copy on the shelf."""
    is_available: bool = False
    """Some copy is on the shelf and may leave the building."""
    sort: Sort = Sort.RELEVANCE
    page: int = 1
    """From 1; beyond the last page there are no books."""
    per_page: int = 20
    is_typing: bool = False
    """The last word of `text` is only a beginning so far."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value to narrow by, as `SearchQuery` takes it; the name of what it is the key of, else empty; its hits."""

    value: Any
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of hits, in order. `total` counts up to `CAP`; `is_capped` says that there are more."""

    query: SearchQuery
    book_ids: tuple[int, ...] = ()
    total: int = 0
    is_capped: bool = False
    is_widened: bool = False
    """Nothing had exactly these words, so the last one was taken for a beginning."""
    corrected: str = ""
    """The text that was searched for instead, because nothing had the one typed: wrong layout, typing errors."""
    suggestion: str = ""
    """What was perhaps meant, when little was found: «did you mean»."""
    facets: dict[Facet, list[FacetValue]] = field(default_factory=dict)
    """Counts over the hits as they would be without the facet's own filter, most frequent first."""

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // _per_page(self.query)))


def search_books(query: SearchQuery, *, with_facets: bool = False) -> SearchResult:
    """The page of books that `query` asks for, by two statements and one more for each facet it is narrowed by.

    Never fails on strange text. Up to `CAP` hits are ranked: exact titles first, then those with every word in title
    or names, then by weight. Of more hits the newest are, with exact titles. Equals are ordered by year and key, so
    that pages neither repeat nor skip.
    """
    result = _search(query, with_facets)
    if not result.total and query.text and not query.is_typing:
        widened = _search(replace(query, is_typing=True), with_facets)
        if widened.total:
            return replace(widened, query=query, is_widened=True)
    return result


def matching_books(books: QuerySet[Book], text: str) -> QuerySet[Book]:
    """Those of `books` that match `text`, the last word of it a beginning: best matches first, uncounted."""
    words = as_tsquery(text, is_typing=True)
    if not words:
        return books.none()
    rank = SearchRank(F("search_vector"), Cast(Value(words), SearchQueryField()), weights=list(_WEIGHTS))
    return books.filter(Matches(words)).order_by(rank.desc(), "sort_title", "pk")


class Matches(Func):
    """`search_vector @@ 'query'::tsquery`, the query inlined as a constant so that the planner sees how rare it is."""

    template = "%(expressions)s"
    arg_joiner = " @@ "
    output_field = BooleanField()

    def __init__(self, words: str) -> None:
        super().__init__(F("search_vector"), Cast(Value(words), SearchQueryField()))


_WEIGHTS = (0.1, 0.3, 0.8, 1.0)
"""What a word counts in the description; in subtitle, series, subjects, publisher; in names; in the title."""
_COLUMNS = ("id", "language", "material_type", "year", "sort_title", "sort_author", "created_at")
_NEWEST_FIRST = ("-created_at", "-id")
_ORDERS: dict[Sort, tuple[tuple[Any, ...], str]] = {
    Sort.RELEVANCE: (
        _NEWEST_FIRST,
        """(sort_title = ANY(%(titles)s)) DESC, (ts_filter(search_vector, '{a,b}') @@ %(words)s::tsquery) DESC,
           ts_rank(%(weights)s::real[], search_vector, %(words)s::tsquery) DESC,
           (sort_title ^@ ANY(%(titles)s)) DESC, year DESC NULLS LAST, id DESC""",
    ),
    Sort.TITLE: (("sort_title", "id"), "sort_title, id"),
    Sort.AUTHOR: (("sort_author", "sort_title", "id"), "sort_author, sort_title, id"),
    Sort.YEAR: ((F("year").desc(nulls_last=True), "-id"), "year DESC NULLS LAST, id DESC"),
    Sort.NEWEST: (_NEWEST_FIRST, "created_at DESC, id DESC"),
    Sort.POPULAR: (
        _NEWEST_FIRST,
        """(SELECT count(*) FROM catalog_copy copy JOIN circulation_loan loan ON copy_id = copy.id
            WHERE book_id = hits.id) DESC, year DESC NULLS LAST, id DESC""",
    ),
}
"""Which hits are kept when there are more than `CAP`, and the order of those kept."""
_FACETS = {
    Facet.AVAILABLE: """
        SELECT true AS value, '' AS name, count(DISTINCT book_id) AS hits
        FROM hits JOIN catalog_copy copy ON book_id = hits.id
        WHERE status = 'available' AND NOT is_reference_only AND (%(anywhere)s OR branch_id = ANY(%(branches)s))
        HAVING count(*) > 0""",
    Facet.BRANCH: """
        SELECT branch.id AS value, branch.name, count(DISTINCT book_id) AS hits
        FROM hits JOIN catalog_copy copy ON book_id = hits.id JOIN policies_branch branch ON branch.id = branch_id
        WHERE CASE WHEN %(available)s THEN status = 'available' AND NOT is_reference_only
                   ELSE status <> ALL(%(gone)s) END
        GROUP BY branch.id""",
    Facet.LANGUAGE: """
        SELECT language AS value, '' AS name, count(*) AS hits FROM hits WHERE language <> '' GROUP BY language""",
    Facet.GENRE: """
        SELECT genre.id AS value, genre.name, count(*) AS hits
        FROM hits JOIN catalog_book_genres ON book_id = hits.id JOIN catalog_genre genre ON genre.id = genre_id
        GROUP BY genre.id""",
    Facet.MATERIAL: "SELECT material_type AS value, '' AS name, count(*) AS hits FROM hits GROUP BY material_type",
    Facet.DECADE: """
        SELECT floor(year / 10.0)::int * 10 AS value, '' AS name, count(*) AS hits
        FROM hits WHERE year IS NOT NULL GROUP BY 1""",
    Facet.SUBJECT: """
        SELECT subject.id AS value, subject.name, count(*) AS hits
        FROM hits JOIN catalog_book_subjects ON book_id = hits.id
        JOIN catalog_subject subject ON subject.id = subject_id
        GROUP BY subject.id""",
    Facet.AUTHOR: """
        SELECT author.id AS value, author.name, count(DISTINCT book_id) AS hits
        FROM hits JOIN catalog_contribution ON book_id = hits.id JOIN catalog_author author ON author.id = author_id
        GROUP BY author.id""",
}
_COUNTS = """
    ARRAY(SELECT json_build_array(value, name, hits)
          FROM ({facet}) facet ORDER BY hits DESC, name, value LIMIT %(values)s)"""
_UNNARROWED: dict[Facet, dict[str, Any]] = {
    Facet.AVAILABLE: {"is_available": False},
    Facet.BRANCH: {"branches": ()},
    Facet.LANGUAGE: {"languages": ()},
    Facet.GENRE: {"genres": ()},
    Facet.MATERIAL: {"materials": ()},
    Facet.DECADE: {"decades": ()},
    Facet.SUBJECT: {"subjects": ()},
    Facet.AUTHOR: {"authors": ()},
}
"""The fields of `SearchQuery` that narrow by a facet, as they are when they do not."""


def _search(query: SearchQuery, with_facets: bool) -> SearchResult:
    """As `search_books`, without the second try."""
    words = _words(query)
    if words is None:
        return SearchResult(query)
    facets = list(Facet) if with_facets else []
    narrowed = [facet for facet in facets if any(getattr(query, name) for name in _UNNARROWED[facet])]
    try:
        total, book_ids, counts = _run(query, words, [facet for facet in facets if facet not in narrowed])
        for facet in narrowed:
            counts |= _run(replace(query, **_UNNARROWED[facet]), words, [facet])[2]
    except EmptyResultSet:
        return SearchResult(query)
    return SearchResult(
        query,
        book_ids=tuple(book_ids),
        total=min(total, CAP),
        is_capped=total > CAP,
        facets={facet: counts[facet] for facet in facets},
    )


def _words(query: SearchQuery) -> str | None:
    """Everything looked for by words as one tsquery: empty for every book, None when nothing can match."""
    parts = []
    if query.text.strip():
        parts.append(as_tsquery(query.text, is_typing=query.is_typing))
    if query.title.strip():
        parts.append(as_tsquery(query.title, weights="A"))
    if query.author.strip():
        parts.append(as_tsquery(query.author, weights="B"))
    if query.isbn.strip():
        parts.append(as_tsquery(isbn.normalise(query.isbn) or ""))
    return " & ".join(f"({part})" for part in parts) if all(parts) else None


def _run(
    query: SearchQuery, words: str, facets: Sequence[Facet]
) -> tuple[int, list[int], dict[Facet, list[FacetValue]]]:
    """The number of hits (not much more than `CAP`), the keys of the page, counts by facet: one statement."""
    sort = query.sort if words or query.sort != Sort.RELEVANCE else Sort.NEWEST
    kept_first, order = _ORDERS[sort]
    titles = sorted({sort_title(clean(query.text or query.title), language) for language in ("", *ARTICLES)})
    columns = [*_COLUMNS, "search_vector"] if sort == Sort.RELEVANCE else _COLUMNS
    books = _narrowed(query).filter(Matches(words)) if words else _narrowed(query)
    books = books.order_by(*kept_first).values_list(*columns)
    if sort == Sort.RELEVANCE:
        exact = books.filter(sort_title__in=titles).order_by()[:MOST_EXACT]
        hits = exact.union(books.exclude(sort_title__in=titles)[: CAP + 1], all=True)
    else:
        hits = books[: CAP + 1]
    per_page = _per_page(query)
    offset = min((max(query.page, 1) - 1) * per_page, CAP)
    facts = {
        "titles": titles,
        "weights": list(_WEIGHTS),
        "words": words,
        "limit": min(per_page, CAP - offset),
        "offset": offset,
        "anywhere": not query.branches,
        "branches": list(query.branches),
        "available": query.is_available,
        "gone": list(GONE),
        "values": MOST_VALUES,
    }
    page = "ARRAY(SELECT id FROM hits ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s)"
    answers = ["(SELECT count(*) FROM hits)", page.replace("{order}", order)]
    answers += [_COUNTS.replace("{facet}", _FACETS[facet]) for facet in facets]
    with connection.cursor() as cursor:
        kept = cursor.mogrify(*hits.query.sql_with_params())
        wanted = cursor.mogrify("SELECT " + ", ".join(answers), facts)
        cursor.execute(f"WITH hits AS MATERIALIZED ({kept}) {wanted}")
        total, book_ids, *counts = cursor.fetchone()
    return (
        total,
        book_ids,
        {facet: [FacetValue(*value) for value in values] for facet, values in zip(facets, counts, strict=True)},
    )


def _narrowed(query: SearchQuery) -> QuerySet[Book]:
    """The books that pass every filter but the words."""
    books = Book.objects.all()
    if query.year_from is not None:
        books = books.filter(year__gte=_plausible(query.year_from))
    if query.year_to is not None:
        books = books.filter(year__lte=_plausible(query.year_to))
    if query.decades:
        starts = [_plausible(decade) for decade in query.decades]
        books = books.filter(reduce(or_, (Q(year__range=(start, start + 9)) for start in starts)))
    if query.languages:
        books = books.filter(language__in=list(map(clean, query.languages)))
    if query.materials:
        books = books.filter(material_type__in=list(map(clean, query.materials)))
    if query.publishers:
        books = books.filter(publisher__in=query.publishers)
    if query.series:
        books = books.filter(series__in=query.series)
    if query.genres:
        books = books.filter(pk__in=Book.genres.through.objects.filter(genre__in=query.genres).values("book"))
    if query.subjects:
        books = books.filter(pk__in=Book.subjects.through.objects.filter(subject__in=query.subjects).values("book"))
    if query.authors:
        books = books.filter(pk__in=Contribution.objects.filter(author__in=query.authors).values("book"))
    if query.branches or query.is_available:
        copies = Copy.objects.exclude(status__in=GONE)
        if query.is_available:
            copies = copies.filter(status=Copy.Status.AVAILABLE, is_reference_only=False)
        if query.branches:
            copies = copies.filter(branch__in=query.branches)
        books = books.filter(Exists(copies.filter(book=OuterRef("pk"))))
    return books


def _plausible(year: int) -> int:
    """A year that the column can hold: `book_year_is_plausible` and one more on either side."""
    return min(max(year, -3001), 2201)


def _per_page(query: SearchQuery) -> int:
    return min(max(query.per_page, 1), MOST_PER_PAGE)
