"""Pages of the catalogue: front page, search, book, author, covers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from csp.decorators import csp
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.paginator import Page, Paginator
from django.db.models import Count, Prefetch
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition, require_safe
from django_htmx.http import replace_url

from catalog.availability import availability_of, book_cards, copies_of, main_names
from catalog.cover_images import WIDTHS, sized
from catalog.covers import cover_svg, cover_version
from catalog.forms import SearchForm, page_number
from catalog.models import Author, Book, Contribution, Genre, MaterialType, Publisher, Series, Subject
from catalog.opening import branch_cards
from catalog.queries import Facet, SearchQuery, SearchResult, Sort, search_books
from catalog.templatetags.catalog import language_label
from policies.models import Branch

NEW_BOOKS = 12
OTHER_BOOKS = 6
FRONT_PAGE_SECONDS = 600
"""How long the front page keeps its figures."""
FIELDS = ("title", "author", "isbn", "year_from", "year_to")
"""Fields of the advanced search, in order."""
COVER_SECONDS = 30 * 24 * 60 * 60
"""How long browsers keep a cover: its address changes with its content."""
NOTHING_ELSE = {"default-src": ["'none'"]}
"""The Content-Security-Policy of pictures: opened by themselves they run and load nothing."""


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page: search, what is new, where to find us."""
    newest = Book.objects.order_by("-created_at", "-pk").values_list("pk", flat=True)[:NEW_BOOKS]
    context = {
        "figures": cache.get_or_set("catalog.front_page", _figures, FRONT_PAGE_SECONDS),
        "new_books": book_cards(list(newest)),
        "branches": branch_cards(timezone.now()),
    }
    return render(request, "catalog/home.html", context)


def _figures() -> dict[str, Any]:
    """The number of books, and the genres that most books have."""
    genres = Genre.objects.annotate(count=Count("books")).filter(count__gt=0).order_by("-count", "folded_name")[:8]
    return {"books": Book.objects.count(), "genres": [(genre.pk, genre.name) for genre in genres]}


# --- Search --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to narrow by, or one to take back: its words, its address, its hits."""

    label: str
    url: str
    count: int = 0
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class FacetGroup:
    """A heading with its choices."""

    title: str
    choices: list[Choice]
    is_open: bool


