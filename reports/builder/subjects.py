"""What a report can be built of: subjects, each with its columns as pieces of SQL. Nothing from a request gets in here.

A column names the tables that it needs, and only those are joined.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cashdesk.models import CHARGES, Method
from cashdesk.models import Kind as EntryKind
from catalog.models import Copy, MaterialType
from circulation.models import AgeGroup
from policies.models import Branch, ItemType, ReaderCategory
from reports.ages import age_group
from reports.registry import VIEW_MONEY, VIEW_READERS, Kind

Choices = Callable[[], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One column that may be chosen: how it is called, and the expression that gives it."""

    key: str
    title: Promise
    sql: str
    kind: Kind = Kind.TEXT
    joins: tuple[str, ...] = ()
    """Keys of the subject's joins, in any order."""
    choices: Choices | None = None
    """The values that it can have and their names; its filter is a list."""
    is_personal: bool = False
    has_filter: bool = True
    is_summable: bool = False
    """Can be added up and averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the rows of a built report are."""

    key: str
    title: Promise
    purpose: Promise
    table: str
    """After FROM, with its alias."""
    where: str
    identity: str
    joins: Mapping[str, tuple[str, tuple[str, ...]]]
    """Key to the JOIN and the keys of those that it needs itself; in an order in which they can stand."""
    parts: tuple[Part, ...]
    period: str
    """Key of the day that the first filter is on: an index finds it."""
    instant: str = ""
    """The timestamp behind `period`, where it is one: bounded besides, for the index."""
    at_first: tuple[str, ...]
    """Columns chosen at first."""
    needs: tuple[str, ...] = ()

    def may_be_used_by(self, user: Any) -> bool:
        """Whether `user` may build reports of it."""
        return bool(user.has_perms(self.needs))

    def parts_for(self, user: Any) -> list[Part]:
        """The columns that `user` may choose."""
        may_see_readers = user.has_perm(VIEW_READERS)
        return [part for part in self.parts if may_see_readers or not part.is_personal]


def _branches() -> list[tuple[str, str]]:
    return list(Branch.objects.values_list("code", "name"))


def _categories() -> list[tuple[str, str]]:
    return list(ReaderCategory.objects.values_list("code", "name"))


def _item_types() -> list[tuple[str, str]]:
    return list(ItemType.objects.values_list("code", "name"))


def _of(choices: Any) -> Choices:
    return lambda: [(str(value), str(name)) for value, name in choices]


_AUTHOR = """(SELECT author.name FROM catalog_contribution part JOIN catalog_author author ON author.id = part.author_id
    WHERE part.book_id = book.id AND part.role = 'author' ORDER BY part.position, part.id LIMIT 1)"""
_AGE = "extract(year FROM age(CURRENT_DATE, reader.birth_date))::int"
_WEEKDAYS = (
    ("1", _("Monday")),
    ("2", _("Tuesday")),
    ("3", _("Wednesday")),
    ("4", _("Thursday")),
    ("5", _("Friday")),
    ("6", _("Saturday")),
    ("7", _("Sunday")),
)
_BOOK_JOINS: dict[str, tuple[str, tuple[str, ...]]] = {
    "copy": ("JOIN catalog_copy copy ON copy.id = loan.copy_id", ()),
    "book": ("JOIN catalog_book book ON book.id = copy.book_id", ("copy",)),
    "item_type": ("JOIN policies_itemtype item_type ON item_type.id = copy.item_type_id", ("copy",)),
}


def _book_parts(copy: tuple[str, ...]) -> tuple[Part, ...]:
    """What a copy is, for the subjects that have one."""
    book = (*copy, "book")
    return (
        Part(key="title", title=_("Book title"), sql="book.title", joins=book),
        Part(key="author", title=_("Author of the book"), sql=_AUTHOR, joins=book, has_filter=False),
        Part(key="inventory_number", title=_("Inventory number"), sql="copy.inventory_number", joins=copy),
        Part(key="shelf_mark", title=_("Shelf mark"), sql="copy.shelf_mark", joins=copy),
        Part(
            key="item_type", title=_("Item type"), sql="item_type.code", joins=(*copy, "item_type"), choices=_item_types
        ),
        Part(
            key="material", title=_("Material"), sql="book.material_type", joins=book, choices=_of(MaterialType.choices)
        ),
        Part(key="language", title=_("Language"), sql="book.language", joins=book),
        Part(key="year", title=_("Year of publication"), sql="book.year", kind=Kind.NUMBER, joins=book),
        Part(key="price", title=_("Price"), sql="copy.price", kind=Kind.MONEY, joins=copy, is_summable=True),
    )


