"""Labels and cards on sheets, as a PDF to print at 100 %."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from printing.faces import Face
from printing.lettering import Box, load_fonts
from printing.stocks import Stock

MOST_LABELS = 2000
"""Labels of one file."""


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
    for face in faces:
        if place == stock.per_sheet:
            canvas.showPage()
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


def box_at(layout: Layout, place: int) -> Box:
    """The label at `place` in points, moved by the offset."""
    x, y = layout.stock.corner(place)
    right, down = layout.offset
    width, height = layout.stock.label
    return Box((x + right) * mm, (y - down) * mm, width * mm, height * mm)
