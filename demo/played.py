"""The made-up year of `demo.year` played with the library's real actions, and its letters sent to a mail server."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import cashdesk.actions
from accounts.actions import create_user, register_reader, renew_card
from accounts.models import Reader, Role, User
from cashdesk.models import Method
from catalog.models import Author, Book, Contribution, Copy, Genre
from catalog.search import index_books
from circulation import closings, losses, reminders, renewals
from circulation.actions import check_out, renew, return_copy
from circulation.models import Loan
from demo.actions import NotEmpty
from demo.tally import HOLIDAYS, House, Item, Lent, Person, Place
from demo.year import (
    AFTER,
    BEFORE,
    BOOK_DAYS,
    BOOK_RENEWALS,
    FINE,
    JOURNAL_DAYS,
    JOURNAL_RENEWALS,
    LOST_AFTER,
    MAX_LOANS,
    PICKUP_DAYS,
    PROCESSING,
    REMIND_EVERY,
    REMIND_FROM,
    Year,
)
from library.core.text import fold
from notifications.actions import welcome_new_readers
from notifications.bundling import bundle
from notifications.cards import remind_of_cards
from notifications.choosing import Choice, choose
from notifications.delivery import deliver
from notifications.models import Event, Preference
from policies.models import Branch, ClosedDay, ItemType, LendingRule, OpeningHours, ReaderCategory
from policies.setup import set_up
from reports.figures import count_days
from reports.visits import count_visits
from reservations.actions import cancel, expire_uncollected, reserve
from reservations.models import Reservation
from reservations.reminders import remind_of_pickups, tell_of_places

ZONES = {3: "Europe/Moscow", 5: "Asia/Yekaterinburg"}
"""By hours east of Greenwich; neither has summer time."""
GENRES, LANGUAGES, MATERIALS = 12, ("rus", "rus", "rus", "eng"), ("book", "journal")
RULE = {
    "loan_period": BOOK_DAYS,
    "max_loans": MAX_LOANS,
    "max_renewals": BOOK_RENEWALS,
    "fine_amount": FINE,
    "cap_at_copy_price": False,
    "lost_after_days": LOST_AFTER,
    "processing_fee": PROCESSING,
    "pickup_open_days": PICKUP_DAYS,
    "remind_before_days": list(BEFORE),
    "remind_overdue_days": list(AFTER),
    "remind_from_day": REMIND_FROM,
    "remind_every_days": REMIND_EVERY,
}
"""What the default rule says in the made-up library; the rest is as in a new one."""
JOURNALS = {"loan_period": JOURNAL_DAYS, "max_renewals": JOURNAL_RENEWALS, "auto_renew": True}


class RealDesk:
    """Does what the dice of a `Year` say. `furnish` first; an action that is refused ends the year with its error."""

    def __init__(self) -> None:
        self.librarian: User
        self.categories: dict[str, ReaderCategory] = {}
        self.branches: dict[int, Branch] = {}
        self.sent = 0

    def furnish(self, year: Year) -> None:
        """Branches, rules, a librarian, books and copies, in an empty library. Raises NotEmpty."""
        if Book.objects.exists() or Reader.objects.exists():
            raise NotEmpty
        set_up(language="ru", branches=[_branch(house) for house in year.houses])
        LendingRule.objects.default().update(**RULE)
        types = {item_type.code: item_type for item_type in ItemType.objects.all()}
        LendingRule.objects.create(item_type=types["journal"], **JOURNALS)
        self.categories = {category.code: category for category in ReaderCategory.objects.all()}
        for house in year.houses:
            self._open(house)
        for month, day in HOLIDAYS:
            on = date(year.start.year, month, day)
            ClosedDay.objects.create(starts_on=on, ends_on=on, repeats_yearly=True, reason="Праздник")
        self.librarian = create_user(
            email="librarian@simulated.example",
            full_name="Белова Светлана Андреевна",
            password=None,
            role=Role.LIBRARIAN,
            language="ru",
            is_email_verified=True,
            by=None,
            now=datetime.combine(year.start, time(8), self.branches[0].zone) - timedelta(days=50),
        )
        self._stock(year, types)

    def _open(self, house: House) -> None:
        branch = Branch.objects.get(code=_branch(house)[0])
        self.branches[house.number], house.key = branch, branch.pk
        OpeningHours.objects.bulk_create(
            OpeningHours(branch=branch, weekday=day, opens_at=time(10), closes_at=time(20))
            for day in range(7)
            if day not in house.closed_weekdays
        )

    def _stock(self, year: Year, types: dict[str, ItemType]) -> None:
        numbers = list(dict.fromkeys(item.book for item in year.items))
        journals = {item.book for item in year.items if item.is_journal}
        genres = [Genre(name=f"Жанр {n}", folded_name=fold(f"Жанр {n}")) for n in range(1, GENRES + 1)]
        Genre.objects.bulk_create(genres)
        author = Author.objects.create(name="Толстой, Лев Николаевич", folded_name=fold("Толстой, Лев Николаевич"))
        books = {
            number: Book(
                title=f"Книга {number}",
                sort_title=f"книга {number:08}",
                language=LANGUAGES[number // 2 % len(LANGUAGES)],
                material_type=MATERIALS[number in journals],
            )
            for number in numbers
        }
        Book.objects.bulk_create(books.values(), batch_size=1000)
        Contribution.objects.bulk_create(
            Contribution(book=book, author=author, role=Contribution.Role.AUTHOR, position=0) for book in books.values()
        )
        Book.genres.through.objects.bulk_create(
            Book.genres.through(book=book, genre=genres[number // 2 % GENRES]) for number, book in books.items()
        )
        copies = Copy.objects.bulk_create(
            [
                Copy(
                    book=books[item.book],
                    inventory_number=f"{item.number:06}",
                    barcode=f"C{item.number:06}",
                    branch=self.branches[item.house.number],
                    item_type=types["journal" if item.is_journal else "book"],
                    price=item.price,
                    acquired_on=year.start - timedelta(days=400),
                )
                for item in year.items
            ],
            batch_size=1000,
        )
        for item, copy in zip(year.items, copies, strict=True):
            item.key = copy.pk
        index_books([book.pk for book in books.values()])

    # --- What the dice say -----------------------------------------------------------------------------------------

    def register(self, person: Person, at: datetime) -> None:
        """Give the person a card, and let them say which letters they do without."""
        branch = self.branches[person.house.number]
        day = at.astimezone(branch.zone).date()
        reader = register_reader(
            full_name=f"Читатель {person.number}",
            email=address(person.number) if person.has_email else "",
            birth_date=day.replace(year=day.year - person.age, month=1, day=1),
            language="en" if person.number % 5 == 0 else "ru",
            category=self.categories[person.category],
            home_branch=branch,
            registered_on=day,
            expires_on=person.expires_on,
            by=self.librarian,
            now=at,
        )
        person.key = reader.pk
        if not person.wants_receipts:
            choices = {str(Event.LOAN_RECEIPT): Choice(Preference.NONE)}
            choose(reader=reader, choices=choices, by=self.librarian, now=at)

    def check_out(self, loan: Lent, at: datetime) -> None:
        """Lend."""
        done = check_out(
            copy_id=loan.item.key,
            reader_id=loan.person.key,
            by=self.librarian,
            branch_id=loan.person.house.key,
            now=at,
        ).loan
        loan.key = done.pk
        _agree(loan.due_on, done)

    def renew(self, loan: Lent, at: datetime) -> None:
        """Extend."""
        renew(loan_id=loan.key, by=self.librarian, now=at)

    def return_copy(self, item: Item, at: datetime, *, was_read: bool = False) -> None:
        """Take back, or count a reading."""
        return_copy(copy_id=item.key, by=self.librarian, branch_id=item.house.key, now=at, was_read=was_read)

    def reserve(self, place: Place, at: datetime) -> None:
        """Queue."""
        book_id = Copy.objects.values_list("book_id", flat=True).get(pk=place.item.key)
        place.key = reserve(
            book_id=book_id,
            reader_id=place.person.key,
            pickup_branch_id=place.item.house.key,
            by=self.librarian,
            now=at,
        ).reservation.pk

    def cancel(self, place: Place, at: datetime) -> None:
        """Give the place up, at the desk."""
        cancel(reservation_id=place.key, by=self.librarian, now=at, why="Читатель передумал")

    def pay(self, person: Person, amount: Decimal, method: str, at: datetime) -> None:
        """Take money."""
        cashdesk.actions.pay(
            reader_id=person.key,
            amount=amount,
            method=Method(method),
            branch_id=person.house.key,
            by=self.librarian,
            now=at,
        )

    def renew_card(self, person: Person, at: datetime) -> None:
        """Extend the card."""
        renew_card(reader_id=person.key, by=self.librarian, now=at, expires_on=person.expires_on)

    def close_branch(self, branch: House, days: list[date], at: datetime) -> None:
        """Enter days as closed and move what falls on them."""
        reason = "Прорвало трубу"
        ClosedDay.objects.create(branch_id=branch.key, starts_on=days[0], ends_on=days[-1], reason=reason)
        closing = closings.close(
            branch_id=branch.key, starts_on=days[0], ends_on=days[-1], by=self.librarian, now=at, reason=reason
        )
        closings.work(closing_id=closing.pk, now=at)

    def count_visits(self, branch: House, day: date, visits: int, at: datetime) -> None:
        """Write down how many came."""
        count_visits(branch_id=branch.key, day=day, visits=visits, by=self.librarian, now=at)

    def close_the_books(self, year: Year) -> None:
        """Count the figures of all days up to the last but two, as the nightly job would."""
        evening = datetime.combine(year.start + timedelta(days=year.days - 1), time(20), UTC)
        count_days(now=evening)

    # --- What the library does by itself ---------------------------------------------------------------------------

    def daily_jobs(self, at: datetime) -> None:
        """The work of the daily tasks."""
        expire_uncollected(now=at)
        renewals.renew_automatically(now=at)
        losses.declare_overdue_lost(now=at)
        reminders.check_due_dates(now=at)
        remind_of_cards(today=at.date(), now=at)
        remind_of_pickups(today=at.date(), now=at)
        tell_of_places(now=at)

    def deliver(self, at: datetime) -> None:
        """The work of the minutes: letters are made and sent."""
        welcome_new_readers(now=at)
        while bundle(now=at):
            pass
        self.sent += deliver(seconds=600, clock=_always(at))["sent"]


class Disagreement(Exception):
    """The library answered something else than the tally foretold."""


def _agree(due_on: date, loan: Loan) -> None:
    if loan.due_local.date() != due_on:
        raise Disagreement(f"{loan}: due on {loan.due_local.date()}, expected {due_on}")


def _always(at: datetime) -> Callable[[], datetime]:
    return lambda: at


def _branch(house: House) -> tuple[str, str, str]:
    return f"b{house.number}", f"Филиал № {house.number + 1}", ZONES[house.hours_east]


def address(number: int) -> str:
    """The e-mail address of a made-up reader."""
    return f"reader{number}@simulated.example"


def reservations_by_state() -> dict[str, int]:
    """How reservations ended; those that have not are `active`."""
    found: dict[str, int] = {}
    for state in Reservation.objects.values_list("state", flat=True).iterator():
        name = "active" if state in Reservation.ACTIVE else str(state)
        found[name] = found.get(name, 0) + 1
    return found
