"""The floor of the REST API: views, lists in pages, ordering, permissions and limits, the same for every app.

A view says what each action needs (`needs`), how a list may be ordered (`orderings`) and in which words the rules
refuse (`wording`); the rest is here, in `library.core.problems` and in `library.core.idempotency`.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from django.core.cache import cache
from django.core.exceptions import ValidationError as ModelInvalid
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions, filters, pagination, parsers, permissions, serializers, throttling
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import json
from rest_framework.viewsets import ViewSetMixin

from library.core import idempotency
from library.core.errors import Refusal
from library.core.text import fold

ANYONE = "anyone"
SIGNED_IN = "signed in"
PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
COUNTED_TO = 10_000
"""Lists are counted, and paged through, up to here: whoever needs more narrows the search."""


class JsonParser(parsers.JSONParser):
    """JSON in UTF-8 (RFC 8259) of a bounded size (`DATA_UPLOAD_MAX_MEMORY_SIZE`, else 413) and depth."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        if parser_context is None:
            raise TypeError("The parser reads the body of the request in its context.")
        try:
            return json.loads(parser_context["request"].body.decode("utf-8"), parse_constant=json.strict_constant)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError(str(error)) from error


class NameField(serializers.CharField):
    """A name that can be found again: its folded form is neither empty nor longer than a column."""

    def to_internal_value(self, data: Any) -> str:
        """The name as given."""
        name: str = super().to_internal_value(data)
        if not 0 < len(fold(name)) <= (self.max_length or len(fold(name))):
            raise serializers.ValidationError(_("This is no name: give letters or digits."), code="name")
        return name


class NamedField(serializers.SlugRelatedField):
    """Another object by its code or public id; any text is taken for one that does not exist."""

    def to_internal_value(self, data: Any) -> Any:
        """The object."""
        try:
            if isinstance(data, str) and data.isprintable():
                return super().to_internal_value(data)
        except ModelInvalid:  # of a public id that is none
            pass
        return self.fail("does_not_exist", slug_name=self.slug_field, value=repr(data)[:100])


class HasPermission(permissions.BasePermission):
    """Lets through whom `view.needs` names: ANYONE, SIGNED_IN or holders of an `app.codename`; else nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        need = view.need
        if need == ANYONE:
            return True
        if not request.user.is_authenticated:
            return False
        return need == SIGNED_IN or (need is not None and request.user.has_perm(need))


class Pages(pagination.BasePagination):
    """Pages by number, bounded: ?page=2&page_size=50. Counts no further than COUNTED_TO."""

    def read(self, request: Request) -> None:
        """Take `number` and `size` of the page from the address; numbers that are none are 400."""
        self.request = request
        self.number = self._number("page", default=1, at_most=COUNTED_TO)
        self.size = self._number("page_size", default=PAGE_SIZE, at_most=MAX_PAGE_SIZE)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of one page."""
        self.read(request)
        start = (self.number - 1) * self.size
        rows = list(queryset[start : min(start + self.size, COUNTED_TO)]) if start < COUNTED_TO else []
        total = start + len(rows) if len(rows) < self.size else self._count(queryset)
        return self.found(rows, total=min(total, COUNTED_TO), is_exact=total <= COUNTED_TO)

    def found(self, rows: list[Any], *, total: int, is_exact: bool) -> list[Any]:
        """Take the rows that somebody else has cut out; a page beyond the end is 404."""
        if not rows and self.number > 1:
            raise exceptions.NotFound
        self.total, self.is_exact = total, is_exact
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        """The page with its surroundings."""
        return Response(
            {
                "count": self.total,
                "count_is_exact": self.is_exact,
                "next": self._link(self.number + 1) if self.number * self.size < self.total else None,
                "previous": self._link(self.number - 1) if self.number > 1 else None,
                "results": data,
            }
        )

    def _link(self, number: int) -> str:
        """This address with another page; rebuilt from its parameters, since clients send letters unquoted."""
        parameters = self.request.query_params.copy()
        parameters["page"] = str(number)
        return f"{self.request.build_absolute_uri(self.request.path)}?{parameters.urlencode()}"

    def _count(self, queryset: Any) -> int:
        return int(queryset.order_by().values("pk")[: COUNTED_TO + 1].count())

    def _number(self, name: str, *, default: int, at_most: int) -> int:
        text = self.request.query_params.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= at_most):
            message = _("Give a number from 1 to %(maximum)d.") % {"maximum": at_most}
            raise exceptions.ValidationError({name: [message]})
        return int(text)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The query parameters, for the schema."""
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": str(description),
                "schema": {"type": "integer", "minimum": 1, "maximum": maximum, "default": default},
            }
            for name, description, default, maximum in (
                ("page", gettext_lazy("Number of the page."), 1, COUNTED_TO),
                ("page_size", gettext_lazy("Rows a page."), PAGE_SIZE, MAX_PAGE_SIZE),
            )
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The shape of a page, for the schema."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["count", "count_is_exact", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "minimum": 0, "maximum": COUNTED_TO, "example": 123},
                "count_is_exact": {"type": "boolean", "description": f"False: there are more than {COUNTED_TO}."},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }


class Ordering(filters.BaseFilterBackend):
    """Orders a list by one of `view.orderings`: ?ordering=title or ?ordering=-title. Unknown names are 400."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        """The rows in the asked order, or in the first of `view.orderings`."""
        if not view.orderings:
            return queryset
        asked = request.query_params.get("ordering") or next(iter(view.orderings))
        if asked not in self._names(view):
            message = _("Order by one of: %(names)s.") % {"names": ", ".join(self._names(view))}
            raise exceptions.ValidationError({"ordering": [message]})
        fields = view.orderings[asked.removeprefix("-")]
        return queryset.order_by(*(_reversed(field) for field in fields) if asked.startswith("-") else fields)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The query parameter, for the schema."""
        if not view.orderings:
            return []
        return [
            {
                "name": "ordering",
                "in": "query",
                "required": False,
                "description": str(gettext_lazy("The order of the rows; with a minus, reversed.")),
                "schema": {"type": "string", "enum": self._names(view)},
            }
        ]

    def _names(self, view: Any) -> list[str]:
        return [sign + name for name in view.orderings for sign in ("", "-")]


