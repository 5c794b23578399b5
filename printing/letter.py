"""Letters on A4 for window envelopes: a head, the address where the window is, the text, marks to fold by."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from printing.lettering import BOLD, FONT, load_fonts, shortened, text_width, wrapped

WIDTH, HEIGHT = A4
LEFT, RIGHT, BOTTOM = 22 * mm, 20 * mm, 24 * mm
TEXT_WIDTH = WIDTH - LEFT - RIGHT
SIZE, LEADING = 10.5, 15.0
"""Of the text, in points."""
INDENT, MOST_INDENT = 2.0 * mm, 8
"""Width of a space at the beginning of a line, and how many count."""
MARK = 4 * mm
INK, SOFT = 0.1, 0.4
"""Grey values: of words, and of what is not to draw the eye."""


class Window(StrEnum):
    """Where the envelope has its window."""

    LEFT = "left"
    """DIN 5008 B: 45 mm from the top, 20 mm from the left; folded at 105 and 210 mm."""
    RIGHT = "right"
    """Russian E65: below the middle on the right; folded into three equal parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The window on the sheet, in points from the upper left corner, and the folds."""

    x: float
    y: float
    width: float
    height: float
    folds: tuple[float, float]


_FRAMES = {
    Window.LEFT: _Frame(x=24 * mm, y=47 * mm, width=80 * mm, height=38 * mm, folds=(105 * mm, 210 * mm)),
    Window.RIGHT: _Frame(x=110 * mm, y=47 * mm, width=80 * mm, height=36 * mm, folds=(99 * mm, 198 * mm)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLetter:
    """One letter, every word in its language."""

    library: str
    branch: str
    contact: str
    """Address and telephone of the branch, in one line."""
    name: str
    address: str
    """The reader's postal address, in lines."""
    day: str
    subject: str
    text: str
    """Paragraphs with blank lines between them."""
    number: str
    """By which the letter is found again, small at the foot."""


def letters_pdf(
    letters: Iterable[PaperLetter], *, window: Window, title: str, page_of: Callable[[int, int], str]
) -> bytes:
    """Each letter on a sheet of its own, and on as many more as it needs; `page_of` words «page 2 of 3»."""
    load_fonts()
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=1)
    canvas.setTitle(title)
    canvas.setViewerPreference("PrintScaling", "None")
    for letter in letters:
        _draw(canvas, letter, _FRAMES[window], page_of)
    canvas.save()
    return file.getvalue()


def _draw(canvas: Any, letter: PaperLetter, frame: _Frame, page_of: Callable[[int, int], str]) -> None:
    pages = _pages(letter)
    for number, lines in enumerate(pages, start=1):
        y = _head(canvas, letter, frame) if number == 1 else HEIGHT - 25 * mm
        canvas.setFillGray(INK)
        for line in lines:
            if line:
                canvas.setFont(FONT, SIZE)
                canvas.drawString(LEFT + (len(line) - len(line.lstrip())) * INDENT, y, line.lstrip())
            y -= LEADING if line else LEADING * 0.55
        _foot(canvas, letter, page_of(number, len(pages)) if len(pages) > 1 else "")
        canvas.showPage()


def _pages(letter: PaperLetter) -> list[list[str]]:
    """The lines of the text by page; an empty line stands for the gap between paragraphs."""
    subject = len(wrapped(letter.subject, BOLD, 13, TEXT_WIDTH))
    room = HEIGHT - 118 * mm - (subject - 1) * 17 - BOTTOM
    pages: list[list[str]] = [[]]
    for line in _lines(letter.text):
        need = LEADING if line else LEADING * 0.55
        if need > room:
            pages.append([])
            room = HEIGHT - 25 * mm - BOTTOM
        if line or pages[-1]:
            pages[-1].append(line)
            room -= need
    return pages


def _lines(text: str) -> list[str]:
    lines: list[str] = []
    for row in text.strip().splitlines():
        indent = " " * min(len(row) - len(row.lstrip()), MOST_INDENT)
        width = TEXT_WIDTH - len(indent) * INDENT
        lines += [indent + shortened(line, FONT, SIZE, width) for line in wrapped(row, FONT, SIZE, width)] or [""]
    return lines


def _head(canvas: Any, letter: PaperLetter, frame: _Frame) -> float:
    """Head, address, date, subject and the marks to fold; where the text begins."""
    canvas.setFillGray(INK)
    canvas.setFont(BOLD, 15)
    canvas.drawString(LEFT, HEIGHT - 20 * mm, shortened(letter.library, BOLD, 15, TEXT_WIDTH))
    canvas.setFillGray(SOFT)
    canvas.setFont(FONT, 9)
    branch = " · ".join(part for part in (letter.branch, letter.contact) if part)
    canvas.drawString(LEFT, HEIGHT - 25.5 * mm, shortened(branch, FONT, 9, TEXT_WIDTH))
    canvas.setStrokeGray(0.55)
    canvas.setLineWidth(0.6)
    canvas.line(LEFT, HEIGHT - 29 * mm, WIDTH - RIGHT, HEIGHT - 29 * mm)
    y = HEIGHT - frame.y - 4 * mm
    sender = ", ".join(part for part in (letter.library, letter.contact) if part)
    if text_width(sender, FONT, 6.5) > frame.width:
        sender = letter.library
    canvas.setFont(FONT, 6.5)
    canvas.drawString(frame.x, y, shortened(sender, FONT, 6.5, frame.width))
    canvas.setLineWidth(0.25)
    canvas.line(frame.x, y - 1.6, frame.x + frame.width, y - 1.6)
    canvas.setFillGray(INK)
    y -= 7 * mm
    rows = [(letter.name, BOLD)]
    rows += [(line, FONT) for row in letter.address.splitlines() for line in wrapped(row, FONT, 11, frame.width)]
    for row, font in rows[:6]:
        canvas.setFont(font, 11)
        canvas.drawString(frame.x, y, shortened(row, font, 11, frame.width))
        y -= 14
    canvas.setFont(FONT, SIZE)
    canvas.setFillGray(SOFT)
    canvas.drawRightString(WIDTH - RIGHT, HEIGHT - 97 * mm, letter.day)
    canvas.setStrokeGray(0.6)
    canvas.setLineWidth(0.3)
    for fold in frame.folds:
        canvas.line(5 * mm, HEIGHT - fold, 5 * mm + MARK, HEIGHT - fold)
    canvas.setFillGray(INK)
    canvas.setFont(BOLD, 13)
    y = HEIGHT - 107 * mm
    for line in wrapped(letter.subject, BOLD, 13, TEXT_WIDTH):
        canvas.drawString(LEFT, y, shortened(line, BOLD, 13, TEXT_WIDTH))
        y -= 17
    return float(y - 11 * mm + 17)


def _foot(canvas: Any, letter: PaperLetter, page: str) -> None:
    canvas.setFillGray(SOFT)
    canvas.setFont(FONT, 7.5)
    canvas.drawString(LEFT, 13 * mm, letter.number)
    canvas.drawRightString(WIDTH - RIGHT, 13 * mm, page)
