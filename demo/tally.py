"""Who and what a made-up year is about, and the tally of what came of it. No Django, no clock."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

HOLIDAYS = (
    (1, 1),
    (1, 2),
    (1, 3),
    (1, 4),
    (1, 5),
    (1, 6),
    (1, 7),
    (1, 8),
    (2, 23),
    (3, 8),
    (5, 1),
    (5, 9),
    (6, 12),
    (11, 4),
)
"""Month and day on which every branch is closed."""
ONE_DAY = timedelta(days=1)


@dataclass(slots=True, eq=False)
class House:
    """A branch: hours east of Greenwich, weekdays (0 is Monday) and days on which it is closed."""

    number: int
    hours_east: int
    closed_weekdays: frozenset[int]
    closed: set[date] = field(default_factory=set)
    key: int = 0

    def is_open(self, day: date) -> bool:
        """Whether its doors open that day."""
        is_holiday = (day.month, day.day) in HOLIDAYS
        return not (is_holiday or day.weekday() in self.closed_weekdays or day in self.closed)

    def next_open(self, day: date) -> date:
        """The day itself if open, else the first open day after it."""
        while not self.is_open(day):
            day += ONE_DAY
        return day

    def open_days_later(self, day: date, count: int) -> date:
        """The `count`-th open day after a day."""
        while count:
            day += ONE_DAY
            count -= self.is_open(day)
        return day

    def open_days(self, after: date, until: date) -> int:
        """How many open days there are after a day, until another, which counts."""
        return sum(self.is_open(after + n * ONE_DAY) for n in range(1, (until - after).days + 1))


@dataclass(slots=True, eq=False)
class Person:
    """A reader. Without an address nobody can write to them; some want no receipts."""

    number: int
    house: House
    category: str
    age: int
    has_email: bool
    wants_receipts: bool
    expires_on: date
    owes: Decimal = Decimal(0)
    loans: list["Lent"] = field(default_factory=list)
    place: "Place | None" = None
    is_gone: bool = False
    """Never comes again, nor brings back."""
    told_of_card: date | None = None
    key: int = 0


@dataclass(slots=True, eq=False)
class Item:
    """A copy. A wanted one is the only one of its book, and readers queue for it."""

    number: int
    book: int
    house: House
    is_journal: bool
    is_wanted: bool
    price: Decimal
    loan: "Lent | None" = None
    queue: list["Place"] = field(default_factory=list)
    is_lost: bool = False
    key: int = 0


@dataclass(slots=True, eq=False)
class Lent:
    """A loan. `told` are the reminders written, by event, day and stage."""

    item: Item
    person: Person
    lent_on: date
    settled_on: date
    due_on: date
    renewals: int = 0
    tried_on: date | None = None
    """When the library last tried to renew it by itself."""
    told: set[tuple[str, date, int]] = field(default_factory=set)
    comes_on: date | None = None
    """When the dice let it come back; None: never."""
    key: int = 0


@dataclass(slots=True, eq=False)
class Place:
    """A place in a queue; `until` once the copy is kept."""

    item: Item
    person: Person
    ready_on: date | None = None
    until: date | None = None
    told_until: date | None = None
    """The last day that they were reminded of."""
    told_place: int | None = None
    key: int = 0


@dataclass(slots=True)
class Tally:
    """What came of the year. Months are «2026-03», amounts in the library's currency."""

    notices: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By event and stage."""
    letters: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Those that leave: the notices of one reader, event and stage that are ready together travel in one."""
    mails: Counter[int] = field(default_factory=Counter)
    """Those letters by the number of the reader."""
    loans: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    """By month, number of the branch and category of the reader."""
    renewals: Counter[tuple[str, int]] = field(default_factory=Counter)
    returns: Counter[tuple[str, int]] = field(default_factory=Counter)
    readings: Counter[tuple[str, int]] = field(default_factory=Counter)
    visits: Counter[tuple[str, int]] = field(default_factory=Counter)
    readers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Registered."""
    charges: defaultdict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """By month and kind."""
    payments: defaultdict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """By month and method."""
    reservations: Counter[str] = field(default_factory=Counter)
    """By how they ended, or `active`."""
    open_loans: int = 0
    overdue: int = 0
    lost: int = 0
