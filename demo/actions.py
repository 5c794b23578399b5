"""Loading the demo library: everything in one transaction, once."""

import random
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from stdnum import ean

import cashdesk.actions
from accounts.actions import block, create_user, register_reader, report_card_lost
from accounts.models import Reader, ReaderBlock, Role, User
from cashdesk.models import Kind, Method
from catalog.models import Author, Book, Contribution, Copy, Genre, Isbn, NamedThing, Publisher, Series, Subject
from catalog.popularity import count_loans
from catalog.search import index_books
from catalog.titles import sort_title
from circulation.models import Loan
from demo import sources
from demo.past import DAYS, Borrower, Item, Past, PastLoan
from demo.reserved import PastReservations
from demo.sources import Person, Title
from library.core import audit
from library.core.models import AuditEntry
from library.core.text import fold
from policies.models import Branch, ClosedDay, ItemType, LendingRule, OpeningHours, ReaderCategory
from policies.queries import calendar_of, row_of
from policies.setup import CATEGORIES, ITEM_TYPES, add_holidays, one_at_a_time, set_up

Thing = TypeVar("Thing", bound=NamedThing)
Coded = TypeVar("Coded", ReaderCategory, ItemType)

LOADED = "demo.load"
"""The audit entry that says that the demo library is loaded."""

BRANCHES: dict[str, Any] = {
    "main": {
        "name": {"ru": "Центральная библиотека", "en": "Main library"},
        "address": {"ru": "г. Светлореченск, ул. Садовая, 12", "en": "12 Sadovaya Street, Svetlorechensk"},
        "hours": {day: [("10:00", "19:00" if day < 5 else "17:00")] for day in range(7)},
    },
    "children": {
        "name": {"ru": "Детская библиотека", "en": "Children's library"},
        "address": {"ru": "г. Светлореченск, ул. Школьная, 3", "en": "3 Shkolnaya Street, Svetlorechensk"},
        "hours": {day: [("09:00", "18:00" if day < 5 else "16:00")] for day in (0, 1, 2, 3, 4, 6)},
    },
    "village": {
        "name": {"ru": "Сельская библиотека, Заречье", "en": "Village library, Zarechye"},
        "address": {"ru": "с. Заречье, ул. Центральная, 40", "en": "40 Tsentralnaya Street, Zarechye"},
        "hours": {day: [("10:00", "13:00"), ("14:00", "18:00")] for day in (1, 2, 3, 4, 5)},
    },
}
"""The three branches by code: the main one is open every day, the village one keeps a lunch break."""


def _for_days(count: int) -> dict[str, Any]:
    return {"loan_period": count, "loan_period_unit": "days"}


RULES: tuple[tuple[dict[str, str], dict[str, Any]], ...] = (
    ({"category": "child"}, {"max_loans": 5, "max_renewals": 3}),
    ({"category": "staff"}, {**_for_days(30), "max_loans": 10}),
    ({"category": "student", "item_type": "textbook"}, {**_for_days(120), "max_loans": 5, "max_renewals": 1}),
    ({"item_type": "journal"}, {**_for_days(7), "max_renewals": 0}),
    ({"item_type": "disc"}, {**_for_days(7), "max_loans": 2, "max_renewals": 1}),
    ({"item_type": "game"}, {**_for_days(7), "max_loans": 1, "max_renewals": 0, "reservable": False}),
    ({"branch": "village"}, {**_for_days(21), "remind_before_days": [5, 1]}),
)
"""Lending rules beside the default one: for whom, what and where by code, and the values that they set."""

SIGN_INS = {
    Role.ADMIN: ("admin@library.example", "Громова Елена Павловна"),
    Role.LIBRARIAN: ("librarian@library.example", "Белова Светлана Андреевна"),
    Role.READER: ("reader@library.example", "Иванова Мария Сергеевна"),
}
"""E-mail and name of the three who sign in; the reader is the one whose story is `sign_in`."""

