"""Labels and cards on sheets, as a PDF to print at 100 %."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from printing.faces import Face
from printing.lettering import Box, load_fonts
from printing.stocks import Stock

MOST_LABELS = 2000
"""Labels of one file."""
CUT_GAP, CUT_MARK = 2 * mm, 6 * mm
"""How far from the labels a cut mark begins, and how long it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How this print lies on its paper."""

    stock: Stock
    start: int = 1
    """The first free label of a sheet that was begun, counted from 1 along the rows."""
    offset: tuple[float, float] = (0.0, 0.0)
    """Millimetres to the right and down, for a printer that feeds askew."""
    has_outlines: bool = False
    """Whether the edges are drawn, to cut by or to test on plain paper."""


def as_pdf(faces: Iterable[Face], layout: Layout, *, title: str) -> bytes:
    """The faces on as many sheets as they need; at least one sheet."""
    load_fonts()
    stock = layout.stock
    width, height = stock.page
    file = BytesIO()
    canvas = Canvas(file, pagesize=(width * mm, height * mm), pageCompression=1)
    canvas.setTitle(title)
    canvas.setViewerPreference("PrintScaling", "None")
    place = layout.start - 1
    _draw_cut_marks(canvas, layout)
    for face in faces:
        if place == stock.per_sheet:
            canvas.showPage()
            _draw_cut_marks(canvas, layout)
            place = 0
        box = box_at(layout, place)
        canvas.saveState()
        edge = canvas.beginPath()
        edge.rect(*box)
        canvas.clipPath(edge, stroke=0, fill=0)
        face.draw(canvas, box)
        canvas.restoreState()
        if layout.has_outlines:
            canvas.saveState()
            canvas.setLineWidth(0.25)
            canvas.setStrokeGray(0.6)
            canvas.rect(*box, stroke=1, fill=0)
            canvas.restoreState()
        place += 1
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw_cut_marks(canvas: Any, layout: Layout) -> None:
    """A line outside the labels at each end of every cut."""
    if not layout.stock.has_cut_marks:
        return
    boxes = [box_at(layout, place) for place in range(layout.stock.per_sheet)]
    left, right = min(box.x for box in boxes), max(box.x + box.width for box in boxes)
    low, high = min(box.y for box in boxes), max(box.y + box.height for box in boxes)
    lines = []
    for x in {edge for box in boxes for edge in (box.x, box.x + box.width)}:
        lines += [(x, y, x, y + CUT_MARK) for y in (low - CUT_GAP - CUT_MARK, high + CUT_GAP)]
    for y in {edge for box in boxes for edge in (box.y, box.y + box.height)}:
        lines += [(x, y, x + CUT_MARK, y) for x in (left - CUT_GAP - CUT_MARK, right + CUT_GAP)]
    canvas.saveState()
    canvas.setLineWidth(0.25)
    canvas.lines(lines)
    canvas.restoreState()


def box_at(layout: Layout, place: int) -> Box:
    """The label at `place` in points, moved by the offset."""
    x, y = layout.stock.corner(place)
    right, down = layout.offset
    width, height = layout.stock.label
    return Box((x + right) * mm, (y - down) * mm, width * mm, height * mm)
