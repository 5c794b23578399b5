"""The search index: what goes into the `SearchEntry` of a book, and keeping it true (docs/search.md)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection, transaction

from catalog.models import Contribution, SearchEntry
from catalog.rows import array, escaped, send_lines
from catalog.search_text import as_code, codes_of_book, is_correctable, quoted, said
from catalog.words import spelling_keys

CHUNK = 1000
"""Books indexed by one statement."""
MAIN_ROLES = (Contribution.Role.AUTHOR, Contribution.Role.COMPOSER)
"""The roles that a book is filed under, and whose names are found in every order and by initials."""
MUCH_BORROWED = 10
"""Loans in a year from which on a book is among those that a search for very common words looks at first."""
BLOCK = 1 << 16
"""Books of neighbouring keys that share a lexeme: the newest of a very common word are found without reading it all."""
LONGEST_SORT_AUTHOR = 300

_MOST_REMEMBERED = 200_000
_remembered: set[str] = set()
"""Words that are in the table for certain: committed by this process or found there."""

_LOCK = """
SELECT id FROM catalog_book WHERE id = ANY(%(ids)s::bigint[] || ARRAY(
    SELECT volume.id FROM unnest(%(ids)s::bigint[]) AS wanted (id),
        LATERAL (SELECT id FROM catalog_book WHERE parent_id = wanted.id OFFSET 0) volume))
ORDER BY id FOR NO KEY UPDATE
"""
"""Books and their volumes, looked up one by one: asked for either by OR, PostgreSQL read the whole catalogue."""
_GATHER = """
SELECT FROM catalog_searchentry WHERE book_id = ANY(%(ids)s) ORDER BY book_id FOR NO KEY UPDATE;

SELECT id, title, concat_ws(' ', other_titles, volume, (SELECT title FROM catalog_book WHERE id = book.parent_id)),
       sort_title, subtitle, description, year, call_number, language, material_type, created_at,
       publisher_id, COALESCE((SELECT folded_name FROM catalog_publisher WHERE id = publisher_id), ''),
       series_id, COALESCE((SELECT folded_name FROM catalog_series WHERE id = series_id), ''),
       COALESCE((SELECT popularity FROM catalog_searchentry WHERE book_id = book.id), 0)
FROM catalog_book book WHERE id = ANY(%(ids)s);

SELECT book_id, CASE WHEN role = ANY(%(main)s) THEN 'a' ELSE 'o' END, author_id,
       (SELECT folded_name FROM catalog_author WHERE id = author_id), position AS place, id AS entered
FROM catalog_contribution WHERE book_id = ANY(%(ids)s)
UNION ALL
SELECT book_id, 'v', variant.author_id, folded_name, 0, variant.id
FROM catalog_contribution part JOIN catalog_authorname variant ON variant.author_id = part.author_id
WHERE book_id = ANY(%(ids)s)
UNION ALL
SELECT book_id, 's', subject_id, (SELECT folded_name FROM catalog_subject WHERE id = subject_id), 0, id
FROM catalog_book_subjects WHERE book_id = ANY(%(ids)s)
UNION ALL
SELECT book_id, 'g', genre_id, (SELECT folded_name FROM catalog_genre WHERE id = genre_id), 0, id
FROM catalog_book_genres WHERE book_id = ANY(%(ids)s)
UNION ALL
SELECT book_id, 'i', 0, value, 0, id FROM catalog_isbn WHERE book_id = ANY(%(ids)s)
ORDER BY place, entered;

SELECT book_id, inventory_number, barcode, branch_id, status NOT IN ('lost', 'withdrawn'),
       status = 'available' AND NOT is_reference_only
FROM catalog_copy WHERE book_id = ANY(%(ids)s)
"""
"""Three sets, each with the rows of all books. Names are looked up one by one, by their keys: of a thousand books that
takes hardly longer than joins, of one book planning the joins took longer than all the rest.

The entries are locked first: what the trigger on copies writes there, it writes before we read the copies or after us.
"""
_WRITE = """
INSERT INTO catalog_searchentry AS entry (
    book_id, words, sort_title, sort_author, language, material_type, year, created_at, genres, subjects, authors,
    branches, on_shelf, popularity)
SELECT book_id, words::tsvector, sort_title, sort_author, language, material_type, year, created_at, genres, subjects,
       authors, branches, on_shelf, 0
FROM json_to_recordset(%s) AS fresh (
    book_id bigint, words text, sort_title text, sort_author text, language text, material_type text, year smallint,
    created_at timestamptz, genres bigint[], subjects bigint[], authors bigint[], branches bigint[], on_shelf bigint[])
