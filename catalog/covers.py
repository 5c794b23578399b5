"""Covers for books that have none: drawn from title and author, always the same for the same book.

A cover is a drawing of 400 by 600 in the manner of a cloth-bound series: one of `PALETTES`, one layout, one motif, all
chosen by the book's uid. Text is set in outlines (`catalog.lettering`), so that it looks alike everywhere.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar
from uuid import UUID

from catalog.lettering import Anchor, face, fit

T = TypeVar("T")

WIDTH, HEIGHT = 400, 600
"""Units of the drawing."""
DESIGN = 1
"""Raised when drawings change, so that browsers fetch them anew."""
MARGIN = 36
LONGEST_TITLE = 160
"""Characters of a title that a cover shows, at most."""
SHORT_TITLE = 8
"""Characters up to which a title is set large."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one cloth: `ink` on `ground` has a contrast of 4.5 at least."""

    ground: str
    ink: str
    accent: str
    second: str
    """A tint beside the ground, for the larger shapes of a motif."""


PALETTES = (
    Palette("#173f33", "#f4ecd8", "#dcb159", "#2b5e4b"),
    Palette("#5e1c25", "#f7e8d6", "#e2b268", "#832f35"),
    Palette("#1b2a49", "#f1ead9", "#d99f80", "#31456e"),
    Palette("#ead9b4", "#2b2318", "#a8402d", "#d5bb85"),
    Palette("#e6cdc3", "#3b1d2c", "#8b3650", "#d5ada1"),
    Palette("#cdd7c1", "#1d3029", "#ad5230", "#aebf9f"),
    Palette("#34454c", "#f2eee4", "#e0a96d", "#4d636b"),
    Palette("#98432a", "#fff3e2", "#f2c078", "#b3593b"),
    Palette("#f3eee3", "#20201e", "#b5362c", "#dfd5c1"),
    Palette("#12505b", "#f6eede", "#efb681", "#246c77"),
    Palette("#43273f", "#f5e9e1", "#d8b35c", "#5f3d59"),
    Palette("#dfb14b", "#2a1f0b", "#7d2c1d", "#c8962c"),
    Palette("#cfdce1", "#192d3b", "#b9502b", "#afc4cc"),
    Palette("#d9d3c5", "#24303a", "#2d5f52", "#c2b9a5"),
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height


def cover_version(title: str, authors: Sequence[str]) -> str:
    """Changes whenever the drawing does: for ETags and addresses."""
    return hashlib.sha256(repr((DESIGN, title, tuple(authors))).encode()).hexdigest()[:12]


def cover_svg(*, uid: UUID, title: str, authors: Sequence[str]) -> str:
    """The cover of a book as an SVG document. Names as in the index: «Толстой, Лев Николаевич»."""
    dice = Random(uid.int)  # noqa: S311 - chooses a drawing, keeps no secret
    palette = _one_of(PALETTES, dice)
    layout = _one_of(LAYOUTS, dice)
    drawing = layout(_shown_title(title), _shown_names(authors), palette, dice)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        f"{_rect(Box(0, 0, WIDTH, HEIGHT), palette.ground)}{drawing}</svg>"
    )


def _one_of(things: Sequence[T], dice: Random) -> T:
    return things[int(dice.random() * len(things))]


def _printable(text: str) -> str:
    """The text on one line, without characters that XML does not hold."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _shown_title(title: str) -> str:
    """The title without the rest of a catalogue's punctuation, cut at a word."""
    plain = _printable(title).rstrip(" /:;,.=") or _printable(title)
    return plain if len(plain) <= LONGEST_TITLE else plain[:LONGEST_TITLE].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"


def _shown_names(authors: Sequence[str]) -> list[str]:
    """The first two names as on a title page: «Лев Николаевич Толстой»."""
    names = []
    for name in authors[:2]:
        surname, _, given = (part.strip() for part in _printable(name).partition(","))
        names.append(f"{given} {surname}".strip())
    return names


# --- Text --------------------------------------------------------------------------------------------------------


