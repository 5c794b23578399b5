"""Reasons in words, for every door."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.reasons import AccountReason
from accounts.rules import ReaderReason
from library.core.dates import day
from library.core.errors import Refusal
from library.core.money import money


def sentence(refusal: Refusal) -> str:
    """What to tell a person about a refusal of `accounts.actions`."""
    match refusal.reason:
        case AccountReason.LAST_ADMIN:
            return _("This is the last administrator. Make somebody else an administrator first.")
    raise LookupError(refusal.reason)


def _until(data: Mapping[str, Any], *, dated: str, open_ended: str) -> str:
    if data["until"] is None:
        return open_ended % {"why": data["why"]}
    return dated % {"until": day(data["until"]), "why": data["why"]}


def _age(data: Mapping[str, Any]) -> str:
    minimum = data["minimum_age"]
    if data["age"] is None:
        text = ngettext(
            "This is lent from the age of %(minimum)d, and the reader's birth date is not known.",
            "This is lent from the age of %(minimum)d, and the reader's birth date is not known.",
            minimum,
        )
        return text % {"minimum": minimum}
    text = ngettext(
        "This is lent from the age of %(minimum)d; the reader is %(age)d.",
        "This is lent from the age of %(minimum)d; the reader is %(age)d.",
        minimum,
    )
    return text % {"minimum": minimum, "age": data["age"]}


def _card_lost(data: Mapping[str, Any]) -> str:
    if "replaced_on" in data:
        return _("This card was replaced by another on %(day)s.") % {"day": day(data["replaced_on"])}
    return _("This card was reported lost.")


def _debt_limit(data: Mapping[str, Any]) -> str:
    owed, limit = money(data["owed"]), money(data["limit"])
    if not data["limit"]:
        return _("%(owed)s is owed to the library.") % {"owed": owed}
    return _("%(owed)s is owed to the library; at most %(limit)s may be.") % {"owed": owed, "limit": limit}


def _overdue_limit(data: Mapping[str, Any]) -> str:
    overdue = data["overdue"]
    if data["limit"] == 0:
        text = ngettext("%(overdue)d loan is overdue.", "%(overdue)d loans are overdue.", overdue)
    else:
        text = ngettext(
            "%(overdue)d loan is overdue; at most %(limit)d may be.",
            "%(overdue)d loans are overdue; at most %(limit)d may be.",
            overdue,
        )
    return text % data


READER_REASONS: dict[ReaderReason, Callable[[Mapping[str, Any]], str]] = {
    ReaderReason.READER_UNKNOWN: lambda data: _("There is no reader with this card."),
    ReaderReason.CARD_EXPIRED: lambda data: _("The card expired on %(day)s.") % {"day": day(data["expired_on"])},
    ReaderReason.CARD_LOST: _card_lost,
    ReaderReason.READER_BLOCKED: lambda data: _until(
        data, dated=_("The card is blocked until %(until)s: %(why)s"), open_ended=_("The card is blocked: %(why)s")
    ),
    ReaderReason.READER_SUSPENDED: lambda data: _until(
        data,
        dated=_("Borrowing is suspended until %(until)s, for lateness: %(why)s"),
        open_ended=_("Borrowing is suspended for lateness: %(why)s"),
    ),
    ReaderReason.DEBT_LIMIT: _debt_limit,
    ReaderReason.OVERDUE_LIMIT: _overdue_limit,
    ReaderReason.AGE_RESTRICTED: _age,
}
"""By reason, the sentence that its data makes."""

READER_ADVICE: dict[ReaderReason, Callable[[], str]] = {
    ReaderReason.READER_UNKNOWN: lambda: _("Scan again, or find the reader by name."),
    ReaderReason.CARD_EXPIRED: lambda: _("Extend the card first."),
    ReaderReason.CARD_LOST: lambda: _("Ask for a document and give the reader a new card."),
    ReaderReason.DEBT_LIMIT: lambda: _("Take a payment first."),
    ReaderReason.OVERDUE_LIMIT: lambda: _("Take the overdue copies back first."),
    ReaderReason.AGE_RESTRICTED: lambda: _("Ask for a document."),
}
"""By reason, what staff may do about it."""
