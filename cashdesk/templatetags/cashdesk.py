"""Filters for pages about money."""

from datetime import datetime

from django import template

from cashdesk import wording
from cashdesk.models import Entry

register = template.Library()


@register.filter
def entry_title(entry: Entry) -> str:
    """What an entry is, as the beginning of a line."""
    said = wording.title(entry)
    return said[:1].upper() + said[1:]


@register.filter
def local(entry: Entry) -> datetime:
    """When it was, on the clock of its branch."""
    return entry.at.astimezone(entry.branch.zone)
