"""Reports about what the library has."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from catalog.models import Copy
from reports import queries_copies as queries
from reports.registry import COLLECTION, Chart, Column, Kind, Report, Shape

AGES = {
    1: _("this year and last"),
    2: _("2 to 5 years"),
    3: _("6 to 10 years"),
    4: _("11 to 20 years"),
    5: _("21 to 50 years"),
    6: _("older than 50 years"),
}


def _status(code: Any) -> str:
    return str(Copy.Status(code).label)


def _age(number: Any) -> str:
    return str(AGES[number])


TITLES = Column(key="titles", title=_("Titles"), kind=Kind.NUMBER)
COPIES = Column(key="copies", title=_("Copies"), kind=Kind.NUMBER, has_total=True)
SHARE = Column(key="share", title=_("Share"), kind=Kind.PERCENT, digits=1)
VALUE = Column(key="value", title=_("Price of the copies"), kind=Kind.MONEY, has_total=True)

REPORTS = (
    Report(
        key="copies-by-status",
        title=_("Copies by status"),
        purpose=_("What is on the shelf, on loan, lost, damaged or withdrawn."),
        group=COLLECTION,
        filters=("branch", "item_type"),
        columns=(Column(key="status", title=_("Status"), words=_status), COPIES, SHARE, VALUE),
        query=queries.by_status,
        sort="-copies",
        identity="status",
        chart=Chart(shape=Shape.BARS, label="status", values=("copies",)),
    ),
    Report(
        key="collection-value",
        title=_("Stock and its value"),
        purpose=_("Titles and copies that the library has, by branch and type, and what they cost."),
        group=COLLECTION,
        filters=("branch", "item_type"),
        columns=(
            Column(key="branch", title=_("Branch")),
            Column(key="item_type", title=_("Item type")),
            TITLES,
            COPIES,
            Column(key="priced", title=_("With a price"), kind=Kind.NUMBER, has_total=True),
            VALUE,
            Column(key="mean_price", title=_("Mean price"), kind=Kind.MONEY),
        ),
        query=queries.by_value,
        sort="-copies",
        identity="id",
    ),
    Report(
        key="collection-age",
        title=_("Stock by age"),
        purpose=_("How long ago the books that the library has were published."),
        group=COLLECTION,
        filters=("branch", "item_type"),
        columns=(
            Column(key="age", title=_("Published"), words=_age, empty=_("year not known")),
            TITLES,
            COPIES,
            SHARE,
            VALUE,
        ),
        query=queries.by_age,
        sort="age",
        identity="age",
        chart=Chart(shape=Shape.BARS, label="age", values=("copies",)),
    ),
)
