"""The rules of the ledger: what may be paid, waived, given back or reversed, and which money covers which debt.

Pure functions of facts: no Django, no clock, no I/O. Amounts are exact Decimals in the library's one currency. A debit
is what makes a reader owe more, a credit what makes them owe less; the oldest debt is covered first, by the oldest
money, unless the reader chooses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from library.core.errors import Refusal

NOTHING = Decimal("0.00")
LARGEST = Decimal("99999999.99")
"""The largest amount of one entry."""


class Reason(StrEnum):
    """Why money is not taken, waived, given back or reversed: public, stable codes."""

    NOTHING_OWED = "nothing_owed"
    MORE_THAN_OWED = "more_than_owed"
    NO_CREDIT = "no_credit"
    MORE_THAN_CREDIT = "more_than_credit"
    ALREADY_REVERSED = "already_reversed"
    NOT_REVERSIBLE = "not_reversible"
    CHARGE_IS_REVERSED = "charge_is_reversed"
    TRANSFER_IS_SETTLED = "transfer_is_settled"


class Open(NamedTuple):
    """A debit that is not covered yet, or a credit that covers nothing yet, with what is left of it."""

    entry_id: int
    left: Decimal


class Share(NamedTuple):
    """So much of a credit covers that debit; less than nothing: it does so no longer."""

    credit_id: int
    debit_id: int
    amount: Decimal


class Cover(NamedTuple):
    """A credit that covers a debit by so much."""

    credit_id: int
    debit_id: int
    amount: Decimal
    is_waiver: bool


# --- What covers what ----------------------------------------------------------------------------------------------


def settle(credits: Sequence[Open], debits: Sequence[Open]) -> list[Share]:
    """Cover debits by credits, each in the order given, until one side is used up."""
    shares = []
    money = list(credits)
    for debit in debits:
        left = debit.left
        while left and money:
            credit = money.pop(0)
            taken = min(left, credit.left)
            shares.append(Share(credit.entry_id, debit.entry_id, taken))
            left -= taken
            if taken < credit.left:
                money.insert(0, Open(credit.entry_id, credit.left - taken))
    return shares


def releases(amount: Decimal, covers: Sequence[Cover]) -> list[Share]:
    """What sets `amount` of covered debt free again: of the covers in the order given, as much as is needed.

    A waiver is never set free: what was forgiven is no money.
    """
    shares = []
    for cover in covers:
        freed = min(amount, cover.amount)
        if freed and not cover.is_waiver:
            shares.append(Share(cover.credit_id, cover.debit_id, -freed))
            amount -= freed
    return shares


# --- Refusals ------------------------------------------------------------------------------------------------------


def payment_refusals(*, amount: Decimal, owed: Decimal, keeps_rest: bool) -> tuple[Refusal, ...]:
    """Why `amount` is not taken of a reader who owes `owed` (of the charges chosen); `keeps_rest`: more is credit."""
    if keeps_rest:
        return ()
    return tuple(_beyond(amount, owed, Reason.NOTHING_OWED, Reason.MORE_THAN_OWED))


def waiver_refusals(*, amount: Decimal, left: Decimal) -> tuple[Refusal, ...]:
    """Why `amount` of a charge, of which `left` is open, is not waived."""
    return tuple(_beyond(amount, left, Reason.NOTHING_OWED, Reason.MORE_THAN_OWED))


def refund_refusals(*, amount: Decimal, credit: Decimal) -> tuple[Refusal, ...]:
    """Why `amount` is not given back to a reader whose credit is `credit`."""
    return tuple(_beyond(amount, credit, Reason.NO_CREDIT, Reason.MORE_THAN_CREDIT))


def reversal_refusals(
    *, is_reversal: bool, is_reversed: bool, is_waiver_of_reversed: bool, reversible: Decimal
) -> tuple[Refusal, ...]:
    """Why an entry is not reversed; `reversible` is its amount without what was waived of it."""
    if is_reversal:
        return (Refusal(Reason.NOT_REVERSIBLE),)
    if is_reversed:
        return (Refusal(Reason.ALREADY_REVERSED),)
    if is_waiver_of_reversed:
        return (Refusal(Reason.CHARGE_IS_REVERSED),)
    if not reversible:
        return (Refusal(Reason.NOTHING_OWED, {"amount": NOTHING}),)
    return ()


def _beyond(amount: Decimal, limit: Decimal, nothing: Reason, too_much: Reason) -> Iterator[Refusal]:
    if limit <= 0:
        yield Refusal(nothing, {"amount": NOTHING})
    elif amount > limit:
        yield Refusal(too_much, {"amount": limit})


# --- Standing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How a reader stands: what is open on either side, the oldest first. Never both, once settled."""

    debits: tuple[Open, ...] = ()
    credits: tuple[Open, ...] = ()

    @property
    def owed(self) -> Decimal:
        """What the open debits come to."""
        return sum((debit.left for debit in self.debits), NOTHING)

    @property
    def credit(self) -> Decimal:
        """What the unused credits come to."""
        return sum((credit.left for credit in self.credits), NOTHING)