BLOCKS: dict[str, tuple[ReaderBlock.Kind, int, dict[str, str]]] = {
    "blocked": (
        ReaderBlock.Kind.MANUAL,
        0,
        {"ru": "Испорчена книга, ждём замену", "en": "Damaged a book; a replacement is awaited"},
    ),
    "blocked_until": (
        ReaderBlock.Kind.MANUAL,
        14,
        {"ru": "Нарушение правил читального зала", "en": "Broke the rules of the reading room"},
    ),
    "suspended": (ReaderBlock.Kind.SUSPENSION, 5, {"ru": "Вернул книги с опозданием", "en": "Returned books late"}),
}
"""Story to kind of block, days until it ends (0: until lifted) and reason."""

FINE, PROCESSING_FEE = Decimal(5), Decimal(100)
"""What a day of lateness costs, and the work with a lost copy; a new library charges neither."""
DEBT_TOLERATED = Decimal(500)
"""What adults may owe and still borrow."""
CHARGES: tuple[tuple[str, Kind, int, int, dict[str, str]], ...] = (
    ("sign_in", Kind.MANUAL, 60, 40, {"ru": "Распечатка, 8 страниц", "en": "8 printed pages"}),
    ("sign_in", Kind.MANUAL, 150, 12, {"ru": "Новый читательский билет", "en": "A new library card"}),
    ("blocked", Kind.MANUAL, 780, 10, {"ru": "Испорчена книга", "en": "A damaged book"}),
    ("suspended", Kind.MANUAL, 45, 30, {"ru": "Ксерокопии", "en": "Photocopies"}),
    ("card_lost", Kind.MANUAL, 150, 25, {"ru": "Новый читательский билет", "en": "A new library card"}),
)
"""Story, kind of charge, amount, how many days ago, and what it says."""
PAYMENTS: tuple[tuple[str, int, int, Method], ...] = (
    ("suspended", 45, 29, Method.CASH),
    ("sign_in", 100, 11, Method.CARD),
    ("blocked", 300, 6, Method.CASH),
)
"""Story, amount, how many days ago, and how it was paid."""
WAIVED = ("card_lost", {"ru": "Пенсионер, по решению директора", "en": "Retired; the director decided so"})
"""Whose first charge was forgiven, and why."""
WHO_RESERVES = ("", "sign_in")
"""Stories of readers who have reserved something."""

CHILDRENS = "детская литература"
"""The genre of what children borrow."""
WEIGHTS_OF_CHILDRENS_BOOKS = {"main": 2, "children": 6, "village": 2}
WEIGHTS_OF_OTHER_BOOKS = {"main": 5, "children": 1, "village": 4}
"""Where copies stand, besides the first, which is always in the main library."""

SEED = 1
"""What makes the dice fall the same way every time."""
YOUNG = 1990
"""Titles of this year and later may be new arrivals."""
NEW_TITLES = 25
"""So many books came in the last two months; nobody has borrowed them yet."""
OUT_OF_USE = ((Copy.Status.DAMAGED, 6), (Copy.Status.LOST, 5), (Copy.Status.WITHDRAWN, 6), (Copy.Status.ON_ORDER, 8))
"""How many copies nobody can borrow, by status."""


class NotEmpty(Exception):
    """The library has books of its own: the demo library goes into an empty one only."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who can sign in with which password."""

    role: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class House:
    """Where the library lends, to whom and what, by code."""

    branches: dict[str, Branch]
    categories: dict[str, ReaderCategory]
    item_types: dict[str, ItemType]


