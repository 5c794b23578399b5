"""Why something about people is refused: stable public codes."""

from enum import StrEnum


class AccountReason(StrEnum):
    """Codes of `accounts.actions`."""

    LAST_ADMIN = "last_admin"
    """The library would be left without an administrator who can sign in."""
