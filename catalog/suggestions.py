"""What the reader may be about to type: titles, authors and subjects that go on from the letters so far."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import connection

from catalog.query_language import clean
from catalog.search_text import LONGEST_WORD, quoted
from catalog.words import other_alphabet, other_layout
from library.core.text import fold

MOST = 20
"""Suggestions, at most."""
MOST_WORDS = 8
"""Words of a text that count."""
MOST_AUTHORS, MOST_SUBJECTS = 3, 2
"""Of each so many, unless there are not enough others."""
WALKED = 100
"""Titles that begin with the letters, of which the much borrowed are suggested; of more the first in the alphabet."""
LOOKED_AT = 300
"""Other titles, authors or subjects that are compared; of more the first found."""
SHORTEST_WORD = 3
"""Letters from which on a word is looked for inside titles; shorter ones only at their beginning."""


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


_TITLES = """
WITH RECURSIVE starting AS (
    SELECT beyond, (SELECT sort_title FROM catalog_searchentry WHERE sort_title >= text AND sort_title < beyond
                    ORDER BY sort_title LIMIT 1) AS title
    FROM unnest(%(texts)s::text[], %(beyond)s::text[]) AS reading(text, beyond)
    UNION ALL
    SELECT beyond, (SELECT sort_title FROM catalog_searchentry WHERE sort_title > title AND sort_title < beyond
                    ORDER BY sort_title LIMIT 1)
    FROM starting WHERE title IS NOT NULL),
titles AS MATERIALIZED (SELECT title FROM (SELECT title FROM starting LIMIT %(walked)s) found WHERE title <> ''),
found AS (
    SELECT best.* FROM titles CROSS JOIN LATERAL (
        SELECT {columns} FROM catalog_searchentry WHERE sort_title = title
        ORDER BY popularity DESC, on_shelf <> '{{}}' DESC, book_id DESC LIMIT 1) best{having})
SELECT uid::text, book.title
FROM (SELECT DISTINCT ON (sort_title) *
      FROM found ORDER BY sort_title, popularity DESC, is_there DESC, book_id DESC) one
     JOIN catalog_book book ON book.id = one.book_id
ORDER BY one.sort_title ^@ ANY(%(texts)s) DESC, popularity DESC, is_there DESC, length(book.title), book.title, uid
LIMIT %(limit)s"""
"""Titles that begin so are walked through from one to the next: hundreds of books may have the first of them."""
_COLUMNS = "book_id, sort_title, popularity, on_shelf <> '{}' AS is_there"
_HAVING = f"""
    UNION ALL
    (SELECT {_COLUMNS} FROM catalog_searchentry
     WHERE (SELECT count(*) FROM titles) < %(limit)s AND words @@ %(in_titles)s::tsquery
     LIMIT %(looked_at)s)"""
"""Only when too few titles begin so: those come first anyway, and some beginnings are those of every tenth title."""
_NAMED = """
SELECT id::text, name
FROM (SELECT * FROM {table}
      WHERE to_tsvector('simple'::regconfig, COALESCE(folded_name, '')) @@ %(words)s::tsquery
      LIMIT %(looked_at)s) thing
     CROSS JOIN LATERAL
     (SELECT count(*) AS books FROM (SELECT FROM {links} WHERE {link} = thing.id LIMIT 100) link) counted
WHERE books > 0
ORDER BY folded_name ^@ ANY(%(texts)s) DESC, books DESC, folded_name, id LIMIT %(limit)s"""


def suggest(text: str, *, limit: int = 8) -> list[Suggestion]:
    """Authors, titles and subjects that begin with what was typed or have words that do; the best first.

    The text may be in the other alphabet or on the wrong keyboard layout: "tolst", «толст» and "njkcn" suggest the
    same. Those that begin so come first, then the much borrowed and those with many books. Three statements, sent at
    once. Never fails on strange text; nothing for less than two letters.
    """
    readings = _readings(text)
    if not readings:
        return []
    limit = min(max(limit, 1), MOST)
    facts: dict[str, Any] = {
        "texts": [" ".join(words) for words in readings],
        "words": _any_of(_beginning(words) for words in readings),
        "in_titles": _any_of(_beginning(words, "A") for words in readings if len(words[-1]) >= SHORTEST_WORD),
        "beyond": [" ".join(words) + "\U0010ffff" for words in readings],
        "limit": limit,
        "walked": WALKED,
        "looked_at": LOOKED_AT,
    }
    titles_too = _HAVING if facts["in_titles"] else ""
    authors, subjects, titles = _suggested(
        {
            Kind.AUTHOR: _NAMED.format(table="catalog_author", links="catalog_contribution", link="author_id"),
            Kind.SUBJECT: _NAMED.format(table="catalog_subject", links="catalog_book_subjects", link="subject_id"),
            Kind.TITLE: _TITLES.format(columns=_COLUMNS, having=titles_too),
        },
        facts,
    )
    room = limit - min(len(authors), MOST_AUTHORS) - min(len(subjects), MOST_SUBJECTS)
    titles_kept = titles[: max(room, 0)]
    authors_kept = authors[: limit - len(titles_kept) - min(len(subjects), MOST_SUBJECTS)]
    return [*authors_kept, *titles_kept, *subjects[: limit - len(titles_kept) - len(authors_kept)]]


def _readings(text: str) -> list[list[str]]:
    """The text as typed, from the other layout and in the other alphabet, as folded words."""
    typed = fold(clean(text))
    readings = [typed, fold(other_layout(clean(text))), other_alphabet(typed)]
    split = ([word[:LONGEST_WORD] for word in reading.split()[:MOST_WORDS]] for reading in dict.fromkeys(readings))
    return [words for words in split if len("".join(words)) > 1]


def _beginning(words: list[str], marks: str = "") -> str:
    """All the words, the last of them a beginning, as a piece of a tsquery."""
    whole = [f"{quoted(word)}:{marks}" if marks else quoted(word) for word in words[:-1]]
    return "(" + " & ".join([*whole, f"{quoted(words[-1])}:*{marks}"]) + ")"


def _any_of(pieces: Iterable[str]) -> str:
    return " | ".join(pieces)


def _suggested(statements: dict[Kind, str], facts: dict[str, Any]) -> list[list[Suggestion]]:
    """What each statement finds."""
    found = []
    with connection.cursor() as cursor:
        texts = "; ".join(cursor.mogrify(statement, facts) for statement in statements.values())
        cursor.execute(f"SET LOCAL enable_seqscan = off; {texts}; SET LOCAL enable_seqscan = on")
        for kind in statements:
            cursor.nextset()
            found.append([Suggestion(kind, name, key) for key, name in cursor.fetchall()])
    return found
