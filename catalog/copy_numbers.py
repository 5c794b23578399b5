"""Inventory numbers and barcodes that the library gives out itself."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from stdnum import ean

from catalog.models import Copy, CopyQuerySet
from library.core.scanning import readings
from library.core.sql import Ready

IN_STORE = "2"
"""EAN-13 numbers that begin with it are free for use inside one house (GS1)."""
COUNTER_LOCK = 0x636F7079
"""Advisory lock of PostgreSQL under which the counter moves: «copy» in ASCII."""
_LAST_DIGITS = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
"""What comes before the last digits, the last digits, what comes after."""


class CopyNumber(NamedTuple):
    """What a copy without numbers of its own gets."""

    inventory_number: str
    barcode: str


def take(count: int) -> list[CopyNumber]:
    """That many numbers which no copy has: inventory numbers «0000017» and EAN-13 barcodes to print."""
    numbers: list[CopyNumber] = []
    while missing := count - len(numbers):
        with _counter() as cursor:
            cursor.execute("SELECT nextval('catalog_copy_number') FROM generate_series(1, %s)", [missing])
            fresh = [_number(counter) for (counter,) in cursor.fetchall()]
        taken = _taken(fresh)
        numbers += [number for number in fresh if taken.isdisjoint(number)]
    return numbers


def next_block(count: int) -> list[CopyNumber]:
    """The first `count` consecutive free numbers, to show; nothing is taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM catalog_copy_number")
        (start,) = cursor.fetchone()
    while True:
        block = [_number(start + step) for step in range(count)]
        taken = _taken(block)
        last_taken = max((step for step, number in enumerate(block) if not taken.isdisjoint(number)), default=None)
        if last_taken is None:
            return block
        start += last_taken + 1


def take_block(count: int, *, first: str) -> bool:
    """Take `next_block(count)` if it still begins with the barcode `first`; else False, and nothing is taken.

    Nobody else is ever given one of these numbers; those before them that copies have already are passed over.
    """
    with _counter() as cursor:
        block = next_block(count)
        if block[0].barcode != first:
            return False
        cursor.execute("SELECT setval('catalog_copy_number', %s)", [int(block[-1].inventory_number)])
        return True


def consecutive(first: str, count: int) -> list[str]:
    """`count` numbers from `first` on: its last digits count up, «ИНВ-099/б» -> «ИНВ-100/б». Empty without digits."""
    parts = _LAST_DIGITS.fullmatch(first)
    if parts is None:
        return []
    before, digits, after = parts.groups()
    return [f"{before}{int(digits) + step:0{len(digits)}}{after}" for step in range(count)]


def taken_inventory_numbers(numbers: Collection[str]) -> list[str]:
    """Those of the inventory numbers that copies have, in their order."""
    there = set(Copy.objects.filter(inventory_number__in=numbers).values_list("inventory_number", flat=True))
    return [number for number in numbers if number in there]


def taken_barcodes(barcodes: Collection[str]) -> list[str]:
    """Those of the barcodes that copies have in any case of letters, in their order."""
    lower = [barcode.lower() for barcode in barcodes]
    there = set(
        Copy.objects.annotate(lower_barcode=Lower("barcode"))
        .filter(lower_barcode__in=lower)
        .values_list("lower_barcode", flat=True)
    )
    return [barcode for barcode in barcodes if barcode.lower() in there]


@contextmanager
def _counter() -> Iterator[Any]:
    """A cursor that alone moves the counter, so that a block stays whole; numbers once given are never given back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [COUNTER_LOCK])
        try:
            yield cursor
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [COUNTER_LOCK])


def _taken(numbers: Collection[CopyNumber]) -> set[str]:
    """The inventory numbers and barcodes of copies that share one of them with `numbers`."""
    inventory_numbers, barcodes = zip(*numbers, strict=True)
    pairs = Copy.objects.filter(Q(inventory_number__in=inventory_numbers) | Q(barcode__in=barcodes))
    return {number for pair in pairs.values_list("inventory_number", "barcode") for number in pair}


def _number(counter: int) -> CopyNumber:
    digits = f"{IN_STORE}{counter:011}"
    return CopyNumber(f"{counter:07}", digits + ean.calc_check_digit(digits))


def copy_by_scan(code: str) -> Copy | None:
    """The copy with this barcode, else with this inventory number, whatever the case or the keyboard layout."""
    meant = readings(code)
    if copy := _BY_BARCODE.first(readings=[reading.lower() for reading in meant]):
        return copy
    cases = [case for reading in meant for case in (reading, reading.upper(), reading.lower())]
    return _with_books().filter(inventory_number__in=cases).first()


def _with_books() -> CopyQuerySet:
    return Copy.objects.select_related("book", "branch").defer("book__description")


_BY_BARCODE = Ready(lambda of: _with_books().alias(folded=Lower("barcode")).filter(folded__among=of("readings")))
