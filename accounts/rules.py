"""What speaks against a reader who wants to borrow, renew or reserve anything at all.

Pure functions of facts: no Django, no clock, no I/O. Every reason that holds is told, in the documented order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from library.core.errors import Refusal


class ReaderReason(StrEnum):
    """Why a reader gets nothing now: public, stable codes, in the order in which they are checked."""

    READER_UNKNOWN = "reader_unknown"
    CARD_EXPIRED = "card_expired"
    CARD_LOST = "card_lost"
    READER_BLOCKED = "reader_blocked"
    READER_SUSPENDED = "reader_suspended"
    DEBT_LIMIT = "debt_limit"
    OVERDUE_LIMIT = "overdue_limit"
    AGE_RESTRICTED = "age_restricted"


ABSOLUTE = frozenset({ReaderReason.READER_UNKNOWN, ReaderReason.CARD_LOST})
"""Reasons that nobody may override."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block that holds today; `until` is the last blocked day, None: until lifted."""

    is_suspension: bool
    reason: str
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderFacts:
    """A reader as the rules see one."""

    card_expires_on: date
    """The last day on which the card is good."""
    is_card_lost: bool = False
    age: int | None = None
    """Whole years, or what the category vouches for; None: unknown."""
    blocks: tuple[Block, ...] = ()
    owed: Decimal = Decimal("0.00")
    """The balance of the ledger: lateness that is not over yet is no debt."""
    max_owed: Decimal | None = None
    """How much debt is tolerated; None: any."""
    overdue_loans: int = 0
    max_overdue_loans: int | None = None
    """How many overdue loans are tolerated; None: any number."""


def against_reader(reader: ReaderFacts, today: date) -> Iterator[Refusal]:
    """What keeps a reader from borrowing, renewing or reserving anything; `today` is the branch's local day."""
    if reader.card_expires_on < today:
        yield refusal(ReaderReason.CARD_EXPIRED, expired_on=reader.card_expires_on)
    if reader.is_card_lost:
        yield refusal(ReaderReason.CARD_LOST)
    for block in reader.blocks:
        if not block.is_suspension:
            yield refusal(ReaderReason.READER_BLOCKED, until=block.until, why=block.reason)
    for block in reader.blocks:
        if block.is_suspension:
            yield refusal(ReaderReason.READER_SUSPENDED, until=block.until, why=block.reason)
    if reader.max_owed is not None and reader.owed > reader.max_owed:
        yield refusal(ReaderReason.DEBT_LIMIT, owed=reader.owed, limit=reader.max_owed)
    if reader.max_overdue_loans is not None and reader.overdue_loans > reader.max_overdue_loans:
        yield refusal(ReaderReason.OVERDUE_LIMIT, overdue=reader.overdue_loans, limit=reader.max_overdue_loans)


def against_age(reader: ReaderFacts, minimum_age: int | None) -> Iterator[Refusal]:
    """Whether the reader is too young for something, or might be; without a minimum nobody is."""
    if minimum_age and (reader.age is None or reader.age < minimum_age):
        yield refusal(ReaderReason.AGE_RESTRICTED, minimum_age=minimum_age, age=reader.age)


def refusal(reason: ReaderReason, **data: object) -> Refusal:
    """A reason with its data and the permission that overrides it: the same for lending, renewing and reserving."""
    return Refusal(reason, data, None if reason in ABSOLUTE else f"circulation.override_{reason}")
