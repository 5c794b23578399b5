"""A year in a library with branches, made up by dice, and what must come of it, counted by hand. No Django, no clock.

The dice say who comes when and what they do; a `Desk` does it with the library's real actions. Beside it stands a
second book-keeping, this module: due days, fines, queues and letters by arithmetic of its own, of which nothing is
shared with the program. `Tally` is what it comes to. docs/circulation.md, docs/reservations.md and docs/notices.md
have the rules that both follow.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

from demo.tally import ONE_DAY, House, Item, Lent, Person, Place, Tally

BOOK_DAYS, JOURNAL_DAYS = 14, 7
BOOK_RENEWALS, JOURNAL_RENEWALS = 2, 1
"""Those of journals the library does by itself."""
MAX_LOANS = 5
FINE, PROCESSING = Decimal(5), Decimal(100)
"""For each open day of lateness; for the work with a lost copy."""
LOST_AFTER = 60
BEFORE, AFTER = (3, 0), (1, 7, 14, 30)
"""Days before and after the due day on which readers are reminded."""
REMIND_FROM, REMIND_EVERY = 21, 14
"""Days of the loan."""
STALE_DAYS = 7
PICKUP_DAYS = 7
"""Open days for which a copy is kept."""
CARD_NOTICE, PICKUP_NOTICE = 30, 1
"""Days before the last one."""
DAILY = ("queue_moved",)
"""What waits for the letter of the next morning."""
CLOSINGS = ((0.25, 0), (0.6, 1))
"""A branch that closes for three days after all: where in the year, and which branch."""


class Desk(Protocol):
    """Who does what the dice say. Keys of readers, copies, loans and reservations are its own affair."""

    def register(self, person: "Person", at: datetime) -> None: ...
    def check_out(self, loan: "Lent", at: datetime) -> None: ...
    def renew(self, loan: "Lent", at: datetime) -> None: ...
    def return_copy(self, item: "Item", at: datetime, *, was_read: bool = False) -> None: ...
    def reserve(self, place: "Place", at: datetime) -> None: ...
    def cancel(self, place: "Place", at: datetime) -> None: ...
    def pay(self, person: "Person", amount: Decimal, method: str, at: datetime) -> None: ...
    def renew_card(self, person: "Person", at: datetime) -> None: ...
    def close_branch(self, branch: "House", days: list[date], at: datetime) -> None: ...
    def count_visits(self, branch: "House", day: date, visits: int, at: datetime) -> None: ...
    def daily_jobs(self, at: datetime) -> None: ...
    def deliver(self, at: datetime) -> None: ...


class Year:
    """The days from `start` on; `pass_by` lets them happen at a desk and gives the tally."""

    def __init__(
        self, *, start: date, days: int, readers: int, branches: int, seed: int, visits: float, desk: Desk
    ) -> None:
        self.start, self.days, self.desk = start, days, desk
        self.dice = random.Random(seed)  # noqa: S311 - no secret depends on it
        self.tally = Tally()
        self.visit_chance = visits / 365
        self.houses = [
            House(number, (3, 5, 3)[number % 3], (frozenset(), frozenset({4}), frozenset({6, 0}))[number % 3])
            for number in range(branches)
        ]
        self.items = self._stock(readers)
        self.shelves = {house.number: [one for one in self.items if one.house is house] for house in self.houses}
        self.people = [self._person(number) for number in range(readers)]
        self.newcomers = {
            person: start + self.dice.randrange(days) * ONE_DAY for person in self.people[readers * 4 // 5 :]
        }
        self.members = self.people[: readers * 4 // 5]
        self.comes: defaultdict[date, list[Person]] = defaultdict(list)
        """Who brings something back on a day."""
        self.open: dict[Lent, None] = {}
        self.ready: list[Place] = []
        self._unsent: list[tuple[datetime, Person, str, int]] = []

    # --- The cast --------------------------------------------------------------------------------------------------

    def _stock(self, readers: int) -> list[Item]:
        items = []
        for number in range(max(60, readers * 3 // 5)):
            is_wanted = number % 30 < 2
            items.append(
                Item(
                    number=number,
                    book=number if is_wanted else number // 2 * 2 + 10**6,
                    house=self.houses[number // 2 % len(self.houses)],
                    is_journal=number % 10 in (4, 5) and not is_wanted,
                    is_wanted=is_wanted,
                    price=Decimal(self.dice.randrange(200, 900, 10)),
                )
            )
        return items

    def _person(self, number: int) -> Person:
        dice = self.dice
        category, age = dice.choice((("adult", 40), ("adult", 66), ("child", 10), ("student", 20)))
        return Person(
            number=number,
            house=dice.choice(self.houses),
            category=category,
            age=age,
            has_email=dice.random() < 0.75,
            wants_receipts=dice.random() < 0.9,
            expires_on=self.start + timedelta(days=dice.randrange(5, 360)),
        )

    # --- A day -----------------------------------------------------------------------------------------------------

    def pass_by(self) -> Tally:
        """Let every day happen."""
        before = datetime.combine(self.start - 40 * ONE_DAY, time(8), UTC)
        for person in self.members:
            self.desk.register(person, before)
        for number in range(self.days):
            self._day(self.start + number * ONE_DAY)
        last = self.start + (self.days - 1) * ONE_DAY
        self.tally.open_loans = len(self.open)
        self.tally.overdue = sum(last > loan.due_on and not loan.item.is_lost for loan in self.open)
        self.tally.reservations["active"] = sum(len(item.queue) for item in self.items)
        return self.tally

    def _day(self, day: date) -> None:
        morning = _at(day, 6)
        self._expire(day, morning)
        self._renew_by_itself(day, morning)
        self._lose(day, morning)
        self._remind(day, morning)
        self._warn_of_cards(day, morning)
        self._warn_of_pickups(day, morning)
        self._tell_of_places(morning)
        self.desk.daily_jobs(morning)
        self._close_after_all(day, _at(day, 6, 10))
        self._deliver(_at(day, 6, 30))
        moment = _at(day, 7, 30)
        for person, joined_on in self.newcomers.items():
            if joined_on == day:
                self._join(person, day, moment)
                moment += timedelta(seconds=20)
        came: Counter[House] = Counter()
        for person in self._visitors(day):
            came[person.house] += 1
            moment = self._visit(person, day, moment)
        for house in self.houses:
            if house.is_open(day):
                self._read_here(house, day, _at(day, 14))
                visits = came[house] + self.dice.randrange(4)
                self.desk.count_visits(house, day, visits, _at(day, 14, 30))
                self.tally.visits[_month(day), house.number] += visits
        self._deliver(_at(day, 15))

    def _visitors(self, day: date) -> list[Person]:
        chance = self.visit_chance
        due = dict.fromkeys(self.comes.pop(day, ()))
        for person in self.members:
            if self.dice.random() < chance or ((place := person.place) and place.until and self.dice.random() < 0.18):
                due[person] = None
        later = [person for person in due if not person.house.is_open(day)]
        for person in later:
            self.comes[person.house.next_open(day)].append(person)
        return [person for person in due if person.house.is_open(day) and not person.is_gone]

    def _join(self, person: Person, day: date, at: datetime) -> None:
        person.expires_on = day + timedelta(days=365)
        self.members.append(person)
        self.desk.register(person, at)
        self.tally.readers[_month(day), person.house.number] += 1
        self._tell(person, "welcome", 0, _at(day, 15) - timedelta(minutes=10))

    def _visit(self, person: Person, day: date, at: datetime) -> datetime:
        dice = self.dice
        for loan in list(person.loans):
            if loan.comes_on and loan.comes_on <= day:
                at += timedelta(seconds=5)
                may_renew = (
                    day <= loan.due_on
                    and not loan.item.is_journal
                    and loan.renewals < BOOK_RENEWALS
                    and not any(place.until is None for place in loan.item.queue)
                    and person.expires_on > day + timedelta(days=60)
                )
                if may_renew and dice.random() < 0.3:
                    self._renew(loan, day, at)
                else:
                    self._return(loan, day, at)
        if person.owes and dice.random() < 0.7:
            at += timedelta(seconds=5)
            self._pay(person, day, at)
        at = self._at_the_queue(person, day, at + timedelta(seconds=5))
        for _number in range(dice.choice((0, 0, 1, 1))):
            if item := self._fancy(person):
                at += timedelta(seconds=5)
                self._lend(item, person, day, at)
        return at + timedelta(seconds=5)

    def _at_the_queue(self, person: Person, day: date, at: datetime) -> datetime:
        """Collect what is kept, give it up, or reserve what is out."""
        dice, place = self.dice, person.place
        if place and place.until:
            if dice.random() < 0.12:
                self._cancel(place, day, at)
            elif len(person.loans) < MAX_LOANS:
                self._collect(place, day, at)
        elif place is None and dice.random() < 0.25:
            wanted = [
                item
                for item in self.shelves[person.house.number]
                if item.is_wanted
                and not item.is_lost
                and item.loan
                and item.loan.person is not person
                and len(item.queue) < 3
            ]
            if wanted:
                item = dice.choice(wanted)
                self._keep_card(person, day, at)
                person.place = Place(item, person)
                item.queue.append(person.place)
                self.desk.reserve(person.place, at)
        return at

    def _fancy(self, person: Person) -> Item | None:
        """A copy that the reader may have, few of them often."""
        shelf = self.shelves[person.house.number]
        item = shelf[int(len(shelf) * self.dice.random() ** 1.5)]
        if item.loan or item.queue or item.is_lost or len(person.loans) >= MAX_LOANS:
            return None
        return None if any(loan.item.book == item.book for loan in person.loans) else item

    # --- Deeds, each with what must come of it ----------------------------------------------------------------------

    def _lend(self, item: Item, person: Person, day: date, at: datetime) -> None:
        self._keep_card(person, day, at)
        due_on = person.house.next_open(day + timedelta(days=JOURNAL_DAYS if item.is_journal else BOOK_DAYS))
        loan = Lent(item, person, day, day, due_on)
        self.desk.check_out(loan, at)
        item.loan = loan
        person.loans.append(loan)
        self.open[loan] = None
        self._plan(loan, day)
        self.tally.loans[_month(day), person.house.number, person.category] += 1
        self._tell(person, "loan_receipt", 0, at + timedelta(minutes=2))

    def _keep_card(self, person: Person, day: date, at: datetime) -> None:
        """Whoever borrows or reserves has a card that outlives it."""
        if person.expires_on < day + timedelta(days=120):
            person.expires_on = day + timedelta(days=365)
            self.desk.renew_card(person, at)

    def _plan(self, loan: Lent, day: date) -> None:
        """When it will come back: mostly in time, sometimes late, hardly ever not at all."""
        falls = self.dice.random()
        if falls < 0.012 and not loan.item.is_wanted:
            loan.comes_on, loan.person.is_gone = None, True
            return
        left = max(1, (loan.due_on - day).days)
        wait = self.dice.randint(1, left) if falls < 0.85 else left + self.dice.randint(1, 40)
        loan.comes_on = loan.person.house.next_open(day + wait * ONE_DAY)
        self.comes[loan.comes_on].append(loan.person)

    def _renew(self, loan: Lent, day: date, at: datetime) -> None:
        self.desk.renew(loan, at)
        self._extend(loan, day, BOOK_DAYS)
        self._plan(loan, day)

    def _extend(self, loan: Lent, day: date, days: int) -> None:
        loan.due_on = loan.person.house.next_open(loan.due_on + days * ONE_DAY)
        loan.renewals += 1
        loan.settled_on = day
        self.tally.renewals[_month(day), loan.person.house.number] += 1

    def _return(self, loan: Lent, day: date, at: datetime) -> None:
        self.desk.return_copy(loan.item, at)
        if late := loan.person.house.open_days(loan.due_on, day):
            self._charge(loan.person, "overdue", FINE * late, day, at)
        self._close(loan)
        self.tally.returns[_month(day), loan.person.house.number] += 1
        self._next_in_queue(loan.item, day, at)

    def _close(self, loan: Lent) -> None:
        loan.item.loan = None
        loan.person.loans.remove(loan)
        del self.open[loan]

    def _next_in_queue(self, item: Item, day: date, at: datetime) -> None:
        for place in item.queue:
            place.ready_on, place.until = day, item.house.open_days_later(day, PICKUP_DAYS)
            self.ready.append(place)
            self._tell(place.person, "reservation_ready", 0, at)
            return

    def _leave(self, place: Place, how: str) -> None:
        place.item.queue.remove(place)
        if place.until:
            self.ready.remove(place)
        place.person.place = None
        self.tally.reservations[how] += 1

    def _collect(self, place: Place, day: date, at: datetime) -> None:
        self._leave(place, "collected")
        self._lend(place.item, place.person, day, at)

    def _cancel(self, place: Place, day: date, at: datetime) -> None:
        self.desk.cancel(place, at)
        self._leave(place, "cancelled")
        self._tell(place.person, "reservation_cancelled", 0, at)
        self._next_in_queue(place.item, day, at)

    def _pay(self, person: Person, day: date, at: datetime) -> None:
        amount = person.owes if person.owes < 20 or self.dice.random() < 0.8 else Decimal(int(person.owes / 2))
        method = self.dice.choice(("cash", "card"))
        self.desk.pay(person, amount, method, at)
        person.owes -= amount
        self.tally.payments[_month(day), method] += amount
        self._tell(person, "payment", 0, at + timedelta(minutes=2))

    def _charge(self, person: Person, kind: str, amount: Decimal, day: date, at: datetime) -> None:
        person.owes += amount
        self.tally.charges[_month(day), kind] += amount
        self._tell(person, "charge", 0, at + timedelta(minutes=2))

    def _read_here(self, house: House, day: date, at: datetime) -> None:
        """Copies of the shelves read without being lent, each once."""
        for item in self.dice.sample(self.shelves[house.number], self.dice.randrange(3)):
            if not (item.loan or item.queue or item.is_lost):
                self.desk.return_copy(item, at, was_read=True)
                self.tally.readings[_month(day), house.number] += 1
                at += timedelta(seconds=20)

    def _close_after_all(self, day: date, at: datetime) -> None:
        for part, number in CLOSINGS:
            if day != self.start + int(part * self.days) * ONE_DAY or number >= len(self.houses):
                continue
            house = self.houses[number]
            days = [day + n * ONE_DAY for n in (5, 6, 7)]
            house.closed.update(days)
            self.desk.close_branch(house, days, at)
            for loan in self.open:
                if loan.person.house is house and loan.due_on in days and not loan.item.is_lost:
                    was = loan.due_on
                    loan.due_on = house.next_open(was)
                    if loan.due_on != was:
                        self._tell(loan.person, "due_date_moved", 0, at)
            for place in self.ready:
                assert place.ready_on
                assert place.until
                if place.item.house is house and place.until in days:
                    place.until = max(house.open_days_later(place.ready_on, PICKUP_DAYS), house.next_open(place.until))
                    self._tell(place.person, "pickup_moved", 0, at)
                elif place.item.house is house and place.until > days[-1]:
                    self._tell(place.person, "branch_closed", 0, at)

    # --- Every morning ---------------------------------------------------------------------------------------------

    def _expire(self, day: date, at: datetime) -> None:
        late = [place for place in self.ready if place.until and place.until < day and place.item.house.is_open(day)]
        for place in late:
            self._leave(place, "expired")
            self._tell(place.person, "reservation_expired", 0, at)
            self._next_in_queue(place.item, day, at)

    def _renew_by_itself(self, day: date, at: datetime) -> None:
        for loan in self.open:
            if not loan.item.is_journal or loan.item.is_lost or day < loan.due_on or loan.tried_on == day:
                continue
            if loan.renewals >= JOURNAL_RENEWALS and loan.tried_on and loan.tried_on > loan.settled_on:
                continue
            loan.tried_on = day
            if loan.renewals < JOURNAL_RENEWALS:
                self._extend(loan, day, JOURNAL_DAYS)
                self._tell(loan.person, "auto_renewal", 0, at)
            else:
                self._tell(loan.person, "auto_renewal_refused", 0, at)

    def _lose(self, day: date, at: datetime) -> None:
        for loan in self.open:
            if loan.item.is_lost or (day - loan.due_on).days <= LOST_AFTER:
                continue
            loan.item.is_lost = True
            self.tally.lost += 1
            if late := loan.person.house.open_days(loan.due_on, day):
                self._charge(loan.person, "overdue", FINE * late, day, at)
            self._charge(loan.person, "replacement", loan.item.price, day, at)
            self._charge(loan.person, "processing", PROCESSING, day, at)

    def _remind(self, day: date, at: datetime) -> None:
        for loan in self.open:
            if loan.item.is_lost:
                continue
            reached = max(_stages(loan, day), default=None)
            if reached is None or (day - reached[0]).days > STALE_DAYS:
                continue
            on, _rank, event, stage = reached
            if (event, on, stage) not in loan.told:
                loan.told.add((event, on, stage))
                self._tell(loan.person, event, stage, at)

    def _warn_of_cards(self, day: date, at: datetime) -> None:
        for person in self.members:
            if (
                day <= person.expires_on <= day + timedelta(days=CARD_NOTICE)
                and person.told_of_card != person.expires_on
            ):
                person.told_of_card = person.expires_on
                self._tell(person, "card_expiring", 0, at)

    def _warn_of_pickups(self, day: date, at: datetime) -> None:
        for place in self.ready:
            assert place.ready_on
            assert place.until
            is_near = day <= place.until <= day + timedelta(days=PICKUP_NOTICE)
            if is_near and place.ready_on < day and place.told_until != place.until:
                place.told_until = place.until
                self._tell(place.person, "reservation_expiring", 0, at)

    def _tell_of_places(self, at: datetime) -> None:
        """The first place was seen when it was taken; from then on every other one is told."""
        for item in self.items:
            waiting = [place for place in item.queue if place.until is None]
            for number, place in enumerate(waiting, 1):
                if place.told_place not in (None, number):
                    self._tell(place.person, "queue_moved", 0, at)
                place.told_place = number

    # --- Letters ---------------------------------------------------------------------------------------------------

    def _tell(self, person: Person, event: str, stage: int, ready_at: datetime) -> None:
        """What nobody can be reached with is written all the same, and leaves with no letter."""
        self.tally.notices[event, stage] += 1
        if not person.has_email:
            return
        if event in DAILY:
            event, ready_at = "digest", ready_at + ONE_DAY
        self._unsent.append((ready_at, person, event, stage))

    def _deliver(self, at: datetime) -> None:
        ready = {(person, event, stage): None for ready_at, person, event, stage in self._unsent if ready_at <= at}
        self._unsent = [one for one in self._unsent if one[0] > at]
        for person, event, stage in ready:
            if event != "loan_receipt" or person.wants_receipts:
                self.tally.letters[event, stage] += 1
                self.tally.mails[person.number] += 1
        self.desk.deliver(at)


def _stages(loan: Lent, day: date) -> Iterator[tuple[date, int, str, int]]:
    """The reminders whose day has come: day, rank, event, stage."""
    if day > loan.due_on:
        for n in AFTER:
            if loan.due_on + n * ONE_DAY <= day:
                yield loan.due_on + n * ONE_DAY, 3, "overdue", n
    else:
        for n in BEFORE:
            if loan.settled_on < loan.due_on - n * ONE_DAY <= day:
                yield loan.due_on - n * ONE_DAY, 2, "due_soon", n
    age = (day - loan.lent_on).days
    if age >= REMIND_FROM:
        n = REMIND_FROM + (age - REMIND_FROM) // REMIND_EVERY * REMIND_EVERY
        yield loan.lent_on + n * ONE_DAY, 1, "loan_reminder", n


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
