"""The API: own reservations for readers, all for staff, refusals with every reason, calls that may be repeated."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cashdesk.models import Entry
from circulation.tests.factories import LoanFactory
from policies.models import LendingRule
from reservations.models import Reservation
from reservations.tests.factories import ReservationFactory

URL = "/api/v1/reservations/"


def caller(user):
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def out(copy, gleb):
    """The copy is with Gleb for ten days more."""
    now = timezone.now()
    LoanFactory(copy=copy, reader=gleb, checked_out_at=now, due_at=now + timedelta(days=10))
    return copy.book


def test_place_once_see_and_cancel(vera, out, north):
    client = caller(vera.user)
    body = {"book": str(out.uid), "branch": "north"}
    LendingRule.objects.update(reservation_fee="25.00")
    first = client.post(URL, body, headers={"Idempotency-Key": "one"})
    again = client.post(URL, body, headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    said = first.json()
    assert (said["place"], said["state"], said["pickup_branch"]) == (1, "waiting", "north")
    assert said["expected_on"] == (timezone.localdate() + timedelta(days=12)).isoformat()
    assert [(entry.kind, str(entry.amount)) for entry in Entry.objects.all()] == [("reservation", "25.00")]

    refused = client.post(URL, body)
    assert refused.status_code == 409
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["already_reserved"]

    one = f"{URL}{said['uid']}/"
    until = (timezone.localdate() + timedelta(days=3)).isoformat()
    assert client.post(f"{one}suspend/", {"until": until}).json()["suspended_until"] == until
    assert client.post(f"{one}resume/").json()["suspended_until"] is None
    assert client.post(f"{one}move/", {"place": 1, "why": "мне"}).status_code == 403
    assert client.post(f"{one}cancel/").json()["state"] == "cancelled"
    assert client.get(URL, {"state": "cancelled"}).json()["count"] == 1


def test_another_readers_are_not_there(vera, gleb, anna, out):
    his = ReservationFactory(book=out, reader=gleb)
    mine = ReservationFactory(book=out, reader=vera)
    client, one = caller(vera.user), f"{URL}{his.uid}/"
    assert [row["uid"] for row in client.get(URL).json()["results"]] == [str(mine.uid)]
    assert client.get(URL, {"reader": str(gleb.uid)}).json()["count"] == 0
    assert client.get(one).status_code == 404
    for deed, body in (("cancel", {}), ("suspend", {"until": "2099-01-01"}), ("resume", {})):
        assert client.post(f"{one}{deed}/", body).status_code == 404
    body = {"book": str(out.uid), "branch": "centre", "reader": str(gleb.uid)}
    assert client.post(URL, body).status_code == 403
    assert caller(anna).get(URL).json()["count"] == 2


def test_staff_reserve_move_and_cancel_with_a_reason(vera, gleb, anna, out):
    LendingRule.objects.update(on_shelf="when_all_out")
    client = caller(anna)
    ReservationFactory(book=out, reader=gleb)
    placed = client.post(URL, {"book": str(out.uid), "branch": "centre", "reader": str(vera.uid)})
    one = f"{URL}{placed.json()['uid']}/"
    assert placed.json()["place"] == 2
    assert client.post(f"{one}move/", {"place": 1, "why": "Экзамен"}).json()["place"] == 1
    unexplained = client.post(f"{one}cancel/")
    assert (unexplained.status_code, unexplained.json()["errors"][0]["field"]) == (400, "why")
    assert client.post(f"{one}cancel/", {"why": "Передумала"}).json()["why"] == "Передумала"
    assert Reservation.objects.get(reader=vera).ended_by == anna
    nobody = client.post(URL, {"book": str(vera.uid), "branch": "centre", "reader": str(out.uid)})
    assert [reason["code"] for reason in nobody.json()["reasons"]] == ["reader_unknown", "book_unknown"]


def test_queries_of_a_list_do_not_grow(vera, anna, new_copy, centre, django_assert_num_queries):
    client = caller(anna)
    ReservationFactory.create_batch(3, reader=vera, pickup_branch=centre)
    ReservationFactory(reader=vera, book=new_copy().book, pickup_branch=centre)
    client.get(URL)  # Anna's permissions are remembered from now on
    with django_assert_num_queries(7):
        client.get(URL)
    for _n in range(5):
        ReservationFactory(reader=vera, book=new_copy().book, pickup_branch=centre)
    with django_assert_num_queries(7):
        client.get(URL)
