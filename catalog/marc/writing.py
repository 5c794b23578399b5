"""Records as files: ISO 2709, MARCXML and, for UNIMARC, MarcXchange; always UTF-8."""

import re
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from catalog.marc.record import Field, Record

LONGEST_RECORD = 99_999
"""Bytes of a record: what the five digits of its length can say."""
LONGEST_FIELD = 9_999
"""Bytes of a field: what the four digits of the directory can say."""
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
NAMESPACES = {False: "http://www.loc.gov/MARC21/slim", True: "info:lc/xmlns/marcxchange-v1"}
"""XML namespaces of MARCXML and, where a record is UNIMARC, of MarcXchange."""
_XML = {False: f'xmlns="{NAMESPACES[False]}"', True: f'xmlns="{NAMESPACES[True]}"'}
_KIND = {False: "", True: ' format="RUSMARC" type="Bibliographic"'}


class TooLong(Exception):
    """ISO 2709 cannot hold the record; XML can. `size` in bytes, `tag` of the field that is too long or «»."""

    def __init__(self, size: int, tag: str = "") -> None:
        super().__init__(f"{tag} {size}".strip())
        self.size = size
        self.tag = tag


def iso2709(record: Record) -> bytes:
    """The record with its terminator. Raises TooLong beyond 99,999 bytes, or 9,999 in a field."""
    directory: list[str] = []
    data = bytearray()
    for field in record.fields:
        body = _body(field).encode() + b"\x1e"
        if len(body) > LONGEST_FIELD:
            raise TooLong(len(body), field.tag)
        directory.append(f"{field.tag:>3.3}{len(body):04}{len(data):05}")
        data += body
    base = 24 + 12 * len(directory) + 1
    length = base + len(data) + 1
    if length > LONGEST_RECORD:
        raise TooLong(length)
    leader = f"{length:05}{_plain(record.leader[5:9])}a22{base:05}{_plain(record.leader[17:20])}{_entry_map(record)}"
    return b"".join([leader.encode(), "".join(directory).encode(), b"\x1e", bytes(data), b"\x1d"])


def _body(field: Field) -> str:
    if not field.subfields:
        return field.data
    return field.indicators + "".join(f"\x1f{code}{value}" for code, value in field.subfields)


def _plain(text: str) -> str:
    return "".join(character if " " <= character <= "~" else " " for character in text)


def _entry_map(record: Record) -> str:
    return "450 " if is_unimarc(record) else "4500"


def is_unimarc(record: Record) -> bool:
    """Whether the leader ends as UNIMARC's does («450 »)."""
    return record.leader[20:23] == "450" and record.leader[23] != "0"


def marcxml(records: Iterable[Record], *, unimarc: bool = False) -> Iterator[str]:
    """A whole XML document, piece by piece: MARCXML, or MarcXchange for UNIMARC and RUSMARC."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<collection {_XML[unimarc]}>\n'
    for record in records:
        yield _xml_record(record, _KIND[unimarc])
    yield "</collection>\n"


def lone_xml_record(record: Record, *, unimarc: bool = False) -> str:
    """The record as an element to put into other documents, with the namespace (and format) on itself."""
    return _xml_record(record, f" {_XML[unimarc]}{_KIND[unimarc]}")


def _xml_record(record: Record, attributes: str = "") -> str:
    leader = f"00000{_plain(record.leader[5:9])}a2200000{_plain(record.leader[17:20])}{_entry_map(record)}"
    lines = [f"<record{attributes}>", f"  <leader>{escape(leader)}</leader>"]
    for field in record.fields:
        if not field.subfields:
            data = xml_text(_NOT_IN_XML.sub(" ", field.data))  # each sign of a control field has its place
            lines.append(f"  <controlfield tag={quoteattr(field.tag)}>{data}</controlfield>")
            continue
        first, second = (quoteattr(_plain(indicator)) for indicator in field.indicators)
        lines.append(f"  <datafield tag={quoteattr(field.tag)} ind1={first} ind2={second}>")
        for code, value in field.subfields:
            lines.append(f"    <subfield code={quoteattr(code)}>{xml_text(value)}</subfield>")
        lines.append("  </datafield>")
    lines.append("</record>\n")
    return "\n".join(lines)


def xml_text(value: str) -> str:
    """The text as XML has it."""
    return escape(xml_plain(value), {"\r": "&#13;"})


def xml_attribute(value: str) -> str:
    """The text as the quoted value of an attribute."""
    return quoteattr(xml_plain(value))


def xml_plain(value: str) -> str:
    """The text without the characters that XML cannot have at all."""
    return _NOT_IN_XML.sub("", value)
