"""Inventory numbers and barcodes that the library gives out itself."""

from typing import NamedTuple

from django.db import connection
from django.db.models import Q
from stdnum import ean

from catalog.models import Copy

IN_STORE = "2"
"""EAN-13 numbers that begin with it are free for use inside one house (GS1)."""


class CopyNumber(NamedTuple):
    """What a copy without numbers of its own gets."""

    inventory_number: str
    barcode: str


def take(count: int) -> list[CopyNumber]:
    """That many numbers which no copy has: inventory numbers «0000017» and EAN-13 barcodes to print."""
    numbers: list[CopyNumber] = []
    while missing := count - len(numbers):
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('catalog_copy_number') FROM generate_series(1, %s)", [missing])
            fresh = [_number(counter) for (counter,) in cursor.fetchall()]
        inventory_numbers, barcodes = zip(*fresh, strict=True)
        taken = {
            number
            for pair in Copy.objects.filter(
                Q(inventory_number__in=inventory_numbers) | Q(barcode__in=barcodes)
            ).values_list("inventory_number", "barcode")
            for number in pair
        }
        numbers += [number for number in fresh if taken.isdisjoint(number)]
    return numbers


def _number(counter: int) -> CopyNumber:
    digits = f"{IN_STORE}{counter:011}"
    return CopyNumber(f"{counter:07}", digits + ean.calc_check_digit(digits))
