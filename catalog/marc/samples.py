"""How the first records of a file read in each encoding: by this a person sees whether the right one was found."""

from typing import BinaryIO, NamedTuple

from catalog.cleaning import tidy
from catalog.marc import encodings, reading
from catalog.marc.record import Field

SHOWN = 3
"""Records that are shown of each encoding."""
LONGEST = 120
"""Characters shown of each."""
_TELLING = ("245", "200", "100", "700", "260", "210", "264")
"""Fields by which letters are best judged, where they hold any beyond ASCII."""


class Sample(NamedTuple):
    """The beginnings of some records in one encoding."""

    choice: str
    """As chosen in forms: AUTO for what was found, else the encoding."""
    encoding: str
    lines: list[str]
    unreadable: int
    """Bytes of these records that mean nothing in this encoding."""


def samples(stream: BinaryIO) -> list[Sample]:
    """What was found first, then the other encodings that read differently; [] where there is nothing to choose.

    That is so where all letters are ASCII, and in XML, which names its encoding.
    """
    head = stream.read(reading.CHUNK)
    if reading.looks_like_xml(head):
        return []
    *whole, rest = head.split(reading.TERMINATOR)
    pieces = [stripped for piece in whole or [rest] if (stripped := piece.strip(reading.BLANK))]
    told = [piece for piece in pieces[: encodings.SAMPLE] if encodings.is_foreign(piece)][:SHOWN]
    if not told:
        return []
    found = encodings.guess(pieces)
    places = [_telling(piece, encodings.choose(piece, found)) for piece in told]
    kept = [_sample(encodings.AUTO, found, told, places)]
    for encoding in encodings.CHOICES[1:]:
        sample = _sample(encoding, encoding, told, places)
        if all(sample.lines != other.lines for other in kept):
            kept.append(sample)
    return kept


def _sample(choice: str, encoding: str, pieces: list[bytes], places: list[tuple[str, int]]) -> Sample:
    lines: list[str] = []
    unreadable = 0
    for piece, (tag, position) in zip(pieces, places, strict=True):
        used = encodings.choose(piece, encoding) if choice == encodings.AUTO else encoding
        record = reading.parse_iso2709(piece, used).record
        fields = record.all(tag) if record else ()
        text = _text(fields[position]) if position < len(fields) else encodings.decode(piece, used)[24:]
        lines.append(tidy(text)[:LONGEST])
        unreadable += encodings.decode(piece, used).count("\ufffd")
    return Sample(choice, encoding, lines, unreadable)


def _telling(piece: bytes, encoding: str) -> tuple[str, int]:
    """Tag, and which of the fields with it: the first one of `_TELLING`, else of all, with letters beyond ASCII."""
    record = reading.parse_iso2709(piece, encoding).record
    if record is None:
        return "", 0
    for tag in dict.fromkeys((*_TELLING, *(field.tag for field in record.fields))):
        for position, field in enumerate(record.all(tag)):
            if not _text(field).isascii():
                return tag, position
    return "", 0


def _text(field: Field) -> str:
    return field.data or " ".join(value for code, value in field.subfields if code.isalpha())
