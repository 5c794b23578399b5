"""The rules of lending: what stands against a check-out or a renewal, what a return means, what lateness costs.

Pure functions of facts: no Django, no clock, no I/O. Codes, order and formulas are those of docs/circulation.md; every
reason that holds is reported, in that order, never only the first. Instants in facts, and so in the data of refusals,
are aware and on the clock of the branch whose rules apply.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from accounts.rules import ReaderFacts, against_age, against_reader
from library.core.errors import Refusal
from policies.calendar import Calendar
from policies.terms import Terms

NOTHING = Decimal("0.00")
MAX_DAMAGE = 250
"""Characters that say what is damaged: they fit into the reason of a charge."""


class Reason(StrEnum):
    """Why a copy is not lent or a loan not renewed: public, stable codes, in the order in which they are checked."""

    READER_UNKNOWN = "reader_unknown"
    CARD_EXPIRED = "card_expired"
    CARD_LOST = "card_lost"
    READER_BLOCKED = "reader_blocked"
    READER_SUSPENDED = "reader_suspended"
    DEBT_LIMIT = "debt_limit"
    OVERDUE_LIMIT = "overdue_limit"
    AGE_RESTRICTED = "age_restricted"

    COPY_UNKNOWN = "copy_unknown"
    COPY_WITHDRAWN = "copy_withdrawn"
    COPY_LOST = "copy_lost"
    COPY_DAMAGED = "copy_damaged"
    COPY_ON_ORDER = "copy_on_order"
    NOT_FOR_LOAN = "not_for_loan"
    IN_LIBRARY_USE_ONLY = "in_library_use_only"

    ALREADY_LOANED_TO_READER = "already_loaned_to_reader"
    LOANED_TO_ANOTHER = "loaned_to_another"
    LOAN_LIMIT = "loan_limit"
    KEPT_FOR_ANOTHER = "kept_for_another"
    RESERVED_BY_ANOTHER = "reserved_by_another"
    IN_TRANSIT = "in_transit"
    SAME_BOOK_ON_LOAN = "same_book_on_loan"

    NOT_ON_LOAN = "not_on_loan"
    RENEWAL_LIMIT = "renewal_limit"
    TOO_SOON = "too_soon"
    BOOK_IS_AWAITED = "book_is_awaited"
    CLAIMED_RETURNED = "claimed_returned"
    LOAN_OVERDUE_RENEWAL = "loan_overdue_renewal"
    RENEWAL_WOULD_NOT_EXTEND = "renewal_would_not_extend"

    COPY_NOT_DAMAGED = "copy_not_damaged"


class Happening(StrEnum):
    """What a return found or caused: public, stable codes, in the order in which they are told."""

    NOT_ON_LOAN = "not_on_loan"
    WRONG_BRANCH = "wrong_branch"
    WAS_LOST = "was_lost"
    CLAIMED_RETURNED_RESOLVED = "claimed_returned_resolved"
    WITHDRAWN = "withdrawn"
    KEPT_FOR = "kept_for"
    FINE_CHARGED = "fine_charged"
    SUSPENDED_UNTIL = "suspended_until"


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing a return found or caused, with typed data to build a sentence from."""

    what: Happening
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def override_permission(reason: Reason) -> str:
    """The permission (`app.codename`) that lets staff override `reason`."""
    return f"circulation.override_{reason}"


