"""Ten million loans over ten years, for benchmarks of reports: made once, the same every time.

    python -m benchmarks.ten_million [--loans 10000000] [--database reports_ten_million]

Books, authors and copies are those of `benchmarks.million`, two hundred thousand of them; readers, loans, reservations,
readings, charges and payments are made by the server itself, a month in a commit. Copies and readers are asked for by
Zipf's law with a flattened head, loans follow the months of the year and the hours of the day; of those older than two
years half have lost their reader. The database stays; a second call goes on where the first was stopped.
"""

import argparse
import json
import time
from datetime import UTC, date, datetime
from typing import Any

from benchmarks.million import FLATTENED, connect, make

BOOKS, READERS, YEARS = 200_000, 150_000, 10
LAST = date(2026, 11, 20)
"""The last day on which anything happened."""
SEASONS = (1.1, 1.1, 1.15, 1.1, 0.9, 0.7, 0.6, 0.65, 1.1, 1.25, 1.2, 1.0)
OPEN_LOANS, CHARGES, RESERVATIONS, READINGS = 100_000, 1_000_000, 500_000, 300_000

_READERS = """
INSERT INTO accounts_reader (id, uid, card_number, full_name, folded_name, birth_date, email, phone, folded_phone,
    language, registered_on, expires_on, is_card_lost, note, category_id, home_branch_id, keeps_history)
SELECT n, md5('reader' || n)::uuid, 'R' || n, 'Читатель ' || n, 'читатель ' || n,
    %(last)s::date - (365 * (CASE WHEN n %% 4 = 1 THEN 6 + n %% 9 ELSE 15 + n %% 65 END) + n %% 365),
    CASE WHEN n %% 4 > 0 THEN 'reader' || n || '@example.org' ELSE '' END, '+7900' || lpad(n::text, 7, '0'),
    '7900' || lpad(n::text, 7, '0'), 'ru', %(last)s::date - (n * 7919 %% 3650)::int, %(last)s::date + (n %% 365)::int,
    false, '', (%(categories)s::bigint[])[1 + n %% 4],
    (%(branches)s::bigint[])[1 + floor(power(random(), 2) * 20)::int],
    false
FROM generate_series(1, %(count)s) AS n"""

_ZIPF = "floor({flat} * power(({count} + {flat})::float / {flat}, random()) - {flat})::bigint"
_LOANS = f"""
INSERT INTO circulation_loan (uid, copy_id, reader_id, reader_category_id, reader_branch_id, age_group, branch_id,
    checked_out_at, checked_out_by_id, due_at, terms, renewals, last_renewed_at, returned_at, returned_by_id,
    return_branch_id, undone_at)
SELECT md5('loan' || %(number)s + n)::uuid, c.id, CASE WHEN anonymous THEN NULL ELSE r.id END,
    CASE WHEN anonymous THEN r.category_id END, CASE WHEN anonymous THEN r.home_branch_id END,
    CASE WHEN NOT anonymous THEN '' WHEN r.id %% 4 = 1 THEN '0-14' WHEN r.id %% 3 = 0 THEN '60+' ELSE '36-59' END,
    c.branch_id, lent, %(user)s, date_trunc('day', lent) + interval '14 days 20 hours 59 minutes 59 seconds',
    %(terms)s::jsonb, renewals, CASE WHEN renewals > 0 THEN lent + interval '13 days' END, lent + kept, %(user)s,
    c.branch_id, CASE WHEN n %% 1000 = 0 THEN lent + kept END
FROM (
    SELECT n, {_ZIPF.format(flat=FLATTENED * 1000, count="%(copies)s")} * 7919 %% %(copies)s + 1 AS copy,
        {_ZIPF.format(flat=FLATTENED * 100, count="%(readers)s")} * 7919 %% %(readers)s + 1 AS reader,
        %(month)s::timestamptz + floor(random() * %(days)s) * interval '1 day' + interval '7 hours'
            + (random() + random()) * interval '5 hours' AS lent,
        (2 + power(random(), 2) * 30) * interval '1 day' AS kept, (random() * 1.3)::int AS renewals,
        %(is_old)s AND n %% 2 = 0 AS anonymous
    FROM generate_series(1, %(count)s) AS n
) AS one JOIN catalog_copy c ON c.id = copy JOIN accounts_reader r ON r.id = reader"""

