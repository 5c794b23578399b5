"""What happens around every request: whose it is, its line in the log, headers that Django has no setting for."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

GetResponse = Callable[[HttpRequest], HttpResponse]

PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,36}")
"""What is taken over from a proxy as a request's id; the audit trail has room for 36 characters."""

log = structlog.get_logger("library.request")


class ClientAddressMiddleware:
    """Behind a proxy (BEHIND_PROXY) the client's address is what the proxy wrote last into X-Forwarded-For.

    Put into REMOTE_ADDR, where rate limits and logs look; entries before the last are the client's own claims.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_PROXY and (forwarded := request.headers.get("X-Forwarded-For")):
            request.META["REMOTE_ADDR"] = forwarded.rpartition(",")[2].strip()
        return self.get_response(request)


class RequestLogMiddleware:
    """One log line for each request, and the request's id on it and on every other line written meanwhile.

    The id is the proxy's X-Request-ID, else a new UUID; the answer carries it, so that whoever reports a failure can
    name it. Query strings are not logged: they hold what readers search for. Nor are static files.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            if not request.path.startswith(settings.STATIC_URL):
                log.info(
                    "request_finished",
                    method=request.method,
                    path=_loggable_path(request),
                    status=response.status_code,
                    ms=round((time.monotonic() - started) * 1000),
                    user=_user_id(request),
                    ip=request.META.get("REMOTE_ADDR"),
                )
        return response


class PermissionsPolicyMiddleware:
    """Tells browsers which powerful features the pages may use: the camera, for scanning; nothing else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Permissions-Policy"] = PERMISSIONS_POLICY
        return response


def _loggable_path(request: HttpRequest) -> str:
    """The path; its pattern, if it carries a secret key, as links to reset a password do."""
    match = request.resolver_match
    if match and "key" in match.kwargs:
        return f"/{match.route}"
    return request.path


def _user_id(request: HttpRequest) -> int | None:
    """The primary key of who is signed in, if anything asked for it: the log costs no query."""
    user = getattr(request, "user", None)
    if user is None or (isinstance(user, SimpleLazyObject) and not hasattr(request, "_cached_user")):
        return None
    primary_key: int | None = user.pk
    return primary_key
