"""Letters of the library as messages of the bot."""

from datetime import timedelta

import pytest

from accounts.tests.factories import ReaderFactory, UserFactory
from notifications.delivery import deliver
from notifications.models import Event, Letter
from notifications.tests.factories import LetterFactory, loan_data
from telegram.channel import TelegramChannel
from telegram.models import Chat
from telegram.tests.conftest import NOW
from telegram.tests.server import Failure

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def channels(settings):
    settings.NOTICE_CHANNELS = ["telegram.channel.TelegramChannel", "notifications.channels.email.EmailChannel"]


def letter_to(reader, **more):
    return LetterFactory(reader=reader, channel=Letter.Channel.TELEGRAM, address="501", **more)


def outcome(letter):
    letter.refresh_from_db()
    return letter.status, letter.channel, letter.attempts


def test_a_letter_comes_as_a_message_with_a_button_that_works(telegram, anna, hear):
    letter = letter_to(anna, data=[loan_data(title="Война & мир <1>")])
    assert deliver(seconds=5) == {"sent": 1}
    assert outcome(letter) == ("sent", "telegram", 1)
    text = telegram.text()
    assert text.startswith("Due Nov. 23, 2026: Война & мир <1>\n\n")
    assert text.endswith("\n\nhttps://library.example/my/")
    assert "Hello" not in text
    assert telegram.buttons() == [["Show my loans"]]
    hear(telegram.taps("Show my loans"))
    assert telegram.text() == "You have nothing from the library now."


def test_who_is_reached(telegram, anna, django_assert_num_queries):
    blocked, closed, stranger = ReaderFactory(signs_in=True), ReaderFactory(signs_in=True), ReaderFactory(signs_in=True)
    Chat.objects.create(user=blocked.user, chat_id=2, linked_at=NOW, blocked_at=NOW)
    Chat.objects.create(user=closed.user, chat_id=3, linked_at=NOW)
    Chat.objects.create(user=UserFactory(), chat_id=4, linked_at=NOW)
    closed.user.is_active = False
    closed.user.save()
    with django_assert_num_queries(1):
        assert TelegramChannel().addresses([anna, blocked, closed, stranger, ReaderFactory.build()]) == {anna.pk: "501"}


def test_a_letter_goes_another_way_where_the_bot_is_blocked(telegram, anna, mailoutbox):
    telegram.blocked.add(501)
    letter = letter_to(anna)
    assert [deliver(seconds=5), deliver(seconds=5)] == [{"passed_on": 1}, {"sent": 1}]
    assert outcome(letter) == ("sent", "email", 1)
    assert len(mailoutbox) == 1
    assert Chat.objects.get().blocked_at == NOW


def test_a_pause_is_kept_and_no_attempt_is_lost(telegram, anna, clock):
    telegram.failures.append(Failure(429, "Too Many Requests: retry after 35", retry_after=35))
    letter = letter_to(anna)
    assert deliver(seconds=5) == {}
    assert outcome(letter) == ("waiting", "telegram", 0)
    assert letter.next_attempt_at == NOW + timedelta(seconds=35)
    clock.shift(timedelta(seconds=35))
    assert deliver(seconds=5) == {"sent": 1}


def test_while_telegram_is_away_letters_stay(telegram, anna, settings):
    settings.TELEGRAM_API_URL = "http://127.0.0.1:1"
    letter = letter_to(anna, event=Event.OVERDUE)
    assert deliver(seconds=5) == {"unreachable": 1}
    assert outcome(letter) == ("waiting", "telegram", 0)
    assert settings.TELEGRAM_BOT_TOKEN not in letter.last_error
