"""Finding books: one search for pages, panel and API. How and why: docs/search.md."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any

from django.contrib.postgres.search import SearchQueryField, SearchRank
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Cast

from catalog import isbn, spelling
from catalog.models import Book, Copy
from catalog.query_language import Asked, Field, clean, understand
from catalog.search import BLOCK, MUCH_BORROWED
from catalog.search_text import quoted
from catalog.titles import ARTICLES, sort_title
from catalog.words import other_layout

CAP = 5000
"""Hits that are ranked, counted and paged through; «5 000+» beyond."""
MOST_EXACT = 50
"""Books with exactly the title asked for that come first however many others match."""
SPANS = (2, 4, 4)
"""Of more hits, the newest two blocks of books are looked at first, then four, then four, then all others."""
FEW = CAP // 8
"""A word that the first look, at the much borrowed and the newest, found no oftener has hardly `CAP` books."""
MOST_PER_PAGE = 100
"""Books of one page, at most."""
MOST_DECADES = 3
"""Decades up to which years are looked for in the index of words; of more, PostgreSQL weighs the index of years."""
LITTLE = 5
"""Up to so many hits a better spelling is suggested."""
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
    """Words in any form, "phrases", -excluded words, names, ISBNs, numbers of copies, `author:` and other fields."""
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
    """The page of books that `query` asks for, by one statement, one for each facet it is narrowed by, one for names.

    Never fails on strange text. Up to `CAP` hits are ranked: exact titles first, then those with every word in title
    or names, then by weight, each a little higher if on the shelf or much borrowed. Of more hits those with exactly
    that title, the much borrowed and the newest are looked at first. Equals are ordered by year and key, so that pages
    neither repeat nor skip. When nothing is found, other readings of the text are tried: `corrected`, `is_widened`.
    """
    result = _search(query, with_facets)
    if not query.text.strip():
        return result
    if result.total == 0:
        for other, changes in _other_readings(query):
            found = _search(other, with_facets)
            if found.total:
                return replace(found, query=query, **changes)
    elif result.total <= LITTLE and not query.is_typing:
        return replace(result, suggestion=spelling.better(query.text))
    return result


def matching_books(books: QuerySet[Book], text: str) -> QuerySet[Book]:
    """Those of `books` that match `text` as `search_books` reads it: best first, or newest first if beyond `CAP`."""
    query = SearchQuery(text=text, per_page=1, is_typing=True)
    result = search_books(query)
    asked = understand(result.corrected or text, is_typing=True)
    if not asked:
        return books.none()
    books = books.filter(*_conditions(asked))
    if result.is_capped or not asked.words:
        return books.order_by("-pk")
    rank = SearchRank(F("search_entry__words"), Cast(Value(asked.words), SearchQueryField()), weights=list(_WEIGHTS))
    return books.order_by(rank.desc(), "sort_title", "pk")


class Matches(Func):
    """`words @@ 'query'::tsquery`, the query inlined as a constant so that the planner sees how rare it is."""

    template = "%(expressions)s"
    arg_joiner = " @@ "
    output_field = BooleanField()

    def __init__(self, column: str, words: str) -> None:
        super().__init__(F(column), Cast(Value(words), SearchQueryField()))


_WEIGHTS = (0.1, 0.3, 0.8, 1.0)
"""What a word counts in the description; in subtitle, series, subjects, publisher; in names; in the title."""
_BETTER = "(1 + CASE WHEN on_shelf = '{}' THEN 0 ELSE 0.1::float8 END + least(popularity, 100) / 400::float8)"
"""What being on the shelf and having been borrowed add to the weight: a tenth, and up to a quarter."""
_ORDERS = {
    Sort.TITLE: "sort_title, {id}",
    Sort.AUTHOR: "sort_author, sort_title, {id}",
    Sort.YEAR: "year DESC NULLS LAST, {id} DESC",
    Sort.NEWEST: "created_at DESC, {id} DESC",
    Sort.POPULAR: "popularity DESC, {id} DESC",
}
"""Each has an index of `SearchEntry`."""
_ORDERED_BY = {
    Sort.TITLE: "sort_title",
    Sort.AUTHOR: "sort_author, sort_title",
    Sort.YEAR: "year",
    Sort.NEWEST: "created_at",
    Sort.POPULAR: "popularity",
}
"""The columns of an order."""
_BEST_FIRST = "is_exact DESC, is_core DESC, weight DESC, is_begun DESC, year DESC NULLS LAST, id DESC"
_SCORES = f"""year,
    sort_title = ANY(%(titles)s) AS is_exact,
    words @@ %(core)s::tsquery AS is_core,
    ts_rank(%(weights)s::real[], words, %(words)s::tsquery) * {_BETTER} AS weight,
    sort_title ^@ ANY(%(titles)s) AS is_begun"""
_LETTERS = {Facet.GENRE: "g", Facet.SUBJECT: "s", Facet.AUTHOR: "a"}
"""What `SearchEntry.facet_values` has before the key of a thing."""
_EDITION, _PLACES = "=", "+"
"""What it has before material, decade and language; before the branches with a copy and those with one on the shelf."""
_NAMES = {
    Facet.BRANCH: "policies_branch",
    Facet.GENRE: "catalog_genre",
    Facet.SUBJECT: "catalog_subject",
    Facet.AUTHOR: "catalog_author",
}
"""Tables of the names of values: read for the few that are shown."""
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


def _other_readings(query: SearchQuery) -> Iterator[tuple[SearchQuery, dict[str, Any]]]:
    """What else may have been meant, the likeliest first, and what to tell the reader of it."""
    for other in (other_layout, partial(spelling.corrected, is_sure=True)):
        if text := other(query.text):
            yield replace(query, text=text), {"corrected": text}
    if not query.is_typing:
        yield replace(query, is_typing=True), {"is_widened": True}
        if text := spelling.corrected(query.text, is_sure=False):
            yield replace(query, text=text), {"corrected": text}


def _search(query: SearchQuery, with_facets: bool) -> SearchResult:
    """As `search_books`, for the text as it stands."""
    asked = _asked(query)
    if asked is None:
        return SearchResult(query)
    facets = list(Facet) if with_facets else []
    narrowed = [facet for facet in facets if any(getattr(query, name) for name in _UNNARROWED[facet])]
    total, book_ids, counts = _run(query, asked, [facet for facet in facets if facet not in narrowed])
    for facet in narrowed:
        counts |= _run(replace(query, **_UNNARROWED[facet], per_page=0), asked, [facet])[2]
    counts = _named(counts)
    return SearchResult(
        query,
        book_ids=tuple(book_ids),
        total=min(total, CAP),
        is_capped=total > CAP,
        facets={facet: counts[facet] for facet in facets},
    )


def _asked(query: SearchQuery) -> Asked | None:
    """Everything looked for by words: an empty one for every book, None when nothing can match."""
    parts = []
    for text, where in ((query.text, Field.ANYWHERE), (query.title, Field.TITLE), (query.author, Field.AUTHOR)):
        if text.strip():
            parts.append(understand(text, field=where, is_typing=query.is_typing and where == Field.ANYWHERE))
    if query.isbn.strip():
        value = isbn.normalise(query.isbn)
        parts.append(Asked(words=quoted(value), core=quoted(value)) if value else Asked())
    if not all(parts):
        return None
    return Asked(
        words=" & ".join(f"({part.words})" for part in parts if part.words),
        core=" & ".join(f"({part.core})" for part in parts if part.core),
        years=tuple(years for part in parts for years in part.years),
        excluded_years=tuple(years for part in parts for years in part.excluded_years),
        is_positive=any(part.is_positive for part in parts),
    )


def _run(
    query: SearchQuery, asked: Asked, facets: Sequence[Facet]
) -> tuple[int, list[int], dict[Facet, list[FacetValue]]]:
    """The number of hits (not much more than `CAP`), the keys of the page, counts by facet: one statement.

    A second one when more than `CAP` books are ordered by something else than relevance.
    """
    is_ranked = query.sort == Sort.RELEVANCE and bool(asked.words) and asked.is_positive
    sort = Sort.NEWEST if query.sort == Sort.RELEVANCE else query.sort
    titles = sorted({sort_title(clean(query.text or query.title), language) for language in ("", *ARTICLES)} - {""})
    lexemes = _narrowing(query)
    is_walked = not lexemes and not (asked.words and asked.is_positive)
    decades = [] if is_walked else _decades(query, asked)
    offset = min((max(query.page, 1) - 1) * _per_page(query), CAP)
    facts = {
        "titles": titles,
        "weights": list(_WEIGHTS),
        "words": asked.words,
        "core": asked.core,
        "all": " & ".join(filter(None, [asked.words and f"({asked.words})", *lexemes, *decades])),
        "limit": min(_per_page(query), CAP - offset) if query.per_page else 0,
        "offset": offset,
        "branches": list(query.branches),
        "enough": CAP + 1,
        "most_exact": MOST_EXACT,
        "titled": CAP // 10,
        "few": FEW,
    }
    by_words = ["words @@ %(all)s::tsquery"] if facts["all"] else []
    walked = " AND ".join(by_words + _rows(query, asked, facts))
    where = " AND ".join(by_words + _rows(query, asked, facts, column="year + 0")) if decades else walked
    columns = f"book_id AS id, {_SCORES if is_ranked else _ORDERED_BY[sort]}" + (", facet_values" if facets else "")
    entries = f"SELECT {columns} FROM catalog_searchentry WHERE {where or 'true'}"
    if is_ranked:
        hits = _ranked_hits(columns, where)
    elif is_walked:
        hits = f"WITH hits AS MATERIALIZED ({entries} ORDER BY {_ORDERS[sort].format(id='book_id')} LIMIT %(enough)s)"
    else:
        hits = f"WITH hits AS MATERIALIZED ({entries} LIMIT %(enough)s)"
    order = _BEST_FIRST if is_ranked else _ORDERS[sort].format(id="id")
    answers = [
        "(SELECT count(*) FROM hits)",
        f"ARRAY(SELECT id FROM hits ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s)",
        "(SELECT string_agg(facet_values, ' ') FROM hits)" if facets else "''",
    ]
    total, book_ids, values = _fetched(f"{hits} SELECT {', '.join(answers)}", facts)
    if total > CAP and not is_ranked and not is_walked and facts["limit"]:
        page = f"SELECT book_id FROM catalog_searchentry WHERE {walked} ORDER BY {_ORDERS[sort].format(id='book_id')}"
        (book_ids,) = _fetched(f"SELECT ARRAY({page} LIMIT %(limit)s OFFSET %(offset)s)", facts)
    return total, book_ids, _counted(facets, query, values or "")


def _ranked_hits(columns: str, where: str) -> str:
    """The hits to be ranked: exact titles, then those that are much borrowed, then ever older books, until enough.

    PostgreSQL stops at the limit and never reads all of a very common word; a rarer one, of which the first look found
    few, is read in one go. For exact titles it would, if these were asked for together with the words: so they come by
    the index of titles alone. Adding nothing to a key keeps its index, of half the library, out of the plan.
    """
    entries = f"SELECT {columns} FROM catalog_searchentry WHERE {where}"
    other = f"popularity < {MUCH_BORROWED} AND book_id NOT IN (SELECT id FROM exact)"
    spans = list(pairwise([0, *accumulate(SPANS)]))
    blocks = ["'@n' || " + " || ' | @n' || ".join(f"newest - {back}" for back in range(*span)) for span in spans]
    ever_older = "\nUNION ALL\n".join(
        f"({entries} AND (SELECT is_common FROM reach) AND words @@ (SELECT span{number} FROM blocks) AND {other})"
        for number in range(1, len(spans))
    )
    return f"""WITH blocks AS MATERIALIZED (
            SELECT {", ".join(f"({block})::tsquery AS span{number}" for number, block in enumerate(blocks))},
                   (newest - {SPANS[0] - 1}) * {BLOCK} AS old, (newest - {sum(SPANS) - 1}) * {BLOCK} AS older
            FROM (SELECT max(book_id) / {BLOCK} AS newest FROM catalog_searchentry) last),
        exact AS MATERIALIZED (
            SELECT {columns}
            FROM (SELECT * FROM catalog_searchentry WHERE sort_title = ANY(%(titles)s) LIMIT %(titled)s) titled
            WHERE {where} LIMIT %(most_exact)s),
        first AS MATERIALIZED (
            SELECT * FROM (
                SELECT * FROM exact
                UNION ALL
                ({entries} AND words @@ '@top'::tsquery AND book_id NOT IN (SELECT id FROM exact))
                UNION ALL
                ({entries} AND words @@ (SELECT span0 FROM blocks) AND {other})
            ) found LIMIT %(enough)s),
        reach AS MATERIALIZED (
            SELECT found > %(few)s AS is_common, CASE WHEN found > %(few)s THEN older ELSE old END AS before
            FROM blocks, (SELECT count(*) AS found FROM first) counted),
        hits AS MATERIALIZED (
            SELECT * FROM (
                SELECT * FROM first
                UNION ALL
                {ever_older}
                UNION ALL
                ({entries} AND book_id + 0 < (SELECT before FROM reach) AND {other})
            ) found LIMIT %(enough)s)"""


def _fetched(statement: str, facts: dict[str, Any]) -> Any:
    """The one row of a statement, planned without reading whole tables, which a limit makes look cheap."""
    with connection.cursor() as cursor:
        text = cursor.mogrify(statement, facts)
        cursor.execute(f"SET LOCAL enable_seqscan = off; {text}; SET LOCAL enable_seqscan = on")
        cursor.nextset()
        return cursor.fetchone()


def _narrowing(query: SearchQuery) -> list[str]:
    """The filters that are lexemes of the index, as pieces of a tsquery."""
    chosen: dict[str, Sequence[Any]] = {
        "g": query.genres,
        "s": query.subjects,
        "a": query.authors,
        "p": query.publishers,
        "r": query.series,
        "b": query.branches,
        "d": query.decades,
        "l": [clean(language) for language in query.languages],
        "m": [clean(material) for material in query.materials],
    }
    return [
        f"({' | '.join(quoted(f'@{field}{value}') for value in values)})" for field, values in chosen.items() if values
    ]


def _decades(query: SearchQuery, asked: Asked) -> list[str]:
    """Few years as the decades that the index knows, so that it narrows a common word by them."""
    pieces = []
    for first, last in [(query.year_from, query.year_to), *asked.years]:
        if first is not None and last is not None and first <= last:
            decades = range(first // 10 * 10, last + 1, 10)
            if len(decades) <= MOST_DECADES:
                pieces.append(f"({' | '.join(quoted(f'@d{decade}') for decade in decades)})")
    return pieces


def _rows(query: SearchQuery, asked: Asked, facts: dict[str, Any], column: str = "year") -> list[str]:
    """The filters that are looked up in the entries themselves; by `year + 0` without the index of years."""
    rows = []
    for number, (first, last) in enumerate([(query.year_from, query.year_to), *asked.years]):
        for sign, name, year in ((">=", f"from{number}", first), ("<=", f"to{number}", last)):
            if year is not None:
                facts[name] = _plausible(year)
                rows.append(f"{column} {sign} %({name})s")
    for number, years in enumerate(asked.excluded_years):
        facts[f"not_from{number}"], facts[f"not_to{number}"] = _range(years)
        rows.append(f"COALESCE({column} NOT BETWEEN %(not_from{number})s AND %(not_to{number})s, true)")
    if query.is_available:
        rows.append("on_shelf && %(branches)s::bigint[]" if query.branches else "on_shelf <> '{}'")
    return rows


def _conditions(asked: Asked) -> list[Any]:
    """The same as conditions on books, for lists of the panel."""
    conditions: list[Any] = [Matches("search_entry__words", asked.words)] if asked.words else []
    conditions += [Q(year__range=_range(years)) for years in asked.years]
    conditions += [~Q(year__range=_range(years)) for years in asked.excluded_years]
    return conditions


def _counted(facets: Sequence[Facet], query: SearchQuery, values: str) -> dict[Facet, list[FacetValue]]:
    """The facets over the joined `SearchEntry.facet_values` of the hits: their most frequent values, no names yet.

    Of searches for what is available, branches count where it is on the shelf; of searches in some branches, available
    is what is on the shelf there. What many books share is one word, taken apart once.
    """
    wanted = set(map(str, query.branches))
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for value, hits in Counter(values.split()).items():
        counts[value[0]][value] = hits
    editions: list[Counter[str]] = [Counter(), Counter(), Counter()]
    for value, hits in counts[_EDITION].items():
        for counter, part in zip(editions, value[1:].split("/", 2), strict=True):
            counter[part] += hits
    on_shelf = 0
    branches: Counter[str] = Counter()
    for value, hits in counts[_PLACES].items():
        places = _places(value)
        for branch in places[query.is_available]:
            branches[branch] += hits
        if places[1] != [""] and (not wanted or not wanted.isdisjoint(places[1])):
            on_shelf += hits
    by_facet: dict[Facet, Mapping[str, int]] = {facet: counts[letter] for facet, letter in _LETTERS.items()}
    by_facet |= zip((Facet.MATERIAL, Facet.DECADE, Facet.LANGUAGE, Facet.BRANCH), (*editions, branches), strict=True)
    found: dict[Facet, list[FacetValue]] = {
        facet: _most(facet, by_facet[facet]) for facet in facets if facet != Facet.AVAILABLE
    }
    if Facet.AVAILABLE in facets:
        found[Facet.AVAILABLE] = [FacetValue(True, "", on_shelf)] if on_shelf else []
    return found


@lru_cache(maxsize=20_000)
def _places(value: str) -> list[list[str]]:
    """The branches that have a copy, and those where it is on the shelf. Few words, the same in every search."""
    return [part.split(",") for part in value[1:].split("/")]


def _most(facet: Facet, counts: Mapping[str, int]) -> list[FacetValue]:
    """The most frequent of a facet's values, of equals those with the least key."""
    least = sorted(counts.values(), reverse=True)[: MOST_VALUES + 1][-1:]  # one may be that of books without a value
    known = [(key.removeprefix(_LETTERS.get(facet, "")), hits) for key, hits in counts.items() if hits >= least[0]]
    known = sorted(filter(itemgetter(0), known), key=lambda value: (-value[1], len(value[0]), value[0]))
    kind = int if facet in _NAMES or facet == Facet.DECADE else str
    return [FacetValue(kind(key), "", hits) for key, hits in known[:MOST_VALUES]]


