"""Entries and reasons of the ledger in words, for every door."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cashdesk.models import TRANSFERS, Entry, Kind
from cashdesk.rules import Reason
from library.core.errors import Refusal
from library.core.money import money


def sentence(refusal: Refusal) -> str:
    """What is the matter, in the language in use."""
    return _SENTENCES[Reason(refusal.reason)](refusal.data)


def title(entry: Entry) -> str:
    """What an entry is: fine, 5 days late; reversal: payment; what was charged by hand is what its reason says.

    The entry comes `in_full()`.
    """
    if entry.reverses:
        return _("reversal: %(what)s") % {"what": title(entry.reverses)}
    if entry.overdue_days:
        text = ngettext("fine, %(count)d day late", "fine, %(count)d days late", entry.overdue_days)
        return text % {"count": entry.overdue_days}
    if entry.kind in (Kind.MANUAL, *TRANSFERS):
        return entry.reason
    return str(entry.get_kind_display())


def _amount(data: Mapping[str, Any]) -> dict[str, str]:
    return {"amount": money(data["amount"])}


_SENTENCES = {
    Reason.NOTHING_OWED: lambda data: _("Nothing is owed for this any more."),
    Reason.MORE_THAN_OWED: lambda data: _("This is more than is owed: %(amount)s.") % _amount(data),
    Reason.NO_CREDIT: lambda data: _("There is no credit to give back. Reverse the charge or payment first."),
    Reason.MORE_THAN_CREDIT: lambda data: _("This is more than the credit: %(amount)s.") % _amount(data),
    Reason.ALREADY_REVERSED: lambda data: _("This was reversed already."),
    Reason.NOT_REVERSIBLE: lambda data: _("Reversals and transfers are not reversed; enter anew what should be there."),
    Reason.CHARGE_IS_REVERSED: lambda data: _("The charge that this waiver was for is reversed."),
    Reason.TRANSFER_IS_SETTLED: lambda data: (
        _("Of the %(amount)s that came with the other reader, a part was waived or given back as money since.")
        % _amount(data)
    ),
}
