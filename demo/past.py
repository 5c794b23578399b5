"""A year in the life of a small library, made up by dice that always fall the same way. Pure: no Django, no clock.

People come when their branch is open, bring back, renew and borrow by the terms and the due-date arithmetic of the real
library, never beyond a limit, never two copies of one book at once. Those with a story end up as it says: overdue by so
many days, due today, at the limit.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from policies.calendar import Calendar
from policies.terms import EffectiveTerms, HourLoanAfterClosing, Row, Terms, due_at, renewed_due_at, resolve

DAYS = 365
"""How many days ago the past begins."""
PUNCTUAL_DAYS = 45
"""For so many days before today everybody is in time: who is overdue today is so by their story."""
STORY_DAYS = 75
"""So many days before today those with a story have brought everything back, and borrow no more until it begins."""
RESERVED_PER_STORY = 5
"""Books set aside for each story."""
VISIT_EVERY_DAYS = 12
"""How often a reader drops in on average, besides the days on which something is due."""

ONE_DAY = timedelta(days=1)
ONE_SCAN = timedelta(seconds=15)
"""Between one copy and the next at the desk."""


@dataclass(frozen=True, slots=True)
class Item:
    """A copy that can be lent, and how often it is asked for compared with others."""

    copy_id: int
    book_id: int
    item_type_id: int
    branch_id: int
    is_for_children: bool
    popularity: float


@dataclass(frozen=True, slots=True)
class Borrower:
    """A reader; `story` is a word of `STORIES`, or nothing."""

    reader_id: int
    category_id: int
    branch_id: int
    expires_on: date
    is_child: bool
    """Children borrow children's books only."""
    story: str


@dataclass(slots=True, eq=False)
class PastLoan:
    """A loan as it happened."""

    item: Item
    borrower: Borrower
    checked_out_at: datetime
    due_at: datetime
    terms: Terms
    renewed_at: list[datetime] = field(default_factory=list)
    returned_at: datetime | None = None


