"""Lending through the API: what staff and readers may do and see, refusals with every reason, nothing twice."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts.tests.factories import ReaderBlockFactory, UserFactory
from catalog.models import Copy
from circulation.models import Loan
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry

pytestmark = pytest.mark.django_db
LOANS = "/api/v1/loans/"


@pytest.fixture(autouse=True)
def _noon():
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield


def client(user):
    api = APIClient(headers={"accept-language": "en"})
    api.force_authenticate(user)
    return api


@pytest.fixture
def desk(anna):
    """The librarian's program."""
    return client(anna)


def problem(response, status, code):
    said = json.loads(response.content)
    assert (response.status_code, said["code"]) == (status, code), said
    return said


def lend(api, reader, copy, **more):
    return api.post(LOANS, {"reader": reader, "copy": copy, **more})


def results(response):
    assert response.status_code == 200, response.content
    return response.json()["results"]


# --- check out -----------------------------------------------------------------------------------------------------
def test_checking_out(desk, vera, copy):
    response = lend(desk, "r000001", "4600000001")
    assert response.status_code == 201, response.content
    loan = Loan.objects.get()
    assert response.json() == {
        "uid": str(loan.uid),
        "copy": {
            "uid": str(copy.uid),
            "inventory_number": "INV-1",
            "barcode": "4600000001",
            "book": str(copy.book.uid),
            "title": "Война и мир",
        },
        "reader": {"uid": str(vera.uid), "card_number": "R000001", "full_name": "Вера Читатель"},
        "branch": "centre",
        "checked_out_at": "2026-03-02T12:00:00+03:00",
        "due_at": "2026-03-16T23:59:59+03:00",
        "renewals": 0,
        "last_renewed_at": None,
        "lost_at": None,
        "claimed_returned_at": None,
        "undone_at": None,
        "returned_at": None,
        "is_overdue": False,
        "overridden": [],
    }
    copy.refresh_from_db()
    assert copy.status == Copy.Status.LOANED
    assert loan.checked_out_by.email == "anna@example.org"


def test_by_public_ids_and_at_another_desk(desk, vera, copy, north):
    response = lend(desk, str(vera.uid), str(copy.uid), branch="north")
    assert (response.status_code, response.json()["branch"]) == (201, "north")


def test_both_unknown_are_told_at_once(desk, rule, centre):
    said = problem(lend(desk, "nobody", "nothing"), 409, "refused")
    assert [reason["code"] for reason in said["reasons"]] == ["reader_unknown", "copy_unknown"]
    assert said["reasons"][0]["message"] == "There is no reader with this card."


def test_every_reason_is_told_and_nothing_is_written(boris, vera, copy):
    ReaderBlockFactory(reader=vera, reason="Порча книги")
    Copy.objects.update(is_reference_only=True)
    said = problem(lend(client(boris), "R000001", "INV-1"), 409, "refused")
    assert [(reason["code"], reason["overridable"]) for reason in said["reasons"]] == [
        ("reader_blocked", True),
        ("in_library_use_only", False),
    ]
    assert said["reasons"][0]["data"] == {"until": None, "why": "Порча книги"}
    assert not Loan.objects.exists()


def test_the_fourth_is_refused_and_overridden(desk, vera, new_copy, boris):
    for number in range(3):
        assert lend(desk, "R000001", new_copy(barcode=f"B-{number}").barcode).status_code == 201
    fourth = new_copy(barcode="B-4")
    said = problem(lend(desk, "R000001", "B-4"), 409, "refused")
    [reason] = said["reasons"]
    assert (reason["code"], reason["message"]) == ("loan_limit", "The limit of loans is reached: 3 of 3.")
    assert (reason["data"]["count"], reason["data"]["limit"]) == (3, 3)

    admin = client(boris)
    unexplained = problem(lend(admin, "R000001", "B-4", overrides=["loan_limit"]), 400, "invalid")
    assert [error["field"] for error in unexplained["errors"]] == ["note"]
    assert Loan.objects.count() == 3
    done = lend(admin, "R000001", "B-4", overrides=["loan_limit"], note="До понедельника")
    assert (done.status_code, done.json()["overridden"]) == (201, ["loan_limit"])
    fourth.refresh_from_db()
    assert fourth.status == Copy.Status.LOANED
    detail = AuditEntry.objects.filter(action="circulation.check_out").first().detail
    assert (detail["note"], detail["overridden"][0]["reason"]) == ("До понедельника", "loan_limit")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"copy": "INV-1"}, "reader"),
        ({"reader": "R000001"}, "copy"),
        ({"reader": "R000001", "copy": "INV-1", "branch": "moon"}, "branch"),
        ({"reader": "R000001", "copy": "INV-1", "overrides": ["no_such_reason"]}, "overrides.0"),
        ({"reader": "R000001", "copy": "INV-1", "note": "x" * 501}, "note"),
    ],
)
def test_a_bad_call_names_the_field(desk, vera, copy, body, field):
    said = problem(desk.post(LOANS, body), 400, "invalid")
    assert [error["field"] for error in said["errors"]] == [field]


