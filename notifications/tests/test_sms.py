"""Text messages through a gateway as libraries have them: a local HTTP server that takes JSON, a form or a query."""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from accounts.tests.factories import ReaderFactory
from notifications.channels.sms import cut, international, size
from notifications.delivery import deliver
from notifications.models import Letter
from notifications.tests.factories import LetterFactory

TEXT = "Due Nov. 23, 2026: Война и мир. Городская библиотека"


class Gateway:
    """Writes down what it was asked, and answers what it is told to."""

    def __init__(self):
        self.asked = []
        self.answer = (200, '{"status": "queued"}', {})
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self):
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                gateway.asked.append((parts.path, parse_qs(parts.query), body, dict(self.headers)))
                status, content, headers = gateway.answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content.encode())), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content.encode())

            do_GET = do_POST  # noqa: N815 - its name

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture(autouse=True)
def noon():
    """Readers are not asleep."""
    with time_machine.travel(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), tick=False):
        yield


@pytest.fixture(scope="module")
def server():
    gateway = Gateway()
    yield gateway
    gateway.http.shutdown()
    gateway.http.server_close()


@pytest.fixture
def gateway(server, settings):
    settings.NOTICE_CHANNELS = ["notifications.channels.sms.SmsChannel"]
    settings.LIBRARY_NAME = "Городская библиотека"
    settings.SMS_URL = f"{server.url}/send"
    settings.SMS_HEADERS = {"Authorization": "Bearer secret"}
    settings.SMS_BODY = '{"messages": [{"to": "{to}", "text": "{text}", "ref": "{id}"}]}'
    server.asked.clear()
    server.answer = (200, '{"status": "queued"}', {})
    return server


@pytest.fixture
def letter(db):
    reader = ReaderFactory(phone="8 (912) 345-67-89", language="en")
    return LetterFactory(reader=reader, channel=Letter.Channel.SMS, address="+79123456789")


def outcome(letter):
    letter.refresh_from_db()
    return letter.status, letter.attempts


def test_a_gateway_that_takes_json(gateway, letter):
    assert deliver(seconds=5) == {"sent": 1}
    ((path, query, body, headers),) = gateway.asked
    assert (path, query, headers["Authorization"]) == ("/send", {}, "Bearer secret")
    assert json.loads(body) == {"messages": [{"to": "+79123456789", "text": TEXT, "ref": str(letter.uid)}]}


def test_a_gateway_that_takes_a_form_or_a_query(gateway, letter, settings):
    settings.SMS_BODY = "phone={digits}&message={text}&sender=LIBRARY"
    deliver(seconds=5)
    assert parse_qs(gateway.asked[0][2]) == {"phone": ["79123456789"], "message": [TEXT], "sender": ["LIBRARY"]}
    settings.SMS_METHOD, settings.SMS_BODY = "GET", ""
    settings.SMS_URL = f"{gateway.url}/sms?key=s%26cret&to={{to}}&text={{text}}"
    LetterFactory(reader=letter.reader, channel=Letter.Channel.SMS, address="+79123456789")
    assert deliver(seconds=5) == {"sent": 1}
    assert gateway.asked[1][:2] == ("/sms", {"key": ["s&cret"], "to": ["+79123456789"], "text": [TEXT]})


@pytest.mark.parametrize(
    ("answer", "expected", "state"),
    [
        ((422, "no such number", {}), {"dead": 1}, ("dead", 1)),
        ((200, '{"error": "blacklisted"}', {}), {"dead": 1}, ("dead", 1)),
        ((200, '{"error": "try later"}', {}), {"retried": 1}, ("waiting", 1)),
        ((503, "down", {}), {"unreachable": 1}, ("waiting", 0)),
        ((402, "no money left", {}), {"unreachable": 1}, ("waiting", 0)),
        ((429, "", {"Retry-After": "90"}), {}, ("waiting", 0)),
    ],
)
def test_what_a_gateway_answers(gateway, letter, settings, answer, expected, state):
    settings.SMS_TAKEN, settings.SMS_REFUSED = '"queued"', "blacklisted"
    gateway.answer = answer
    assert deliver(seconds=5) == expected
    assert outcome(letter) == state
    assert "secret" not in letter.last_error


@pytest.mark.parametrize(
    ("phone", "number"),
    [
        ("8 (912) 345-67-89", "+79123456789"),
        ("+7 912 345 67 89", "+79123456789"),
        ("9123456789", "+79123456789"),
        ("+49 170 1234567", "+491701234567"),
        ("0049 170 1234567", "+491701234567"),
        ("12-34", ""),
        ("", ""),
        ("нет", ""),
    ],
)
def test_numbers_as_gateways_want_them(phone, number):
    assert international(phone) == number


@pytest.mark.parametrize(
    ("text", "parts", "kept"),
    [
        ("a" * 160, 1, 160),
        ("a" * 161, 1, 70),  # the sign of the cut is no letter of the short alphabet
        ("ж" * 70, 1, 70),
        ("ж" * 71, 2, 71),
        ("ж" * 200, 2, 134),
        ("€" * 80, 1, 80),
    ],
)
def test_a_text_is_as_long_as_its_messages_hold(text, parts, kept):
    assert len(cut(text, parts=parts)) == kept


def test_letters_beyond_the_plane_take_two_places():
    assert size("😀") == 2
    assert size("a[") == 3
