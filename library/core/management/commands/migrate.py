"""`manage.py migrate`: Django's own, one at a time and with patience for locks."""

import time
from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK = 0x11B4A4
"""The number of the advisory lock that lets any number of containers migrate at their start, one after another."""
PATIENCE = "60s"
"""How long one statement waits for the locks of those at work; at a desk it is 3 s."""


class Command(migrate.Command):
    """Safe to call from several machines at once: the first migrates, the others wait and find nothing to do."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        _wait_for_turn(connection)
        _execute(connection, f"SET lock_timeout = '{PATIENCE}'")
        try:
            super().handle(*args, **options)
        finally:
            _execute(connection, "SET lock_timeout TO DEFAULT")
            _execute(connection, "SELECT pg_advisory_unlock(%s)", LOCK)


def _wait_for_turn(connection: BaseDatabaseWrapper) -> None:
    """Ask again and again: a statement that waits would hold a snapshot, for which others' indexes would wait."""
    while not _execute(connection, "SELECT pg_try_advisory_lock(%s)", LOCK):
        time.sleep(0.5)


def _execute(connection: BaseDatabaseWrapper, sql: str, *parameters: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0] if cursor.description else None
