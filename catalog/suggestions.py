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
LOOKED_AT = 300
"""Titles, authors or subjects that are compared; of more the first found."""
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


_STARTING = """
    (SELECT book_id FROM catalog_searchentry WHERE sort_title >= %(text{n})s AND sort_title < %(beyond{n})s
     LIMIT %(looked_at)s)"""
_HAVING = """
    UNION (SELECT book_id FROM catalog_searchentry WHERE words @@ %(in_titles)s::tsquery LIMIT %(looked_at)s)"""
_TITLES = """
SELECT uid::text, title
FROM (
    SELECT DISTINCT ON (entry.sort_title) book_id, popularity, sort_title ^@ ANY(%(texts)s) AS is_start,
           on_shelf <> '{{}}' AS is_there
    FROM ({found}) found JOIN catalog_searchentry entry USING (book_id)
    ORDER BY entry.sort_title, popularity DESC, on_shelf <> '{{}}' DESC, book_id DESC
) one JOIN catalog_book book ON book.id = one.book_id
ORDER BY is_start DESC, popularity DESC, is_there DESC, length(title), title, uid LIMIT %(limit)s"""
_NAMED = """
SELECT id::text, name
FROM (
    SELECT id, name, folded_name, folded_name ^@ ANY(%(texts)s) AS is_start,
           (SELECT count(*) FROM (SELECT FROM {links} WHERE {link} = thing.id LIMIT 100) link) AS books
    FROM (SELECT * FROM {table}
          WHERE to_tsvector('simple'::regconfig, COALESCE(folded_name, '')) @@ %(words)s::tsquery
          LIMIT %(looked_at)s) thing
) counted
WHERE books > 0
ORDER BY is_start DESC, books DESC, folded_name, id LIMIT %(limit)s"""


def suggest(text: str, *, limit: int = 8) -> list[Suggestion]:
    """Authors, titles and subjects that begin with what was typed or have words that do; the best first.

    The text may be in the other alphabet or on the wrong keyboard layout: "tolst", «толст» and "njkcn" suggest the
    same. Those that begin so come first, then the much borrowed and those with many books. Three statements. Never
    fails on strange text; nothing for less than two letters.
    """
    readings = _readings(text)
    if not readings:
        return []
    limit = min(max(limit, 1), MOST)
    facts: dict[str, Any] = {
        "texts": [" ".join(words) for words in readings],
        "words": _any_of(_beginning(words) for words in readings),
        "in_titles": _any_of(_beginning(words, "A") for words in readings if len(words[-1]) >= SHORTEST_WORD),
        "limit": limit,
        "looked_at": LOOKED_AT,
    }
    authors = _named(Kind.AUTHOR, facts)
    subjects = _named(Kind.SUBJECT, facts)
    titles = _titled(facts)
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


def _named(kind: Kind, facts: dict[str, Any]) -> list[Suggestion]:
    table, links, link = {
        Kind.AUTHOR: ("catalog_author", "catalog_contribution", "author_id"),
        Kind.SUBJECT: ("catalog_subject", "catalog_book_subjects", "subject_id"),
    }[kind]
    return _suggested(kind, _NAMED.format(table=table, links=links, link=link), facts)


def _titled(facts: dict[str, Any]) -> list[Suggestion]:
    found = " UNION ".join(_STARTING.format(n=n) for n in range(len(facts["texts"])))
    starts = {f"text{n}": text for n, text in enumerate(facts["texts"])}
    ends = {f"beyond{n}": text + "\U0010ffff" for n, text in enumerate(facts["texts"])}
    return _suggested(
        Kind.TITLE,
        _TITLES.format(found=found + (_HAVING if facts["in_titles"] else "")),
        {**facts, **starts, **ends},
    )


def _suggested(kind: Kind, statement: str, facts: dict[str, Any]) -> list[Suggestion]:
    with connection.cursor() as cursor:
        text = cursor.mogrify(statement, facts)
        cursor.execute(f"SET LOCAL enable_seqscan = off; {text}; SET LOCAL enable_seqscan = on")
        cursor.nextset()
        return [Suggestion(kind, name, key) for key, name in cursor.fetchall()]
