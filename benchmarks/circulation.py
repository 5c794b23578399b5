"""All of circulation in one run on one durable server: how quick each thing is, and how that changes with the history.

    python -m benchmarks.circulation [--past 10000 1000000] [--rounds 3] [--clients 8] [--keep DIR | --here] …

With `--keep` the server's files stay in DIR, and the figures with them: one length of the history may be measured after
the other, and the table has them all; the library of each length is made once and measured in a copy. For each:

- check-out plus return through the action, beside the barest ORM and raw SQL (benchmarks/checkout.py), by one client;
- the same over HTTP with a JWT and an `Idempotency-Key`, two gunicorn workers, by eight clients (api_checkout.py);
- a line of the desk (a scan that lends, answered with the part of the page that changed) and a reader's page of loans:
  how long the server takes to answer, p50 and p95;
- `manage.py check_integrity`;
- the processor time that a check-out, a return, their calls of the API and a line of the desk take, without that of
  PostgreSQL;
- how many statements each of them sends, BEGIN and COMMIT left out, and what the time of a call of the API goes into.
"""

import argparse
import cProfile
import json
import pstats
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

from benchmarks.api_checkout import access_token, by_http, web_server
from benchmarks.checkout import SLICE, fill, filled, measure, server
from benchmarks.scratch import copied_database, scratch_database

TRIES = 60
"""How often each thing is done of which the processor time is measured."""


def main() -> None:
    """Measure with every length of history asked for, and print a table with a column for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--past", type=int, nargs="+", default=[10_000, 1_000_000], help="past loans in the history")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="length of a round")
    parser.add_argument("--clients", type=int, default=8, help="clients of the API")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--here", action="store_true", help="use the server of DATABASE_URL")
    where.add_argument("--keep", type=Path, metavar="DIR", help="keep server, libraries and figures in this directory")
    options = parser.parse_args()
    kept = options.keep / "figures.json" if options.keep else None
    columns = json.loads(kept.read_text()) if kept and kept.exists() else {}
    with server(here=options.here, kept=options.keep):
        for past in options.past:
            start = perf_counter()
            make = partial(fill, past, clients=options.clients)
            with copied_database(f"circulation_{past}", make) if kept else scratch_database("circulation"):
                if not kept:
                    make()
                made = perf_counter()
                columns[str(past)] = figures(options.rounds, options.seconds, options.clients)
            print(f"{past:,} past loans: made in {made - start:.0f} s, measured in {perf_counter() - made:.0f} s")
            if kept:
                kept.write_text(json.dumps(columns, indent=1))
    print_table({past: columns[past] for past in sorted(columns, key=int)})


def print_table(columns: dict[str, dict[str, float]]) -> None:
    """A row for each figure; the last column is what the longest history makes of it, as against the shortest."""
    first, last = next(iter(columns.values())), list(columns.values())[-1]
    print(f"| | {' | '.join(f'{int(past):,} past loans' for past in columns)} | change |")
    print("|---" * (len(columns) + 2) + "|")
    for name in last:
        values = " | ".join(f"{column[name]:.4g}" if name in column else "" for column in columns.values())
        change = f"x {last[name] / first[name]:.2f}" if len(columns) > 1 and first.get(name) else ""
        print(f"| {name} | {values} | {change} |")


def figures(rounds: int, seconds: float, clients: int) -> dict[str, float]:
    """Every figure of one length of history, by what it is."""
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["testserver"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # nothing has to be collected
    here = filled()
    found = measure(here, 1, rounds, seconds)
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
    return told | shares_of_a_call(token) | at_the_desk(here) | costs(here, token)


def p95(times: list[float]) -> float:
    """In milliseconds."""
    return quantiles(times, n=20)[18] * 1000


def shares_of_a_call(token: str) -> dict[str, float]:
    """Where the time of a check-out and a return over the API goes, in this process, by the profiler."""
    from django.test import Client

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


def at_the_desk(here: dict[str, Any]) -> dict[str, float]:
    """How long the server takes for a line of the desk, for a reader's page and for the whole check of integrity."""
    from django.test import Client
    from django.urls import reverse

    from accounts.models import Reader, User
    from circulation.models import Loan
    from library.core.integrity import findings
    from policies.models import Branch

    librarian = User.objects.get()
    readers = list(Reader.objects.filter(pk__gte=here["first_reader"]).order_by("pk")[:100])
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


def costs(here: dict[str, Any], token: str) -> dict[str, float]:
    """The processor time and the statements of the usual check-out, renewal and return, their calls and scans."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse
    from django.utils import timezone

    from accounts.models import Reader, User
    from circulation.actions import check_out, renew, return_copy

    number = SLICE + 1  # beyond those that lie on the desk
    copy, reader = here["first_copy"] + number, here["first_reader"] + number
    by, branch = User.objects.order_by("pk")[0], here["branch"]
    api = Client(headers={"Authorization": f"Bearer {token}"})
    desk = Client()
    desk.force_login(by)
    desk.post(reverse("desk_branch"), {"branch": branch})
    uid = Reader.objects.values_list("uid", flat=True).get(pk=reader)
    lent: dict[str, int] = {}

    def lend() -> None:
        done = check_out(copy_id=copy, reader_id=reader, by=by, branch_id=branch, now=timezone.now())
        lent["pk"] = done.loan.pk

    def call(path: str, **body: str) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        answer = api.post(f"/api/v1/loans/{path}", body, content_type="application/json", headers=key)
        assert answer.status_code < 300, answer.content

    def scan(address: str, **form: str) -> None:
        form |= {"code": f"B{number}", "key": str(uuid.uuid4())}
        answer = desk.post(reverse(address), form, headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.content

    deeds: dict[str, Callable[[], None]] = {
        "check-out": lend,
        "renewal": lambda: renew(loan_id=lent["pk"], by=by, now=timezone.now()) and None,
        "return": lambda: return_copy(copy_id=copy, by=by, branch_id=branch, now=timezone.now()) and None,
        "call to check out": lambda: call("", reader=f"R{number}", copy=f"B{number}"),
        "call to return": lambda: call("return/", copy=f"B{number}"),
        "scan that lends": lambda: scan("desk_scan", reader=str(uid)),
        "scan that takes back": lambda: scan("desk_return"),
    }
    times: dict[str, list[float]] = {name: [] for name in deeds}
    for _n in range(TRIES):
        for name, deed in deeds.items():
            start = process_time()
            deed()
            times[name].append(process_time() - start)
    counts = {}
    for name, deed in deeds.items():
        with CaptureQueriesContext(connection) as captured:
            deed()
        sent = [query["sql"] for query in captured.captured_queries if query["sql"] not in ("BEGIN", "COMMIT")]
        counts[f"statements of a {name}"] = len(sent)
    return {f"processor time of a {name}, ms": median(taken) * 1000 for name, taken in times.items()} | counts


if __name__ == "__main__":
    main()
