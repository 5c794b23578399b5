"""What the actions on people write, and what they refuse without writing."""

from datetime import UTC, date, datetime

import pytest
from allauth.account.models import EmailAddress

from accounts import actions
from accounts.models import Reader, ReaderBlock, Role, User
from accounts.reasons import AccountReason
from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderFactory, UserFactory
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)
"""Half past midnight of 1 April in Moscow."""


@pytest.fixture
def adult():
    return ReaderCategoryFactory(code="adult", is_default=True, card_months=12)


@pytest.fixture
def branch():
    return BranchFactory(code="main", time_zone="Europe/Moscow")


def groups(user):
    return list(user.groups.values_list("name", flat=True))


def audit_of(subject):
    entries = AuditEntry.objects.filter(subject_type=subject._meta.label_lower, subject_id=subject.pk)
    return list(entries.order_by("pk").values_list("action", flat=True))


class TestUsers:
    def test_staff_get_role_group_and_confirmed_address(self):
        boss = AdminFactory()
        user = actions.create_staff(
            email=" Anna@Example.ORG ", full_name=" Анна Каренина ", password="Vronsky-1877", by=boss, now=NOW
        )
        assert (user.email, user.full_name, user.role) == ("anna@example.org", "Анна Каренина", "librarian")
        assert user.is_staff
        assert not user.is_superuser
        assert user.check_password("Vronsky-1877")
        assert groups(user) == ["librarian"]
        assert EmailAddress.objects.get(user=user).verified
        entry = AuditEntry.objects.get(action="accounts.create_user")
        assert (entry.actor, entry.subject_id, entry.at, entry.detail) == (boss, user.pk, NOW, {"role": "librarian"})

    def test_without_password_nobody_gets_in(self):
        user = actions.create_staff(email="a@example.org", full_name="А", password=None, by=None, now=NOW)
        assert not user.has_usable_password()

    def test_taken_address_is_refused_whatever_its_case(self):
        UserFactory(email="anna@example.org")
        with pytest.raises(Invalid) as refusal:
            actions.create_user(email="ANNA@example.org", full_name="Другая", password="x", by=None, now=NOW)
        assert list(refusal.value.errors) == ["email"]
        assert User.objects.count() == 1
        assert not AuditEntry.objects.exists()

    def test_new_role_changes_group_and_keeps_other_groups(self):
        user = UserFactory()
        actions.set_role(user_id=user.pk, role=Role.LIBRARIAN, by=None, now=NOW)
        user.refresh_from_db()
        assert (user.role, groups(user)) == ("librarian", ["librarian"])
        assert AuditEntry.objects.get().detail == {"from": "reader", "to": "librarian"}

    def test_same_role_again_writes_nothing(self):
        actions.set_role(user_id=LibrarianFactory().pk, role=Role.LIBRARIAN, by=None, now=NOW)
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize(
        "deed",
        [
            lambda boss: actions.set_role(user_id=boss.pk, role=Role.READER, by=boss, now=NOW),
            lambda boss: actions.deactivate(user_id=boss.pk, by=boss, now=NOW),
        ],
        ids=["demote", "deactivate"],
    )
    def test_last_administrator_stays(self, deed):
        boss = AdminFactory()
        AdminFactory(is_active=False)
        with pytest.raises(Refused) as refusal:
            deed(boss)
        assert [r.reason for r in refusal.value.refusals] == [AccountReason.LAST_ADMIN]
        boss.refresh_from_db()
        assert (boss.role, boss.is_active, groups(boss)) == ("admin", True, ["admin"])
        assert not AuditEntry.objects.exists()

    def test_one_of_two_administrators_may_go(self):
        boss, other = AdminFactory(), AdminFactory()
        actions.deactivate(user_id=other.pk, by=boss, now=NOW)
        other.refresh_from_db()
        assert not other.is_active
        actions.activate(user_id=other.pk, by=boss, now=NOW)
        other.refresh_from_db()
        assert other.is_active
        assert audit_of(other) == ["accounts.deactivate", "accounts.activate"]


