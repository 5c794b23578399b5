"""From notices to letters: one for each reader, event and stage."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from library.core.models import AuditEntry
from notifications import actions, bundling
from notifications.actions import resend, welcome_new_readers
from notifications.bundling import bundle
from notifications.models import Event, Letter, Notice
from notifications.tests.factories import WRITTEN_AT, LetterFactory, NoticeFactory, loan_data

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return ReaderFactory(full_name="Alice", email="alice@example.org", language="en")


@pytest.fixture
def bob():
    return ReaderFactory(full_name="Bob", email="bob@example.org", language="ru")


def test_a_reader_gets_one_letter_for_each_event_and_stage(alice, bob):
    for key, event, stage, reader in [
        ("a1", Event.DUE_SOON, 3, alice),
        ("a2", Event.DUE_SOON, 3, alice),
        ("a3", Event.DUE_SOON, 0, alice),
        ("a4", Event.OVERDUE, 3, alice),
        ("b1", Event.DUE_SOON, 3, bob),
    ]:
        NoticeFactory(key=key, event=event, stage=stage, reader=reader)
    assert bundle(now=NOW) == 4
    assert bundle(now=NOW) == 0
    letters = {
        (letter.address, letter.language, letter.event, letter.stage): sorted(
            letter.notices.values_list("key", flat=True)
        )
        for letter in Letter.objects.all()
    }
    assert letters == {
        ("alice@example.org", "en", "due_soon", 3): ["a1", "a2"],
        ("alice@example.org", "en", "due_soon", 0): ["a3"],
        ("alice@example.org", "en", "overdue", 3): ["a4"],
        ("bob@example.org", "ru", "due_soon", 3): ["b1"],
    }
    letter = Letter.objects.get(address="bob@example.org")
    assert (letter.status, letter.attempts, letter.next_attempt_at) == ("waiting", 0, NOW)
    assert letter.expires_at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_receipts_of_one_visit_travel_together(alice):
    for minute in (0, 1, 2):
        actions.enqueue(
            key=f"loan_receipt:{minute}",
            event=Event.LOAN_RECEIPT,
            reader=alice,
            data=loan_data(),
            now=NOW + timedelta(minutes=minute),
        )
    assert bundle(now=NOW + timedelta(seconds=119)) == 0
    assert bundle(now=NOW + timedelta(seconds=120)) == 1
    assert Letter.objects.get().notices.count() == 3


def test_a_notice_written_after_the_letter_gets_a_letter_of_its_own(alice):
    NoticeFactory(reader=alice)
    bundle(now=NOW)
    NoticeFactory(reader=alice)
    assert bundle(now=NOW) == 1
    assert [letter.notices.count() for letter in Letter.objects.all()] == [1, 1]


def test_a_reader_whom_nothing_reaches_is_seen_by_staff(alice):
    NoticeFactory(reader=alice)
    alice.email = ""
    alice.save(update_fields=["email"])
    bundle(now=NOW)
    letter = Letter.objects.get()
    assert (letter.status, letter.address) == ("no_address", "")
    alice.email = "new@example.org"
    alice.save(update_fields=["email"])
    assert resend(letter_ids=[letter.pk], by=LibrarianFactory(), now=NOW) == 1
    letter.refresh_from_db()
    assert (letter.status, letter.address) == ("waiting", "new@example.org")


def test_bundling_takes_a_batch_and_what_belongs_to_its_letters(alice, bob, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(bundling, "BATCH_SIZE", 3)
    for minute, reader in enumerate([alice, bob, alice, bob, alice]):
        NoticeFactory(reader=reader, ready_at=WRITTEN_AT + timedelta(minutes=minute))
    carol = ReaderFactory()
    NoticeFactory(reader=carol, ready_at=NOW)
    with django_assert_num_queries(2 + 7):
        assert bundle(now=NOW) == 2
    assert Notice.objects.filter(letter__isnull=True).get().reader == carol
    assert bundle(now=NOW) == 1


@pytest.mark.django_db(transaction=True)
def test_two_bundlers_at_once_do_not_split_a_letter(alice):
    """The second finds the lock taken and leaves the work to the first."""
    NoticeFactory(reader=alice)
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 0)", [bundling.BUNDLING_LOCK])
            assert bundle(now=NOW) == 0
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
    assert bundle(now=NOW) == 1


def test_new_readers_are_welcomed_once_whichever_door_they_came_through(settings, django_assert_num_queries):
    new = ReaderFactory(registered_on="2026-11-20", card_number="R17", expires_on="2027-11-20")
    ReaderFactory(registered_on="2026-11-19", email="", card_number="R18")
    ReaderFactory(registered_on="2026-11-18")
    with django_assert_num_queries(2):
        assert welcome_new_readers(now=NOW) == 2
    with django_assert_num_queries(1):
        assert welcome_new_readers(now=NOW) == 0
    notice = Notice.objects.get(reader=new)
    assert (notice.key, notice.event, notice.reader) == (f"welcome:{new.uid}", "welcome", new)
    assert notice.data == {"card_number": "R17", "expires_on": "2027-11-20"}


def test_dead_letters_are_sent_again_to_the_present_address(alice):
    librarian = LibrarianFactory()
    dead = LetterFactory(
        reader=alice, address="old@example.org", status="dead", attempts=8, expires_at=WRITTEN_AT, last_error="no user"
    )
    sent = LetterFactory(reader=alice, status="sent", sent_at=WRITTEN_AT)
    homeless = LetterFactory(reader=ReaderFactory(email=""), address="x@example.org", status="dead")
    assert resend(letter_ids=[dead.pk, sent.pk, homeless.pk], by=librarian, now=NOW) == 1
    dead.refresh_from_db()
    assert (dead.status, dead.attempts, dead.address) == ("waiting", 0, "alice@example.org")
    assert dead.next_attempt_at == NOW
    assert dead.expires_at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    homeless.refresh_from_db()
    assert homeless.status == "dead"
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.subject_id) == ("notifications.resend", librarian, dead.pk)
