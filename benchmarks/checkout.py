"""Check-out plus return: through the action, beside the same transaction as raw SQL by pgbench on the same server.

    python -m benchmarks.checkout [--clients 1 4] [--past 0 1000000] [--rounds 5] [--seconds 3] [--here]

Starts a durable PostgreSQL of its own (fsync on, as in production) in a temporary directory; `--here` uses the server
of DATABASE_URL. Four contenders in turn, several rounds, medians:

- action: `circulation.actions.check_out` and `return_copy`, rules, audit and receipt included;
- orm: the barest transaction by Django's ORM that keeps the two guarantees (one reader a copy, no loan beyond a limit):
  copy and reader locked, loans counted, one insert, one update; and as little for the return;
- same: the same rows locked, read and written, as prepared statements (sql/checkout_same.sql);
- floor: the least that is safe, without rules, audit or receipt (sql/checkout_floor.sql).

`--past` puts so many past loans into the history first: the figures should hardly fall.
"""

import argparse
import json
import multiprocessing
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median, quantiles
from time import monotonic, perf_counter
from typing import Any

from benchmarks.scratch import scratch_database
from library.core.embedded import Postgres, _postgres_binary

SLICE = 500
"""Copies, and readers, that each client has to itself."""
SQL = Path(__file__).parent / "sql"


def main() -> None:
    """Measure every combination asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4], help="clients at once")
    parser.add_argument("--past", type=int, nargs="+", default=[0], help="past loans in the history")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="length of a round")
    parser.add_argument("--here", action="store_true", help="use the server of DATABASE_URL")
    options = parser.parse_args()
    with server(here=options.here):
        for past in options.past:
            with scratch_database("checkout"):
                world = fill(past, clients=max(options.clients))
                for clients in options.clients:
                    report(past, clients, measure(world, clients, options.rounds, options.seconds))


@contextmanager
def server(*, here: bool, kept: Path | None = None) -> Iterator[None]:
    """A durable PostgreSQL for the length of the benchmark, unless there is one to use; its files stay in `kept`."""
    os.environ.setdefault("DJANGO_SECRET_KEY", "for-this-benchmark-only-and-long-enough-for-all")
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:6379/0")
    if here:
        yield
        return
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as home:
        postgres = Postgres(Path(home), durable=True)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
        try:
            yield
        finally:
            postgres.stop()


def measure(world: dict[str, Any], clients: int, rounds: int, seconds: float) -> dict[str, list[Any]]:
    """Pairs of check-out and return per second, by contender; and the times of the action's two halves."""
    found: dict[str, list[Any]] = {"action": [], "orm": [], "same": [], "floor": [], "check_out": [], "return": []}
    for _ in range(rounds):
        pairs, times = by_action(world, clients, seconds)
        found["orm"].append(by_action(world, clients, seconds, lend_and_take_back_barely)[0])
        found["action"].append(pairs)
        found["check_out"] += times[0]
        found["return"] += times[1]
        found["same"].append(by_pgbench(world, "checkout_same.sql", clients, seconds))
        found["floor"].append(by_pgbench(world, "checkout_floor.sql", clients, seconds))
    return found


def report(past: int, clients: int, found: dict[str, list[Any]]) -> None:
    """One row of figures, in words."""
    action, orm, same, floor = (median(found[name]) for name in ("action", "orm", "same", "floor"))
    print(
        f"past loans {past}, clients {clients}: check-out + return per second: action {action:.0f},"
        f" barest ORM {orm:.0f} ({action / orm:.0%}), same as SQL {same:.0f} ({action / same:.0%}),"
        f" floor {floor:.0f} ({action / floor:.0%})"
    )
    for name in ("check_out", "return"):
        times = found[name]
        rate = clients / (sum(times) / len(times))
        print(
            f"  {name}: {rate:.0f} per second, p50 {median(times) * 1000:.2f} ms,"
            f" p95 {quantiles(times, n=20)[18] * 1000:.2f} ms"
        )


def by_action(
    world: dict[str, Any], clients: int, seconds: float, work: Callable[..., Any] | None = None
) -> tuple[float, tuple[list[float], list[float]]]:
    """Pairs per second through the actions, and how long each check-out and each return took, in seconds.

    `work` does something else instead, in the same processes.
    """
    from django.db import connection

    connection.close()
    fork = multiprocessing.get_context("fork")
    with fork.Pool(clients) as pool:
        results = pool.starmap(work or lend_and_take_back, [(world, client, seconds) for client in range(clients)])
    check_outs = [time for times, _ in results for time in times]
    returns = [time for _, times in results for time in times]
    return len(returns) / seconds, (check_outs, returns)


def lend_and_take_back(world: dict[str, Any], client: int, seconds: float) -> tuple[list[float], list[float]]:
    """One client: lend a copy of its own slice to a reader of its own slice, take it back, and so on."""
    from django.utils import timezone

    from accounts.models import User
    from circulation.actions import check_out, return_copy

    librarian = User.objects.get()
    branch = world["branch"]
    times: tuple[list[float], list[float]] = ([], [])
    end = monotonic() + seconds
    number = 0
    while monotonic() < end:
        offset = client * SLICE + number % SLICE
        number += 1
        copy, reader = world["first_copy"] + offset, world["first_reader"] + offset
        start = perf_counter()
        check_out(copy_id=copy, reader_id=reader, by=librarian, branch_id=branch, now=timezone.now())
        lent = perf_counter()
        return_copy(copy_id=copy, by=librarian, branch_id=branch, now=timezone.now())
        times[0].append(lent - start)
        times[1].append(perf_counter() - lent)
    return times


