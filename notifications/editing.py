"""The library's own words for letters: looked through before they are kept, and back to the built-in ones."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import Reader, User
from library.core import audit
from library.core.errors import Invalid
from notifications import sandbox
from notifications.fields import LINES, example, fields_of
from notifications.models import Event, LetterTemplate, Notice
from notifications.rendering import Unrenderable, frame_context, line_context, render_words, typed
from notifications.starters import Words, built_in

MUST_LINK = {Event.CARD_EXPIRING: "profile_url", Event.NEW_BOOKS: "search_url"}
"""Events whose letters are of no use without a link."""


def words_of(*, event: Event, language: str, kind: str) -> tuple[Words, LetterTemplate | None]:
    """The words that letters have now: the library's own with their row, or the built-in ones."""
    own = LetterTemplate.objects.filter(event=event, language=language, kind=kind).first()
    if own:
        return Words(own.subject, own.text, own.html), own
    return built_in(event, language, kind), None


def save_words(*, event: Event, language: str, kind: str, words: Words, by: User, now: datetime) -> LetterTemplate:
    """Keep the library's own words. Raises Invalid (`subject`, `text`, `html`) with the line of each mistake."""
    if event not in LINES:
        raise Invalid({"text": [_("The words of these letters are not edited.")]})
    words = Words(" ".join(words.subject.split()), _even(words.text), _even(words.html))
    if errors := mistakes(event=event, language=language, kind=kind, words=words):
        raise Invalid(errors)
    with transaction.atomic():
        former, row = words_of(event=event, language=language, kind=kind)
        row, _is_new = LetterTemplate.objects.update_or_create(
            event=event,
            language=language,
            kind=kind,
            defaults={
                **words._asdict(),
                "changed_at": now,
                "changed_by": by,
                "failed_at": None,
                "failure": "",
            },
        )
        detail = {"before": former._asdict(), "after": words._asdict()}
        audit.record(action="notifications.edit_words", subject=row, by=by, now=now, detail=detail)
    return row


def reset_words(*, event: Event, language: str, kind: str, by: User, now: datetime) -> bool:
    """Go back to the built-in words; False: those are in use already."""
    with transaction.atomic():
        row = LetterTemplate.objects.select_for_update().filter(event=event, language=language, kind=kind).first()
        if row is None:
            return False
        detail = {"before": Words(row.subject, row.text, row.html)._asdict()}
        audit.record(action="notifications.reset_words", subject=row, by=by, now=now, detail=detail)
        row.delete()
    return True


def mistakes(*, event: Event, language: str, kind: str, words: Words) -> dict[str, list[str]]:
    """What is wrong, by field; empty: every letter of this event can be written with these words."""
    needed = {LetterTemplate.Kind.LETTER: ("subject", "text", "html"), LetterTemplate.Kind.CHAT: ("subject", "text")}
    errors: dict[str, list[str]] = {}
    fields = fields_of(event)
    for name, source in words._asdict().items():
        if not source.strip():
            if name in needed.get(LetterTemplate.Kind(kind), ("text",)):
                errors[name] = [_("This must not be empty.")]
            continue
        found = sandbox.problems(source, fields)
        if found:
            errors[name] = [_("Line %(line)d: %(problem)s") % {"line": one.line, "problem": one.text} for one in found]
    link = MUST_LINK.get(event)
    if link and kind == LetterTemplate.Kind.LETTER:
        for name in ("text", "html"):
            if name not in errors and link not in getattr(words, name):
                errors[name] = [_("The link is missing: put in %(field)s.") % {"field": f"{{{{ {link} }}}}"}]
    return errors or _tried(event, language, kind, words)


def _tried(event: Event, language: str, kind: str, words: Words) -> dict[str, list[str]]:
    """Rendered with an example, for what reading alone does not tell."""
    context = _frame(language) | line_context([typed(line) for line in example(event)], stage=0)
    with override(language):
        try:
            rendered = render_words(words._asdict(), context)
        except sandbox.Broken as error:
            return {"text": [str(error)]}
    if kind != LetterTemplate.Kind.SMS and not rendered["subject"]:
        return {"subject": [_("With an example the subject is empty.")]}
    return {}


def looked_at(*, event: Event, language: str, words: Words, reader: Reader | None) -> tuple[dict[str, str], str]:
    """The words as a reader would see them, and where the data came from: their last notice, another's, an example.

    Raises sandbox.Broken, Unrenderable.
    """
    notices = Notice.objects.filter(event=event).select_related("reader").order_by("-pk")
    own = notices.filter(reader=reader).first() if reader else None
    last = own or notices.first()
    told = last.data if last else None
    lines = [told] if told else example(event)
    seen_by = reader or (last.reader if last else None)
    frame = frame_context(seen_by, language) if seen_by else _frame(language)
    stage = last.stage if last else 0
    source = _("their last notice") if own else _("the last notice of another reader") if last else _("an example")
    with override(language):
        try:
            context = frame | line_context([typed(line) for line in lines], stage=stage)
        except (LookupError, TypeError, ValueError) as error:
            raise Unrenderable(str(error)) from error
        return render_words(words._asdict(), context), source


def _frame(language: str) -> dict[str, Any]:
    return frame_context(Reader(full_name="Анна Каренина" if language == "ru" else "Anna Karenina"), language)


def _even(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip()


def states() -> Mapping[tuple[str, str, str], LetterTemplate]:
    """The library's own words by event, language and form."""
    return {(one.event, one.language, one.kind): one for one in LetterTemplate.objects.select_related("changed_by")}