def _reader_parts(reader: tuple[str, ...]) -> tuple[Part, ...]:
    """Who a reader is."""
    return (
        Part(key="reader", title=_("Reader"), sql="reader.full_name", joins=reader, is_personal=True),
        Part(key="card_number", title=_("Card number"), sql="reader.card_number", joins=reader, is_personal=True),
        Part(key="phone", title=_("Phone"), sql="reader.phone", joins=reader, is_personal=True, has_filter=False),
        Part(key="email", title=_("E-mail"), sql="reader.email", joins=reader, is_personal=True, has_filter=False),
    )


_LENT = "loan.checked_out_at AT TIME ZONE branch.time_zone"
_LOAN_AGE = age_group(loan="loan", reader="reader", lent_on=f"({_LENT})::date")
LOANS = Subject(
    key="loans",
    title=_("Loans"),
    purpose=_("What was lent, when, to whom; undone loans are left out."),
    table="circulation_loan loan JOIN policies_branch branch ON branch.id = loan.branch_id",
    where="loan.undone_at IS NULL",
    identity="loan.id",
    joins={
        **_BOOK_JOINS,
        "reader": ("LEFT JOIN accounts_reader reader ON reader.id = loan.reader_id", ()),
        "category": (
            "LEFT JOIN policies_readercategory category"
            " ON category.id = coalesce(loan.reader_category_id, reader.category_id)",
            ("reader",),
        ),
    },
    period="lent_on",
    instant="loan.checked_out_at",
    at_first=("lent_on", "title", "branch"),
    parts=(
        Part(key="lent_on", title=_("Lent"), sql=f"({_LENT})::date", kind=Kind.DAY),
        Part(
            key="month", title=_("Month"), sql=f"date_trunc('month', {_LENT})::date", kind=Kind.MONTH, has_filter=False
        ),
        Part(
            key="weekday",
            title=_("Weekday"),
            sql=f"extract(isodow FROM {_LENT})::int::text",
            choices=_of(_WEEKDAYS),
        ),
        Part(key="hour", title=_("Hour of the day"), sql=f"extract(hour FROM {_LENT})::int", kind=Kind.NUMBER),
        Part(key="branch", title=_("Branch"), sql="branch.code", choices=_branches),
        Part(key="category", title=_("Reader category"), sql="category.code", joins=("category",), choices=_categories),
        Part(key="age_group", title=_("Age group"), sql=_LOAN_AGE, joins=("reader",), choices=_of(AgeGroup.choices)),
        *_book_parts(("copy",)),
        Part(
            key="due_on",
            title=_("Due"),
            sql="(loan.due_at AT TIME ZONE branch.time_zone)::date",
            kind=Kind.DAY,
        ),
        Part(
            key="returned_on",
            title=_("Returned"),
            sql="(loan.returned_at AT TIME ZONE branch.time_zone)::date",
            kind=Kind.DAY,
        ),
        Part(
            key="state",
            title=_("State"),
            sql="CASE WHEN loan.returned_at IS NOT NULL THEN 'over'"
            " WHEN loan.lost_at IS NOT NULL THEN 'lost' ELSE 'open' END",
            choices=_of((("open", _("in the reader's hands")), ("lost", _("lost")), ("over", _("returned")))),
        ),
        Part(key="renewals", title=_("Renewals"), sql="loan.renewals", kind=Kind.NUMBER, is_summable=True),
        Part(
            key="days_out",
            title=_("Days with the reader"),
            sql="extract(day FROM loan.returned_at - loan.checked_out_at)::int",
            kind=Kind.NUMBER,
            is_summable=True,
        ),
        *_reader_parts(("reader",)),
    ),
)

COPIES = Subject(
    key="copies",
    title=_("Copies"),
    purpose=_("The collection: what there is, where, since when and how it stands."),
    table="catalog_copy copy JOIN policies_branch branch ON branch.id = copy.branch_id",
    where="true",
    identity="copy.id",
    joins={
        "book": ("JOIN catalog_book book ON book.id = copy.book_id", ()),
        "item_type": ("JOIN policies_itemtype item_type ON item_type.id = copy.item_type_id", ()),
    },
    period="acquired_on",
    at_first=("inventory_number", "title", "branch", "status"),
    parts=(
        Part(key="branch", title=_("Branch"), sql="branch.code", choices=_branches),
        Part(key="status", title=_("Status"), sql="copy.status", choices=_of(Copy.Status.choices)),
        *_book_parts(()),
        Part(key="acquired_on", title=_("Acquired"), sql="copy.acquired_on", kind=Kind.DAY),
        Part(
            key="acquired_year",
            title=_("Year of acquisition"),
            sql="extract(year FROM copy.acquired_on)::int",
            kind=Kind.NUMBER,
        ),
        Part(
            key="last_lent_on",
            title=_("Last lent"),
            sql="(SELECT (max(loan.checked_out_at) AT TIME ZONE branch.time_zone)::date FROM circulation_loan loan"
            " WHERE loan.copy_id = copy.id AND loan.undone_at IS NULL)",
            kind=Kind.DAY,
            has_filter=False,
        ),
    ),
)

