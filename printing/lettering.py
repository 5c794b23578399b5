"""Setting text, barcodes and QR codes into boxes on a PDF canvas. Lengths in points, from the lower left corner."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.code128 import Code128
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONT, BOLD = "Labels", "Labels-Bold"
FONTS = Path(__file__).parent / "fonts"
"""DejaVu Sans Condensed: Cyrillic and Latin with every accent, narrow enough for a spine."""
LEADING = 1.18
"""Height of a line in font sizes."""
QUIET = 10
"""Modules of white that a Code 128 needs at each side."""
NARROWEST, WIDEST = 0.17 * mm, 0.4 * mm
"""Of one module: below it two dots of a 300 dpi printer run into one, above it the code only wastes paper."""
BREAKS_AFTER = ")=/:+,;.-"
BREAKS_BEFORE = "("
_SPACES = re.compile(r"[^\S\xa0]+")


class Box(NamedTuple):
    """A rectangle of the sheet."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, margin: float) -> "Box":
        """The box without a margin."""
        return Box(self.x + margin, self.y + margin, self.width - 2 * margin, self.height - 2 * margin)


@cache
def load_fonts() -> None:
    """Tell the PDF library of the fonts, once a process."""
    pdfmetrics.registerFont(TTFont(FONT, FONTS / "DejaVuSansCondensed.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, FONTS / "DejaVuSansCondensed-Bold.ttf"))


def text_width(text: str, font: str, size: float) -> float:
    """How wide the text is when set."""
    return float(pdfmetrics.stringWidth(text, font, size))


def shortened(text: str, font: str, size: float, width: float) -> str:
    """The text, ending in «…» where it is too long for `width`."""
    if text_width(text, font, size) <= width:
        return text
    while text and text_width(text.rstrip() + "…", font, size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, font: str, size: float, width: float, *, first: float | None = None) -> list[str]:
    """The text in lines no wider than `width`, broken at spaces that may break; `first` is the first line's width."""
    lines: list[str] = []
    space, reached = text_width(" ", font, size), 0.0
    for word in filter(None, _SPACES.split(text)):
        room = first if first is not None and len(lines) == 1 else width
        long = text_width(word, font, size)
        if lines and reached + space + long <= room:
            lines[-1] += f" {word}"
            reached += space + long
        else:
            lines.append(word)
            reached = long
    return lines


def broken(mark: str, font: str, size: float, width: float) -> list[str]:
    """A class mark in lines no wider than `width`: broken at its signs, «84(2Рос=Рус)6» before «(» and after «=»."""
    lines = [""]
    for piece in _pieces(mark):
        if lines[-1] and text_width(lines[-1] + piece, font, size) > width:
            lines.append("")
        for letter in piece:
            if lines[-1] and text_width(lines[-1] + letter, font, size) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _pieces(mark: str) -> list[str]:
    pieces = [""]
    for letter in mark:
        if letter in BREAKS_BEFORE and pieces[-1]:
            pieces.append("")
        pieces[-1] += letter
        if letter in BREAKS_AFTER:
            pieces.append("")
    return [piece for piece in pieces if piece]


def fitted(texts: Sequence[str], font: str, box: Box, *, largest: float, smallest: float) -> tuple[list[str], float]:
    """The texts as lines that fit the box, and their size: whole if they stay readable, else broken, else cut."""
    readable = max(smallest, 8.0)
    for breaks, least in ((False, readable), (True, smallest)):
        size = largest
        while size >= least:
            lines = [line for text in texts for line in (broken(text, font, size, box.width) if breaks else [text])]
            is_narrow = all(text_width(line, font, size) <= box.width for line in lines)
            if is_narrow and len(lines) * size * LEADING <= box.height:
                return lines, size
            size -= 0.5
    most = max(int(box.height / (smallest * LEADING)), 1)
    return [shortened(text, font, smallest, box.width) for text in texts[:most]], smallest


def write(canvas: Any, text: str, box: Box, *, y: float, font: str, size: float, align: str = "center") -> None:
    """One line with its baseline at `y`, cut to the box's width."""
    canvas.setFont(font, size)
    line = shortened(text, font, size, box.width)
    if align == "center":
        canvas.drawCentredString(box.x + box.width / 2, y, line)
    else:
        canvas.drawString(box.x, y, line)


def is_code128(value: str) -> bool:
    """Whether Code 128 has every character."""
    return bool(value) and value.isascii() and value.isprintable()


def code128_fits(value: str, width: float) -> bool:
    """Whether a scanner would still read the code at this width."""
    return is_code128(value) and width / (_modules(value) + 2 * QUIET) >= NARROWEST


def draw_code128(canvas: Any, value: str, box: Box) -> None:
    """The bars, centred in the box with their quiet zones, as high as the box."""
    modules = _modules(value)
    module = min(box.width / (modules + 2 * QUIET), WIDEST)
    bars = Code128(value, barWidth=module, barHeight=box.height, quiet=False)
    bars.drawOn(canvas, box.x + (box.width - modules * module) / 2, box.y)


def _modules(value: str) -> float:
    return float(Code128(value, barWidth=1, quiet=False).width)


def draw_qr(canvas: Any, value: str, box: Box) -> None:
    """A QR code with its quiet zone, the largest square in the middle of the box."""
    side = min(box.width, box.height)
    code = QrCodeWidget(value, barLevel="M", barWidth=side, barHeight=side, barBorder=2)
    drawing = Drawing(side, side)
    drawing.add(code)
    renderPDF.draw(drawing, canvas, box.x + (box.width - side) / 2, box.y + (box.height - side) / 2)
