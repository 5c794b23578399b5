"""Files cut into records: ISO 2709 and MARCXML (also MarcXchange), whatever their state.

Record lengths in leaders are never believed: an ISO 2709 file is cut at its record terminators (0x1D), an XML file at
its <record> tags, so that one broken record never takes another with it. Each piece that is not blank is either read
or refused with a reason: nothing is lost silently.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from catalog.cleaning import has_odd_signs
from catalog.marc import encodings
from catalog.marc.record import Field, Record
from catalog.problems import Problem, Remark, each_once

TERMINATOR = b"\x1d"
BLANK = b" \t\r\n\x00\x1a"
"""Bytes between records that mean nothing: line ends, the end-of-file mark of DOS."""
ENTRY = 12
"""Bytes of a directory entry: tag 3, length 4, start 5."""
CHUNK = 1 << 20
"""Bytes read at a time."""
LONGEST = 20 << 20
"""Bytes of one record; whatever is longer is no record."""

_UNUSUAL_SUBFIELD = re.compile("\x1f(?![!-~][^\x1e\x1f])")
"""One without a code of ASCII or without a value."""
_STRAY = re.compile("[\x00\x1d-\x1f]")
_VALID_CODES = frozenset(map(chr, range(33, 127)))
_RECORD_START = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?record(?=[\s>/])")
_RECORD_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?record\s*>")
_MARC_TAG = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(?:leader|controlfield|datafield)[\s>/]")
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_NAMESPACE = re.compile(rb"""xmlns(?::[\w.-]+)?\s*=\s*(?:"[^"<]*"|'[^'<]*')""")


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of one piece of a file: a record, or the reason why there is none."""

    number: int
    """Counted from 1 in the order of the file."""
    record: Record | None
    remarks: tuple[Remark, ...] = ()
    refusal: Remark | None = None
    raw: bytes = b""
    """The piece itself, without its terminator, or out of its XML envelope."""


def read(stream: BinaryIO, encoding: str = encodings.AUTO) -> Iterator[Reading]:
    """The records of an open file, in order; `encoding` is one of `encodings.CHOICES` or a name Python knows."""
    head = stream.read(CHUNK)
    if looks_like_xml(head):
        pieces = _pieces_of_xml(_chunks(stream, head), encoding)
    else:
        pieces = _pieces_of_iso(_chunks(stream, head), head, encoding)
    yield from pieces


def _chunks(stream: BinaryIO, head: bytes) -> Iterator[bytes]:
    while head:
        yield head
        head = stream.read(CHUNK)


# --- ISO 2709 ------------------------------------------------------------------------------------------------------
def _pieces_of_iso(chunks: Iterable[bytes], head: bytes, encoding: str) -> Iterator[Reading]:
    is_auto = encoding == encodings.AUTO
    likely = encodings.guess(head.split(TERMINATOR)) if is_auto else encoding
    number = 0
    for raw, is_whole in _cut(chunks):
        if not (raw := raw.strip(BLANK)):
            continue
        number += 1
        if not is_whole:
            problem = Problem.TOO_LARGE if len(raw) > LONGEST else Problem.CUT_OFF
            yield Reading(number, None, refusal=Remark(problem, {"bytes": len(raw)}), raw=raw)
            continue
        used = encodings.choose(raw, likely) if is_auto and likely != encodings.UTF8 else likely
        if record := sound_record(raw, used):
            yield Reading(number, record, raw=raw)
            continue
        if is_auto and likely == encodings.UTF8:
            used = encodings.choose(raw, likely)
        yield parse_iso2709(raw, used, number)


def _cut(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The pieces between terminators, and whether the terminator was there; an endless one is given up in pieces."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(TERMINATOR)
        for piece in whole:
            yield piece, True
        if len(rest) > LONGEST:
            yield rest, False
            rest = b""
    yield rest, False


def sound_record(raw: bytes, encoding: str) -> Record | None:
    """The record, where nothing at all is wrong with it or its letters; None: look closer (`parse_iso2709`).

    Nearly every record is so, and to be sure of it takes a fraction of the time in which one is mended.
    """
    if encoding == encodings.MARC8 or raw[-1:] != b"\x1e":
        return None
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return None
    head, *bodies = text.split("\x1e")
    bodies.pop()
    is_plain = "\ufffd" not in text and text.replace("\x1e", "").replace("\x1f", "").isprintable()
    if not is_plain or not bodies or _UNUSUAL_SUBFIELD.search(text):
        return None
    directory = head[24:]
    if len(directory) != ENTRY * len(bodies) or not (directory.isalnum() and head.isascii() and head[:5].isalnum()):
        return None
    lengths = [*map(len, bodies)] if len(text) == len(raw) else [*map(len, raw.split(b"\x1e")[1:-1])]
    starts = accumulate([length + 1 for length in lengths], initial=0)
    places = range(0, len(directory), ENTRY)
    try:
        entries = [int(directory[at + 3 : at + ENTRY]) for at in places]
    except ValueError:
        return None
    if entries != [(length + 1) * 100_000 + start for length, start in zip(lengths, starts, strict=False)]:
        return None
    fields: list[Field] = []
    said: list[str] = []
    for at, body in zip(places, bodies, strict=True):
        tag = directory[at : at + 3]
        if body[2:3] == "\x1f":
            indicators, rest = body[:2], body[3:]
            parts = [(part[0], part[1:]) for part in rest.split("\x1f")]
            fields.append(_new(Field, (tag, "", indicators, tuple(parts))))
            said.append(f"{tag}{indicators}{rest}\x1f")
        elif body and "\x1f" not in body:
            fields.append(_new(Field, (tag, body, "  ", ())))
            said.append(f"{tag}  {body}")
        else:
            return None
    return Record(head[:24], tuple(fields), said)


_new = tuple.__new__
"""A named tuple without the detour over its own constructor."""


def parse_iso2709(raw: bytes, encoding: str, number: int = 1) -> Reading:
    """One record without its terminator. The directory gives the tags; the field terminators have the last word."""
    directory_end = raw.find(b"\x1e", 24)
    if directory_end < 0 or not raw[:5].strip(b" ").isalnum():
        return Reading(number, None, refusal=Remark(Problem.NOT_MARC), raw=raw)
    leader = raw[:24].decode("ascii", "replace")
    directory, data = raw[24:directory_end], raw[directory_end + 1 :]
    if not data.strip(b"\x1e \r\n"):
        return Reading(number, None, refusal=Remark(Problem.NO_FIELDS), raw=raw)
    pieces = data.split(b"\x1e")
    if not pieces[-1].strip(BLANK):
        pieces.pop()
    entries = _entries(directory)
    is_sound = all(entry[1] == len(piece) + 1 for entry, piece in zip(entries, pieces, strict=False))
    if len(entries) == len(pieces):
        text = encodings.decode(data, encoding)
        texts = text.split("\x1e")
    elif _tile(entries, data):
        is_sound = True
        texts = [encodings.decode(data[start : start + length - 1], encoding) for _, length, start in entries]
        text = "".join(texts)
    else:
        problem = Remark(Problem.BAD_DIRECTORY, {"entries": len(entries), "fields": len(pieces)})
        return Reading(number, None, refusal=problem, raw=raw)
    remarks = [] if is_sound else [Remark(Problem.DIRECTORY_REPAIRED)]
    fields = [_field(entry[0], text, remarks) for entry, text in zip(entries, texts, strict=False)]
    return Reading(number, *_finished(leader, fields, remarks, text), raw=raw)


def _entries(directory: bytes) -> list[tuple[str, int, int]]:
    """Tag, length and start of each field, in the order of their starts; -1 where the directory is no number.

    Widths are those of every MARC format (4 and 5); what leader/20-21 says instead is damage.
    """
    entries = []
    for at in range(0, len(directory) - len(directory) % ENTRY, ENTRY):
        length, start = directory[at + 3 : at + 7], directory[at + 7 : at + ENTRY]
        entries.append(
            (
                directory[at : at + 3].decode("ascii", "replace"),
                int(length) if length.isdigit() else -1,
                int(start) if start.isdigit() else -1,
            )
        )
    starts = [start for _, _, start in entries]
    if -1 not in starts and len(set(starts)) == len(starts):
        entries.sort(key=lambda entry: entry[2])
    return entries


def _tile(entries: list[tuple[str, int, int]], data: bytes) -> bool:
    """Whether the fields, as the directory gives them, fill the data exactly, each with its terminator."""
    expected = 0
    for _, length, start in entries:
        if start != expected or length < 1 or data[start + length - 1 : start + length] != b"\x1e":
            return False
        expected += length
    return bool(entries) and not data[expected:].strip(BLANK)


def _field(tag: str, text: str, remarks: list[Remark]) -> Field:
    if text[2:3] == "\x1f":
        indicators, rest = text[:2], text[3:]
    elif (start := text.find("\x1f")) >= 0 and tag[:2] != "00":
        indicators, rest = text[:start].ljust(2)[:2], text[start + 1 :]
    else:
        return Field(tag, data=text.replace("\x1f", " "))
    subfields = [(part[0], part[1:]) for part in rest.split("\x1f") if part]
    for at, (code, value) in enumerate(subfields):
        if code not in _VALID_CODES:
            subfields[at] = _repaired(code, value)
            remarks.append(Remark(Problem.SUBFIELD_CODE_REPAIRED, {"field": tag}))
    return Field(tag, indicators=indicators, subfields=tuple(subfields))


def _repaired(code: str, value: str) -> tuple[str, str]:
    """A subfield whose code is no ASCII sign: «á» was «a»; a stray sign hides the code after it, else it is local."""
    plain = unicodedata.normalize("NFKD", code)[:1]
    if plain in _VALID_CODES:
        return plain, value
    return (value[0], value[1:]) if value[:1].islower() and value.isascii() else ("9", value)


def _finished(
    leader: str, fields: list[Field], remarks: list[Remark], text: str
) -> tuple[Record | None, tuple[Remark, ...], Remark | None]:
    """The record without empty fields, NUL (no database holds it) and stray separators, and remarks on its `text`."""
    kept = tuple(field for field in fields if field.data or any(value for _, value in field.subfields))
    if not kept:
        return None, (), Remark(Problem.NO_FIELDS)
    if bad := text.count("\ufffd"):
        remarks.append(Remark(Problem.UNREADABLE_BYTES, {"count": bad}))
    if has_odd_signs(text):
        remarks.append(Remark(Problem.ODD_CHARACTERS))
    if _STRAY.search(
        "".join(field.indicators + (field.data or "".join([v for _, v in field.subfields])) for field in kept)
    ):
        kept = tuple(
            field._replace(
                data=_STRAY.sub("", field.data),
                indicators=_STRAY.sub(" ", field.indicators),
                subfields=tuple((code, _STRAY.sub("", value)) for code, value in field.subfields),
            )
            for field in kept
        )
    return Record(leader.replace("\x00", " ").ljust(24), kept), tuple(each_once(remarks)), None


# --- XML -----------------------------------------------------------------------------------------------------------
def looks_like_xml(head: bytes) -> bool:
    """Whether a file that begins so is XML."""
    start = head.lstrip(codecs.BOM_UTF8 + BLANK)[:1]
    return start == b"<" or head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _pieces_of_xml(chunks: Iterable[bytes], encoding: str) -> Iterator[Reading]:
    number = 0
    opening = b""
    for piece in _cut_xml(_as_bytes_of_ascii(chunks)):
        if not _RECORD_START.match(piece):
            opening = opening or piece
            continue
        if not _MARC_TAG.search(piece) and b"header" in piece:  # the envelope of an OAI-PMH answer
            continue
        number += 1
        declared = _DECLARED.search(opening)
        used = encoding
        if encoding == encodings.AUTO:
            used = declared[1].decode("ascii") if declared else encodings.UTF8
        yield parse_xml(piece, _NAMESPACE.findall(opening), used, number)


def _as_bytes_of_ascii(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """UTF-16 as UTF-8, anything else as it is: the tags are then ASCII bytes."""
    decoder: codecs.IncrementalDecoder | None = None
    for position, chunk in enumerate(chunks):
        if position == 0 and chunk[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
            text = decoder.decode(chunk)
            yield re.sub(r"(<\?xml[^>]*?)\s+encoding\s*=\s*[\"'][^\"']*[\"']", r"\1", text, count=1).encode()
        else:
            yield decoder.decode(chunk).encode() if decoder else chunk


def _cut_xml(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What stands before the first record, then each record from its start tag to its end tag or the next record."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        starts = [match.start() for match in _RECORD_START.finditer(rest)]
        cuts = [0, *(start for start in starts if start)]
        for begin, end in pairwise(cuts):
            yield _trimmed(rest[begin:end])
        rest = rest[cuts[-1] :]
        if len(rest) > LONGEST:
            yield rest
            rest = b""
    yield _trimmed(rest)


def _trimmed(piece: bytes) -> bytes:
    end = _RECORD_END.search(piece)
    return piece[: end.end()] if end else piece


def parse_xml(piece: bytes, namespaces: list[bytes], encoding: str, number: int = 1) -> Reading:
    """One <record> with the namespace declarations of the elements around it. Entities and DTDs are not allowed."""
    if len(piece) > LONGEST:
        return Reading(number, None, refusal=Remark(Problem.TOO_LARGE, {"bytes": len(piece)}), raw=piece)
    try:
        text = piece.decode(encoding, "replace")
    except LookupError:
        text = piece.decode(encodings.UTF8, "replace")
    outside = " ".join(dict.fromkeys(declaration.decode("ascii", "replace") for declaration in namespaces))
    try:
        root = ElementTree.fromstring(f"<collection {outside}>{text}</collection>", forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        return Reading(number, None, refusal=Remark(Problem.BAD_XML, {"detail": str(error)[:200]}), raw=piece)
    leader = " " * 24
    fields: list[Field] = []
    remarks: list[Remark] = []
    for element in root[0].iter():
        name = element.tag.rpartition("}")[2]
        if name == "leader":
            leader = (element.text or "").ljust(24)[:24]
        elif name == "controlfield":
            fields.append(Field(element.get("tag", ""), data=element.text or ""))
        elif name == "datafield":
            fields.append(_xml_field(element, remarks))
    return Reading(number, *_finished(leader, fields, remarks, text), raw=piece)


def _xml_field(element: Element, remarks: list[Remark]) -> Field:
    tag = element.get("tag", "")
    if len(tag) != 3:
        tag = tag.strip().rjust(3, "0")
    subfields = []
    for child in element:
        code, value = child.get("code", "")[:1], child.text or ""
        if code not in _VALID_CODES:
            code = "9"
            remarks.append(Remark(Problem.SUBFIELD_CODE_REPAIRED, {"field": tag}))
        subfields.append((code, value))
    indicators = element.get("ind1", " ")[:1].ljust(1) + element.get("ind2", " ")[:1].ljust(1)
    return Field(tag, indicators=indicators, subfields=tuple(subfields))
