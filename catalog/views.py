"""Pages of the catalogue: front page and covers."""

from typing import Any
from uuid import UUID

from csp.decorators import csp
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db.models import Count, Prefetch
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition, require_safe

from catalog.availability import book_cards, main_names
from catalog.copy_photos import PHOTO_WIDTHS, photo_name
from catalog.cover_images import WIDTHS, cover_digest, sized
from catalog.covers import cover_svg, cover_version
from catalog.models import Book, Contribution, CopyPhoto, Genre
from catalog.opening import branch_cards

NEW_BOOKS = 12
FRONT_PAGE_SECONDS = 600
"""How long the front page keeps its figures."""
COVER_SECONDS = 365 * 24 * 60 * 60
"""How long browsers keep a cover asked for by its version: that address never shows another."""
STALE_COVER_SECONDS = 60 * 60
"""How long they keep one asked for without a version, or by a former one."""
NOTHING_ELSE = {"default-src": ["'none'"]}
"""The Content-Security-Policy of pictures: opened by themselves they run and load nothing."""


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The front page: search, what is new, where to find us."""
    newest = Book.objects.order_by("-created_at", "-pk").values_list("pk", flat=True)[:NEW_BOOKS]
    context = {
        "figures": cache.get_or_set("catalog.front_page", _figures, FRONT_PAGE_SECONDS),
        "new_books": book_cards(list(newest), with_availability=False),
        "branches": branch_cards(timezone.now()),
    }
    return render(request, "catalog/home.html", context)


def _figures() -> dict[str, Any]:
    """The number of books, and the genres that most books have."""
    genres = Genre.objects.annotate(count=Count("books")).filter(count__gt=0).order_by("-count", "folded_name")[:8]
    return {"books": Book.objects.count(), "genres": [(genre.pk, genre.name) for genre in genres]}


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
@gzip_page
@condition(etag_func=_cover_etag)
def cover(request: HttpRequest, uid: UUID) -> HttpResponse:
    """The drawn cover of a book."""
    title, names = request.drawn  # type: ignore[attr-defined] # set by `_cover_etag`
    svg = cover_svg(uid=uid, title=title, authors=names)
    response = HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")
    _let_keep(request, response, cover_version(title, names))
    return response


@require_safe
@csp(NOTHING_ELSE)  # type: ignore[arg-type] # typed for views without arguments
def cover_image(request: HttpRequest, uid: UUID, width: int) -> HttpResponseBase:
    """The uploaded cover of a book in one of its sizes."""
    shown = get_object_or_404(Book.objects.only("cover"), uid=uid)
    if not shown.cover or width not in WIDTHS:
        raise Http404
    try:
        content = default_storage.open(sized(str(shown.cover.name), width))
    except FileNotFoundError as problem:
        raise Http404 from problem
    response = FileResponse(content, content_type="image/webp")
    _let_keep(request, response, cover_digest(shown))
    return response


def _let_keep(request: HttpRequest, response: HttpResponseBase, version: str) -> None:
    """Let browsers and proxies keep the picture: for good when it was asked for by the version that it has."""
    if request.GET.get("v") == version:
        patch_cache_control(response, public=True, max_age=COVER_SECONDS, immutable=True)
    else:
        patch_cache_control(response, public=True, max_age=STALE_COVER_SECONDS)


@require_safe
@csp(NOTHING_ELSE)  # type: ignore[arg-type] # typed for views without arguments
def copy_photo(request: HttpRequest, uid: UUID, width: int) -> HttpResponseBase:
    """A photo of a copy in one of its sizes; one that is not for readers, for staff only."""
    photo = get_object_or_404(CopyPhoto, uid=uid)
    if width not in PHOTO_WIDTHS or not (photo.is_public or request.user.has_perm("catalog.view_copy")):
        raise Http404
    try:
        content = default_storage.open(photo_name(photo, width))
    except FileNotFoundError as problem:
        raise Http404 from problem
    response = FileResponse(content, content_type="image/webp")
    patch_cache_control(response, private=True, max_age=STALE_COVER_SECONDS)
    return response
