"""Registering, tokens and what kills them, limits, and that nobody learns who has an account."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import actions
from accounts.models import Reader, User
from accounts.tests.factories import PASSWORD, LibrarianFactory, ReaderFactory, UserFactory
from library.core.models import AuditEntry, IdempotencyKey
from policies.tests.factories import BranchFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db
AUTH = "/api/v1/auth/"
ANNA = {
    "email": "Anna@Example.org",
    "password": "Vronsky-1877",
    "full_name": "Каренина Анна",
    "phone": "8 912 345-67-89",
}


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


@pytest.fixture
def api():
    return APIClient(headers={"accept-language": "en"})


@pytest.fixture
def library():
    ReaderCategoryFactory(is_default=True)
    return BranchFactory(code="centre")


@pytest.fixture
def user():
    return UserFactory(email="vera@example.org", full_name="Вера")


def problem(response, status, code):
    said = json.loads(response.content)
    assert (response.status_code, said["code"]) == (status, code), said
    return said


def login(api, email="vera@example.org", password=PASSWORD, **extra):
    return api.post(f"{AUTH}login/", {"email": email, "password": password}, **extra)


def bearer(tokens):
    return {"authorization": f"Bearer {tokens['access']}"}


def refresh(api, tokens, **extra):
    return api.post(f"{AUTH}refresh/", {"refresh": tokens["refresh"]}, **extra)


def me(api, tokens):
    return api.get(f"{AUTH}me/", headers=bearer(tokens))


# --- registering ---------------------------------------------------------------------------------------------------
def test_registering_makes_a_user_with_a_card(api, library, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post(f"{AUTH}register/", ANNA)
    assert response.status_code == 202
    user = User.objects.get()
    assert (user.email, user.full_name, user.role, user.language) == (
        "anna@example.org",
        "Каренина Анна",
        "reader",
        "en",
    )
    reader = Reader.objects.get(user=user)
    assert (reader.full_name, reader.phone, reader.home_branch) == ("Каренина Анна", "8 912 345-67-89", library)
    assert [letter.to for letter in mail.outbox] == [["anna@example.org"]]
    problem(login(api, "anna@example.org", "Vronsky-1877"), 403, "unconfirmed")
    EmailAddress.objects.update(verified=True)
    assert login(api, "ANNA@example.org", "Vronsky-1877").status_code == 200


def test_registering_again_looks_the_same_and_warns_the_owner(api, library, django_capture_on_commit_callbacks):
    UserFactory(email="anna@example.org", full_name="Настоящая Анна")
    with django_capture_on_commit_callbacks(execute=True):
        taken = api.post(f"{AUTH}register/", ANNA)
        free = api.post(f"{AUTH}register/", ANNA | {"email": "other@example.org"})
    assert (taken.status_code, taken.content) == (free.status_code, free.content)
    assert [letter.to for letter in mail.outbox] == [["anna@example.org"], ["other@example.org"]]
    assert User.objects.get(email="anna@example.org").full_name == "Настоящая Анна"
    assert not Reader.objects.filter(user__email="anna@example.org").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "12345678"}, "password"),
        ({"password": "Каренина Анна"}, "password"),
        ({"email": "anna"}, "email"),
        ({"full_name": " "}, "full_name"),
        ({"home_branch": "moon"}, "home_branch"),
        ({"birth_date": "yesterday"}, "birth_date"),
    ],
)
def test_a_bad_registration_names_the_field(api, library, change, field):
    said = problem(api.post(f"{AUTH}register/", ANNA | change), 400, "invalid")
    assert {error["field"] for error in said["errors"]} == {field}
    assert not User.objects.exists()


def test_a_repeated_registration_has_one_effect(api, library, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = api.post(f"{AUTH}register/", ANNA, headers={"idempotency-key": "k1"})
        second = api.post(f"{AUTH}register/", ANNA, headers={"idempotency-key": "k1"})
    assert second["Idempotency-Replayed"] == "true"
    assert first.content == second.content
    assert len(mail.outbox) == 1


# --- tokens --------------------------------------------------------------------------------------------------------
def test_signing_in(api, user):
    response = login(api, " Vera@Example.ORG ".strip())
    assert response.status_code == 200
    assert response.json()["expires_in"] == 1800
    assert response["Cache-Control"] == "no-store"
    assert me(api, response.json()).json() == {
        "uid": str(user.uid),
        "email": "vera@example.org",
        "full_name": "Вера",
        "language": "ru",
        "role": "reader",
        "reader": None,
    }
    user.refresh_from_db()
    assert user.last_login is not None


def test_access_lasts_half_an_hour_and_refresh_a_fortnight(api, user):
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False) as clock:
        tokens = login(api).json()
        clock.shift(timedelta(minutes=29, seconds=59))
        assert me(api, tokens).status_code == 200
        clock.shift(1)
        problem(me(api, tokens), 401, "token_invalid")
        clock.shift(timedelta(days=14) - timedelta(minutes=30, seconds=1))
        fresh = refresh(api, tokens, headers=bearer(tokens))
        assert fresh.status_code == 200
        assert me(api, fresh.json()).status_code == 200
        clock.shift(timedelta(days=14))
        problem(refresh(api, fresh.json()), 401, "token_invalid")


def test_a_refresh_token_is_good_once(api, user):
    tokens = login(api).json()
    fresh = refresh(api, tokens)
    assert fresh.status_code == 200
    response = refresh(api, tokens)
    problem(response, 401, "token_invalid")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert refresh(api, fresh.json()).status_code == 200


@pytest.mark.parametrize("text", ["", "nonsense", "access"])
def test_what_is_no_refresh_token(api, user, text):
    tokens = login(api).json()
    sent = tokens["access"] if text == "access" else text
    response = api.post(f"{AUTH}refresh/", {"refresh": sent})
    problem(response, *((400, "invalid") if text == "" else (401, "token_invalid")))


def test_signing_out(api, user):
    tokens = login(api).json()
    assert api.post(f"{AUTH}logout/", {"refresh": tokens["refresh"]}).status_code == 204
    problem(refresh(api, tokens), 401, "token_invalid")
    problem(api.post(f"{AUTH}logout/", {"refresh": tokens["refresh"]}), 401, "token_invalid")


def test_a_refresh_lost_on_the_way_can_be_repeated(api, user):
    tokens = login(api).json()
    first, second = (refresh(api, tokens, headers={"idempotency-key": "k1"}) for _ in range(2))
    assert first.content == second.content
    assert me(api, second.json()).status_code == 200
    assert refresh(api, second.json()).status_code == 200


def test_the_database_holds_no_usable_token(api, user):
    tokens = login(api, headers={"idempotency-key": "k1"}).json()
    again = login(api, headers={"idempotency-key": "k1"}).json()
    assert again == tokens
    stored = IdempotencyKey.objects.get()
    for token in (tokens["access"], tokens["refresh"]):
        assert token not in stored.answer
        assert token.rpartition(".")[0] + "." in stored.answer
        assert not OutstandingToken.objects.filter(token=token).exists()
    assert PASSWORD not in str(vars(stored))


def test_tokens_die_with_a_new_password(api, user):
    tokens = login(api).json()
    actions.change_password(user_id=user.pk, password="Another-one-77", by=user, now=timezone.now())
    problem(me(api, tokens), 401, "token_invalid")
    problem(refresh(api, tokens), 401, "token_invalid")


def test_tokens_die_with_the_account(api, user):
    tokens = login(api).json()
    actions.deactivate(user_id=user.pk, by=None, now=timezone.now())
    problem(me(api, tokens), 401, "token_invalid")
    problem(refresh(api, tokens), 401, "token_invalid")
    problem(login(api), 401, "sign_in_failed")


def test_changing_ones_password(api, user):
    tokens = login(api).json()
    body = {"current_password": PASSWORD, "new_password": "Another-one-77"}
    wrong = api.post(f"{AUTH}password/", body | {"current_password": "x"}, headers=bearer(tokens))
    assert problem(wrong, 400, "invalid")["errors"][0]["field"] == "current_password"
    weak = api.post(f"{AUTH}password/", body | {"new_password": "vera@example.org"}, headers=bearer(tokens))
    assert problem(weak, 400, "invalid")["errors"][0]["field"] == "new_password"
    response = api.post(f"{AUTH}password/", body, headers=bearer(tokens))
    assert response.status_code == 200
    problem(me(api, tokens), 401, "token_invalid")
    assert me(api, response.json()).status_code == 200
    assert login(api, password="Another-one-77").status_code == 200
    assert AuditEntry.objects.filter(action="accounts.change_password", actor=user).count() == 1


def test_no_session_counts_on_the_api(client, user):
    client.force_login(user)
    assert client.get(f"{AUTH}me/").status_code == 401


@pytest.mark.parametrize(("rule", "status"), [("mandatory", 403), ("optional", 200)])
def test_an_unconfirmed_address(api, user, settings, rule, status):
    settings.ACCOUNT_EMAIL_VERIFICATION = rule
    EmailAddress.objects.update(verified=False)
    assert login(api).status_code == status


# --- oneself -------------------------------------------------------------------------------------------------------
def test_changing_ones_own_data(api, user, library):
    reader = ReaderFactory(user=user, card_number="R1", phone="1", home_branch=library)
    north = BranchFactory(code="north")
    api.force_authenticate(user)
    response = api.patch(f"{AUTH}me/", {"phone": "+7 999", "home_branch": "north"})
    assert response.status_code == 200
    assert response.json()["reader"] | {"category": ""} == {
        "uid": str(reader.uid),
        "card_number": "R1",
        "full_name": reader.full_name,
        "phone": "+7 999",
        "category": "",
        "home_branch": "north",
        "registered_on": "2024-01-15",
        "expires_on": "2099-12-31",
    }
    assert api.patch(f"{AUTH}me/", {"language": "en"}).json()["language"] == "en"
    reader.refresh_from_db()
    assert (reader.phone, reader.language, reader.home_branch) == ("+7 999", "en", north)


def test_one_cannot_promote_oneself(api, user):
    api.force_authenticate(user)
    assert api.patch(f"{AUTH}me/", {"role": "admin", "email": "x@example.org", "is_active": False}).status_code == 200
    user.refresh_from_db()
    assert (user.role, user.email, user.is_active) == ("reader", "vera@example.org", True)


# --- who has an account stays a secret, and nobody is locked out ---------------------------------------------------
def test_every_failed_sign_in_looks_the_same(api, user):
    UserFactory(email="closed@example.org", is_active=False)
    answers = {
        json.dumps(problem(login(api, email, password), 401, "sign_in_failed") | {"request_id": ""})
        for email, password in (
            ("vera@example.org", "wrong"),
            ("closed@example.org", PASSWORD),
            ("nobody@example.org", PASSWORD),
        )
    }
    assert len(answers) == 1


def test_every_failed_sign_in_hashes_one_password(api, user, monkeypatch):
    hashed = []
    encode = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
    from django.contrib.auth.hashers import MD5PasswordHasher

    original = MD5PasswordHasher.encode
    monkeypatch.setattr(encode, lambda self, password, salt: hashed.append(1) or original(self, password, salt))
    counts = []
    for email in ("vera@example.org", "nobody@example.org"):
        hashed.clear()
        login(api, email, "wrong")
        counts.append(len(hashed))
    assert counts == [1, 1]


def test_a_guesser_is_stopped_and_the_owner_is_not(user):
    guesser, owner = APIClient(REMOTE_ADDR="10.0.0.1"), APIClient(REMOTE_ADDR="10.0.0.2")
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False) as clock:
        assert [login(guesser, password="wrong").status_code for _ in range(11)] == [401] * 10 + [429]
        stopped = login(guesser)
        problem(stopped, 429, "throttled")
        assert stopped["Retry-After"] == "300"
        assert login(owner).status_code == 200
        UserFactory(email="other@example.org")
        assert login(guesser, "other@example.org").status_code == 200
        clock.shift(300)
        assert login(guesser).status_code == 200


def test_a_guesser_over_many_accounts_is_stopped_too(user):
    guesser, owner = APIClient(REMOTE_ADDR="10.0.0.1"), APIClient(REMOTE_ADDR="10.0.0.2")
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False):
        answers = [login(guesser, f"user{n}@example.org", "x").status_code for n in range(101)]
        assert answers == [401] * 100 + [429]
        assert login(owner).status_code == 200


def test_signing_in_rightly_is_not_counted(api, user):
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False):
        assert [login(api).status_code for _ in range(12)] == [200] * 12


def test_registrations_are_limited(api, library):
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False):
        answers = [api.post(f"{AUTH}register/", ANNA).status_code for _ in range(6)]
    assert answers == [202] * 5 + [429]


def test_guessing_ones_password_with_a_stolen_token(api, user):
    LibrarianFactory()
    api.force_authenticate(user)
    body = {"current_password": "x", "new_password": "Another-one-77"}
    with time_machine.travel("2026-03-02 09:00:00Z", tick=False):
        assert [api.post(f"{AUTH}password/", body).status_code for _ in range(11)] == [400] * 10 + [429]


# --- races ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_of_many_refreshing_at_once_one_succeeds():
    UserFactory(email="vera@example.org")
    tokens = login(APIClient()).json()

    def call(_number):
        try:
            return refresh(APIClient(), tokens).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(call, range(8)))
    assert answers == [200] + [401] * 7
