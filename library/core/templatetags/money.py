"""Amounts in templates: `{% load money %}`."""

from decimal import Decimal

from django import template

from library.core.money import money as in_words

register = template.Library()


@register.filter
def money(amount: Decimal) -> str:
    """An amount with the library's currency."""
    return in_words(amount)
