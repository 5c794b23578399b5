"""A letter's words: subject, text and HTML from the templates of its event, in the language of the reader."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from notifications.models import Event, Letter

PAGES = {
    Event.WELCOME: "library_url",
    Event.CARD_EXPIRING: "profile_url",
    Event.RESERVATION_READY: "reservations_url",
    Event.RESERVATION_EXPIRED: "reservations_url",
    Event.RESERVATION_CANCELLED: "reservations_url",
    Event.PICKUP_MOVED: "reservations_url",
    Event.CHARGE: "charges_url",
    Event.PAYMENT: "charges_url",
}
"""Which page a letter leads to; loans unless named here."""
FIRM_FROM_DAY = 7
LAST_FROM_DAY = 30
"""From this stage on, in days late, overdue letters are firm, then final in tone."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What the reader will see."""

    subject: str
    """One line."""
    text: str
    """The whole letter in plain text: greeting, message, links, the library's name."""
    html: str
    message: str
    """The text without greeting, links and signature, for Telegram and push messages under the subject."""
    short: str
    """The subject and the library's name in one line, for SMS."""
    url: str
    """The page of ours that the letter is about: loans, reservations, charges, profile or the catalogue."""


class Unrenderable(Exception):
    """The letter's data does not fit its templates, or a template is broken."""


def render(letter: Letter, *, nonce: str = "") -> Rendered:
    """Render from what the letter's notices knew when they were written. Raises Unrenderable.

    `nonce`, if given, allows the style of the HTML on a page of ours.
    """
    try:
        return _render(letter, nonce)
    except (LookupError, TypeError, ValueError, TemplateDoesNotExist, TemplateSyntaxError) as error:
        raise Unrenderable(f"{type(error).__name__}: {error}") from error


def _render(letter: Letter, nonce: str) -> Rendered:
    lines = [_typed(notice.data) for notice in letter.notices.order_by("pk")]
    context: dict[str, Any] = {
        "library_name": settings.LIBRARY_NAME,
        "library_url": settings.LIBRARY_URL,
        "profile_url": settings.LIBRARY_URL + reverse("profile"),
        "loans_url": settings.LIBRARY_URL + reverse("my_loans"),
        "charges_url": settings.LIBRARY_URL + reverse("my_charges"),
        "reservations_url": settings.LIBRARY_URL + reverse("my_reservations"),
        "language": letter.language,
        "reader_name": letter.reader.full_name,
        "lines": lines,
        "first": lines[0],
        "count": len(lines),
        "stage": letter.stage,
        "tone": tone(letter.stage),
        "nonce": nonce,
    }
    with translation.override(letter.language):
        subject = " ".join(render_to_string(f"notifications/{letter.event}.subject.txt", context).split())
        context["subject"] = subject
        return Rendered(
            subject=subject,
            text=_tidy(render_to_string(f"notifications/{letter.event}.body.txt", context)),
            html=render_to_string(f"notifications/{letter.event}.body.html", context).lstrip(),
            message=_tidy(render_to_string(f"notifications/{letter.event}.body.txt", context | {"is_message": True})),
            short=f"{subject}. {settings.LIBRARY_NAME}",
            url=context[PAGES.get(Event(letter.event), "loans_url")],
        )


def tone(stage: int) -> str:
    """How an overdue letter speaks: `gentle`, `firm` or `last`."""
    if stage >= LAST_FROM_DAY:
        return "last"
    return "firm" if stage >= FIRM_FROM_DAY else "gentle"


def _tidy(text: str) -> str:
    """At most one blank line in a row, a line break at the end."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    """JSON back to Python: names ending in `_on` are ISO dates, in `_time` times of day, in `_amount` amounts."""
    return {name: _parsed(name, value) for name, value in data.items()}


def _parsed(name: str, value: Any) -> Any:
    if value and name.endswith("_on"):
        return date.fromisoformat(value)
    if value and name.endswith("_time"):
        return time.fromisoformat(value)
    if value and name.endswith("_amount"):
        return Decimal(value)
    return value
