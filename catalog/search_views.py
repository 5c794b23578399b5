"""The page of results, and suggestions while somebody types."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url
from rest_framework.request import Request
from rest_framework.views import APIView

from catalog import result_pages
from catalog.availability import book_cards
from catalog.forms import SearchForm
from catalog.queries import search_books
from catalog.query_language import LONGEST_QUERY
from catalog.suggestions import Kind, suggest
from catalog.templatetags.catalog import natural_name
from library.core.api import Limit

FIELDS = ("title", "author", "isbn")
"""Fields of the advanced search, in order; years stand among the filters."""
SUGGESTIONS_SECONDS = 60
"""How long a browser keeps suggestions: somebody deletes a letter and types it again."""


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Results of a search. The address is the whole state; while the reader types, htmx asks for it again and again."""
    is_typing = bool(request.htmx) and request.htmx.trigger_name == "q"  # type: ignore[attr-defined] # HtmxMiddleware
    params = result_pages.tidy(request.GET)
    if params != request.GET and not request.htmx:  # type: ignore[attr-defined] # HtmxMiddleware
        return redirect(result_pages.address(params))
    form = SearchForm(params)
    query = form.query(params, is_typing=is_typing)
    result = search_books(query, with_facets=True)
    if not result.book_ids and result.total:
        params["page"] = str(result.pages)
        return redirect(result_pages.address(params))
    facets = result_pages.facet_groups(result, params)
    chips = result_pages.chips(query, params)
    context = {
        "form": form,
        "query": query,
        "result": result,
        "cards": book_cards(result.book_ids),
        "page": result_pages.page_of(result),
        "found": result_pages.found(result),
        "facets": facets,
        "chips": chips,
        "kept": result_pages.kept_filters(params, has_facets=bool(facets)),
        "text_only_url": result_pages.address(result_pages.only(params, ["q", "sort"])),
        "suggestion_url": result_pages.with_text(params, result.suggestion),
        "address_params": params.urlencode(),
        "canonical_path": result_pages.canonical(params),
        "is_collection": result_pages.is_collection(params),
        "fields": [form[name] for name in FIELDS],
        "has_fields": any(name in params for name in FIELDS),
    }
    response = render(request, "catalog/search.html", context)
    return replace_url(response, result_pages.address(params)) if is_typing else response


class SuggestionsLimit(Limit):
    """Nobody types ten times a second for a minute."""

    name = "suggestions"
    calls = 600
    seconds = 60


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """What the reader may be about to type (`q`): the options of the list under the search field, as HTML."""
    limit = SuggestionsLimit()
    if not limit.allow_request(cast(Request, request), cast(APIView, None)):
        return HttpResponse(status=429, headers={"Retry-After": str(int(limit.wait()) + 1)})
    options = []
    for one in suggest(request.GET.get("q", "")[:LONGEST_QUERY]):
        text = natural_name(one.text) if one.kind is Kind.AUTHOR else one.text
        options.append({"kind": one.kind.value, "text": text, "url": _leads_to(one.kind, one.key)})
    response = render(request, "catalog/partials/suggestions.html", {"options": options})
    patch_cache_control(response, private=True, max_age=SUGGESTIONS_SECONDS)
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _leads_to(kind: Kind, key: str) -> str:
    if kind is Kind.SUBJECT:
        return f"{reverse('search')}?subject={key}"
    return reverse("book" if kind is Kind.TITLE else "author", args=[key])
