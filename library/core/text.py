"""Folding of names and titles: what search, sorting and duplicate checks compare instead of the text as typed."""

import re
import unicodedata

_SEPARATORS = re.compile(r"[\W_]+")


class _WithoutMarks(dict[int, int | None]):
    """A table for `str.translate` that drops combining marks, learnt letter by letter."""

    def __missing__(self, letter: int) -> int | None:
        self[letter] = None if unicodedata.combining(chr(letter)) else letter
        return self[letter]


_WITHOUT_MARKS = _WithoutMarks()


class _FoldedPieces(dict[str, str]):
    """What stands between spaces, folded, learnt piece by piece: most pieces of any text were met before."""

    def __missing__(self, piece: str) -> str:
        folded = _folded(piece)
        if len(piece) <= LONGEST_KEPT:
            if len(self) >= MOST_KEPT:
                self.clear()
            self[piece] = folded
        return folded


MOST_KEPT, LONGEST_KEPT = 1 << 16, 40
"""How many pieces are remembered, and of how many letters at most: some 10 MB in all."""
_FOLDED = _FoldedPieces()


def fold(text: str) -> str:
    """Lower case, ё as е, no diacritics (й stays), punctuation as single spaces.

    «Ёлка — Gabriel García» -> «елка gabriel garcia».
    """
    return " ".join(filter(None, map(_FOLDED.__getitem__, text.split())))


def _folded(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.replace("\u0301", ""))
        text = text.replace("и\u0306", "й").replace("И\u0306", "Й").translate(_WITHOUT_MARKS)
    return _SEPARATORS.sub(" ", text.casefold()).strip()


def sort_key(text: str) -> str:
    """The folded text; code-point order of it is dictionary order in Russian and English."""
    return fold(text)