def _title(
    text: str, box: Box, fill: str, *, anchor: Anchor = "start", largest: int = 62, at: str = "top"
) -> tuple[str, float]:
    """The title in the box, and where it ends (or starts, when set `at` the bottom)."""
    letters = face("title")
    sizes = range(largest + 34 if len(text) <= SHORT_TITLE else largest, 21, -3)
    set_in = fit(text, letters, width=box.width, height=box.height, sizes=sizes, leading=1.14)
    step = set_in.size * 1.14
    height = step * len(set_in.lines)
    top = box.y if at == "top" else box.bottom - height if at == "bottom" else box.y + (box.height - height) / 2
    x = box.x if anchor == "start" else box.x + box.width / 2
    lines = [
        letters.line(line, x=x, y=top + step * number + set_in.size * 0.86, size=set_in.size, fill=fill, anchor=anchor)
        for number, line in enumerate(set_in.lines)
    ]
    return "".join(lines), top if at == "bottom" else top + height


def _names(names: Sequence[str], box: Box, fill: str, *, anchor: Anchor = "start", at: str = "top") -> str:
    """The authors in the box, a line each, in small type."""
    letters = face("name")
    lines = [
        (line, set_in.size)
        for name in names
        for set_in in [fit(name, letters, width=box.width, height=44, sizes=(19, 18, 17, 16, 15, 14), leading=1.3)]
        for line in set_in.lines
    ]
    height = sum(size * 1.4 for _, size in lines)
    y = box.y if at == "top" else box.bottom - height
    x = box.x if anchor == "start" else box.x + box.width / 2
    parts = []
    for line, size in lines:
        y += size * 1.4
        parts.append(letters.line(line, x=x, y=y - size * 0.4, size=size, fill=fill, anchor=anchor))
    return "".join(parts)


# --- Shapes ------------------------------------------------------------------------------------------------------


def _rect(box: Box, fill: str) -> str:
    return f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" fill="{fill}"/>'


def _frame(box: Box, stroke: str, width: float) -> str:
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" fill="none" '
        f'stroke="{stroke}" stroke-width="{width:g}"/>'
    )


def _circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}"/>'


def _path(d: str, fill: str) -> str:
    return f'<path d="{d}" fill="{fill}"/>'


def _line(d: str, stroke: str, width: float) -> str:
    return f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width:g}" stroke-linecap="round"/>'


def _clipped(box: Box, drawing: str) -> str:
    """The drawing cut at the box, by an inner viewport."""
    return (
        f'<svg x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'viewBox="{box.x:g} {box.y:g} {box.width:g} {box.height:g}">{drawing}</svg>'
    )


def _diamond(x: float, y: float, size: float, fill: str) -> str:
    return _path(f"M{x:g} {y - size:g}l{size:g} {size:g}-{size:g} {size:g}-{size:g}-{size:g}z", fill)


# --- Motifs: each fills a box with three colours -------------------------------------------------------------------


