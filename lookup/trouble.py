"""What can go wrong between this library and a server outside: stable codes; sentences in `lookup.wording`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Trouble(StrEnum):
    """Why a server gave no answer that can be used."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    """It answered with an error; `status` is the HTTP status."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """It answered, but not in the format that it should."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    """The address, or one it redirects to, is none that may be asked."""


class Unavailable(Exception):
    """A server gave no usable answer."""

    def __init__(self, trouble: Trouble, **data: Any) -> None:
        super().__init__(trouble)
        self.trouble = trouble
        self.data: Mapping[str, Any] = data
