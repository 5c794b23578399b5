"""SRU 1.1 and 1.2, the client's side: a question as CQL and parameters, an answer as records and diagnostics. Pure.

Specification: https://www.loc.gov/standards/sru/. Element names are compared without their namespaces: servers differ
in those, and the wrappers are alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from lookup.trouble import Trouble, Unavailable

FIELDS = ("title", "author", "isbn", "any")
MOST_WORDS = 12


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What a server has to object."""

    number: int
    """Of the list info:srw/diagnostic/1; 0: of another list."""
    details: str
    message: str
    """The server's own words, in its own language."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One page of an answer."""

    total: int
    """How many records match; at least as many as were sent."""
    records: Sequence[bytes]
    """Each a <record> of MARCXML or MarcXchange, in UTF-8."""
    diagnostics: Sequence[Diagnostic]


def cql(indexes: Mapping[str, str], wanted: Mapping[str, str]) -> str | None:
    """The question in CQL; None when the target has no index for something that is asked.

    With the relation `=`, which servers take for a phrase or for words as they please, every word is asked for by
    itself; any other relation gets the words as one term.
    """
    clauses: list[str] = []
    for field, text in wanted.items():
        if not (words := text.split()[:MOST_WORDS]):
            continue
        if field not in indexes:
            return None
        index, _space, relation = indexes[field].partition(" ")
        terms = words if relation in ("", "=") else [" ".join(words)]
        sign = "=" if relation in ("", "=") else f" {relation} "
        clauses += [f"{index}{sign}{_quoted(term)}" for term in terms]
    return " and ".join(clauses) or None


def parameters(*, query: str, version: str, schema: str, start: int, count: int) -> dict[str, str]:
    """What follows the address of a searchRetrieve; `start` counts from 1."""
    return {
        "version": version,
        "operation": "searchRetrieve",
        "query": query,
        "startRecord": str(start),
        "maximumRecords": str(count),
        "recordSchema": schema,
        "recordPacking": "xml",
    }


def read(content: bytes) -> Answered:
    """A searchRetrieveResponse taken apart. Raises Unavailable for what is none."""
    root = _parsed(content)
    if _name(root) not in ("searchRetrieveResponse", "explainResponse"):
        raise Unavailable(Trouble.UNREADABLE)
    total_text = _text(root, "numberOfRecords")
    records: list[bytes] = []
    diagnostics = [_diagnostic(found) for found in _below(_child(root, "diagnostics"), "diagnostic")]
    for record in _below(_child(root, "records"), "record"):
        data = _child(record, "recordData")
        content_of = _unpacked(data, _text(record, "recordPacking")) if data is not None else None
        if content_of is None:
            continue
        if _name(content_of) == "diagnostic":
            diagnostics.append(_diagnostic(content_of))
        else:
            records.append(tostring(content_of, encoding="utf-8"))
    total = int(total_text) if total_text.isascii() and total_text.isdigit() and len(total_text) < 12 else 0
    return Answered(max(total, len(records)), records, diagnostics)


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _parsed(content: bytes | str) -> Element:
    try:
        root: Element = ElementTree.fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unavailable(Trouble.UNREADABLE) from error
    return root


def _unpacked(data: Element, packing: str) -> Element | None:
    """The one element inside <recordData>; with packing `string` it stands there as text."""
    if len(data):
        return data[0]
    text = (data.text or "").strip()
    try:
        return _parsed(text) if packing == "string" or text.startswith("<") else None
    except Unavailable:
        return None


def _diagnostic(element: Element) -> Diagnostic:
    uri = _text(element, "uri")
    number = uri.rpartition("/")[2] if "info:srw/diagnostic/1/" in uri else ""
    return Diagnostic(
        int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0,
        _text(element, "details")[:200],
        _text(element, "message")[:300],
    )


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _child(element: Element | None, name: str) -> Element | None:
    return next(iter(_below(element, name)), None)


def _below(element: Element | None, name: str) -> list[Element]:
    return [] if element is None else [child for child in element if _name(child) == name]


def _text(element: Element, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else " ".join("".join(child.itertext()).split())
