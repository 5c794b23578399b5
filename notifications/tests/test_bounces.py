"""Letters that come back: true reports of mail servers mark addresses, and the letters go another way."""

import mailbox
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from io import StringIO
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.core.management import call_command

from accounts.tests.factories import ReaderFactory
from library.core.models import AuditEntry
from notifications.bounces import read_report, take_in
from notifications.bundling import bundle
from notifications.models import Bounce, Event, Letter
from notifications.tests.factories import LetterFactory, NoticeFactory
from notifications.tests.imap import start_imap

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_channels(settings):
    settings.NOTICE_CHANNELS = ["notifications.channels.email.EmailChannel", "notifications.tests.channels.Pigeons"]


@pytest.fixture
def letter():
    reader = ReaderFactory(email="Anna@example.org", phone="+7 900 000-00-01")
    return LetterFactory(reader=reader, status="sent", sent_at=NOW, attempts=1)


def report(letter, *, status="5.1.1", action="failed", headers_only=True):
    """As Postfix writes it."""
    quoted = "text/rfc822-headers" if headers_only else "message/rfc822"
    return (
        "From: MAILER-DAEMON@mx.example.org (Mail Delivery System)\r\n"
        "To: desk@library.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B1"\r\n\r\n'
        "--B1\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you…\r\n\r\n"
        "--B1\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        "Final-Recipient: rfc822; anna@example.org\r\nOriginal-Recipient: rfc822;Anna@example.org\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <anna@example.org>: Recipient address rejected:\r\n    User unknown\r\n\r\n"
        f"--B1\r\nContent-Type: {quoted}\r\n\r\n"
        f"Message-ID: <{letter.uid}@library.example>\r\nSubject: Overdue\r\n\r\n--B1--\r\n"
    ).encode()


@pytest.mark.parametrize("headers_only", [True, False])
def test_a_report_is_read_whichever_way_the_letter_is_quoted(letter, headers_only):
    (found,) = read_report(message_from_bytes(report(letter, headers_only=headers_only)))
    assert (found.recipient, found.action, found.status) == ("anna@example.org", "failed", "5.1.1")
    assert found.diagnosis.endswith("Recipient address rejected: User unknown")
    assert found.letter_uid == letter.uid
    assert found.is_final


def taken(content):
    return take_in([(message_from_bytes(content), lambda: None)], now=NOW)


def test_an_address_that_does_not_work_is_marked_and_the_letter_goes_another_way(letter):
    assert taken(report(letter)) == {"marked": 1, "other": 0}
    assert taken(report(letter)) == {"ignored": 1, "other": 0}, "the same report again changes nothing"
    letter.refresh_from_db()
    assert (letter.status, letter.channel, letter.tried) == ("waiting", "telegram", ["email"])
    assert "User unknown" in Bounce.objects.get(address="anna@example.org").diagnosis
    assert AuditEntry.objects.get(action="notifications.bounce").subject_id == letter.reader_id
    NoticeFactory(reader=letter.reader, event=Event.OVERDUE)
    bundle(now=NOW)
    assert Letter.objects.get(event=Event.OVERDUE).channel == "telegram", "later letters do not try it"
    letter.reader.email = "new@example.org"
    letter.reader.save(update_fields=["email"])
    NoticeFactory(reader=letter.reader, event=Event.CHARGE)
    bundle(now=NOW)
    assert Letter.objects.get(event=Event.CHARGE).address == "new@example.org", "a new address is trusted at once"


@pytest.mark.parametrize(
    ("change", "outcome", "status"),
    [
        ({"status": "5.2.2"}, "passed_on", "waiting"),
        ({"status": "4.4.7"}, "passed_on", "waiting"),
        ({"status": "4.4.7", "action": "delayed"}, "ignored", "sent"),
        ({"status": "2.0.0", "action": "delivered"}, "ignored", "sent"),
    ],
)
def test_a_full_mailbox_or_a_slow_server_marks_nobody(letter, change, outcome, status):
    assert taken(report(letter, **change))[outcome] == 1
    letter.refresh_from_db()
    assert letter.status == status
    assert not Bounce.objects.exists()


def test_what_is_no_report_or_of_no_letter_of_ours_marks_nobody(letter):
    answer = EmailMessage()
    answer["Subject"] = "I am on holiday"
    answer.set_content(f"Message-ID: <{letter.uid}@library.example>")
    assert taken(answer.as_bytes()) == {"other": 1}
    stranger = SimpleNamespace(uid=uuid4())
    assert taken(report(stranger))["unmatched"] == 1
    assert not Bounce.objects.exists()


def run(**options):
    out = StringIO()
    call_command("read_bounces", stdout=out, **options)
    return out.getvalue()


def test_a_maildir_is_read_once(letter, tmp_path):
    box = mailbox.Maildir(tmp_path / "mail")
    box.add(report(letter))
    run(maildir=tmp_path / "mail")
    assert Bounce.objects.count() == 1
    assert [message.get_subdir() for message in box] == ["cur"]


def test_a_mailbox_is_read_by_imap_and_left_as_seen(letter, settings):
    with start_imap([report(letter), b"Subject: hello\r\n\r\nhello\r\n"], "desk", "s3cret word") as server:
        settings.BOUNCE_MAILBOX_URL = f"imap://desk:s3cret%20word@127.0.0.1:{server.port}/INBOX"
        run()
        assert Bounce.objects.count() == 1
        assert server.seen == {1, 2}
        run()
        assert server.fetched == [1, 2]
