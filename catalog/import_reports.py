"""What an import has to say afterwards: its remarks as a table, the rejected records as a file."""

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext as _

from catalog.import_wording import sentence
from catalog.marc.reading import TERMINATOR
from catalog.models import ImportRun
from catalog.problems import Problem, Remark
from catalog.resources import escaped

CHUNK = 2000
"""Rows fetched at a time."""


class RejectedRecords(NamedTuple):
    """A file of records."""

    content: Iterator[bytes]
    content_type: str
    suffix: str


def remarks_table(run: ImportRun) -> Iterator[bytes]:
    """Every remark as CSV in UTF-8 with a byte order mark: number of the record, outcome, code, sentence."""
    line = io.StringIO()
    writer = csv.writer(line)

    def written(*cells: str | int) -> bytes:
        writer.writerow([escaped(cell) for cell in cells])
        text = line.getvalue()
        line.seek(0)
        line.truncate()
        return text.encode()

    yield b"\xef\xbb\xbf" + written(_("record"), _("outcome"), _("code"), _("remark"))
    rejected, imported = _("rejected"), _("imported")
    refused = set(run.remarks.filter(is_refusal=True).values_list("record", flat=True))
    for remark in run.remarks.order_by("pk").defer("raw").iterator(chunk_size=CHUNK):
        outcome = rejected if remark.record in refused else imported
        words = sentence(Remark(Problem(remark.problem), remark.data))
        yield written(remark.record, outcome, remark.problem, words)


def has_rejected_records(run: ImportRun) -> bool:
    """Whether there are rejected MARC records to mend; rows of a table are mended in the table."""
    return run.remarks.filter(is_refusal=True, raw__isnull=False).exists()


def rejected_records(run: ImportRun) -> RejectedRecords | None:
    """The rejected MARC records byte for byte as they were: ISO 2709, or XML with an envelope; None: there are none."""
    pieces = run.remarks.filter(is_refusal=True, raw__isnull=False).order_by("pk").values_list("raw", flat=True)
    first = pieces.first()
    if first is None:
        return None
    raw = (bytes(piece or b"") for piece in pieces.iterator(chunk_size=CHUNK))
    if bytes(first or b"").lstrip().startswith(b"<"):
        return RejectedRecords(_in_envelope(raw), "application/xml", "xml")
    return RejectedRecords((piece + TERMINATOR for piece in raw), "application/marc", "mrc")


def _in_envelope(pieces: Iterator[bytes]) -> Iterator[bytes]:
    slim = b"http://www.loc.gov/MARC21/slim"
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="%b" xmlns:marc="%b">\n' % (slim, slim)
    for piece in pieces:
        yield piece + b"\n"
    yield b"</collection>\n"
