"""Reading barcodes from photographs."""

import io

import zxingcpp
from PIL import Image, UnidentifiedImageError

MOST_PIXELS = 40_000_000
LONGEST_SIDE = 2000
"""Larger pictures are made smaller first: a barcode that fills part of a photo is wide enough then."""
FORMATS = ("JPEG", "PNG", "WEBP")
LONGEST_CODE = 64


def codes_in(content: bytes) -> list[str] | None:
    """What the barcodes and QR codes in a picture say, the widest first; None: it is no picture that can be read."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            opened.draft("L", (LONGEST_SIDE, LONGEST_SIDE))
            picture = opened.convert("L")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    found = sorted(zxingcpp.read_barcodes(picture), key=_width, reverse=True)
    texts = [code.text.strip() for code in found if code.valid]
    return [text for text in dict.fromkeys(texts) if 0 < len(text) <= LONGEST_CODE and text.isprintable()]


def _width(code: zxingcpp.Barcode) -> int:
    corners = (code.position.top_left, code.position.top_right, code.position.bottom_left, code.position.bottom_right)
    return max(corner.x for corner in corners) - min(corner.x for corner in corners)
