"""The full-text index of books: what goes into `Book.search_vector`, and keeping it true (docs/search.md)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from django.db import connection, transaction

from catalog import isbn
from catalog.models import Book, Contribution
from library.core.text import fold

CHUNK = 1000
"""Books indexed by one statement."""
LONGEST_TEXT = 20_000
"""Characters of a description that are indexed: a tsvector holds 1 MB."""
MAIN_ROLES = (Contribution.Role.AUTHOR, Contribution.Role.COMPOSER)
"""The roles that a book is filed under, and whose names are found in every order and by initials."""
LONGEST_QUERY = 300
"""Characters of a query that count."""
LONGEST_WORD = 60
"""Characters of a word or number that count."""
MOST_TERMS = 16
"""Words and phrases of a query that count."""
SHORTEST_PREFIX = 3
"""Letters from which on the beginning of a word is looked for."""

_QUOTES = re.compile("[«»“”„]")
_TERMS = re.compile(r'(?<!\S)(-?)"([^"]*)"?|([^\s"]+)')

_GATHER = """
SELECT book.id, book.title,
       concat_ws(' ', book.other_titles, book.volume, (SELECT title FROM catalog_book WHERE id = book.parent_id)),
       book.sort_title, book.subtitle, book.description, book.year,
       book.call_number, COALESCE(publisher.folded_name, ''), COALESCE(series.folded_name, ''),
       ARRAY(SELECT folded_name FROM catalog_contribution part JOIN catalog_author author ON author.id = author_id
             WHERE book_id = book.id AND role = ANY(%(main)s) ORDER BY position, part.id),
       ARRAY(SELECT folded_name FROM catalog_contribution part JOIN catalog_author author ON author.id = author_id
             WHERE book_id = book.id AND role <> ALL(%(main)s) ORDER BY position, part.id)
       || ARRAY(SELECT variant.folded_name FROM catalog_contribution part
                JOIN catalog_authorname variant ON variant.author_id = part.author_id
                WHERE book_id = book.id ORDER BY variant.id),
       ARRAY(SELECT folded_name FROM catalog_book_subjects JOIN catalog_subject thing ON thing.id = subject_id
             WHERE book_id = book.id
             UNION ALL
             SELECT folded_name FROM catalog_book_genres JOIN catalog_genre thing ON thing.id = genre_id
             WHERE book_id = book.id),
       ARRAY(SELECT value FROM catalog_isbn WHERE book_id = book.id),
       ARRAY(SELECT code FROM catalog_copy, unnest(ARRAY[inventory_number, barcode]) code WHERE book_id = book.id)
FROM catalog_book book
LEFT JOIN catalog_publisher publisher ON publisher.id = publisher_id
LEFT JOIN catalog_series series ON series.id = series_id
WHERE book.id = ANY(%(ids)s)
"""

_WRITE = """
UPDATE catalog_book book SET search_vector = fresh.vector, sort_author = fresh.sort_author
FROM (
    SELECT id, sort_author,
           setweight(to_tsvector('russian', title) || to_tsvector('simple', title), 'A')
           || setweight(to_tsvector('russian', names) || to_tsvector('simple', names), 'B')
           || setweight(to_tsvector('russian', about), 'C')
           || to_tsvector('russian', description)
           || array_to_tsvector(string_to_array(codes, ' ')) AS vector
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
         AS text(id, sort_author, title, names, about, description, codes)
) fresh
WHERE book.id = fresh.id AND (book.search_vector, book.sort_author) IS DISTINCT FROM (fresh.vector, fresh.sort_author)
"""


def index_books(book_ids: Iterable[int]) -> None:
    """Bring `search_vector` and `sort_author` of these books up to date, a thousand per statement.

    Call it in the transaction that changed a book or anything it is found by: contributions, names, subjects, genres,
    ISBNs, numbers of copies. Volumes are found by the title of their set and come along. Locks the books; rows whose
    index is already right are not written.
    """
    wanted = set(book_ids)
    wanted.update(Book.objects.filter(parent__in=wanted).values_list("pk", flat=True) if wanted else ())
    ids = iter(sorted(wanted))
    while chunk := list(islice(ids, CHUNK)):
        with transaction.atomic(), connection.cursor() as cursor:
            list(Book.objects.locked().filter(pk__in=chunk).values_list("pk"))
            cursor.execute(_GATHER, {"main": list(MAIN_ROLES), "ids": chunk})
            if rows := [_indexed_row(*row) for row in cursor.fetchall()]:
                cursor.execute(_WRITE, [list(column) for column in zip(*rows, strict=True)])


def as_code(text: str) -> str:
    """A number or barcode as one token: lower case, no spaces. «ИНВ 00 123» -> «инв00123»."""
    return re.sub(r"\s+", "", text).casefold()


def _indexed_row(
    book_id: int,
    title: str,
    other_titles: str,
    sort_title: str,
    subtitle: str,
    description: str,
    year: int | None,
    call_number: str,
    publisher: str,
    series: str,
    main_names: list[str],
    other_names: list[str],
    topics: list[str],
    isbns: list[str],
    numbers: list[str],
) -> tuple[int | str, ...]:
    """One book's texts by weight, folded, in the order of `_WRITE`."""
    codes = {*isbns, *map(as_code, [call_number, *numbers]), "" if year is None else str(year)}
    return (
        book_id,
        (main_names[0] if main_names else sort_title)[:300],
        f"{fold(title)} {fold(other_titles)}",
        " ".join([_name_forms(main_names), *other_names]),
        " ".join([fold(subtitle), series, *topics, publisher]),
        fold(description[:LONGEST_TEXT]),
        " ".join(sorted(codes - {""})),
    )


