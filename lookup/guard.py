"""Who may open the panel's pages of look-ups."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]


def staff_who_may(*permissions: str) -> Callable[[View], View]:
    """For staff with one of `permissions` only; others sign in first, or are turned away."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not (request.user.is_staff and any(map(request.user.has_perm, permissions))):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard
