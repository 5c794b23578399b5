"""The panel's pages for readers, users and roles: what staff see there, and that only actions write."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from accounts import actions
from accounts.models import Reader, ReaderBlock, User
from accounts.tests.factories import (
    AdminFactory,
    LibrarianFactory,
    ReaderBlockFactory,
    ReaderFactory,
    UserFactory,
)
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db

READERS = reverse("admin:accounts_reader_changelist")
ADD = reverse("admin:accounts_reader_add")


def page_of(reader):
    return reverse("admin:accounts_reader_change", args=[reader.pk])


def deed(reader, name):
    return reverse(f"admin:accounts_reader_{name}", args=[reader.pk])


@pytest.fixture
def librarian(client):
    user = LibrarianFactory()
    client.force_login(user)
    return user


@pytest.fixture
def boss(client):
    user = AdminFactory()
    client.force_login(user)
    return user


@pytest.fixture
def new_reader():
    category, branch = ReaderCategoryFactory(is_default=True, card_months=12), BranchFactory()
    return {
        "full_name": "Болконский Андрей",
        "birth_date": "1985-06-15",
        "phone": "8 912 345-67-89",
        "email": "andrey@example.org",
        "language": "ru",
        "category": category.pk,
        "home_branch": branch.pk,
        "card_number": "",
        "expires_on": "",
        "note": "",
    }


class TestRegistration:
    def test_gives_a_card_and_leaves_a_trace(self, client, librarian, new_reader):
        answer = client.post(ADD, new_reader)
        assert answer.status_code == 302
        reader = Reader.objects.get()
        assert actions.cards.is_card_number(reader.card_number)
        assert reader.registered_on == timezone.localdate()
        assert AuditEntry.objects.get(action="accounts.register_reader").actor == librarian

    def test_likely_duplicate_stops_once_with_links(self, client, librarian, new_reader):
        known = ReaderFactory(full_name="А. Болконский", phone="+7 (912) 345-67-89")
        answer = client.post(ADD, new_reader)
        assert answer.status_code == 200
        assert page_of(known) in answer.text
        assert 'name="save_anyway"' in answer.text
        assert Reader.objects.count() == 1
        assert client.post(ADD, {**new_reader, "save_anyway": "on"}).status_code == 302
        assert Reader.objects.count() == 2

    def test_no_question_without_a_likeness(self, client, librarian, new_reader):
        ReaderFactory(full_name="Болконский Андрей", phone="", email="")
        assert client.post(ADD, new_reader).status_code == 302

    @pytest.mark.parametrize(
        ("field", "value"),
        [("full_name", ""), ("card_number", "r000-taken"), ("expires_on", "yesterday"), ("email", "nowhere")],
    )
    def test_bad_input_is_said_at_its_field(self, client, librarian, new_reader, field, value):
        ReaderFactory(card_number="R000-TAKEN")
        answer = client.post(ADD, {**new_reader, field: value})
        assert answer.status_code == 200
        assert list(answer.context["adminform"].form.errors) == [field]
        assert Reader.objects.count() == 1

    def test_expiry_in_the_past_is_refused_by_the_action(self, client, librarian, new_reader):
        answer = client.post(ADD, {**new_reader, "expires_on": "2020-01-01"}, follow=True)
        assert not Reader.objects.exists()
        assert len(list(answer.context["messages"])) == 1


class TestList:
    def test_search_by_name_card_phone_and_mail(self, client, librarian):
        ReaderFactory(full_name="Ёлкина Анна", card_number="A-77", phone="+7 912 345-67-89", email="anna@example.org")
        ReaderFactory(full_name="Другой Читатель")
        for typed in ("елкина", "a-77", "345-67-89", "ANNA@example.org"):
            found = client.get(READERS, {"q": typed}).context["cl"].result_list
            assert [reader.full_name for reader in found] == ["Ёлкина Анна"], typed

    def test_filters(self, client, librarian):
        today = timezone.localdate()
        good = ReaderFactory()
        expired = ReaderFactory(expires_on=date(2025, 1, 1))
        lost = ReaderFactory(is_card_lost=True)
        blocked = ReaderBlockFactory(starts_on=today).reader
        pardoned = ReaderBlockFactory(lifted_at=timezone.now()).reader

        def shown(**query):
            return set(client.get(READERS, query).context["cl"].result_list)

        assert shown(card="expired") == {expired}
        assert shown(card="lost") == {lost}
        assert shown(card="valid") == {good, blocked, pardoned}
        assert shown(card="soon") == set()
        assert shown(blocked="yes") == {blocked}
        assert shown(blocked="no") == {good, expired, lost, pardoned}

    def test_asks_a_bounded_number_of_questions(self, client, librarian, django_assert_max_num_queries):
        ReaderFactory.create_batch(30)
        with django_assert_max_num_queries(14):
            client.get(READERS)

    def test_no_deleting_by_the_dozen(self, client, boss):
        reader = ReaderFactory()
        client.post(READERS, {"action": "delete_selected", "_selected_action": [reader.pk], "post": "yes"})
        assert Reader.objects.filter(pk=reader.pk).exists()


class TestReaderPage:
    def test_shows_card_blocks_and_namesakes(self, client, librarian):
        reader = ReaderFactory(full_name="Ростова Наталья", email="natasha@example.org")
        ReaderBlockFactory(reader=reader, reason="Залила книгу чаем")
        twin = ReaderFactory(email="Natasha@example.org")
        text = client.get(page_of(reader)).text
        assert reader.card_number in text
        assert "Залила книгу чаем" in text
        assert page_of(twin) in text

    def test_change_writes_only_what_was_changed(self, client, librarian):
        reader = ReaderFactory(full_name="Старое Имя", expires_on=date(2030, 1, 1))
        data = {
            "full_name": "Новое Имя",
            "email": reader.email,
            "language": "ru",
            "category": reader.category_id,
            "home_branch": reader.home_branch_id,
            "expires_on": "2050-01-01",
            "card_number": "X",
        }
        assert client.post(page_of(reader), data).status_code == 302
        reader.refresh_from_db()
        assert (reader.full_name, reader.folded_name) == ("Новое Имя", "новое имя")
        assert reader.expires_on == date(2030, 1, 1)
        assert AuditEntry.objects.get(action="accounts.change_reader").detail == {"fields": ["full_name"]}

    def test_card_buttons(self, client, librarian):
        reader = ReaderFactory(card_number="OLD", expires_on=date(2025, 1, 1))
        client.post(deed(reader, "renew_card"))
        client.post(deed(reader, "card_lost"))
        reader.refresh_from_db()
        assert reader.is_card_lost
        assert reader.expires_on > timezone.localdate()
        client.post(deed(reader, "replace_card"))
        reader.refresh_from_db()
        assert not reader.is_card_lost
        assert actions.cards.is_card_number(reader.card_number)
        client.post(deed(reader, "replace_card"), {"card_number": " PRINTED-7 "})
        reader.refresh_from_db()
        assert reader.card_number == "PRINTED-7"

    def test_a_taken_number_is_refused(self, client, librarian):
        ReaderFactory(card_number="TAKEN")
        reader = ReaderFactory(card_number="OLD")
        for number in ("taken", "9" * 33):
            client.post(deed(reader, "replace_card"), {"card_number": number})
        reader.refresh_from_db()
        assert reader.card_number == "OLD"

    def test_block_and_lift(self, client, librarian):
        reader, other = ReaderFactory(), ReaderFactory()
        client.post(deed(reader, "block"), {"reason": "Порча книги", "ends_on": ""})
        block = ReaderBlock.objects.get()
        assert (block.reader, block.created_by, block.ends_on) == (reader, librarian, None)
        assert client.post(deed(other, "lift_block"), {"block": block.pk}).status_code == 404
        client.post(deed(reader, "lift_block"), {"block": block.pk})
        block.refresh_from_db()
        assert block.lifted_by == librarian

    @pytest.mark.parametrize("data", [{"reason": ""}, {"reason": "x", "ends_on": "2020-01-01"}, {"reason": "x" * 301}])
    def test_senseless_block_is_explained(self, client, librarian, data):
        answer = client.post(deed(ReaderFactory(), "block"), data, follow=True)
        assert len(list(answer.context["messages"])) == 1
        assert not ReaderBlock.objects.exists()

    @pytest.mark.parametrize("name", ["renew_card", "replace_card", "card_lost", "block", "lift_block"])
    def test_deeds_need_staff_and_a_post(self, client, name):
        reader = ReaderFactory(signs_in=True, card_number="OLD", expires_on=date(2025, 1, 1))
        client.force_login(reader.user)
        assert client.post(deed(reader, name), {"reason": "x"}).status_code == 302
        client.force_login(LibrarianFactory())
        assert client.get(deed(reader, name)).status_code == 405
        reader.refresh_from_db()
        assert (reader.card_number, reader.is_card_lost, reader.expires_on) == ("OLD", False, date(2025, 1, 1))
        assert not ReaderBlock.objects.exists()

    def test_deeds_need_the_permission(self, client):
        user, reader = LibrarianFactory(), ReaderFactory(card_number="OLD")
        user.groups.get().permissions.clear()
        client.force_login(user)
        assert client.post(deed(reader, "card_lost")).status_code == 403
        reader.refresh_from_db()
        assert not reader.is_card_lost


class TestUsers:
    def url(self, user):
        return reverse("admin:accounts_user_change", args=[user.pk])

    def data(self, user, **changes):
        return {
            "full_name": user.full_name,
            "email": user.email,
            "language": user.language,
            "role": user.role,
            "is_active": "on",
        } | changes

    def test_password_hash_is_nowhere(self, client, boss):
        text = client.get(self.url(boss)).text
        assert boss.password not in text
        assert "md5$" not in text

    def test_librarians_do_not_manage_users(self, client, librarian):
        assert client.get(reverse("admin:accounts_user_changelist")).status_code == 403
        assert client.get(self.url(librarian)).status_code == 403
        assert client.get(reverse("admin:auth_group_changelist")).status_code == 403
        assert client.get(reverse("admin:core_auditentry_changelist")).status_code == 403

    def test_new_librarian(self, client, boss):
        data = {"full_name": "Пьер", "email": "Pierre@Example.org", "role": "librarian", "language": "ru"}
        answer = client.post(reverse("admin:accounts_user_add"), data | {"password": "Borodino-1812"})
        assert answer.status_code == 302
        user = User.objects.get(email="pierre@example.org")
        assert user.check_password("Borodino-1812")
        assert list(user.groups.values_list("name", flat=True)) == ["librarian"]
        assert AuditEntry.objects.get(action="accounts.create_user").actor == boss

    @pytest.mark.parametrize(("field", "value"), [("password", "12345678"), ("email", "BOSS@example.org")])
    def test_bad_new_user(self, client, field, value):
        client.force_login(AdminFactory(email="boss@example.org"))
        data = {"full_name": "Пьер", "email": "p@example.org", "role": "admin", "language": "ru", "password": ""}
        answer = client.post(reverse("admin:accounts_user_add"), data | {field: value})
        assert list(answer.context["adminform"].form.errors) == [field]
        assert User.objects.count() == 1

    def test_role_name_address_and_closing(self, client, boss):
        user = UserFactory(email="old@example.org")
        extra = Group.objects.create(name="Касса")
        answer = client.post(
            self.url(user), self.data(user, role="librarian", email="New@example.org", groups=[extra.pk])
        )
        assert answer.status_code == 302
        user.refresh_from_db()
        assert (user.role, user.email) == ("librarian", "new@example.org")
        assert set(user.groups.values_list("name", flat=True)) == {"librarian", "Касса"}
        assert list(user.emailaddress_set.values_list("email", "verified", "primary")) == [
            ("new@example.org", True, True)
        ]
        closed = self.data(user)
        del closed["is_active"]
        client.post(self.url(user), closed)
        user.refresh_from_db()
        assert not user.is_active

    def test_last_administrator_cannot_step_down(self, client, boss):
        answer = client.post(self.url(boss), self.data(boss, role="reader", full_name="Другое имя"), follow=True)
        boss.refresh_from_db()
        assert boss.role == "admin"
        assert boss.full_name != "Другое имя"
        assert len(list(answer.context["messages"])) == 1

    def test_nobody_is_deleted(self, client, boss):
        user = UserFactory()
        assert client.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 403

    def test_group_of_a_role_stays(self, client, boss):
        group = Group.objects.get(name="librarian")
        assert client.get(reverse("admin:auth_group_change", args=[group.pk])).status_code == 200
        assert client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}).status_code == 403


class TestAudit:
    def test_is_read_only_and_searchable(self, client, boss):
        reader = ReaderFactory(full_name="Ростова Наталья")
        now = datetime(2026, 4, 1, tzinfo=UTC)
        actions.report_card_lost(reader_id=reader.pk, by=boss, now=now)
        actions.renew_card(reader_id=ReaderFactory().pk, by=boss, now=now)
        url = reverse("admin:core_auditentry_changelist")
        [entry] = client.get(url, {"q": "Ростова"}).context["cl"].result_list
        page = client.get(reverse("admin:core_auditentry_change", args=[entry.pk]))
        assert page_of(reader) in page.text
        assert client.get(reverse("admin:core_auditentry_add")).status_code == 403
        assert client.post(page.request["PATH_INFO"], {"action": "x"}).status_code == 403
        assert client.post(reverse("admin:core_auditentry_delete", args=[entry.pk])).status_code == 403

    def test_asks_a_bounded_number_of_questions(self, client, boss, django_assert_max_num_queries):
        for _entry in range(20):
            actions.register_reader(
                full_name="Кто",
                category=ReaderCategoryFactory(),
                home_branch=BranchFactory(),
                by=boss,
                now=datetime(2026, 4, 1, tzinfo=UTC),
            )
        with django_assert_max_num_queries(10):
            client.get(reverse("admin:core_auditentry_changelist"))


def test_front_page_counts_new_readers(client, librarian):
    ReaderFactory(registered_on=timezone.localdate())
    ReaderFactory(registered_on=date(2024, 1, 15))
    figures = client.get(reverse("admin:index")).context["figures"]
    assert [(figure.value, figure.url.split("?")[0]) for figure in figures if "accounts/reader" in figure.url] == [
        (1, READERS)
    ]
