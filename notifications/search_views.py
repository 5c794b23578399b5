"""A reader's saved searches: kept from the page of results, renamed, deleted."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Reader, User
from accounts.queries import reader_of
from library.core.errors import Invalid
from notifications import saved_searches
from notifications.models import SavedSearch


@require_safe
@login_required
def my_searches(request: HttpRequest) -> HttpResponse:
    """What the reader has saved."""
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    searches = SavedSearch.objects.filter(reader=reader) if reader else []
    return render(request, "notifications/my_searches.html", {"reader": reader, "searches": searches})


@require_POST
@login_required
def save_search(request: HttpRequest) -> HttpResponse:
    """Keep the search whose parameters are in `search`."""
    params = QueryDict(request.POST.get("search", "")[:4000])
    try:
        search = saved_searches.save_search(reader=_reader(request), params=params, now=timezone.now())
    except Invalid as error:
        _explain(request, error)
        return redirect(f"{reverse('search')}?{params.urlencode()}")
    messages.success(request, _("“%(name)s” is saved: the library tells you of new books.") % {"name": search.name})
    return redirect("my_searches")


@require_POST
@login_required
def rename_search(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Give a search another name."""
    try:
        saved_searches.rename_search(reader=_reader(request), uid=uid, name=request.POST.get("name", ""))
    except SavedSearch.DoesNotExist as error:
        raise Http404 from error
    except Invalid as error:
        _explain(request, error)
    return redirect("my_searches")


@require_POST
@login_required
def delete_search(request: HttpRequest, uid: UUID) -> HttpResponse:
    """Forget a search."""
    saved_searches.delete_search(reader=_reader(request), uid=uid)
    messages.success(request, _("The search is deleted."))
    return redirect("my_searches")


def _reader(request: HttpRequest) -> Reader:
    assert isinstance(request.user, User)
    reader = reader_of(request.user)
    if reader is None:
        raise Http404
    return reader


def _explain(request: HttpRequest, error: Invalid) -> None:
    for words in error.errors.values():
        messages.error(request, " ".join(map(str, words)))
