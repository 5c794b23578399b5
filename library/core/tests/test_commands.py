"""`migrate` takes turns and has patience; `prepare` may be repeated."""

import io
import threading
import time

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from library.core.management.commands import migrate, prepare


def direct():
    """A connection of somebody else."""
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    return psycopg.connect(**parameters, autocommit=True)


@pytest.mark.django_db(transaction=True)
def test_migrations_wait_for_their_turn_and_leave_no_trace():
    def run():
        try:
            call_command("migrate", verbosity=0)
        finally:
            connection.close()

    with direct() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migrate.LOCK])
        second = threading.Thread(target=run)
        second.start()
        second.join(1)
        assert second.is_alive(), "somebody else is migrating"
        held = """
            SELECT count(*) FROM pg_stat_activity
            WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                  AND datname = current_database()
        """
        assert other.execute(held).fetchone() == (0,), "no snapshot is held"
        other.execute("SELECT pg_advisory_unlock(%s)", [migrate.LOCK])
        second.join(20)
        assert not second.is_alive()
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
        assert other.execute(locks, [migrate.LOCK]).fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_patience_is_for_the_migration_only():
    with CaptureQueriesContext(connection) as queries:
        call_command("migrate", verbosity=0)
    assert "SET lock_timeout = '60s'" in [query["sql"] for query in queries]
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)


@pytest.mark.django_db(transaction=True)
def test_others_can_migrate_after_a_failure(monkeypatch):
    def fail(*_args, **_kwargs):
        raise CommandError("disk full")

    monkeypatch.setattr(migrate.migrate.Command, "handle", fail)
    with pytest.raises(CommandError, match="disk full"):
        call_command("migrate")
    with direct() as other:
        assert other.execute("SELECT pg_try_advisory_lock(%s)", [migrate.LOCK]).fetchone() == (True,)


@pytest.mark.django_db
def test_preparing_again_changes_nothing():
    first, second = io.StringIO(), io.StringIO()
    call_command("prepare", stdout=first)
    call_command("prepare", stdout=second)
    assert first.getvalue().count("\n") > 1
    assert second.getvalue().count("\n") == 1, "only that all is set up"


@pytest.mark.django_db
def test_a_library_with_books_of_its_own_gets_no_demo(monkeypatch, tmp_path):
    from catalog.tests.factories import BookFactory

    BookFactory()
    output = io.StringIO()
    call_command("prepare", demo=tmp_path / "credentials.json", stdout=output)
    assert not (tmp_path / "credentials.json").exists()
    assert output.getvalue().splitlines()[-1]


def test_static_files_are_collected_when_something_changed(settings, tmp_path, monkeypatch):
    collected = []
    monkeypatch.setattr(prepare, "call_command", lambda name, **_options: collected.append(name))
    source, settings.VAR_DIR, settings.STATIC_ROOT = tmp_path / "source", tmp_path, tmp_path / "static"
    source.mkdir()
    settings.STATIC_ROOT.mkdir()
    settings.STATICFILES_DIRS, settings.STATICFILES_FINDERS = (
        [source],
        ["django.contrib.staticfiles.finders.FileSystemFinder"],
    )
    prepare.get_finders.__globals__["get_finder"].cache_clear()
    (source / "style.css").write_text("body {}")

    prepare._collect_static()
    prepare._collect_static()
    assert collected == ["collectstatic"] * 2, "there is no manifest yet"
    (settings.STATIC_ROOT / "staticfiles.json").touch()
    prepare._collect_static()
    assert collected == ["collectstatic"] * 2
    time.sleep(0.01)
    (source / "style.css").write_text("body {margin: 0}")
    prepare._collect_static()
    assert collected == ["collectstatic"] * 3
    prepare.get_finders.__globals__["get_finder"].cache_clear()
