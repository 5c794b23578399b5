"""A letter's words: subject, text and HTML from the templates of its event, in the language of the reader."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, time
from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Reader
from notifications import sandbox
from notifications.models import KIND_OF, Event, Letter, LetterTemplate
from notifications.unsubscribing import unsubscribe_url

log = structlog.get_logger(__name__)

PAGES = {
    Event.WELCOME: "library_url",
    Event.CARD_EXPIRING: "profile_url",
    Event.RESERVATION_READY: "reservations_url",
    Event.RESERVATION_EXPIRED: "reservations_url",
    Event.RESERVATION_CANCELLED: "reservations_url",
    Event.PICKUP_MOVED: "reservations_url",
    Event.RESERVATION_EXPIRING: "reservations_url",
    Event.QUEUE_MOVED: "reservations_url",
    Event.BRANCH_CLOSED: "reservations_url",
    Event.NEW_BOOKS: "search_url",
    Event.MESSAGE: "library_url",
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


UNRENDERABLE = (LookupError, TypeError, ValueError, TemplateDoesNotExist, TemplateSyntaxError)


class Unrenderable(Exception):
    """The letter's data does not fit its templates, or a template is broken."""


def render(letter: Letter, *, nonce: str = "") -> Rendered:
    """Render from what the letter's notices knew when they were written. Raises Unrenderable.

    `nonce`, if given, allows the style of the HTML on a page of ours.
    """
    try:
        return _render(letter, nonce)
    except UNRENDERABLE as error:
        raise Unrenderable(f"{type(error).__name__}: {error}") from error


def _render(letter: Letter, nonce: str) -> Rendered:
    context = frame_context(letter.reader, letter.language, nonce=nonce)
    notices = sorted(letter.notices.all(), key=lambda notice: notice.pk)
    context["unsubscribe_url"] = unsubscribe_url(letter.reader, letter.event)
    own = _own_words(letter, (notice.event for notice in notices))
    parts: dict[tuple[Event, int], list[dict[str, Any]]] = {}
    for notice in notices:
        parts.setdefault((Event(notice.event), notice.stage), []).append(typed(notice.data))
    with translation.override(letter.language):
        if len(parts) == 1:
            (((event, stage), lines),) = parts.items()
            return _section(event, stage, lines, context, own.get(event))
        within = context | {"is_message": True}
        sections = [_section(event, stage, lines, within, own.get(event)) for (event, stage), lines in parts.items()]
        digest = _section(Event.DIGEST, 0, [asdict(section) for section in sections], context)
        return replace(digest, url=sections[0].url)


def sample(*, reader: Reader, event: Event, data: list[dict[str, Any]], stage: int = 0) -> Rendered:
    """What a reader would see of an event that has not happened. Raises Unrenderable."""
    try:
        with translation.override(reader.language):
            return _section(event, stage, [typed(one) for one in data], frame_context(reader, reader.language))
    except UNRENDERABLE as error:
        raise Unrenderable(f"{type(error).__name__}: {error}") from error


def frame_context(reader: Reader, language: str, *, nonce: str = "") -> dict[str, Any]:
    """What every letter knows of its reader and of the library."""
    return {
        "library_name": settings.LIBRARY_NAME,
        "library_url": settings.LIBRARY_URL,
        "profile_url": settings.LIBRARY_URL + reverse("profile"),
        "loans_url": settings.LIBRARY_URL + reverse("my_loans"),
        "charges_url": settings.LIBRARY_URL + reverse("my_charges"),
        "reservations_url": settings.LIBRARY_URL + reverse("my_reservations"),
        "search_url": settings.LIBRARY_URL + reverse("search"),
        "letters_url": settings.LIBRARY_URL + reverse("my_letters"),
        "language": language,
        "reader_name": reader.full_name,
        "nonce": nonce,
    }


def line_context(lines: list[dict[str, Any]], *, stage: int) -> dict[str, Any]:
    """What a letter knows of its event."""
    return {"lines": lines, "first": lines[0], "count": len(lines), "stage": stage, "tone": tone(stage)}


def _section(
    event: Event, stage: int, lines: list[dict[str, Any]], frame: dict[str, Any], own: LetterTemplate | None = None
) -> Rendered:
    """The words of one event in the language that is on; with `is_message` in `frame`, as a part of a digest.

    The library's `own` words, where there are any; if they fail, the built-in ones, and staff are told.
    """
    context = frame | line_context(lines, stage=stage)
    subject = " ".join(render_to_string(f"notifications/{event}.subject.txt", context).split())
    context["subject"] = subject
    rendered = Rendered(
        subject=subject,
        text=_tidy(render_to_string(f"notifications/{event}.body.txt", context)),
        html=render_to_string(f"notifications/{event}.body.html", context).strip(),
        message=_tidy(render_to_string(f"notifications/{event}.body.txt", context | {"is_message": True})),
        short=f"{subject}. {settings.LIBRARY_NAME}",
        url=context[PAGES.get(event, "loans_url")],
    )
    if own is None:
        return rendered
    try:
        return _in_own_words(rendered, own, context)
    except sandbox.Broken as error:
        log.error("letter_template_failed", template=own.pk, letter_event=event, error=str(error))
        failed = LetterTemplate.objects.filter(pk=own.pk, failed_at=None)
        failed.update(failed_at=timezone.now(), failure=str(error)[:1000])
        return rendered


def _in_own_words(rendered: Rendered, own: LetterTemplate, context: dict[str, Any]) -> Rendered:
    """Raises sandbox.Broken."""
    words = render_words({"subject": own.subject, "text": own.text, "html": own.html}, context)
    match own.kind:
        case LetterTemplate.Kind.SMS:
            return replace(rendered, short=" ".join(words["text"].split()))
        case LetterTemplate.Kind.CHAT:
            return replace(rendered, subject=words["subject"], message=words["text"])
    framed = context | {"subject": words["subject"], "words": words}
    return replace(
        rendered,
        subject=words["subject"],
        text=_tidy(render_to_string("notifications/edited.body.txt", framed)),
        html=render_to_string("notifications/edited.body.html", framed).strip(),
        message=words["text"],
    )


def render_words(words: Mapping[str, str], context: Mapping[str, Any]) -> dict[str, str]:
    """Subject, text and HTML that staff wrote, with the fields put in. Raises sandbox.Broken."""
    return {
        "subject": " ".join(sandbox.render(words["subject"], context).split()),
        "text": _tidy(sandbox.render(words["text"], context)),
        "html": sandbox.render(words["html"], context, is_html=True),
    }


def _own_words(letter: Letter, events: Iterable[str]) -> dict[str, LetterTemplate]:
    """The library's own words for this letter, by event."""
    kind = KIND_OF[Letter.Channel(letter.channel)]
    found = LetterTemplate.objects.filter(event__in=set(events), language=letter.language, kind=kind)
    return {template.event: template for template in found}


def tone(stage: int) -> str:
    """How an overdue letter speaks: `gentle`, `firm` or `last`."""
    if stage >= LAST_FROM_DAY:
        return "last"
    return "firm" if stage >= FIRM_FROM_DAY else "gentle"


def _tidy(text: str) -> str:
    """At most one blank line in a row, a line break at the end."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def typed(data: Mapping[str, Any]) -> dict[str, Any]:
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
