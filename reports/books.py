"""Reports about what is read, and what stands unread."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports import queries_books as queries
from reports.registry import COLLECTION, LOANS, Chart, Column, Kind, Report, Shape

TITLE = Column(key="title", title=pgettext_lazy("column", "Title"), link=("book", "book"))
AUTHOR = Column(key="author", title=pgettext_lazy("column", "Author"))
YEAR = Column(key="year", title=_("Year"))
BRANCH = Column(key="branch", title=_("Branch"))
COUNT = Column(key="loans", title=_("Loans"), kind=Kind.NUMBER, has_total=True)
COPIES = Column(key="copies", title=_("Copies"), kind=Kind.NUMBER)

REPORTS = (
    Report(
        key="popular-books",
        title=_("Popular books"),
        purpose=_("What is read most, with how many copies there are and how many readers wait."),
        group=LOANS,
        filters=("period", "branch", "category", "item_type"),
        columns=(
            TITLE,
            AUTHOR,
            YEAR,
            COUNT,
            Column(key="readers", title=_("Readers"), kind=Kind.NUMBER),
            COPIES,
            Column(key="waiting", title=_("Waiting"), kind=Kind.NUMBER),
        ),
        query=queries.popular,
        sort="-loans",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="title", values=("loans",), most=15),
    ),
    Report(
        key="turnover",
        title=_("Turnover of the stock"),
        purpose=_("How often a copy is lent, and how much of the stock was not lent at all in the period."),
        group=COLLECTION,
        filters=("period", "branch", "item_type"),
        columns=(
            BRANCH,
            Column(key="item_type", title=_("Item type")),
            Column(key="copies", title=_("Copies"), kind=Kind.NUMBER, has_total=True),
            COUNT,
            Column(key="turnover", title=_("Loans of a copy"), kind=Kind.NUMBER, digits=2),
            Column(key="idle", title=_("Copies not lent"), kind=Kind.NUMBER, has_total=True),
            Column(key="idle_share", title=_("Share not lent"), kind=Kind.PERCENT, digits=1),
        ),
        query=queries.turnover,
        sort="-turnover",
        identity="id",
    ),
    Report(
        key="dead-stock",
        title=_("Never lent: candidates for withdrawal"),
        purpose=_(
            "Copies on the shelf that nobody borrowed or read in the library for so many years, along the shelves."
        ),
        group=COLLECTION,
        filters=("years", "branch", "item_type", "language"),
        columns=(
            Column(key="shelf_mark", title=_("Shelf mark")),
            Column(key="inventory_number", title=_("Inventory number")),
            TITLE,
            AUTHOR,
            YEAR,
            BRANCH,
            Column(key="acquired_on", title=_("Acquired"), kind=Kind.DAY),
            Column(key="last_lent", title=_("Last lent"), kind=Kind.DAY, empty=_("never")),
            Column(key="loans", title=_("Loans ever"), kind=Kind.NUMBER),
            Column(key="price", title=_("Price"), kind=Kind.MONEY),
        ),
        query=queries.dead_stock,
        sort="shelf_mark",
        identity="id",
    ),
)
