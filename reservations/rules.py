"""The rules of the queue: who may reserve, which copy fills whose reservation, who comes when, how long it is kept.

Pure functions of facts: no Django, no clock, no I/O. Codes and order are those of docs/reservations.md; every reason
that holds is reported, never only the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from accounts.rules import ReaderFacts, ReaderReason, against_age, against_reader
from library.core.errors import Refusal
from policies.calendar import Calendar, NoOpenDay
from policies.terms import Terms

GONE = frozenset({"lost", "withdrawn"})
"""Copies, by status, that fill no reservation any more."""
OVERDUE_GUESS = timedelta(days=7)
"""When to expect an overdue copy: nobody knows, so a week from now."""
TRANSFER_GUESS = timedelta(days=2)
"""How long the way of a copy from one branch to another is taken to last."""


class Reason(StrEnum):
    """Why a book is not reserved, or nothing is done about a reservation or copy: public, stable codes, in order."""

    BOOK_UNKNOWN = "book_unknown"
    NOT_RESERVABLE = "not_reservable"
    ALREADY_RESERVED = "already_reserved"
    SAME_BOOK_ON_LOAN = "same_book_on_loan"
    RESERVATION_LIMIT = "reservation_limit"
    AVAILABLE_ON_SHELF = "available_on_shelf"
    NO_COPY_COULD_FILL = "no_copy_could_fill"

    RESERVATION_IS_OVER = "reservation_is_over"
    ALREADY_SET_ASIDE = "already_set_aside"

    COPY_UNKNOWN = "copy_unknown"
    COPY_IS_OUT = "copy_is_out"
    NOBODY_WAITS = "nobody_waits"
    NOT_ON_ITS_WAY = "not_on_its_way"
    NOT_SET_ASIDE = "not_set_aside"


OVERRIDES = {
    Reason.NOT_RESERVABLE: "reservations.override_not_reservable",
    Reason.SAME_BOOK_ON_LOAN: "circulation.override_same_book_on_loan",
    Reason.RESERVATION_LIMIT: "reservations.override_reservation_limit",
    Reason.AVAILABLE_ON_SHELF: "reservations.override_available_on_shelf",
}
"""The permission with which staff override a reason; the others are absolute."""


def refusal(reason: Reason, **data: object) -> Refusal:
    """A reason with its data and the permission that overrides it."""
    return Refusal(reason, data, OVERRIDES.get(reason))


# --- Reserving -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFacts:
    """A copy of the book, and the terms on which this reader would borrow it."""

    copy_id: int
    branch_id: int
    """Where it belongs."""
    status: str
    """A value of `catalog.Copy.Status`."""
    is_reference_only: bool
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveFacts:
    """Everything that a new reservation is judged by. `reader` is None when there is no such one."""

    today: date
    """The local day of the branch where it would be collected."""
    reader: ReaderFacts | None
    is_book_known: bool = True
    copies: tuple[CopyFacts, ...] = ()
    pickup_branch_id: int
    do_copies_travel: bool
    """Whether copies of other branches are sent to the one where the reader collects."""
    active: int = 0
    """The reader's reservations that are not over, of all books."""
    active_of_book: int = 0
    placed_today: int = 0
    """Those placed this day, over or not."""
    same_book_due_at: datetime | None = None
    """When a copy of the book that the reader has is due, on the clock of its branch; None: there is none."""
    waiting: int = 0
    """Others who wait for the book now, suspended ones left out."""


def reserve_refusals(facts: ReserveFacts) -> tuple[Refusal, ...]:
    """Every reason against this reservation, in the documented order; none: it may be placed.

    Terms differ from copy to copy and nobody knows yet which one it will be, so the most generous of them counts.
    """
    return (*_against_reader(facts), *_against_reserving(facts))


