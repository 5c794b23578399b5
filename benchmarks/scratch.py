"""What every benchmark needs: an empty, migrated database of its own on the server of DATABASE_URL."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import django
from django.core.management import call_command


@contextmanager
def scratch_database(name: str) -> Iterator[None]:
    """Create the database `benchmark_<name>`, make it Django's default, and drop it at the end."""
    original = _create(f"benchmark_{name}")
    try:
        yield
    finally:
        _drop(original)


@contextmanager
def copied_database(name: str, fill: Callable[[], object]) -> Iterator[None]:
    """As `scratch_database`, but a copy of `benchmark_<name>_filled`, which `fill` makes once and which stays."""
    copy, filled = f"benchmark_{name}", f"benchmark_{name}_filled"
    if not _exists(filled):
        original = _create(copy)
        fill()
        _send(f"ALTER DATABASE {copy} RENAME TO {filled}")
    else:
        original = _name()
    _send(f"DROP DATABASE IF EXISTS {copy}")
    _send(f"CREATE DATABASE {copy} TEMPLATE {filled} STRATEGY file_copy")
    _use(copy)
    call_command("migrate", verbosity=0)  # of what was filled long ago
    _send("CHECKPOINT")
    os.sync()  # or the disk is still writing the copy while the first figures are taken
    try:
        yield
    finally:
        _drop(original)


def _create(name: str) -> str:
    """A migrated database, in use from then on; the name of the one before."""
    original = _name()
    from django.db import connection  # Django must be set up first

    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    return original


def _drop(original: str) -> None:
    from django.db import connection

    connection.creation.destroy_test_db(original, verbosity=0)


def _name() -> str:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    from django.db import connection

    return str(connection.settings_dict["NAME"])


def _use(name: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def _exists(name: str) -> bool:
    _name()
    from django.db import connection

    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return cursor.fetchone() is not None


def _send(statement: str) -> None:
    """To the server, outside of the database in use."""
    from django.db import connection

    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