_PARAMETERS = {
    Facet.AVAILABLE: "available",
    Facet.BRANCH: "branch",
    Facet.LANGUAGE: "language",
    Facet.GENRE: "genre",
    Facet.MATERIAL: "material",
    Facet.DECADE: "decade",
}
_THINGS: dict[str, Any] = {
    "branch": Branch,
    "genre": Genre,
    "subject": Subject,
    "publisher": Publisher,
    "series": Series,
}
"""Parameters that hold primary keys."""


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Results of a search. The address is the whole state; while the reader types, htmx asks for it again and again."""
    is_typing = bool(request.htmx) and request.htmx.trigger_name == "q"  # type: ignore[attr-defined] # HtmxMiddleware
    params = _tidy(request.GET)
    if params != request.GET and not request.htmx:  # type: ignore[attr-defined] # HtmxMiddleware
        return redirect(_address(params))
    form = SearchForm(params)
    query = form.query(params, is_typing=is_typing)
    result = search_books(query, with_facets=True)
    if not result.book_ids and result.total:
        params["page"] = str(result.pages)
        return redirect(_address(params))
    context = {
        "form": form,
        "query": query,
        "result": result,
        "cards": book_cards(result.book_ids),
        "page": _page(result),
        "facets": _facet_groups(result, params),
        "chips": _chips(query, params),
        "kept": [(name, value) for name in _kept(params) for value in params.getlist(name)],
        "text_only_url": _address(_only(params, ["q"])),
        "fields": [form[name] for name in FIELDS],
        "has_fields": any(name in params for name in FIELDS),
    }
    response = render(request, "catalog/search.html", context)
    return replace_url(response, _address(params)) if is_typing else response


def _tidy(params: QueryDict) -> QueryDict:
    """The parameters without the empty ones and the usual order."""
    tidy = QueryDict(mutable=True)
    for name, values in params.lists():
        if kept := [value for value in values if value.strip() and (name, value) != ("sort", Sort.RELEVANCE)]:
            tidy.setlist(name, kept)
    return tidy


def _only(params: QueryDict, names: Iterable[str]) -> QueryDict:
    only = QueryDict(mutable=True)
    for name in names:
        if name in params:
            only.setlist(name, params.getlist(name))
    return only


def _kept(params: QueryDict) -> list[str]:
    """Filters that a new text leaves in force: those the form has no field for."""
    return [name for name in (*_PARAMETERS.values(), "subject", "publisher", "series") if name in params]


def _address(params: QueryDict) -> str:
    return reverse("search") + (f"?{params.urlencode()}" if params else "")


def _toggled(params: QueryDict, name: str, value: str) -> str:
    """The address with the value taken back, or added, from the first page on."""
    changed = params.copy()
    changed.pop("page", None)
    values = changed.getlist(name)
    changed.setlist(name, [one for one in values if one != value] if value in values else [*values, value])
    return _address(_tidy(changed))


def _facet_groups(result: SearchResult, params: QueryDict) -> list[FacetGroup]:
    titles = {
        Facet.AVAILABLE: _("Availability"),
        Facet.BRANCH: _("Branch"),
        Facet.LANGUAGE: _("Language"),
        Facet.GENRE: _("Genre"),
        Facet.MATERIAL: _("Material"),
        Facet.DECADE: _("Decade"),
    }
    groups: list[FacetGroup] = []
    for facet, name in _PARAMETERS.items():
        values = result.facets.get(facet, [])
        chosen = params.getlist(name)
        if facet is Facet.DECADE:
            values = sorted(values, key=lambda value: -value.value)
        choices = []
        for value in values:
            key = "1" if facet is Facet.AVAILABLE else str(value.value)
            label = value.name or _label(facet, value.value)
            choices.append(Choice(label, _toggled(params, name, key), value.count, key in chosen))
        if choices:
            groups.append(FacetGroup(titles[facet], choices, is_open=bool(chosen) or len(groups) < 3))
    return groups


def _label(facet: Facet, value: Any) -> str:
    """The words of a facet value that has no name of its own."""
    labels: dict[Facet, Callable[[Any], str]] = {
        Facet.AVAILABLE: lambda _value: _("On the shelf now"),
        Facet.LANGUAGE: language_label,
        Facet.MATERIAL: lambda code: str(dict(MaterialType.choices).get(code, code)).capitalize(),
        Facet.DECADE: lambda year: _("%(year)ss") % {"year": year},
    }
    return labels[facet](value)


def _chips(query: SearchQuery, params: QueryDict) -> list[Choice]:
    """What narrows the search, each to be taken back by a click."""
    chips = []
    fields = {
        "title": (query.title, _("Title: %(value)s")),
        "author": (query.author, _("Author: %(value)s")),
        "isbn": (query.isbn, _("ISBN: %(value)s")),
        "year_from": (query.year_from, _("From %(value)s")),
        "year_to": (query.year_to, _("Until %(value)s")),
    }
    for name, (value, words) in fields.items():
        if value not in ("", None):
            chips.append(Choice(words % {"value": value}, _toggled(params, name, str(params[name]))))
    if query.is_available:
        chips.append(Choice(_("On the shelf now"), _toggled(params, "available", str(params["available"]))))
    for name, keys in (
        ("branch", query.branches),
        ("genre", query.genres),
        ("subject", query.subjects),
        ("publisher", query.publishers),
        ("series", query.series),
    ):
        if keys:
            things = _THINGS[name].objects.in_bulk(keys)
            chips += [Choice(str(things.get(key, key)), _toggled(params, name, str(key))) for key in keys]
    for name, facet, values in (
        ("language", Facet.LANGUAGE, query.languages),
        ("material", Facet.MATERIAL, query.materials),
        ("decade", Facet.DECADE, query.decades),
    ):
        chips += [Choice(_label(facet, value), _toggled(params, name, str(value))) for value in values]
    return chips


def _page(result: SearchResult) -> Page:
    """The page as the pagination partial takes it; its items are numbers of places, the cards come apart."""
    return Paginator(range(result.total), result.query.per_page).get_page(result.query.page)


# --- Books and authors ---------------------------------------------------------------------------------------------


@require_safe
def book(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Everything the library knows of a book, and where its copies are."""
    shown = get_object_or_404(
        Book.objects.select_related("publisher", "series")
        .defer("search_vector")
        .prefetch_related(
            "isbns",
            "genres",
            "subjects",
            Prefetch("contributions", Contribution.objects.select_related("author")),
        ),
        uid=uid,
    )
    names = main_names(shown)
    writers = [part.author for part in shown.contributions.all() if part.author.name in names]
    others: tuple[int, ...] = ()
    if writers:
        by_same = search_books(SearchQuery(authors=[writers[0].pk], sort=Sort.YEAR, per_page=OTHER_BOOKS + 1))
        others = tuple(pk for pk in by_same.book_ids if pk != shown.pk)[:OTHER_BOOKS]
    context = {
        "book": shown,
        "names": names,
        "roles": _by_role(shown.contributions.all()),
        "availability": availability_of([shown.pk])[shown.pk],
        "copies": _by_branch(copies_of(shown)),
        "author": writers[0] if writers else None,
        "other_books": book_cards(others),
    }
    return render(request, "catalog/book.html", context)


