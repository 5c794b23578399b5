"""The desk without a connection: the shell of its page, and the service worker that opens it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from circulation.desk import LENDING, DeskRequest, desk_page, staff_who_may
from policies.models import Branch
from reservations.staffed import at_branch


@require_safe
@never_cache
@staff_who_may("check_out_copies", "return_copies")
@at_branch
def shell(request: DeskRequest, branch: Branch) -> HttpResponse:
    """The desk with nobody at it and nothing on its slip, for the browser to keep."""
    return desk_page(request, LENDING, branch, is_shell=True, lines=[])


@require_safe
@never_cache
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker of the desk; from here its scope are the pages of the desk, and it tells nothing."""
    return render(request, "admin/desk/worker.js", content_type="text/javascript")
