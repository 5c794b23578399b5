"""Unsafe calls that may be repeated: the same `Idempotency-Key` with the same request has one effect and one answer.

The key's row and the effect are one transaction. Killed before its commit, neither happened and the repetition does
the work; killed after it, the repetition is given the stored answer. A repetition that comes while the first call is
still under way waits for it, as long as any lock is waited for (3 s), then is told `in_progress` (409).

Kept are the answers of the handler, refusals too: who wants to ask anew takes a new key. Not kept are failures of
ours (5xx), and what is refused before the handler (401, 403, 429).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from psycopg import errors as pg
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from library.core.models import IdempotencyKey
from library.core.problems import Conflict, Unprocessable
from library.core.sql import insert, update

if TYPE_CHECKING:
    from library.core.api import ApiView

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_FOR = timedelta(days=1)
KEPT_LONG = timedelta(days=40)
"""How long a door remembers that keeps what it could not send, as the desk does."""
DOOR = "DOOR"
"""Stands where the rows of the API have their method."""
SWEEP_BATCH = 5_000


def once(view: "ApiView", handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
    """Run `handler` unless its answer for this key is known; see the module.

    `view.seal` and `view.unseal`, where present, take secrets out of the answer before it is stored and put them back.
    """
    key = _key(request)
    with transaction.atomic():
        row = _claim(request, key)
        if row is None:
            return _replay(view, request, key)
        response = _run(view, handler, request, *args, **kwargs)
        if response.status_code >= 500:
            transaction.set_rollback(True)
            return response
        answer = response.content.decode()
        row.status = response.status_code
        row.answer = view.seal(answer) if hasattr(view, "seal") else answer
        row.content_type = response.get("Content-Type", "")
        update(row, "status", "answer", "content_type")
    return response


def remembered(*, door: str, key: str, make: Callable[[], str]) -> tuple[str, bool]:
    """What `make` said for this key of a door that is no API, and whether it was said before; whoever asks.

    The same guarantee as `once`: the key and the effect are one transaction, also of actions inside `make` that commit
    by themselves. Kept for KEPT_LONG. `make` raises to leave no trace.
    """
    row_key = f"{door}:{key}"
    with transaction.atomic():
        row = _insert(user=None, key=row_key, method=DOOR, path=door, digest="")
        if row is None:
            return IdempotencyKey.objects.get(user=None, key=row_key).answer, True
        row.answer = make()
        update(row, "answer")
        return row.answer, False


def sweep(*, now: datetime) -> int:
    """Delete answers older than KEPT_FOR, of doors than KEPT_LONG, SWEEP_BATCH a transaction; how many there were."""
    old = IdempotencyKey.objects.filter(created_at__lt=now - KEPT_FOR)
    old = old.exclude(method=DOOR, created_at__gte=now - KEPT_LONG)
    total = 0
    while True:
        deleted, _by_model = IdempotencyKey.objects.filter(pk__in=old.values("pk")[:SWEEP_BATCH]).delete()
        total += deleted
        if deleted < SWEEP_BATCH:
            return total


def _key(request: Request) -> str:
    """The key as stored. Callers who are not signed in are told apart by their network address."""
    key = request.headers[HEADER]
    if not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise exceptions.ValidationError({HEADER: [_("Give 1 to 200 printable ASCII characters.")]})
    if request.user.is_authenticated:
        return key
    address = BaseThrottle().get_ident(request)
    return salted_hmac("library.core.idempotency.anonymous", f"{address}\n{key}", algorithm="sha256").hexdigest()


def _claim(request: Request, key: str) -> IdempotencyKey | None:
    """Insert the key's row; None: it exists. Waits for a call with the same key to end."""
    method = request.method or ""
    return _insert(user=request.user.pk, key=key, method=method, path=_path(request), digest=_digest(request))


def _insert(*, user: int | None, key: str, method: str, path: str, digest: str) -> IdempotencyKey | None:
    row = IdempotencyKey(
        user_id=user, key=key, method=method, path=path, body_digest=digest, created_at=timezone.now()
    )  # fmt: skip
    try:
        return row if insert(row, unless_known=True) else None
    except OperationalError as error:
        if isinstance(error.__cause__, pg.LockNotAvailable):
            message = _("The first call with this key is still under way. Ask again in a moment.")
            raise Conflict(message, code="in_progress") from error
        raise


def _replay(view: "ApiView", request: Request, key: str) -> HttpResponse:
    known = IdempotencyKey.objects.get(user=request.user.pk, key=key)
    if (known.method, known.path, known.body_digest) != (request.method, _path(request), _digest(request)):
        raise Unprocessable(_("This key was used for another request. Take a new one."), code="key_reused")
    answer = view.unseal(known.answer) if hasattr(view, "unseal") else known.answer
    response = HttpResponse(answer, status=known.status, content_type=known.content_type or None)
    if not known.content_type:
        del response["Content-Type"]
    response[REPLAYED] = "true"
    return response


def _run(view: "ApiView", handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
    """The handler's rendered answer, also when it refuses; what it wrote before refusing is undone."""
    try:
        with transaction.atomic():
            response = handler(request, *args, **kwargs)
    except Exception as error:  # noqa: BLE001 - the same boundary as dispatch: handle_exception re-raises the unforeseen
        response = view.handle_exception(error)
    rendered: HttpResponse = view.finalize_response(request, response, *args, **kwargs).render()
    return rendered


def _path(request: Request) -> str:
    return request.get_full_path()[:500]


def _digest(request: Request) -> str:
    """Of the whole address and the body, and keyed: bodies may hold passwords."""
    said = request.get_full_path().encode() + b"\n" + request.body
    return salted_hmac("library.core.idempotency.body", said, algorithm="sha256").hexdigest()
