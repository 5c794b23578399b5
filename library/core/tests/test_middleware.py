"""The id and the log line of a request, and whose request it is."""

import io
import json
import logging
import re

import pytest
import structlog
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import reverse

from accounts.tests.factories import UserFactory
from library.core.logging import logging_config
from library.core.middleware import ClientAddressMiddleware, RequestLogMiddleware

UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture
def lines():
    """What really goes to standard error, through the configured formatter; gives the parsed lines so far."""
    config = logging_config(json=True, level="INFO")
    formatter = config["formatters"]["line"]
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(formatter.pop("()")(**formatter))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def of_requests(lines):
    return [line for line in lines if line["event"] == "request_finished"]


@pytest.mark.django_db
def test_one_line_says_what_was_asked_and_answered(client, lines):
    response = client.get("/accounts/login/?next=/secret-wish/", REMOTE_ADDR="203.0.113.7")
    (line,) = of_requests(lines())
    assert UUID.fullmatch(line["request_id"])
    assert response["X-Request-ID"] == line["request_id"]
    assert isinstance(line["ms"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])
    del line["request_id"], line["ms"], line["timestamp"]
    assert line == {
        "event": "request_finished",
        "logger": "library.request",
        "level": "info",
        "method": "GET",
        "path": "/accounts/login/",
        "status": 200,
        "user": None,
        "ip": "203.0.113.7",
    }


def test_every_line_written_meanwhile_carries_the_same_id(lines):
    def answer(request):
        structlog.get_logger("catalog").warning("shelf_collapsed", shelf="А-1")
        return HttpResponse()

    RequestLogMiddleware(answer)(RequestFactory().get("/", headers={"x-request-id": "from-the-proxy-1"}))
    (line,) = [line for line in lines() if line["event"] == "shelf_collapsed"]
    assert line["request_id"] == "from-the-proxy-1"
    assert line["shelf"] == "А-1"
    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.django_db
def test_a_failure_is_logged_whole_with_the_id_that_the_answer_names(client, lines, settings):
    settings.ROOT_URLCONF = "library.core.tests.urls_for_tests"
    client.raise_request_exception = False
    response = client.get("/fails/")
    assert response.status_code == 500
    (failure,) = [line for line in lines() if line["logger"] == "django.request"]
    assert failure["level"] == "error"
    assert failure["request_id"] == response["X-Request-ID"]
    assert "RuntimeError: no more books" in failure["exception"]
    assert of_requests(lines())[0]["status"] == 500


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", ["0af7651916cd43dd8448eb211c80319c", "8d1c4a9e-6b7f-4c55-9a53-0d1f0f6f6f10", "a.b_c-1.2"]
)
def test_the_proxys_id_is_taken_over(client, lines, given):
    assert client.get("/accounts/login/", headers={"x-request-id": given})["X-Request-ID"] == given
    assert of_requests(lines())[0]["request_id"] == given


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given", ["", "short", "x" * 37, "a b c d e f", "id\twith\ttabs", "<script>alert(1)</script>", "ид-запроса-1"]
)
def test_an_id_that_no_audit_entry_could_hold_is_replaced(client, given):
    response = client.get("/accounts/login/", headers={"x-request-id": given})
    assert UUID.fullmatch(response["X-Request-ID"])


@pytest.mark.django_db
def test_who_asked_is_named_if_anything_asked_for_it(client, lines, django_assert_num_queries):
    user = UserFactory()
    client.force_login(user)
    client.get(reverse("account_change_password"))
    assert of_requests(lines())[0]["user"] == user.pk


@pytest.mark.django_db
def test_the_log_itself_asks_the_database_nothing(client, lines, settings, django_assert_num_queries):
    settings.ROOT_URLCONF = "library.core.tests.urls_for_tests"
    client.force_login(UserFactory())
    with django_assert_num_queries(0):
        client.get("/silent/")
    assert of_requests(lines())[0]["user"] is None


@pytest.mark.django_db
def test_keys_in_links_are_not_logged(client, lines):
    client.get(reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "c0ffee-123456"}))
    (line,) = of_requests(lines())
    assert "c0ffee" not in json.dumps(line)
    assert line["path"].startswith("/accounts/password/reset/key/")


def test_static_files_are_not_logged(client, lines):
    client.get("/static/no-such-file.css")
    assert of_requests(lines()) == []


# --- Whose request it is -------------------------------------------------------------------------------------------
def address_seen(forwarded):
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="10.0.0.2")
    ClientAddressMiddleware(lambda request: HttpResponse())(request)
    return request.META["REMOTE_ADDR"]


def test_behind_our_proxy_its_word_counts_and_not_the_clients_own(settings):
    settings.BEHIND_PROXY = True
    assert address_seen("203.0.113.7") == "203.0.113.7"
    assert address_seen("198.51.100.1, 203.0.113.7") == "203.0.113.7"
    assert address_seen("198.51.100.1,2001:db8::7") == "2001:db8::7"
    assert address_seen(None) == "10.0.0.2"


def test_without_a_proxy_nobodys_word_counts(settings):
    settings.BEHIND_PROXY = False
    assert address_seen("203.0.113.7") == "10.0.0.2"