class Past:
    """The library from a year ago until the evening before `today`. `loans` is what became of it."""

    def __init__(
        self,
        *,
        today: date,
        items: Sequence[Item],
        borrowers: Sequence[Borrower],
        rules: Sequence[Row],
        calendars: Mapping[int, Calendar],
        hour_loan_after_closing: HourLoanAfterClosing,
        book_type_id: int,
    ) -> None:
        self.today = today
        self.borrowers = borrowers
        self.rules = rules
        self.calendars = calendars
        """By branch."""
        self.hour_loan_after_closing = hour_loan_after_closing
        self.dice = random.Random(DAYS)  # noqa: S311 - no secret depends on it
        self.loans: list[PastLoan] = []
        self.out: dict[int, list[PastLoan]] = {borrower.reader_id: [] for borrower in borrowers}
        """Open loans by reader."""
        self._effective: dict[tuple[int, int, int], EffectiveTerms] = {}
        self.shelves: dict[int, list[Item]] = {branch_id: [] for branch_id in calendars}
        """What stands there, by branch."""
        self.reserved: dict[int, list[Item]] = {borrower.reader_id: [] for borrower in borrowers}
        """The books set aside for stories, by reader."""
        self._shelve(items, book_type_id)

    def happen(self) -> list[PastLoan]:
        """Let the year pass, then the stories; gives all loans in the order of their check-out."""
        for back in range(DAYS, 0, -1):
            self._pass_day(self.today - timedelta(days=back))
        for borrower in self.borrowers:
            self._tell(borrower)
        return sorted(self.loans, key=lambda loan: loan.checked_out_at)

    # --- Every day ---------------------------------------------------------------------------------------------

    def _shelve(self, items: Sequence[Item], book_type_id: int) -> None:
        waiting = [borrower for borrower in self.borrowers if borrower.story]
        for item in self.dice.sample(items, len(items)):
            for borrower in waiting:
                reserved = self.reserved[borrower.reader_id]
                if (
                    len(reserved) < RESERVED_PER_STORY
                    and item.item_type_id == book_type_id
                    and item.branch_id == borrower.branch_id
                    and item.is_for_children == borrower.is_child
                    and item.book_id not in {one.book_id for one in reserved}
                ):
                    reserved.append(item)
                    break
            else:
                self.shelves[item.branch_id].append(item)

    def _pass_day(self, day: date) -> None:
        visits = [
            (self._moment(borrower.branch_id, day), number)
            for number, borrower in enumerate(self.borrowers)
            if self.calendars[borrower.branch_id].is_open(day) and self._comes(borrower, day)
        ]
        for moment, number in sorted(visits):
            self._visit(self.borrowers[number], moment, day)

    def _comes(self, borrower: Borrower, day: date) -> bool:
        loans = self.out[borrower.reader_id]
        if self._has_stopped(borrower, day):
            return bool(loans)
        due_days = [self._day_of(loan.due_at, loan.item.branch_id) for loan in loans]
        if any(due <= day for due in due_days):
            if self._days_left(day) <= PUNCTUAL_DAYS:
                return True
            return self.dice.random() < (0.9 if day in due_days else 0.25)
        return self.dice.random() < 1 / VISIT_EVERY_DAYS

    def _has_stopped(self, borrower: Borrower, day: date) -> bool:
        return bool(borrower.story) and self._days_left(day) <= STORY_DAYS

    def _days_left(self, day: date) -> int:
        return (self.today - day).days

    def _visit(self, borrower: Borrower, moment: datetime, day: date) -> None:
        for loan in list(self.out[borrower.reader_id]):
            moment += ONE_SCAN
            due_in = (self._day_of(loan.due_at, loan.item.branch_id) - day).days
            if self._has_stopped(borrower, day) or due_in < 0:
                self._return(loan, moment)
            elif due_in <= 2:
                if self.dice.random() > 0.35 or not self._renew(loan, moment):
                    self._return(loan, moment)
            elif self._days_left(day) > 20 and self.dice.random() < 0.4:
                self._return(loan, moment)
        if not self._has_stopped(borrower, day):
            for _ in range(self.dice.choice((0, 1, 1, 2, 2, 3))):
                moment += ONE_SCAN
                if item := self._pick(borrower):
                    self._lend(item, borrower, moment)

    def _pick(self, borrower: Borrower) -> Item | None:
        """A copy from the shelf that the reader may have; None when the one that they fancy is refused."""
        shelf = [item for item in self.shelves[borrower.branch_id] if item.is_for_children or not borrower.is_child]
        item = self.dice.choices(shelf, [item.popularity for item in shelf])[0]
        return item if self._may_have(borrower, item) else None

    def _may_have(self, borrower: Borrower, item: Item) -> bool:
        effective = self._terms(borrower, item)
        scope = effective.scope_of("max_loans")
        loans = self.out[borrower.reader_id]
        counted = [
            loan
            for loan in loans
            if scope.item_type_id in (None, loan.item.item_type_id) and scope.branch_id in (None, loan.item.branch_id)
        ]
        has_the_book = any(loan.item.book_id == item.book_id for loan in loans)
        return effective.terms.loanable and not has_the_book and len(counted) < effective.terms.max_loans

    # --- At the desk -------------------------------------------------------------------------------------------

    def _lend(self, item: Item, borrower: Borrower, moment: datetime) -> PastLoan:
        terms = self._terms(borrower, item).terms
        loan = PastLoan(item, borrower, moment, self._due(item, borrower, moment), terms)
        self.loans.append(loan)
        self.out[borrower.reader_id].append(loan)
        if item in self.shelves[item.branch_id]:
            self.shelves[item.branch_id].remove(item)
        return loan

    def _due(self, item: Item, borrower: Borrower, moment: datetime) -> datetime:
        return due_at(
            start=moment,
            terms=self._terms(borrower, item).terms,
            calendar=self.calendars[item.branch_id],
            card_expires_on=borrower.expires_on,
            hour_loan_after_closing=self.hour_loan_after_closing,
        )

    def _renew(self, loan: PastLoan, moment: datetime) -> bool:
        """Renew if the terms allow it and it helps; whether it did."""
        if len(loan.renewed_at) >= loan.terms.max_renewals:
            return False
        renewed_due = renewed_due_at(
            due=loan.due_at,
            now=moment,
            terms=loan.terms,
            calendar=self.calendars[loan.item.branch_id],
            card_expires_on=loan.borrower.expires_on,
            hour_loan_after_closing=self.hour_loan_after_closing,
        )
        if renewed_due <= loan.due_at:
            return False
        loan.due_at = renewed_due
        loan.renewed_at.append(moment)
        return True

    def _return(self, loan: PastLoan, moment: datetime) -> None:
        loan.returned_at = moment
        self.out[loan.borrower.reader_id].remove(loan)
        self.shelves[loan.item.branch_id].append(loan.item)

    def _terms(self, borrower: Borrower, item: Item) -> EffectiveTerms:
        key = (borrower.category_id, item.item_type_id, item.branch_id)
        if key not in self._effective:
            category_id, item_type_id, branch_id = key
            self._effective[key] = resolve(
                self.rules, category_id=category_id, item_type_id=item_type_id, branch_id=branch_id
            )
        return self._effective[key]

    def _moment(self, branch_id: int, day: date) -> datetime:
        """Some time on an open day while the doors are open, early enough to finish before they close."""
        calendar = self.calendars[branch_id]
        hours = [stretch for stretch in calendar.week if stretch.weekday == day.weekday()]
        stretch = self.dice.choice(hours)
        opens = datetime.combine(day, stretch.opens_at, calendar.zone).astimezone(UTC)
        closes = datetime.combine(day, stretch.closes_at, calendar.zone).astimezone(UTC)
        return opens + timedelta(seconds=self.dice.randrange(int((closes - opens).total_seconds()) - 600))

    def _day_of(self, instant: datetime, branch_id: int) -> date:
        return self.calendars[branch_id].day_of(instant)

    # --- The stories -------------------------------------------------------------------------------------------

    def _tell(self, borrower: Borrower) -> None:
        match borrower.story.split("_"):
            case ["overdue", days]:
                self._lend_due_on(borrower, self.today - timedelta(days=int(days)), -ONE_DAY)
            case ["due", "today"]:
                self._lend_due_on(borrower, self.today, ONE_DAY)
            case ["due", "in", days]:
                self._lend_due_on(borrower, self.today + timedelta(days=int(days)), ONE_DAY)
            case ["renewed"]:
                self._lend_and_renew(borrower)
            case ["sign", "in"]:
                self._lend_due_on(borrower, self.today + timedelta(days=3), ONE_DAY)
                self._lend_and_renew(borrower)
            case ["limit"]:
                day = self.calendars[borrower.branch_id].previous_open(self.today - timedelta(days=4))
                moment = self._moment(borrower.branch_id, day)
                while self._lend_reserved(borrower, moment):
                    moment += ONE_SCAN

    def _lend_due_on(self, borrower: Borrower, due_on: date, otherwise: timedelta) -> PastLoan:
        """Lend so that the loan falls due on a day; when no loan can, on the nearest one in the direction given."""
        item = self.reserved[borrower.reader_id].pop()
        for day in _days(due_on, otherwise):
            for lent_on in _days(min(day, self.today) - ONE_DAY, -ONE_DAY, STORY_DAYS - 1):
                if not self.calendars[borrower.branch_id].is_open(lent_on):
                    continue
                moment = self._moment(borrower.branch_id, lent_on)
                if self._day_of(self._due(item, borrower, moment), item.branch_id) == day:
                    return self._lend(item, borrower, moment)
        raise AssertionError("some day is due day of some loan")

    def _lend_and_renew(self, borrower: Borrower) -> None:
        """Lend so that the loan was due a few days ago, and renew it that day."""
        loan = self._lend_due_on(borrower, self.today - timedelta(days=4), -ONE_DAY)
        due_on = self._day_of(loan.due_at, loan.item.branch_id)
        self._renew(loan, self._moment(borrower.branch_id, due_on))

    def _lend_reserved(self, borrower: Borrower, moment: datetime) -> PastLoan | None:
        if self._may_have(borrower, item := self.reserved[borrower.reader_id].pop()):
            return self._lend(item, borrower, moment)
        return None


def _days(first: date, step: timedelta, count: int = 60) -> Iterator[date]:
    return (first + step * number for number in range(count))
