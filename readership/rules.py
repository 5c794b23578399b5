"""What speaks against renewing one's own card and against erasing a reader.

Pure functions of facts: no Django, no clock, no I/O. Every reason that holds is told, in the documented order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from accounts.rules import ReaderFacts, against_reader
from library.core.errors import Refusal

NOTHING = Decimal("0.00")


class Reason(StrEnum):
    """Public, stable codes."""

    RENEWAL_AT_DESK = "renewal_at_desk"
    RENEWAL_TOO_EARLY = "renewal_too_early"
    EXPIRED_TOO_LONG = "expired_too_long"
    CATEGORY_OUTGROWN = "category_outgrown"

    READER_GONE = "reader_gone"
    LOANS_OPEN = "loans_open"
    MONEY_OWED = "money_owed"
    CREDIT_LEFT = "credit_left"
    RESERVATION_READY = "reservation_ready"
    WORKS_HERE = "works_here"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalFacts:
    """A reader who wants to extend their own card."""

    today: date
    reader: ReaderFacts
    window_days: int | None
    """Days before and after the last good day within which the category lets readers do it; None: never."""
    maximum_age: int | None
    """Of the category."""


def own_renewal_refusals(facts: RenewalFacts) -> tuple[Refusal, ...]:
    """Why a reader may not extend the card themselves: no debt at all, nothing overdue, no block is tolerated."""
    return tuple(_against_own_renewal(facts))


def _against_own_renewal(facts: RenewalFacts) -> Iterator[Refusal]:
    expires_on = facts.reader.card_expires_on
    if facts.window_days is None:
        yield Refusal(Reason.RENEWAL_AT_DESK)
    elif facts.today < (opens_on := expires_on - timedelta(days=facts.window_days)):
        yield Refusal(Reason.RENEWAL_TOO_EARLY, {"opens_on": opens_on})
    elif facts.today > expires_on + timedelta(days=facts.window_days):
        yield Refusal(Reason.EXPIRED_TOO_LONG, {"expired_on": expires_on})
    strict = replace(facts.reader, card_expires_on=facts.today, max_owed=NOTHING, max_overdue_loans=0)
    for refusal in against_reader(strict, facts.today):
        yield Refusal(refusal.reason, refusal.data)
    if facts.maximum_age is not None and facts.reader.age is not None and facts.reader.age > facts.maximum_age:
        yield Refusal(Reason.CATEGORY_OUTGROWN, {"maximum_age": facts.maximum_age})


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureFacts:
    """A reader who is to be erased."""

    is_gone: bool
    """Erased already, or merged into another."""
    open_loans: int
    balance: Decimal
    """What is owed; less than nothing: credit."""
    set_aside: int
    """Reservations for which a copy is ready or on its way."""
    is_staff: bool
    """The user who signs in is a librarian or administrator."""


def erasure_refusals(facts: ErasureFacts) -> tuple[Refusal, ...]:
    """Why a reader is not erased now: what is out, owed or set aside has to be settled first."""
    return tuple(_against_erasure(facts))


def _against_erasure(facts: ErasureFacts) -> Iterator[Refusal]:
    if facts.is_gone:
        yield Refusal(Reason.READER_GONE)
        return
    if facts.open_loans:
        yield Refusal(Reason.LOANS_OPEN, {"count": facts.open_loans})
    if facts.balance > 0:
        yield Refusal(Reason.MONEY_OWED, {"amount": facts.balance})
    if facts.balance < 0:
        yield Refusal(Reason.CREDIT_LEFT, {"amount": -facts.balance})
    if facts.set_aside:
        yield Refusal(Reason.RESERVATION_READY, {"count": facts.set_aside})
    if facts.is_staff:
        yield Refusal(Reason.WORKS_HERE)
