"""Reasons in words, for every door."""

from django.utils.translation import gettext as _

from accounts.reasons import AccountReason
from library.core.errors import Refusal


def sentence(refusal: Refusal) -> str:
    """What to tell a person about a refusal of `accounts.actions`."""
    match refusal.reason:
        case AccountReason.LAST_ADMIN:
            return _("This is the last administrator. Make somebody else an administrator first.")
    raise LookupError(refusal.reason)
