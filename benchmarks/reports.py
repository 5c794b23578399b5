"""How long each report takes over ten million loans, on its page with the filters that it opens with.

    python -m benchmarks.ten_million                # once: the library
    python -m benchmarks.reports [--rounds 3] [--only loans-by-month] [--plans]

Counts the figures of days first, where they are not counted, and tells how long that took, and a night's run. Then
every page, as the server makes it in one process: figures, table, chart. The goal is two seconds; `--plans` says which
read the table of loans from end to end.
"""

import argparse
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.million import connect
from benchmarks.ten_million import LAST

GOAL = 2.0
BUILT = {
    "built: loans by month and branch": "loans/?columns=month&columns=branch&figures=count&lent_on_from={year}",
    "built: loans by title": "loans/?columns=title&figures=count&lent_on_from={month}",
    "built: list of loans": "loans/?columns=lent_on&columns=title&columns=reader&lent_on_from={year}&sort=-lent_on",
    "built: copies by status": "copies/?columns=status&columns=branch&figures=count&figures=sum_price",
    "built: readers by category": "readers/?columns=category&columns=branch&figures=count",
    "built: charges by month": "charges/?columns=month&columns=kind&figures=count&figures=sum_amount&day_from={year}",
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="keys of reports that contain this")
    parser.add_argument("--database", default="reports_ten_million")
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    connect(options.database)
    count(options)
    addresses = pages()
    print("| page | s, first | s, median of the others | | rows |\n|---|---|---|---|---|")
    for name, address in addresses.items():
        if not options.only or options.only in name:
            measure(name, address, options)


def count(options: Any) -> None:
    """The nightly job: the first time over everything, then over what changed."""
    from reports.figures import count_days
    from reports.models import DayFigures

    evening = datetime(LAST.year, LAST.month, LAST.day, 20, tzinfo=UTC)
    for name, now in (("all", evening), ("again", evening + timedelta(days=1))):
        start = perf_counter()
        done = count_days(now=now)
        print(
            f"figures, {name}: {perf_counter() - start:.1f} s, {done}, {DayFigures.objects.count():,} rows", flush=True
        )


def pages() -> dict[str, str]:
    """Every page by name."""
    from django.urls import reverse

    from reports.index import REPORTS

    year, month = LAST - timedelta(days=365), LAST - timedelta(days=30)
    found = {key: reverse("report", args=[key]) for key in REPORTS}
    found["form-6nk"] = f"{reverse('form6nk')}?since={LAST.year}-01-01&until={LAST}"
    for name, path in BUILT.items():
        found[name] = reverse("built_reports") + path.format(year=year, month=month)
    return found


def measure(name: str, address: str, options: Any) -> None:
    """A page, some times."""
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    client = Client()
    client.force_login(User.objects.filter(is_superuser=True).first() or superuser())
    times = []
    with CaptureQueriesContext(connection) as queries:
        for _round in range(options.rounds):
            start = perf_counter()
            response = client.get(address)
            times.append(perf_counter() - start)
    context = response.context or {}
    rows = "too slow" if context.get("is_too_slow") else context["totals"].rows if "totals" in context else ""
    rest = median(times[1:] or times)
    mark = "" if rest <= GOAL and not context.get("is_too_slow") else "**over**"
    print(f"| {name} | {times[0]:.2f} | {rest:.2f} | {mark} | {rows} |", flush=True)
    if options.plans:
        with connection.cursor() as cursor:
            for query in {one["sql"] for one in queries if "circulation_loan" in one["sql"]}:
                cursor.execute(f"EXPLAIN {query}")
                plan = "\n".join(line for (line,) in cursor.fetchall())
                if "Seq Scan on circulation_loan" in plan:
                    print(f"reads all loans: {query[:200]}")


def superuser() -> Any:
    """Who may see everything."""
    from accounts.models import Role, User

    return User.objects.create_user("admin@example.org", None, full_name="Admin", role=Role.ADMIN, is_superuser=True)


if __name__ == "__main__":
    main()
