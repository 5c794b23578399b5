"""Setting type: text as SVG outlines with exact widths, wrapped and sized to fit a box.

The letters come from glyphs/glyphs.json (see glyphs/make.py). Sizes and lengths are in units of the drawing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

Anchor = Literal["start", "middle"]
FALLBACK_WIDTH = 0.62
"""Width of a letter that we have no outline for, in its size: Greek, Hebrew, Chinese are set in the reader's font."""


@dataclass(frozen=True, slots=True)
class Face:
    """A typeface: by character its advance and outline, by pair its kerning, all in thousandths of the size."""

    glyphs: dict[str, tuple[int, str]]
    kerning: dict[str, int]

    def has(self, text: str) -> bool:
        """Whether there is an outline for every character."""
        return all(character in self.glyphs for character in text)

    def width(self, text: str, size: float, tracking: float = 0) -> float:
        """How long `text` is in `size`, each letter followed by `tracking` (in sizes)."""
        if not self.has(text):
            return len(text) * (FALLBACK_WIDTH + tracking) * size
        advance = sum(self.glyphs[character][0] for character in text)
        advance += sum(self.kerning.get(text[at : at + 2], 0) for at in range(len(text) - 1))
        return (advance / 1000 + tracking * max(0, len(text) - 1)) * size

    def line(
        self, text: str, *, x: float, y: float, size: float, fill: str, anchor: Anchor = "start", tracking: float = 0
    ) -> str:
        """An SVG element with `text` on the baseline `y`."""
        if not self.has(text):
            return (
                f'<text x="{x:g}" y="{y:g}" font-family="Georgia, Noto Serif, serif" font-size="{size:g}" '
                f'fill="{fill}" text-anchor="{anchor}">{escape(text)}</text>'
            )
        left = x - self.width(text, size, tracking) / 2 if anchor == "middle" else x
        path, at = [], 0.0
        for place, character in enumerate(text):
            advance, outline = self.glyphs[character]
            if outline:
                path.append(f"M{at:.0f} 0{outline}")
            at += advance + self.kerning.get(text[place : place + 2], 0) + tracking * 1000
        place_of_line = f"translate({left:.1f} {y:.1f}) scale({size / 1000:g})"
        return f'<path fill="{fill}" transform="{place_of_line}" d="{"".join(path)}"/>'


@dataclass(frozen=True, slots=True)
class Setting:
    """Text broken into lines in one size."""

    lines: tuple[str, ...]
    size: float


@cache
def face(name: str) -> Face:
    """The face `title`, `italic` or `name`."""
    faces = json.loads((Path(__file__).parent / "glyphs" / "glyphs.json").read_text(encoding="utf-8"))
    glyphs = {character: (advance, outline) for character, (advance, outline) in faces[name]["glyphs"].items()}
    return Face(glyphs, faces[name]["kerning"])


def fit(text: str, letters: Face, *, width: float, height: float, sizes: Sequence[float], leading: float) -> Setting:
    """The text in the largest of `sizes` (falling) in which it fills no more than the box, in lines of even length.

    Words are broken from half of the first size down, and in the last; lines beyond the box give way to an ellipsis.
    """
    for size in sizes:
        measure = _measure(letters, size)
        words = text.split()
        if size <= sizes[0] / 2 or size == sizes[-1]:
            words = [piece for word in words for piece in _broken(word, width, measure)]
        lines = _wrap(words, width, measure)
        if len(lines) * size * leading <= height and all(measure(line) <= width for line in lines):
            return Setting(_even(words, len(lines), width, measure), size)
    room = max(1, int(height / (size * leading)))
    last = f"{lines[room - 1]}…"
    while measure(last) > width and " " in last:
        last = last.rsplit(" ", 1)[0].rstrip(" ,.;:—–-") + "…"
    return Setting((*lines[: room - 1], last), size)


def _measure(letters: Face, size: float) -> Callable[[str], float]:
    return lambda text: letters.width(text, size)


def _wrap(words: Sequence[str], width: float, measure: Callable[[str], float]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and measure(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _even(words: Sequence[str], count: int, width: float, measure: Callable[[str], float]) -> tuple[str, ...]:
    """`words` in `count` lines of the narrowest measure that still holds them."""
    low, high = 0.0, width
    for _ in range(12):
        middle = (low + high) / 2
        lines = _wrap(words, middle, measure)
        if len(lines) <= count and all(measure(line) <= middle for line in lines):
            high = middle
        else:
            low = middle
    return tuple(_wrap(words, high, measure))


def _broken(word: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """A word in pieces that fit, with hyphens."""
    pieces = []
    while measure(word) > width:
        end = 1
        while end < len(word) - 1 and measure(word[: end + 1] + "-") <= width:
            end += 1
        pieces.append(word[:end] + "-")
        word = word[end:]
    return [*pieces, word]
