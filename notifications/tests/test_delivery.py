"""Delivery through a real SMTP server: what arrives, what is tried again, what is given up."""

from datetime import UTC, datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused

import pytest
import time_machine
from django.db import connection

from accounts.tests.factories import ReaderFactory
from notifications.channels.email import EmailChannel, is_permanent
from notifications.delivery import MAX_ATTEMPTS, claim, deliver
from notifications.models import Letter
from notifications.tests.factories import LetterFactory, loan_data
from policies.tests.factories import BranchFactory

NOW = datetime(2026, 11, 20, 6, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def outcome(letter):
    letter.refresh_from_db()
    return letter.status, letter.attempts


def test_a_letter_arrives_whole_and_once(sink):
    reader = ReaderFactory(
        full_name="Анна", email="anna@example.org", home_branch=BranchFactory(email="main@library.example")
    )
    letter = LetterFactory(reader=reader)
    assert deliver(seconds=5) == {"sent": 1}
    assert deliver(seconds=5) == {}
    (message,) = sink.received
    assert message["To"] == "anna@example.org"
    assert message["From"].addresses[0].display_name == "Городская библиотека"
    assert message["From"].addresses[0].addr_spec == "desk@library.example"
    assert message["Reply-To"] == "main@library.example"
    assert message["Subject"] == "Due Nov. 23, 2026: Война и мир"
    assert message["Message-ID"] == f"<{letter.uid}@library.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Hello, Анна!" in message.get_body(["plain"]).get_content()
    assert "<h1>" in message.get_body(["html"]).get_content()
    assert outcome(letter) == ("sent", 1)
    assert letter.sent_at == NOW


def test_letters_leave_in_the_order_they_fell_due(sink):
    for minutes in (3, 1, 2):
        reader = ReaderFactory(email=f"r{minutes}@example.org")
        LetterFactory(reader=reader, next_attempt_at=NOW - timedelta(minutes=minutes))
    LetterFactory(next_attempt_at=NOW + timedelta(seconds=1))
    assert deliver(seconds=5) == {"sent": 3}
    assert [message["To"] for message in sink.received] == ["r3@example.org", "r2@example.org", "r1@example.org"]


def test_a_refused_recipient_is_given_up_at_once_and_the_others_are_served(sink):
    sink.refused["gone@example.org"] = "550 5.1.1 no such user"
    gone = LetterFactory(reader=ReaderFactory(email="gone@example.org"))
    other = LetterFactory()
    assert deliver(seconds=5) == {"sent": 1, "dead": 1}
    assert outcome(gone) == ("dead", 1)
    assert "no such user" in gone.last_error
    assert outcome(other) == ("sent", 1)


def test_a_temporary_refusal_is_tried_again_later_and_later(sink, clock):
    sink.refused["full@example.org"] = "451 4.2.1 try later"
    letter = LetterFactory(reader=ReaderFactory(email="full@example.org"))
    waits = []
    for _attempt in range(7):
        assert deliver(seconds=5) == {"retried": 1}
        assert deliver(seconds=5) == {}, "not before its time"
        letter.refresh_from_db()
        waits.append(letter.next_attempt_at - datetime.now(UTC))
        clock.move_to(letter.next_attempt_at)
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720)]
    assert deliver(seconds=5) == {"dead": 1}
    assert outcome(letter) == ("dead", 8)
    assert "try later" in letter.last_error


def test_a_second_attempt_carries_the_same_message_id(sink, clock):
    letter = LetterFactory()
    seen = []
    sink.reply = lambda message: seen.append(message["Message-ID"]) or "451 4.3.0 busy"
    deliver(seconds=5)
    sink.reply = lambda message: "250 OK"
    clock.shift(timedelta(minutes=2))
    assert deliver(seconds=5) == {"sent": 1}
    assert seen == [sink.received[0]["Message-ID"]] == [f"<{letter.uid}@library.example>"]
    letter.refresh_from_db()
    assert letter.last_error == ""


