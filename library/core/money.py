"""Amounts of money in words."""

from decimal import Decimal

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import get_language

SIGNS = {"RUB": "₽", "EUR": "€", "USD": "$", "GBP": "£", "KZT": "₸", "BYN": "Br", "UAH": "₴", "GEL": "₾", "AMD": "֏"}
"""ISO 4217 codes to the signs that people know."""
SIGN_FIRST = frozenset({"en"})
"""Languages that write the sign before the amount, without a space."""


def money(amount: Decimal) -> str:
    """An amount in the library's currency, as the language in use writes it: 1 250,50 ₽, ₽1,250.50, RUB 1,250.50."""
    sign = SIGNS.get(settings.LIBRARY_CURRENCY, settings.LIBRARY_CURRENCY)
    number = number_format(abs(amount), 2, use_l10n=True, force_grouping=True)
    minus = "\N{MINUS SIGN}" if amount < 0 else ""
    if (get_language() or settings.LANGUAGE_CODE)[:2] in SIGN_FIRST:
        space = "\N{NO-BREAK SPACE}" if sign.isalpha() and len(sign) > 1 else ""
        return f"{minus}{sign}{space}{number}"
    return f"{minus}{number}\N{NO-BREAK SPACE}{sign}"


def as_typed(amount: Decimal) -> str:
    """An amount as one types it into a field, in the language in use: 1250,50."""
    return number_format(amount, 2, use_l10n=True, force_grouping=False)
