"""Messages from staff."""

from datetime import UTC, datetime

import pytest

from accounts.tests.factories import LibrarianFactory, ReaderFactory, UserFactory
from library.core.errors import Invalid
from library.core.models import AuditEntry
from notifications.bundling import bundle
from notifications.messages import write_message
from notifications.models import Letter, Message, Notice
from notifications.rendering import render

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WRITE = "/admin/notifications/message/write/"
pytestmark = pytest.mark.django_db


def test_a_message_reaches_everybody_it_was_written_to_once():
    by, readers = LibrarianFactory(), [ReaderFactory(full_name="Анна", language="en"), ReaderFactory()]
    gone = ReaderFactory(erased_at=NOW)
    keys = [reader.pk for reader in (*readers, *readers, gone)]
    message = write_message(reader_ids=keys, subject=" An  evening ", text="Come\n\nall.", by=by, now=NOW)
    assert (message.readers, message.subject) == (2, "An evening")
    assert bundle(now=NOW) == 2
    letter = render(Letter.objects.get(reader=readers[0]))
    assert letter.subject == "An evening"
    assert "Hello, Анна!\n\nCome\n\nall.\n" in letter.text
    assert "<p>Come</p>" in letter.html
    entry = AuditEntry.objects.get(action="notifications.message")
    assert (entry.actor, entry.detail) == (by, {"readers": 2})


@pytest.mark.parametrize(("subject", "text"), [("", "x"), ("x", "  ")])
def test_nothing_is_sent_without_words_or_readers(subject, text):
    with pytest.raises(Invalid):
        write_message(reader_ids=[ReaderFactory().pk], subject=subject, text=text, by=LibrarianFactory(), now=NOW)
    with pytest.raises(Invalid):
        write_message(reader_ids=[], subject="x", text="y", by=LibrarianFactory(), now=NOW)
    assert not Message.objects.exists()


def test_staff_choose_readers_look_at_it_and_send(client):
    readers = [ReaderFactory(full_name="Анна", language="en"), ReaderFactory(email="")]
    ReaderFactory()
    client.force_login(LibrarianFactory())
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    chosen = {"action": "write_message", "_selected_action": [reader.pk for reader in readers]}
    assert client.post("/admin/accounts/reader/", chosen)["Location"] == WRITE
    words = {"subject": "Closed", "text": "<b>Sorry</b>"}
    page = client.post(WRITE, words | {"look": "1"}).content.decode()
    assert "Send to 2 readers" in page
    assert "Nothing reaches 1 of them" in page
    assert "&lt;b&gt;Sorry&lt;/b&gt;" in page
    assert not Notice.objects.exists()
    client.post(WRITE, words | {"send": "1"})
    assert set(Notice.objects.values_list("reader", flat=True)) == {reader.pk for reader in readers}
    assert "Choose readers in" in client.get(WRITE).content.decode()
    assert client.get(WRITE, {"reader": readers[0].pk}).context["count"] == 1
    client.force_login(UserFactory())
    assert client.get(WRITE).status_code == 302
