"""Errors of the API as problem details (RFC 9457, `application/problem+json`): one shape for everything that fails.

    {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "...", "code": "refused",
     "request_id": "...", "reasons": [{"code": "loan_limit", "message": "...", "data": {...}, "overridable": true}]}

`code` is stable and for programs, `detail` and `message` are translated and for people. Status codes belong here and
nowhere below: actions raise `library.core.errors` only.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import IntegrityError, OperationalError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from psycopg import errors as pg
from rest_framework import exceptions
from rest_framework.fields import get_error_detail
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from library.core.errors import Busy, Invalid, Refusal, Refused

CONTENT_TYPE = "application/problem+json"
BUSY_RETRY_SECONDS = 1
API_PREFIX = "/api/"


class Conflict(exceptions.APIException):
    """Somebody else was quicker, or something still hangs on the object. `members` are added to the problem."""

    members: Mapping[str, Any] = MappingProxyType({})

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"


class Unprocessable(exceptions.APIException):
    """Well formed, yet contradicting what was said before."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_code = "unprocessable"


def body(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem; `more` are extension members."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": str(detail),
        "code": code,
        "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **more,
    }


def handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The API's exception handler: a response for everything foreseen, None (a 500, logged by Django) for the rest."""
    headers: dict[str, str] = {}
    match error:
        case Refused():
            data = _refused(error, context)
        case Busy():
            data = _busy(headers)
        case OperationalError() if isinstance(error.__cause__, pg.LockNotAvailable | pg.DeadlockDetected):
            data = _busy(headers)
        case IntegrityError() if isinstance(error.__cause__, pg.UniqueViolation):
            data = body(409, "conflict", _("Somebody has just saved the same thing. Look again before repeating."))
        case ProtectedError() | RestrictedError():
            data = body(409, "in_use", _("This cannot be deleted: other records depend on it."))
        case Invalid():
            data = _invalid(dict(error.errors))
        case ModelInvalid():
            data = _invalid(get_error_detail(error))
        case exceptions.ValidationError():
            data = _invalid(error.detail)
        case RequestDataTooBig():
            data = body(413, "too_large", _("The request is too large."))
        case Http404():
            data = body(404, "not_found", _("There is nothing here."))
        case PermissionDenied():
            data = body(403, "permission_denied", _("You may not do this."))
        case exceptions.APIException():
            data = _of_framework(error, headers)
        case _:
            return None
    return Response(data, status=data["status"], headers=headers, content_type=CONTENT_TYPE)


def reason_as_json(refusal: Refusal, wording: Callable[[Refusal], str], user: Any) -> dict[str, Any]:
    """A refusal as told to `user`; `overridable` says whether they may override it."""
    return {
        "code": str(refusal.reason),
        "message": str(wording(refusal)),
        "data": data_as_json(refusal.data),
        "overridable": refusal.override is not None and user.has_perm(refusal.override),
    }


def data_as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a refusal or happening; amounts as strings, which no client rounds."""
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in data.items()}


def _refused(error: Refused, context: Mapping[str, Any]) -> dict[str, Any]:
    """All reasons, in the words of the view (`view.wording`)."""
    view, user = context["view"], context["request"].user
    reasons = [reason_as_json(refusal, view.wording, user) for refusal in error.refusals]
    detail = ngettext(
        "The rules say no, for %(count)d reason.", "The rules say no, for %(count)d reasons.", len(reasons)
    )
    return body(409, "refused", detail % {"count": len(reasons)}, reasons=reasons)


def _busy(headers: dict[str, str]) -> dict[str, Any]:
    headers["Retry-After"] = str(BUSY_RETRY_SECONDS)
    return body(503, "busy", _("Somebody else is working on the same thing. Try again in a moment."))


def _invalid(detail: Any) -> dict[str, Any]:
    errors = [
        {"field": field, "code": getattr(message, "code", None) or "invalid", "message": str(message)}
        for field, message in _flat(detail)
    ]
    return body(400, "invalid", _("Some of what was sent is not right."), errors=errors)


def _flat(detail: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Nested errors as (dotted field, message) pairs: contributions.0.name. What concerns no field has the field ""."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            yield from _flat(value, path if key in ("non_field_errors", "__all__") else (*path, str(key)))
    elif isinstance(detail, (list, tuple)):
        for index, value in enumerate(detail):
            yield from _flat(value, (*path, str(index)) if isinstance(value, (Mapping, list)) and value else path)
    else:
        yield ".".join(path), detail


def _of_framework(error: exceptions.APIException, headers: dict[str, str]) -> dict[str, Any]:
    """The framework's own errors, under our codes and in our words."""
    status = error.status_code
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    match error:
        case exceptions.Throttled():
            wait = max(1, round(getattr(error, "wait", None) or 1))
            headers["Retry-After"] = str(wait)
            text = ngettext(
                "Too many attempts. Wait %(count)d second.", "Too many attempts. Wait %(count)d seconds.", wait
            )
            return body(status, "throttled", text % {"count": wait})
        case exceptions.NotAuthenticated():
            return body(status, "not_authenticated", _("Sign in first: send an access token."))
        case exceptions.AuthenticationFailed():
            return body(status, _authentication_code(error), _authentication_text(error))
        case exceptions.ParseError():
            return body(status, "malformed", _("The body is not valid JSON in UTF-8."))
        case exceptions.UnsupportedMediaType():
            return body(status, "unsupported_media_type", _("Send the body as application/json."))
        case exceptions.NotAcceptable():
            return body(status, "not_acceptable", _("Only application/json can be answered here."))
        case exceptions.MethodNotAllowed():
            return body(status, "method_not_allowed", _("This address does not offer that method."))
        case exceptions.NotFound():
            return body(status, "not_found", _("There is nothing here."))
    code = error.get_codes()
    members = error.members if isinstance(error, Conflict) else {}
    return body(status, code if isinstance(code, str) else error.default_code, str(error.detail), **members)


def _authentication_code(error: exceptions.AuthenticationFailed) -> str:
    codes = error.get_codes()
    code = codes.get("code", codes.get("detail", "")) if isinstance(codes, dict) else codes
    return "sign_in_failed" if code == "sign_in_failed" else "token_invalid"


def _authentication_text(error: exceptions.AuthenticationFailed) -> str:
    if _authentication_code(error) == "sign_in_failed":
        return str(error.detail)
    return _("The token is not valid, or no longer. Sign in again.")


class ProblemMiddleware:
    """Keeps the API's promise where no view is reached: below /api/ an error is never an HTML page.

    It stands outside all but the log, so that it also covers what other middleware refuses (a wrong host; a redirect
    to https is no error) and what nobody foresaw, which Django has logged by then.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if response.status_code < 400 or not is_page or not request.path_info.startswith(API_PREFIX):
            return response
        return _instead_of_page(response)


def _instead_of_page(response: HttpResponse) -> HttpResponse:
    status = response.status_code
    code, detail = {
        400: ("bad_request", _("The request is not right.")),
        403: ("permission_denied", _("You may not do this.")),
        404: ("not_found", _("There is nothing here.")),
    }.get(status, ("server_error", _("Something broke on our side; it has been noted. Try again later.")))
    said = body(status, code, detail)
    problem = HttpResponse(JSONRenderer().render(said), status=status, content_type=CONTENT_TYPE)
    for name, value in response.headers.items():
        problem.headers.setdefault(name, value)
    return problem
