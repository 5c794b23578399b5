"""The API's description (OpenAPI 3): what all operations have in common is added here, once.

Summary and description of an operation are the docstring of its method. Every operation lists the problems it can
answer with, every unsafe one the `Idempotency-Key` header.
"""

from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from rest_framework import permissions

from library.core import idempotency
from library.core.api import ANYONE, SIGNED_IN
from library.core.problems import CONTENT_TYPE

MEANINGS = {
    400: "The body, a field or a query parameter is wrong: `malformed`, or `invalid` with `errors`.",
    401: "No access token, or one that is not valid any more: `not_authenticated`, `token_invalid`.",
    403: "The caller may not do this: `permission_denied`.",
    404: "There is no such thing, or the caller may not know of it: `not_found`.",
    406: "Only JSON is answered: `not_acceptable`.",
    409: "The rules say no (`refused`, with `reasons`), somebody was quicker (`conflict`), something depends on it "
    "(`in_use`), the person may be known (`possible_duplicates`), or the first call with this key is still under way "
    "(`in_progress`).",
    413: "The body is too large: `too_large`.",
    415: "The body is not JSON: `unsupported_media_type`.",
    422: "The key was used for another request: `key_reused`.",
    429: "Too many attempts; `Retry-After` says how many seconds to wait: `throttled`.",
    503: "Somebody else holds the same rows; `Retry-After` says when to try again: `busy`.",
}


_TEXT = {"type": "string"}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


PROBLEM = _object(
    {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT | {"description": "A sentence in the language asked for."},
        "code": _TEXT | {"description": "Stable, for programs."},
        "request_id": _TEXT | {"description": "To find the call in the log."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which field.",
            "items": _object(
                {
                    "field": _TEXT | {"description": "Dotted: `contributions.0.name`. Empty: the request as a whole."},
                    "code": _TEXT,
                    "message": _TEXT,
                }
            ),
        },
        "duplicates": {
            "type": "array",
            "description": "With `possible_duplicates`: readers who may be the same person.",
            "items": _object({"uid": _TEXT, "card_number": _TEXT, "full_name": _TEXT}),
        },
        "reasons": {
            "type": "array",
            "description": "Every reason why the rules say no; the codes are in docs/circulation.md.",
            "items": _object(
                {
                    "code": _TEXT,
                    "message": _TEXT,
                    "data": {"type": "object", "additionalProperties": {}},
                    "overridable": {"type": "boolean", "description": "Whether this caller may override the reason."},
                }
            ),
        },
    },
    optional=("errors", "reasons", "duplicates"),
)
"""Problem details (RFC 9457) as JSON Schema."""


class Schema(AutoSchema):
    """Describes one operation."""

    def get_summary(self) -> str:
        """The first line of the docstring of the method."""
        return str(super().get_description()).partition("\n")[0]

    def get_description(self) -> str:  # type: ignore[override] # drf-spectacular's signature, not the framework's
        """The docstring after its first line, and what it takes to call the operation."""
        rest = str(super().get_description()).partition("\n")[2].strip()
        need = getattr(self.view, "need", None)
        who = {ANYONE: "", SIGNED_IN: "Takes: to be signed in.", None: ""}.get(need, f"Takes: `{need}`.")
        return "\n\n".join(filter(None, (rest, who)))

    def get_auth(self) -> list[dict[str, Any]]:
        """A token; optional where anyone may call."""
        auth: list[dict[str, Any]] = super().get_auth()
        return [*auth, {}] if getattr(self.view, "need", None) == ANYONE and auth else auth

    def get_override_parameters(self) -> list[Any]:
        """The header that makes unsafe calls repeatable."""
        if self._is_safe:
            return []
        description = "A random string of yours: the same call with the same key has one effect and one answer."
        return [
            OpenApiParameter(
                idempotency.HEADER,
                {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
                OpenApiParameter.HEADER,
                description=description,
            ),
            OpenApiParameter(
                idempotency.REPLAYED,
                {"type": "string", "enum": ["true"]},
                OpenApiParameter.HEADER,
                description="The answer given to the first call with this key.",
                response=True,
            ),
        ]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        for code, response in responses.items():
            response["description"] = response["description"] or HTTPStatus(int(code)).phrase
        problem = ResolvedComponent(  # type: ignore[no-untyped-call] # drf-spectacular types only part of itself
            "Problem", ResolvedComponent.SCHEMA, PROBLEM, "Problem"
        )
        self.registry.register_on_missing(problem)
        for status in self._problems():
            content = {CONTENT_TYPE: {"schema": problem.ref}}
            responses.setdefault(str(status), {"description": MEANINGS[status], "content": content})
        return dict(sorted(responses.items()))

    def _problems(self) -> list[int]:
        need = getattr(self.view, "need", None)
        takes_body = self.method in ("POST", "PATCH")
        happens = {
            400: not self._is_safe or self._is_list_view() or getattr(self.view, "checks_address", False),
            401: bool(self.view.get_authenticate_header(self.view.request)),
            403: need not in (ANYONE, SIGNED_IN, None),
            404: "{" in self.path or self._is_list_view() or getattr(self.view, "needs_card", False),
            406: True,
            409: not self._is_safe,
            413: takes_body,
            415: takes_body,
            422: not self._is_safe,
            429: bool(self.view.get_throttles()),
            503: not self._is_safe,
        }
        return [status for status, may in happens.items() if may]

    @property
    def _is_safe(self) -> bool:
        return self.method in permissions.SAFE_METHODS
