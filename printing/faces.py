"""What stands on a label or card, and how it is laid out in the room there is."""

from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext as _
from reportlab.lib.colors import HexColor, black, white
from reportlab.lib.units import mm

from printing.lettering import (
    BOLD,
    FONT,
    LEADING,
    Box,
    code128_fits,
    draw_code128,
    draw_qr,
    fitted,
    text_width,
    wrapped,
    write,
)

GREEN = HexColor("#133f31")
"""The head of the library's pages."""


class Face(Protocol):
    """Anything that can be printed on a label."""

    def draw(self, canvas: Any, box: Box) -> None:
        """Draw it inside the box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeLabel:
    """A copy's barcode under the library's name; with its numbers and, where there is room, the title."""

    library: str
    barcode: str
    inventory_number: str
    title: str = ""
    shelf_mark: str = ""
    is_qr: bool = False
    """A QR code in place of Code 128; chosen by itself for a barcode that Code 128 has not the letters or room for."""

    def draw(self, canvas: Any, box: Box) -> None:
        """Bars across the label, or a square with the text at its right."""
        room = box.inside(min(2.2 * mm, box.height * 0.07))
        size = min(max(room.height / mm * 0.22, 4.6), 8.0)
        if self.is_qr or not code128_fits(self.barcode, room.width):
            self._draw_square(canvas, room, size)
        else:
            self._draw_bars(canvas, room, size)

    def _draw_bars(self, canvas: Any, room: Box, size: float) -> None:
        line = size * LEADING
        top = room.y + room.height
        write(canvas, self.library, room, y=top - size, font=BOLD, size=size)
        above = line
        if self.title and room.height > 26 * mm:
            write(canvas, self.title, room, y=top - size - line, font=FONT, size=size)
            above += line
        below = 2 * line
        write(canvas, self.barcode, room, y=room.y + line + size * 0.25, font=FONT, size=size)
        write(canvas, self._numbers(), room, y=room.y + size * 0.25, font=BOLD, size=size)
        gap = size * 0.35
        draw_code128(
            canvas,
            self.barcode,
            Box(room.x, room.y + below + gap, room.width, room.height - above - below - 2 * gap),
        )

    def _draw_square(self, canvas: Any, room: Box, size: float) -> None:
        side = min(room.height, room.width * 0.45)
        draw_qr(canvas, self.barcode, Box(room.x, room.y + (room.height - side) / 2, side, side))
        text = Box(room.x + side + 1.2 * mm, room.y, room.width - side - 1.2 * mm, room.height)
        lines = [(line, BOLD) for line in wrapped(self.library, BOLD, size, text.width)[:2]]
        lines += [(line, FONT) for line in wrapped(self.title, FONT, size, text.width)[:2]]
        lines += [(self.barcode, FONT)]
        lines += [(part, BOLD) for part in (self.inventory_number, self.shelf_mark) if part and part != self.barcode]
        line = min(size * LEADING, text.height / len(lines))
        y = text.y + (text.height + line * len(lines)) / 2 - size
        for words, font in lines:
            write(canvas, words, text, y=y, font=font, size=min(size, line / LEADING), align="left")
            y -= line

    def _numbers(self) -> str:
        numbers = [self.inventory_number] if self.inventory_number != self.barcode else []
        return "   ".join([*numbers, *([self.shelf_mark] if self.shelf_mark else [])])


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineLabel:
    """Where a copy stands: class, author mark and volume one under another, the branch below."""

    shelf_mark: str
    volume: str = ""
    """The designation of a volume or issue, unless the shelf mark ends with it."""
    branch: str = ""
    """Code of the branch."""

    def draw(self, canvas: Any, box: Box) -> None:
        """Centred, as large as fits; a long class is broken at its signs."""
        room = box.inside(min(1.5 * mm, box.height * 0.06))
        lines, size = fitted([*parts_of(self.shelf_mark), *filter(None, (self.volume, self.branch))], BOLD, room,
                             largest=16.0, smallest=4.5)  # fmt: skip
        step = size * LEADING
        y = room.y + (room.height + step * len(lines)) / 2 - size
        for line in lines:
            write(canvas, line, room, y=y, font=BOLD, size=size)
            y -= step


def parts_of(shelf_mark: str) -> list[str]:
    """Class, author mark, volume: «84(2Рос=Рус)6 Т53 т. 2» -> 84(2Рос=Рус)6 | Т53 | т. 2."""
    parts: list[str] = []
    for word in shelf_mark.split():
        if parts and parts[-1].endswith(".") and len(parts[-1]) <= 5:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderCard:
    """A library card: whose, of which library, with its number as Code 128 and as QR code."""

    library: str
    name: str
    card_number: str

    def draw(self, canvas: Any, box: Box) -> None:
        """The library in a band above, the name, the codes below."""
        room = box.inside(4 * mm)
        band = 12 * mm
        canvas.setFillColor(GREEN)
        canvas.rect(box.x, box.y + box.height - band, box.width, band, stroke=0, fill=1)
        canvas.setFillColor(white)
        head, size = self._head(room.width)
        y = box.y + box.height - band / 2 + (len(head) - 2) * size * LEADING / 2 + size * 0.28
        for line in head:
            write(canvas, line, room, y=y, font=BOLD, size=size, align="left")
            y -= size * LEADING
        canvas.setFillColor(black)
        top = box.y + box.height - band - 4.2 * mm
        write(canvas, _("Library card"), room, y=top, font=FONT, size=7, align="left")
        name, size = fitted(self._name_lines(room.width), BOLD, Box(room.x, 0, room.width, 12 * mm),
                            largest=13.0, smallest=8.0)  # fmt: skip
        y = top - 2 * mm - size * 0.8
        for line in name:
            write(canvas, line, room, y=y, font=BOLD, size=size, align="left")
            y -= size * LEADING
        square = 17 * mm
        codes = Box(room.x - 2 * mm, room.y + 3.4 * mm, room.width - square, 11 * mm)
        if code128_fits(self.card_number, codes.width):
            draw_code128(canvas, self.card_number, codes)
        write(canvas, self.card_number, codes, y=room.y, font=FONT, size=8)
        draw_qr(
            canvas, self.card_number, Box(room.x + room.width - square + 1.5 * mm, room.y - 1.5 * mm, square, square)
        )

    def _head(self, width: float) -> tuple[list[str], float]:
        for size in (11.0, 9.5, 8.0):
            if text_width(self.library, BOLD, size) <= width:
                return [self.library], size
        return wrapped(self.library, BOLD, 8.0, width)[:2], 8.0

    def _name_lines(self, width: float) -> list[str]:
        return wrapped(self.name, BOLD, 13.0, width)[:3]
