"""The whole way of a letter, by task and by command."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from accounts.tests.factories import ReaderFactory
from notifications.models import Event, Letter
from notifications.tasks import deliver_notices
from notifications.tests.factories import LetterFactory, NoticeFactory

pytestmark = pytest.mark.django_db


def test_a_reader_registered_a_moment_ago_is_welcomed_by_the_next_run(sink):
    ReaderFactory(email="anna@example.org", registered_on=timezone.localdate())
    assert deliver_notices() == {"sent": 1}
    assert deliver_notices() == {}
    (message,) = sink.to("anna@example.org")
    assert "Городская библиотека" in message["Subject"]
    assert Letter.objects.get().event == Event.WELCOME


def test_more_notices_than_a_batch_leave_in_one_run(sink, monkeypatch):
    monkeypatch.setattr("notifications.bundling.BATCH_SIZE", 2)
    for _ in range(5):
        NoticeFactory()
    assert deliver_notices() == {"sent": 5}


def run():
    out = StringIO()
    with translation.override("en"):
        call_command("deliver_notices", stdout=out)
    return out.getvalue().strip()


def test_the_command_says_what_became_of_the_letters(sink):
    sink.refused["gone@example.org"] = "550 no such user"
    LetterFactory(reader=ReaderFactory(email="gone@example.org"))
    LetterFactory()
    assert run() == "Letters sent: 1, to be tried again: 0, not delivered: 1."


def test_the_command_fails_when_the_mail_server_is_away(sink, settings):
    settings.EMAIL_PORT = 1
    LetterFactory()
    with pytest.raises(CommandError):
        run()


def test_letters_can_go_to_files(settings, tmp_path):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    letters = [LetterFactory(), LetterFactory()]
    assert deliver_notices() == {"sent": 2}
    (file,) = tmp_path.iterdir()
    text = file.read_text()
    assert all(f"To: {letter.address}" in text for letter in letters)
