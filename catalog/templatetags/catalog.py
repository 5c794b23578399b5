"""Template tags of the catalogue: covers, names of languages, addresses of searches."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time
from functools import cache, lru_cache
from html import escape
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import template
from django.conf.locale import LANG_INFO
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template import Context
from django.urls import get_script_prefix, reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import get_language, get_language_info, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from catalog import isbn
from catalog.cover_images import WIDTHS, cover_digest
from catalog.covers import cover_version
from catalog.languages import two_letters
from catalog.models import Book
from library.core.templatetags.design import status

if TYPE_CHECKING:  # which uses the filters of this module
    from catalog.availability import Availability, BookCard
    from catalog.result_pages import Choice

register = template.Library()

_OWN_NAMES = {
    "bak": gettext_lazy("Bashkir"),
    "che": gettext_lazy("Chechen"),
    "chi": gettext_lazy("Chinese"),
    "chu": gettext_lazy("Church Slavonic"),
    "chv": gettext_lazy("Chuvash"),
    "grc": gettext_lazy("Ancient Greek"),
    "lat": gettext_lazy("Latin"),
    "mul": gettext_lazy("several languages"),
    "san": gettext_lazy("Sanskrit"),
    "yid": gettext_lazy("Yiddish"),
}
"""Names of languages that Django does not know, or not by two letters."""
_ANY = str(UUID(int=0))
"""Stands for the uid of any book in an address."""
_LAST_MINUTE = time(23, 59)
_CHOSEN = ' aria-current="true"'
_TIMES = ' <span class="digits">× {}</span>'


@register.filter
def language_label(code: str) -> str:
    """«rus» in the language of the page: «Russian»; an unknown code as it is."""
    return _language_in(get_language(), code)


@lru_cache(1000)
def _language_in(_shown_in: str | None, code: str) -> str:
    if code in _OWN_NAMES:
        return capfirst(str(_OWN_NAMES[code]))
    two = two_letters(code)
    return str(get_language_info(two)["name_translated"]).capitalize() if two in LANG_INFO else code


@register.filter
def natural_name(name: str) -> str:
    """A name of the index as on a title page: «Толстой, Лев Николаевич» -> «Лев Николаевич Толстой»."""
    surname, comma, given = name.partition(",")
    return f"{given.strip()} {surname}" if comma and given.strip() else name


@register.filter
def natural_names(names: Sequence[str]) -> str:
    """Up to three names on one line, «and others» for the rest."""
    shown = ", ".join(natural_name(name) for name in names[:3])
    return _("%(names)s and others") % {"names": shown} if len(names) > 3 else shown


@register.filter
def isbn_hyphens(value: str) -> str:
    """An ISBN as printed: 978-5-17-087889-5."""
    return isbn.hyphenated(value)


@register.filter
def due_words(due_at: datetime, zone: ZoneInfo) -> str:
    """When a loan ends on the branch's clock: the day, and the time unless it is the end of the day."""
    local = due_at.astimezone(zone)
    day = date_format(local, "j E Y")
    if local.time() >= _LAST_MINUTE:
        return day
    return _("%(day)s, %(time)s") % {"day": day, "time": f"{local:%H:%M}"}


@register.simple_tag
def cover(book: Book, names: Sequence[str], width: int, is_first: bool = False) -> SafeString:
    """The picture of a book, `width` wide on the page: its own cover, else a drawn one. Words stand beside it.

    Loaded when it comes into sight, or at once as what the page `is_first` seen by.
    """
    loading = 'fetchpriority="high"' if is_first else 'loading="lazy"'
    size = f'width="{width}" height="{width * 3 // 2}" alt="" {loading} decoding="async"'
    if book.cover:
        version = cover_digest(book)
        sources = [(reverse("cover_image", args=[book.uid, wide]) + f"?v={version}", wide) for wide in WIDTHS]
        every = ", ".join(f"{url} {wide}w" for url, wide in sources)
        picture = f'<img src="{escape(sources[0][0])}" srcset="{escape(every)}" sizes="{width}px" {size}>'
    else:
        picture = f'<img src="{_of_book("cover", book)}?v={cover_version(book.title, names)}" {size}>'
    return mark_safe(picture)  # noqa: S308 # addresses are escaped or made of a uid, the rest is ours


