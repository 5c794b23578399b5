"""Writes glyphs.json: the outlines of letters that generated covers are set in. Run after changing a font.

An SVG shown as an image cannot load fonts, and the reader's own differ from machine to machine; outlines look the same
everywhere and have exact widths. Needs fonttools and brotli, which the library itself does not:

    python -m venv /tmp/fonts && /tmp/fonts/bin/pip install fonttools brotli
    /tmp/fonts/bin/python catalog/glyphs/make.py

The fonts are open (SIL OFL, licences beside them in static/fonts); outlines in a document need no notice.
"""

import json
from pathlib import Path

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

FONTS = Path(__file__).resolve().parents[2] / "static" / "fonts"
FACES = {
    "title": ("literata", "normal", 600),
    "italic": ("literata", "italic", 500),
    "name": ("golos-text", "normal", 600),
}
"""Face: family, style and weight of the variable fonts in static/fonts."""
CHARACTERS = {*range(0x20, 0x180), *range(0x400, 0x460), 0x490, 0x491, *range(0x2010, 0x2027), 0x2116}
"""Latin with Western and Central European letters, Cyrillic, punctuation, №."""
KERNED = {*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0x410, 0x450), 0x401, 0x451, *map(ord, ".,«»“”’-–—")}
SMALLEST_KERN = 8


class CompactPen(BasePen):
    """An SVG path of whole units in relative coordinates, y downwards."""

    def __init__(self, glyphs):
        super().__init__(glyphs)
        self.parts, self.at = [], (0, 0)

    def _step(self, letter, *points):
        numbers = []
        for x, y in points:
            numbers += [round(x) - self.at[0], self.at[1] - round(y)]
        self.at = (round(points[-1][0]), round(points[-1][1]))
        self.parts.append(letter + " ".join(map(str, numbers)).replace(" -", "-"))

    def _moveTo(self, point):  # noqa: N802 - the pen protocol's name
        self._step("m", point)
        self.start = self.at

    def _lineTo(self, point):  # noqa: N802 - the pen protocol's name
        self._step("l", point)

    def _qCurveToOne(self, control, point):  # noqa: N802 - the pen protocol's name
        self._step("q", control, point)

    def _curveToOne(self, first, second, point):  # noqa: N802 - the pen protocol's name
        self._step("c", first, second, point)

    def _closePath(self):  # noqa: N802 - the pen protocol's name
        self.parts.append("z")
        self.at = self.start


def kerning(font, names):
    """(left glyph, right glyph) to the change of the advance, for glyphs in `names`."""
    pairs = {}
    gpos = font["GPOS"].table
    wanted = {i for f in gpos.FeatureList.FeatureRecord if f.FeatureTag == "kern" for i in f.Feature.LookupListIndex}
    for index in sorted(wanted):
        for table in gpos.LookupList.Lookup[index].SubTable:
            table = getattr(table, "ExtSubTable", table)
            if table.LookupType != 2:
                continue
            for place, left in enumerate(table.Coverage.glyphs):
                if left not in names:
                    continue
                if table.Format == 1:
                    for record in table.PairSet[place].PairValueRecord:
                        if record.SecondGlyph in names and record.Value1:
                            pairs.setdefault((left, record.SecondGlyph), record.Value1.XAdvance or 0)
                else:
                    row = table.Class1Record[table.ClassDef1.classDefs.get(left, 0)].Class2Record
                    for right in names:
                        value = row[table.ClassDef2.classDefs.get(right, 0)].Value1
                        if value:
                            pairs.setdefault((left, right), getattr(value, "XAdvance", 0) or 0)
    return pairs


def face(family, style, weight):
    """Advances and outlines by character, kerning by pair, all in thousandths of the size."""
    glyphs, kerns = {}, {}
    for part in ("latin", "cyrillic", "latin-ext", "cyrillic-ext"):
        path = FONTS / f"{family}-{part}-wght-{style}.woff2"
        if not path.exists():
            continue
        font = instantiateVariableFont(TTFont(path), {"wght": weight})
        characters = {code: name for code, name in font.getBestCmap().items() if code in CHARACTERS}
        outlines = font.getGlyphSet()
        for code, name in characters.items():
            if chr(code) not in glyphs:
                pen = CompactPen(outlines)
                outlines[name].draw(pen)
                glyphs[chr(code)] = [round(font["hmtx"][name][0]), "".join(pen.parts)]
        by_name = {name: chr(code) for code, name in characters.items() if code in KERNED}
        for (left, right), value in kerning(font, set(by_name)).items():
            if abs(value) >= SMALLEST_KERN:
                kerns.setdefault(by_name[left] + by_name[right], round(value))
    return {"glyphs": glyphs, "kerning": kerns}


if __name__ == "__main__":
    target = Path(__file__).with_name("glyphs.json")
    faces = {name: face(*spec) for name, spec in FACES.items()}
    target.write_text(json.dumps(faces, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    for name, data in faces.items():
        print(name, len(data["glyphs"]), "glyphs", len(data["kerning"]), "pairs")  # noqa: T201 - a script reports
    print(target.stat().st_size, "bytes")  # noqa: T201 - a script reports
