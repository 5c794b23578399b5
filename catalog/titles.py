"""How titles are filed."""

import re

from library.core.text import fold, sort_key

LONGEST = 300
"""Characters of a title that sorting looks at."""

LONGEST_VOLUME = 200
"""Characters of a volume's designation that sorting looks at."""
_ROMAN = re.compile(r"\b(?=[IVXLC]+\b)C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}

ARTICLES = {
    "eng": ("the ", "a ", "an "),
    "ger": ("der ", "die ", "das ", "ein ", "eine "),
    "fre": ("le ", "la ", "les ", "l ", "un ", "une "),
    "ita": ("il ", "lo ", "la ", "i ", "gli ", "le ", "l ", "un ", "uno ", "una "),
    "spa": ("el ", "la ", "los ", "las ", "un ", "una "),
    "por": ("o ", "a ", "os ", "as ", "um ", "uma "),
    "dut": ("de ", "het ", "een "),
}
"""Leading articles by language (ISO 639-2/B), folded: not filed under, as in the rules of every card catalogue."""


def sort_title(title: str, language: str) -> str:
    """The title as dictionaries file it, cut at `LONGEST`: («The Hobbit», «eng») -> «hobbit»."""
    key = sort_key(title)
    for article in ARTICLES.get(language, ()):
        if key.startswith(article):
            return key[len(article) :][:LONGEST]
    return key[:LONGEST]


def volume_key(volume: str) -> str:
    """A volume's designation in natural order, numbers by their value: «Т. 2» < «Т. 10», «Том IX» < «Том X»."""
    arabic = fold(_ROMAN.sub(lambda found: str(_roman(found[0])), volume))
    return re.sub(r"[0-9]+", lambda found: found[0].lstrip("0").zfill(8), arabic)[:LONGEST_VOLUME]


def _roman(numeral: str) -> int:
    """The value of a Roman numeral: XIV -> 14."""
    digits = [_ROMAN_DIGITS[letter] for letter in numeral]
    following = [*digits[1:], 0]
    return sum(-digit if digit < after else digit for digit, after in zip(digits, following, strict=True))
