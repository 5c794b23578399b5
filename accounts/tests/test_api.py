"""Readers and staff through the API: who may see and do what."""

import json
from datetime import date

import pytest
import time_machine
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts.models import Reader, ReaderBlock, User
from accounts.tests.factories import (
    PASSWORD,
    AdminFactory,
    LibrarianFactory,
    ReaderBlockFactory,
    ReaderFactory,
    UserFactory,
)
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db
READERS, STAFF = "/api/v1/readers/", "/api/v1/staff/"


@pytest.fixture(autouse=True)
def _noon():
    cache.clear()
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False):
        yield


def client(user=None):
    api = APIClient(headers={"accept-language": "en"})
    if user:
        api.force_authenticate(user)
    return api


@pytest.fixture
def centre():
    return BranchFactory(code="centre")


@pytest.fixture
def adult():
    return ReaderCategoryFactory(code="adult", is_default=True, card_months=12)


@pytest.fixture
def vera(centre, adult):
    return ReaderFactory(
        full_name="Вера Читатель",
        card_number="R1",
        email="vera@example.org",
        phone="8 912 345-67-89",
        birth_date=date(1990, 5, 1),
        note="тайна",
        home_branch=centre,
        category=adult,
        user=UserFactory(email="vera@example.org"),
    )


@pytest.fixture
def gleb(centre, adult):
    return ReaderFactory(full_name="Глеб Сосед", card_number="R2", home_branch=centre, category=adult, signs_in=True)


@pytest.fixture
def librarian():
    return client(LibrarianFactory())


@pytest.fixture
def admin():
    return client(AdminFactory(email="boss@example.org"))


def problem(response, status, code):
    said = json.loads(response.content)
    assert (response.status_code, said["code"]) == (status, code), said
    return said


def fields(said):
    return [error["field"] for error in said["errors"]]


def names(response):
    assert response.status_code == 200, response.content
    return [reader["full_name"] for reader in response.json()["results"]]


# --- readers -------------------------------------------------------------------------------------------------------
def test_a_reader_as_staff_and_as_oneself_see_them(librarian, vera, gleb):
    block = ReaderBlockFactory(reader=vera, reason="Порча книги")
    ReaderBlockFactory(reader=vera, ends_on=date(2026, 3, 1))
    seen = {
        "uid": str(vera.uid),
        "card_number": "R1",
        "full_name": "Вера Читатель",
        "birth_date": "1990-05-01",
        "email": "vera@example.org",
        "phone": "8 912 345-67-89",
        "language": "ru",
        "category": "adult",
        "home_branch": "centre",
        "registered_on": "2024-01-15",
        "expires_on": "2099-12-31",
        "is_card_lost": False,
        "note": "тайна",
        "user": str(vera.user.uid),
        "blocks": [
            {
                "id": block.pk,
                "kind": "manual",
                "reason": "Порча книги",
                "starts_on": "2024-02-01",
                "ends_on": None,
                "lifted_at": None,
            }
        ],
    }
    path = f"{READERS}{vera.uid}/"
    assert librarian.get(path).json() == seen
    assert client(vera.user).get(path).json() == seen | {"note": None}
    problem(client(gleb.user).get(path), 404, "not_found")
    problem(client().get(path), 401, "not_authenticated")


def test_the_list(librarian, vera, gleb):
    assert names(librarian.get(READERS)) == ["Вера Читатель", "Глеб Сосед"]
    assert names(client(gleb.user).get(READERS)) == ["Глеб Сосед"]
    assert names(client(gleb.user).get(f"{READERS}?q=вера")) == []
    assert names(client(UserFactory()).get(READERS)) == []
    problem(client().get(READERS), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=читатель вера", ["Вера Читатель"]),
        ("q=r2", ["Глеб Сосед"]),
        ("q=9123456789", ["Вера Читатель"]),
        ("card_number=r1", ["Вера Читатель"]),
        ("category=child", []),
        ("branch=centre&ordering=-name", ["Глеб Сосед", "Вера Читатель"]),
        ("expired=true", []),
    ],
)
def test_narrowing(librarian, vera, gleb, query, found):
    assert names(librarian.get(f"{READERS}?{query}")) == found


