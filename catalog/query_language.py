"""The language of queries: what was typed, as terms, and terms as a tsquery (docs/search.md)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from catalog import isbn, languages
from catalog.search_text import LONGEST_WORD, as_code, quoted
from catalog.words import name_sounds, stem
from library.core.text import fold

LONGEST_QUERY = 300
"""Characters of a query that count."""
MOST_TERMS = 16
"""Words and phrases of a query that count."""
SHORTEST_PREFIX = 3
"""Letters from which on the beginning of a word is looked for."""


class Field(StrEnum):
    """Where to look; the value is what the index has before or beside a word of it."""

    ANYWHERE = ""
    TITLE = "A"
    AUTHOR = "B"
    DESCRIPTION = "D"
    PUBLISHER = "p:"
    SERIES = "r:"
    SUBJECT = "s:"
    GENRE = "g:"
    ISBN = "isbn"
    YEAR = "year"
    LANGUAGE = "@l"
    NUMBER = "number"


FIELD_NAMES = {
    Field.TITLE: ("название", "заглавие", "title"),
    Field.AUTHOR: ("автор", "author"),
    Field.SUBJECT: ("тема", "рубрика", "subject"),
    Field.GENRE: ("жанр", "genre"),
    Field.PUBLISHER: ("издательство", "publisher"),
    Field.SERIES: ("серия", "series"),
    Field.ISBN: ("isbn",),
    Field.YEAR: ("год", "year"),
    Field.LANGUAGE: ("язык", "language"),
    Field.NUMBER: ("инв", "инвентарный", "штрихкод", "шифр", "inv", "inventory", "barcode", "call"),
}
"""What is written before the colon, whatever the language of the pages."""

_FIELDS = {name: field for field, names in FIELD_NAMES.items() for name in names}
_ANY_NAME = "|".join(_FIELDS)
_QUOTES = re.compile("[«»“”„]")
_APART = re.compile(rf"(?<![\w:])({_ANY_NAME}):\s+(?=\S)", re.IGNORECASE)
_TERMS = re.compile(rf'(?<!\S)(-?)(?:({_ANY_NAME}):)?(?:"([^"]*)"?|(?<=:)([^\s"]+))|([^\s"]+)', re.IGNORECASE)
_YEARS = re.compile(r"(-?\d{1,4})?\s*(?:-|–|—|\.\.+)\s*(-?\d{1,4})?|(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing asked for: a word with its parts, or a quoted phrase; perhaps in one field, perhaps to be left out."""

    words: tuple[str, ...]
    """Folded words: «научно-популярный» is two, a phrase any number."""
    code: str = ""
    """The same as a number or code would be indexed; empty when it can be none."""
    field: Field = Field.ANYWHERE
    is_phrase: bool = False
    is_excluded: bool = False
    years: tuple[int | None, int | None] = (None, None)
    """Of the field `YEAR`: first and last, None where the range is open."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text understood: a tsquery to cast and inline, and years to keep to or to leave out."""

    words: str = ""
    """Empty: nothing is asked for by words."""
    core: str = ""
    """The same, but where words may be anywhere they have to be in titles or names."""
    years: tuple[tuple[int | None, int | None], ...] = ()
    excluded_years: tuple[tuple[int | None, int | None], ...] = ()
    is_positive: bool = True
    """Something is wanted, not only things to be left out."""

    def __bool__(self) -> bool:
        return bool(self.words or self.years or self.excluded_years)


def clean(text: str) -> str:
    """The text without characters that PostgreSQL does not hold (NUL, lone surrogates), cut at `LONGEST_QUERY`."""
    return text[:LONGEST_QUERY].replace("\0", " ").encode("utf-8", "ignore").decode()


def parse(text: str) -> tuple[Term, ...]:
    """What was typed as terms: `"война и мир" автор:толстой -кино` is a phrase, a word of a name, an excluded word.

    Never fails: what has no letter or digit is dropped, an open quote ends at the end of the text, a field without a
    sensible value is a word, only the first `MOST_TERMS` terms of `LONGEST_QUERY` characters count.
    """
    text = _APART.sub(r"\1:", _QUOTES.sub('"', clean(text)))
    terms = []
    for minus, name, phrase, value, word in _TERMS.findall(text):
        if word:
            plain = word.lstrip("-")
            term = _word(plain)
            is_excluded = plain != word
        else:
            field = _FIELDS.get(name.casefold(), Field.ANYWHERE)
            is_excluded = bool(minus)
            term = _of_field(field, phrase or value, is_phrase=not value)
        terms.append(replace(term, is_excluded=is_excluded))
    return tuple(term for term in terms if term.words or term.code or term.years != (None, None))[:MOST_TERMS]


