"""What a book is found by, as the text of a tsvector: made from its texts and folded names alone, without a database.

So a process that only reads a file can make it for books that are not there yet (`catalog.import_preparing`).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from catalog.words import sound, stem
from library.core.text import fold

LONGEST_TEXT = 20_000
"""Characters of a description that are indexed: a tsvector holds 1 MB."""
LONGEST_WORD = 60
"""Characters of a word or number that count."""
SHORTEST_CORRECTED = 3
"""Letters from which on a word is remembered for corrections."""

_GAP = 20
"""Empty positions between parts of a book: no phrase goes from the title on into the names."""


class Said(NamedTuple):
    """The words of a book."""

    lexemes: str
    """In the notation of tsvector, without the codes of what has a key: authors, genres, copies."""
    words: set[str]
    """The words of its titles, names and topics (`is_correctable`)."""


def said(
    *,
    title: str,
    other_titles: str,
    subtitle: str,
    description: str,
    main_names: Iterable[str],
    other_names: Iterable[str],
    variants: Iterable[str],
    publisher: str,
    series: str,
    subjects: Sequence[str],
    genres: Sequence[str],
    codes: Iterable[str],
) -> Said:
    """The words of a book: titles and description as they are, names folded, `codes` as they shall stand there."""
    words = _Words()
    words.add(fold(title), "A", _in_titles)
    if other_titles:
        words.add(fold(other_titles), "A", _in_titles)
    for name in main_names:
        words.add(_name_forms(name), "B", _in_names)
    for name in (*other_names, *variants):
        words.add(name, "B", _in_names)
    if subtitle:
        words.add(fold(subtitle), "C", _in_topics)
    for field, names in (("p", (publisher,)), ("r", (series,)), ("s", subjects), ("g", genres)):
        for name in names:
            if name:
                words.add(name, "C", _FIELDS[field])
    if description:
        words.describe(fold(description[:LONGEST_TEXT]))
    words.parts += [quoted(code) for code in codes if code]
    return Said(" ".join(words.parts), words.used)


def codes_of_book(
    *, isbns: Iterable[str], call_number: str, year: int | None, language: str, material_type: str
) -> set[str]:
    """The codes of a book that need no key: numbers, year, and what of its own it is narrowed by."""
    codes = {*isbns, as_code(call_number), f"@m{material_type}"}
    if year is not None:
        codes |= {str(year), f"@d{year // 10 * 10}"}
    if language:
        codes.add(f"@l{language}")
    return codes


def as_code(text: str) -> str:
    """A number or barcode as one token: lower case, no spaces. «ИНВ 00 123» -> «инв00123»."""
    return (text if text.isalnum() else re.sub(r"\s+", "", text)).casefold()[:LONGEST_WORD]


def quoted(text: str) -> str:
    """Any text as a lexeme in the notation of tsvector and tsquery."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class _Words:
    """A tsvector in the making."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.used: set[str] = set()
        self.position = 0

    def add(self, text: str, weight: str, lexemes: "_Lexemes") -> None:
        """The folded words of one part of the book."""
        listed = text.split()
        self.used.update(listed)
        forms = map(lexemes.__getitem__, listed)
        places = _places(weight, self.position, len(listed))
        self.parts += [lexeme + place for place, both in zip(places, forms, strict=True) for lexeme in both]
        self.position += len(listed) + _GAP

    def describe(self, text: str) -> None:
        """A description: only stems, no weight; its words are not remembered."""
        listed = text.split()
        forms = map(_in_topics.__getitem__, listed)
        places = _places("", self.position, len(listed))
        self.parts += [lexeme + place for place, stems in zip(places, forms, strict=True) for lexeme in stems]


_FIRST_PLACES = {weight: [f":{position}{weight}" for position in range(1, 2049)] for weight in ("", "A", "B", "C")}


def _places(weight: str, start: int, count: int) -> list[str]:
    """What follows the lexemes of so many words from the position `start` + 1 on."""
    known = _FIRST_PLACES[weight][start : start + count]
    if len(known) == count:
        return known
    return [f":{position}{weight}" for position in range(start + 1, start + count + 1)]


class _Lexemes(dict[str, tuple[str, ...]]):
    """The lexemes of words, learnt word by word."""

    def __init__(self, forms: Callable[[str], tuple[str, ...]]) -> None:
        super().__init__()
        self._forms = forms

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= MOST_KEPT:
            self.clear()
        self[word] = forms = self._forms(word)
        return forms


MOST_KEPT = 1 << 16
"""Words whose lexemes are remembered."""


@_Lexemes
def _in_titles(word: str) -> tuple[str, ...]:
    """As written, so that «Мы» is found, and the stem."""
    word = word[:LONGEST_WORD]
    return tuple(f"'{form}'" for form in dict.fromkeys([word, stem(word)]) if form)


@_Lexemes
def _in_names(word: str) -> tuple[str, ...]:
    """As written and as it sounds: names are never stemmed."""
    word = word[:LONGEST_WORD]
    return (f"'{word}'", f"'~{sound(word)}'") if len(word) > 1 else (f"'{word}'",)


@_Lexemes
def _in_topics(word: str) -> tuple[str, ...]:
    stemmed = stem(word[:LONGEST_WORD])
    return (f"'{stemmed}'",) if stemmed else ()


def _in_field(field: str) -> _Lexemes:
    """The stem, and once more with the field before it, for «тема:война»."""

    @_Lexemes
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


@lru_cache(1 << 16)
def is_correctable(word: str) -> bool:
    """Whether the word is worth remembering, for somebody might mistype it."""
    return SHORTEST_CORRECTED <= len(word) <= LONGEST_WORD and word.isalpha() and bool(stem(word))
