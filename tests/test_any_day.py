"""Any sequence of days: Hypothesis plays readers, copies, branches and staff against a model in plain Python.

The model knows only what docs/circulation.md and docs/reservations.md say. After each step it and the database agree on
every copy, loan, queue and balance, each refusal had exactly the reasons that the model told, and every invariant of
`check_integrity` holds. Always the same sequences; `ANY_DAY_EXAMPLES=500` tries more of them.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.tests.factories import AdminFactory, ReaderFactory
from cashdesk import actions as till
from cashdesk.models import Entry, Kind, Method
from cashdesk.queries import balances_of
from catalog.models import Copy
from catalog.tests.factories import BookFactory, CopyFactory
from circulation import actions
from circulation.losses import declare_overdue_lost
from circulation.models import Loan
from circulation.rules import Reason
from library.core.errors import Refused
from library.core.integrity import checks, findings
from policies.tests.factories import BranchFactory, DefaultRuleFactory
from reservations import actions as queue
from reservations.models import Reservation

EXAMPLES = int(os.environ.get("ANY_DAY_EXAMPLES", "5"))
STEPS = 30
START = datetime(2028, 2, 20, 9, 0, tzinfo=UTC)
"""A Sunday; 29 February lies ahead."""
PERIOD, RENEWALS, LOANS, RESERVATIONS, KEPT, LOST_AFTER = 3, 1, 2, 2, 2, 6
PRICE, PROCESSING = Decimal(7), Decimal(2)
SHELVES = ((0, 0), (0, 1), (1, 0), (2, 1))
"""Each copy's book and home branch."""
STATIC = {"constraints_are_there", "ledger_is_guarded"}
"""Invariants of the database itself, which no step changes."""


@dataclass
class ModelLoan:
    """A loan in words a librarian would use; days count from the first."""

    reader: int
    due: int
    renewals: int = 0
    is_lost: bool = False
    fined: Decimal = Decimal(0)


@dataclass(eq=False)
class Wish:
    """A reservation."""

    reader: int
    book: int
    pickup: int
    pk: int
    state: str = "waiting"
    copy: int | None = None
    until: int | None = None
    suspended: int | None = None


@dataclass
class ModelCopy:
    """A copy, where it belongs, and where it is going."""

    book: int
    home: int
    status: str = "available"
    loan: ModelLoan | None = None
    way: tuple[int, int] | None = None


