"""Reports about readers."""

from django.utils.translation import gettext_lazy as _

from reports import queries_readers as queries
from reports.registry import READERS, VIEW_READERS, Chart, Column, Kind, Report, Shape

CATEGORY = Column(key="category", title=_("Reader category"))
COUNT = Column(key="loans", title=_("Loans"), kind=Kind.NUMBER, has_total=True)

REPORTS = (
    Report(
        key="active-readers",
        title=_("Active readers"),
        purpose=_("Who borrows most."),
        group=READERS,
        filters=("period", "branch", "category", "item_type"),
        columns=(
            Column(key="reader", title=_("Reader"), link=("desk_reader", "reader_uid"), is_personal=True),
            Column(key="card_number", title=_("Card number"), is_personal=True),
            CATEGORY,
            Column(key="branch", title=_("Home branch")),
            COUNT,
            Column(key="renewals", title=_("Renewals of these loans"), kind=Kind.NUMBER, has_total=True),
            Column(key="on_loan", title=_("On loan now"), kind=Kind.NUMBER, has_total=True),
            Column(key="last_lent", title=_("Last loan"), kind=Kind.DAY),
        ),
        query=queries.active,
        sort="-loans",
        identity="id",
        needs=(VIEW_READERS,),
    ),
    Report(
        key="new-readers",
        title=_("New readers"),
        purpose=_("Registrations by month, and how many of these readers have borrowed since."),
        group=READERS,
        filters=("period", "branch", "category"),
        columns=(
            Column(key="month", title=_("Month"), kind=Kind.MONTH),
            Column(key="new_readers", title=_("New readers"), kind=Kind.NUMBER, has_total=True),
            Column(key="borrowed", title=_("Have borrowed"), kind=Kind.NUMBER, has_total=True),
        ),
        query=queries.new,
        sort="month",
        identity="month",
        chart=Chart(shape=Shape.COLUMNS, label="month", values=("new_readers", "borrowed")),
    ),
    Report(
        key="retention",
        title=_("Retention of readers"),
        purpose=_("Of those who borrowed on the same days a year before: who borrowed again."),
        group=READERS,
        filters=("period", "branch", "category"),
        columns=(
            CATEGORY,
            Column(key="came", title=_("Borrowed a year before"), kind=Kind.NUMBER, has_total=True),
            Column(key="stayed", title=_("Of them again"), kind=Kind.NUMBER, has_total=True),
            Column(key="retention", title=_("Retention"), kind=Kind.PERCENT, digits=1),
            Column(key="comes", title=_("Borrowed in the period"), kind=Kind.NUMBER, has_total=True),
            Column(key="joined", title=_("Of them registered in it"), kind=Kind.NUMBER, has_total=True),
        ),
        query=queries.retention,
        sort="-came",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="category", values=("retention",)),
    ),
)
