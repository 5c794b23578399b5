"""Reports about the library as it is now."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports import queries_now
from reports.registry import NOW, Column, Kind, Report

STANDINGS = {
    "in_time": _("in time"),
    "overdue": _("overdue"),
    "claimed": _("claimed returned"),
    "lost": _("lost"),
}


def _standing(code: Any) -> str:
    return str(STANDINGS[code])


NUMBER = Column(key="inventory_number", title=_("Inventory number"))
TITLE = Column(key="title", title=pgettext_lazy("column", "Title"), link=("book", "book"))
AUTHOR = Column(key="author", title=pgettext_lazy("column", "Author"))
READER = Column(key="reader", title=_("Reader"), link=("desk_reader", "reader_uid"), is_personal=True)
CARD = Column(key="card_number", title=_("Card number"), is_personal=True)
PHONE = Column(key="phone", title=_("Phone"), is_personal=True)
EMAIL = Column(key="email", title=_("E-mail"), is_personal=True)
CATEGORY = Column(key="category", title=_("Reader category"))
BRANCH = Column(key="branch", title=_("Branch"))
LENT = Column(key="lent_at", title=_("Lent"), kind=Kind.MOMENT, by="lent")
DUE = Column(key="due_at", title=_("Due"), kind=Kind.DAY, by="due")
DAYS_LATE = Column(key="days_late", title=_("Days late"), kind=Kind.NUMBER, by="-due")
STANDING = Column(key="standing", title=_("State"), words=_standing)

REPORTS = (
    Report(
        key="on-loan",
        title=_("On loan now"),
        purpose=_("Every copy in readers' hands, with its reader and due date."),
        group=NOW,
        filters=("branch", "category", "item_type"),
        columns=(NUMBER, TITLE, AUTHOR, READER, CARD, CATEGORY, BRANCH, LENT, DUE, STANDING),
        query=queries_now.on_loan,
        sort="due_at",
        identity="id",
    ),
    Report(
        key="overdue",
        title=_("Overdue"),
        purpose=_("Whom to call or write to: what should be back, for how long, and how to reach the reader."),
        group=NOW,
        filters=("days", "branch", "category", "item_type"),
        columns=(DAYS_LATE, TITLE, NUMBER, READER, CARD, PHONE, EMAIL, CATEGORY, BRANCH, DUE, STANDING),
        query=queries_now.overdue,
        sort="-days_late",
        identity="id",
    ),
    Report(
        key="overdue-by-branch",
        title=_("Overdue by branch and category"),
        purpose=_("How much is late, for how long, and what it is worth."),
        group=NOW,
        filters=("branch", "category", "item_type"),
        columns=(
            BRANCH,
            CATEGORY,
            Column(key="loans", title=_("Loans"), kind=Kind.NUMBER, has_total=True),
            Column(key="readers", title=_("Readers"), kind=Kind.NUMBER),
            Column(key="week", title=_("up to 7 days"), kind=Kind.NUMBER, has_total=True),
            Column(key="month", title=_("8 to 30 days"), kind=Kind.NUMBER, has_total=True),
            Column(key="quarter", title=_("31 to 90 days"), kind=Kind.NUMBER, has_total=True),
            Column(key="longer", title=_("longer"), kind=Kind.NUMBER, has_total=True),
            Column(key="value", title=_("Price of the copies"), kind=Kind.MONEY, has_total=True),
        ),
        query=queries_now.overdue_by_branch,
        sort="-loans",
        identity="both",
    ),
)