@dataclass
class Model:
    """The library as it should be."""

    day: int = 0
    copies: list[ModelCopy] = field(default_factory=lambda: [ModelCopy(*shelf) for shelf in SHELVES])
    wishes: list[Wish] = field(default_factory=list)
    """In the order of the queues; those that are over are gone."""
    balance: list[Decimal] = field(default_factory=lambda: [Decimal(0)] * 3)

    def of(self, book, state="waiting"):
        return [wish for wish in self.wishes if wish.book == book and wish.state == state]

    def wish_of(self, reader, book):
        return next((wish for wish in self.wishes if (wish.reader, wish.book) == (reader, book)), None)

    def keeper(self, copy):
        return next((wish for wish in self.wishes if wish.copy == copy), None)

    def loans_of(self, reader):
        return [copy for copy in self.copies if copy.loan and copy.loan.reader == reader]

    def has_turn(self, wish):
        return wish.state == "waiting" and not (wish.suspended is not None and self.day <= wish.suspended)

    def is_needed(self, number, reader):
        """Whether more wait before this reader than the other copies on the shelves can serve."""
        ahead = 0
        for wish in self.wishes:
            if wish.book == self.copies[number].book:
                if wish.reader == reader:
                    break
                ahead += self.has_turn(wish)
        others = [copy for n, copy in enumerate(self.copies) if n != number and copy.book == self.copies[number].book]
        return ahead > sum(copy.status == "available" for copy in others)

    # --- why not ---

    def against_check_out(self, number, reader):
        copy, keeper = self.copies[number], self.keeper(number)
        reasons = ["copy_lost"] * (copy.status == "lost")
        is_own = copy.loan is not None and copy.loan.reader == reader
        if is_own:
            reasons.append("already_loaned_to_reader")
        else:
            reasons += ["loaned_to_another"] * (copy.loan is not None)
            reasons += ["loan_limit"] * (len(self.loans_of(reader)) >= LOANS)
        reasons += ["kept_for_another"] * (keeper is not None and keeper.reader != reader)
        reasons += ["reserved_by_another"] * (not is_own and keeper is None and self.is_needed(number, reader))
        reasons += ["in_transit"] * (copy.status == "in_transit" and not (keeper and keeper.reader == reader))
        same = any(other is not copy and other.book == copy.book for other in self.loans_of(reader))
        return reasons + ["same_book_on_loan"] * (same and not is_own)

    def against_renewal(self, number):
        copy = self.copies[number]
        reasons = ["renewal_limit"] * (copy.loan.renewals >= RENEWALS)
        reasons += ["book_is_awaited"] * self.is_needed(number, copy.loan.reader)
        reasons += ["copy_lost"] * (copy.status == "lost")
        return reasons + ["renewal_would_not_extend"] * (copy.loan.due + PERIOD < self.day)

    def against_reserving(self, book, reader):
        active = [wish for wish in self.wishes if wish.reader == reader]
        reasons = ["already_reserved"] * any(wish.book == book for wish in active)
        reasons += ["same_book_on_loan"] * any(copy.book == book for copy in self.loans_of(reader))
        could_fill = any(copy.status != "lost" for copy in self.copies if copy.book == book)
        reasons += ["reservation_limit"] * (could_fill and len(active) >= RESERVATIONS)
        return reasons + ["no_copy_could_fill"] * (not could_fill)

    # --- what happens ---

    def settle_lateness(self, loan):
        fine = max(min(Decimal(max(0, self.day - loan.due)), PRICE - loan.fined), Decimal(0))
        loan.fined += fine
        self.balance[loan.reader] += fine

    def end_loan(self, copy):
        if copy.loan.is_lost:
            self.balance[copy.loan.reader] -= PRICE
        else:
            self.settle_lateness(copy.loan)
        copy.loan = None

    def lose(self, copy):
        self.settle_lateness(copy.loan)
        self.balance[copy.loan.reader] += PRICE + PROCESSING
        copy.loan.is_lost, copy.status = True, "lost"

    def place(self, number, branch):
        """Where a free copy goes from a branch."""
        copy, keeper = self.copies[number], self.keeper(number)
        if keeper and keeper.state == "ready" and keeper.pickup == branch:
            return
        wish = keeper or next(filter(self.has_turn, self.of(copy.book)), None)
        goal = wish.pickup if wish else copy.home
        if copy.way == (branch, goal) and wish is keeper:
            return
        copy.way = (branch, goal) if goal != branch else None
        copy.status = "in_transit" if copy.way else "on_hold_shelf" if wish else "available"
        if wish:
            wish.copy, wish.suspended = number, None
            wish.state = "in_transit" if copy.way else "ready"
            wish.until = None if copy.way else self.day + KEPT

    def send_back(self, wish):
        """The copy kept for it is gone: it waits again, before everybody."""
        wish.state, wish.copy, wish.until = "waiting", None, None
        self.wishes.remove(wish)
        self.wishes.insert(0, wish)

    def lend(self, number, reader):
        copy = self.copies[number]
        if copy.loan:
            self.end_loan(copy)
        copy.way = None
        keeper, own = self.keeper(number), self.wish_of(reader, copy.book)
        if keeper and keeper.reader != reader:
            self.send_back(keeper)
        if own:
            self.wishes.remove(own)
        copy.status, copy.loan = "loaned", ModelLoan(reader, self.day + PERIOD)
        if own and own.state == "ready" and own.copy != number:
            self.place(own.copy, own.pickup)


@pytest.fixture
def world(db):
    """The rows that every sequence starts from."""
    DefaultRuleFactory(
        loan_period=PERIOD, max_loans=LOANS, max_renewals=RENEWALS, fine_amount=Decimal(1), lost_after_days=LOST_AFTER,
        processing_fee=PROCESSING, max_reservations=RESERVATIONS, pickup_open_days=KEPT,
    )  # fmt: skip
    branches = [BranchFactory(time_zone="UTC") for _n in range(2)]
    books = BookFactory.create_batch(3)
    return SimpleNamespace(
        by=AdminFactory(),
        branches=branches,
        books=books,
        copies=[CopyFactory(book=books[book], branch=branches[home], price=PRICE) for book, home in SHELVES],
        readers=ReaderFactory.create_batch(
            3, home_branch=branches[0], registered_on=START.date(), expires_on=START.date() + timedelta(days=999)
        ),
    )


