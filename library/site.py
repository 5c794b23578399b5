"""The librarian's panel: Django Admin with the library's name, its own sign-in and navigation by task."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from library.core.panel import figures, parts

TASKS = (
    (
        "readers",
        _("Readers"),
        ("accounts.reader", "accounts.readerblock", "readership.readermerge", "readership.erasurerequest"),
    ),
    (
        "catalogue",
        _("Catalogue"),
        (
            "catalog.book",
            "catalog.copy",
            "catalog.withdrawalact",
            "stocktaking.stocktake",
            "catalog.author",
            "catalog.genre",
            "catalog.subject",
            "catalog.publisher",
            "catalog.series",
            "catalog.importrun",
            "lookup.target",
            "catalog.merge",
            "catalog.batchchange",
            "catalog.copyfieldmapping",
        ),
    ),
    (
        "circulation",
        _("Circulation"),
        (
            "circulation.loan",
            "reservations.reservation",
            "reservations.transfer",
            "cashdesk.charge",
            "cashdesk.payment",
            "notifications.letter",
            "notifications.notice",
            "notifications.message",
            "notifications.lettertemplate",
        ),
    ),
    (
        "rules",
        _("Rules"),
        (
            "policies.lendingrule",
            "policies.branch",
            "policies.closedday",
            "policies.readercategory",
            "policies.itemtype",
        ),
    ),
    (
        "staff",
        _("Staff"),
        ("accounts.user", "auth.group"),
    ),
)
"""Navigation of the panel: what librarians do, each with the lists it needs; lists named nowhere are the system's."""
SYSTEM = ("system", _("System"))
HIDDEN = frozenset(
    {
        "account.emailaddress",
        "django_celery_beat.clockedschedule",
        "django_celery_beat.solarschedule",
        "token_blacklist.blacklistedtoken",
        "token_blacklist.outstandingtoken",
    }
)
"""Lists of other packages that stay closed: tokens are secrets, addresses belong to the users' own pages, and no job of
a library runs once only or by the sun."""


View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class LibraryAdminSite(admin.AdminSite):
    """One panel for all staff; who sees what is decided by permissions."""

    site_header = settings.LIBRARY_NAME
    site_title = settings.LIBRARY_NAME
    index_title = _("Today")
    enable_nav_sidebar = False

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Strangers sign in on the site's own page, with its limits; readers are turned away."""
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return answer

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """A view of the panel, for staff only. But for the words of a search, a NUL is refused: no text holds one."""
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if any("\0" in value for name, values in request.GET.lists() if name != "q" for value in values):
                raise BadRequest("NUL in the address")
            return guarded(request, *args, **kwargs)

        return cast("View", checked)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The front page: the figures of the day above the lists."""
        user, now = request.user, timezone.now()
        shown = {"figures": figures(user=user, now=now), "parts": parts(user=user, now=now)}
        return super().index(request, {**shown, **(extra_context or {})})

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register all but the `HIDDEN` models."""
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        shown = [model for model in models if model._meta.label_lower not in HIDDEN]
        super().register(shown, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """The lists this user may see: by task for the navigation, by app for an app's own page."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        left = {model["model"]._meta.label_lower: model for app in apps for model in app["models"]}
        tasks = [
            _task(code, name, [left.pop(label) for label in labels if label in left]) for code, name, labels in TASKS
        ]
        return [task for task in (*tasks, _task(*SYSTEM, list(left.values()))) if task["models"]]


def _task(code: str, name: Any, models: list[dict[str, Any]]) -> dict[str, Any]:
    return {"app_label": code, "name": name, "app_url": "", "has_module_perms": True, "models": models}