def test_a_letter_that_cannot_be_rendered_stops_no_other(sink):
    poison = LetterFactory(data=[loan_data(due_on="the day after tomorrow")], next_attempt_at=NOW - timedelta(hours=1))
    fine = LetterFactory()
    assert deliver(seconds=5) == {"retried": 1, "sent": 1}
    assert outcome(poison) == ("waiting", 1)
    assert "ValueError" in poison.last_error
    assert outcome(fine) == ("sent", 1)


def test_a_dropped_connection_is_dialled_again(sink):
    first = LetterFactory(reader=ReaderFactory(email="first@example.org"), next_attempt_at=NOW - timedelta(hours=1))
    LetterFactory()
    sink.reply = lambda message: "421 4.3.0 going down" if message["To"] == "first@example.org" else "250 OK"
    assert deliver(seconds=5) == {"retried": 1, "sent": 1}
    assert outcome(first) == ("waiting", 1)


def test_no_letter_is_touched_while_the_mail_server_is_away(settings, sink):
    settings.EMAIL_PORT = 1
    letter = LetterFactory()
    assert deliver(seconds=5) == {"unreachable": 1}
    assert outcome(letter) == ("waiting", 0)
    assert letter.next_attempt_at < NOW


def test_a_claimed_letter_belongs_to_its_sender_until_the_lease_runs_out(settings, sink, clock):
    settings.LETTER_LEASE_SECONDS = 600
    letter = LetterFactory()
    assert claim(channel=EmailChannel(), now=NOW).pk == letter.pk
    assert claim(channel=EmailChannel(), now=NOW) is None
    clock.shift(timedelta(seconds=599))
    assert deliver(seconds=5) == {}
    clock.shift(timedelta(seconds=1))
    assert deliver(seconds=5) == {"sent": 1}
    assert outcome(letter) == ("sent", 2)
    assert len(sink.received) == 1


@pytest.mark.django_db(transaction=True)
def test_a_sender_whose_lease_ran_out_does_not_overwrite_the_next_ones_verdict(sink, clock):
    letter = LetterFactory()

    def slow(message):
        clock.shift(timedelta(hours=1))
        assert claim(channel=EmailChannel(), now=datetime.now(UTC)).pk == letter.pk
        connection.close()  # this thread's own
        return "451 4.3.0 too slow"

    sink.reply = slow
    deliver(seconds=5)
    assert outcome(letter) == ("sending", 2)
    assert letter.last_error == ""


def test_a_letter_that_kills_its_senders_is_given_up(sink):
    killer = LetterFactory(status=Letter.Status.SENDING, attempts=MAX_ATTEMPTS, claimed_at=NOW - timedelta(hours=1))
    fine = LetterFactory()
    assert deliver(seconds=5) == {"dead": 1, "sent": 1}
    assert outcome(killer) == ("dead", 8)
    assert killer.last_error == "No sender survived it. "
    assert outcome(fine) == ("sent", 1)


def test_a_letter_too_late_to_be_of_use_is_given_up_with_its_last_error(sink):
    late = LetterFactory(expires_at=NOW, attempts=2, last_error="TimeoutError: timed out")
    assert deliver(seconds=5) == {"dead": 1}
    assert outcome(late) == ("dead", 2)
    assert late.last_error == "Too late to be of use. TimeoutError: timed out"
    assert sink.received == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SMTPRecipientsRefused({"a@example.org": (550, b"no such user")}), True),
        (SMTPRecipientsRefused({"a@example.org": (450, b"greylisted")}), False),
        (SMTPDataError(554, b"spam"), True),
        (SMTPDataError(452, b"disk full"), False),
        (SMTPSenderRefused(550, b"who are you", "desk@library.example"), False),
        (TimeoutError(), False),
        (ValueError(), False),
    ],
)
def test_which_failures_are_final(error, expected):
    assert is_permanent(error) is expected


def test_a_letter_costs_a_bounded_number_of_queries(sink, django_assert_num_queries):
    for _ in range(3):
        LetterFactory()
    with django_assert_num_queries(2 + 1 + 3 * 7 + 3):
        deliver(seconds=5)
