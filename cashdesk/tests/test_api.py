"""Money over the API: who sees what, each deed, refusals in words, and that a repeated call takes no money twice."""

import pytest
from rest_framework.test import APIClient

from cashdesk import queries
from cashdesk.models import Entry

pytestmark = pytest.mark.django_db
V1 = "/api/v1"


@pytest.fixture
def call():
    """A function: call the API as somebody, in English."""

    def act(user, method, path, body=None, **headers):
        client = APIClient()
        client.force_authenticate(user)
        return getattr(client, method)(
            f"{V1}/{path}", body, format="json", headers={"Accept-Language": "en", **headers}
        )  # fmt: skip

    return act


def test_readers_see_their_own_and_no_names(call, till, vera, gleb, anna):
    till.charge("10")
    till.charge("99", reader_id=gleb.pk)
    (mine,) = call(vera.user, "get", "charges/").data["results"]
    assert (mine["amount"], mine["left"], mine["title"], mine["by"]) == ("10.00", "10.00", "Копии", None)
    assert call(vera.user, "get", "charges/", {"reader": str(gleb.uid)}).data["count"] == 0
    assert call(vera.user, "get", f"readers/{gleb.uid}/balance/").status_code == 404
    assert call(vera.user, "get", f"readers/{vera.uid}/balance/").data == {
        "balance": "10.00", "owed": "10.00", "credit": "0.00",
    }  # fmt: skip
    assert call(anna, "get", "charges/").data["count"] == 2


def test_every_deed(call, till, vera, anna, boris, centre):
    common = {"reader": str(vera.uid), "branch": "centre"}
    charge = call(anna, "post", "charges/", {**common, "amount": "80.00", "reason": "Копии"})
    assert (charge.status_code, charge.data["kind"], charge.data["left"]) == (201, "manual", "80.00")
    waived = call(boris, "post", f"charges/{charge.data['uid']}/waive/", {"amount": "30.00", "reason": "Болел"})
    assert (waived.status_code, waived.data["effect"]) == (201, "-30.00")
    paid = call(anna, "post", "payments/", {**common, "amount": "50.00", "method": "card"})
    assert (paid.data["receipt"], paid.data["left"]) == ("centre-2026-000001", "0.00")
    reversing = {"reason": "Ошибка", "branch": "centre"}
    back = call(boris, "post", f"charges/{charge.data['uid']}/reverse/", reversing)
    assert (back.data["kind"], back.data["reverses"]) == ("charge_reversal", charge.data["uid"])
    refunded = call(boris, "post", "refunds/", {**common, "amount": "50.00", "reason": "По заявлению"})
    assert refunded.data["receipt"] == "centre-2026-000002"
    undone = call(boris, "post", f"payments/{refunded.data['uid']}/reverse/", reversing)
    assert (undone.status_code, undone.data["receipt"]) == (201, "centre-2026-000003")
    assert queries.balance_of(vera.pk) == -50
    kinds = call(anna, "get", "payments/", {"kind": ["waiver", "payment"]}).data
    assert {entry["kind"] for entry in kinds["results"]} == {"waiver", "payment"}


def test_a_refusal_is_told_in_words(call, till, vera, anna):
    till.charge("10")
    paying = {"reader": str(vera.uid), "branch": "centre", "amount": "10.01"}
    refused = call(anna, "post", "payments/", paying)
    assert refused.status_code == 409
    (reason,) = refused.json()["reasons"]
    assert (reason["code"], reason["message"], reason["data"]) == (
        "more_than_owed",
        "This is more than is owed: ₽10.00.",
        {"amount": "10.00"},
    )
    for amount in ("0", "-5", "1.001", "NaN", "1e9"):
        assert call(anna, "post", "payments/", paying | {"amount": amount}).status_code == 400


def test_a_repeated_call_takes_no_money_twice(call, till, vera, anna):
    till.charge("100")
    paying = {"reader": str(vera.uid), "branch": "centre", "amount": "40.00"}
    answers = [call(anna, "post", "payments/", paying, **{"Idempotency-Key": "till-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert Entry.objects.filter(kind="payment").count() == 1


def test_lists_take_few_queries(call, till, anna, django_assert_max_num_queries):
    for _ in range(20):
        till.charge("1")
    with django_assert_max_num_queries(5):
        assert len(call(anna, "get", "charges/").data["results"]) == 20
