"""What an action says when it does not do what was asked.

An action either does everything or raises one of these, having written nothing. Doors translate: the API to
problem+json, pages and the desk to sentences (each app's `wording.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class LibraryError(Exception):
    """The root of the errors that doors translate."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why not: a stable public code with typed data to build a sentence from."""

    reason: StrEnum
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    override: str | None = None
    """The permission (`app.codename`) with which this reason may be overridden; None: it is absolute."""


class Refused(LibraryError):
    """The rules say no. Carries every reason at once, in the order of the rules."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(", ".join(refusal.reason for refusal in refusals))
        self.refusals = tuple(refusals)


class Busy(LibraryError):
    """Another operation holds the rows for longer than the lock time-out (3 s); trying again is safe."""


class Invalid(LibraryError):
    """The request makes no sense as given: field name to a list of translated messages."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{name}: {', '.join(map(str, messages))}" for name, messages in errors.items()))
        self.errors = errors
