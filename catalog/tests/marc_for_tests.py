"""MARC records put together by hand, as text: «245 10$aTitle :$bsubtitle»."""

from catalog.marc.record import Field, Record


def field(line: str) -> Field:
    """«245 10$aTitle» or «001 12345»; # stands for a blank indicator."""
    tag, rest = line[:3], line[4:]
    if tag[:2] == "00":
        return Field(tag, data=rest)
    subfields = tuple((part[0], part[1:]) for part in rest[2:].split("$")[1:])
    return Field(tag, indicators=rest[:2].replace("#", " "), subfields=subfields)


def record(*lines: str, leader: str = "00000nam a2200000 i 4500") -> Record:
    """A record of these fields."""
    return Record(leader, tuple(map(field, lines)))


def iso(record: Record, encoding: str = "utf-8") -> bytes:
    """The record in ISO 2709 with its terminator, written here and not by the code under test."""
    directory, data = b"", b""
    for item in record.fields:
        if item.subfields:
            text = item.indicators + "".join(f"\x1f{code}{value}" for code, value in item.subfields)
        else:
            text = item.data
        body = text.encode(encoding) + b"\x1e"
        directory += f"{item.tag}{len(body):04}{len(data):05}".encode()
        data += body
    base = 24 + len(directory) + 1
    length = base + len(data) + 1
    leader = f"{length:05}{record.leader[5:12]}{base:05}{record.leader[17:24]}"
    return leader.encode() + directory + b"\x1e" + data + b"\x1d"