def _name_forms(folded_names: list[str]) -> str:
    """Names in the orders people type them, with initials: «Толстой, Лев Николаевич» also as «Лев Толстой», «Л. Н.»."""
    forms = []
    for words in map(str.split, folded_names):
        forms += [*words, *words[:1], *words[1:2], *words[:1], *(word[0] for word in words)]
    return " ".join(forms)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked for: a word with its parts, or a quoted phrase; perhaps to be left out."""

    words: tuple[str, ...]
    """Folded words: «научно-популярный» is two, a phrase any number."""
    code: str = ""
    """The same as an ISBN, inventory number or barcode would be indexed; empty when it can be none of them."""
    is_phrase: bool = False
    is_excluded: bool = False


def parse(text: str) -> tuple[Term, ...]:
    """What was typed as terms: `"война и мир" толстой -кино` is a phrase, a word and an excluded word.

    Never fails: what has no letter or digit is dropped, an open quote ends at the end of the text, only the first
    `MOST_TERMS` terms of `LONGEST_QUERY` characters count.
    """
    terms = []
    for minus, phrase, word in _TERMS.findall(_QUOTES.sub('"', clean(text))):
        if word:
            plain, words = word.lstrip("-"), _words(word)
            code = as_number(plain)
            terms.append(Term(words, code="" if words == (code,) else code, is_excluded=plain != word))
        else:
            terms.append(Term(_words(phrase), is_phrase=True, is_excluded=bool(minus)))
    return tuple(term for term in terms if term.words)[:MOST_TERMS]


def clean(text: str) -> str:
    """The text without characters that PostgreSQL does not hold (NUL, lone surrogates), cut at `LONGEST_QUERY`."""
    return text[:LONGEST_QUERY].replace("\0", " ").encode("utf-8", "ignore").decode()


def as_tsquery(text: str, *, weights: str = "", is_typing: bool = False) -> str:
    """The text as a tsquery to cast and inline: every term in any form; empty when there is nothing to look for.

    `weights` limits where terms are found: «A» titles, «B» names. While the reader `is_typing`, the last word is a
    beginning. Stop words count only when there is nothing else: «Что делать» is found all the same.
    """
    terms = parse(text)
    stems = _stems({word for term in terms for word in term.words})
    ignored = {word for word, stemmed in stems.items() if not stemmed}
    if ignored.issuperset(word for term in terms if not term.is_excluded for word in term.words):
        ignored = set()
    wanted: list[str] = []
    excluded: list[str] = []
    for term in terms:
        if term.is_phrase:
            piece = _phrase(term, stems, weights)
        else:
            is_prefix = is_typing and term is terms[-1] and not term.is_excluded
            piece = _word(term, stems, ignored, weights, is_prefix)
        if piece:
            (excluded if term.is_excluded else wanted).append(piece)
    query = " & ".join(wanted)
    if len(wanted) > 1 and not weights and (code := as_number(text)):
        query = f"({query} | {_lexeme(code)})"
    return " & ".join([*filter(None, [query]), *(f"!{piece}" for piece in excluded)])


def as_number(text: str) -> str:
    """An ISBN of 10 or 13 digits as 13 digits, anything else with a digit as `as_code`, the rest empty."""
    if not re.search(r"[^\W\dXxХх]", text) and (value := isbn.normalise(text)):
        return value
    code = as_code(text)
    return code if re.search(r"\d", code) and len(code) <= LONGEST_WORD else ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(word[:LONGEST_WORD] for word in fold(text).split())


def _stems(words: set[str]) -> dict[str, list[str]]:
    """Each word with what the 'russian' configuration makes of it: nothing of a stop word."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, tsvector_to_array(to_tsvector('russian', word)) FROM unnest(%s::text[]) word", [list(words)]
        )
        return dict(cursor.fetchall())


def _word(term: Term, stems: Mapping[str, list[str]], ignored: set[str], weights: str, is_prefix: bool) -> str:
    """A word as a piece of a tsquery: each part as typed or stemmed, or the whole as a number; empty if ignored."""
    parts = []
    for word in term.words:
        if word not in ignored:
            mark = "*" if is_prefix and word == term.words[-1] and len(word) >= SHORTEST_PREFIX else ""
            forms = dict.fromkeys([_lexeme(word, mark + weights), *(_lexeme(stem, weights) for stem in stems[word])])
            parts.append(f"({' | '.join(forms)})")
    pieces = [" & ".join(parts), *([_lexeme(term.code)] if term.code and not weights else [])]
    return f"({' | '.join(filter(None, pieces))})" if any(pieces) else ""


def _phrase(term: Term, stems: Mapping[str, list[str]], weights: str) -> str:
    """A phrase as a piece of a tsquery: the words as typed, or their stems at the same distances."""
    typed = " <-> ".join(_lexeme(word, weights) for word in term.words)
    stemmed, distance = "", 0
    for word in term.words:
        distance += 1
        if stems[word]:
            stemmed += (f" <{distance}> " if stemmed else "") + _lexeme(stems[word][0], weights)
            distance = 0
    return f"({typed} | {stemmed})" if stemmed else f"({typed})"


def _lexeme(text: str, marks: str = "") -> str:
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}':{marks}" if marks else f"'{quoted}'"
