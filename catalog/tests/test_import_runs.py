"""The life of an uploaded import: one worker at a time, stopped, resumed, forgotten."""

from datetime import timedelta
from zlib import crc32

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory
from catalog import import_reading, import_runs, imports
from catalog.import_runs import cancel, receive, start, work
from catalog.models import Book, ImportRun
from catalog.tests.marc_for_tests import iso, record
from library.core.jobs import LOCK_CLASS
from library.core.models import AuditEntry

pytestmark = pytest.mark.django_db
FIVE = b"".join(iso(record(f"001 {number}", f"245 10$aBook {number}")) for number in range(1, 6))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Two records a commit."""
    monkeypatch.setattr(import_reading, "BATCH", 2)


@pytest.fixture
def anna():
    return LibrarianFactory(language="en")


def given(by, content=FIVE, name="five.mrc"):
    """An import that waits for a worker."""
    now = timezone.now()
    run = receive(upload=ContentFile(content, name), file_name=name, options={}, by=by, now=now)
    assert start(run_id=run.pk, by=by, now=now)
    return run


def state(run):
    run.refresh_from_db()
    return (run.state, run.read, run.created)


def test_imports_take_turns_and_leave_no_file(anna, django_capture_on_commit_callbacks):
    runs = [given(anna), given(anna, iso(record("001 9", "245 10$aNine")))]
    names = [run.upload.name for run in runs]
    with django_capture_on_commit_callbacks(execute=True):
        assert work() == 2
    assert [state(run) for run in runs] == [("finished", 5, 5), ("finished", 1, 1)]
    assert [run.upload.name for run in runs] == ["", ""]
    assert not any(map(default_storage.exists, names))
    assert work() == 0
    deeds = AuditEntry.objects.filter(actor=anna).values_list("action", flat=True).order_by("pk")
    assert list(deeds) == ["catalog.start_import"] * 2 + ["catalog.import_books"] * 2


def test_a_stopped_import_keeps_what_is_in_and_goes_on_when_asked(anna, monkeypatch):
    run = given(anna)
    count = imports._count

    def stop_after_the_first_batch(run, results):
        count(run, results)
        assert cancel(run_id=run.pk, by=anna, now=timezone.now())

    monkeypatch.setattr(imports, "_count", stop_after_the_first_batch)
    assert work() == 1
    assert state(run) == ("cancelled", 2, 2)
    assert work() == 0
    monkeypatch.undo()
    assert start(run_id=run.pk, by=anna, now=timezone.now())
    work()
    assert state(run) == ("finished", 5, 5)
    assert Book.objects.count() == 5


def test_an_import_whose_worker_died_goes_on(anna, monkeypatch):
    run = given(anna)

    class Killed(BaseException):
        """No code of ours sees kill -9; nor this."""

    def die(run, results):
        if run.read == 4:
            raise Killed

    carry_on = imports.go_on
    monkeypatch.setattr(import_runs, "go_on", lambda *args, **kwargs: carry_on(*args, on_batch=die, **kwargs))
    with pytest.raises(Killed):
        work()
    assert state(run) == ("running", 4, 4)
    monkeypatch.undo()
    work()
    assert state(run) == ("finished", 5, 5)


def test_an_error_of_ours_ends_the_import_with_words_not_the_worker(anna, monkeypatch):
    run = given(anna)
    monkeypatch.setattr(imports, "look_up", lambda *_: 1 / 0)
    assert work() == 1
    assert state(run)[0] == "failed"
    assert run.failure == "Something unexpected happened: ZeroDivisionError: division by zero"
    assert default_storage.exists(run.upload.name)


def test_a_file_that_is_gone_is_told(anna):
    run = given(anna)
    default_storage.delete(run.upload.name)
    work()
    assert state(run)[0] == "failed"
    assert run.failure.startswith("The file cannot be read:")


def test_only_one_worker_at_a_time(anna):
    run = given(anna)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_CLASS, crc32(b"imports") - 2**31])
        assert work() == 0
        assert state(run)[0] == "waiting"
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
    assert work() == 1


def test_uploads_that_nobody_started_are_forgotten(anna, django_capture_on_commit_callbacks):
    now = timezone.now()
    old = receive(
        upload=ContentFile(FIVE, "x"), file_name="x", options={}, by=anna, now=now - timedelta(days=1, minutes=1)
    )
    young = receive(upload=ContentFile(FIVE, "y"), file_name="y", options={}, by=anna, now=now)
    with django_capture_on_commit_callbacks(execute=True):
        work()
    assert list(ImportRun.objects.all()) == [young]
    assert not default_storage.exists(old.upload.name)
    assert default_storage.exists(young.upload.name)


def test_nothing_is_started_or_stopped_twice(anna):
    run, now = given(anna), timezone.now()
    assert not start(run_id=run.pk, by=anna, now=now)
    assert cancel(run_id=run.pk, by=anna, now=now)
    assert not cancel(run_id=run.pk, by=anna, now=now)


def test_a_large_file_is_read_by_a_process_of_its_own(anna, monkeypatch, settings, tmp_path):
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    }
    monkeypatch.setattr(import_reading, "LARGE", 0)
    run = given(anna, FIVE + iso(record("001 9", "003 x")))
    table = given(anna, b"colour;size\nred;1\n", "x.csv")
    broken = given(anna, b"PK", "x.xlsx")
    assert work() == 3
    assert state(run) == ("finished", 6, 5)
    assert (run.rejected, run.position) == (1, run.size)
    [remark] = run.remarks.all()
    assert bytes(remark.raw) + b"\x1d" == iso(record("001 9", "003 x"))
    assert [(state(each)[0], each.failure) for each in (table, broken)] == [
        ("failed", "No column is called “title” or “Заглавие”. The columns are: colour, size."),
        ("failed", "This is not an Excel workbook (.xlsx)."),
    ]