def test_the_same_key_lends_once(desk, vera, copy):
    body = {"reader": "R000001", "copy": "INV-1"}
    first, second = (desk.post(LOANS, body, headers={"idempotency-key": "k1"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second["Idempotency-Replayed"] == "true"
    assert Loan.objects.count() == 1
    problem(desk.post(LOANS, body), 409, "refused")
    problem(desk.post(LOANS, body | {"note": "x"}, headers={"idempotency-key": "k1"}), 422, "key_reused")


def test_asking_first(desk, vera, copy):
    asked = desk.post(f"{LOANS}preview/", {"reader": "R000001", "copy": "INV-1"})
    assert asked.json() == {"allowed": True, "due_at": "2026-03-16T23:59:59+03:00", "reasons": []}
    lend(desk, "R000001", "INV-1")
    asked = desk.post(f"{LOANS}preview/", {"reader": "R000001", "copy": "INV-1"}).json()
    assert not asked["allowed"]
    assert [(reason["code"], reason["overridable"]) for reason in asked["reasons"]] == [
        ("already_loaned_to_reader", False)
    ]
    assert Loan.objects.count() == 1


# --- renew ---------------------------------------------------------------------------------------------------------
def test_a_reader_renews_twice(desk, boris, vera, copy):
    uid = lend(desk, "R000001", "INV-1").json()["uid"]
    own = client(vera.user)
    assert own.post(f"{LOANS}{uid}/renew/").json()["due_at"] == "2026-03-30T23:59:59+03:00"
    again = own.post(f"{LOANS}{uid}/renew/").json()
    assert (again["due_at"], again["renewals"]) == ("2026-04-13T23:59:59+03:00", 2)
    said = problem(own.post(f"{LOANS}{uid}/renew/"), 409, "refused")
    assert [(reason["code"], reason["overridable"]) for reason in said["reasons"]] == [("renewal_limit", False)]
    forced = own.post(f"{LOANS}{uid}/renew/", {"overrides": ["renewal_limit"], "note": "очень надо"})
    problem(forced, 409, "refused")
    forced = client(boris).post(f"{LOANS}{uid}/renew/", {"overrides": ["renewal_limit"], "note": "можно"})
    assert (forced.status_code, forced.json()["overridden"]) == (200, ["renewal_limit"])


def test_a_reader_does_not_renew_anothers(desk, vera, gleb, copy):
    uid = lend(desk, "R000001", "INV-1").json()["uid"]
    problem(client(gleb.user).post(f"{LOANS}{uid}/renew/"), 404, "not_found")
    assert Loan.objects.get().renewals == 0


def test_seeing_all_loans_is_not_renewing_them(desk, vera, copy):
    from django.contrib.auth.models import Permission

    watcher = UserFactory()
    watcher.user_permissions.add(Permission.objects.get(codename="view_loan"))
    uid = lend(desk, "R000001", "INV-1").json()["uid"]
    assert client(watcher).get(f"{LOANS}{uid}/").status_code == 200
    problem(client(watcher).post(f"{LOANS}{uid}/renew/"), 403, "permission_denied")


# --- return --------------------------------------------------------------------------------------------------------
def test_returning_by_barcode_and_again(desk, vera, copy):
    lend(desk, "R000001", "INV-1")
    said = desk.post(f"{LOANS}return/", {"copy": "4600000001"}).json()
    assert (said["loan"]["returned_at"], said["overdue_days"], said["happenings"]) == (
        "2026-03-02T12:00:00+03:00",
        0,
        [],
    )
    again = desk.post(f"{LOANS}return/", {"copy": "4600000001"})
    assert again.status_code == 200
    assert again.json()["loan"] is None
    assert [told["code"] for told in again.json()["happenings"]] == ["not_on_loan"]
    problem(desk.post(f"{LOANS}return/", {"copy": "nothing"}), 409, "refused")


def test_returning_a_loan(desk, vera, gleb, copy, north):
    uid = lend(desk, "R000001", "INV-1").json()["uid"]
    said = desk.post(f"{LOANS}{uid}/return/", {"branch": "north"}).json()
    assert said["loan"]["uid"] == uid
    assert [(told["code"], told["message"]) for told in said["happenings"]] == [
        ("wrong_branch", "It belongs to Центр: send it there.")
    ]
    assert desk.post(f"{LOANS}return/", {"copy": "INV-1", "branch": "centre"}).json()["loan"] is None
    lend(desk, "R000002", "INV-1")
    again = desk.post(f"{LOANS}{uid}/return/").json()
    assert [told["code"] for told in again["happenings"]] == ["not_on_loan"]
    assert Loan.objects.open().get().reader == gleb


def test_returning_late_on_the_true_day(desk, vera, copy):
    LoanFactory(copy=copy, reader=vera, checked_out_at=datetime(2026, 2, 1, 9, tzinfo=UTC))
    said = desk.post(f"{LOANS}return/", {"copy": "INV-1", "returned_at": "2026-02-18T10:00:00+03:00"}).json()
    assert (said["overdue_days"], said["loan"]["returned_at"]) == (3, "2026-02-18T10:00:00+03:00")


@pytest.mark.parametrize("moment", ["2026-03-02T12:00:01+03:00", "2026-02-01T11:59:59+03:00", "yesterday"])
def test_an_impossible_time_of_return(desk, vera, copy, moment):
    LoanFactory(copy=copy, reader=vera, checked_out_at=datetime(2026, 2, 1, 9, tzinfo=UTC))
    said = problem(desk.post(f"{LOANS}return/", {"copy": "INV-1", "returned_at": moment}), 400, "invalid")
    assert [error["field"] for error in said["errors"]] == ["returned_at"]
    assert Loan.objects.open().count() == 1


# --- who sees what -------------------------------------------------------------------------------------------------
@pytest.fixture
def three_loans(vera, gleb, new_copy):
    return {
        "late": LoanFactory(copy=new_copy(), reader=vera, checked_out_at=NOW - timedelta(days=40)),
        "over": LoanFactory(copy=new_copy(), reader=vera, checked_out_at=NOW - timedelta(days=30), returned_at=NOW),
        "glebs": LoanFactory(copy=new_copy(), reader=gleb, checked_out_at=NOW - timedelta(days=1)),
    }


def uids(response):
    return [loan["uid"] for loan in results(response)]


def test_readers_see_their_own_loans_only(vera, gleb, desk, three_loans):
    late, over, glebs = (str(three_loans[name].uid) for name in ("late", "over", "glebs"))
    assert uids(client(vera.user).get(LOANS)) == [over, late]
    assert uids(client(gleb.user).get(LOANS)) == [glebs]
    assert uids(desk.get(LOANS)) == [glebs, over, late]
    assert uids(client(gleb.user).get(f"{LOANS}?reader={vera.uid}")) == []
    assert client(vera.user).get(f"{LOANS}{late}/").status_code == 200
    problem(client(gleb.user).get(f"{LOANS}{late}/"), 404, "not_found")
    problem(APIClient().get(LOANS), 401, "not_authenticated")
    problem(APIClient().get(f"{LOANS}{late}/"), 401, "not_authenticated")


def test_narrowing_and_ordering(desk, vera, three_loans):
    late, over, glebs = (str(three_loans[name].uid) for name in ("late", "over", "glebs"))
    assert uids(desk.get(f"{LOANS}?state=open")) == [glebs, late]
    assert uids(desk.get(f"{LOANS}?state=overdue")) == [late]
    assert uids(desk.get(f"{LOANS}?state=returned")) == [over]
    assert uids(desk.get(f"{LOANS}?reader={vera.uid}&ordering=due_at")) == [late, over]
    assert uids(desk.get(f"{LOANS}?copy={three_loans['glebs'].copy.uid}")) == [glebs]
    assert uids(desk.get(f"{LOANS}?branch=centre")) == [glebs, over, late]
    assert results(desk.get(f"{LOANS}?state=overdue"))[0]["is_overdue"] is True
    problem(desk.get(f"{LOANS}?state=lost"), 400, "invalid")


def test_readers_neither_lend_nor_take_back(vera, copy):
    own = client(vera.user)
    problem(lend(own, "R000001", "INV-1"), 403, "permission_denied")
    problem(own.post(f"{LOANS}preview/", {"reader": "R000001", "copy": "INV-1"}), 403, "permission_denied")
    problem(own.post(f"{LOANS}return/", {"copy": "INV-1"}), 403, "permission_denied")
    assert not Loan.objects.exists()


# --- queries -------------------------------------------------------------------------------------------------------
def test_queries_of_a_list_do_not_grow(desk, vera, new_copy, django_assert_num_queries):
    LoanFactory.create_batch(2, reader=vera)
    desk.get(LOANS)
    with django_assert_num_queries(1):
        assert len(results(desk.get(LOANS))) == 2
    for _ in range(8):
        LoanFactory(reader=vera, copy=new_copy())
    with django_assert_num_queries(1):
        assert len(results(desk.get(LOANS))) == 10


def test_queries_of_a_check_out(anna, vera, copy, django_assert_max_num_queries):
    """Sign-in 1, permissions 2, scans 2, and the action with its savepoint; the key adds its row and two savepoints."""
    api = APIClient()
    tokens = api.post("/api/v1/auth/login/", {"email": "anna@example.org", "password": "correct-horse-battery"}).json()
    headers = {"authorization": f"Bearer {tokens['access']}"}
    with django_assert_max_num_queries(22) as plain:
        assert api.post(LOANS, {"reader": "R000001", "copy": "4600000001"}, headers=headers).status_code == 201
    without_key = len(plain)
    api.post(f"{LOANS}return/", {"copy": "4600000001"}, headers=headers)
    headers |= {"idempotency-key": "k1"}
    with django_assert_max_num_queries(without_key + 6):
        assert api.post(LOANS, {"reader": "R000001", "copy": "4600000001"}, headers=headers).status_code == 201
