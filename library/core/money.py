"""Amounts of money in words."""

from decimal import Decimal

from django.conf import settings
from django.utils.formats import number_format

SIGNS = {"RUB": "₽", "EUR": "€", "USD": "$", "GBP": "£", "KZT": "₸", "BYN": "Br", "UAH": "₴", "GEL": "₾", "AMD": "֏"}
"""ISO 4217 codes to the signs that people know."""


def money(amount: Decimal) -> str:
    """An amount in the library's currency, in the language in use: 1 250,50 ₽."""
    sign = SIGNS.get(settings.LIBRARY_CURRENCY, settings.LIBRARY_CURRENCY)
    return f"{number_format(amount, 2, use_l10n=True, force_grouping=True)}\N{NO-BREAK SPACE}{sign}"
