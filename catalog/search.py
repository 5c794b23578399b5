"""The search index: what goes into the `SearchEntry` of a book, and keeping it true (docs/search.md)."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice

from django.db import connection, transaction

from catalog.models import Book, Contribution
from catalog.words import sound, spelling_keys, stem
from library.core.text import fold

CHUNK = 1000
"""Books indexed by one statement."""
LONGEST_TEXT = 20_000
"""Characters of a description that are indexed: a tsvector holds 1 MB."""
LONGEST_WORD = 60
"""Characters of a word or number that count."""
MAIN_ROLES = (Contribution.Role.AUTHOR, Contribution.Role.COMPOSER)
"""The roles that a book is filed under, and whose names are found in every order and by initials."""
SHORTEST_CORRECTED = 3
"""Letters from which on a word is remembered for corrections."""
MUCH_BORROWED = 10
"""Loans in a year from which on a book is among those that a search for very common words looks at first."""

_GAP = 20
"""Empty positions between parts of a book: no phrase goes from the title on into the names."""
_MOST_REMEMBERED = 200_000
_remembered: set[str] = set()
"""Words that are in the table for certain: committed by this process or found there."""

_GATHER = """
SELECT book.id, book.title,
       concat_ws(' ', book.other_titles, book.volume, (SELECT title FROM catalog_book WHERE id = book.parent_id)),
       book.sort_title, book.subtitle, book.description, book.year,
       book.call_number, book.language, book.material_type,
       COALESCE((SELECT id || ' ' || folded_name FROM catalog_publisher WHERE id = publisher_id), ''),
       COALESCE((SELECT id || ' ' || folded_name FROM catalog_series WHERE id = series_id), ''),
       ARRAY(SELECT author.id || ' ' || folded_name
             FROM catalog_contribution part JOIN catalog_author author ON author.id = author_id
             WHERE book_id = book.id AND role = ANY(%(main)s) ORDER BY position, part.id),
       ARRAY(SELECT author.id || ' ' || folded_name
             FROM catalog_contribution part JOIN catalog_author author ON author.id = author_id
             WHERE book_id = book.id AND role <> ALL(%(main)s) ORDER BY position, part.id),
       ARRAY(SELECT variant.folded_name
             FROM catalog_contribution part JOIN catalog_authorname variant ON variant.author_id = part.author_id
             WHERE book_id = book.id ORDER BY variant.id),
       ARRAY(SELECT thing.id || ' ' || folded_name
             FROM catalog_book_subjects JOIN catalog_subject thing ON thing.id = subject_id WHERE book_id = book.id),
       ARRAY(SELECT thing.id || ' ' || folded_name
             FROM catalog_book_genres JOIN catalog_genre thing ON thing.id = genre_id WHERE book_id = book.id),
       ARRAY(SELECT value FROM catalog_isbn WHERE book_id = book.id),
       ARRAY(SELECT ARRAY[inventory_number, barcode] FROM catalog_copy WHERE book_id = book.id),
       ARRAY(SELECT DISTINCT branch_id::text FROM catalog_copy
             WHERE book_id = book.id AND status NOT IN ('lost', 'withdrawn')),
       COALESCE((SELECT popularity FROM catalog_searchentry entry WHERE entry.book_id = book.id), 0)
FROM catalog_book book
WHERE book.id = ANY(%(ids)s)
"""

_WRITE = """
INSERT INTO catalog_searchentry AS entry (
    book_id, words, sort_title, sort_author, language, material_type, year, created_at, genres, subjects, authors,
    branches, on_shelf, popularity)
SELECT book.id, words::tsvector, book.sort_title, fresh.sort_author, book.language, book.material_type, book.year,
       book.created_at, genres::bigint[], subjects::bigint[], authors::bigint[],
       ARRAY(SELECT DISTINCT branch_id FROM catalog_copy
             WHERE book_id = book.id AND status NOT IN ('lost', 'withdrawn') ORDER BY 1),
       ARRAY(SELECT DISTINCT branch_id FROM catalog_copy
             WHERE book_id = book.id AND status = 'available' AND NOT is_reference_only ORDER BY 1),
       0
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
     AS fresh(id, words, sort_author, genres, subjects, authors)
JOIN catalog_book book ON book.id = fresh.id
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


def index_books(book_ids: Iterable[int]) -> None:
    """Bring the search entries of these books up to date, a thousand per statement. Nothing else is to be called.

    Call it in the transaction that changed a book or anything it is found by: contributions, names, subjects, genres,
    ISBNs, numbers of copies. Volumes are found by the title of their set and come along. Locks the books; entries that
    are right already are not written.
    """
    wanted = set(book_ids)
    wanted.update(Book.objects.filter(parent__in=wanted).values_list("pk", flat=True) if wanted else ())
    ids = iter(sorted(wanted))
    while chunk := list(islice(ids, CHUNK)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT FROM catalog_book WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [chunk])
            cursor.execute(_GATHER, {"main": list(MAIN_ROLES), "ids": chunk})
            used: set[str] = set()
            if rows := [_entry(used, *row) for row in cursor.fetchall()]:
                cursor.execute(_WRITE, [list(column) for column in zip(*rows, strict=True)])
                _remember(used)
    if len(wanted) >= CHUNK:
        with connection.cursor() as cursor:
            cursor.execute("SELECT gin_clean_pending_list('books_full_text')")


def as_code(text: str) -> str:
    """A number or barcode as one token: lower case, no spaces. «ИНВ 00 123» -> «инв00123»."""
    return re.sub(r"\s+", "", text).casefold()[:LONGEST_WORD]