def test_queries_do_not_grow(librarian, vera, django_assert_num_queries):
    librarian.get(READERS)
    with django_assert_num_queries(2):
        librarian.get(READERS)
    for _ in range(8):
        ReaderBlockFactory(reader__signs_in=True)
    with django_assert_num_queries(2):
        assert len(names(librarian.get(READERS))) == 9


def test_making_a_card(librarian, centre, adult):
    response = librarian.post(READERS, {"full_name": "Иванова Анна", "phone": "+7 900"})
    assert response.status_code == 201, response.content
    said = response.json()
    assert (said["registered_on"], said["expires_on"], said["category"]) == ("2026-03-02", "2027-03-02", "adult")
    assert Reader.objects.get().card_number == said["card_number"]
    assert AuditEntry.objects.get().action == "accounts.register_reader"


def test_possible_duplicates_are_shown_first(librarian, vera):
    new = {"full_name": "Вера  ЧИТАТЕЛЬ", "birth_date": "1990-05-01"}
    said = problem(librarian.post(READERS, new), 409, "possible_duplicates")
    assert said["duplicates"] == [{"uid": str(vera.uid), "card_number": "R1", "full_name": "Вера Читатель"}]
    assert Reader.objects.count() == 1
    assert librarian.post(READERS, new | {"accept_duplicates": True}).status_code == 201


@pytest.mark.parametrize(
    ("body", "names_of_fields"),
    [
        ({}, ["full_name"]),
        ({"full_name": "А", "card_number": "r1"}, ["card_number"]),
        ({"full_name": "А", "expires_on": "2020-01-01"}, ["expires_on"]),
        ({"full_name": "А", "category": "none"}, ["category"]),
        ({"full_name": "А", "email": "a"}, ["email"]),
    ],
)
def test_a_bad_reader_names_the_field(librarian, vera, body, names_of_fields):
    assert fields(problem(librarian.post(READERS, body), 400, "invalid")) == names_of_fields
    assert Reader.objects.count() == 1


def test_correcting_a_reader(librarian, vera):
    body = {"full_name": "Вера Писатель", "note": None, "card_number": "R9", "expires_on": "2030-01-01"}
    said = librarian.patch(f"{READERS}{vera.uid}/", body).json()
    assert (said["full_name"], said["note"], said["card_number"], said["expires_on"]) == (
        "Вера Писатель",
        "",
        "R1",
        "2099-12-31",
    )
    assert names(librarian.get(f"{READERS}?q=писатель")) == ["Вера Писатель"]
    assert sorted(AuditEntry.objects.get().detail["changed"]) == ["full_name", "note"]


def test_cards(librarian, vera):
    path = f"{READERS}{vera.uid}/"
    assert librarian.post(f"{path}report-card-lost/").json()["is_card_lost"] is True
    replaced = librarian.post(f"{path}replace-card/", {"card_number": "R77"}).json()
    assert (replaced["card_number"], replaced["is_card_lost"]) == ("R77", False)
    assert librarian.post(f"{path}renew-card/", {"expires_on": "2030-01-01"}).json()["expires_on"] == "2030-01-01"
    assert fields(problem(librarian.post(f"{path}renew-card/", {"expires_on": "2026-03-01"}), 400, "invalid")) == [
        "expires_on"
    ]


def test_blocking_and_lifting(librarian, vera, gleb):
    path = f"{READERS}{vera.uid}/blocks/"
    response = librarian.post(path, {"reason": "Порча", "ends_on": "2026-04-01"})
    assert response.status_code == 201
    block = response.json()
    assert (block["kind"], block["starts_on"], block["ends_on"]) == ("manual", "2026-03-02", "2026-04-01")
    assert fields(problem(librarian.post(path, {"reason": "П", "ends_on": "2026-03-01"}), 400, "invalid")) == [
        "ends_on"
    ]
    problem(librarian.post(f"{READERS}{gleb.uid}/blocks/{block['id']}/lift/"), 404, "not_found")
    lifted = librarian.post(f"{path}{block['id']}/lift/").json()
    assert lifted["lifted_at"] == "2026-03-02T12:00:00+03:00"
    assert librarian.get(f"{READERS}{vera.uid}/").json()["blocks"] == []