def understand(text: str, *, field: Field = Field.ANYWHERE, is_typing: bool = False) -> Asked:
    """The text as what to look for: every term in any form; false when there is nothing to look for.

    `field` is where words without one are looked for. While the reader `is_typing`, the last word is a beginning.
    Stop words count only when there is nothing else: «Что делать» is found all the same.
    """
    terms = [replace(term, field=field) if term.field == Field.ANYWHERE else term for term in parse(text)]
    dated = [term for term in terms if term.field == Field.YEAR]
    worded = [term for term in terms if term.field != Field.YEAR]
    has_content = any(stem(word) or term.code for term in worded if not term.is_excluded for word in term.words)
    wanted: list[str] = []
    core: list[str] = []
    excluded: list[str] = []
    for term in worded:
        is_prefix = is_typing and term is terms[-1] and not term.is_excluded and not term.is_phrase
        piece = _piece(term, is_prefix=is_prefix, skips_stop_words=has_content)
        if piece:
            (excluded if term.is_excluded else wanted).append(piece)
            if not term.is_excluded:
                core.append(_piece(term, marks="AB", is_prefix=is_prefix, skips_stop_words=has_content))
    words = " & ".join(wanted)
    if len(wanted) > 1 and field == Field.ANYWHERE and (code := as_number(clean(text))):
        words = f"({words} | {quoted(code)})"
    return Asked(
        words=" & ".join([*filter(None, [words]), *(f"!{piece}" for piece in excluded)]),
        core=" & ".join(core),
        years=tuple(term.years for term in dated if not term.is_excluded),
        excluded_years=tuple(term.years for term in dated if term.is_excluded),
        is_positive=bool(wanted),
    )


def as_number(text: str) -> str:
    """An ISBN of 10 or 13 digits as 13 digits, anything else with a digit as `as_code`, the rest empty."""
    if not re.search(r"[^\W\dXxХх]", text) and (value := isbn.normalise(text)):
        return value
    code = as_code(text)
    return code if re.search(r"\d", code) and len(code) < LONGEST_WORD else ""


def _word(text: str) -> Term:
    words, code = _words(text), as_number(text)
    return Term(words, code="" if words == (code,) else code)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word[:LONGEST_WORD] for word in fold(text).split())


def _of_field(field: Field, text: str, *, is_phrase: bool) -> Term:
    """The term of a field; a word anywhere when the field cannot have such a value."""
    match field:
        case Field.YEAR:
            found = _YEARS.fullmatch(text.strip())
            if found and text.strip(" -–—."):
                first, last, only = found.groups()
                years = [int(year) if year else None for year in ((only, only) if only else (first, last))]
                return Term((), field=field, years=(years[0], years[1]))
            return Term(_words(text), is_phrase=is_phrase)
        case Field.ISBN:
            return Term((), field=field, code=isbn.normalise(text) or as_code(re.sub(r"[\s-]", "", text)))
        case Field.NUMBER:
            return Term((), field=field, code=as_code(text))
        case Field.LANGUAGE:
            code = languages.code(text)
            return Term((), field=field, code=f"@l{code}") if code else Term(_words(text), is_phrase=is_phrase)
    return Term(_words(text), field=field, is_phrase=is_phrase)


def _piece(term: Term, *, marks: str = "", is_prefix: bool = False, skips_stop_words: bool) -> str:
    """A term as a piece of a tsquery, the words of no field limited to the weights `marks`; empty if ignored."""
    if not term.words:
        return quoted(term.code)
    if term.field in (Field.TITLE, Field.AUTHOR, Field.DESCRIPTION):
        marks = str(term.field)
    if term.is_phrase:
        return _phrase(term, marks)
    parts = []
    for word in term.words:
        if stem(word) or not skips_stop_words:
            is_beginning = is_prefix and word == term.words[-1] and len(word) >= SHORTEST_PREFIX
            parts.append(_any_of(_forms(term.field, word, marks, is_beginning)))
    pieces = [" & ".join(parts), *([quoted(term.code)] if term.code and term.field == Field.ANYWHERE else [])]
    return f"({' | '.join(filter(None, pieces))})" if any(pieces) else ""


def _forms(field: Field, word: str, marks: str, is_beginning: bool) -> list[str]:
    """What the index may have for a word: as typed or begun, its stem, the names that it is a form of."""
    star = "*" if is_beginning else ""
    if field in (Field.PUBLISHER, Field.SERIES, Field.SUBJECT, Field.GENRE):
        begun = [_lexeme(f"{field}{word}", star)] if is_beginning else []
        return [*begun, _lexeme(f"{field}{stem(word) or word}", "")]
    forms = [_lexeme(word, star + marks)]
    if field != Field.AUTHOR and (stemmed := stem(word)) and stemmed != word:
        forms.append(_lexeme(stemmed, marks))
    if field not in (Field.TITLE, Field.DESCRIPTION) and len(word) > 1 and word.isalpha():
        forms += [_lexeme(f"~{name}", marks) for name in name_sounds(word)]
    return forms


def _phrase(term: Term, marks: str) -> str:
    """A phrase as a piece of a tsquery: the words as typed, or their stems at the same distances."""
    prefix = str(term.field) if term.field.endswith(":") else ""
    typed = " <-> ".join(_lexeme(word, marks) for word in term.words)
    stemmed, distance = "", 0
    for word in term.words:
        distance += 1
        if stem(word):
            stemmed += (f" <{distance}> " if stemmed else "") + _lexeme(prefix + stem(word), marks)
            distance = 0
    return _any_of(filter(None, ["" if prefix else f"({typed})", f"({stemmed})" if stemmed else ""]))


def _any_of(pieces: Iterable[str]) -> str:
    return f"({' | '.join(pieces)})"


def _lexeme(text: str, marks: str) -> str:
    return f"{quoted(text)}:{marks}" if marks else quoted(text)