@transaction.atomic
def load(*, today: date, language: str) -> bool:
    """Make the demo library as it is on the morning of `today`; whether it did, for it does so once.

    Names of branches and reasons are in `language`, the books Russian and English. Nobody can sign in before
    `new_passwords`. Raises NotEmpty.
    """
    one_at_a_time()
    if AuditEntry.objects.filter(action=LOADED).exists():
        return False
    if Book.objects.exists():
        raise NotEmpty
    dice = random.Random(SEED)  # noqa: S311 - no secret depends on it
    house = _furnish(today, language)
    now = datetime.combine(today, time.min, house.branches["main"].zone)
    users = {role: _hire(role, email, name, language, now) for role, (email, name) in SIGN_INS.items()}
    copies = _buy(dice, house, today)
    readers = _register(dice, house, users, now)
    loans = Past(
        today=today,
        items=_items(dice, copies, today),
        borrowers=[
            Borrower(
                reader_id=reader.pk,
                category_id=reader.category_id,
                branch_id=reader.home_branch_id,
                expires_on=reader.expires_on,
                is_child=person.category == "child",
                story=person.story,
            )
            for reader, person in readers
        ],
        rules=[row_of(rule) for rule in LendingRule.objects.all()],
        calendars={branch.pk: calendar_of(branch) for branch in house.branches.values()},
        hour_loan_after_closing=settings.HOUR_LOAN_AFTER_CLOSING,
        book_type_id=house.item_types["book"].pk,
    ).happen()
    _write_down(loans, copies, [reader for reader, _person in readers], users[Role.LIBRARIAN], now)
    count_loans(now=now)
    _block(readers, users[Role.LIBRARIAN], language, now)
    _charge(readers, house, users, language, now)
    PastReservations(
        readers=[reader for reader, person in readers if person.story in WHO_RESERVES],
        librarian=users[Role.LIBRARIAN],
        main=house.branches["main"],
        far=house.branches["village"],
        today=today,
        language=language,
    ).happen()
    audit.record(action=LOADED, subject=house.branches["main"], by=None, now=now, detail={"today": today})
    return True


@transaction.atomic
def new_passwords(*, now: datetime) -> list[SignIn]:
    """Give each of the three who sign in a new password; gives those who are there."""
    sign_ins = []
    for user in _who_sign_in().select_for_update(no_key=True):
        password = secrets.token_urlsafe(9)
        user.set_password(password)
        user.save(update_fields=["password"])
        audit.record(action="demo.new_password", subject=user, by=None, now=now)
        sign_ins.append(SignIn(role=user.role, email=user.email, password=password))
    return sorted(sign_ins, key=lambda sign_in: list(SIGN_INS).index(Role(sign_in.role)))


def has_passwords() -> bool:
    """Whether everybody of the three who is there has got a password."""
    return all(user.has_usable_password() for user in _who_sign_in())


def _who_sign_in() -> QuerySet[User]:
    return User.objects.filter(email__in=[email for email, _name in SIGN_INS.values()]).order_by("pk")


# --- The house -----------------------------------------------------------------------------------------------------


def _furnish(today: date, language: str) -> House:
    """Branches with hours, closed days, categories, item types and rules; what the set-up made before is used."""
    set_up(
        language=language,
        branches=[(code, branch["name"][language], settings.TIME_ZONE) for code, branch in BRANCHES.items()],
    )
    LendingRule.objects.default().filter(fine_amount=0).update(fine_amount=FINE, processing_fee=PROCESSING_FEE)
    branches = {branch.code: branch for branch in Branch.objects.filter(code__in=BRANCHES)}
    for code, branch in branches.items():
        if not branch.address:
            branch.address = BRANCHES[code]["address"][language]
            branch.save(update_fields=["address"])
        if not branch.opening_hours.exists():
            OpeningHours.objects.bulk_create(
                OpeningHours(
                    branch=branch, weekday=day, opens_at=time.fromisoformat(opens), closes_at=time.fromisoformat(closes)
                )
                for day, stretches in BRANCHES[code]["hours"].items()
                for opens, closes in stretches
            )
    for year in (today.year - 1, today.year, today.year + 1):
        add_holidays(country="RU", year=year, language=language)
    ClosedDay.objects.create(
        branch=branches["children"],
        starts_on=today + timedelta(days=20),
        ends_on=today + timedelta(days=24),
        reason={"ru": "Ремонт читального зала", "en": "Repairs of the reading room"}[language],
    )
    house = House(
        branches=branches,
        categories={code: _kept(ReaderCategory, code, names[language]) for code, names in CATEGORIES.items()},
        item_types={code: _kept(ItemType, code, names[language]) for code, names in ITEM_TYPES.items()},
    )
    things: dict[str, dict[str, Any]] = {
        "category": dict(house.categories),
        "item_type": dict(house.item_types),
        "branch": dict(house.branches),
    }
    for scope, values in RULES:
        everywhere = dict.fromkeys(things)
        named = {key: things[key][code] for key, code in scope.items()}
        LendingRule.objects.get_or_create(**everywhere | named, defaults=values)
    return house