_OPEN = """
INSERT INTO circulation_loan (uid, copy_id, reader_id, age_group, branch_id, checked_out_at, checked_out_by_id, due_at,
    terms, renewals)
SELECT md5('open' || c.id)::uuid, c.id, 1 + c.id * 7919 %% %(readers)s, '', c.branch_id, lent, %(user)s,
    date_trunc('day', lent) + interval '14 days 20 hours 59 minutes 59 seconds', %(terms)s::jsonb, 0
FROM (SELECT id, branch_id, %(last)s::timestamptz + interval '12 hours' - power(random(), 2) * interval '45 days'
        AS lent
    FROM catalog_copy WHERE id %% 3 = 0 ORDER BY id LIMIT %(count)s) AS c"""

_RENEWALS = """
INSERT INTO core_auditentry (at, action, subject_type, subject_id, subject_name, detail, request_id, actor_id)
SELECT last_renewed_at, 'circulation.renew', 'circulation.loan', id, id::text, '{}', '', %(user)s
FROM circulation_loan WHERE renewals > 0 AND id %% 5 = 0"""

_CHARGES = """
INSERT INTO cashdesk_entry (uid, kind, amount, reason, at, job, overdue_days, method, branch_id, by_id, reader_id,
    receipt_year, receipt_number)
SELECT md5('entry' || n)::uuid,
    CASE WHEN n %% 3 = 0 THEN 'payment' WHEN n %% 50 = 1 THEN 'replacement' ELSE 'overdue' END,
    5 + n %% 300, '', %(last)s::timestamptz - (n * 3650.0 / %(count)s) * interval '1 day', '', NULL,
    CASE WHEN n %% 3 = 0 THEN (ARRAY['cash', 'card'])[1 + n %% 2] ELSE '' END, (%(branches)s::bigint[])[1 + n %% 20],
    %(user)s, 1 + n * 31 %% %(readers)s, CASE WHEN n %% 3 = 0 THEN 2020 END, CASE WHEN n %% 3 = 0 THEN n END
FROM generate_series(1, %(count)s) AS n"""

_RESERVATIONS = """
INSERT INTO reservations_reservation (uid, book_id, reader_id, slot, pickup_branch_id, state, "order", placed_at,
    ready_at, pickup_until, ended_at, why)
SELECT md5('place' || n)::uuid, 1 + n::bigint * 7919 %% 20000, 1 + n * 31 %% %(readers)s, 1,
    (%(branches)s::bigint[])[1 + n %% 20],
    CASE WHEN n <= 5000 THEN 'waiting' WHEN n %% 10 = 0 THEN 'expired' ELSE 'collected' END, n,
    placed, CASE WHEN n > 5000 THEN placed + interval '6 days' END,
    CASE WHEN n > 5000 THEN (placed + interval '14 days')::date END,
    CASE WHEN n > 5000 THEN placed + interval '8 days' END, ''
FROM (SELECT n, %(last)s::timestamptz - (n * 3650.0 / %(count)s) * interval '1 day' AS placed
    FROM generate_series(1, %(count)s) AS n) AS one"""

_READINGS = """
INSERT INTO circulation_reading (at, branch_id, by_id, copy_id)
SELECT %(last)s::timestamptz - random() * 3650 * interval '1 day', c.branch_id, %(user)s, c.id
FROM generate_series(1, %(count)s) AS n JOIN catalog_copy c ON c.id = 1 + n::bigint * 7919 %% %(copies)s"""


