"""All of circulation in one run on one durable server: how quick each thing is, and how that changes with the history.

    python -m benchmarks.circulation [--past 10000 1000000] [--rounds 3] [--seconds 3] [--clients 8] [--here]

For each length of the history, which is written by COPY:

- check-out plus return through the action, beside the barest ORM and raw SQL (benchmarks/checkout.py), by one client;
- the same over HTTP with a JWT and an `Idempotency-Key`, two gunicorn workers, by eight clients (api_checkout.py);
- a line of the desk (a scan that lends, answered with the part of the page that changed) and a reader's page of loans:
  how long the server takes to answer, p50 and p95;
- `manage.py check_integrity`;
- how many statements each action sends, BEGIN and COMMIT left out, and what the time of a call of the API goes into.
"""

import argparse
import cProfile
import pstats
import uuid
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from benchmarks.api_checkout import access_token, by_http, web_server
from benchmarks.checkout import SLICE, fill, measure, server
from benchmarks.scratch import scratch_database


def main() -> None:
    """Measure with every length of history asked for, and print a table with a column for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--past", type=int, nargs="+", default=[10_000, 1_000_000], help="past loans in the history")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="length of a round")
    parser.add_argument("--clients", type=int, default=8, help="clients of the API")
    parser.add_argument("--here", action="store_true", help="use the server of DATABASE_URL")
    options = parser.parse_args()
    columns = []
    with server(here=options.here):
        for past in options.past:
            with scratch_database("circulation"):
                columns.append(figures(past, options.rounds, options.seconds, options.clients))
    print(f"| | {' | '.join(f'{past:,} past loans' for past in options.past)} | |")
    print("|---" * (len(columns) + 2) + "|")
    for name in columns[0]:
        values = [column[name] for column in columns]
        change = f"x {values[-1] / values[0]:.2f}" if values[0] else ""
        print(f"| {name} | {' | '.join(f'{value:.4g}' for value in values)} | {change} |")


def figures(past: int, rounds: int, seconds: float, clients: int) -> dict[str, float]:
    """Every figure of one length of history, by what it is."""
    world = fill(past, clients=clients)
    found = measure(world, 1, rounds, seconds)
    action, orm, same, floor = (median(found[name]) for name in ("action", "orm", "same", "floor"))
    told = {
        "check-out + return a second: action": action,
        "barest ORM": orm,
        "action / barest ORM": action / orm,
        "same rows as SQL by pgbench": same,
        "action / same as SQL": action / same,
        "least safe SQL by pgbench": floor,
        "check-out p50, ms": median(found["check_out"]) * 1000,
        "check-out p95, ms": p95(found["check_out"]),
        "return p50, ms": median(found["return"]) * 1000,
        "return p95, ms": p95(found["return"]),
    }
    token = access_token()
    with web_server(2) as port:
        by_http(port, token, clients, 1, keys=True)
        rates = [by_http(port, token, clients, seconds, keys=True) for _round in range(rounds)]
    told[f"API, {clients} clients: calls a second"] = 2 * median(rate[0] for rate in rates)
    told["API call p95, ms"] = p95([taken for rate in rates for times in rate[1:] for taken in times])
    return told | shares_of_a_call(token) | at_the_desk(world) | statements(world)


def p95(times: list[float]) -> float:
    """In milliseconds."""
    return quantiles(times, n=20)[18] * 1000


def shares_of_a_call(token: str) -> dict[str, float]:
    """Where the time of a check-out and a return over the API goes, in this process, by the profiler."""
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    api = Client(headers={"Authorization": f"Bearer {token}"})

    def pair(n: int) -> None:
        for path, body in (("", {"reader": f"R{n}", "copy": f"B{n}"}), ("return/", {"copy": f"B{n}"})):
            key = {"Idempotency-Key": uuid.uuid4().hex}
            answer = api.post(f"/api/v1/loans/{path}", body, content_type="application/json", headers=key)
            assert answer.status_code < 300, answer.content

    pair(0)
    profile = cProfile.Profile()
    profile.runcall(lambda: [pair(n) for n in range(50)])
    found = pstats.Stats(profile)
    shares = {"all": found.total_tt}
    for name, file, function in (
        ("building SQL", "django/db/models/sql/compiler.py", "as_sql"),
        ("waiting for the database", "psycopg/connection.py", "wait"),
    ):
        times = [row[3] for (path, _line, called), row in found.stats.items() if file in path and called == function]
        shares[name] = max(times)
    return {f"share of {name} in a call": shares[name] / shares["all"] for name in shares if name != "all"}


def at_the_desk(world: dict[str, Any]) -> dict[str, float]:
    """How long the server takes for a line of the desk, for a reader's page and for the whole check of integrity."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from accounts.models import Reader, User
    from circulation.models import Loan
    from library.core.integrity import findings
    from policies.models import Branch

    settings.ALLOWED_HOSTS = ["testserver"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # nothing has to be collected
    librarian = User.objects.get()
    readers = list(Reader.objects.filter(pk__gte=world["first_reader"]).order_by("pk")[:100])
    visitor = User.objects.create_user("reader0@example.org", None, full_name="Reader")
    Reader.objects.filter(pk=readers[0].pk).update(user=visitor)
    desk, page = Client(), Client()
    desk.force_login(librarian)
    page.force_login(visitor)
    desk.post(reverse("desk_branch"), {"branch": Branch.objects.get().pk})
    scans = []
    for n, reader in enumerate(readers):
        answer = {}
        form = {"code": f"B{n}", "reader": str(reader.uid)}

        def scan(form: dict[str, str] = form, answer: dict[str, Any] = answer) -> None:
            answer["status"] = desk.post(reverse("desk_scan"), form, headers={"HX-Request": "true"}).status_code

        scans.append(timed(scan))
        assert answer["status"] == 200, answer
    assert Loan.objects.open().count() == len(readers)
    pages = [timed(lambda: page.get(reverse("my_loans"))) for _n in range(100)]
    whole = timed(lambda: findings())
    return {
        "desk line p50, ms": median(scans) * 1000,
        "desk line p95, ms": p95(scans),
        "reader's page p50, ms": median(pages) * 1000,
        "reader's page p95, ms": p95(pages),
        "check_integrity, s": whole,
    }


def timed(deed: Callable[[], Any]) -> float:
    """Seconds that it takes."""
    start = perf_counter()
    deed()
    return perf_counter() - start


def statements(world: dict[str, Any]) -> dict[str, float]:
    """How many statements the usual check-out, renewal and return send."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from accounts.models import User
    from circulation.actions import check_out, renew, return_copy

    copy, reader = world["first_copy"] + SLICE, world["first_reader"] + SLICE
    by, branch = User.objects.order_by("pk")[0], world["branch"]
    loan: dict[str, int] = {}

    def lend() -> None:
        done = check_out(copy_id=copy, reader_id=reader, by=by, branch_id=branch, now=timezone.now())
        loan["pk"] = done.loan.pk

    counts = {}
    for name, deed in (
        ("check-out", lend),
        ("renewal", lambda: renew(loan_id=loan["pk"], by=by, now=timezone.now())),
        ("return", lambda: return_copy(copy_id=copy, by=by, branch_id=branch, now=timezone.now())),
    ):
        with CaptureQueriesContext(connection) as captured:
            deed()
        counts[f"statements of a {name}"] = len(captured) - 2
    return counts


if __name__ == "__main__":
    main()
