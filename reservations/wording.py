"""Reasons in words, for every door. Reader and librarian read the same ones, so they address neither."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rules import ReaderReason
from accounts.wording import READER_REASONS
from library.core.dates import day, moment
from library.core.errors import Refusal
from reservations.rules import Reason

Words = Callable[[Mapping[str, Any]], str]


def sentence(refusal: Refusal) -> str:
    """What is the matter, in the language in use."""
    if isinstance(refusal.reason, ReaderReason):
        return READER_REASONS[refusal.reason](refusal.data)
    return _REASONS[Reason(refusal.reason)](refusal.data)


def kept_for(*, reader: str, card: str, branch: str, until: date | None) -> str:
    """Where a copy that is set aside goes: on the hold shelf until a day, or first to another branch."""
    values: dict[str, Any] = {"reader": reader, "card": card, "branch": branch}
    if until is None:
        return _("Reserved by %(reader)s (%(card)s): send it to %(branch)s.") % values
    text = _("Keep it for %(reader)s (%(card)s) on the hold shelf until %(until)s.")
    return text % {**values, "until": day(until)}


def sent_home(branch: str) -> str:
    """Where a copy that nobody waits for goes."""
    return _("It belongs to %(branch)s: send it there.") % {"branch": branch}


def _limit(data: Mapping[str, Any]) -> str:
    match data["kind"]:
        case "book":
            text = ngettext(
                "One reader may have %(limit)d reservation of this book at once.",
                "One reader may have %(limit)d reservations of this book at once.",
                data["limit"],
            )
        case "day":
            text = ngettext(
                "One reader may place %(limit)d reservation a day.",
                "One reader may place %(limit)d reservations a day.",
                data["limit"],
            )
        case _:
            return _("The limit of reservations is reached: %(count)d of %(limit)d.") % data
    return text % data


def _on_shelf(data: Mapping[str, Any]) -> str:
    text = ngettext(
        "%(count)d copy is on the shelf and can simply be taken; only what is out is reserved.",
        "%(count)d copies are on the shelf and can simply be taken; only what is out is reserved.",
        data["count"],
    )
    return text % data


_REASONS: dict[Reason, Words] = {
    Reason.BOOK_UNKNOWN: lambda data: _("There is no such book."),
    Reason.NOT_RESERVABLE: lambda data: _("The rules do not reserve this."),
    Reason.ALREADY_RESERVED: lambda data: _("This book is reserved for this reader already."),
    Reason.SAME_BOOK_ON_LOAN: lambda data: (
        _("A copy of this book is on loan to this reader, until %(due)s.") % {"due": moment(data["due_at"])}
    ),
    Reason.RESERVATION_LIMIT: _limit,
    Reason.AVAILABLE_ON_SHELF: _on_shelf,
    Reason.NO_COPY_COULD_FILL: lambda data: _(
        "No copy could be kept: every one is lost, withdrawn, for use in the library only or in another branch."
    ),
    Reason.RESERVATION_IS_OVER: lambda data: _("This reservation is over."),
    Reason.ALREADY_SET_ASIDE: lambda data: _("A copy is set aside for this reservation already."),
    Reason.COPY_UNKNOWN: lambda data: _("There is no copy with this barcode or inventory number."),
    Reason.COPY_IS_OUT: lambda data: _("This copy is on loan, lost, damaged or withdrawn. Take it back at the desk."),
    Reason.NOBODY_WAITS: lambda data: _("Nobody waits for this copy: it stays on its shelf."),
    Reason.NOT_ON_ITS_WAY: lambda data: _("This copy was not on its way."),
    Reason.NOT_SET_ASIDE: lambda data: _("This copy is neither set aside nor on its way."),
}
