"""The API's description: valid, complete, and readable in a browser under the strict Content-Security-Policy."""

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

SAFE = {"get", "head"}


@pytest.fixture(scope="module")
def operations():
    """(path, method) -> operation."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return {(path, method): operation for path, item in paths.items() for method, operation in item.items()}


def test_the_schema_is_valid_and_without_warnings(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))


def test_every_operation_is_described(operations):
    assert len(operations) > 40
    for name, operation in operations.items():
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        assert {"406"} <= operation["responses"].keys(), name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (name, status)


def test_unsafe_operations_take_a_key_and_tell_what_can_go_wrong(operations):
    for (path, method), operation in operations.items():
        headers = [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"]
        if method in SAFE:
            assert headers == [], path
        else:
            assert headers == ["Idempotency-Key"], path
            assert {"400", "409", "422", "503"} <= operation["responses"].keys(), path


def test_who_may_call_is_said(operations):
    assert operations["/api/v1/books/", "get"]["security"] == [{"jwtAuth": []}, {}]
    assert operations["/api/v1/loans/", "post"]["security"] == [{"jwtAuth": []}]
    assert "circulation.check_out_copies" in operations["/api/v1/loans/", "post"]["description"]
    assert "security" not in operations["/api/v1/auth/login/", "post"]


def test_swagger_and_redoc_are_served_from_here(client, db):
    for path in ("/api/docs/", "/api/redoc/"):
        page = client.get(path)
        assert page.status_code == 200
        text = page.content.decode()
        assert "//" not in text.replace("<!--", "").replace("http://www.w3.org", "")
        assert "<style" not in text
        assert " style=" not in text


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "sign_of_life"),
    [
        ("/api/docs/", "text=Check out a copy to a reader"),
        ("/api/redoc/", "h2:has-text('Check out a copy to a reader')"),
    ],
)
def test_the_pages_work_under_the_strict_policy(visit, path, sign_of_life):
    visitor = visit()
    page = visitor.go(path)
    page.wait_for_selector(sign_of_life, timeout=60_000)
    policy = page.request.get(page.url).headers["content-security-policy"]
    assert "unsafe" not in policy
    page.wait_for_timeout(1000)
    assert visitor.faults == []