def _named(found: dict[Facet, list[FacetValue]]) -> dict[Facet, list[FacetValue]]:
    """The same with the names of things, equals ordered by them; what was deleted this moment is left out."""
    keys = {facet: [value.value for value in found[facet]] for facet in _NAMES if found.get(facet)}
    if not keys:
        return found
    tables = " UNION ALL ".join(
        f"SELECT '{facet}' AS facet, id, name FROM {_NAMES[facet]} WHERE id = ANY(%({facet})s::bigint[])"
        for facet in keys
    )
    names: dict[Facet, dict[int, str]] = {facet: {} for facet in keys}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({tables}) things ORDER BY name, id", {str(facet): keys[facet] for facet in keys}
        )
        for facet, key, name in cursor.fetchall():
            names[Facet(facet)][key] = name
    for facet, known in names.items():
        hits = {value.value: value.count for value in found[facet]}
        named = [FacetValue(key, name, hits[key]) for key, name in known.items()]
        found[facet] = sorted(named, key=lambda value: -value.count)
    return found


def _range(years: tuple[int | None, int | None]) -> tuple[int, int]:
    """The range with its open ends closed far away."""
    first, last = years
    return _plausible(-9999 if first is None else first), _plausible(9999 if last is None else last)


def _plausible(year: int) -> int:
    """A year that the column can hold: `book_year_is_plausible` and one more on either side."""
    return min(max(year, -3001), 2201)


def _per_page(query: SearchQuery) -> int:
    return min(max(query.per_page, 1), MOST_PER_PAGE)