def _by_role(contributions: Iterable[Contribution]) -> list[tuple[str, list[Author]]]:
    """Roles in words, in the order of the title page, each with its people; authors need no word."""
    roles: dict[str, list[Author]] = {}
    for part in contributions:
        role = "" if part.role == Contribution.Role.AUTHOR else str(part.get_role_display()).capitalize()
        roles.setdefault(role, []).append(part.author)
    return list(roles.items())


def _by_branch(copies: Iterable[Any]) -> list[tuple[Branch, list[Any]]]:
    branches: dict[Branch, list[Any]] = {}
    for copy in copies:
        branches.setdefault(copy.branch, []).append(copy)
    return list(branches.items())


@require_safe
def author(request: HttpRequest, pk: int) -> HttpResponse:
    """The books that somebody had a part in."""
    shown = get_object_or_404(Author, pk=pk)
    query = SearchQuery(authors=[pk], sort=Sort.YEAR, page=page_number(request.GET))
    result = search_books(query)
    if not result.book_ids and result.total:
        return redirect(f"{reverse('author', args=[pk])}?page={result.pages}")
    context = {"author": shown, "result": result, "cards": book_cards(result.book_ids), "page": _page(result)}
    return render(request, "catalog/author.html", context)


# --- Covers --------------------------------------------------------------------------------------------------------


def _drawn(uid: UUID) -> tuple[str, list[str]]:
    """Title and names of the book that a cover is drawn for. Raises Http404."""
    shown = get_object_or_404(
        Book.objects.only("title", "uid").prefetch_related(
            Prefetch("contributions", Contribution.objects.select_related("author"))
        ),
        uid=uid,
    )
    return shown.title, main_names(shown)


def _cover_etag(request: HttpRequest, uid: UUID) -> str:
    request.drawn = _drawn(uid)  # type: ignore[attr-defined] # kept for the view behind the condition
    return f'"{cover_version(*request.drawn)}"'  # type: ignore[attr-defined] # as above


@require_safe
@csp(NOTHING_ELSE)  # type: ignore[arg-type] # typed for views without arguments
@cache_control(public=True, max_age=COVER_SECONDS)
@gzip_page
@condition(etag_func=_cover_etag)
def cover(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The drawn cover of a book."""
    title, names = request.drawn  # type: ignore[attr-defined] # set by `_cover_etag`
    return HttpResponse(cover_svg(uid=uid, title=title, authors=names), content_type="image/svg+xml; charset=utf-8")


@require_safe
@csp(NOTHING_ELSE)  # type: ignore[arg-type] # typed for views without arguments
@cache_control(public=True, max_age=COVER_SECONDS)
def cover_image(request: HttpRequest, uid: UUID, width: int) -> HttpResponseBase:
    """The uploaded cover of a book in one of its sizes."""
    shown = get_object_or_404(Book.objects.only("cover"), uid=uid)
    if not shown.cover or width not in WIDTHS:
        raise Http404
    try:
        content = default_storage.open(sized(str(shown.cover.name), width))
    except FileNotFoundError as problem:
        raise Http404 from problem
    return FileResponse(content, content_type="image/webp")
