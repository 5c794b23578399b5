"""Reasons in words, for every door; read by the reader as well as by staff, so they address neither."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rules import ReaderReason
from accounts.wording import READER_REASONS
from library.core.dates import day
from library.core.errors import Refusal
from library.core.money import money
from readership.rules import Reason


def sentence(refusal: Refusal) -> str:
    """What is the matter, in the language in use."""
    if isinstance(refusal.reason, ReaderReason):
        return READER_REASONS[refusal.reason](refusal.data)
    return _REASONS[Reason(refusal.reason)](refusal.data)


def _loans_open(data: Mapping[str, Any]) -> str:
    return (
        ngettext("%(count)d book is not brought back.", "%(count)d books are not brought back.", data["count"]) % data
    )


def _set_aside(data: Mapping[str, Any]) -> str:
    text = ngettext(
        "%(count)d reserved book is set aside: collect it or cancel the reservation.",
        "%(count)d reserved books are set aside: collect them or cancel the reservations.",
        data["count"],
    )
    return text % data


_REASONS: dict[Reason, Callable[[Mapping[str, Any]], str]] = {
    Reason.RENEWAL_AT_DESK: lambda data: _("Cards of this category are extended at the desk."),
    Reason.RENEWAL_TOO_EARLY: lambda data: _("The card can be extended here from %(day)s on.") % {
        "day": day(data["opens_on"])
    },
    Reason.EXPIRED_TOO_LONG: lambda data: _("The card expired on %(day)s, too long ago to extend it here.") % {
        "day": day(data["expired_on"])
    },
    Reason.CATEGORY_OUTGROWN: lambda data: _(
        "The category is for readers up to %(maximum_age)d: another one is chosen at the desk."
    ) % data,
    Reason.READER_GONE: lambda data: _("This reader was merged into another or erased."),
    Reason.LOANS_OPEN: _loans_open,
    Reason.MONEY_OWED: lambda data: _("%(amount)s is owed to the library.") % {"amount": money(data["amount"])},
    Reason.CREDIT_LEFT: lambda data: _("%(amount)s is to the reader's good: it has to be given back first.") % {
        "amount": money(data["amount"])
    },
    Reason.RESERVATION_READY: _set_aside,
    Reason.WORKS_HERE: lambda data: _("This user works here: the account is closed by an administrator first."),
}  # fmt: skip
