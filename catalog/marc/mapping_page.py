"""docs/marc-mapping.md, written from the mapping itself so that the two cannot drift apart."""

from collections.abc import Iterator
from dataclasses import fields

from catalog.marc import marc21_fields, rusmarc_fields, unimarc_fields
from catalog.marc.items import SHIPPED, CopyFields
from catalog.marc.rows import Row

TABLES = {"marc21": marc21_fields.ROWS, "unimarc": unimarc_fields.ROWS, "rusmarc": rusmarc_fields.ROWS}
"""By format."""
_TITLES = {"marc21": "MARC21", "unimarc": "UNIMARC", "rusmarc": "RUSMARC"}
_INTRODUCTION = """# What stands where in MARC records

`manage.py show_marc_mapping` writes this page from `catalog/marc/marc21_fields.py`, `unimarc_fields.py` and
`rusmarc_fields.py`; the tests read every example. «#» is a blank indicator. Whatever stands in no table is kept in
the stored record and goes out again untouched (`docs/import.md`). An edit changes the subfield that said it.
"""
_COPIES = """
## Copies

What the library comes with; librarians see and change it on the panel under *copy fields*. A pattern `p` is the
first $p, `hi` joins $h and $i, `a/b` is $a or, where it is empty, $b. Of several mappings for one field the first that
fits is used: one with *must have* fits where a copy of the record has such a subfield.
"""


def page() -> str:
    """The whole page, Markdown."""
    return "\n".join([_INTRODUCTION, *(line for format in TABLES for line in _table(format)), _COPIES, *_copies(), ""])


def _table(format: str) -> Iterator[str]:
    yield f"## {_TITLES[format]}\n"
    yield "| of the book | stands in | for example | is read as |\n|---|---|---|---|"
    for row in TABLES[format]:
        yield _line(row)
    yield ""


def _line(row: Row) -> str:
    example = "<br>".join(f"`{line}`" for line in row.example.splitlines())
    return f"| {row.what} | {row.where} | {example} | {row.said} |"


def _copies() -> Iterator[str]:
    names = [field.name for field in fields(CopyFields) if field.name not in ("name", "tag", "statuses")]
    yield f"| format | field | of | {' | '.join(name.replace('_', ' ') for name in names)} | status |"
    yield f"|{'---|' * (len(names) + 4)}"
    for format, kinds in SHIPPED.items():
        for kind in kinds:
            patterns = " | ".join(getattr(kind, name) for name in names)
            statuses = "<br>".join(f"`{line}`" for line in kind.statuses.splitlines())
            yield f"| {_TITLES[format]} | {kind.tag} | {kind.name} | {patterns} | {statuses} |"