ON CONFLICT (book_id) DO UPDATE SET
    words = excluded.words, sort_title = excluded.sort_title, sort_author = excluded.sort_author,
    language = excluded.language, material_type = excluded.material_type, year = excluded.year,
    created_at = excluded.created_at, genres = excluded.genres, subjects = excluded.subjects,
    authors = excluded.authors, branches = excluded.branches, on_shelf = excluded.on_shelf
WHERE (entry.words, entry.sort_title, entry.sort_author, entry.created_at, entry.on_shelf)
   IS DISTINCT FROM
      (excluded.words, excluded.sort_title, excluded.sort_author, excluded.created_at, excluded.on_shelf)
"""
"""What the other columns hold is in `words` too: they differ only where it does."""
_REMEMBER = """
INSERT INTO catalog_searchword (word, keys)
SELECT word, keys FROM json_to_recordset(%s) AS fresh (word varchar, keys varchar[])
WHERE NOT EXISTS (SELECT FROM catalog_searchword known WHERE known.word = fresh.word)
"""


class Held(NamedTuple):
    """A copy as the search counts it."""

    codes: str
    """`codes_of_numbers` of it."""
    branch_id: int
    is_owned: bool
    """Neither lost nor withdrawn."""
    is_on_shelf: bool
    """A reader can take it home."""


class Fresh(NamedTuple):
    """A book that is new and its words, for `enter`."""

    book_id: int
    lexemes: str
    """`Said.lexemes` in the text format of COPY."""
    filed: str
    """What `filed` gave."""
    created_at: datetime
    publisher_id: int | None
    series_id: int | None
    genres: Sequence[int]
    subjects: Sequence[int]
    authors: Sequence[int]
    copies: Sequence[Held]


def index_books(book_ids: Iterable[int]) -> None:
    """Bring the search entries of these books up to date, a thousand per statement. Nothing else is to be called.

    Call it in the transaction that changed a book or anything it is found by: contributions, names, subjects, genres,
    ISBNs, numbers of copies. Volumes are found by the title of their set and come along. Locks the books; entries that
    are right already are not written.
    """
    wanted = sorted(set(book_ids))
    ids = iter(wanted)
    while chunk := list(islice(ids, CHUNK)):
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            cursor.execute(_LOCK, {"ids": chunk})
            if locked := [pk for (pk,) in cursor.fetchall()]:
                _index(cursor, locked)
    if len(wanted) >= CHUNK:
        tidy_index()


def tidy_index() -> None:
    """Put what was added lately in its place in the index: no search is to look through a long list."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('books_full_text')")


def enter(books: Iterable[Fresh]) -> None:
    """Write the entries of books that this transaction made, without reading anything: what `index_books` would."""
    send_lines(
        SearchEntry,
        (
            *("book_id", "words", "sort_title", "sort_author", "language", "material_type", "year", "created_at"),
            *("genres", "subjects", "authors", "branches", "on_shelf", "popularity"),
        ),
        map(_line, books),
    )


def remember(words: Mapping[str, Sequence[str]]) -> None:
    """Enter the words that are new with their `spelling_keys`, for corrections."""
    fresh = sorted(words.keys() - _remembered)
    if not fresh:
        return
    rows = [{"word": word, "keys": words[word]} for word in fresh]
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, [json.dumps(rows, ensure_ascii=False)])
    transaction.on_commit(lambda: _keep(fresh))


def _keep(words: Iterable[str]) -> None:
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.clear()
    _remembered.update(words)


# --- One entry -----------------------------------------------------------------------------------------------------
def _index(cursor: Any, ids: list[int]) -> None:
    """Write the entries of these locked books."""
    cursor.execute(_GATHER, {"ids": ids, "main": list(MAIN_ROLES)})
    cursor.nextset()
    books = cursor.fetchall()
    cursor.nextset()
    parts: defaultdict[int, dict[str, list[tuple[int, str]]]] = defaultdict(lambda: {kind: [] for kind in "aovsgi"})
    for book_id, kind, key, name, _place, _entered in cursor.fetchall():
        parts[book_id][kind].append((key, name))
    cursor.nextset()
    copies: defaultdict[int, list[Held]] = defaultdict(list)
    for book_id, *held in cursor.fetchall():
        inventory_number, barcode, *rest = held
        copies[book_id].append(Held(codes_of_numbers(inventory_number, barcode), *rest))
    words: set[str] = set()
    rows = [_row(book, parts[book[0]], copies[book[0]], words) for book in books]
    cursor.execute(_WRITE, [json.dumps(rows, ensure_ascii=False)])
    remember({word: spelling_keys(word) for word in words - _remembered if is_correctable(word)})


