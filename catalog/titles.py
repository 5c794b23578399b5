"""How titles are filed."""

from library.core.text import sort_key

LONGEST = 300
"""Characters of a title that sorting looks at."""

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
