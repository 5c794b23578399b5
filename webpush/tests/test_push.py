"""Messages of the browser: switched on and off on the page, sent through a real push service, decrypted and read."""

import json
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from accounts.tests.factories import ReaderFactory
from notifications.channels.base import Refused
from notifications.delivery import deliver
from notifications.models import Letter
from notifications.rendering import Rendered
from notifications.tests.factories import LetterFactory, loan_data
from webpush import sending
from webpush.actions import MOST, device_name
from webpush.channel import PushChannel
from webpush.keys import public_key
from webpush.models import Subscription
from webpush.tests.push_service import Browser, PushService

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def noon():
    """Readers are not asleep."""
    with time_machine.travel(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), tick=False):
        yield


@pytest.fixture(scope="module")
def push_service():
    service = PushService()
    yield service
    service.stop()


@pytest.fixture
def service(push_service, settings):
    """The push service, with a library that has keys and sends to nowhere else."""
    out = StringIO()
    call_command("make_push_keys", stdout=out)
    settings.PUSH_PRIVATE_KEY = re.fullmatch(r"PUSH_PRIVATE_KEY=([\w-]{43})\n", out.getvalue())[1]
    settings.PUSH_PRIVATE_ADDRESSES = True
    settings.NOTICE_CHANNELS = ["webpush.channel.PushChannel"]
    settings.LIBRARY_URL = "https://library.example"
    push_service.headers.clear()
    return push_service


@pytest.fixture
def anna():
    return ReaderFactory(full_name="Анна", signs_in=True, language="en")


def signed_in(reader):
    client = Client()
    client.force_login(reader.user)
    return client


def switch_on(reader, browser):
    return signed_in(reader).post(
        "/my/browsers/", json.dumps(browser.as_json()), "application/json", headers={"user-agent": FIREFOX}
    )


def letter_to(reader, **more):
    return LetterFactory(reader=reader, channel=Letter.Channel.PUSH, address="Firefox, Linux", **more)


def outcome(letter):
    letter.refresh_from_db()
    return letter.status, letter.last_error


def test_a_letter_is_shown_by_every_browser_that_was_switched_on(service, anna):
    phone, laptop = Browser(service), Browser(service)
    assert [switch_on(anna, one).status_code for one in (phone, laptop, laptop)] == [204, 204, 204]
    assert list(Subscription.objects.values_list("device", flat=True)) == ["Firefox, Linux"] * 2
    letter = letter_to(anna)
    assert deliver(seconds=5) == {"sent": 1}
    (message,) = laptop.shown
    assert phone.shown == laptop.shown
    assert message["title"] == "Due Nov. 23, 2026: Война и мир"
    assert "Война и мир" in message["body"]
    assert "Hello" not in message["body"]
    assert (message["url"], message["tag"], message["language"]) == (
        "https://library.example/my/",
        str(letter.uid),
        "en",
    )
    assert service.signed_by == public_key()
    assert {(sent["TTL"], sent["Urgency"]) for sent in service.headers} == {("86400", "normal")}


def test_a_browser_that_went_away_is_forgotten_and_the_letter_goes_another_way(service, anna, settings, mailoutbox):
    settings.NOTICE_CHANNELS = ["webpush.channel.PushChannel", "notifications.channels.email.EmailChannel"]
    gone = Browser(service)
    switch_on(anna, gone)
    gone.status = 410
    letter = letter_to(anna)
    assert [deliver(seconds=5), deliver(seconds=5)] == [{"passed_on": 1}, {"sent": 1}]
    assert not Subscription.objects.exists()
    letter.refresh_from_db()
    assert (letter.channel, letter.tried) == ("email", ["push"])
    assert [mail.to for mail in mailoutbox] == [[anna.email]]


def test_one_browser_that_takes_it_is_enough_and_trouble_is_tried_again(service, anna):
    ill, well = Browser(service), Browser(service)
    switch_on(anna, ill)
    ill.status = 503
    letter = letter_to(anna)
    assert deliver(seconds=5) == {"retried": 1}
    assert outcome(letter) == ("waiting", "NotTaken: localhost: 503")
    switch_on(anna, well)
    letter_to(anna)
    assert deliver(seconds=5) == {"sent": 1}
    assert Subscription.objects.count() == 2


