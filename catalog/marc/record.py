"""A MARC record in memory: leader and fields, small enough to make thousands a second.

pymarc's own record trusts the directory and the leader, which real files do not deserve; only its MARC-8 tables are
used (`encodings`).
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple

LEADER_FOR_NEW = "00000nam a2200000 i 4500"
"""The leader of a record that the library makes itself: a printed book, described by ISBD, in UTF-8."""


_END = "\x1f"
"""What no subfield holds: it ends them in a digest."""


class Field(NamedTuple):
    """One field: a control field has `data`; a data field has two `indicators` and `subfields` in order."""

    tag: str
    data: str = ""
    indicators: str = "  "
    subfields: tuple[tuple[str, str], ...] = ()

    def first(self, codes: str) -> str:
        """The first subfield with one of these codes, «» when there is none."""
        for code, value in self.subfields:
            if code in codes:
                return value
        return ""

    def all(self, codes: str) -> list[str]:
        """The subfields with these codes, in the record's order."""
        return [value for code, value in self.subfields if code in codes]

    def embedded(self) -> list["Field"]:
        """The fields inside a UNIMARC linking field: «$12001 $aTitle$vPart» holds 200 with $a and $v."""
        fields: list[Field] = []
        for code, value in self.subfields:
            if code == "1" and value[:2] == "00":
                fields.append(Field(value[:3], data=value[3:]))
            elif code == "1":
                fields.append(Field(value[:3], indicators=value[3:5].ljust(2)))
            elif fields and not fields[-1].data:
                fields[-1] = fields[-1]._replace(subfields=(*fields[-1].subfields, (code, value)))
        return fields


class Record:
    """Leader (24 characters) and fields in the order of the record; `first` and `all` find them by tag."""

    __slots__ = ("_by_tag", "_said", "fields", "leader")

    def __init__(self, leader: str, fields: tuple[Field, ...], said: Sequence[str] | None = None) -> None:
        """`said` is each field as it stands in the digest, where the reader has it at hand."""
        self.leader = leader
        self.fields = fields
        self._said = said
        by_tag: dict[str, list[Field]] = {}
        for field in fields:
            if (tag := field[0]) in by_tag:
                by_tag[tag].append(field)
            else:
                by_tag[tag] = [field]
        self._by_tag = by_tag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and (self.leader, self.fields) == (other.leader, other.fields)

    __hash__ = None  # type: ignore[assignment]  # compared in tests, never a key

    def __contains__(self, tag: str) -> bool:
        return tag in self._by_tag

    def all(self, *tags: str) -> Sequence[Field]:
        """The fields with these tags: tag after tag as asked, each in the record's order."""
        by_tag = self._by_tag
        if len(tags) == 1:
            return by_tag.get(tags[0], ())
        return [field for tag in tags if tag in by_tag for field in by_tag[tag]]

    def control(self, tag: str) -> str:
        """The data of the first control field with this tag, «» when there is none."""
        fields = self._by_tag.get(tag)
        return fields[0].data if fields else ""

    def first(self, tag: str, codes: str) -> str:
        """The first of these subfields in the first field with this tag that has one, «» when there is none."""
        for field in self._by_tag.get(tag, ()):
            if value := field.first(codes):
                return value
        return ""

    def as_json(self) -> str:
        """MARC-in-JSON: {"leader": …, "fields": [{"001": …}, {"245": {"ind1", "ind2", "subfields": [{"a": …}]}}]}."""
        fields = []
        for tag, data, indicators, subfields in self.fields:
            if not subfields:
                fields.append(f"{{{_quoted(tag)}:{_quoted(data)}}}")
                continue
            parts = "},{".join([_KEYS[code] + _quoted(value) for code, value in subfields])
            fields.append(f'{{{_KEYS[tag]}{{{_both(indicators)},"subfields":[{{{parts}}}]}}}}')
        return f'{{"leader":{_quoted(self.leader)},"fields":[{",".join(fields)}]}}'

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Record":
        """The record that `as_json` wrote, parsed."""
        fields = []
        for entry in content["fields"]:
            [(tag, body)] = entry.items()
            if isinstance(body, str):
                fields.append(Field(tag, data=body))
            else:
                subfields = tuple(pair for subfield in body["subfields"] for pair in subfield.items())
                fields.append(Field(tag, indicators=body["ind1"] + body["ind2"], subfields=subfields))
        return cls(content["leader"], tuple(fields))

    def digest(self) -> str:
        """SHA-256 of what the record says: the same in any encoding and container, whatever its lengths.

        The places of UNIMARC's 100 $a that name the character set (26-29) do not count.
        """
        said = self._said
        fields = self.fields
        if self.leader[20:23] == "450" and self.leader[23] != "0":
            said, fields = None, tuple(map(_without_character_set, fields))
        if said is None:
            said = [
                f"{tag}{indicators}{''.join([code + value + _END for code, value in subfields])}{data}"
                for tag, data, indicators, subfields in fields
            ]
        whole = "\x1e".join((self.leader[5:9], self.leader[17:20], *said))
        return hashlib.sha256(whole.encode()).hexdigest()


class _Keys(dict[str, str]):
    """Tags and codes as keys of JSON, learnt one by one: there are some thousands at most, whatever is damaged."""

    def __missing__(self, name: str) -> str:
        key = f"{_quoted(name)}:"
        if len(self) < 10_000:
            self[name] = key
        return key


_KEYS = _Keys()


@lru_cache(1024)
def _both(indicators: str) -> str:
    return f'"ind1":{_quoted(indicators[0])},"ind2":{_quoted(indicators[1])}'


def _without_character_set(field: Field) -> Field:
    if field.tag != "100" or not field.subfields or not field.first("a")[:8].isdigit():
        return field
    code, value = field.subfields[0]
    return field._replace(subfields=((code, f"{value[:26]}    {value[30:]}"), *field.subfields[1:]))