def reservation_fee(facts: ReserveFacts) -> Decimal:
    """What the reservation costs: the least that any copy which could fill it asks for."""
    return min((copy.terms.reservation_fee for copy in _that_could_fill(facts)), default=Decimal())


def most_at_once(facts: ReserveFacts) -> int | None:
    """How many reservations the reader may have in all, by the most generous copy; None: no copy could ever be lent."""
    copies = _that_could_fill(facts) or [copy for copy in facts.copies if _is_to_lend(copy, facts)]
    return _in_all([copy.terms for copy in copies]) if copies else None


def _against_reader(facts: ReserveFacts) -> Iterator[Refusal]:
    if facts.reader is None:
        yield Refusal(ReaderReason.READER_UNKNOWN)
        return
    yield from against_reader(facts.reader, facts.today)
    ages = [copy.terms.minimum_age for copy in _that_could_fill(facts)]
    if ages and all(ages):
        yield from against_age(facts.reader, min(age for age in ages if age))


def _against_reserving(facts: ReserveFacts) -> Iterator[Refusal]:
    if not facts.is_book_known:
        yield refusal(Reason.BOOK_UNKNOWN)
        return
    to_lend = [copy for copy in facts.copies if _is_to_lend(copy, facts)]
    fillers = _that_could_fill(facts)
    if to_lend and not fillers:
        yield refusal(Reason.NOT_RESERVABLE)
    terms = [copy.terms for copy in fillers or to_lend]
    per_book = max((one.max_reservations_per_book for one in terms), default=1)
    if facts.active_of_book and per_book <= 1:
        yield refusal(Reason.ALREADY_RESERVED)
    if facts.same_book_due_at:
        yield refusal(Reason.SAME_BOOK_ON_LOAN, due_at=facts.same_book_due_at)
    if terms:
        yield from _against_limits(facts, terms, per_book)
    on_shelf = sum(copy.status == "available" for copy in fillers)
    if on_shelf > facts.waiting and all(copy.terms.on_shelf == "when_all_out" for copy in fillers):
        yield refusal(Reason.AVAILABLE_ON_SHELF, count=on_shelf - facts.waiting)
    if not to_lend:
        yield refusal(Reason.NO_COPY_COULD_FILL)


def _against_limits(facts: ReserveFacts, terms: Sequence[Terms], per_book: int) -> Iterator[Refusal]:
    in_all = _in_all(terms)
    if facts.active >= in_all:
        yield refusal(Reason.RESERVATION_LIMIT, kind="all", count=facts.active, limit=in_all)
    if facts.active_of_book >= per_book > 1:
        yield refusal(Reason.RESERVATION_LIMIT, kind="book", count=facts.active_of_book, limit=per_book)
    days = [one.max_reservations_per_day for one in terms]
    if None not in days and facts.placed_today >= (per_day := max(day for day in days if day is not None)):
        yield refusal(Reason.RESERVATION_LIMIT, kind="day", count=facts.placed_today, limit=per_day)


def _in_all(terms: Sequence[Terms]) -> int:
    return max(one.max_reservations for one in terms)


def _is_to_lend(copy: CopyFacts, facts: ReserveFacts) -> bool:
    """Whether the copy could ever get into the reader's hands at the branch of pick-up."""
    return (
        copy.status not in GONE
        and not copy.is_reference_only
        and copy.terms.loanable
        and (facts.do_copies_travel or copy.branch_id == facts.pickup_branch_id)
    )


def _that_could_fill(facts: ReserveFacts) -> list[CopyFacts]:
    return [copy for copy in facts.copies if _is_to_lend(copy, facts) and copy.terms.reservable]


# --- Filling -------------------------------------------------------------------------------------------------------


def may_fill(
    *, is_reference_only: bool, branch_id: int, terms: Terms, pickup_branch_id: int, do_copies_travel: bool
) -> bool:
    """Whether a copy of `branch_id` may be kept for a reader of these terms who collects at `pickup_branch_id`."""
    return (
        not is_reference_only
        and terms.loanable
        and terms.reservable
        and (do_copies_travel or branch_id == pickup_branch_id)
    )


