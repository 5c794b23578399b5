"""What the tally of a made-up year foretells beside what the library, its reports and the mail server say."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Q, Sum, TextField
from django.db.models.functions import Cast, Substr

from accounts.models import Reader
from cashdesk.models import CHARGES, Entry, Kind
from circulation.models import Loan
from demo.played import RealDesk, address, reservations_by_state
from demo.tally import Tally
from demo.year import Year
from notifications.models import Letter, Notice
from policies.models import ReaderCategory
from reports import figures
from reports.models import Visits
from reports.registry import Asked


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what of what, by the tally and as found."""

    subject: str
    what: str
    expected: int | Decimal
    found: int | Decimal

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.expected == self.found


def compare(year: Year, tally: Tally, mails: Counter[str]) -> list[Line]:
    """Every figure of the tally with its match; `mails` are those that arrived, by address."""
    desk = year.desk
    assert isinstance(desk, RealDesk)
    number_of = {branch.pk: number for number, branch in desk.branches.items()}
    lines: list[Line] = []
    compared: Iterable[tuple[str, Mapping[Any, Any], Mapping[Any, Any]]] = (
        ("notices", tally.notices, _by_stage(Notice)),
        ("letters", tally.letters, _by_stage(Letter, status=Letter.Status.SENT)),
        ("mails", {"arrived": tally.mails.total()}, {"arrived": mails.total()}),
        ("mails", {"readers with other mails": 0}, {"readers with other mails": _astray(tally, mails)}),
        ("reservations", tally.reservations, reservations_by_state()),
        ("visits", tally.visits, _visits(number_of)),
        ("charges", tally.charges, _money(Q(kind__in=CHARGES), "kind")),
        ("payments", tally.payments, _money(Q(kind=Kind.PAYMENT), "method")),
        ("loans", {"open": tally.open_loans, "lost": tally.lost}, _states()),
        *_reported(year, tally, number_of),
    )
    for subject, expected, found in compared:
        lines += _lines(subject, expected, found)
    return lines


def _lines(subject: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> Iterator[Line]:
    for key in sorted({*expected, *found}, key=str):
        what = " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        line = Line(subject, what, expected.get(key, 0), found.get(key, 0))
        if line.expected or line.found or subject == "mails":
            yield line


def _reported(
    year: Year, tally: Tally, number_of: Mapping[int, int]
) -> Iterator[tuple[str, Mapping[Any, Any], Mapping[Any, Any]]]:
    """The figures of the reports: by day, branch and category, as they are kept and as they are counted anew."""
    last = year.start + timedelta(days=year.days - 1)
    category_of = dict(ReaderCategory.objects.values_list("pk", "code"))
    asked = Asked(now=datetime.now(UTC), since=year.start - timedelta(days=60), until=last)
    sums: dict[str, Counter[tuple[Any, ...]]] = {
        name: Counter() for name in ("loans", "renewals", "returns", "readings")
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT day, branch_id, category_id, loans, renewals, returns, readings FROM {figures.DAYS} AS days",  # noqa: S608 - no piece of it comes from outside
            asked.parameters(),
        )
        rows = cursor.fetchall()
    for day, branch_id, category_id, loans, renewals, returns, readings in rows:
        month, number = f"{day:%Y-%m}", number_of[branch_id]
        if loans:
            sums["loans"][month, number, category_of[category_id]] += loans
        sums["renewals"][month, number] += renewals
        sums["returns"][month, number] += returns
        sums["readings"][month, number] += readings
    for name, found in sums.items():
        yield f"report: {name}", getattr(tally, name), found
    registered = Reader.objects.filter(registered_on__gte=year.start).annotate(
        month=Substr(Cast("registered_on", TextField()), 1, 7)
    )
    rows = registered.values_list("month", "home_branch").annotate(count=Count("pk")).order_by()
    yield "report: readers", tally.readers, {(month, number_of[branch]): count for month, branch, count in rows}


def _by_stage(model: type[Notice] | type[Letter], **narrowed: Any) -> dict[tuple[str, int], int]:
    rows = model._default_manager.filter(**narrowed).order_by().values_list("event", "stage")
    return {(event, stage): count for event, stage, count in rows.annotate(count=Count("pk"))}


def _astray(tally: Tally, mails: Counter[str]) -> int:
    expected = Counter({address(number): count for number, count in tally.mails.items()})
    return sum(expected[one] != mails[one] for one in {*expected, *mails})


def _visits(number_of: Mapping[int, int]) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for day, branch_id, visits in Visits.objects.values_list("day", "branch", "visits"):
        found[f"{day:%Y-%m}", number_of[branch_id]] += visits
    return found


def _money(which: Q, by: str) -> dict[tuple[str, str], Decimal]:
    """Noon in both zones of the made-up library lies in the month of Greenwich."""
    rows = Entry.objects.filter(which).annotate(month=Substr(Cast("at", TextField()), 1, 7)).order_by()
    return {(month, kind): total for month, kind, total in rows.values_list("month", by).annotate(total=Sum("amount"))}


def _states() -> dict[str, int]:
    return Loan.objects.open().aggregate(open=Count("pk"), lost=Count("pk", filter=Q(lost_at__isnull=False)))
