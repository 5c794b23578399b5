"""The panel's pages where the library writes its own words for letters: all of them, and one with its preview."""

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Reader
from library.core.errors import Invalid
from notifications import sandbox
from notifications.editing import looked_at, mistakes, reset_words, save_words, states, words_of
from notifications.fields import LINES, insertable
from notifications.models import Event, LetterTemplate
from notifications.rendering import Unrenderable
from notifications.words_form import WordsForm

CHANGE = "notifications.change_lettertemplate"


class Place(NamedTuple):
    """Which words are meant."""

    event: Event
    language: str
    kind: LetterTemplate.Kind

    @property
    def title(self) -> str:
        """In words."""
        language = dict(settings.LANGUAGES)[self.language]
        return f"{self.event.label} · {language} · {self.kind.label}"


@require_safe
def all_words(request: HttpRequest) -> HttpResponse:
    """Every event with the forms and languages of its words, and which are the library's own."""
    if not request.user.has_perm("notifications.view_lettertemplate"):
        raise PermissionDenied
    own = states()
    rows = [
        {
            "event": event,
            "languages": [
                [
                    {"place": Place(event, language, kind), "own": own.get((event, language, kind))}
                    for kind in LetterTemplate.Kind
                ]
                for language, _name in settings.LANGUAGES
            ],
        }
        for event in LINES
    ]
    context = {
        **admin.site.each_context(request),
        "opts": LetterTemplate._meta,
        "title": _("Words of letters"),
        "rows": rows,
        "languages": settings.LANGUAGES,
        "failing": [one for one in own.values() if one.failed_at],
    }
    return TemplateResponse(request, "admin/notifications/all_words.html", context)


@require_http_methods(["GET", "POST"])
def edit_words(request: HttpRequest, event: str, language: str, kind: str) -> HttpResponse:
    """One letter's words: written, looked through, kept."""
    place = _place(request, event, language, kind)
    words, own = words_of(**place._asdict())
    form = WordsForm(kind, request.POST or None, initial=words._asdict())
    if form.is_valid():
        try:
            save_words(**place._asdict(), words=form.words(), by=request.user, now=timezone.now())  # type: ignore[arg-type] # staff
        except Invalid as error:
            for name, said in error.errors.items():
                form.add_error(name if name in form.fields else None, list(map(str, said)))
        else:
            messages.success(request, _("Letters now have these words."))
            return redirect("admin:notifications_words", *place)
    context = {
        **admin.site.each_context(request),
        "opts": LetterTemplate._meta,
        "title": place.title,
        "place": place,
        "own": own,
        "form": form,
        "fields": insertable(place.event),
        "filters": sandbox.FILTERS,
    }
    return TemplateResponse(request, "admin/notifications/words.html", context)


@require_POST
def preview_words(request: HttpRequest, event: str, language: str, kind: str) -> HttpResponse:
    """What is being typed, as a reader would see it, with what is wrong in it: a piece of the page."""
    place = _place(request, event, language, kind)
    form = WordsForm(kind, request.POST)
    context: dict[str, Any] = {"place": place}
    if not form.is_valid():
        context["errors"] = [str(said) for errors in form.errors.values() for said in errors]
    elif wrong := mistakes(**place._asdict(), words=form.words()):
        context["errors"] = [
            f"{form.fields[name].label}: {said}" if name in form.fields else said
            for name, sayings in wrong.items()
            for said in sayings
        ]
    else:
        reader = _reader(request.POST.get("reader", ""))
        try:
            context["seen"], context["source"] = looked_at(
                event=place.event, language=language, words=form.words(), reader=reader
            )
            context["reader"] = reader
        except (sandbox.Broken, Unrenderable) as error:
            context["errors"] = [str(error)]
    return TemplateResponse(request, "admin/notifications/words_preview.html", context)


@require_POST
def reset_words_view(request: HttpRequest, event: str, language: str, kind: str) -> HttpResponse:
    """Back to the built-in words."""
    place = _place(request, event, language, kind)
    if reset_words(**place._asdict(), by=request.user, now=timezone.now()):  # type: ignore[arg-type] # staff
        messages.success(request, _("Letters have the built-in words again."))
    return redirect("admin:notifications_words", *place)


def _place(request: HttpRequest, event: str, language: str, kind: str) -> Place:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    known = event in LINES and language in dict(settings.LANGUAGES) and kind in LetterTemplate.Kind.values
    if not known:
        raise Http404
    return Place(Event(event), language, LetterTemplate.Kind(kind))


def _reader(card: str) -> Reader | None:
    """By card number; None where nobody has it."""
    return Reader.objects.current().filter(card_number__iexact=card.strip()).first() if card.strip() else None
