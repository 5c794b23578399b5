"""Other spellings of what was typed, from the words that the library's books have."""

import re

from django.db import connection
from rapidfuzz.distance import OSA

from catalog.query_language import clean, understand
from catalog.search_text import LONGEST_WORD, quoted
from catalog.words import name_sounds, sound, spelling_keys, stem
from library.core.text import fold

MOST_WORDS = 6
"""Words of a text that are corrected."""
MOST_CANDIDATES = 1000
"""Words of like consonants that are compared."""
MOST_COUNTED = 8
"""The nearest of them whose books are counted, each up to a hundred."""
SURE_LENGTH = 5
"""Letters from which on a word with one error is surely recognised: shorter ones may be beginnings."""
MUCH_MORE = 10
"""How many times the books a better spelling must have to be suggested for one that has some."""

_WORDS = re.compile(r"(?<![\w:])(?:\w+:)?(\w+)", re.UNICODE)


def corrected(text: str, *, is_sure: bool) -> str:
    """The text with every word that no book has replaced by the likeliest that some have; empty if there is none.

    `is_sure`: only where hardly anything else can be meant, one error in a word of some length.
    """
    counts = _counts([word for word in _spelled(text) if word])
    wrong = [word for word, count in counts.items() if not count]
    better = {word: found for word in wrong if (found := _nearest(word, is_sure=is_sure, at_least=1))}
    return _replaced(text, better) if better and len(better) == len(wrong) else ""


def better(text: str) -> str:
    """The text with seldom words replaced by like ones that many more books have; empty if there are none."""
    counts = _counts(_spelled(text))
    found = {
        word: other
        for word, count in counts.items()
        if (other := _nearest(word, is_sure=True, at_least=max(1, count) * MUCH_MORE))
    }
    return _replaced(text, found) if found else ""


def _spelled(text: str) -> list[str]:
    """The words of a text that may have been misspelled, folded, each once."""
    words = (fold(word) for word in _WORDS.findall(clean(text)))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in words if word.isalpha() and stem(word)))[:MOST_WORDS]


def _replaced(text: str, better: dict[str, str]) -> str:
    def put(match: re.Match[str]) -> str:
        word = match[1]
        return match[0][: len(match[0]) - len(word)] + better.get(fold(word), word)

    return _WORDS.sub(put, clean(text)).strip()


def _counts(words: list[str]) -> dict[str, int]:
    """How many books have each word in any form, up to a hundred."""
    return _booked({word: understand(word).words for word in words})


def _booked(asked: dict[str, str]) -> dict[str, int]:
    if not asked:
        return {}
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT FROM catalog_searchentry WHERE words @@ {_literal(words)} LIMIT 100) hits)"
        for words in asked.values()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_seqscan = off; SELECT {counts}; SET LOCAL enable_seqscan = on")
        cursor.nextset()
        return dict(zip(asked, cursor.fetchone(), strict=True))


def _literal(words: str) -> str:
    with connection.cursor() as cursor:
        return str(cursor.mogrify("%s::tsquery", [words]))


def _nearest(word: str, *, is_sure: bool, at_least: int) -> str:
    """The word nearest to this one that at least so many books have exactly; of equally near ones the most frequent."""
    if (is_sure and len(word) < SURE_LENGTH) or len(word) < 3:
        return ""
    most_errors = 1 if len(word) < 8 else 2
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT word FROM catalog_searchword
               WHERE keys && %s::varchar[] AND length(word) BETWEEN %s AND %s AND word <> %s LIMIT %s""",
            [list(spelling_keys(word)), len(word) - 2, len(word) + 2, word, MOST_CANDIDATES],
        )
        candidates = [other for (other,) in cursor.fetchall()]
    near = sorted((distance, other) for other in candidates if (distance := _errors(word, other)) <= most_errors)
    counts = _booked({other: quoted(other) for _, other in near[:MOST_COUNTED]})
    good = [(distance, -counts[other], other) for distance, other in near[:MOST_COUNTED] if counts[other] >= at_least]
    return min(good)[2] if good else ""


def _errors(word: str, other: str) -> int:
    """Letters added, left out, changed or swapped, in the same alphabet or as they sound in two."""
    written = OSA.distance(word, other, score_cutoff=3)
    return min(written, *(OSA.distance(name, sound(other), score_cutoff=3) for name in name_sounds(word)))
