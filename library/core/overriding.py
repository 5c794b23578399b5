"""Reasons that staff set aside: each by its permission, all with a note, and written down."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from library.core.errors import Invalid, Refusal, Refused


def settle(refusals: Sequence[Refusal], *, by: Any, overrides: Collection[StrEnum], note: str) -> tuple[Refusal, ...]:
    """The refusals that `by` overrides. Raises Refused if any other is left, Invalid (`note`) without a note."""
    overridden = tuple(
        refusal
        for refusal in refusals
        if refusal.reason in overrides and refusal.override and by and by.has_perm(refusal.override)
    )
    if left := [refusal for refusal in refusals if refusal not in overridden]:
        raise Refused(left)
    if overridden and not note.strip():
        raise Invalid({"note": [_("Say in a note why the rule does not count this time.")]})
    return overridden


def trace(overridden: Sequence[Refusal], note: str) -> dict[str, Any]:
    """What the audit keeps of overridden reasons."""
    if not overridden:
        return {}
    reasons = [{"reason": refusal.reason, "data": dict(refusal.data)} for refusal in overridden]
    return {"overridden": reasons, "note": note.strip()}
