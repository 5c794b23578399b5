"""Who may enter the pages of staff, and at which branch they stand."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from policies.models import Branch

BRANCH_KEY = "desk_branch"
"""Where the session keeps the branch of its desk."""

View = Callable[..., HttpResponse]


def staff_who_may(permission: str) -> Callable[[View], View]:
    """For staff with a permission about reservations only; others sign in first, or are turned away."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and request.user.has_perm(f"reservations.{permission}")):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def at_branch(view: View) -> View:
    """Give the view the branch at which this desk stands; ask for it first where it is not known."""

    @wraps(view)
    def placed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        branch = branch_of(request)
        return view(request, branch, *args, **kwargs) if branch else redirect("desk_branch")

    return placed


def branch_of(request: HttpRequest) -> Branch | None:
    """The branch chosen in this session, or the only one there is."""
    if chosen := request.session.get(BRANCH_KEY):
        return Branch.objects.filter(pk=chosen).first()
    branches = Branch.objects.all()[:2]
    return branches[0] if len(branches) == 1 else None