@pytest.mark.parametrize("path", ["", "renew-card/", "replace-card/", "report-card-lost/", "blocks/"])
def test_readers_change_nothing_about_readers(vera, gleb, path):
    method = "patch" if path == "" else "post"
    for reader in (vera, gleb):
        response = getattr(client(vera.user), method)(f"{READERS}{reader.uid}/{path}", {"reason": "x"})
        problem(response, 403, "permission_denied")
    problem(client(vera.user).post(READERS, {"full_name": "А"}), 403, "permission_denied")
    assert not ReaderBlock.objects.exists()


# --- staff ---------------------------------------------------------------------------------------------------------
def test_only_administrators_see_staff(admin, librarian, vera):
    assert names(admin.get(STAFF)) == [user.full_name for user in User.objects.exclude(role="reader")]
    for stranger, status, code in (
        (client(), 401, "not_authenticated"),
        (client(vera.user), 403, "permission_denied"),
        (librarian, 403, "permission_denied"),
    ):
        problem(stranger.get(STAFF), status, code)
        problem(stranger.get(f"{STAFF}{vera.user.uid}/"), status, code)
        problem(stranger.post(STAFF, {}), status, code)
        for verb in ("role", "deactivate", "activate"):
            problem(stranger.post(f"{STAFF}{vera.user.uid}/{verb}/", {"role": "admin"}), status, code)
    vera.user.refresh_from_db()
    assert (vera.user.role, vera.user.is_active) == ("reader", True)


def test_making_staff(admin):
    body = {"email": "New@Example.org", "full_name": "Новый", "password": PASSWORD}
    response = admin.post(STAFF, body)
    assert response.status_code == 201, response.content
    assert response.json()["role"] == "librarian"
    assert PASSWORD not in response.content.decode()
    user = User.objects.get(email="new@example.org")
    assert user.has_perm("circulation.check_out_copies")
    assert client().post("/api/v1/auth/login/", {"email": "new@example.org", "password": PASSWORD}).status_code == 200
    assert fields(problem(admin.post(STAFF, body), 400, "invalid")) == ["email"]
    assert (
        fields(problem(admin.post(STAFF, body | {"email": "b@b.ru", "password": "1"}), 400, "invalid"))[0] == "password"
    )
    assert fields(problem(admin.post(STAFF, body | {"role": "reader"}), 400, "invalid")) == ["role"]
    assert admin.post(STAFF, {"email": "c@example.org", "full_name": "Без пароля", "role": "admin"}).status_code == 201
    assert not User.objects.get(email="c@example.org").has_usable_password()


def test_giving_roles(admin, vera):
    found = admin.get(f"{STAFF}?email=VERA@example.org").json()["results"]
    assert [user["uid"] for user in found] == [str(vera.user.uid)]
    path = f"{STAFF}{vera.user.uid}/"
    assert admin.post(f"{path}role/", {"role": "librarian"}).json()["role"] == "librarian"
    assert User.objects.get(pk=vera.user.pk).has_perm("circulation.check_out_copies")
    assert admin.post(f"{path}role/", {"role": "reader"}).json()["role"] == "reader"
    assert not User.objects.get(pk=vera.user.pk).has_perm("circulation.check_out_copies")


def test_closing_and_opening_accounts(admin, vera):
    path = f"{STAFF}{vera.user.uid}/"
    assert admin.post(f"{path}deactivate/").json()["is_active"] is False
    assert admin.post(f"{path}activate/").json()["is_active"] is True


def test_the_last_administrator_stays(admin):
    boss = User.objects.get(email="boss@example.org")
    for response in (
        admin.post(f"{STAFF}{boss.uid}/role/", {"role": "librarian"}),
        admin.post(f"{STAFF}{boss.uid}/deactivate/"),
    ):
        said = problem(response, 409, "refused")
        assert said["reasons"] == [
            {
                "code": "last_admin",
                "message": "This is the last administrator. Make somebody else an administrator first.",
                "data": {},
                "overridable": False,
            }
        ]
    boss.refresh_from_db()
    assert (boss.role, boss.is_active) == ("admin", True)