def _of_book(name: str, book: Book) -> str:
    """The address of a page of a book: a list asks for forty, and finding one takes longer than writing it down."""
    return _address_of_any(name, get_script_prefix()).replace(_ANY, str(book.uid))


@cache
def _address_of_any(name: str, _prefix: str) -> str:
    return reverse(name, args=[_ANY])


@register.simple_tag
def book_items(cards: Iterable["BookCard"]) -> SafeString:
    """Books as items of a list, with their covers and shelves. Twenty by a template took longer than their search."""
    return mark_safe("".join(map(_book_item, cards)))  # noqa: S308 # escaped word by word


def _book_item(card: "BookCard") -> str:
    by = f'<span class="book-item__by">{escape(natural_names(card.names))}</span>' if card.names else ""
    return (
        f'<li class="book-item"><span class="cover">{cover(card.book, card.names, 96)}</span>'
        f'<div class="book-item__body"><a class="book-item__title" href="{_of_book("book", card.book)}">'
        f'{escape(str(card.book))}</a>{by}<span class="book-item__meta">{imprint(card.book)}</span>'
        f'<div class="book-item__foot">{availability_status(card.availability)}{_where(card.availability)}'
        "</div></div></li>"
    )


def _where(availability: "Availability") -> str:
    """The branches that have copies to take or to read there."""
    branches = [
        f"<li>{escape(shelf.name)}{_TIMES.format(shelf.on_shelf) if shelf.on_shelf > 1 else ''}</li>"
        for shelf in availability.branches
        if shelf.on_shelf or shelf.reading_room
    ]
    return f'<ul class="where">{"".join(branches)}</ul>' if availability.branches else ""


@register.simple_tag
def search_url(**params: Any) -> str:
    """The address of a search: `{% search_url subject=subject.pk %}`."""
    return f"{reverse('search')}?{urlencode(params, doseq=True)}"


@register.simple_tag
def imprint(book: Book) -> SafeString:
    """Year, publisher, language, and the material unless it is a book: what lists say of an edition."""
    parts = [
        book.year_note or ("" if book.year is None else str(book.year)),
        book.publisher.name if book.publisher else "",
        language_label(book.language) if book.language else "",
        capfirst(book.get_material_type_display()) if book.material_type != "book" else "",
    ]
    return mark_safe("".join(f"<span>{escape(part)}</span>" for part in parts if part))  # noqa: S308 # escaped


@register.simple_tag
def availability_status(availability: "Availability") -> SafeString:
    """How many copies are on the shelf, in a word and a sign."""
    if not availability.total:
        return status("quiet", _("No copies"))
    if count := availability.on_shelf:
        words = ngettext("%(count)s of %(total)s on the shelf", "%(count)s of %(total)s on the shelf", count)
        return status("good", words % {"count": count, "total": availability.total})
    if availability.reading_room:
        return status("info", _("To read in the library"), "book")
    return status("warn", _("None on the shelf now"))


@register.simple_tag
def facet_choices(choices: Iterable["Choice"], is_capped: bool) -> SafeString:
    """Values to narrow by as items of a list. There are a hundred: by a template they took longer than the search."""
    end = f"{'+' if is_capped else ''}</span></a></li>"
    items = []
    for choice in choices:
        word = escape(choice.label[:1].upper() + choice.label[1:])
        count = intcomma(choice.count) if choice.count > 999 else choice.count
        items.append(
            f'<li><a href="{escape(choice.url)}"{_CHOSEN if choice.is_chosen else ""} rel="nofollow">'
            f'<span class="facet__box"></span><span class="facet__word">{word}</span>'
            f'<span class="facet__count">{count}{end}'
        )
    return mark_safe("".join(items))  # noqa: S308 # words and addresses are escaped, the rest is numbers


@register.simple_tag
def options(choices: Iterable[tuple[Any, Any]], chosen: Any) -> SafeString:
    """The options of a <select>."""
    items = [
        f'<option value="{escape(str(value))}"{" selected" if value == chosen else ""}>{escape(str(label))}</option>'
        for value, label in choices
    ]
    return mark_safe("".join(items))  # noqa: S308 # escaped


@register.simple_tag(takes_context=True)
def canonical(context: Context, path: str) -> str:
    """The public address of a path."""
    return f"{context['library_url']}{path}"