def _reversed(field: str) -> str:
    return field.removeprefix("-") if field.startswith("-") else f"-{field}"


class Limit(throttling.BaseThrottle):
    """At most `calls` in `seconds` for one `ident`, counted atomically in the shared cache before the work is done."""

    name: ClassVar[str]
    calls: ClassVar[int]
    seconds: ClassVar[int]

    def ident(self, request: Request) -> str | None:
        """Whom to count; None: no limit. The caller's network address unless overridden."""
        return str(self.get_ident(request))

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this call and say whether it is still within the limit."""
        key = self._key(request)
        if key is None:
            return True
        cache.add(key, 0, timeout=2 * self.seconds)
        return cache.incr(key) <= self.calls

    def wait(self) -> float:
        """Seconds until the present window ends."""
        return self.seconds - time.time() % self.seconds

    def forgive(self, request: Request) -> None:
        """Uncount this call: it turned out to be an honest one."""
        if key := self._key(request):
            with suppress(ValueError):  # the window it was counted in has ended
                cache.decr(key)

    def _key(self, request: Request) -> str | None:
        ident = self.ident(request)
        if ident is None:
            return None
        digest = salted_hmac("library.core.api.Limit", ident, algorithm="sha256").hexdigest()
        return f"limit:{self.name}:{digest}:{int(time.time() // self.seconds)}"


class ApiView(GenericAPIView):
    """A view of the API. `needs` maps each action (of a view set) or method (`post`) to what it takes to call it."""

    http_method_names = ["get", "head", "post", "patch", "delete"]
    parser_classes = [JsonParser]
    permission_classes = [HasPermission]
    pagination_class = Pages
    filter_backends = [DjangoFilterBackend, Ordering]
    needs: ClassVar[Mapping[str, str]] = {}
    orderings: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Name of an ordering -> model fields, the last of them unique; the first is the default. See `Ordering`."""
    wording: Callable[[Refusal], str]
    """Turns a refusal into a sentence; set (as a staticmethod) by views whose actions can refuse."""

    @property
    def need(self) -> str | None:
        """What the called action or method takes; None: nobody may."""
        method = self.request.method or ""
        return self.needs.get(getattr(self, "action", None) or method.lower().replace("head", "get"))

    @property
    def caller(self) -> Any:
        """The signed-in user."""
        return self.request.user

    def forgive(self) -> None:
        """Uncount the call from the limits of this view: it was an honest one."""
        for limit in self.get_throttles():
            if isinstance(limit, Limit):
                limit.forgive(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let known methods and permitted callers in; make the handler of an unsafe call run once per key."""
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise exceptions.MethodNotAllowed(method.upper())
        super().initial(request, *args, **kwargs)
        if request.method not in permissions.SAFE_METHODS and idempotency.HEADER in request.headers:
            setattr(self, method, partial(idempotency.once, self, getattr(self, method)))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Keep answers to signed-in callers, and all answers to unsafe calls, out of every cache."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if "Authorization" in request.headers or request.method not in permissions.SAFE_METHODS:
            response["Cache-Control"] = "no-store"
        return response


class ApiViewSet(ViewSetMixin, ApiView):
    """Several actions on one kind of object, found by its public `uid`."""

    lookup_field = "uid"
    lookup_value_converter = "uuid"


class NotFound(ApiView):
    """Answers for every address below /api/ that there is none."""

    schema = None
    authentication_classes = []
    permission_classes = [permissions.AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse before anything else is asked."""
        raise exceptions.NotFound