class TestRegistration:
    def test_everything_left_out_is_chosen(self, adult, branch):
        BranchFactory()
        reader = actions.register_reader(full_name=" Лев Толстой ", by=None, now=NOW)
        assert reader.full_name == "Лев Толстой"
        assert reader.category == adult
        assert reader.home_branch == branch
        assert reader.registered_on == date(2026, 4, 1)
        assert reader.expires_on == date(2027, 4, 1)
        assert reader.user is None
        assert len(reader.card_number) == 13
        assert audit_of(reader) == ["accounts.register_reader"]

    def test_given_values_are_kept(self, adult, branch):
        student = ReaderCategoryFactory(card_months=6)
        reader = actions.register_reader(
            full_name="Соня",
            email="sonya@example.org",
            phone="8 (912) 345-67-89",
            birth_date=date(2010, 5, 6),
            category=student,
            card_number="S-7",
            registered_on=date(2026, 8, 31),
            language="en",
            note="Читает за двоих",
            by=None,
            now=NOW,
        )
        reader.refresh_from_db()
        assert (reader.card_number, reader.folded_phone, reader.language) == ("S-7", "79123456789", "en")
        assert reader.expires_on == date(2027, 2, 28)

    def test_taken_card_number_is_refused(self, adult, branch):
        ReaderFactory(card_number="abc-1")
        with pytest.raises(Invalid) as refusal:
            actions.register_reader(full_name="Кто", card_number="ABC-1", by=None, now=NOW)
        assert list(refusal.value.errors) == ["card_number"]
        assert Reader.objects.count() == 1

    def test_generated_number_steps_over_one_given_by_hand(self, adult, branch):
        first = actions.register_reader(full_name="А", by=None, now=NOW)
        serial = int(first.card_number[2:12])
        taken = actions.cards.card_number(serial + 1)
        ReaderFactory(card_number=taken)
        second = actions.register_reader(full_name="Б", by=None, now=NOW)
        assert int(second.card_number[2:12]) == serial + 2

    def test_without_default_category_says_so(self, branch):
        with pytest.raises(Invalid) as refusal:
            actions.register_reader(full_name="А", by=None, now=NOW)
        assert list(refusal.value.errors) == ["category"]

    def test_without_branch_says_so(self, adult):
        with pytest.raises(Invalid) as refusal:
            actions.register_reader(full_name="А", by=None, now=NOW)
        assert list(refusal.value.errors) == ["home_branch"]

    def test_expiry_before_registration_is_refused(self, adult, branch):
        with pytest.raises(Invalid) as refusal:
            actions.register_reader(full_name="А", expires_on=date(2026, 3, 31), by=None, now=NOW)
        assert list(refusal.value.errors) == ["expires_on"]

    def test_sign_up_makes_user_and_card_together(self, adult, branch):
        user = actions.sign_up(
            email="Fyodor@example.org", password="Idiot-1869", full_name="Фёдор", language="en", now=NOW
        )
        assert (user.role, groups(user), user.is_staff) == ("reader", ["reader"], False)
        assert not EmailAddress.objects.get(user=user).verified
        assert (user.reader.email, user.reader.language) == ("fyodor@example.org", "en")

    def test_sign_up_without_a_branch_leaves_no_user_behind(self, adult):
        with pytest.raises(Invalid):
            actions.sign_up(email="a@example.org", password="x", full_name="А", now=NOW)
        assert not User.objects.exists()


