"""What pages of other apps show of the readership: the button that extends the card, the choice of the history."""

from datetime import timedelta
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.utils import timezone

from accounts.models import Reader
from library.core.dates import day as day_in_words
from library.core.errors import Refusal
from readership import queries, rules
from readership.wording import sentence

register = template.Library()
register.filter("day", day_in_words)


@register.filter
def say(refusal: Refusal) -> str:
    """A reason as a sentence."""
    return sentence(refusal)


@register.inclusion_tag("readership/card_renewal.html", takes_context=True)
def card_renewal(context: Context, reader: Reader) -> dict[str, Any]:
    """From when the card expires soon: the button that extends it, or every reason why it is not there."""
    now = timezone.now()
    today = timezone.localdate(now, reader.home_branch.zone)
    days = max(settings.CARD_NOTICE_DAYS, reader.category.self_renewal_days or 0)
    if reader.is_card_lost or reader.expires_on - timedelta(days=days) > today:
        return {"is_shown": False}
    return {
        "is_shown": True,
        "reader": reader,
        "is_expired": reader.expires_on < today,
        "refusals": rules.own_renewal_refusals(queries.renewal_facts(reader, now=now)),
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("readership/history_choice.html", takes_context=True)
def history_choice(context: Context, reader: Reader, has_history: bool) -> dict[str, Any]:
    """What is kept of what a reader brought back, and the buttons to keep or forget it."""
    return {
        "reader": reader,
        "days": settings.HISTORY_DAYS,
        "has_history": has_history,
        "csrf_token": context.get("csrf_token"),
    }