READERS = Subject(
    key="readers",
    title=_("Readers"),
    purpose=_("Who has a card; without those who were merged or erased."),
    table="accounts_reader reader JOIN policies_branch branch ON branch.id = reader.home_branch_id",
    where="reader.merged_into_id IS NULL AND reader.erased_at IS NULL",
    identity="reader.id",
    joins={"category": ("JOIN policies_readercategory category ON category.id = reader.category_id", ())},
    period="registered_on",
    at_first=("registered_on", "reader", "category", "branch"),
    parts=(
        Part(key="registered_on", title=_("Registered"), sql="reader.registered_on", kind=Kind.DAY),
        Part(
            key="month",
            title=_("Month of registration"),
            sql="date_trunc('month', reader.registered_on)::date",
            kind=Kind.MONTH,
            has_filter=False,
        ),
        Part(key="expires_on", title=_("Card valid until"), sql="reader.expires_on", kind=Kind.DAY),
        Part(key="category", title=_("Reader category"), sql="category.code", joins=("category",), choices=_categories),
        Part(key="branch", title=_("Home branch"), sql="branch.code", choices=_branches),
        Part(key="age", title=_("Age"), sql=_AGE, kind=Kind.NUMBER, is_summable=True),
        Part(
            key="has_email",
            title=_("Has an e-mail address"),
            sql="CASE WHEN reader.email <> '' THEN 'yes' ELSE 'no' END",
            choices=_of((("yes", _("yes")), ("no", _("no")))),
        ),
        Part(
            key="language",
            title=_("Language"),
            sql="reader.language",
            choices=_of((("ru", "Русский"), ("en", "English"))),
        ),
        *_reader_parts(()),
    ),
)

_CHARGES = ", ".join(f"'{kind}'" for kind in CHARGES)
_AT = "entry.at AT TIME ZONE branch.time_zone"
CHARGES_AND_PAYMENTS = Subject(
    key="charges",
    title=_("Charges and payments"),
    purpose=_("The ledger, line by line; what was reversed is in it together with its reversal."),
    table="cashdesk_entry entry JOIN policies_branch branch ON branch.id = entry.branch_id",
    where="true",
    identity="entry.id",
    joins={
        "reader": ("JOIN accounts_reader reader ON reader.id = entry.reader_id", ()),
        "category": ("JOIN policies_readercategory category ON category.id = reader.category_id", ("reader",)),
        "copy": ("LEFT JOIN catalog_copy copy ON copy.id = entry.copy_id", ()),
        "book": ("LEFT JOIN catalog_book book ON book.id = copy.book_id", ("copy",)),
    },
    period="day",
    instant="entry.at",
    at_first=("day", "kind", "amount", "branch"),
    needs=VIEW_MONEY,
    parts=(
        Part(key="day", title=_("Day"), sql=f"({_AT})::date", kind=Kind.DAY),
        Part(key="month", title=_("Month"), sql=f"date_trunc('month', {_AT})::date", kind=Kind.MONTH, has_filter=False),
        Part(key="kind", title=_("Kind"), sql="entry.kind", choices=_of(EntryKind.choices)),
        Part(
            key="side",
            title=_("Charge or not"),
            sql=f"CASE WHEN entry.kind IN ({_CHARGES}) THEN 'charge' ELSE 'other' END",
            choices=_of((("charge", _("charge")), ("other", _("payment, waiver, reversal")))),
        ),
        Part(key="amount", title=_("Amount"), sql="entry.amount", kind=Kind.MONEY, is_summable=True),
        Part(key="method", title=_("Method"), sql="entry.method", choices=_of(Method.choices)),
        Part(key="branch", title=_("Branch"), sql="branch.code", choices=_branches),
        Part(key="category", title=_("Reader category"), sql="category.code", joins=("category",), choices=_categories),
        Part(key="overdue_days", title=_("Days late"), sql="entry.overdue_days", kind=Kind.NUMBER, is_summable=True),
        Part(key="title", title=_("Book title"), sql="book.title", joins=("book",)),
        *_reader_parts(("reader",)),
    ),
)

SUBJECTS: dict[str, Subject] = {one.key: one for one in (LOANS, COPIES, READERS, CHARGES_AND_PAYMENTS)}


def subjects_for(user: Any) -> list[Subject]:
    """What `user` may build reports of."""
    return [subject for subject in SUBJECTS.values() if subject.may_be_used_by(user)]