def test_a_long_letter_is_cut_to_what_a_message_holds(service, anna):
    browser = Browser(service)
    switch_on(anna, browser)
    letter_to(anna, data=[loan_data(title=f"Очень длинное название книги {n}") for n in range(100)])
    assert deliver(seconds=5) == {"sent": 1}
    assert browser.shown[0]["body"].endswith("…")


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://127.0.0.1/push",
        "https://[::1]/push",
        "https://10.0.0.7/",
        "https://localhost/",
        "https://169.254.169.254/",
    ],
)
def test_nothing_is_sent_into_a_private_network(service, anna, settings, endpoint):
    browser = Browser(service)
    settings.PUSH_PRIVATE_ADDRESSES = False
    browser.endpoint = endpoint
    assert switch_on(anna, browser).status_code == 204, "what a name leads to is known when something is sent"
    with pytest.raises(sending.NotTaken, match="private address"):
        sending.Sender().send(Subscription.objects.get(), b"{}", topic="t", seconds=1, is_urgent=False)


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "http://push.example.org/1"},
        {"endpoint": "https://user:password@push.example.org/1"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://push.example.org/" + "x" * 700},
        {"keys": {"p256dh": "A" * 87, "auth": "A" * 22}},
        {"keys": {}},
        {"keys": 7},
    ],
)
def test_a_browser_that_makes_no_sense_is_refused_with_a_sentence(service, anna, settings, change):
    settings.PUSH_PRIVATE_ADDRESSES = False
    given = json.dumps(Browser(service).as_json() | {"endpoint": "https://push.example.org/1"} | change)
    answer = signed_in(anna).post("/my/browsers/", given, "application/json", headers={"accept-language": "en"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("This browser ")
    assert not Subscription.objects.exists()


def test_browsers_are_switched_off_by_themselves_or_on_the_page_and_only_ones_own(service, anna):
    boris = ReaderFactory(signs_in=True)
    browser, other = Browser(service), Browser(service)
    switch_on(anna, browser)
    switch_on(boris, other)
    his = Subscription.objects.get(reader=boris)
    client = signed_in(anna)
    client.post("/my/browsers/remove/", json.dumps({"endpoint": other.endpoint}), "application/json")
    client.post("/my/browsers/remove/", {"browser": his.uid})
    assert Subscription.objects.count() == 2
    assert client.post("/my/browsers/remove/", {"browser": "no"}).status_code == 404
    client.post("/my/browsers/remove/", json.dumps({"endpoint": browser.endpoint}), "application/json")
    assert list(Subscription.objects.all()) == [his]
    assert client.post("/my/browsers/remove/", json.dumps([]), "application/json").status_code == 204
    switch_on(anna, other)
    assert Subscription.objects.get().reader == anna, "a browser shows the letters of one reader"
    for _ in range(MOST):
        switch_on(anna, Browser(service))
    assert Subscription.objects.count() == MOST


def test_a_letter_to_a_reader_without_browsers_is_refused(service, anna):
    channel = PushChannel()
    assert channel.addresses([anna]) == {}
    channel.open()
    with pytest.raises(Refused):
        channel.send(letter_to(anna), _rendered())
    channel.close()


def test_the_worker_is_served_for_the_whole_site(service, client):
    answer = client.get("/push-worker.js")
    assert answer["Content-Type"] == "text/javascript"
    assert 'addEventListener("push"' in answer.text
    assert "script-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox, Linux"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 YaBrowser/25.10 Safari/537.36", "Yandex Browser, Windows"),
        ("curl/8", "?"),
    ],
)
def test_browsers_have_names(user_agent, name):
    assert device_name(user_agent) == name


def _rendered():
    return Rendered(subject="s", text="t", html="h", message="m", short="s", url="https://library.example/")