# --- Facts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFacts:
    """A copy as the rules see one."""

    status: str
    """A value of `catalog.Copy.Status`."""
    is_reference_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoan:
    """The loan that the copy is out on."""

    is_readers: bool
    """Whether it is lent to the very reader who wants it."""
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanLimit:
    """A limit on loans at once: of the lending rule, or of the reader's category over everything."""

    kind: Literal["rule", "category"]
    count: int
    """Open loans that it counts."""
    limit: int
    category: str | None = None
    item_type: str | None = None
    branch: str | None = None
    """The names of the rule's category, item type and branch where the limit is reached; None: any."""
    item_type_id: int | None = None
    branch_id: int | None = None
    """Whose loans count, by key; None: any."""

    def as_json(self) -> dict[str, int]:
        """What the audit keeps of it, to be verified by."""
        counted = {"item_type": self.item_type_id, "branch": self.branch_id}
        return {"limit": self.limit} | {name: key for name, key in counted.items() if key is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFacts:
    """What other readers and branches have to say about the copy."""

    is_kept: bool = False
    """Whether it is set aside for another reader."""
    kept_until: date | None = None
    """The last day on which that reader can collect it; None: it is on its way there."""
    is_needed: bool = False
    """Whether it is on the open shelf, but those before this reader in the queue need it."""
    on_its_way_to: str | None = None
    """The name of the branch to which it is in transit, unless for this reader."""
    has_queue: bool = False
    """Whether anybody, this reader included, has reserved the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFor:
    """The reader for whom a copy that came back is set aside."""

    reader: str
    card: str
    branch: str
    """Where it is collected."""
    until: date | None
    """The last day on which it is kept; None: it has to go there first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutFacts:
    """Everything that a check-out is judged by. `reader` and `copy` are None when there is no such one."""

    today: date
    """The local day of the branch whose rules apply."""
    reader: ReaderFacts | None
    copy: CopyFacts | None
    terms: Terms | None = None
    due_at: datetime | None = None
    """Terms and due date of the loan to be made; None unless reader and copy are known."""
    open_loan: OpenLoan | None = None
    limits: tuple[LoanLimit, ...] = ()
    claims: ClaimFacts = ClaimFacts()
    same_book_due_at: datetime | None = None
    """When another copy of the same book, lent to the same reader, is due; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalFacts:
    """Everything that a renewal is judged by."""

    now: datetime
    today: date
    """The local day of the branch whose rules apply."""
    reader: ReaderFacts
    terms: Terms
    """Of the loan, as fixed at check-out."""
    is_open: bool
    """Whether the copy is still out."""
    is_copy_lost: bool
    is_claimed_returned: bool = False
    is_awaited: bool = False
    """Whether somebody waits for the book and no other copy on the shelves would do."""
    renewals: int
    """How often the loan was renewed already."""
    due_on: date
    due_at: datetime
    new_due_at: datetime
    """When the loan would fall due."""
    is_overdue_renewable: bool
    """Whether this library renews overdue loans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnFacts:
    """Everything that a return is told by."""

    was_on_loan: bool
    last_returned_at: datetime | None = None
    """When a copy that was not on loan came back last."""
    is_reading_counted: bool = False
    """Whether it was read in the library, and that is counted now."""
    copy_status: str
    """A value of `catalog.Copy.Status`, before the return."""
    home_branch: str
    is_at_home: bool
    """Whether the copy need not go to the branch it belongs to: it is there, or set aside for somebody."""
    kept_for: KeptFor | None = None
    """Whose turn it is now."""
    claimed_at: datetime | None = None
    """When the reader of the loan had said that the copy is back; None: never, or that was settled before."""
    was_claim_right: bool = True
    """Unless the reader had the copy all the same."""
    cancelled: Decimal = NOTHING
    """What of the replacement of a lost copy need not be paid, or becomes credit."""
    fine: Decimal = NOTHING
    """What lateness was charged with."""
    suspended_until: date | None = None


# --- Check-out -----------------------------------------------------------------------------------------------------


def checkout_refusals(facts: CheckoutFacts) -> tuple[Refusal, ...]:
    """Every reason against lending this copy to this reader, in the documented order; none: it may be lent."""
    return (*_against_reader(facts), *_against_copy(facts), *_against_loan(facts), *_against_claims(facts))


def _against_reader(facts: CheckoutFacts) -> Iterator[Refusal]:
    if facts.reader is None:
        yield Refusal(Reason.READER_UNKNOWN)
        return
    yield from _against_borrowing(facts.reader, facts.today)
    yield from map(_as_ours, against_age(facts.reader, facts.terms.minimum_age if facts.terms else None))


def _against_borrowing(reader: ReaderFacts, today: date) -> Iterator[Refusal]:
    return map(_as_ours, against_reader(reader, today))


def _as_ours(refusal: Refusal) -> Refusal:
    """A reason about the reader, under the code of `Reason`."""
    return Refusal(Reason(refusal.reason), refusal.data, refusal.override)


def _against_copy(facts: CheckoutFacts) -> Iterator[Refusal]:
    if facts.copy is None:
        yield Refusal(Reason.COPY_UNKNOWN)
        return
    match facts.copy.status:
        case "withdrawn":
            yield Refusal(Reason.COPY_WITHDRAWN)
        case "lost":
            yield _overridable(Reason.COPY_LOST)
        case "damaged":
            yield _overridable(Reason.COPY_DAMAGED)
        case "on_order":
            yield Refusal(Reason.COPY_ON_ORDER)
    if facts.terms and not facts.terms.loanable:
        yield _overridable(Reason.NOT_FOR_LOAN)
    if facts.copy.is_reference_only:
        yield Refusal(Reason.IN_LIBRARY_USE_ONLY)


def _against_loan(facts: CheckoutFacts) -> Iterator[Refusal]:
    if facts.open_loan:
        if facts.open_loan.is_readers:
            yield Refusal(Reason.ALREADY_LOANED_TO_READER, {"due_at": facts.open_loan.due_at})
            return
        yield _overridable(Reason.LOANED_TO_ANOTHER, due_at=facts.open_loan.due_at)
    for limit in facts.limits:
        if limit.count >= limit.limit:
            yield _overridable(
                Reason.LOAN_LIMIT,
                kind=limit.kind,
                count=limit.count,
                limit=limit.limit,
                category=limit.category,
                item_type=limit.item_type,
                branch=limit.branch,
            )


def _against_claims(facts: CheckoutFacts) -> Iterator[Refusal]:
    is_a_new_loan = not (facts.open_loan and facts.open_loan.is_readers)
    if facts.claims.is_kept:
        yield _overridable(Reason.KEPT_FOR_ANOTHER, until=facts.claims.kept_until)
    if facts.claims.is_needed and is_a_new_loan:
        yield _overridable(Reason.RESERVED_BY_ANOTHER)
    if facts.claims.on_its_way_to is not None:
        yield _overridable(Reason.IN_TRANSIT, branch=facts.claims.on_its_way_to)
    if facts.same_book_due_at and is_a_new_loan:
        yield _overridable(Reason.SAME_BOOK_ON_LOAN, due_at=facts.same_book_due_at)


def _overridable(reason: Reason, **data: Any) -> Refusal:
    return Refusal(reason, data, override_permission(reason))


# --- Renewal -------------------------------------------------------------------------------------------------------


def renewal_refusals(facts: RenewalFacts) -> tuple[Refusal, ...]:
    """Every reason against renewing this loan, in the documented order; none: it may be renewed."""
    if not facts.is_open:
        return (Refusal(Reason.NOT_ON_LOAN),)
    return tuple(_against_renewal(facts))


def _against_renewal(facts: RenewalFacts) -> Iterator[Refusal]:
    if facts.renewals >= facts.terms.max_renewals:
        yield _overridable(Reason.RENEWAL_LIMIT, renewals=facts.renewals, limit=facts.terms.max_renewals)
    if facts.terms.renew_not_before_days is not None:
        opens_on = facts.due_on - timedelta(days=facts.terms.renew_not_before_days)
        if facts.today < opens_on:
            yield _overridable(Reason.TOO_SOON, opens_on=opens_on)
    if facts.is_awaited:
        yield Refusal(Reason.BOOK_IS_AWAITED)
    if facts.is_copy_lost:
        yield Refusal(Reason.COPY_LOST)
    if facts.is_claimed_returned:
        yield Refusal(Reason.CLAIMED_RETURNED)
    if facts.due_at < facts.now and not facts.is_overdue_renewable:
        yield Refusal(Reason.LOAN_OVERDUE_RENEWAL, {"due_at": facts.due_at})
    yield from _against_borrowing(facts.reader, facts.today)
    if facts.new_due_at <= max(facts.due_at, facts.now):
        yield Refusal(Reason.RENEWAL_WOULD_NOT_EXTEND, {"due_at": facts.due_at, "new_due_at": facts.new_due_at})


def repair_refusals(copy_status: str) -> tuple[Refusal, ...]:
    """Why a copy cannot be said to be repaired; none: it can."""
    return () if copy_status == "damaged" else (Refusal(Reason.COPY_NOT_DAMAGED),)


def auto_renewal_opens_on(due_on: date, terms: Terms) -> date:
    """The first day on which a loan is renewed by itself: the due day where the terms do not say when renewal opens."""
    return due_on - timedelta(days=terms.renew_not_before_days or 0)


# --- Return and lateness -------------------------------------------------------------------------------------------


def return_happenings(facts: ReturnFacts) -> tuple[Happened, ...]:
    """Everything to say about a return besides that the copy is back, in the documented order."""
    return tuple(_happenings(facts))


def _happenings(facts: ReturnFacts) -> Iterator[Happened]:
    if not facts.was_on_loan:
        yield Happened(
            Happening.NOT_ON_LOAN, {"returned_at": facts.last_returned_at, "counted": facts.is_reading_counted}
        )
    if not facts.is_at_home:
        yield Happened(Happening.WRONG_BRANCH, {"branch": facts.home_branch})
    if facts.copy_status == "lost":
        yield Happened(Happening.WAS_LOST, {"cancelled": facts.cancelled})
    if facts.claimed_at:
        data = {"claimed_at": facts.claimed_at, "was_right": facts.was_claim_right}
        yield Happened(Happening.CLAIMED_RETURNED_RESOLVED, data)
    if facts.copy_status == "withdrawn":
        yield Happened(Happening.WITHDRAWN)
    if kept := facts.kept_for:
        data = {"reader": kept.reader, "card": kept.card, "branch": kept.branch, "until": kept.until}
        yield Happened(Happening.KEPT_FOR, data)
    if facts.fine:
        yield Happened(Happening.FINE_CHARGED, {"amount": facts.fine})
    if facts.suspended_until:
        yield Happened(Happening.SUSPENDED_UNTIL, {"until": facts.suspended_until})


def overdue_days(*, due_on: date, until: date, terms: Terms, calendar: Calendar) -> int:
    """Calendar days after the due day up to `until`; closed days count only by `fine_counts_closed_days`."""
    if terms.fine_counts_closed_days:
        return max(0, (until - due_on).days)
    return calendar.open_days_between(due_on, until)


def days_beyond_grace(days: int, *, terms: Terms) -> int:
    """The overdue days that count: none within the grace, beyond it all of them or those after it."""
    if days <= terms.grace_days:
        return 0
    return days if terms.grace_is_charged else days - terms.grace_days


def overdue_charge(
    days: int, *, terms: Terms, copy_price: Decimal | None, charged_before: Decimal = NOTHING
) -> Decimal:
    """What so many overdue days cost: every period begun is charged, up to the cap and the copy's price.

    Both are for the whole loan, so that what it was charged before, at a renewal, counts towards them.
    """
    periods = -(-days_beyond_grace(days, terms=terms) // terms.fine_period_days)
    amounts = [periods * terms.fine_amount]
    if terms.fine_cap is not None:
        amounts.append(terms.fine_cap - charged_before)
    if terms.cap_at_copy_price and copy_price is not None:
        amounts.append(copy_price - charged_before)
    return max(min(amounts), NOTHING)


def suspension_until(days: int, *, terms: Terms, returned_on: date) -> date | None:
    """The last day on which the reader may not borrow after returning so many days late; None: not suspended."""
    suspended = days_beyond_grace(days, terms=terms) * terms.suspension_days_per_day
    if terms.max_suspension_days is not None:
        suspended = min(suspended, terms.max_suspension_days)
    return returned_on + timedelta(days=suspended) if suspended else None


# --- Loss ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCharges:
    """What a reader is charged with when a copy is declared lost."""

    overdue_days: int
    fine: Decimal
    replacement: Decimal
    processing: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.fine + self.replacement + self.processing


def replacement_charge(*, terms: Terms, copy_price: Decimal | None) -> Decimal:
    """What the reader pays for a lost copy: its price, or the amount of the terms, also where no price is known."""
    if terms.replacement_fee == "copy_price" and copy_price is not None:
        return copy_price
    return terms.replacement_amount or NOTHING


def replacement_to_cancel(
    *, left: Decimal, paid: Iterable[tuple[date, Decimal]], found_on: date, terms: Terms
) -> Decimal:
    """How much of a replacement is cancelled when the copy is found: what was not paid, and what was paid lately.

    `paid`: on which day how much was paid. `refund_within_days` counts from each payment.
    """
    lately = (amount for day, amount in paid if (found_on - day).days <= terms.refund_within_days)
    return left + sum(lately, NOTHING)
