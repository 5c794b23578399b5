"""Pages of one book and of one author, and a book's citation as a file."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from catalog import citations
from catalog.availability import availability_in, availability_of, book_cards, copies_of, main_names
from catalog.book_details import book_in_full
from catalog.copy_photos import public_photos
from catalog.forms import page_number
from catalog.linked_data import as_schema, cited, preview_image, script_json
from catalog.merges import merged_into, new_id
from catalog.models import Author, Book, Contribution, Merge
from catalog.queries import SearchQuery, Sort, search_books
from catalog.result_pages import found, page_of
from catalog.volumes import VOLUMES_PER_PAGE, volumes_around, volumes_of
from policies.models import Branch

OTHER_BOOKS = 6
"""Books by the same author below a book."""


@require_safe
def book(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Everything the library knows of a book, and where its copies are."""
    shown = book_in_full(uid)
    if shown is None:
        return _moved("book", merged_into(uid))
    names = main_names(shown)
    writers = [part.author for part in shown.contributions.all() if part.author.name in names]
    has: dict[str, bool] = vars(shown)
    copies = _by_branch(copies_of(shown))
    reference = cited(shown)
    volumes = _volumes(shown, request, has_any=has["has_volumes"])
    parts = volumes_around(shown) or list(volumes)
    available = availability_of(part.pk for part in parts) if parts else {}
    others = _others_by(writers[0], shown) if writers else []
    context = {
        "book": shown,
        "names": names,
        "roles": _by_role(shown.contributions.all()),
        "availability": availability_in(copies),
        "copies": copies,
        "photos": public_photos(shown) if has["has_photos"] else (),
        "author": writers[0] if writers else None,
        "other_books": book_cards(others, with_availability=False),
        "citations": {style: write(reference) for style, write in citations.TEXTS.items()},
        "linked_data": script_json(as_schema(shown, copies, volumes)),
        "preview_image": preview_image(shown),
        "volumes": volumes,
        "whole": shown.parent or shown,
        "parts": [(part, available[part.pk]) for part in parts],
    }
    return render(request, "catalog/book.html", context)


def _moved(name: str, now: UUID | int | None) -> HttpResponse:
    """On to what a merged book or author is found under today. Raises Http404."""
    if now is None:
        raise Http404
    return redirect(name, now, permanent=True)


def _volumes(shown: Book, request: HttpRequest, *, has_any: bool) -> Page:
    """One page of the volumes or issues; a volume has none."""
    volumes: Any = volumes_of(shown) if has_any else []
    return Paginator(volumes, VOLUMES_PER_PAGE).get_page(request.GET.get("page"))


def _others_by(author: Author, shown: Book) -> list[int]:
    """Keys of the latest books in the catalogue that the author had a part in.

    Twice as many parts are read as books are wanted, because one may have several parts in one book; by key, so that
    PostgreSQL never sorts all the books of somebody who has thousands.
    """
    parts = Contribution.objects.filter(author=author).exclude(book=shown).order_by("-pk")
    books = parts.values_list("book_id", flat=True)[: 2 * OTHER_BOOKS]
    return list(dict.fromkeys(books))[:OTHER_BOOKS]


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
def citation(request: HttpRequest, uid: UUID, ending: str) -> HttpResponse:
    """The citation of a book as a file for reference managers: `ending` is a key of `citations.FILES`."""
    if (shown := book_in_full(uid)) is None:
        raise Http404
    write, media_type = citations.FILES[ending]
    name = f"{citations.file_name(cited(shown))}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Robots-Tag": "noindex"}
    return HttpResponse(write(cited(shown)), content_type=f"{media_type}; charset=utf-8", headers=headers)


@require_safe
def author(request: HttpRequest, pk: int) -> HttpResponse:
    """The books that somebody had a part in."""
    if (shown := Author.objects.filter(pk=pk).first()) is None:
        return _moved("author", new_id(Merge.Kind.AUTHOR, str(pk)))
    query = SearchQuery(authors=[pk], sort=Sort.YEAR, page=page_number(request.GET))
    result = search_books(query)
    if not result.book_ids and result.total:
        return redirect(f"{reverse('author', args=[pk])}?page={result.pages}")
    context = {
        "author": shown,
        "cards": book_cards(result.book_ids),
        "page": page_of(result),
        "found": found(result),
    }
    return render(request, "catalog/author.html", context)
