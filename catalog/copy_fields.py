"""Where copies stand in records, as the librarians of this library have it (`CopyFieldMapping`)."""

from collections import defaultdict
from dataclasses import fields

from catalog.marc.items import SHIPPED, CopyFields
from catalog.models import CopyFieldMapping

PATTERNS = tuple(field.name for field in fields(CopyFields) if field.name not in ("name", "tag", "statuses"))
"""Attributes that are patterns of subfields."""
AUTO = ""
"""Every mapping of the record's own format."""


def known(choice: str = AUTO) -> dict[str, tuple[CopyFields, ...]]:
    """The mappings by format, in the order in which they are looked for; one query.

    `choice` is the id of the only one to be used, or AUTO. A format without any has what the library came with.
    """
    found: defaultdict[str, list[CopyFields]] = defaultdict(list)
    for row in CopyFieldMapping.objects.order_by("position", "pk"):
        if choice in (AUTO, str(row.pk)):
            found[row.format].append(fields_of(row))
    if choice != AUTO:
        return {format: tuple(rows) for format, rows in found.items()}
    return SHIPPED | {format: tuple(rows) for format, rows in found.items()}


def fields_of(row: CopyFieldMapping) -> CopyFields:
    """The mapping as the reading of records knows it."""
    return CopyFields(**{field.name: getattr(row, field.name) for field in fields(CopyFields)})
