"""Reasons and happenings in words, for every door: what is the matter, and what to do next.

Reasons against a renewal are read by the reader as well as by the librarian, so they address neither.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.wording import READER_ADVICE, READER_REASONS
from circulation.rules import Happened, Happening, Reason
from circulation.undo_rules import UndoReason
from library.core.dates import day, moment
from library.core.errors import Refusal
from library.core.money import money
from reservations.wording import kept_for, sent_home


def sentence(told: Refusal | Happened) -> str:
    """What is the matter, in the language in use."""
    if isinstance(told, Happened):
        return _HAPPENINGS[told.what](told.data)
    if isinstance(told.reason, UndoReason):
        return _UNDO_REASONS[told.reason](told.data)
    return _REASONS[Reason(told.reason)](told.data)


def advice(refusal: Refusal) -> str:
    """What to do about a refusal; empty where there is nothing but to accept it."""
    if isinstance(refusal.reason, UndoReason):
        return ""
    give = _ADVICE.get(Reason(refusal.reason))
    return give() if give else ""


def time_left(days: int) -> str:
    """How long a loan still has: due today, due in 5 days; `days` until the due day, not below 0."""
    if days == 0:
        return _("due today")
    if days == 1:
        return _("due tomorrow")
    return ngettext("due in %(count)d day", "due in %(count)d days", days) % {"count": days}


def late(days: int) -> str:
    """How late: 3 days late."""
    return ngettext("%(count)d day late", "%(count)d days late", days) % {"count": days}


def _loan_limit(data: Mapping[str, Any]) -> str:
    scope = ", ".join(part for part in (data["category"], data["item_type"], data["branch"]) if part)
    values = {"count": data["count"], "limit": data["limit"], "scope": scope}
    if scope:
        return _("The limit of loans is reached: %(count)d of %(limit)d (%(scope)s).") % values
    return _("The limit of loans is reached: %(count)d of %(limit)d.") % values


def _was_lost(data: Mapping[str, Any]) -> str:
    if cancelled := data.get("cancelled"):
        text = _("It was recorded as lost and is found now. Of its replacement, %(amount)s is cancelled.")
        return text % {"amount": money(cancelled)}
    return _("It was recorded as lost and is found now.")


def _kept_for_another(data: Mapping[str, Any]) -> str:
    if data["until"] is None:
        return _("This copy is on its way to a reader who reserved it.")
    return _("This copy is kept for another reader until %(until)s.") % {"until": day(data["until"])}


def _renewal_limit(data: Mapping[str, Any]) -> str:
    if data["limit"] == 0:
        return _("This loan cannot be renewed.")
    text = ngettext(
        "Renewed %(renewals)d time already, of %(limit)d allowed.",
        "Renewed %(renewals)d times already, of %(limit)d allowed.",
        data["renewals"],
    )
    return text % data


def _claim_resolved(data: Mapping[str, Any]) -> str:
    values = {"day": day(data["claimed_at"].date())}
    if data["was_right"]:
        return _("The reader had said on %(day)s that it is back: so it is, and lateness costs nothing.") % values
    return _("The reader had said on %(day)s that it is back; lateness counts until then.") % values


def _not_on_loan(data: Mapping[str, Any]) -> str:
    if data.get("counted"):
        return _("It was not on loan: a reading in the library is counted.")
    if returned_at := data.get("returned_at"):
        return _("It was not on loan: it came back on %(moment)s.") % {"moment": moment(returned_at)}
    return _("It was not on loan.")


Words = Callable[[Mapping[str, Any]], str]

_REASONS: dict[Reason, Words] = {
    **{Reason(reason): words for reason, words in READER_REASONS.items()},
    Reason.COPY_UNKNOWN: lambda data: _("There is no copy with this barcode or inventory number."),
    Reason.COPY_WITHDRAWN: lambda data: _("This copy was withdrawn from the library."),
    Reason.COPY_LOST: lambda data: _("This copy is recorded as lost."),
    Reason.COPY_DAMAGED: lambda data: _("This copy is damaged."),
    Reason.COPY_ON_ORDER: lambda data: _("This copy is still on order."),
    Reason.NOT_FOR_LOAN: lambda data: _("The rules do not lend this."),
    Reason.IN_LIBRARY_USE_ONLY: lambda data: _("This copy is for use in the library only."),
    Reason.ALREADY_LOANED_TO_READER: lambda data: (
        _("The reader has this copy already, until %(due)s.") % {"due": moment(data["due_at"])}
    ),
    Reason.LOANED_TO_ANOTHER: lambda data: (
        _("This copy is on loan to another reader, until %(due)s.") % {"due": moment(data["due_at"])}
    ),
    Reason.LOAN_LIMIT: _loan_limit,
    Reason.KEPT_FOR_ANOTHER: _kept_for_another,
    Reason.RESERVED_BY_ANOTHER: lambda data: _("Another reader is waiting for this book, and no other copy is free."),
    Reason.IN_TRANSIT: lambda data: _("This copy is on its way to %(branch)s.") % data,
    Reason.SAME_BOOK_ON_LOAN: lambda data: (
        _("The reader has another copy of this book, until %(due)s.") % {"due": moment(data["due_at"])}
    ),
    Reason.NOT_ON_LOAN: lambda data: _("This loan is over: the copy has come back."),
    Reason.RENEWAL_LIMIT: _renewal_limit,
    Reason.TOO_SOON: lambda data: _("Too early: renewal opens on %(day)s.") % {"day": day(data["opens_on"])},
    Reason.BOOK_IS_AWAITED: lambda data: _("Another reader is waiting for this book."),
    Reason.LOAN_OVERDUE_RENEWAL: lambda data: (
        _("The loan is overdue since %(due)s; overdue loans are not renewed.") % {"due": moment(data["due_at"])}
    ),
    Reason.CLAIMED_RETURNED: lambda data: _("The reader says that this copy is back; the library is searching for it."),
    Reason.COPY_NOT_DAMAGED: lambda data: _("This copy is not damaged."),
    Reason.RENEWAL_WOULD_NOT_EXTEND: lambda data: (
        _("Renewing now would not give more time: due %(due)s as it is.") % {"due": moment(data["due_at"])}
    ),
}

_UNDO_REASONS: dict[UndoReason, Words] = {
    UndoReason.NOT_THE_LAST_STEP: lambda data: _("Something was done with this loan since: undo that first."),
    UndoReason.NOT_YOUR_STEP: lambda data: _("A colleague did this: ask them, or an administrator, to undo it."),
    UndoReason.TOO_LATE_TO_UNDO: lambda data: _("This was done more than a day ago: put it right by a new step."),
    UndoReason.LOAN_WAS_LOST: lambda data: _(
        "The copy was lost, and its replacement is cancelled, which a loan is charged with only once: lend it to the"
        " reader anew, and declare that loan lost."
    ),
    UndoReason.COPY_LENT_SINCE: lambda data: _("The copy has been lent again since."),
    UndoReason.COPY_MOVED_SINCE: lambda data: _("The copy has gone on since: it was scanned, sent or set aside anew."),
    UndoReason.READER_WAS_TOLD: lambda data: _("%(reader)s has been told by letter that the copy stands ready.") % data,
}

_ADVICE: dict[Reason, Callable[[], str]] = {
    **{Reason(reason): words for reason, words in READER_ADVICE.items()},
    Reason.COPY_UNKNOWN: lambda: _("Scan again, or type the inventory number."),
    Reason.COPY_WITHDRAWN: lambda: _("Put it aside for the cataloguer."),
    Reason.COPY_LOST: lambda: _("It is found: take it back first, or lend it as found."),
    Reason.COPY_DAMAGED: lambda: _("Look whether it can be lent."),
    Reason.COPY_ON_ORDER: lambda: _("Have it received in the catalogue first."),
    Reason.IN_LIBRARY_USE_ONLY: lambda: _("Offer it for the reading room."),
    Reason.ALREADY_LOANED_TO_READER: lambda: _("Renew it if the reader wants to keep it."),
    Reason.LOANED_TO_ANOTHER: lambda: _("Take it back first; then lend it."),
    Reason.KEPT_FOR_ANOTHER: lambda: _("Put it back on the hold shelf."),
    Reason.RESERVED_BY_ANOTHER: lambda: _("Tick it off the pick list instead."),
    Reason.LOAN_LIMIT: lambda: _("Something has to come back first."),
}

_HAPPENINGS: dict[Happening, Words] = {
    Happening.NOT_ON_LOAN: _not_on_loan,
    Happening.WRONG_BRANCH: lambda data: sent_home(data["branch"]),
    Happening.WAS_LOST: _was_lost,
    Happening.CLAIMED_RETURNED_RESOLVED: _claim_resolved,
    Happening.WITHDRAWN: lambda data: _("It was withdrawn: do not shelve it."),
    Happening.KEPT_FOR: lambda data: kept_for(**data),
    Happening.FINE_CHARGED: lambda data: _("The fine is %(amount)s.") % {"amount": money(data["amount"])},
    Happening.SUSPENDED_UNTIL: lambda data: (
        _("For lateness the reader may not borrow until %(until)s.") % {"until": day(data["until"])}
    ),
}
