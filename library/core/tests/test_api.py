"""Errors as problem details, pages, ordering, limits."""

import json
from datetime import date

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from accounts.tests.factories import AdminFactory, UserFactory
from library.core.api import Limit, Ordering, Pages
from library.core.models import JobRun
from library.core.tests.api_for_tests import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.urls("library.core.tests.api_for_tests")]


@pytest.fixture
def api():
    return APIClient(headers={"accept-language": "en"}, raise_request_exception=False)


def problem(response, status, code):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    said = json.loads(response.content)
    assert (said["type"], said["status"], said["code"]) == ("about:blank", status, code)
    return said


def test_a_refusal_lists_every_reason_and_writes_nothing(api):
    said = problem(api.post("/api/effects/", {"job": "refused"}), 409, "refused")
    assert said["title"] == "Conflict"
    assert said["detail"] == "The rules say no, for 2 reasons."
    assert said["reasons"] == [
        {
            "code": "limit",
            "message": "Sentence for limit.",
            "data": {"limit": 3, "due": "2026-03-02"},
            "overridable": False,
        },
        {"code": "blocked", "message": "Sentence for blocked.", "data": {}, "overridable": False},
    ]
    assert not JobRun.objects.exists()


def test_overridable_speaks_of_the_very_caller(api):
    api.force_authenticate(AdminFactory())
    said = problem(api.post("/api/effects/", {"job": "refused"}), 409, "refused")
    assert [reason["overridable"] for reason in said["reasons"]] == [True, False]


def test_busy_says_when_to_try_again(api):
    response = api.post("/api/effects/", {"job": "busy"})
    problem(response, 503, "busy")
    assert response["Retry-After"] == "1"
    assert not JobRun.objects.exists()


def test_errors_name_their_fields_with_codes(api):
    said = problem(api.post("/api/effects/", {"days": [1, 40]}), 400, "invalid")
    assert said["errors"] == [
        {"field": "job", "code": "required", "message": "This field is required."},
        {"field": "days.1", "code": "max_value", "message": "Ensure this value is less than or equal to 31."},
    ]


def test_errors_of_actions_look_the_same(api):
    said = problem(api.post("/api/effects/", {"job": "invalid"}), 400, "invalid")
    assert said["errors"] == [{"field": "job", "code": "invalid", "message": "No such job."}]
    assert not JobRun.objects.exists()


def test_errors_of_no_field_have_an_empty_one(api):
    said = problem(api.post("/api/effects/", [1], format="json"), 400, "invalid")
    assert [error["field"] for error in said["errors"]] == [""]


def test_a_lost_race_is_a_conflict(api):
    problem(api.post("/api/effects/", {"job": "twice"}), 409, "conflict")
    assert not JobRun.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b'{"job": NaN}', b"[" * 100_000, b'{"job": ' + b"9" * 5000 + b"}"],
    ids=["cut", "not utf-8", "nan", "deep", "huge number"],
)
def test_a_body_that_is_no_json_is_malformed(api, body):
    problem(api.generic("POST", "/api/effects/", body, content_type="application/json"), 400, "malformed")


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"], ids=["nul", "surrogate"])
def test_characters_the_database_cannot_hold_are_refused(api, text):
    body = b'{"job": "%s"}' % text.encode()
    problem(api.generic("POST", "/api/effects/", body, content_type="application/json"), 400, "invalid")


def test_a_compressing_charset_is_not_decoded(api):
    response = api.generic("POST", "/api/effects/", b'{"job": "a"}', content_type="application/json; charset=bz2_codec")
    assert response.status_code == 201


def test_other_types_of_bodies_and_answers(api):
    problem(api.generic("POST", "/api/effects/", b"job=a", content_type="text/plain"), 415, "unsupported_media_type")
    problem(api.get("/api/effects/", headers={"accept": "text/csv"}), 406, "not_acceptable")


def test_a_body_too_large(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    problem(api.post("/api/effects/", {"job": "a" * 200}), 413, "too_large")
    assert api.post("/api/effects/", {"job": "a"}).status_code == 201


def test_methods_not_offered_say_so_whoever_asks(api):
    for method in ("put", "delete", "options", "trace"):
        response = api.generic(method.upper(), "/api/effects/")
        problem(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD, POST"


def test_strangers_are_told_to_sign_in(api):
    response = api.get("/api/private/")
    problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    problem(api.get("/api/private/", headers={"authorization": "Bearer nonsense"}), 401, "token_invalid")


def test_permissions_and_what_is_not_named_is_forbidden(api):
    api.force_authenticate(UserFactory())
    assert api.get("/api/private/").status_code == 200
    problem(api.post("/api/private/"), 403, "permission_denied")
    api.force_authenticate(AdminFactory())
    assert api.post("/api/private/").status_code == 204
    problem(api.delete("/api/private/"), 403, "permission_denied")


@pytest.mark.parametrize("path", ["/api/", "/api/v9/books/", "/api/effects", "/api/v1/%00", "/api/v1/../.."])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "BREW"])
def test_unknown_addresses(api, method, path):
    problem(api.generic(method, path), 404, "not_found")


def test_the_unforeseen_is_a_problem_with_the_number_of_the_request(api):
    for response in (api.post("/api/effects/", {"job": "broken"}), api.get("/api/effects/?crash")):
        said = problem(response, 500, "server_error")
        assert "unforeseen" not in response.content.decode()
        assert said["request_id"] == response["X-Request-ID"] != ""
        assert response["Content-Security-Policy"]
    assert not JobRun.objects.exists()