def _quarters(box: Box, palette: Palette, dice: Random) -> str:
    """Quarter circles on a grid, as on tiles."""
    cell = box.width / 2 if box.width < 200 else _one_of((50, 100), dice)
    fills = (palette.second, palette.accent, palette.ink)
    parts = []
    for row in range(math.ceil(box.height / cell)):
        for column in range(math.ceil(box.width / cell)):
            x, y = box.x + column * cell, box.y + row * cell
            fill = fills[0 if dice.random() < 0.62 else 1 if dice.random() < 0.75 else 2]
            corner = int(dice.random() * 5)
            if corner == 4:
                parts.append(_circle(x + cell / 2, y + cell / 2, cell * 0.28, fill))
                continue
            cx, cy = x + cell * (corner % 2), y + cell * (corner // 2)
            sx, sy = (1 if corner % 2 == 0 else -1), (1 if corner // 2 == 0 else -1)
            sweep = 1 if sx == sy else 0
            parts.append(
                _path(f"M{cx:g} {cy:g}h{sx * cell:g}a{cell:g} {cell:g} 0 0 {sweep}{-sx * cell:g} {sy * cell:g}z", fill)
            )
    return _clipped(box, "".join(parts))


def _waves(box: Box, palette: Palette, dice: Random) -> str:
    """Low hills or a sea, line behind line, with a sun or moon."""
    radius = 34 + dice.random() * 26
    sun_x = box.x + box.width * (0.22 + 0.56 * dice.random())
    parts = [_circle(sun_x, box.y + radius + box.height * 0.08, radius, palette.accent)]
    count = 5
    for number in range(count):
        base = box.y + box.height * (0.36 + 0.62 * number / count)
        swing, length, shift = 12 + dice.random() * 16, 150 + dice.random() * 130, dice.random() * 6.3
        points = [
            f"{x:g} {base + swing * math.sin((x - box.x) / length * 2 * math.pi + shift):.1f}"
            for x in range(int(box.x), int(box.right) + 21, 20)
        ]
        outline = f"M{box.x:g} {box.bottom:g}L" + "L".join(points) + f"V{box.bottom:g}z"
        parts.append(_path(outline, palette.second if number % 2 == 0 else palette.ground))
        parts.append(_line("M" + "L".join(points), palette.ink, 1.5))
    return _clipped(box, "".join(parts))


def _scales(box: Box, palette: Palette, dice: Random) -> str:
    """Rows of concentric arcs, each row half a step aside."""
    radius = _one_of((40, 50), dice)
    lit = 0.1 + 0.2 * dice.random()
    scale = "".join(
        f'<circle r="{size:g}" fill="{palette.ground}" stroke="{stroke}" stroke-width="{width}"/>'
        for size, stroke, width in ((radius - 1, palette.ink, 2), (radius * 0.6, palette.second, 7))
    )
    scale += _circle(0, 0, radius * 0.36, palette.second)
    parts = [f'<defs><g id="scale">{scale}</g></defs>']
    for row in range(math.ceil(box.height / (radius / 2)) + 3):
        for column in range(math.ceil(box.width / (2 * radius)) + 2):
            x, y = box.x + (column * 2 - row % 2) * radius, box.y + row * radius / 2
            parts.append(f'<use href="#scale" x="{x:g}" y="{y:g}"/>')
            if dice.random() < lit:
                parts.append(_circle(x, y, radius * 0.36, palette.accent))
    return _clipped(box, "".join(parts))


def _stitches(box: Box, palette: Palette, dice: Random) -> str:
    """A cross-stitch border: one random figure, mirrored to a rosette and repeated."""
    cell = 10
    half = 5
    figure = [[dice.random() < 0.46 for _ in range(half)] for _ in range(half)]
    core = [[dice.random() < 0.3 for _ in range(half)] for _ in range(half)]
    period = 2 * half
    strokes: dict[str, list[str]] = {palette.accent: [], palette.ink: []}
    columns, rows = int(box.width // cell), int(box.height // cell)
    left, top = box.x + (box.width - columns * cell) / 2, box.y + (box.height - rows * cell) / 2
    for row in range(rows):
        for column in range(columns):
            u, v = column % period, row % period
            u, v = min(u, period - 1 - u), min(v, period - 1 - v)
            low, high = min(u, v), max(u, v)
            if figure[low][high]:
                fill = palette.ink if core[low][high] else palette.accent
                x, y = left + column * cell, top + row * cell
                strokes[fill].append(f"M{x + 1.5:g} {y + 1.5:g}l7 7m0-7l-7 7")
    return "".join(_line("".join(parts), colour, 2.6) for colour, parts in strokes.items() if parts)


def _spines(box: Box, palette: Palette, dice: Random) -> str:
    """Books on a shelf, seen from their backs."""
    parts = []
    x = box.x
    shelf = box.bottom - 14
    while x < box.right:
        width = 18 + dice.random() * 30
        height = box.height * (0.5 + 0.4 * dice.random()) - 14
        fill = _one_of((palette.second, palette.second, palette.accent, palette.ink), dice)
        mark = palette.ground
        y = shelf - height
        parts.append(_rect(Box(x, y, width - 3, height), fill))
        shares = (0.12, 0.8) if dice.random() < 0.7 else (0.2,)
        parts += [_rect(Box(x, y + height * share, width - 3, 3), mark) for share in shares]
        if width > 30:
            parts.append(_diamond(x + (width - 3) / 2, y + height * 0.46, 6, mark))
        x += width
    parts.append(_rect(Box(box.x, shelf, box.width, 14), palette.ink))
    return _clipped(box, "".join(parts))


def _branch(box: Box, palette: Palette, dice: Random) -> str:
    """Stems with paired leaves and berries."""
    parts = []
    count = 3 if box.width > 300 else 1
    for number in range(count):
        x = box.x + box.width * (number + 0.5) / count
        lean = (dice.random() - 0.5) * 46
        tall = box.height * (0.78 + 0.16 * dice.random())
        foot, head = box.bottom, box.bottom - tall
        parts.append(_line(f"M{x:g} {foot:g}Q{x:g} {(foot + head) / 2:g} {x + lean:g} {head:g}", palette.ink, 2))
        steps = 6
        for step in range(1, steps + 1):
            share = step / (steps + 0.4)
            sx = x + lean * share * share
            sy = foot - tall * share
            size = (46 - 26 * share) * (1 if count == 3 else 1.3)
            for side in (-1, 1):
                fill = palette.accent if dice.random() < 0.24 else palette.second
                tip_x, tip_y = sx + side * size, sy - size * 0.82
                upper = f"{sx + side * size * 0.12:.1f} {sy - size * 0.86:.1f}"
                lower = f"{sx + side * size * 0.98:.1f} {sy - size * 0.04:.1f}"
                parts.append(
                    _path(f"M{sx:.1f} {sy:.1f}Q{upper} {tip_x:.1f} {tip_y:.1f}Q{lower} {sx:.1f} {sy:.1f}z", fill)
                )
        parts.append(_circle(x + lean, head, 6.5, palette.accent))
    return _clipped(box, "".join(parts))


def _stars(box: Box, palette: Palette, dice: Random) -> str:
    """A night sky: stars of three sizes and a crescent."""
    parts = []
    step = 50
    for row in range(math.ceil(box.height / step)):
        for column in range(math.ceil(box.width / step)):
            x = box.x + (column + 0.2 + 0.6 * dice.random()) * step
            y = box.y + (row + 0.2 + 0.6 * dice.random()) * step
            kind = dice.random()
            if kind < 0.45:
                parts.append(_circle(x, y, 1.6 + 1.4 * dice.random(), palette.ink))
            elif kind < 0.7:
                long, short = 9 + 5 * dice.random(), 1.8
                corners = [
                    (
                        x + (long if k % 2 == 0 else short) * math.cos(k * math.pi / 4),
                        y + (long if k % 2 == 0 else short) * math.sin(k * math.pi / 4),
                    )
                    for k in range(8)
                ]
                parts.append(_path("M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in corners) + "z", palette.accent))
    radius = min(box.width, box.height) * 0.19
    x, y = box.x + box.width * (0.3 + 0.4 * dice.random()), box.y + box.height * 0.46
    parts.append(_circle(x, y, radius * 1.5, palette.second))
    parts.append(
        _path(
            f"M{x:.1f} {y - radius:.1f}A{radius:.1f} {radius:.1f} 0 1 1 {x - radius * 0.9:.1f} {y + radius * 0.44:.1f}"
            f"A{radius * 0.86:.1f} {radius * 0.86:.1f} 0 0 0 {x:.1f} {y - radius:.1f}z",
            palette.accent,
        )
    )
    return _clipped(box, "".join(parts))


def _rays(box: Box, palette: Palette, dice: Random) -> str:
    """Rays from a half sun on the lower edge."""
    x, y = box.x + box.width * _one_of((0.5, 0.5, 0.2, 0.8), dice), box.bottom
    reach = box.width + box.height
    count = 26
    parts = []
    for number in range(0, count, 2):
        first, last = math.pi * number / count, math.pi * (number + 1) / count
        parts.append(
            _path(
                f"M{x:g} {y:g}L{x - reach * math.cos(first):.1f} {y - reach * math.sin(first):.1f}"
                f"L{x - reach * math.cos(last):.1f} {y - reach * math.sin(last):.1f}z",
                palette.second,
            )
        )
    for radius, fill in ((94, palette.ink), (88, palette.ground), (74, palette.accent)):
        parts.append(_circle(x, y, radius, fill))
    return _clipped(box, "".join(parts))


MOTIFS: tuple[Callable[[Box, Palette, Random], str], ...] = (
    _quarters,
    _waves,
    _scales,
    _stitches,
    _spines,
    _branch,
    _stars,
    _rays,
)
PATTERNS = (_quarters, _scales, _stitches)
"""The motifs that fill a surface evenly, to lie behind a label."""


# --- Layouts -----------------------------------------------------------------------------------------------------


def _scene_below(title: str, names: Sequence[str], palette: Palette, dice: Random) -> str:
    """Title and author above, a scene along the foot."""
    words, end = _title(title, Box(MARGIN, 44, WIDTH - 2 * MARGIN, 216), palette.ink)
    end = max(end, 150)
    return "".join(
        [
            words,
            _rect(Box(MARGIN, end + 18, 44, 4), palette.accent),
            _names(names, Box(MARGIN, end + 32, WIDTH - 2 * MARGIN, 60), palette.ink),
            _one_of(MOTIFS, dice)(Box(0, 372, WIDTH, 228), palette, dice),
        ]
    )


def _scene_above(title: str, names: Sequence[str], palette: Palette, dice: Random) -> str:
    """A scene above, title in the lower half, the author at the foot."""
    words, _ = _title(title, Box(MARGIN, 332, WIDTH - 2 * MARGIN, 168), palette.ink, largest=56)
    return "".join(
        [
            _one_of(MOTIFS, dice)(Box(0, 0, WIDTH, 290), palette, dice),
            _rect(Box(0, 290, WIDTH, 6), palette.accent),
            words,
            _names(names, Box(MARGIN, 500, WIDTH - 2 * MARGIN, 66), palette.ink, at="bottom"),
        ]
    )


def _label(title: str, names: Sequence[str], palette: Palette, dice: Random) -> str:
    """A patterned cloth with a pasted label."""
    label = Box(54, 92, WIDTH - 108, 330)
    inner = Box(label.x + 26, label.y + 34, label.width - 52, 196)
    words, _ = _title(title, inner, palette.ink, anchor="middle", largest=50, at="middle")
    return "".join(
        [
            _one_of(PATTERNS, dice)(Box(0, 0, WIDTH, HEIGHT), palette, dice),
            _rect(label, palette.ground),
            _frame(Box(label.x + 9, label.y + 9, label.width - 18, label.height - 18), palette.ink, 1.2),
            words,
            _diamond(WIDTH / 2, inner.bottom + 18, 5, palette.accent),
            _names(names, Box(inner.x, inner.bottom + 32, inner.width, 48), palette.ink, anchor="middle"),
        ]
    )


def _framed(title: str, names: Sequence[str], palette: Palette, dice: Random) -> str:
    """A double frame, the title in the middle of the page, a small medallion."""
    words, end = _title(title, Box(58, 78, WIDTH - 116, 230), palette.ink, anchor="middle", largest=54)
    end = max(end, 190)
    side = min(150.0, 500 - end)
    medallion = Box((WIDTH - side) / 2, end + (500 - end - side) / 2, side, side)
    return "".join(
        [
            _frame(Box(20, 20, WIDTH - 40, HEIGHT - 40), palette.accent, 3),
            _frame(Box(28, 28, WIDTH - 56, HEIGHT - 56), palette.accent, 1),
            words,
            _one_of((_stitches, _quarters, _branch, _stars), dice)(medallion, palette, dice),
            _names(names, Box(58, 500, WIDTH - 116, 54), palette.ink, anchor="middle", at="bottom"),
        ]
    )


def _ribbon(title: str, names: Sequence[str], palette: Palette, dice: Random) -> str:
    """An ornamented ribbon along the spine."""
    ribbon = Box(0, 0, 84, HEIGHT)
    left = ribbon.right + 30
    words, _ = _title(title, Box(left, 56, WIDTH - left - 28, 330), palette.ink, largest=54)
    return "".join(
        [
            _rect(ribbon, palette.second),
            _one_of(PATTERNS, dice)(Box(2, 0, 80, HEIGHT), palette, dice),
            _rect(Box(ribbon.right, 0, 5, HEIGHT), palette.accent),
            words,
            _names(names, Box(left, 480, WIDTH - left - 28, 76), palette.ink, at="bottom"),
        ]
    )


LAYOUTS = (_scene_below, _scene_above, _label, _framed, _ribbon)