class TestCards:
    @pytest.mark.parametrize(
        ("serial", "number"), [(1, "2900000000018"), (42, "2900000000421"), (9_999_999_999, "2999999999991")]
    )
    def test_check_digit(self, serial, number):
        assert actions.cards.card_number(serial) == number
        assert actions.cards.is_card_number(number)

    @pytest.mark.parametrize("typed", ["2900000000019", "9785170903352", "29000000000", "", "290000000001x"])
    def test_other_numbers_are_not_ours(self, typed):
        assert not actions.cards.is_card_number(typed)

    @pytest.mark.parametrize(
        ("day", "months", "last"),
        [
            (date(2026, 1, 31), 1, date(2026, 2, 28)),
            (date(2024, 2, 29), 12, date(2025, 2, 28)),
            (date(2026, 11, 21), 14, date(2028, 1, 21)),
            (date(2026, 12, 31), 600, date(2076, 12, 31)),
        ],
    )
    def test_expiry_counts_months(self, day, months, last):
        category = ReaderCategoryFactory.build(card_months=months)
        assert actions.card_expiry(registered_on=day, category=category) == last

    def test_renewal_counts_from_today(self, adult):
        reader = ReaderFactory(category=adult, expires_on=date(2026, 1, 10))
        actions.renew_card(reader_id=reader.pk, by=None, now=NOW)
        reader.refresh_from_db()
        assert reader.expires_on == date(2027, 4, 1)
        assert AuditEntry.objects.get().detail == {"from": "2026-01-10", "to": "2027-04-01"}

    def test_renewal_never_shortens(self, adult):
        reader = ReaderFactory(category=adult, expires_on=date(2030, 1, 1))
        actions.renew_card(reader_id=reader.pk, by=None, now=NOW)
        reader.refresh_from_db()
        assert reader.expires_on == date(2030, 1, 1)

    def test_renewal_to_a_past_day_is_refused(self):
        reader = ReaderFactory(expires_on=date(2026, 1, 10))
        with pytest.raises(Invalid):
            actions.renew_card(reader_id=reader.pk, expires_on=date(2026, 3, 31), by=None, now=NOW)
        reader.refresh_from_db()
        assert reader.expires_on == date(2026, 1, 10)

    def test_lost_card_is_replaced(self):
        reader = ReaderFactory(card_number="OLD-1")
        actions.report_card_lost(reader_id=reader.pk, by=None, now=NOW)
        actions.report_card_lost(reader_id=reader.pk, by=None, now=NOW)
        reader.refresh_from_db()
        assert reader.is_card_lost
        actions.replace_card(reader_id=reader.pk, by=None, now=NOW)
        reader.refresh_from_db()
        assert not reader.is_card_lost
        assert actions.cards.is_card_number(reader.card_number)
        assert audit_of(reader) == ["accounts.report_card_lost", "accounts.replace_card"]


class TestBlocks:
    def test_block_and_lift(self):
        boss, reader = LibrarianFactory(), ReaderFactory()
        made = actions.block(
            reader_id=reader.pk, reason=" Порвал карту мира ", ends_on=date(2026, 4, 30), by=boss, now=NOW
        )
        assert (made.starts_on, made.reason, made.created_by) == (date(2026, 4, 1), "Порвал карту мира", boss)
        assert made.holds_on(date(2026, 4, 30))
        assert not made.holds_on(date(2026, 5, 1))
        for _again in range(2):
            actions.lift_block(block_id=made.pk, by=boss, now=NOW)
        made.refresh_from_db()
        assert (made.lifted_at, made.lifted_by) == (NOW, boss)
        assert not made.holds_on(date(2026, 4, 2))
        assert audit_of(reader) == ["accounts.block", "accounts.lift_block"]

    @pytest.mark.parametrize(
        ("given", "field"), [({"reason": "  "}, "reason"), ({"reason": "x", "ends_on": date(2026, 3, 31)}, "ends_on")]
    )
    def test_senseless_block_is_refused(self, given, field):
        reader = ReaderFactory()
        with pytest.raises(Invalid) as refusal:
            actions.block(reader_id=reader.pk, by=None, now=NOW, **given)
        assert list(refusal.value.errors) == [field]
        assert not ReaderBlock.objects.exists()