def _kept(model: type[Coded], code: str, name: str) -> Coded:
    return model._default_manager.get_or_create(code=code, defaults={"name": name})[0]


def _hire(role: Role, email: str, name: str, language: str, now: datetime) -> User:
    """The user of a sign-in, without a password yet."""
    if user := User.objects.filter(email=email).first():
        return user
    return create_user(
        email=email,
        full_name=name,
        password=None,
        role=role,
        language=language,
        is_email_verified=True,
        by=None,
        now=now,
    )


# --- Books and copies ----------------------------------------------------------------------------------------------


def _buy(dice: random.Random, house: House, today: date) -> list[Copy]:
    """Every title with two to five copies, indexed for search."""
    titles = sources.titles()
    arrivals = _arrivals(dice, titles, today)
    books = _catalogue(titles)
    for book, arrived_on in zip(books, arrivals, strict=True):
        book.created_at = datetime.combine(arrived_on, time(10), house.branches["main"].zone)
    Book.objects.bulk_update(books, ["created_at"], batch_size=500)
    copies = Copy.objects.bulk_create(_copies(dice, house, titles, books, arrivals, today), batch_size=1000)
    index_books([book.pk for book in books])
    return copies


def _arrivals(dice: random.Random, titles: Sequence[Title], today: date) -> list[date]:
    """When each title came: some of the younger ones lately, the rest over the last fifteen years."""
    young = [number for number, title in enumerate(titles) if title.year >= YOUNG]
    new = set(dice.sample(young, NEW_TITLES))
    return [
        today - timedelta(days=dice.randint(3, 60) if number in new else dice.randint(DAYS + 20, 15 * 365))
        for number in range(len(titles))
    ]


def _catalogue(titles: Sequence[Title]) -> list[Book]:
    """The books with all they are linked to."""
    authors = _named(Author, (name for title in titles for name, _role in title.people))
    publishers = _named(Publisher, (title.publisher for title in titles))
    series = _named(Series, (title.series for title in titles))
    books = Book.objects.bulk_create(
        [
            Book(
                title=title.title,
                sort_title=sort_title(title.title, title.language),
                year=title.year,
                place=title.place,
                publisher=publishers.get(fold(title.publisher)),
                language=title.language,
                pages=title.pages,
                series=series.get(fold(title.series)),
                series_number=title.series_number,
                call_number=title.call_number,
                description=title.description,
                material_type=title.material,
            )
            for title in titles
        ],
        batch_size=500,
    )
    pairs = list(zip(books, titles, strict=True))
    Contribution.objects.bulk_create(
        Contribution(book=book, author=authors[fold(name)], role=role, position=position)
        for book, title in pairs
        for position, (name, role) in enumerate(title.people)
    )
    Isbn.objects.bulk_create(Isbn(book=book, value=title.isbn) for book, title in pairs if title.isbn)
    genres = _named(Genre, (name for title in titles for name in title.genres))
    Book.genres.through.objects.bulk_create(
        Book.genres.through(book=book, genre=genres[fold(name)]) for book, title in pairs for name in title.genres
    )
    subjects = _named(Subject, (name for title in titles for name in title.subjects))
    Book.subjects.through.objects.bulk_create(
        Book.subjects.through(book=book, subject=subjects[fold(name)])
        for book, title in pairs
        for name in title.subjects
    )
    return books


def _named(model: type[Thing], names: Iterable[str]) -> dict[str, Thing]:
    """The things of these names by folded name, made where missing."""
    wanted = {fold(name): name for name in names if name}
    found = {thing.folded_name: thing for thing in model._default_manager.filter(folded_name__in=wanted)}
    missing = [model(name=name, folded_name=folded) for folded, name in wanted.items() if folded not in found]
    return found | {thing.folded_name: thing for thing in model._default_manager.bulk_create(missing)}