def test_a_wrong_host_is_a_problem_too(settings):
    settings.ALLOWED_HOSTS = ["library.example"]
    problem(Client().get("/api/effects/", headers={"host": "evil.example"}), 400, "bad_request")


def test_pages_outside_the_api_stay_pages(client):
    response = client.get("/no-such-page/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_the_language_asked_for(api):
    api.credentials(HTTP_ACCEPT_LANGUAGE="ru")
    said = problem(api.post("/api/effects/", {}), 400, "invalid")
    assert said["errors"][0]["message"] == "Обязательное поле."


def test_answers_to_signed_in_callers_are_not_cached(api):
    assert "Cache-Control" not in api.get("/api/effects/")
    assert api.post("/api/effects/", {"job": "a"})["Cache-Control"] == "no-store"
    assert api.get("/api/private/", headers={"authorization": "Bearer x"})["Cache-Control"] == "no-store"


# --- pages, ordering, limits ---------------------------------------------------------------------------------------
class View:
    orderings = {"job": ("job", "pk"), "day": ("-day", "-pk")}


@pytest.fixture
def jobs():
    """Seven jobs on the first seven days of the year: a on 1 4 7, b on 2 5, c on 3 6."""
    rows = [JobRun(job="abc"[n % 3], day=date(2026, 1, 1 + n), started_at=NOW) for n in range(7)]
    return JobRun.objects.bulk_create(rows)


def page(query):
    """The page as answered, with the days of its rows as results."""
    request = Request(APIRequestFactory().get("/api/jobs/?" + query))
    pages = Pages()
    found = pages.paginate_queryset(Ordering().filter_queryset(request, JobRun.objects.all(), View()), request)
    return pages.get_paginated_response([job.day.day for job in found]).data


def test_a_page_in_the_middle(jobs):
    assert page("page_size=3&page=2") == {
        "count": 7,
        "count_is_exact": True,
        "next": "http://testserver/api/jobs/?page_size=3&page=3",
        "previous": "http://testserver/api/jobs/?page_size=3&page=1",
        "results": [2, 5, 3],
    }


def test_the_last_page_has_no_next(jobs):
    last = page("page_size=3&page=3")
    assert (last["next"], last["results"]) == (None, [6])
    assert last["previous"] == "http://testserver/api/jobs/?page_size=3&page=2"


def test_orders(jobs):
    assert page("")["results"] == [1, 4, 7, 2, 5, 3, 6]
    assert page("ordering=-job")["results"] == [6, 3, 5, 2, 7, 4, 1]
    assert page("ordering=day")["results"] == [7, 6, 5, 4, 3, 2, 1]
    assert page("ordering=-day")["results"] == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(exceptions.ValidationError):
        page("ordering=password")


def test_an_empty_list_has_a_first_page():
    assert page("") == {"count": 0, "count_is_exact": True, "next": None, "previous": None, "results": []}


def test_no_page_beyond_the_last(jobs):
    with pytest.raises(exceptions.NotFound):
        page("page_size=3&page=4")


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page=", "page=²", "page_size=101", "page=99999999999"]
)
def test_numbers_that_are_none(jobs, query):
    with pytest.raises(exceptions.ValidationError):
        page(query)


def test_counting_stops_at_the_cap(jobs, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("library.core.api.COUNTED_TO", 5)
    with django_assert_num_queries(2):
        first = page("page_size=3")
    assert (first["count"], first["count_is_exact"]) == (5, False)
    last = page("page_size=3&page=2")
    assert (last["results"], last["next"]) == ([2, 5], None)


def test_a_short_first_page_needs_no_count(jobs, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert page("")["count"] == 7


class Three(Limit):
    name, calls, seconds = "test-of-limits", 3, 60

    def get_ident(self, request):
        return request.META["REMOTE_ADDR"]


def test_a_limit_counts_each_caller_alone():
    cache.clear()
    alice, bob = (APIRequestFactory().get("/", REMOTE_ADDR=address) for address in ("10.0.0.1", "10.0.0.2"))
    with time_machine.travel("2026-03-02 09:30:15Z", tick=False):
        assert [Three().allow_request(alice, None) for _ in range(4)] == [True, True, True, False]
        assert Three().allow_request(bob, None)
        assert Three().wait() == 45
        Three().forgive(alice)
        Three().forgive(alice)
        assert [Three().allow_request(alice, None) for _ in range(2)] == [True, False]
    with time_machine.travel("2026-03-02 09:31:00Z", tick=False):
        Three().forgive(alice)
        assert [Three().allow_request(alice, None) for _ in range(3)] == [True, True, True]


def test_an_invented_forwarded_address_is_not_believed():
    cache.clear()
    calls = [
        APIRequestFactory().get("/", REMOTE_ADDR="10.0.0.9", headers={"x-forwarded-for": f"1.1.1.{n}"})
        for n in range(4)
    ]

    class PerAddress(Limit):
        name, calls, seconds = "test-of-addresses", 3, 3600

    with time_machine.travel("2026-03-02 09:30:00Z", tick=False):
        assert [PerAddress().allow_request(call, None) for call in calls] == [True, True, True, False]
