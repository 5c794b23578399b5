"""Reports about reservations."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from reports import queries_reservations as queries
from reports.registry import RESERVATIONS, Chart, Column, Kind, Report, Shape

REPORTS = (
    Report(
        key="reservations-ratio",
        title=_("Waited for: buy more"),
        purpose=_("Books that readers wait for, how many copies there are for them, and how many to buy."),
        group=RESERVATIONS,
        filters=("per_copy", "branch"),
        columns=(
            Column(key="title", title=pgettext_lazy("column", "Title"), link=("book", "book")),
            Column(key="author", title=pgettext_lazy("column", "Author")),
            Column(key="waiting", title=_("Waiting"), kind=Kind.NUMBER, has_total=True),
            Column(key="copies", title=_("Copies"), kind=Kind.NUMBER),
            Column(key="on_order", title=_("On order"), kind=Kind.NUMBER),
            Column(key="ratio", title=_("Waiting for a copy"), kind=Kind.NUMBER, digits=1, empty=_("no copy")),
            Column(key="longest", title=_("Longest wait, days"), kind=Kind.NUMBER),
            Column(key="to_buy", title=_("To buy"), kind=Kind.NUMBER, has_total=True),
            Column(key="price", title=_("Price"), kind=Kind.MONEY),
        ),
        query=queries.ratio,
        sort="-to_buy",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="title", values=("waiting",), most=15),
    ),
    Report(
        key="waiting-times",
        title=_("Waiting times"),
        purpose=_("Days from a reservation to its copy on the hold shelf, of those that became ready in the period."),
        group=RESERVATIONS,
        filters=("period", "branch", "category"),
        columns=(
            Column(key="branch", title=_("Branch of pick-up")),
            Column(key="ready", title=_("Became ready"), kind=Kind.NUMBER, has_total=True),
            Column(key="collected", title=_("Collected"), kind=Kind.NUMBER, has_total=True),
            Column(key="expired", title=_("Not collected"), kind=Kind.NUMBER, has_total=True),
            Column(key="median", title=_("Half waited up to, days"), kind=Kind.NUMBER, digits=1),
            Column(key="most", title=_("Nine of ten waited up to, days"), kind=Kind.NUMBER, digits=1),
            Column(key="mean", title=_("Mean, days"), kind=Kind.NUMBER, digits=1),
            Column(key="longest", title=_("Longest, days"), kind=Kind.NUMBER, digits=1),
        ),
        query=queries.waiting_times,
        sort="-ready",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="branch", values=("median",)),
    ),
)