def fill(loans: int) -> None:
    """Whatever is missing."""
    from django.db import connection

    from accounts.models import Reader, User
    from cashdesk.models import Entry
    from catalog.models import Copy
    from circulation.models import Loan, Reading
    from library.core.models import AuditEntry
    from policies.models import Branch, ReaderCategory
    from policies.terms import Terms
    from reservations.models import Reservation

    make(BOOKS)
    user = User.objects.first() or User.objects.create_user("librarian@example.org", None, full_name="Librarian")
    facts: dict[str, Any] = {
        "user": user.pk,
        "terms": json.dumps(Terms().as_json()),
        "branches": list(Branch.objects.order_by("pk").values_list("pk", flat=True)),
        "categories": list(ReaderCategory.objects.order_by("pk").values_list("pk", flat=True)),
        "last": LAST,
        "copies": Copy.objects.count(),
        "readers": READERS,
    }
    if not Reader.objects.exists():
        run(_READERS, facts | {"count": READERS})
    indexes = without_indexes("circulation_loan")
    months = [(year, month) for year in range(LAST.year - YEARS, LAST.year + 1) for month in range(1, 13)]
    months = [one for one in months if (LAST.year - YEARS, LAST.month) < one <= (LAST.year, LAST.month)]
    weight = loans / sum(SEASONS[month - 1] for _year, month in months)
    done = Loan.objects.count()
    total = 0
    for year, month in months:
        count = int(weight * SEASONS[month - 1])
        total += count
        if total <= done:
            continue
        is_last = (year, month) == (LAST.year, LAST.month)
        run(
            _LOANS,
            facts
            | {
                "number": total - count,
                "count": count,
                "month": datetime(year, month, 1, tzinfo=UTC),
                "days": LAST.day - 1 if is_last else 28,
                "is_old": year < LAST.year - 2,
            },
            seed=total % 1000 / 1000,
        )
        print(f"{year}-{month:02} {total:,}", flush=True)
    if not Loan.objects.open().exists():
        with connection.cursor() as cursor:
            at = datetime(LAST.year, LAST.month, LAST.day, 18, tzinfo=UTC)
            cursor.execute("UPDATE circulation_loan SET returned_at = %s WHERE returned_at > %s", [at, at])
        run(_OPEN, facts | {"count": OPEN_LOANS})
    for model, statement, count in (
        (AuditEntry, _RENEWALS, 0),
        (Entry, _CHARGES, CHARGES),
        (Reservation, _RESERVATIONS, RESERVATIONS),
        (Reading, _READINGS, READINGS),
    ):
        if not model.objects.exists():
            run(statement, facts | {"count": count})
    with connection.cursor() as cursor:
        for statement in indexes:
            start = time.perf_counter()
            cursor.execute(statement)
            cursor.execute("DELETE FROM benchmark_index WHERE definition = %s", [statement])
            print(f"{time.perf_counter() - start:.0f} s: {statement[:90]}", flush=True)
        cursor.execute("SELECT setval(pg_get_serial_sequence('accounts_reader', 'id'), max(id)) FROM accounts_reader")
        cursor.execute("VACUUM ANALYZE")


def run(statement: str, facts: dict[str, Any], *, seed: float = 0.5) -> None:
    """One statement with the same chances every time, in a commit, without looking up what its keys refer to."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SELECT setseed(%s)", [seed])
        cursor.execute(statement, facts)


def without_indexes(table: str) -> list[str]:
    """Drop the indexes of a table that no constraint needs; what makes them again, also those of before."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS benchmark_index (definition text PRIMARY KEY)")
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
            [table],
        )
        for name, definition in cursor.fetchall():
            cursor.execute("INSERT INTO benchmark_index VALUES (%s)", [definition])
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SELECT definition FROM benchmark_index")
        return [definition for (definition,) in cursor.fetchall()]


def main() -> None:
    """Make the database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, default=10_000_000)
    parser.add_argument("--database", default="reports_ten_million")
    options = parser.parse_args()
    connect(options.database)
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    start = time.perf_counter()
    fill(options.loans)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
