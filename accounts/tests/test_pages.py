"""Sign-up, sign-in, passwords and one's own data, as a browser without JavaScript sees them."""

import re
from datetime import date

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.views.defaults import server_error

from accounts.models import Reader, User
from accounts.tests.factories import PASSWORD, LibrarianFactory, ReaderBlockFactory, ReaderFactory, UserFactory
from policies.tests.factories import BranchFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


@pytest.fixture
def branch():
    ReaderCategoryFactory(is_default=True)
    return BranchFactory(name="Центральная")


@pytest.fixture
def form(branch):
    return {
        "full_name": "Каренина Анна",
        "email": "Anna@Example.org",
        "password1": "Vronsky-1877",
        "home_branch": branch.pk,
        "phone": "8 912 345-67-89",
        "birth_date": "1850-01-01",
        "consent": "on",
    }


@pytest.fixture
def sign_up(client, form):
    form["birth_date"] = "1990-05-06"
    return lambda **changes: client.post(reverse("account_signup"), form | changes)


def links(letter):
    return re.findall(r"http\S+", letter.body)


class TestSignUp:
    def test_makes_user_card_and_letter_then_the_link_opens_the_door(self, client, sign_up, branch):
        answer = sign_up()
        assert answer.url == reverse("account_email_verification_sent")
        user = User.objects.get()
        assert (user.email, user.role, user.full_name) == ("anna@example.org", "reader", "Каренина Анна")
        assert list(user.groups.values_list("name", flat=True)) == ["reader"]
        reader = Reader.objects.get(user=user)
        assert (reader.home_branch, reader.folded_phone, reader.birth_date) == (
            branch,
            "79123456789",
            date(1990, 5, 6),
        )
        assert client.get(reverse("profile")).status_code == 302
        [letter] = mail.outbox
        assert letter.to == ["anna@example.org"]
        [link] = [link for link in links(letter) if "confirm-email" in link]
        assert client.get(link).status_code == 200
        client.post(link)
        assert EmailAddress.objects.get(user=user).verified
        answer = client.post(reverse("account_login"), {"login": "ANNA@example.org", "password": "Vronsky-1877"})
        assert answer.url == reverse("profile")
        assert reader.card_number in client.get(answer.url).text

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("full_name", ""),
            ("email", "not-an-address"),
            ("password1", "12345"),
            ("home_branch", ""),
            ("birth_date", "2999-01-01"),
            ("birth_date", "1700-01-01"),
            ("consent", ""),
        ],
    )
    def test_bad_input_is_said_beside_the_field_and_writes_nothing(self, sign_up, field, value):
        answer = sign_up(**{field: value})
        assert answer.status_code == 200
        assert list(answer.context["form"].errors) == [field]
        assert f'id="id_{field}_error"' in answer.text
        assert not User.objects.exists()
        assert not Reader.objects.exists()
        assert mail.outbox == []

    def test_known_and_unknown_address_look_the_same(self, client, sign_up):
        new = sign_up()
        cache.clear()
        again = sign_up(full_name="Кто-то другой")
        assert (again.status_code, again.url) == (new.status_code, new.url)
        assert User.objects.count() == 1
        assert Reader.objects.count() == 1
        assert [letter.to for letter in mail.outbox] == [["anna@example.org"]] * 2
        assert reverse("account_reset_password") in mail.outbox[1].body

    def test_a_desk_reader_with_the_same_data_is_not_told(self, client, sign_up):
        ReaderFactory(full_name="Каренина Анна", email="anna@example.org", birth_date=date(1990, 5, 6))
        assert sign_up().url == reverse("account_email_verification_sent")

    def test_a_page_is_not_broken_by_a_dead_mail_server(self, sign_up, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        assert sign_up().status_code == 302
        assert User.objects.count() == 1


class TestSignIn:
    def test_wrong_password_and_unknown_address_read_alike(self, client):
        UserFactory(email="anna@example.org")
        told = [
            client.post(reverse("account_login"), {"login": login, "password": "wrong-one"}).context["form"].errors
            for login in ("anna@example.org", "nobody@example.org")
        ]
        assert told[0] == told[1] != {}

    def test_limit_of_tries(self, client):
        UserFactory(email="anna@example.org")
        for _try in range(5):
            client.post(reverse("account_login"), {"login": "anna@example.org", "password": "wrong-one"})
        answer = client.post(reverse("account_login"), {"login": "anna@example.org", "password": PASSWORD})
        assert answer.status_code == 200
        assert "_auth_user_id" not in client.session

    def test_flood_gets_the_429_page(self, client):
        answers = [client.post(reverse("account_login"), {"login": f"{n}@example.org"}) for n in range(31)]
        assert answers[-1].status_code == 429
        assert "429" in answers[-1].text

    def test_staff_land_on_the_panel(self, client):
        LibrarianFactory(email="staff@example.org")
        answer = client.post(reverse("account_login"), {"login": "staff@example.org", "password": PASSWORD})
        assert answer.url == reverse("admin:index")

    def test_closed_sign_in_is_told_to_its_owner_only(self, client):
        UserFactory(email="gone@example.org", is_active=False)
        answer = client.post(reverse("account_login"), {"login": "gone@example.org", "password": "wrong-one"})
        assert answer.status_code == 200
        answer = client.post(reverse("account_login"), {"login": "gone@example.org", "password": PASSWORD})
        assert answer.url == reverse("account_inactive")

    def test_panel_asks_at_the_same_page(self, client):
        answer = client.get(reverse("admin:index"), follow=True)
        assert answer.redirect_chain[-1][0] == f"{reverse('account_login')}?next=%2Fadmin%2F"

    def test_readers_have_no_panel(self, client):
        client.force_login(UserFactory())
        assert client.get(reverse("admin:index"), follow=True).status_code == 403


class TestForgottenPassword:
    def test_link_sets_a_new_password_once(self, client):
        user = UserFactory(email="anna@example.org")
        answer = client.post(reverse("account_reset_password"), {"email": "Anna@example.org"})
        assert answer.url == reverse("account_reset_password_done")
        [link] = [link for link in links(mail.outbox[0]) if "reset/key" in link]
        page = client.get(link, follow=True)
        answer = client.post(page.redirect_chain[-1][0], {"password1": "Levin-1878", "password2": "Levin-1878"})
        assert answer.status_code == 302
        user.refresh_from_db()
        assert user.check_password("Levin-1878")
        assert mail.outbox[-1].to == ["anna@example.org"]
        assert client.get(link).context["token_fail"]

    def test_unknown_address_looks_the_same(self, client):
        answer = client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})
        assert answer.url == reverse("account_reset_password_done")


