"""The daily check of due dates, the making of letters and their delivery, over many open loans.

    python -m benchmarks.due_dates [--loans 10000 100000 1000000]

A typical day: due days spread from four weeks ago to two weeks ahead, yesterday's check done. The worst day: every
loan falls due at once.
Each row runs in a process of its own, whose peak memory is told; delivery goes to a mail server that takes everything
and does nothing, so what is measured is ours.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.scratch import scratch_database

FIRST = 10_000
"""Loans made by the models; more are a multiple of them."""
ROUND = 1_000_000
"""How far apart the keys of a row and of its repetitions are."""
SECONDS_OF_DELIVERY = 10
"""How long letters are delivered, out of all that wait."""


def main() -> None:
    """Run every case in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, nargs="+", default=[10_000, 100_000], help="numbers of open loans")
    parser.add_argument("--case", nargs=2, metavar=("LOANS", "DAY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(int(options.case[0]), options.case[1])))
        return
    print(
        "  loans  day      reminders   check s  again s   loans/s  queries per 1000   letters   made s  sent/s  peak MB"
    )
    for loans in options.loans:
        for day in ("typical", "worst"):
            command = [sys.executable, "-m", "benchmarks.due_dates", "--case", str(loans), day]
            row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
            print(
                "{loans:7d}  {day:8s} {reminders:9d} {check:9.2f} {again:8.2f} {rate:9.0f} {queries:17.1f}"
                " {letters:9d} {bundling:8.2f} {sent:7.0f} {peak:5.0f} (+{growth:.0f})".format(**row)
            )


def measure(loans: int, day: str) -> dict[str, Any]:
    """Fill a scratch database with so many open loans and time everything that happens to them in a morning."""
    with scratch_database("due_dates"):
        from datetime import timedelta

        from django.conf import settings
        from django.db import connection
        from django.test.utils import CaptureQueriesContext
        from django.utils import timezone

        from circulation.reminders import check_due_dates
        from notifications.bundling import bundle
        from notifications.delivery import deliver

        settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
        now = timezone.now()
        fill(loans, is_worst=day == "worst")
        yesterday = now - timedelta(days=1)
        check_due_dates(now=yesterday)
        while bundle(now=yesterday):
            pass
        before = peak_memory()

        check, summary = timed(lambda: check_due_dates(now=now))
        again, repeated = timed(lambda: check_due_dates(now=now))
        assert not repeated.reminders, "a repeat writes nothing"
        peak = peak_memory()
        with CaptureQueriesContext(connection) as queries:
            check_due_dates(now=now)
        bundling, letters = timed(lambda: sum(iter(lambda: bundle(now=now), 0)))
        delivery, outcome = timed(lambda: deliver(seconds=SECONDS_OF_DELIVERY))
        assert set(outcome) == {"sent"}, outcome
    return {
        "loans": loans,
        "day": day,
        "reminders": sum(summary.reminders.values()),
        "check": check,
        "again": again,
        "rate": loans / check,
        "queries": len(queries) / (loans / 1000),
        "letters": letters,
        "bundling": bundling,
        "sent": outcome["sent"] / delivery,
        "peak": peak,
        "growth": peak - before,
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def peak_memory() -> float:
    """The most memory this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fill(loans: int, *, is_worst: bool) -> None:
    """So many open loans, three a reader, ten copies a book, lent under the terms of a new library.

    The first are made by the models; the others are the same rows again, with keys of their own.
    """
    from datetime import date, timedelta

    from django.db import connection
    from django.utils import timezone

    from accounts.models import Reader
    from catalog.models import Author, Book, Contribution, Copy
    from circulation.models import Loan
    from policies.models import Branch, ItemType, ReaderCategory
    from policies.setup import set_up
    from policies.terms import Terms

    set_up(language="en")
    branch, item_type, category = Branch.objects.get(), ItemType.objects.first(), ReaderCategory.objects.first()
    author = Author.objects.create(name="Толстой, Лев Николаевич")
    terms = Terms().as_json()
    end_of_today = timezone.localtime().replace(hour=23, minute=59, second=59, microsecond=0)
    numbers = range(min(loans, FIRST))
    books = Book.objects.bulk_create(
        Book(title=f"Книга {number}", sort_title=f"книга {number}") for number in numbers[::10]
    )
    Contribution.objects.bulk_create(Contribution(book=book, author=author) for book in books)
    readers = Reader.objects.bulk_create(
        Reader(
            card_number=f"B{number}",
            full_name=f"Читатель {number}",
            folded_name=f"читатель {number}",
            email=f"reader{number}@example.org",
            category=category,
            home_branch=branch,
            registered_on=date(2020, 1, 1),
            expires_on=date(2099, 1, 1),
        )
        for number in numbers[::3]
    )
    copies = Copy.objects.bulk_create(
        Copy(
            book=books[number // 10],
            inventory_number=f"B{number}",
            barcode=f"B{number}",
            branch=branch,
            item_type=item_type,
            status=Copy.Status.LOANED,
        )
        for number in numbers
    )
    due = [end_of_today + timedelta(days=0 if is_worst else number % 42 - 28) for number in numbers]
    Loan.objects.bulk_create(
        Loan(
            copy=copy,
            reader=readers[number // 3],
            branch=branch,
            checked_out_at=due[number] - timedelta(days=14, hours=6),
            due_at=due[number],
            terms=terms,
        )
        for number, copy in enumerate(copies)
    )
    times = loans // len(numbers)
    repeat(Book, times)
    repeat(Contribution, times, "book_id")
    repeat(Reader, times, card_number="one.card_number || '-' || round")
    numbered = {name: f"one.{name} || '-' || round" for name in ("inventory_number", "barcode")}
    repeat(Copy, times, "book_id", **numbered)
    repeat(Loan, times, "copy_id", "reader_id")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def repeat(model: Any, times: int, *keys: str, **changes: str) -> None:
    """The rows of a model so many times in all; its key and the `keys` lead to the rows of the same round."""
    from django.db import connection

    table, columns = model._meta.db_table, [field.column for field in model._meta.concrete_fields]
    of_round = {name: f"one.{name} + round * {ROUND}" for name in ("id", *keys)}
    values = {"uid": "gen_random_uuid()", **of_round, **changes}
    chosen = ", ".join(values.get(column, f'one."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} AS one, generate_series(1, %s) AS round",  # noqa: S608
            [times - 1],
        )


if __name__ == "__main__":
    main()