COPIES, READERS = st.integers(0, len(SHELVES) - 1), st.integers(0, 2)
BRANCHES, BOOKS = st.integers(0, 1), st.integers(0, 2)
AMOUNTS = st.integers(1, 9).map(Decimal)
NOTE = "Так вышло"


class AnyDay(RuleBasedStateMachine):
    """One sequence of steps, undone at its end."""

    world: SimpleNamespace

    def __init__(self):
        super().__init__()
        self.model, self.seconds = Model(), 0
        self.pks = {
            name: {row.pk: n for n, row in enumerate(getattr(self.world, name))}
            for name in ("copies", "readers", "books")
        }
        self.watched = [check.code for check in checks() if check.code not in STATIC]
        self.undo = transaction.atomic()
        self.undo.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def teardown(self):
        transaction.set_rollback(True)
        self.undo.__exit__(None, None, None)

    # --- small words ---

    @property
    def now(self):
        self.seconds += 7
        return START + timedelta(days=self.model.day, seconds=self.seconds)

    def at(self, branch):
        return {"by": self.world.by, "now": self.now, "branch_id": self.world.branches[branch].pk}

    def by_hand(self):
        return {"by": self.world.by, "now": self.now}

    def told(self, act, **given):
        """The codes of the refusal; none: it was done."""
        try:
            with transaction.atomic():
                self.outcome = act(**given)
        except Refused as error:
            return [refusal.reason.value for refusal in error.refusals]
        return []

    def loan(self, number):
        return Loan.objects.open().get(copy=self.world.copies[number])

    # --- circulation ---

    @rule(copy=COPIES, reader=READERS, branch=BRANCHES)
    def check_out(self, copy, reader, branch):
        expected = self.model.against_check_out(copy, reader)
        self._lend(copy, reader, branch, expected)

    @rule(copy=COPIES, reader=READERS, branch=BRANCHES)
    def check_out_by_override(self, copy, reader, branch):
        absolute = [one for one in self.model.against_check_out(copy, reader) if one == "already_loaned_to_reader"]
        self._lend(copy, reader, branch, absolute, overrides=set(Reason), note=NOTE)

    def _lend(self, copy, reader, branch, expected, **more):
        rows = {"copy_id": self.world.copies[copy].pk, "reader_id": self.world.readers[reader].pk}
        assert self.told(actions.check_out, **rows, **self.at(branch), **more) == expected
        if not expected:
            self.model.lend(copy, reader)

    @rule(copy=COPIES)
    def renew(self, copy):
        held = self.model.copies[copy]
        if held.loan:
            expected = self.model.against_renewal(copy)
            assert self.told(actions.renew, loan_id=self.loan(copy).pk, **self.by_hand()) == expected
            if not expected:
                self.model.settle_lateness(held.loan)
                held.loan.due += PERIOD
                held.loan.renewals += 1

    @rule(copy=COPIES, branch=BRANCHES)
    def return_copy(self, copy, branch):
        assert self.told(actions.return_copy, copy_id=self.world.copies[copy].pk, **self.at(branch)) == []
        if self.model.copies[copy].loan:
            self.model.end_loan(self.model.copies[copy])
        self.model.place(copy, branch)

    @rule(copy=COPIES)
    def declare_lost(self, copy):
        held = self.model.copies[copy]
        if held.loan:
            expected = ["copy_lost"] * held.loan.is_lost
            assert self.told(actions.declare_lost, loan_id=self.loan(copy).pk, **self.by_hand()) == expected
            if not expected:
                self.model.lose(held)

    @rule(days=st.integers(1, 5))
    def days_go_by(self, days):
        """Each with its daily jobs."""
        for _day in range(days):
            self.model.day += 1
            for copy in self.model.copies:
                if copy.status == "loaned" and self.model.day > copy.loan.due + LOST_AFTER:
                    self.model.lose(copy)
            late = [wish for wish in self.model.wishes if wish.state == "ready" and wish.until < self.model.day]
            for wish in sorted(late, key=lambda wish: (wish.until, wish.pk)):
                self.model.wishes.remove(wish)
                self.model.place(wish.copy, wish.pickup)
            declare_overdue_lost(now=self.now)
            queue.expire_uncollected(now=self.now)

    # --- reservations ---

    @rule(book=BOOKS, reader=READERS, branch=BRANCHES)
    def reserve(self, book, reader, branch):
        expected = self.model.against_reserving(book, reader)
        told = self.told(
            queue.reserve,
            book_id=self.world.books[book].pk,
            reader_id=self.world.readers[reader].pk,
            pickup_branch_id=self.world.branches[branch].pk,
            **self.by_hand(),
        )
        assert told == expected
        if not expected:
            self.model.wishes.append(Wish(reader, book, branch, self.outcome.reservation.pk))

    @rule(book=BOOKS, reader=READERS)
    def cancel(self, book, reader):
        if wish := self.model.wish_of(reader, book):
            assert self.told(queue.cancel, reservation_id=wish.pk, why=NOTE, **self.by_hand()) == []
            self.model.wishes.remove(wish)
            if wish.state == "ready":
                self.model.place(wish.copy, wish.pickup)

    @rule(book=BOOKS, reader=READERS, days=st.integers(0, 3))
    def suspend(self, book, reader, days):
        if wish := self.model.wish_of(reader, book):
            expected = ["already_set_aside"] * (wish.state != "waiting")
            until = (START + timedelta(days=self.model.day + days)).date()
            assert self.told(queue.suspend, reservation_id=wish.pk, until=until, **self.by_hand()) == expected
            if not expected:
                wish.suspended = self.model.day + days

    @rule(book=BOOKS, reader=READERS)
    def put_first(self, book, reader):
        """Among those who wait, when nobody of the queue has a copy set aside: their places are not told apart here."""
        wish = self.model.wish_of(reader, book)
        if wish and len(self.model.of(book)) == sum(one.book == book for one in self.model.wishes):
            assert self.told(queue.move, reservation_id=wish.pk, place=1, why=NOTE, **self.by_hand()) == []
            self.model.wishes.remove(wish)
            self.model.wishes.insert(0, wish)

    @rule(copy=COPIES, branch=BRANCHES)
    def capture(self, copy, branch):
        expected = ["copy_is_out"] * (self.model.copies[copy].status in ("loaned", "lost"))
        assert self.told(queue.capture, copy_id=self.world.copies[copy].pk, **self.at(branch)) == expected
        if not expected:
            self.model.place(copy, branch)

    @rule(copy=COPIES, branch=BRANCHES)
    def pick(self, copy, branch):
        held = self.model.copies[copy]
        expected = ["copy_is_out"] * (held.status in ("loaned", "lost"))
        if not expected and not self.model.keeper(copy) and not any(map(self.model.has_turn, self.model.of(held.book))):
            expected = ["nobody_waits"]
        assert self.told(queue.pick, copy_id=self.world.copies[copy].pk, **self.at(branch)) == expected
        if not expected:
            self.model.place(copy, branch)

    @rule(copy=COPIES, branch=BRANCHES)
    def arrive(self, copy, branch):
        status = self.model.copies[copy].status
        expected = {"loaned": ["copy_is_out"], "lost": ["copy_is_out"], "available": ["not_on_its_way"]}.get(status, [])
        assert self.told(queue.arrive, copy_id=self.world.copies[copy].pk, **self.at(branch)) == expected
        if not expected:
            self.model.place(copy, branch)

    @rule(copy=COPIES)
    def release(self, copy):
        held, keeper = self.model.copies[copy], self.model.keeper(copy)
        expected = [] if held.status in ("on_hold_shelf", "in_transit") else ["not_set_aside"]
        rows = {"copy_id": self.world.copies[copy].pk, "status": Copy.Status.LOST, "why": NOTE}
        assert self.told(queue.release, **rows, **self.by_hand()) == expected
        if not expected:
            if keeper:
                self.model.send_back(keeper)
            held.status, held.way = "lost", None

    # --- money ---

    @rule(reader=READERS, amount=AMOUNTS, branch=BRANCHES)
    def charge(self, reader, amount, branch):
        of = {"reader_id": self.world.readers[reader].pk, "kind": Kind.MANUAL, "amount": amount, "reason": NOTE}
        assert self.told(till.charge, **of, **self.at(branch)) == []
        self.model.balance[reader] += amount

    @rule(reader=READERS, amount=AMOUNTS, branch=BRANCHES, keeps_rest=st.booleans())
    def pay(self, reader, amount, branch, keeps_rest):
        owed, expected = self.model.balance[reader], []
        if not keeps_rest and amount > owed:
            expected = ["more_than_owed"] if owed > 0 else ["nothing_owed"]
        of = {"reader_id": self.world.readers[reader].pk, "amount": amount, "method": Method.CASH}
        assert self.told(till.pay, **of, keeps_rest=keeps_rest, **self.at(branch)) == expected
        if not expected:
            self.model.balance[reader] -= amount

    @rule(reader=READERS, amount=AMOUNTS, branch=BRANCHES)
    def refund(self, reader, amount, branch):
        credit, expected = -self.model.balance[reader], []
        if amount > credit:
            expected = ["more_than_credit"] if credit > 0 else ["no_credit"]
        of = {"reader_id": self.world.readers[reader].pk, "amount": amount, "method": Method.CASH, "reason": NOTE}
        assert self.told(till.refund, **of, **self.at(branch)) == expected
        if not expected:
            self.model.balance[reader] -= -amount

    @rule(reader=READERS, pays=st.booleans(), branch=BRANCHES)
    def reverse(self, reader, pays, branch):
        """The reader's latest payment, or latest charge by hand, unless it is reversed."""
        kind = Kind.PAYMENT if pays else Kind.MANUAL
        entry = Entry.objects.filter(reader=self.world.readers[reader], kind=kind).order_by("-pk").first()
        if entry:
            is_reversed = Entry.objects.filter(reverses=entry).exists()
            told = self.told(till.reverse, entry_uid=entry.uid, reason=NOTE, **self.at(branch))
            assert told == ["already_reversed"] * is_reversed
            if not is_reversed:
                self.model.balance[reader] += entry.amount if pays else -entry.amount

    # --- after each step ---

    @invariant()
    def copies_agree(self):
        found = {copy.pk: copy.status for copy in Copy.objects.filter(pk__in=self.pks["copies"])}
        assert [found[copy.pk] for copy in self.world.copies] == [copy.status for copy in self.model.copies]
        loans = {
            self.pks["copies"][loan.copy_id]: ModelLoan(
                reader=self.pks["readers"][loan.reader_id],
                due=(loan.due_at.date() - START.date()).days,
                renewals=loan.renewals,
                is_lost=loan.lost_at is not None,
            )
            for loan in Loan.objects.open().filter(copy__in=self.world.copies)
        }
        for loan in loans.values():
            loan.fined = Decimal(0)
        expected = {
            n: ModelLoan(copy.loan.reader, copy.loan.due, copy.loan.renewals, copy.loan.is_lost)
            for n, copy in enumerate(self.model.copies)
            if copy.loan
        }
        assert loans == expected

    @invariant()
    def queues_agree(self):
        found = {"waiting": [], "set aside": []}
        for one in Reservation.objects.active().order_by("order"):
            until = one.pickup_until and (one.pickup_until - START.date()).days
            copy = None if one.copy_id is None else self.pks["copies"][one.copy_id]
            found["waiting" if one.state == "waiting" else "set aside"].append((one.pk, one.state, copy, until))
        model = [(wish.pk, wish.state, wish.copy, wish.until) for wish in self.model.wishes]
        books = {wish.pk: wish.book for wish in self.model.wishes}
        assert sorted(found["set aside"]) == sorted(one for one in model if one[1] != "waiting")
        waiting = [one for one in model if one[1] == "waiting"]
        for book in range(len(self.world.books)):
            assert [one for one in found["waiting"] if books.get(one[0]) == book] == [
                one for one in waiting if books[one[0]] == book
            ]
        assert len(found["waiting"]) == len(waiting)

    @invariant()
    def balances_agree(self):
        found = balances_of([reader.pk for reader in self.world.readers])
        assert [found.get(reader.pk, Decimal(0)) for reader in self.world.readers] == self.model.balance

    @invariant()
    def everything_adds_up(self):
        assert findings(only=self.watched) == []


def test_any_sequence_of_days(world):
    AnyDay.world = world
    run_state_machine_as_test(
        AnyDay,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