class TestOwnData:
    def test_card_block_and_expiry_are_shown(self, client):
        reader = ReaderFactory(signs_in=True, card_number="2900000000018", expires_on=date(2025, 1, 31))
        ReaderBlockFactory(reader=reader, reason="Не вернул атлас")
        ReaderBlockFactory(reader=ReaderFactory(), reason="Чужая тайна")
        client.force_login(reader.user)
        page = client.get(reverse("profile"))
        assert page.status_code == 200
        for shown in ("2900000000018", "31 января 2025", "Не вернул атлас"):
            assert shown in page.text
        assert page.context["is_expired"]
        assert "Чужая тайна" not in page.text

    def test_page_asks_a_bounded_number_of_questions(self, client, django_assert_max_num_queries):
        reader = ReaderFactory(signs_in=True)
        ReaderBlockFactory.create_batch(5, reader=reader)
        client.force_login(reader.user)
        with django_assert_max_num_queries(5):
            client.get(reverse("profile"))

    def test_change_phone_branch_and_language(self, client, branch):
        reader = ReaderFactory(signs_in=True, full_name="Прежнее Имя")
        client.force_login(reader.user)
        answer = client.post(
            reverse("edit_profile"),
            {"phone": "+7 900 111-22-33", "home_branch": branch.pk, "language": "en", "full_name": "Новое Имя"},
        )
        assert answer.url == reverse("profile")
        reader.refresh_from_db()
        assert (reader.folded_phone, reader.home_branch, reader.language) == ("79001112233", branch, "en")
        assert reader.full_name == "Прежнее Имя"
        assert User.objects.get().language == "en"

    def test_staff_without_a_card_choose_a_language(self, client):
        user = LibrarianFactory()
        client.force_login(user)
        assert client.get(reverse("profile")).status_code == 200
        client.post(reverse("edit_profile"), {"language": "en"})
        user.refresh_from_db()
        assert user.language == "en"

    def test_new_address_counts_for_sign_in_and_letters_once_confirmed(self, client):
        reader = ReaderFactory(signs_in=True, user__email="old@example.org", email="old@example.org")
        client.post(reverse("account_login"), {"login": "old@example.org", "password": PASSWORD})
        answer = client.post(reverse("account_email"), {"action_add": "", "email": "new@example.org"})
        assert answer.url.startswith(reverse("account_reauthenticate"))
        client.post(answer.url, {"password": PASSWORD}, follow=True)
        reader.refresh_from_db()
        assert reader.email == "old@example.org"
        [link] = [link for letter in mail.outbox for link in links(letter) if "confirm-email" in link]
        client.post(link)
        reader.refresh_from_db()
        assert (reader.email, reader.user.email) == ("new@example.org", "new@example.org")

    @pytest.mark.parametrize("name", ["profile", "edit_profile", "account_email", "account_change_password"])
    def test_strangers_are_sent_to_the_sign_in(self, client, name):
        answer = client.get(reverse(name))
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("account_login"))


class TestAppearance:
    def test_choice_is_kept_in_a_cookie_and_drawn_by_the_server(self, client):
        answer = client.post(reverse("set_theme"), {"theme": "dark", "next": "/accounts/login/"})
        assert answer.url == "/accounts/login/"
        assert 'data-theme="dark"' in client.get("/accounts/login/").text

    @pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", ""])
    def test_leads_nowhere_else(self, client, target):
        assert client.post(reverse("set_theme"), {"theme": "dark", "next": target}).url == "/"

    def test_nonsense_changes_nothing(self, client):
        client.post(reverse("set_theme"), {"theme": '"><script>'})
        assert "theme" not in client.cookies
        client.cookies["theme"] = '"><script>'
        assert "data-theme" not in client.get("/accounts/login/").text.split(">")[1]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_missing_page_is_friendly(client, language):
    answer = client.get("/no-such-shelf/", headers={"accept-language": language})
    assert answer.status_code == 404
    assert f'<html lang="{language}"' in answer.text
    assert 'class="site-head"' in answer.text


def test_our_own_fault_is_admitted_without_help_of_the_database(rf, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = server_error(rf.get("/"))
    assert answer.status_code == 500
    assert b'class="error-page"' in answer.content


def test_stale_form_says_what_to_do():
    answer = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "a@example.org"})
    assert answer.status_code == 403
    assert 'class="error-page"' in answer.text


def test_password_managers_find_the_way(client):
    answer = client.get("/.well-known/change-password")
    assert answer.url == reverse("account_change_password")