def _copies(
    dice: random.Random,
    house: House,
    titles: Sequence[Title],
    books: Sequence[Book],
    arrivals: Sequence[date],
    today: date,
) -> list[Copy]:
    copies: list[Copy] = []
    for title, book, arrived_on in zip(titles, books, arrivals, strict=True):
        weights = WEIGHTS_OF_CHILDRENS_BOOKS if CHILDRENS in title.genres else WEIGHTS_OF_OTHER_BOOKS
        branches = ["main", *dice.choices(list(weights), list(weights.values()), k=dice.randint(1, 4))]
        price = Decimal(dice.randrange(180, 1500, 10))
        for number, code in enumerate(branches):
            serial = len(copies) + 1
            copies.append(
                Copy(
                    book=book,
                    inventory_number=f"{serial:06d}",
                    barcode=barcode(serial),
                    branch=house.branches[code],
                    item_type=house.item_types[title.item_type],
                    shelf_mark=book.call_number,
                    is_reference_only=number == 0 and "справочник" in title.genres,
                    price=price,
                    acquired_on=arrived_on,
                )
            )
    old = [copy for copy in copies if copy.acquired_on and (today - copy.acquired_on).days > DAYS]
    for status, count in OUT_OF_USE:
        for copy in dice.sample(old, count):
            copy.status = status
    return copies


def barcode(serial: int) -> str:
    """The barcode of a copy: an EAN-13 of the range 28, which no book and no reader's card has."""
    digits = f"28{serial:010d}"
    return digits + str(ean.calc_check_digit(digits))


# --- Readers and loans ---------------------------------------------------------------------------------------------


def _register(
    dice: random.Random, house: House, users: Mapping[Role, User], now: datetime
) -> list[tuple[Reader, Person]]:
    today = now.date()
    readers = []
    for number, person in enumerate(sources.people(), start=1):
        registered_on = today - timedelta(days=dice.randint(DAYS + 10, 3 * DAYS))
        expires_on = (
            today - timedelta(days=20) if person.story == "expired" else today + timedelta(days=dice.randint(40, DAYS))
        )
        user = users[Role.READER] if person.story == "sign_in" else None
        reader = register_reader(
            full_name=person.name,
            user=user,
            email=user.email if user else _email(person, number),
            phone=f"+7 900 000-00-{number:02}" if person.contact in {"phone", "parent"} else "",
            birth_date=person.born_on(today),
            language=person.language,
            category=house.categories[person.category],
            home_branch=house.branches[person.branch],
            registered_on=registered_on,
            expires_on=expires_on,
            by=users[Role.LIBRARIAN],
            now=datetime.combine(registered_on, time(12), now.tzinfo),
        )
        readers.append((reader, person))
    return readers


def _email(person: Person, number: int) -> str:
    return f"reader{number:02}@library.example" if person.contact in {"email", "parent"} else ""


def _items(dice: random.Random, copies: Sequence[Copy], today: date) -> list[Item]:
    """What could be borrowed all the year, some books much oftener than others."""
    popularity = {book_id: min(dice.paretovariate(1), 12) for book_id in dict.fromkeys(copy.book_id for copy in copies)}
    for_children = set(Book.objects.filter(genres__folded_name=CHILDRENS).values_list("pk", flat=True))
    return [
        Item(
            copy_id=copy.pk,
            book_id=copy.book_id,
            item_type_id=copy.item_type_id,
            branch_id=copy.branch_id,
            is_for_children=copy.book_id in for_children,
            popularity=popularity[copy.book_id],
        )
        for copy in copies
        if copy.status == Copy.Status.AVAILABLE
        and not copy.is_reference_only
        and copy.acquired_on
        and (today - copy.acquired_on).days > DAYS
    ]


