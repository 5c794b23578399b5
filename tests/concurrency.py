"""Many at once with real commits, and what the SQL of one action says about its locks: for the tests of every app."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic, sleep
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from library.core.errors import Busy, Refused

THREADS = 32
PATIENCE = 60
"""Seconds after which a thread that has not come back counts as deadlocked."""


def at_once(*deeds: Callable[[], Any], patience: float = PATIENCE) -> list[Any]:
    """Run every deed in a thread of its own, all starting together; what each returned, refused codes or «busy»."""
    start = Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            start.wait(PATIENCE)
            return deed()
        except Refused as error:
            return tuple(refusal.reason.value for refusal in error.refusals)
        except Busy:
            return "busy"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result(patience) for future in [pool.submit(run, deed) for deed in deeds]]


def told(outcomes: Iterable[Any]) -> Counter[Any]:
    """How often each was refused, or busy; what went well counts as «done»."""
    return Counter(outcome if isinstance(outcome, tuple | str) else "done" for outcome in outcomes)


def deadlocks() -> int:
    """How many deadlocks PostgreSQL has ever resolved in this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def until_somebody_waits() -> None:
    """Return when a lock in this database is waited for."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    end = monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while monotonic() < end:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
            sleep(0.02)
    raise AssertionError("nobody waits for a lock")


# --- Locks before writes ---------------------------------------------------------------------------------------------

ORDER = ("catalog_book", "catalog_copy", "accounts_reader", "circulation_loan")
"""In which order tables are locked for the first time in a transaction (docs/adr/0005)."""
LATE = {"accounts_readerblock", "notifications_notice"}
"""Locked whenever: who locks rows of these first locks nothing else."""
GUARDS = {
    "catalog_copy": {"catalog_book", "catalog_copy"},
    "circulation_loan": {"catalog_book", "catalog_copy", "accounts_reader"},
    "reservations_reservation": {"catalog_book"},
    "reservations_transfer": {"catalog_book", "catalog_copy"},
    "accounts_readerblock": {"accounts_reader"},
    "cashdesk_entry": {"accounts_reader"},
    "cashdesk_allocation": {"accounts_reader"},
    "cashdesk_receiptcounter": {"accounts_reader"},
}
"""What has to be locked before a row of a table is written."""

_LOCK = re.compile(r' FOR (?:NO KEY )?UPDATE OF "(\w+)"$')
_WRITE = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)')


def locks_and_writes(act: Callable[[], Any]) -> list[tuple[str, str]]:
    """The tables that an action locks and writes, in order: `("lock", "catalog_book"), …`."""
    with CaptureQueriesContext(connection) as captured:
        act()
    steps = []
    for query in captured.captured_queries:
        if lock := _LOCK.search(query["sql"]):
            steps.append(("lock", lock[1]))
        elif write := _WRITE.match(query["sql"]):
            steps.append(("write", write[1]))
    return steps


def assert_locks_precede_writes(act: Callable[[], Any]) -> None:
    """Fail unless the action locks in the documented order, before its first write, and writes what it has locked."""
    steps = locks_and_writes(act)
    assert any(kind == "write" for kind, _table in steps), "it wrote nothing, so it shows nothing"
    locked: list[str] = []
    has_written = False
    for kind, table in steps:
        if kind == "lock" and table not in {*locked, *LATE}:
            assert not has_written, f"{table} is locked for the first time after a write: {steps}"
            assert table in ORDER, f"{table} has no place in the order of locks"
            locked.append(table)
        elif kind == "write":
            has_written = True
            missing = GUARDS.get(table, set()) - set(locked)
            assert not missing, f"{table} is written without a lock of {', '.join(sorted(missing))}: {steps}"
    assert locked == sorted(locked, key=ORDER.index), f"locked in another order: {locked}"