def covered(wishes: Sequence[Sequence[int]]) -> dict[int, int]:
    """Which copy goes to whom, so that as many as possible are served and nobody behind takes it from one before.

    `wishes[n]` are the copies that would do for the n-th of the queue, the most wanted first. By augmenting paths:
    who has been given a copy may be given another, never none. Returns place in the queue -> copy.
    """
    holder: dict[int, int] = {}

    def give(place: int, seen: set[int]) -> bool:
        for copy in wishes[place]:
            if copy in seen:
                continue
            seen.add(copy)
            if copy not in holder or give(holder[copy], seen):
                holder[copy] = place
                return True
        return False

    copies = {copy for wish in wishes for copy in wish}
    for place in range(len(wishes)):
        if len(holder) == len(copies):
            break
        give(place, set())
    return {place: copy for copy, place in holder.items()}


def is_needed(copy_id: int, wishes: Sequence[Sequence[int]]) -> bool:
    """Whether the queue needs this copy: without it, fewer could be served from the shelves now.

    `wishes` are those of `covered`, over all copies on the shelves and this one.
    """
    if not any(copy_id in wish for wish in wishes):
        return False
    without = [[copy for copy in wish if copy != copy_id] for wish in wishes]
    return len(covered(without)) < len(covered(wishes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One place in the queue, for the guess when it comes."""

    copies: Sequence[int]
    """Keys of the copies that would do."""
    far: frozenset[int] = frozenset()
    """Those of them that another branch would send."""
    suspended_until: date | None = None


def expected_days(
    turns: Sequence[Turn], *, free_on: Mapping[int, date], loan_days: Mapping[int, int], today: date
) -> list[date | None]:
    """When each of the queue can expect a copy; None: no copy would do.

    A guess: everybody keeps a copy for a whole loan, and each of the queue takes the copy that comes back first.
    Suspended ones stand behind the others until their day. `free_on` and `loan_days` are by key of the copy.
    """
    free = {copy: max(day, today) for copy, day in free_on.items()}
    expected: list[date | None] = [None] * len(turns)
    suspended = [turn.suspended_until is not None and turn.suspended_until >= today for turn in turns]
    for place in sorted(range(len(turns)), key=lambda place: (suspended[place], place)):
        turn = turns[place]
        copies = [copy for copy in turn.copies if copy in free]
        if not copies:
            continue
        days = {copy: free[copy] + TRANSFER_GUESS * (copy in turn.far) for copy in copies}
        soonest = min(copies, key=lambda copy: (days[copy], copy))
        day = days[soonest]
        if suspended[place] and turn.suspended_until:
            day = max(day, turn.suspended_until + timedelta(days=1))
        expected[place] = day
        free[soonest] = day + timedelta(days=loan_days[soonest])
    return expected


def pickup_until(*, ready_on: date, terms: Terms, calendar: Calendar) -> date:
    """The last day on which a copy that is ready on `ready_on` can be collected: so many open days later.

    Of a branch that never opens again, as many calendar days.
    """
    try:
        return calendar.add_open_days(ready_on, terms.pickup_open_days)
    except NoOpenDay:
        return ready_on + timedelta(days=terms.pickup_open_days)


# --- The order of a queue ------------------------------------------------------------------------------------------


def order_at(place: int, others: Sequence[int], *, step: int) -> int | None:
    """The order that puts somebody at `place` (from 1) among the `others`, which are sorted; None: there is no gap.

    A place beyond the end is the end.
    """
    index = max(0, min(place - 1, len(others)))
    if not others:
        return 0
    if index == 0:
        return others[0] - step
    if index == len(others):
        return others[-1] + step
    before, after = others[index - 1], others[index]
    middle = (before + after) // 2
    return middle if before < middle < after else None
