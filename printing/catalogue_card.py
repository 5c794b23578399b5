"""The face of a catalogue card: one description on 125 × 75 mm, with room for the hole that the rod goes through."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reportlab.lib.units import mm

from printing.faces import parts_of
from printing.lettering import BOLD, FONT, LEADING, Box, fitted, shortened, text_width, wrapped, write

SIZES = (9.0, 8.5, 8.0, 7.5, 7.0, 6.5, 6.0)
"""Of the text, from the most readable."""
SMALL = 6.0
"""Of numbers and classes."""
HOLE, HOLE_ABOVE = 8 * mm, 5 * mm
"""The hole's diameter, and how far its edge is from that of the card."""
MARK_WIDTH = 25 * mm
"""Of the column at the left: shelf mark, branches, inventory numbers."""
INDENT = 8 * mm
"""The second vertical of a card, counted from the first."""
_GLUED = re.compile(
    r" (?=[–/:;] )|(?<=\b[A-ZА-ЯЁ]\.) (?=[A-ZА-ЯЁ])(?![IVX]+\. )|(?<=ISBN) |"
    r"(?<=\b(?:ред|пер)\.) (?=[A-ZА-ЯЁ]\.)|(?<=\b[IVX]\.) |(?<=[IVX][IVX]\.) |(?<=\b\d\.) |"
    r"(?<=\d) (?=(?:с|см|л|p|cm)\b)"
)
"""Spaces that no line is broken at: before signs, initials and units, after initials, «ISBN», numbers of tracings."""
LEAST_ANNOTATION = 3
"""Lines of annotation for which smaller letters are chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The copies of one branch."""

    branch: str
    numbers: Sequence[str]
    """Inventory numbers and ranges of them."""
    shelf_mark: str = ""
    """Where they stand, if it is not where the card says."""


class Line(NamedTuple):
    """A line of the text: its words, how far they are moved to the right, and the font."""

    words: str
    indent: float
    font: str = FONT


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueCard:
    """A main card, or an added one that names above the heading what it is filed under."""

    description: str
    heading: str = ""
    """The name that the book is entered under; without one the title hangs out to the left."""
    filed_under: str = ""
    """The heading of an added card."""
    annotation: str = ""
    tracings: str = ""
    """The other cards of the book: «1. Опера. I. Иванов, И. И. II. Заглавие.»"""
    classes: str = ""
    shelf_mark: str = ""
    holdings: Sequence[Holding] = field(default_factory=tuple)

    def draw(self, canvas: Any, box: Box) -> None:
        """The shelf mark and numbers at the left, the text at their right, the hole below."""
        middle = box.x + box.width / 2
        canvas.saveState()
        canvas.setLineWidth(0.25)
        canvas.setStrokeGray(0.55)
        canvas.circle(middle, box.y + HOLE_ABOVE + HOLE / 2, HOLE / 2, stroke=1, fill=0)
        canvas.restoreState()
        room = box.inside(5 * mm)
        self._draw_mark(canvas, Box(room.x, room.y, MARK_WIDTH, room.height))
        left, above = room.x + MARK_WIDTH + 3 * mm, box.y + HOLE_ABOVE + HOLE + 2 * mm
        self._draw_text(canvas, Box(left, above, room.x + room.width - left, room.y + room.height - above))
        beside = middle + HOLE / 2 + 3 * mm
        low = Box(beside, room.y, room.x + room.width - beside, above - room.y)
        lines = [line for mark in self.classes.splitlines() for line in wrapped(mark, FONT, SMALL, low.width)][:4]
        _column(canvas, [Line(line, 0) for line in lines], low, y=low.y + len(lines) * SMALL * LEADING, size=SMALL)

    def _draw_mark(self, canvas: Any, room: Box) -> None:
        y = room.y + room.height
        if parts := parts_of(self.shelf_mark):
            lines, size = fitted(parts, BOLD, Box(0, 0, room.width, 22 * mm), largest=10.0, smallest=5.0)
            y = _column(canvas, [Line(line, 0, BOLD) for line in lines], room, y=y, size=size) - 2 * mm
        held: list[Line] = []
        for holding in self.holdings:
            held += [Line(line, 0, BOLD) for line in wrapped(holding.branch, BOLD, SMALL, room.width)]
            held += [Line(part, 0) for part in parts_of(holding.shelf_mark)]
            held += [Line(line, 0) for line in wrapped(", ".join(holding.numbers), FONT, SMALL, room.width)]
        most = int((y - room.y) / (SMALL * LEADING))
        _column(canvas, _cut(held, most, SMALL, room.width), room, y=y, size=SMALL)

    def _draw_text(self, canvas: Any, room: Box) -> None:
        for size in SIZES:
            entry, annotation, tracings = self._lines(size, room.width)
            most = int(room.height / (size * LEADING))
            left = most - len(entry) - len(tracings)
            if left >= min(len(annotation), LEAST_ANNOTATION):
                break
        if left < 0:
            tracings = _cut(tracings, max(most - len(entry), 0), size, room.width)
            entry = _cut(entry, most, size, room.width)
        lines = [*entry, *_cut(annotation, max(left, 0), size, room.width)]
        _column(canvas, lines, room, y=room.y + room.height, size=size)
        _column(canvas, tracings, room, y=room.y + len(tracings) * size * LEADING, size=size)

    def _lines(self, size: float, width: float) -> tuple[list[Line], list[Line], list[Line]]:
        """What has to be there, what may be cut, and what stands below."""
        entry = _hanging(self.filed_under, size, width, first=INDENT, others=INDENT + 3 * mm)
        entry += _hanging(self.heading, size, width, first=0, others=INDENT, font=BOLD)
        verticals = (INDENT, 0.0) if self.heading else (0.0, INDENT)
        entry += _hanging(self.description, size, width, first=verticals[0], others=verticals[1])
        annotation = _hanging(self.annotation, size, width, first=INDENT, others=0)
        return entry, annotation, _hanging(self.tracings, size, width, first=INDENT, others=0)


def _hanging(text: str, size: float, width: float, *, first: float, others: float, font: str = FONT) -> list[Line]:
    """A paragraph whose first line begins elsewhere than the others."""
    glued = _GLUED.sub("\xa0", text)
    lines = wrapped(glued, font, size, width - others, first=width - first)
    return [Line(line, others if number else first, font) for number, line in enumerate(lines)]


def _cut(lines: Sequence[Line], most: int, size: float, width: float) -> list[Line]:
    """At most so many lines, the last ending in «…» when there were more."""
    if len(lines) <= most:
        return list(lines)
    kept = list(lines[:most])
    if kept:
        words, indent, font = kept[-1]
        while " " in words and text_width(f"{words} …", font, size) > width - indent:
            words = words.rsplit(" ", 1)[0]
        kept[-1] = Line(shortened(f"{words.rstrip(' ,;:–-')} …", font, size, width - indent), indent, font)
    return kept


def _column(canvas: Any, lines: Sequence[Line], room: Box, *, y: float, size: float) -> float:
    """The lines from the height `y` down; the height below the last."""
    for words, indent, font in lines:
        y -= size * LEADING
        line = Box(room.x + indent, room.y, room.width - indent, room.height)
        write(canvas, words, line, y=y + size * 0.25, font=font, size=size, align="left")
    return y
