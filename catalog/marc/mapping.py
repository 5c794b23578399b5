"""A record understood: its format, what makes it the same record next time, its book and what there is to remark."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.bookdata import BookData
from catalog.marc import marc21, unimarc
from catalog.marc.items import SHIPPED, CopyFields
from catalog.marc.record import Record
from catalog.models import SourceRecord
from catalog.problems import Problem, Remark

AUTO = "auto"
Format = SourceRecord.Format
FORMATS = (AUTO, Format.MARC21, Format.UNIMARC, Format.RUSMARC)
"""What `--format` and the upload form offer."""

_GENERAL_DATA = re.compile(r"[0-9 ]{8}[a-z|# ]")
"""How UNIMARC's 100 $a begins: the day of entry, then the type of date."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What a record says."""

    format: str
    key: str
    """The control number with its agency; «» when there is none."""
    is_key_trusted: bool
    """Whether the agency is known, so that no other library uses the same key."""
    whole_key: str
    """The key of the record of the whole, where this is a volume or issue."""
    book: BookData
    remarks: tuple[Remark, ...]


def understand(
    record: Record, format: str = AUTO, known: Mapping[str, Sequence[CopyFields]] = SHIPPED
) -> Understood | Remark:
    """The record's book, or the reason why it has none.

    `format` is one of `FORMATS`; `known` says by format where copies stand.
    """
    if format == AUTO and (format := detected_format(record)) == AUTO:
        return Remark(Problem.UNKNOWN_FORMAT)
    rules = marc21 if format == Format.MARC21 else unimarc
    if not rules.is_bibliographic(record):
        return Remark(Problem.NOT_BIBLIOGRAPHIC)
    book = rules.book(record, known.get(format, ()))
    remarks = [Remark(Problem.BAD_ISBN, {"value": value[:100]}) for value in rules.bad_isbns(record)]
    if not book.title:
        if not (book.people or book.isbns or book.publisher or book.series or book.copies):
            return Remark(Problem.NO_TITLE)
        book = replace(book, title=devised_title(book.language))
        remarks.append(Remark(Problem.TITLE_DEVISED, {"title": book.title}))
    key, is_trusted = rules.key(record)
    return Understood(format, key, is_trusted, rules.whole_key(record), book, tuple(remarks))


def book_of(content: dict[str, object], format: str) -> BookData:
    """The book of a record stored as MARC-in-JSON."""
    understood = understand(Record.from_json(content), format)
    return understood.book if isinstance(understood, Understood) else BookData()


def devised_title(language: str) -> str:
    """What cataloguing rules put where a book has no title: in brackets, in the record's language."""
    return "[Без заглавия]" if language in ("", "rus") else "[Untitled]"


def detected_format(record: Record) -> str:
    """MARC21 has its title in 245, UNIMARC in 200; RUSMARC is UNIMARC with Russian agencies. AUTO: neither."""
    has_200, has_245 = "200" in record, "245" in record
    is_unimarc = has_200 and not has_245
    if has_200 == has_245:
        is_unimarc = any(_GENERAL_DATA.match(field.first("a")) for field in record.all("100"))
        if not (has_200 or is_unimarc or "100" in record or "008" in record):
            return AUTO
        if not has_200 and not is_unimarc and not any(field.subfields for field in record.fields):
            return AUTO
    if not is_unimarc:
        return Format.MARC21
    is_russian = record.control("001").startswith("RU\\") or any(
        "RU" in field.all("a") or "rcr" in field.all("g") or "PSBO" in map(str.upper, field.all("g"))
        for field in record.all("801")
    )
    return Format.RUSMARC if is_russian else Format.UNIMARC
