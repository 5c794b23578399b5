"""What every test needs: after a test with real commits, the database as the migrations left it, in milliseconds."""

import gc
from collections import Counter
from importlib import import_module

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase

gc.disable()
"""Until everything is loaded: collections took a seventh of the processor time of the start."""

_BIG = 1 << 20
"""Bytes in a table from which on TRUNCATE, which makes new files for every index, is quicker than DELETE."""


def pytest_collection_modifyitems(items):
    """Two items of one name would be one item to the processes that share the work: the other is never run."""
    doubles = [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]
    if doubles:
        raise pytest.UsageError(f"Items of the same name, of which only one would run: {', '.join(doubles[:5])}")


def pytest_collection_finish():
    """What is loaded by now stays to the end: no garbage collection need go through a million objects again."""
    import_module("library.urls")  # and the panel with them
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Keep a copy of each row that migrations wrote (permissions, role groups) in a schema of its own."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'baseline'")
        if cursor.fetchone():
            return
        cursor.execute("CREATE SCHEMA baseline")
        for table in _filled_tables(cursor, "public"):
            cursor.execute(f"CREATE TABLE baseline.{table} AS TABLE public.{table}")


@pytest.fixture(scope="module")
def standing(django_db_setup, django_db_blocker):
    """For fixtures of a module: what they write stands for all its tests, each of which is undone on top of it.

    Not for tests with real commits. The objects that such a fixture gives are shared: tests get copies of those that
    they may change.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


def _filled_tables(cursor, schema):
    """Bytes by quoted name of each table that holds, or held since it was truncated, a row."""
    cursor.execute(
        "SELECT quote_ident(relname), pg_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
        " AND relnamespace = %s::regnamespace AND relname <> 'django_migrations' AND pg_relation_size(oid) > 0",
        [schema],
    )
    return dict(cursor.fetchall())


def sweep(_test):
    """Put the database back as the migrations left it, ids included; no trigger or foreign key has a say meanwhile.

    Django's own way, TRUNCATE of all tables and permissions made again, takes a hundred times as long.
    """
    with connection.cursor() as cursor:
        tables = _filled_tables(cursor, "public")
        cursor.execute("SET session_replication_role = replica")
        if big := [table for table, size in tables.items() if size > _BIG]:
            cursor.execute(f"TRUNCATE {', '.join(big)} CASCADE")
        statements = [f"DELETE FROM {table}" for table in tables if table not in big]
        statements += [f"INSERT INTO {table} TABLE baseline.{table}" for table in _filled_tables(cursor, "baseline")]
        statements += ["RESET session_replication_role"]
        cursor.execute(";".join(statements))
    import_module("catalog.search")._remembered.clear()


TransactionTestCase._fixture_teardown = sweep