def _row(
    book: Sequence[Any], parts: dict[str, list[tuple[int, str]]], copies: Sequence[Held], words: set[str]
) -> dict[str, Any]:
    """The entry of a book as gathered; the words that might be mistyped are added to `words`."""
    (book_id, title, other_titles, sort_title, subtitle, description, year, call_number, language, material_type) = (
        book[:10]
    )
    created_at, publisher_id, publisher, series_id, series, popularity = book[10:]
    names = {kind: [name for _, name in listed] for kind, listed in parts.items()}
    keys = {kind: list(dict.fromkeys(key for key, _ in listed)) for kind, listed in parts.items()}
    codes = codes_of_book(
        isbns=names["i"], call_number=call_number, year=year, language=language, material_type=material_type
    )
    if popularity >= MUCH_BORROWED:
        codes.add("@top")
    text = said(
        title=title,
        other_titles=other_titles,
        subtitle=subtitle,
        description=description,
        main_names=names["a"],
        other_names=names["o"],
        variants=names["v"],
        publisher=publisher,
        series=series,
        subjects=names["s"],
        genres=names["g"],
        codes=codes,
    )
    words.update(text.words)
    authors = list(dict.fromkeys([*keys["a"], *keys["o"]]))
    branches, on_shelf = _places(copies)
    added = _codes_of_keys(book_id, publisher_id, series_id, keys["g"], keys["s"], authors, branches, copies)
    return {
        "book_id": book_id,
        "words": f"{text.lexemes} {added}",
        "sort_title": sort_title,
        "sort_author": (names["a"][0] if names["a"] else sort_title)[:LONGEST_SORT_AUTHOR],
        "language": language,
        "material_type": material_type,
        "year": year,
        "created_at": created_at.isoformat(),
        "genres": keys["g"],
        "subjects": keys["s"],
        "authors": authors,
        "branches": branches,
        "on_shelf": on_shelf,
    }


def filed(*, sort_title: str, sort_author: str, language: str, material_type: str, year: int | None) -> str:
    """What the entry of a book is sorted and narrowed by and needs no key, in the text format of COPY."""
    coded = "\\N" if year is None else year
    return f"{sort_title}\t{escaped(sort_author)}\t{escaped(language)}\t{material_type}\t{coded}"


def _line(book: Fresh) -> str:
    """The entry of a new book as a line of COPY."""
    branches, on_shelf = _places(book.copies)
    added = _codes_of_keys(
        book.book_id, book.publisher_id, book.series_id, book.genres, book.subjects, book.authors, branches, book.copies
    )
    return (
        f"{book.book_id}\t{book.lexemes} {escaped(added)}\t{book.filed}\t"
        f"{book.created_at}\t{array(book.genres)}\t{array(book.subjects)}\t{array(book.authors)}\t{array(branches)}\t"
        f"{array(on_shelf)}\t0\n"
    )


def _places(copies: Sequence[Held]) -> tuple[list[int], list[int]]:
    """Branches that have a copy, and those where it is on the shelf, in order."""
    if not copies:
        return [], []
    return (
        sorted({copy.branch_id for copy in copies if copy.is_owned}),
        sorted({copy.branch_id for copy in copies if copy.is_on_shelf}),
    )


def _codes_of_keys(
    book_id: int,
    publisher_id: int | None,
    series_id: int | None,
    genres: Iterable[int],
    subjects: Iterable[int],
    authors: Iterable[int],
    branches: Iterable[int],
    copies: Iterable[Held],
) -> str:
    """What a book is narrowed by and the numbers of its copies, in the notation of tsvector."""
    codes = [f"'@n{book_id // BLOCK}'"]
    if publisher_id:
        codes.append(f"'@p{publisher_id}'")
    if series_id:
        codes.append(f"'@r{series_id}'")
    codes += [f"'@g{key}'" for key in genres]
    codes += [f"'@s{key}'" for key in subjects]
    codes += [f"'@a{key}'" for key in authors]
    codes += [f"'@b{key}'" for key in branches]
    codes += [copy.codes for copy in copies]
    return " ".join(codes)


def codes_of_numbers(inventory_number: str, barcode: str) -> str:
    """The numbers of a copy in the notation of tsvector."""
    return " ".join([quoted(code) for code in {as_code(inventory_number), as_code(barcode)} if code])
