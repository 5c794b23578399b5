"""How readers want to be told: channels, what they do without, quiet hours, and the letter of the morning."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.tests.factories import LibrarianFactory, ReaderFactory, UserFactory
from library.core.errors import Invalid
from library.core.models import AuditEntry
from notifications.bundling import bundle, next_morning
from notifications.choosing import Choice, choose
from notifications.delivery import deliver
from notifications.models import Bounce, Event, Letter, Notice
from notifications.rendering import render
from notifications.tests.channels import Pigeons
from notifications.tests.factories import LetterFactory, NoticeFactory, loan_data
from policies.calendar import end_of_quiet
from policies.tests.factories import BranchFactory

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
PIGEONS, EMAIL = "notifications.tests.channels.Pigeons", "notifications.channels.email.EmailChannel"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_channels(settings, monkeypatch):
    settings.NOTICE_CHANNELS = [EMAIL, PIGEONS]
    settings.LIBRARY_URL = "https://library.example"
    monkeypatch.setattr(Pigeons, "carried", [])


@pytest.fixture
def alice():
    return ReaderFactory(
        full_name="Alice",
        email="alice@example.org",
        phone="+7 900 000-00-01",
        language="en",
        user=UserFactory(email="alice@example.org"),
        home_branch=BranchFactory(time_zone="Europe/Moscow"),
    )


def told(reader):
    return list(Letter.objects.filter(reader=reader).order_by("event").values_list("event", "channel", "status"))


def test_each_event_goes_the_way_its_reader_chose(alice):
    chosen = {
        "due_soon": Choice("none"),
        "overdue": Choice("telegram"),
        "charge": Choice("sms"),
    }
    for _twice in range(2):
        choose(reader=alice, choices=chosen, by=alice.user, now=NOW)
    for event in ("due_soon", "overdue", "charge", "welcome"):
        NoticeFactory(event=event, key=event, reader=alice)
    bundle(now=NOW)
    assert told(alice) == [
        ("charge", "email", "waiting"),
        ("due_soon", "email", "unwanted"),
        ("overdue", "telegram", "waiting"),
        ("welcome", "email", "waiting"),
    ], "a channel that does not reach the reader is passed over"
    assert AuditEntry.objects.filter(action="notifications.choose_letters").count() == 1


def test_the_usual_way_counts_where_nothing_else_was_chosen_and_after_it_the_librarys(alice, settings):
    settings.NOTICE_DEFAULTS = {"overdue": "telegram", "loan_receipt": "none"}
    bob = ReaderFactory(email="bob@example.org", phone="+7 900 000-00-02", home_branch=alice.home_branch)
    choose(reader=alice, choices={"": Choice("email"), "loan_receipt": Choice("")}, by=None, now=NOW)
    for reader in (alice, bob):
        for event in ("overdue", "loan_receipt"):
            NoticeFactory(event=event, key=f"{event}{reader.pk}", reader=reader)
    bundle(now=NOW)
    assert told(alice) == [("loan_receipt", "email", "waiting"), ("overdue", "email", "waiting")]
    assert told(bob) == [("loan_receipt", "email", "unwanted"), ("overdue", "telegram", "waiting")]


def test_what_must_be_known_is_told_and_at_once(alice):
    for choice in (Choice("none"), Choice("", is_daily=True)):
        with pytest.raises(Invalid):
            choose(reader=alice, choices={"due_soon": Choice("none"), "overdue": choice}, by=None, now=NOW)
    assert not alice.letter_preferences.exists()


def test_what_is_wanted_once_a_day_leaves_in_one_letter_in_the_morning(alice):
    choose(
        reader=alice,
        choices={"due_soon": Choice("", is_daily=True), "charge": Choice("", is_daily=True)},
        by=None,
        now=NOW,
    )
    money = {"entry": "1", "what": "fine", "title": "", "reason": "", "total_amount": "12.50", "receipt": ""}
    NoticeFactory(key="a", reader=alice, data=loan_data(title="Мать"))
    NoticeFactory(key="b", reader=alice, data=loan_data(title="Дар"))
    NoticeFactory(key="c", reader=alice, event=Event.CHARGE, stage=0, data=money)
    NoticeFactory(key="d", reader=alice, event=Event.OVERDUE, stage=1, data=loan_data())
    while bundle(now=NOW):
        pass
    assert told(alice) == [("overdue", "email", "waiting")]
    morning = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
    assert set(Notice.objects.filter(is_daily=True).values_list("ready_at", flat=True)) == {morning}
    assert bundle(now=morning) == 1
    letter = Letter.objects.get(event=Event.DIGEST)
    assert letter.notices.count() == 3
    rendered = render(letter)
    assert rendered.subject == "News from the library: 2 matters"
    assert rendered.text.index("## Due Nov. 23, 2026: 2 books") < rendered.text.index("## Fine: ₽12.50")
    assert rendered.text.count("Hello, Alice!") == 1
    assert rendered.html.count("<h2>") == 2
    assert rendered.html.count("<html") == 1


@pytest.mark.parametrize(
    ("now", "starts", "ends", "expected"),
    [
        ((20, 59), time(21), time(8), None),
        ((21, 0), time(21), time(8), (21, 8)),
        ((7, 59), time(21), time(8), (20, 8)),
        ((8, 0), time(21), time(8), None),
        ((13, 30), time(13), time(14), (20, 14)),
        ((14, 0), time(13), time(14), None),
        ((12, 0), time(8), time(8), None),
    ],
)
def test_quiet_hours(now, starts, ends, expected):
    ends_at = end_of_quiet(datetime(2026, 11, 20, *now, tzinfo=MOSCOW), starts=starts, ends=ends)
    assert ends_at == (datetime(2026, 11, *expected, tzinfo=MOSCOW) if expected else None)


def test_a_message_waits_for_the_end_of_the_quiet_hours_of_the_branch(alice, sink):
    choose(reader=alice, choices={"overdue": Choice("telegram")}, by=None, now=NOW)
    night = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
    NoticeFactory(event=Event.OVERDUE, key="o", reader=alice)
    NoticeFactory(event=Event.DUE_SOON, key="d", reader=alice)
    late = LetterFactory(reader=alice, channel="telegram", address="+1", event=Event.CHARGE, data=[])
    bundle(now=night)
    with time_machine.travel(night, tick=False) as clock:
        assert deliver(seconds=5) == {"sent": 1}, "e-mail does not wait"
        morning = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
        late.refresh_from_db()
        assert (late.status, late.next_attempt_at, late.attempts) == ("waiting", morning, 0)
        Letter.objects.filter(pk=late.pk).delete()
        clock.move_to(morning)
        assert deliver(seconds=5) == {"sent": 1}
    assert [address for address, _subject in Pigeons.carried] == ["+7 900 000-00-01"]


def test_the_morning_is_that_of_the_branch():
    omsk = ZoneInfo("Asia/Omsk")
    assert next_morning(datetime(2026, 11, 20, 2, 59, tzinfo=UTC), omsk) == datetime(2026, 11, 20, 3, tzinfo=UTC)
    assert next_morning(datetime(2026, 11, 20, 3, 0, tzinfo=UTC), omsk) == datetime(2026, 11, 21, 3, tzinfo=UTC)


def test_a_reader_chooses_on_a_page_and_by_the_api(client, alice):
    client.force_login(alice.user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = client.get("/my/letters/")
    assert "Text message" not in page.content.decode(), "a channel that is off is not offered"
    client.post("/my/letters/", {"usual": "telegram", "loan_receipt": "none", "charge": "email", "charge_daily": "on"})
    assert set(alice.letter_preferences.values_list("event", "channel", "is_daily")) == {
        ("", "telegram", False),
        ("loan_receipt", "none", False),
        ("charge", "email", True),
    }
    assert client.post("/my/letters/", {"overdue": "none"}).context["form"].errors["overdue"]

    api = APIClient()
    api.force_authenticate(alice.user)
    address = "/api/v1/auth/me/letters/preferences/"
    answer = api.get(address).json()
    assert answer["channels"] == {"email": "alice@example.org", "telegram": "+7 900 000-00-01"}
    assert answer["preferences"][0] == {"event": "", "channel": "telegram", "is_daily": False, "is_optional": False}
    changed = api.patch(address, {"preferences": [{"event": "charge", "channel": ""}]}, format="json").json()
    assert {"event": "charge", "channel": "", "is_daily": False, "is_optional": True} in changed["preferences"]
    refused = api.patch(address, {"preferences": [{"event": "overdue", "channel": "none"}]}, format="json")
    assert refused.status_code == 400


def test_readers_see_what_was_written_to_them_and_nobody_elses(client, alice):
    client.force_login(alice.user)
    own = LetterFactory(reader=alice, status="sent", sent_at=NOW)
    other = LetterFactory(status="sent", sent_at=NOW)
    LetterFactory(reader=alice, status="dead")
    assert [letter.pk for letter in client.get("/my/letters/sent/").context["page"]] == [own.pk]
    assert "Война и мир" in client.get(f"/my/letters/sent/{own.uid}/").content.decode()
    assert client.get(f"/my/letters/sent/{other.uid}/").status_code == 404
    api = APIClient()
    api.force_authenticate(alice.user)
    (listed,) = api.get("/api/v1/auth/me/letters/").json()["results"]
    assert (listed["event"], listed["channel"], listed["subject"]) == (
        "due_soon",
        "email",
        "Due Nov. 23, 2026: Война и мир",
    )


def test_staff_choose_for_a_reader_and_trust_an_address_again(client, alice):
    client.force_login(LibrarianFactory())
    Bounce.objects.create(address="alice@example.org", bounced_at=NOW, diagnosis="550 no such user")
    address = f"/admin/notifications/letter/reader/{alice.pk}/"
    assert "550 no such user" in client.get(address).content.decode()
    client.post(address, {"usual": "telegram"})
    assert alice.letter_preferences.get().channel == "telegram"
    client.post(f"{address}trust-address/")
    assert not Bounce.objects.exists()


def test_a_letter_can_be_switched_off_by_one_click_in_the_mail_program(client, alice, sink):
    LetterFactory(reader=alice)
    LetterFactory(reader=alice, event=Event.OVERDUE, stage=1)
    deliver(seconds=5)
    optional, needed = sink.to("alice@example.org")
    assert needed["List-Unsubscribe"] is None
    assert optional["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = optional["List-Unsubscribe"].strip(" <>")
    assert link in optional.get_body(["plain"]).get_content()
    path = link.removeprefix("https://library.example")
    client.handler.enforce_csrf_checks = True
    assert client.get(path).status_code == 200
    assert not alice.letter_preferences.exists(), "looking at the page, as scanners of mail do, changes nothing"
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert list(alice.letter_preferences.values_list("event", "channel")) == [("due_soon", "none")]
    assert client.post(path[:-2] + "x/").status_code == 404
