"""SRU 1.2: what explain and searchRetrieve answer. Parameters in, XML out; the door is `exchange.views`."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse

from catalog.marc.writing import NAMESPACES, xml_text
from catalog.stored import read_books
from exchange import cql, finding
from exchange.cql import Diagnostic
from exchange.records import DC, Format, dublin_core_elements, element, metadata

NAMESPACE = "http://www.loc.gov/zing/srw/"
DIAGNOSTICS = "http://www.loc.gov/zing/srw/diagnostic/"
EXPLAIN = "http://explain.z3950.org/dtd/2.0/"
DC_SCHEMA = "info:srw/schema/1/dc-schema"
VERSIONS = ("1.1", "1.2")
DEFAULT_RECORDS = 10
MOST_RECORDS = 100
"""Records of one answer, whatever is asked for."""
_KNOWN = {
    "explain": {"recordPacking"},
    "searchRetrieve": {
        "query",
        "startRecord",
        "maximumRecords",
        "recordPacking",
        "recordSchema",
        "sortKeys",
        "resultSetTTL",
    },
}
_SORT_PATHS = {"title": "dc.title", "author": "dc.creator", "creator": "dc.creator", "date": "dc.date"}


def respond(parameters: QueryDict) -> str:
    """The whole XML document that answers a request; without any parameters it explains the server."""
    said = {name: str(parameters[name]) for name in parameters}
    operation = said.pop("operation", "searchRetrieve" if "query" in said else "explain")
    version = said.pop("version", "1.2")
    body, problem = "", ""
    try:
        if operation not in _KNOWN:
            raise Diagnostic(4, operation)
        if version not in VERSIONS:
            raise Diagnostic(5, "1.2")
        _check(said, _KNOWN[operation])
        body = _search(said) if operation == "searchRetrieve" else _explain(said)
    except Diagnostic as error:
        problem = _diagnostic(error)
    version = version if version in VERSIONS else "1.2"
    if problem and operation == "searchRetrieve":
        body = element("zs:numberOfRecords", 0)
    elif problem and operation == "explain":
        body = _explain({})
    root = f"zs:{operation if operation in (*_KNOWN, 'scan') else 'explain'}Response"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{root} xmlns:zs="{NAMESPACE}">{element("zs:version", version)}{body}{problem}</{root}>\n'
    )


def _check(said: Mapping[str, str], known: set[str]) -> None:
    for name in said:
        if name == "stylesheet":
            raise Diagnostic(110)
        if name == "recordXPath":
            raise Diagnostic(72)
        if name not in known and not name.startswith("x-"):
            raise Diagnostic(8, name)
    if said.get("recordPacking", "xml") not in ("xml", "string"):
        raise Diagnostic(71, said["recordPacking"])


def _diagnostic(error: Diagnostic) -> str:
    details = element("details", error.details) if error.details else ""
    return (
        f'<zs:diagnostics><diagnostic xmlns="{DIAGNOSTICS}">'
        f"{element('uri', f'info:srw/diagnostic/1/{error.number}')}{details}{element('message', error)}"
        "</diagnostic></zs:diagnostics>"
    )


# --- searchRetrieve ------------------------------------------------------------------------------------------------


def _marcxml(books: Mapping[int, UUID]) -> dict[int, str]:
    return metadata(books, Format.MARC21)


def _rusmarc(books: Mapping[int, UUID]) -> dict[int, str]:
    return metadata(books, Format.RUSMARC)


def _dublin_core(books: Mapping[int, UUID]) -> dict[int, str]:
    head = f'<srw_dc:dc xmlns:srw_dc="{DC_SCHEMA}" xmlns:dc="{DC}">'
    return {pk: f"{head}{dublin_core_elements(book, books[pk])}</srw_dc:dc>" for pk, book in read_books(books).items()}


class RecordSchema(NamedTuple):
    """What records may be asked for in: a short name, an identifier, a title, and who writes them."""

    name: str
    identifier: str
    title: str
    write: Callable[[Mapping[int, UUID]], dict[int, str]]


SCHEMAS = (
    RecordSchema("marcxml", "info:srw/schema/1/marcxml-v1.1", "MARC21 (MARCXML)", _marcxml),
    RecordSchema("dc", "info:srw/schema/1/dc-v1.1", "Dublin Core", _dublin_core),
    RecordSchema("rusmarc", NAMESPACES[True], "RUSMARC (MarcXchange)", _rusmarc),
)
"""The first is the default."""


def _search(said: Mapping[str, str]) -> str:
    if "query" not in said:
        raise Diagnostic(7, "query")
    start = _number(said, "startRecord", 1, least=1)
    size = min(_number(said, "maximumRecords", DEFAULT_RECORDS, least=0), MOST_RECORDS)
    schema = _schema(said.get("recordSchema", ""))
    query = cql.parse(said["query"])
    if said.get("sortKeys") and not query.sort:
        query = cql.Query(query.tree, tuple(map(_sort_key, said["sortKeys"].split())))
    page = finding.find(query, start=start, size=size)
    written = schema.write(page.books)
    packing = said.get("recordPacking", "xml")
    records = "".join(
        f"<zs:record>{element('zs:recordSchema', schema.identifier)}{element('zs:recordPacking', packing)}"
        f"<zs:recordData>{written[pk] if packing == 'xml' else xml_text(written[pk])}</zs:recordData>"
        f"{element('zs:recordPosition', position)}</zs:record>"
        for position, pk in enumerate(page.books, start)
        if pk in written
    )
    following = start + len(page.books)
    has_more = bool(page.books) and following <= page.total
    return (
        element("zs:numberOfRecords", page.total)
        + (f"<zs:records>{records}</zs:records>" if records else "")
        + (element("zs:nextRecordPosition", following) if has_more else "")
    )


def _number(said: Mapping[str, str], name: str, otherwise: int, *, least: int) -> int:
    text = said.get(name, "") or str(otherwise)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise Diagnostic(6, name)
    return int(text)


def _schema(name: str) -> RecordSchema:
    for schema in SCHEMAS:
        if name in ("", schema.name, schema.identifier):
            return schema
    raise Diagnostic(66, name)


def _sort_key(text: str) -> cql.SortKey:
    """A key of SRU 1.1: path,schema,ascending; the rest is not offered."""
    path, _schema, ascending, *_rest = [*text.split(","), "", ""]
    if path.lower() not in _SORT_PATHS:
        raise Diagnostic(80, path)
    if ascending not in ("", "0", "1"):
        raise Diagnostic(82, ascending)
    return cql.SortKey(_SORT_PATHS[path.lower()], is_descending=ascending == "0")


# --- explain -------------------------------------------------------------------------------------------------------

_INDEXES = (
    ("Anywhere", ("cql.serverChoice", "cql.anywhere", "bath.any")),
    ("Every record", ("cql.allRecords",)),
    ("Title", ("dc.title", "bath.title")),
    ("Author", ("dc.creator", "dc.contributor", "bath.author", "bath.name")),
    ("Subject", ("dc.subject", "bath.subject")),
    ("Publisher", ("dc.publisher",)),
    ("Description", ("dc.description",)),
    ("Year", ("dc.date",)),
    ("Language", ("dc.language",)),
    ("Material", ("dc.type",)),
    ("ISBN", ("bath.isbn", "dc.identifier")),
    ("Record", ("rec.id",)),
)
_SORTABLE = ("Title", "Author", "Year")
_SETS = {
    "cql": "info:srw/cql-context-set/1/cql-v1.1",
    "dc": "info:srw/cql-context-set/1/dc-v1.1",
    "bath": "http://zing.z3950.org/cql/bath/2.0/",
    "rec": "info:srw/cql-context-set/2/rec-1.1",
}


def _explain(said: Mapping[str, str]) -> str:
    record = _explanation()
    packing = said.get("recordPacking", "xml")
    return (
        f"<zs:record>{element('zs:recordSchema', EXPLAIN)}{element('zs:recordPacking', packing)}"
        f"<zs:recordData>{record if packing == 'xml' else xml_text(record)}</zs:recordData></zs:record>"
    )


def _explanation() -> str:
    """The ZeeRex record: where the server is, what it understands."""
    address = urlsplit(settings.LIBRARY_URL)
    port = address.port or (443 if address.scheme == "https" else 80)
    sets = "".join(element("set", "", name=name, identifier=identifier) for name, identifier in _SETS.items())
    indexes = "".join(
        f'<index search="true" scan="false" sort="{str(title in _SORTABLE).lower()}">{element("title", title)}<map>'
        + "".join(element("name", name.partition(".")[2], set=name.partition(".")[0]) for name in names)
        + "</map></index>"
        for title, names in _INDEXES
    )
    schemas = "".join(
        f'<schema identifier="{schema.identifier}" name="{schema.name}" sort="false" retrieve="true">'
        f"{element('title', schema.title)}</schema>"
        for schema in SCHEMAS
    )
    return (
        f'<explain xmlns="{EXPLAIN}">'
        '<serverInfo protocol="SRU" version="1.2" transport="http" method="GET POST">'
        f"{element('host', address.hostname or '')}{element('port', port)}"
        f"{element('database', reverse('sru').lstrip('/'))}</serverInfo>"
        f"<databaseInfo>{element('title', settings.LIBRARY_NAME, lang=settings.LANGUAGE_CODE, primary='true')}"
        f"</databaseInfo><indexInfo>{sets}{indexes}</indexInfo><schemaInfo>{schemas}</schemaInfo><configInfo>"
        f"{element('default', DEFAULT_RECORDS, type='numberOfRecords')}"
        f"{element('setting', MOST_RECORDS, type='maximumRecords')}"
        f"{element('default', SCHEMAS[0].name, type='retrieveSchema')}"
        f"{element('supports', '', type='sort')}</configInfo></explain>"
    )
