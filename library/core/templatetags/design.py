"""Template tags of the design system: signs and page numbers (docs/design-system.md)."""

from collections.abc import Iterator
from functools import cache

from django import template
from django.core.paginator import Page
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

register = template.Library()

STATUS_ICONS = {"good": "check", "info": "info", "warn": "clock", "bad": "alert", "quiet": "info"}
"""The sign of a status when the page names no other: never colour alone."""


@register.simple_tag
@cache
def icon(name: str, css_class: str = "") -> SafeString:
    """A drawing from static/img/icons.svg, hidden from screen readers: the words stand beside it."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        f" {css_class}" if css_class else "",
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def status(kind: str, word: str, icon_name: str = "") -> SafeString:
    """How a thing stands, as icon and word; `kind` is good, info, warn, bad or quiet."""
    sign = icon(icon_name or STATUS_ICONS[kind])
    return SafeString(f'<span class="status status--{kind}">{sign}{conditional_escape(word)}</span>')


@register.simple_tag
def page_numbers(page: Page) -> Iterator[str | int]:
    """The page numbers worth showing around `page`, with an ellipsis for those left out."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
