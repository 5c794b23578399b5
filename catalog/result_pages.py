"""What stands around a list of results: filters with counts, chips to take them back, addresses.

The address is the whole state of a search; every choice is a link to another address.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog.models import Author, Genre, MaterialType, Publisher, Series, Subject
from catalog.queries import Facet, SearchQuery, SearchResult, Sort
from catalog.templatetags.catalog import language_label, natural_name
from policies.models import Branch

SHOWN_VALUES = 7
"""Values of a facet that are seen at once; the others unfold."""
OPEN_GROUPS = 5
"""Facets that are open until somebody closes them."""
FILTERS = {
    Facet.AVAILABLE: "available",
    Facet.BRANCH: "branch",
    Facet.MATERIAL: "material",
    Facet.LANGUAGE: "language",
    Facet.GENRE: "genre",
    Facet.SUBJECT: "subject",
    Facet.AUTHOR: "by",
    Facet.DECADE: "decade",
}
"""Parameters of addresses by facet, in the order of the page."""
YEARS = ("year_from", "year_to")
OTHER_FILTERS = ("publisher", "series")
"""Parameters that pages of books link to; no facets."""
_ORDER = ("q", "title", "author", "isbn", *FILTERS.values(), *OTHER_FILTERS, *YEARS, "page")
"""Parameters of canonical addresses."""
_COLLECTIONS = {"available", "branch", "material", "language", "genre", "subject", "by", "decade", *OTHER_FILTERS}
_THINGS: dict[str, Any] = {
    "branch": Branch,
    "genre": Genre,
    "subject": Subject,
    "by": Author,
    "publisher": Publisher,
    "series": Series,
}
"""Parameters that hold primary keys."""


@dataclass(slots=True)
class Choice:
    """A value to narrow by, or one to take back: its words, its address, its hits."""

    label: str
    url: str
    count: int = 0
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """A heading with its choices, those beyond `SHOWN_VALUES` apart; years also have fields to type into."""

    title: str
    shown: Sequence[Choice] = ()
    more: Sequence[Choice] = ()
    is_open: bool = False
    has_years: bool = False
    is_more_open: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_more_open", any(choice.is_chosen for choice in self.more))


# --- Addresses -----------------------------------------------------------------------------------------------------


def tidy(params: QueryDict) -> QueryDict:
    """The parameters without the empty ones and the usual order."""
    kept = QueryDict(mutable=True)
    for name, values in params.lists():
        if full := [value for value in values if value.strip() and (name, value) != ("sort", Sort.RELEVANCE)]:
            kept.setlist(name, full)
    return kept


def address(params: QueryDict) -> str:
    """The address of a search."""
    return reverse("search") + (f"?{params.urlencode()}" if params else "")


def only(params: QueryDict, names: Iterable[str]) -> QueryDict:
    """These of the parameters, in this order."""
    kept = QueryDict(mutable=True)
    for name in names:
        if name in params:
            kept.setlist(name, params.getlist(name))
    return kept


def canonical(params: QueryDict) -> str:
    """The one address of these results: parameters in one order, without the order of results and the first page."""
    kept = only(params, _ORDER)
    if kept.get("page") == "1":
        del kept["page"]
    return address(kept)


def is_collection(params: QueryDict) -> bool:
    """Whether search engines may list these results: all books, or those of one genre, subject, branch and so on."""
    kept = only(params, _ORDER)
    names = set(kept) - {"page"}
    return not names or (len(names) == 1 and names <= _COLLECTIONS and len(kept.getlist(next(iter(names)))) == 1)


def with_text(params: QueryDict, text: str) -> str:
    """The address of the same search for another text, from the first page on."""
    changed = params.copy()
    changed.pop("page", None)
    changed["q"] = text
    return address(changed)


def kept_filters(params: QueryDict, *, has_facets: bool) -> list[tuple[str, str]]:
    """Filters that a new text leaves in force: those the form has no field for."""
    names = [*FILTERS.values(), *OTHER_FILTERS, *([] if has_facets else YEARS)]
    return [(name, value) for name in names for value in params.getlist(name)]


def _toggled(params: QueryDict, name: str, value: str) -> str:
    """The address with the value taken back, or added, from the first page on."""
    changed = params.copy()
    changed.pop("page", None)
    values = changed.getlist(name)
    changed.setlist(name, [one for one in values if one != value] if value in values else [*values, value])
    return address(tidy(changed))


def _with_first(params: QueryDict) -> str:
    """The address with a first value of some filter, up to the filter: as `_toggled` makes it for a hundred of them."""
    kept = tidy(params)
    kept.pop("page", None)
    return f"{address(kept)}{'&' if kept else '?'}"


# --- Filters -------------------------------------------------------------------------------------------------------


def facet_groups(result: SearchResult, params: QueryDict) -> list[FacetGroup]:
    """The filters with their counts; empty when there is nothing to narrow by."""
    titles = {
        Facet.AVAILABLE: _("Availability"),
        Facet.BRANCH: _("Branch"),
        Facet.MATERIAL: _("Material"),
        Facet.LANGUAGE: _("Language"),
        Facet.GENRE: _("Genre"),
        Facet.SUBJECT: capfirst(_("subject")),
        Facet.AUTHOR: capfirst(_("author")),
    }
    groups: list[FacetGroup] = []
    with_first = _with_first(params)
    for facet, title in titles.items():
        if choices := _choices(facet, result, params, with_first):
            is_open = len(groups) < OPEN_GROUPS or any(choice.is_chosen for choice in choices)
            groups.append(FacetGroup(title, choices[:SHOWN_VALUES], choices[SHOWN_VALUES:], is_open))
    decades = _choices(Facet.DECADE, result, params, with_first)
    if groups or decades:
        is_open = any(name in params for name in (*YEARS, "decade"))
        groups.append(FacetGroup(_("Year"), decades[:SHOWN_VALUES], decades[SHOWN_VALUES:], is_open, has_years=True))
    return groups


def _choices(facet: Facet, result: SearchResult, params: QueryDict, with_first: str) -> list[Choice]:
    values = result.facets.get(facet, [])
    name = FILTERS[facet]
    chosen = params.getlist(name)
    if facet is Facet.DECADE:
        values = sorted(values, key=lambda value: -value.value)
    found = []
    for value in values:
        key = "1" if facet is Facet.AVAILABLE else str(value.value)
        label = _named(name, value.name) if value.name else _label(facet, value.value)
        url = _toggled(params, name, key) if chosen else f"{with_first}{name}={quote_plus(key)}"
        found.append(Choice(label, url, value.count, key in chosen))
    return found


def _named(name: str, text: str) -> str:
    return natural_name(text) if name == "by" else text


def _label(facet: Facet, value: Any) -> str:
    """The words of a facet value that has no name of its own."""
    labels: dict[Facet, Callable[[Any], str]] = {
        Facet.AVAILABLE: lambda _value: _("On the shelf now"),
        Facet.LANGUAGE: language_label,
        Facet.MATERIAL: lambda code: str(dict(MaterialType.choices).get(code, code)).capitalize(),
        Facet.DECADE: lambda year: _("%(year)ss") % {"year": year},
    }
    return labels[facet](value)


def chips(query: SearchQuery, params: QueryDict) -> list[Choice]:
    """What narrows the search, each to be taken back by a click."""
    found = []
    fields = {
        "title": (query.title, _("Title: %(value)s")),
        "author": (query.author, _("Author: %(value)s")),
        "isbn": (query.isbn, _("ISBN: %(value)s")),
        "year_from": (query.year_from, _("From %(value)s")),
        "year_to": (query.year_to, _("Until %(value)s")),
    }
    for name, (value, words) in fields.items():
        if value not in ("", None):
            found.append(Choice(words % {"value": value}, _toggled(params, name, str(params[name]))))
    if query.is_available:
        found.append(Choice(_("On the shelf now"), _toggled(params, "available", str(params["available"]))))
    for name, keys in (
        ("branch", query.branches),
        ("genre", query.genres),
        ("subject", query.subjects),
        ("by", query.authors),
        ("publisher", query.publishers),
        ("series", query.series),
    ):
        if keys:
            things = _THINGS[name].objects.in_bulk(keys)
            labels = {key: _named(name, str(things.get(key, key))) for key in keys}
            found += [Choice(labels[key], _toggled(params, name, str(key))) for key in keys]
    for name, facet, values in (
        ("language", Facet.LANGUAGE, query.languages),
        ("material", Facet.MATERIAL, query.materials),
        ("decade", Facet.DECADE, query.decades),
    ):
        found += [Choice(_label(facet, value), _toggled(params, name, str(value))) for value in values]
    return found


def found(result: SearchResult) -> str:
    """How many books there are, in words."""
    shown = intcomma(result.total)
    if result.is_capped:
        return _("%(count)s+ books") % {"count": shown}
    if result.total:
        return ngettext("%(shown)s book", "%(shown)s books", result.total) % {"shown": shown}
    return _("Nothing found")


def page_of(result: SearchResult) -> Page:
    """The page as the pagination partial takes it; its items are numbers of places, the cards come apart."""
    return Paginator(range(result.total), result.query.per_page).get_page(result.query.page)
