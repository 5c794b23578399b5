"""Reports about loans over time, and by what they are of."""

from dataclasses import replace
from typing import Any

from django.utils.dates import MONTHS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from catalog.templatetags.catalog import language_label
from circulation.models import AgeGroup
from policies.models import Weekday
from reports import queries_loans as queries
from reports.figures import fresh_at
from reports.registry import LOANS, OVER_TIME, Chart, Column, Kind, Report, Shape


def _weekday(iso: Any) -> str:
    return str(Weekday(iso - 1).label)


def _month_name(number: Any) -> str:
    return capfirst(str(MONTHS[number]))


def _hour(hour: Any) -> str:
    return f"{hour}:00–{hour + 1}:00"


def _age(group: Any) -> str:
    return str(AgeGroup(group).label)


WHEN = ("period", "branch", "category", "item_type")
COUNT = Column(key="loans", title=_("Loans"), kind=Kind.NUMBER, has_total=True)
RENEWALS = Column(key="renewals", title=_("Renewals"), kind=Kind.NUMBER, has_total=True)
RETURNS = Column(key="returns", title=_("Returns"), kind=Kind.NUMBER, has_total=True)
READINGS = Column(key="readings", title=_("Readings in the library"), kind=Kind.NUMBER, has_total=True)
SHARE = Column(key="share", title=_("Share"), kind=Kind.PERCENT, digits=1)
WEEKDAY = Column(key="weekday", title=_("Weekday"), words=_weekday)
OF_LOANS = (COUNT, SHARE, RENEWALS)

REPORTS = (
    Report(
        key="loans-by-month",
        title=_("Loans by month"),
        purpose=_("How busy the library was month by month: loans, returns and readings in the library."),
        group=OVER_TIME,
        filters=WHEN,
        columns=(Column(key="month", title=_("Month"), kind=Kind.MONTH), COUNT, RENEWALS, RETURNS, READINGS),
        query=queries.by_month,
        fresh_at=fresh_at,
        sort="month",
        identity="month",
        chart=Chart(shape=Shape.COLUMNS, label="month", values=("loans",)),
    ),
    Report(
        key="loans-by-day",
        title=_("Loans by day"),
        purpose=_("Every day of the period, also the quiet ones."),
        group=OVER_TIME,
        filters=WHEN,
        defaults={"period": "month"},
        columns=(Column(key="day", title=_("Day"), kind=Kind.DAY), WEEKDAY, COUNT, RENEWALS, RETURNS, READINGS),
        query=queries.by_day,
        fresh_at=fresh_at,
        sort="day",
        identity="day",
        chart=Chart(shape=Shape.COLUMNS, label="day", values=("loans",)),
    ),
    Report(
        key="loans-by-weekday",
        title=_("Loans by weekday"),
        purpose=_("On which days readers come: when to open longer, and when to have more staff at the desk."),
        group=OVER_TIME,
        filters=WHEN,
        columns=(
            WEEKDAY,
            COUNT,
            Column(key="loans_a_day", title=_("Loans on one such day"), kind=Kind.NUMBER, digits=1),
            RETURNS,
            READINGS,
        ),
        query=queries.by_weekday,
        fresh_at=fresh_at,
        sort="weekday",
        identity="weekday",
        chart=Chart(shape=Shape.COLUMNS, label="weekday", values=("loans",)),
    ),
    Report(
        key="loans-by-hour",
        title=_("Loans by hour"),
        purpose=_("At what time of day readers come, by the clock of each branch."),
        group=OVER_TIME,
        filters=WHEN,
        columns=(Column(key="hour", title=_("Time of day"), words=_hour), COUNT, RETURNS, READINGS),
        query=queries.by_hour,
        sort="hour",
        identity="hour",
        chart=Chart(shape=Shape.COLUMNS, label="hour", values=("loans", "returns")),
    ),
    Report(
        key="year-on-year",
        title=_("Year on year"),
        purpose=_("The months of this year beside those of the two years before."),
        group=OVER_TIME,
        filters=("branch", "category", "item_type"),
        columns=(
            Column(key="month", title=_("Month"), words=_month_name),
            Column(key="this_year", title=_("This year"), kind=Kind.NUMBER, has_total=True),
            Column(key="last_year", title=_("Last year"), kind=Kind.NUMBER, has_total=True),
            Column(key="year_before", title=_("The year before that"), kind=Kind.NUMBER, has_total=True),
            Column(key="change", title=_("Change since last year"), kind=Kind.PERCENT, digits=1),
        ),
        query=queries.year_on_year,
        fresh_at=fresh_at,
        sort="month",
        identity="month",
        chart=Chart(shape=Shape.LINES, label="month", values=("this_year", "last_year", "year_before")),
    ),
    Report(
        key="loans-by-branch",
        title=_("Loans by branch"),
        purpose=_("Which branch lends how much."),
        group=LOANS,
        filters=("period", "category", "item_type"),
        columns=(Column(key="branch", title=_("Branch")), *OF_LOANS),
        query=queries.by_branch,
        fresh_at=fresh_at,
        sort="-loans",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="branch", values=("loans",)),
    ),
    Report(
        key="loans-by-category",
        title=_("Loans by reader category"),
        purpose=_("Who borrows: adults, children, students."),
        group=LOANS,
        filters=("period", "branch", "item_type"),
        columns=(Column(key="category", title=_("Reader category"), empty=_("not known")), *OF_LOANS),
        query=queries.by_category,
        fresh_at=fresh_at,
        sort="-loans",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="category", values=("loans",)),
    ),
    Report(
        key="loans-by-age",
        title=_("Loans by age"),
        purpose=_("Who borrows, by the age at check-out."),
        group=LOANS,
        filters=WHEN,
        columns=(Column(key="age_group", title=_("Age"), words=_age, empty=_("not known")), *OF_LOANS),
        query=queries.by_age,
        fresh_at=fresh_at,
        sort="age_group",
        identity="age_group",
        chart=Chart(shape=Shape.BARS, label="age_group", values=("loans",)),
    ),
    Report(
        key="loans-by-genre",
        title=_("Loans by genre"),
        purpose=_("What is read. A book of two genres counts for both."),
        group=LOANS,
        filters=WHEN,
        columns=(
            Column(key="genre", title=_("Genre"), empty=_("no genre")),
            replace(COUNT, has_total=False),
            SHARE,
            Column(key="renewals", title=_("Renewals of these loans"), kind=Kind.NUMBER),
        ),
        query=queries.by_genre,
        sort="-loans",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="genre", values=("loans",)),
    ),
    Report(
        key="loans-by-language",
        title=_("Loans by language"),
        purpose=_("In which languages is read."),
        group=LOANS,
        filters=WHEN,
        columns=(Column(key="language", title=_("Language"), words=language_label, empty=_("not known")), *OF_LOANS),
        query=queries.by_language,
        fresh_at=fresh_at,
        sort="-loans",
        identity="language",
        chart=Chart(shape=Shape.BARS, label="language", values=("loans",)),
    ),
    Report(
        key="loans-by-item-type",
        title=_("Loans by item type"),
        purpose=_("Books, journals, discs, games: what is carried home."),
        group=LOANS,
        filters=("period", "branch", "category"),
        columns=(Column(key="item_type", title=_("Item type")), *OF_LOANS),
        query=queries.by_item_type,
        fresh_at=fresh_at,
        sort="-loans",
        identity="id",
        chart=Chart(shape=Shape.BARS, label="item_type", values=("loans",)),
    ),
)
