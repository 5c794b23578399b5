"""Several channels beside each other: which one a letter takes, and where it goes when that fails."""

from datetime import UTC, datetime, timedelta

import pytest
import redis
import time_machine

from accounts.tests.factories import ReaderFactory
from notifications.bundling import bundle
from notifications.channels.base import Refused, SlowDown, Unreachable
from notifications.delivery import deliver
from notifications.models import Letter
from notifications.pacing import may_send
from notifications.tests.channels import Pigeons
from notifications.tests.factories import LetterFactory, NoticeFactory

NOW = datetime(2026, 11, 20, 6, 1, tzinfo=UTC)
PIGEONS, EMAIL = "notifications.tests.channels.Pigeons", "notifications.channels.email.EmailChannel"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def pigeons(settings, monkeypatch):
    settings.NOTICE_CHANNELS = [PIGEONS, EMAIL]
    monkeypatch.setattr(Pigeons, "carried", [])
    monkeypatch.setattr(Pigeons, "fly", staticmethod(lambda letter: None))
    return Pigeons


def failing(error):
    def fly(letter):
        raise error

    Pigeons.fly = staticmethod(fly)


@pytest.fixture
def letter():
    """Waits for a pigeon; its reader has an e-mail address as well."""
    reader = ReaderFactory(email="anna@example.org", phone="+7 900 000-00-01")
    return LetterFactory(reader=reader, channel="telegram", address=reader.phone)


def state(letter):
    letter.refresh_from_db()
    return letter.status, letter.channel, letter.address, letter.tried, letter.attempts


def test_a_letter_takes_the_first_channel_that_reaches_its_reader(sink):
    both = NoticeFactory(reader=ReaderFactory(phone="+7 900 000-00-01", language="en")).reader
    NoticeFactory(reader=ReaderFactory(phone="", email="anna@example.org"))
    bundle(now=NOW)
    assert Letter.objects.get(reader=both).expires_at == datetime(2026, 11, 21, 6, 1, tzinfo=UTC)
    assert deliver(seconds=5) == {"sent": 2}
    assert Pigeons.carried == [("+7 900 000-00-01", "Due Nov. 23, 2026: Война и мир")]
    assert [message["To"] for message in sink.received] == ["anna@example.org"]


def test_a_letter_that_is_refused_goes_to_the_next_channel_and_is_given_up_after_the_last(sink, letter):
    failing(Refused("the bot was blocked"))
    sink.refused["anna@example.org"] = "550 5.1.1 no such user"
    assert deliver(seconds=5) == {"passed_on": 1}
    assert state(letter) == ("waiting", "email", "anna@example.org", ["telegram"], 0)
    assert letter.last_error == "the bot was blocked"
    assert letter.expires_at == datetime(2026, 11, 23, 6, 1, tzinfo=UTC)
    assert deliver(seconds=5) == {"dead": 1}
    assert state(letter) == ("dead", "email", "anna@example.org", ["telegram"], 1)


def test_a_letter_that_fails_too_often_goes_to_the_next_channel(sink, letter):
    failing(RuntimeError("lost in the fog"))
    Letter.objects.update(attempts=7)
    assert deliver(seconds=5) == {"passed_on": 1}
    assert deliver(seconds=5) == {"sent": 1}
    assert state(letter) == ("sent", "email", "anna@example.org", ["telegram"], 1)


@pytest.mark.parametrize(
    ("error", "outcome", "wait"),
    [
        (Unreachable("no pigeon at home"), {"unreachable": 1, "sent": 1}, timedelta(minutes=1)),
        (SlowDown(timedelta(seconds=40)), {"sent": 1}, timedelta(seconds=40)),
    ],
)
def test_a_channel_that_is_down_or_busy_costs_no_attempt_and_hinders_no_other(sink, letter, error, outcome, wait):
    failing(error)
    LetterFactory()
    assert deliver(seconds=5) == outcome
    assert state(letter)[:2] == ("waiting", "telegram")
    assert (letter.attempts, letter.next_attempt_at) == (0, NOW + wait)


def test_a_letter_waits_six_hours_for_a_channel_that_is_down_and_then_takes_another(sink, letter):
    failing(Unreachable("no pigeon at home"))
    Letter.objects.update(created_at=NOW - timedelta(hours=5, minutes=59))
    assert deliver(seconds=5) == {"unreachable": 1}
    Letter.objects.update(created_at=NOW - timedelta(hours=6), next_attempt_at=NOW)
    outcome = deliver(seconds=5) + deliver(seconds=5)
    assert outcome["sent"] == 1
    assert [message["To"] for message in sink.received] == ["anna@example.org"]
    assert state(letter) == ("sent", "email", "anna@example.org", ["telegram"], 1)


def test_what_costs_money_is_taken_at_last_and_only_for_what_must_be_known(settings, monkeypatch):
    settings.NOTICE_CHANNELS = [PIGEONS]
    monkeypatch.setattr(Pigeons, "is_costly", True)
    reader = ReaderFactory(phone="+7 900 000-00-01")
    for event in ("due_soon", "overdue"):
        NoticeFactory(key=event, event=event, reader=reader)
    bundle(now=NOW)
    assert set(Letter.objects.values_list("event", "status")) == {("due_soon", "no_address"), ("overdue", "waiting")}


def test_a_channel_sends_no_more_a_minute_than_it_may(settings, monkeypatch):
    redis.Redis.from_url(settings.REDIS_URL).delete("notices:rate:telegram")
    monkeypatch.setattr(Pigeons, "per_minute", 12)
    for n in range(5):
        LetterFactory(channel="telegram", address=f"+{n}")
    assert deliver(seconds=5) == {"sent": 2}, "the bucket holds what ten seconds allow"
    assert deliver(seconds=5) == {}
    assert Letter.objects.filter(status="waiting", attempts=0).count() == 3
    assert may_send("telegram", per_minute=0)
