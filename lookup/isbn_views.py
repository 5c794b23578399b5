"""The panel's question about an ISBN: JSON for the page of a book, and the picture of its cover."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from catalog import isbn as isbns
from catalog.bookdata import Person
from catalog.models import Author, Book, Contribution, Genre, NamedThing, Publisher, Series, Subject, folded_name
from lookup import limits, wording
from lookup.findings import Said, Source
from lookup.guard import staff_who_may
from lookup.isbn_lookup import Answer, cover, look_up, owned_books
from lookup.trouble import Unavailable

SHARED: dict[str, type[NamedThing]] = {
    "publisher": Publisher,
    "series": Series,
    "genres": Genre,
    "subjects": Subject,
    "people": Author,
}
"""Fields whose values are things of their own."""


@require_safe
@never_cache
@staff_who_may("catalog.add_book", "catalog.change_book")
def isbn(request: HttpRequest) -> JsonResponse:
    """What is known of `?isbn=`; `?book=` names the book whose page asks. `message` is for the librarian."""
    try:
        value = isbns.clean(request.GET.get("isbn", "")[:60])
    except ValidationError as refusal:
        return JsonResponse({"message": refusal.messages[0], "tone": "bad"}, status=400)
    if not limits.is_allowed(request):
        return JsonResponse({"message": wording.too_often(), "tone": "warn"}, status=429)
    answer = look_up(value)
    this_book = request.GET.get("book", "")
    owned = [_owned(book, request) for book in owned_books(value) if str(book.pk) != this_book]
    told = {"isbn": isbns.hyphenated(value), "owned": owned, **_described(answer)}
    return JsonResponse(told | _message(answer))


@require_safe
@staff_who_may("catalog.add_book", "catalog.change_book")
def cover_picture(request: HttpRequest, isbn: str) -> HttpResponse:
    """The cover that was found with the ISBN, drawn anew; the page puts it into its own field for uploads."""
    if not (value := isbns.normalise(isbn)):
        raise Http404
    if not limits.is_allowed(request):
        return HttpResponse(status=429)
    try:
        picture = cover(value)
    except Unavailable as failure:
        return HttpResponse(wording.sentence(_("The cover's server"), failure), status=502, content_type="text/plain")
    if picture is None:
        raise Http404
    return HttpResponse(picture, content_type="image/webp", headers={"Cache-Control": "private, max-age=600"})


def _message(answer: Answer) -> dict[str, str]:
    """One sentence or two for the line below the ISBN."""
    troubles = [wording.sentence(wording.SOURCE_NAMES[source], failure) for source, failure in answer.troubles.items()]
    if answer.findings:
        names = ", ".join(wording.SOURCE_NAMES[finding.source] for finding in answer.findings)
        found = _("Found in: %(sources)s.") % {"sources": names}
        return {"message": " ".join([found, *troubles]), "tone": "warn" if troubles else "good"}
    if troubles:
        return {"message": " ".join([*troubles, wording.nobody_answered()]), "tone": "bad"}
    return {"message": wording.nothing_found(isbns.hyphenated(answer.isbn)), "tone": "warn"}


def _owned(book: Book, request: HttpRequest) -> dict[str, Any]:
    copies: int = book.copy_count  # type: ignore[attr-defined] # annotated
    words = ngettext("%(count)d copy", "%(count)d copies", copies) % {"count": copies}
    add_copy = f"{reverse('admin:catalog_copy_add')}?book={book.pk}"
    return {
        "title": book.title,
        "copies": words,
        "url": reverse("admin:catalog_book_change", args=[book.pk]),
        "add_copy_url": add_copy if request.user.has_perm("catalog.add_copy") else "",
    }


def _described(answer: Answer) -> dict[str, Any]:
    merged = answer.merged
    keys = _keys_of(merged.fields)
    fields = {
        name: [{"source": wording.SOURCE_NAMES[said.source], **_shown(name, said, keys)} for said in all_said]
        for name, all_said in merged.fields.items()
    }
    picture = None
    if merged.covers:
        source: Source = merged.covers[0].source
        picture = {"url": reverse("lookup_cover", args=[answer.isbn]), "source": wording.SOURCE_NAMES[source]}
    return {"fields": fields, "cover": picture}


def _shown(name: str, said: Said, keys: dict[tuple[str, str], int]) -> dict[str, Any]:
    """A value as text and, for names, as what the form's choices take: a key or a new name."""
    if name not in SHARED:
        return {"text": str(said.value)}
    things = said.value if isinstance(said.value, tuple) else (said.value,)
    return {
        "text": "; ".join(thing.name if isinstance(thing, Person) else thing for thing in things),
        "things": [_thing(name, thing, keys) for thing in things],
    }


def _thing(field: str, thing: Person | str, keys: dict[tuple[str, str], int]) -> dict[str, Any]:
    name = thing.name if isinstance(thing, Person) else thing
    key = keys.get((field, folded_name(name)))
    shown = {"name": name, "key": str(key) if key else f"new:{name}", "is_new": key is None}
    if isinstance(thing, Person):
        shown |= {"role": str(thing.role), "role_name": str(Contribution.Role(thing.role).label)}
    return shown


def _keys_of(fields: Any) -> dict[tuple[str, str], int]:
    """Primary keys of the names that the catalogue has, by field and folded name: a query a field."""
    keys: dict[tuple[str, str], int] = {}
    for field, model in SHARED.items():
        values = [said.value for said in fields.get(field, ())]
        things = [thing for value in values for thing in (value if isinstance(value, tuple) else (value,))]
        folded = {folded_name(thing.name if isinstance(thing, Person) else thing) for thing in things}
        if folded:
            found = model._default_manager.filter(folded_name__in=folded).order_by("-pk")
            keys |= {(field, name): pk for name, pk in found.values_list("folded_name", "pk")}
    return keys