def _write_down(
    past: Sequence[PastLoan], copies: Sequence[Copy], readers: Sequence[Reader], librarian: User, now: datetime
) -> None:
    """The loans, the status of the copies that are out, and who did what when."""
    copy_of, reader_of = {copy.pk: copy for copy in copies}, {reader.pk: reader for reader in readers}
    loans = Loan.objects.bulk_create(
        [
            Loan(
                copy=copy_of[one.item.copy_id],
                reader=reader_of[one.borrower.reader_id],
                branch_id=one.item.branch_id,
                checked_out_at=one.checked_out_at,
                checked_out_by=librarian,
                due_at=one.due_at,
                terms=one.terms.as_json(),
                renewals=len(one.renewed_at),
                last_renewed_at=one.renewed_at[-1] if one.renewed_at else None,
                overdue_since=_overdue_since(one, now),
                returned_at=one.returned_at,
                returned_by=librarian if one.returned_at else None,
                return_branch_id=one.item.branch_id if one.returned_at else None,
            )
            for one in past
        ],
        batch_size=1000,
    )
    out = [one.item.copy_id for one in past if not one.returned_at]
    Copy.objects.filter(pk__in=out).update(status=Copy.Status.LOANED)
    deeds = [deed for loan, one in zip(loans, past, strict=True) for deed in _deeds(loan, one, librarian)]
    AuditEntry.objects.bulk_create(sorted(deeds, key=lambda deed: deed.at), batch_size=1000)


def _overdue_since(one: PastLoan, now: datetime) -> datetime | None:
    """When the daily check of the morning after the due day found it; who was due yesterday is found today."""
    checked_at = one.due_at + timedelta(hours=3)
    return checked_at if checked_at < (one.returned_at or now) else None


def _deeds(loan: Loan, one: PastLoan, librarian: User) -> list[AuditEntry]:
    deeds = [("circulation.check_out", one.checked_out_at)]
    deeds += [("circulation.renew", renewed_at) for renewed_at in one.renewed_at]
    deeds += [("circulation.return", one.returned_at)] if one.returned_at else []
    return [
        AuditEntry(
            at=at,
            actor=librarian,
            action=action,
            subject_type=loan._meta.label_lower,
            subject_id=loan.pk,
            subject_name=str(loan)[:300],
        )
        for action, at in deeds
    ]


def _block(readers: Sequence[tuple[Reader, Person]], librarian: User, language: str, now: datetime) -> None:
    """The stories of those who may not borrow."""
    today = now.date()
    for reader, person in readers:
        if person.story == "card_lost":
            report_card_lost(reader_id=reader.pk, by=librarian, now=now)
        elif person.story in BLOCKS:
            kind, days, reason = BLOCKS[person.story]
            block(
                reader_id=reader.pk,
                kind=kind,
                reason=reason[language],
                starts_on=today - timedelta(days=10),
                ends_on=today + timedelta(days=days) if days else None,
                by=librarian,
                now=now - timedelta(days=10),
            )


def _charge(
    readers: Sequence[tuple[Reader, Person]],
    house: House,
    users: Mapping[Role, User],
    language: str,
    now: datetime,
) -> None:
    """What some of those with a story owe and paid."""
    ReaderCategory.objects.filter(pk=house.categories["adult"].pk, max_balance=None).update(max_balance=DEBT_TOLERATED)
    by_story = {person.story: reader for reader, person in readers}
    branch, librarian = house.branches["main"], users[Role.LIBRARIAN]
    for story, kind, amount, days, reason in CHARGES:
        cashdesk.actions.charge(
            reader_id=by_story[story].pk,
            kind=kind,
            amount=Decimal(amount),
            reason=reason[language],
            branch_id=branch.pk,
            by=librarian,
            now=now - timedelta(days=days, hours=-12),
        )
    for story, amount, days, method in PAYMENTS:
        cashdesk.actions.pay(
            reader_id=by_story[story].pk,
            amount=Decimal(amount),
            method=method,
            branch_id=branch.pk,
            by=librarian,
            now=now - timedelta(days=days, hours=-12),
        )
    story, why = WAIVED
    charge = by_story[story].entries.get()
    cashdesk.actions.waive(
        charge_uid=charge.uid, reason=why[language], by=users[Role.ADMIN], now=now - timedelta(days=2, hours=-12)
    )