def lend_and_take_back_barely(world: dict[str, Any], client: int, seconds: float) -> tuple[list[float], list[float]]:
    """As `lend_and_take_back`, by the barest ORM."""
    from datetime import timedelta

    from django.db import transaction
    from django.utils import timezone

    from accounts.models import Reader
    from catalog.models import Copy
    from circulation.models import Loan

    times: tuple[list[float], list[float]] = ([], [])
    end = monotonic() + seconds
    number = 0
    while monotonic() < end:
        offset = client * SLICE + number % SLICE
        number += 1
        start, now = perf_counter(), timezone.now()
        with transaction.atomic():
            copy = Copy.objects.select_for_update(no_key=True).get(pk=world["first_copy"] + offset)
            reader = Reader.objects.select_for_update(no_key=True).get(pk=world["first_reader"] + offset)
            assert Loan.objects.filter(reader=reader, returned_at=None).count() < 3
            loan = Loan.objects.create(
                copy=copy,
                reader=reader,
                branch_id=world["branch"],
                checked_out_at=now,
                due_at=now + timedelta(days=14),
                terms=world["terms"],
            )
            Copy.objects.filter(pk=copy.pk).update(status=Copy.Status.LOANED)
        lent, now = perf_counter(), timezone.now()
        with transaction.atomic():
            copy = Copy.objects.select_for_update(no_key=True).get(pk=copy.pk)
            loan = Loan.objects.get(copy=copy, returned_at=None)
            Loan.objects.filter(pk=loan.pk).update(returned_at=now, return_branch_id=world["branch"])
            Copy.objects.filter(pk=copy.pk).update(status=Copy.Status.AVAILABLE)
        times[0].append(lent - start)
        times[1].append(perf_counter() - lent)
    return times


def by_pgbench(world: dict[str, Any], script: str, clients: int, seconds: float) -> float:
    """Runs of the script per second."""
    from django.db import connection

    settings = connection.settings_dict
    variables = {
        "first_copy": world["first_copy"],
        "first_reader": world["first_reader"],
        "slice": SLICE,
        "terms": json.dumps(world["terms"]),
    }
    command = [
        str(_postgres_binary("pgbench")),
        *("--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={clients}"),
        *(f"--time={max(1, round(seconds))}", f"--file={SQL / script}"),
        *(f"--define={name}={value}" for name, value in variables.items()),
        *("-h", settings["HOST"], "-p", str(settings["PORT"] or 5432), "-U", settings["USER"], settings["NAME"]),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+)", output)
    assert found, output
    return float(found.group(1))


def fill(past: int, *, clients: int) -> dict[str, Any]:
    """A new library with a slice of copies and readers for each client, and so many loans of the last years."""
    from datetime import date

    from accounts.models import Reader, User
    from catalog.models import Author, Book, Contribution, Copy
    from policies.models import Branch, ItemType, ReaderCategory
    from policies.setup import set_up

    set_up(language="en")
    User.objects.create_user("librarian@example.org", None, full_name="Librarian")
    branch, item_type, category = Branch.objects.get(), ItemType.objects.first(), ReaderCategory.objects.first()
    author = Author.objects.create(name="Толстой, Лев Николаевич")
    numbers = range(clients * SLICE)
    books = Book.objects.bulk_create(Book(title=f"Книга {n}", sort_title=f"книга {n}") for n in numbers)
    Contribution.objects.bulk_create(Contribution(book=book, author=author) for book in books)
    Copy.objects.bulk_create(
        Copy(book=books[n], inventory_number=f"B{n}", barcode=f"B{n}", branch=branch, item_type=item_type)
        for n in numbers
    )
    Reader.objects.bulk_create(
        Reader(
            card_number=f"R{n}",
            full_name=f"Читатель {n}",
            folded_name=f"читатель {n}",
            email=f"reader{n}@example.org",
            category=category,
            home_branch=branch,
            registered_on=date(2020, 1, 1),
            expires_on=date(2099, 1, 1),
        )
        for n in numbers
    )
    write_history(past)
    return filled()


def filled() -> dict[str, Any]:
    """Where the slices begin in the library that `fill` made, and the terms of a loan."""
    from accounts.models import Reader
    from catalog.models import Copy
    from policies.terms import Terms

    copy = Copy.objects.get(inventory_number="B0")
    reader = Reader.objects.get(card_number="R0")
    return {
        "first_copy": copy.pk,
        "first_reader": reader.pk,
        "branch": copy.branch_id,
        "terms": Terms().as_json(),
    }


def write_history(past: int) -> None:
    """So many loans that are over, of the copies and readers there are, each with the audit of its check-out."""
    from django.db import connection

    here = filled()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_copy")
        values = here | {"past": past, "many": cursor.fetchone()[0], "terms": json.dumps(here["terms"])}
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        (is_superuser,) = cursor.fetchone()
        if is_superuser:  # then references need not be looked up, which takes longer than all the rest
            cursor.execute("SET session_replication_role = replica")
        cursor.execute((SQL / "history.sql").read_text(), values)
        if is_superuser:
            cursor.execute("RESET session_replication_role")
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
