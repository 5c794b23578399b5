"""Card numbers: thirteen digits that any shop scanner reads as EAN-13 and that catch a mistyped digit."""

from stdnum import ean

PREFIX = "29"
"""EAN-13 numbers from 20 to 29 are free for use within a company (GS1 General Specifications), so no book has one."""


def card_number(serial: int) -> str:
    """The card number of a serial (1 to 9,999,999,999), with its check digit: 1 -> 2900000000018."""
    digits = f"{PREFIX}{serial:010d}"
    return digits + ean.calc_check_digit(digits)


def is_card_number(text: str) -> bool:
    """Whether `text` was made by `card_number`; a library may also use numbers of its own."""
    return len(text) == 13 and text.startswith(PREFIX) and ean.is_valid(text)