def quoted(text: str) -> str:
    """Any text as a lexeme in the notation of tsvector and tsquery."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _entry(
    used: set[str],
    book_id: int,
    title: str,
    other_titles: str,
    sort_title: str,
    subtitle: str,
    description: str,
    year: int | None,
    call_number: str,
    language: str,
    material_type: str,
    publisher: str,
    series: str,
    main_names: list[str],
    other_names: list[str],
    variants: list[str],
    subjects: list[str],
    genres: list[str],
    isbns: list[str],
    numbers: list[list[str]],
    branches: list[str],
    popularity: int,
) -> tuple[int | str, ...]:
    """One book in the order of `_WRITE`; the words that might be mistyped are added to `used`.

    Things come as «key folded name», variants of names alone.
    """
    words = _Words(used)
    words.add(fold(title), "A", _in_titles)
    words.add(fold(other_titles), "A", _in_titles)
    authors = [name.partition(" ")[::2] for name in (*main_names, *other_names)]
    for _, name in authors[: len(main_names)]:
        words.add(_name_forms(name), "B", _in_names)
    for _, name in authors[len(main_names) :]:
        words.add(name, "B", _in_names)
    for name in variants:
        words.add(name, "B", _in_names)
    words.add(fold(subtitle), "C", _in_topics)
    things = {"p": [publisher] if publisher else [], "r": [series] if series else [], "s": subjects, "g": genres}
    keys = {"a": [key for key, _ in authors], "b": branches}
    for field, named in things.items():
        parts = [name.partition(" ")[::2] for name in named]
        keys[field] = [key for key, _ in parts]
        for _, name in parts:
            words.add(name, "C", _FIELDS[field])
    if description:
        words.describe(fold(description[:LONGEST_TEXT]))
    codes = {*isbns, as_code(call_number), *(as_code(number) for pair in numbers for number in pair)}
    if year is not None:
        codes |= {str(year), f"@d{year // 10 * 10}"}
    codes |= {f"@{field}{key}" for field, listed in keys.items() for key in listed}
    codes |= {f"@l{language}" if language else "", f"@m{material_type}", "@top" if popularity >= MUCH_BORROWED else ""}
    words.parts += map(quoted, codes - {""})
    return (
        book_id,
        " ".join(words.parts),
        (authors[0][1] if main_names else sort_title)[:300],
        *("{" + ",".join(keys[field]) + "}" for field in "gs"),
        "{" + ",".join(dict.fromkeys(keys["a"])) + "}",
    )


class _Words:
    """A tsvector in the making."""

    def __init__(self, used: set[str]) -> None:
        self.parts: list[str] = []
        self.used = used
        self.position = 0

    def add(self, text: str, weight: str, lexemes: Callable[[str], tuple[str, ...]]) -> None:
        """The folded words of one part of the book."""
        listed = text.split()
        self.used.update(listed)
        for position, word in enumerate(listed, self.position + 1):
            mark = f":{position}{weight}"
            self.parts += [lexeme + mark for lexeme in lexemes(word)]
        self.position += len(listed) + _GAP

    def describe(self, text: str) -> None:
        """A description: only stems, no weight; its words are not remembered."""
        for position, word in enumerate(text.split(), self.position + 1):
            if stemmed := stem(word[:LONGEST_WORD]):
                self.parts.append(f"'{stemmed}':{position}")


@lru_cache(1 << 16)
def _in_titles(word: str) -> tuple[str, ...]:
    """As written, so that «Мы» is found, and the stem."""
    word = word[:LONGEST_WORD]
    return tuple(f"'{form}'" for form in dict.fromkeys([word, stem(word)]) if form)


@lru_cache(1 << 16)
def _in_names(word: str) -> tuple[str, ...]:
    """As written and as it sounds: names are never stemmed."""
    word = word[:LONGEST_WORD]
    return (f"'{word}'", f"'~{sound(word)}'") if len(word) > 1 else (f"'{word}'",)


@lru_cache(1 << 16)
def _in_topics(word: str) -> tuple[str, ...]:
    stemmed = stem(word[:LONGEST_WORD])
    return (f"'{stemmed}'",) if stemmed else ()


def _in_field(field: str) -> Callable[[str], tuple[str, ...]]:
    """The stem, and once more with the field before it, for «тема:война»."""

    @lru_cache(1 << 16)
    def lexemes(word: str) -> tuple[str, ...]:
        stemmed = stem(word[:LONGEST_WORD])
        return (f"'{stemmed}'", f"'{field}:{stemmed}'") if stemmed else ()

    return lexemes


_FIELDS = {field: _in_field(field) for field in "prsg"}


@lru_cache(1 << 16)
def _name_forms(name: str) -> str:
    """A name in the orders people type it: «толстой лев николаевич» also as «лев толстой», «л н толстой»."""
    words = name.split()
    return " ".join([*(word[0] for word in words[1:]), *words, *words[:1], *words[1:2], *words[:1]])


def _remember(used: Iterable[str]) -> None:
    """Enter the words that are new, for corrections."""
    fresh = sorted(word for word in set(used) - _remembered if _is_correctable(word))
    if not fresh:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM catalog_searchword WHERE word = ANY(%s)", [fresh])
        there = {word for (word,) in cursor.fetchall()}
        if missing := [word for word in fresh if word not in there]:
            keys = ["{" + ",".join(spelling_keys(word)) + "}" for word in missing]
            cursor.execute(
                """INSERT INTO catalog_searchword (word, keys)
                   SELECT word, keys::varchar[] FROM unnest(%s::text[], %s::text[]) AS fresh(word, keys)""",
                [missing, keys],
            )
    transaction.on_commit(lambda: _keep(fresh))


def _keep(words: Iterable[str]) -> None:
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.clear()
    _remembered.update(words)


def _is_correctable(word: str) -> bool:
    return SHORTEST_CORRECTED <= len(word) <= LONGEST_WORD and word.isalpha() and bool(stem(word))
