"""Two readers who are one person: everything goes to one of them, and can go back."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

import cashdesk.actions
from accounts import actions
from accounts.models import Reader
from accounts.queries import dead_card, reader_by_scan
from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderBlockFactory, ReaderFactory, UserFactory
from cashdesk.models import Entry, Kind, Method
from cashdesk.queries import account_of, balance_of, entries_visible_to
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.actions import check_out, return_copy
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry
from notifications.models import Notice
from notifications.tests.factories import LetterFactory
from policies.tests.factories import BranchFactory, DefaultRuleFactory, ReaderCategoryFactory
from readership import duplicates
from readership.merges import merge_readers, tell_apart, undo_merge
from readership.models import ReaderMerge
from reservations.models import Reservation
from reservations.tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = datetime(2026, 3, 5, 9, tzinfo=UTC)


@pytest.fixture
def staff():
    return LibrarianFactory()


@pytest.fixture
def branch():
    return BranchFactory(code="centre")


@pytest.fixture
def vera(branch):
    return ReaderFactory(
        card_number="A-1", full_name="Павлова Вера", email="", phone="", registered_on=date(2025, 5, 1),
        expires_on=date(2026, 5, 1), home_branch=branch, category=ReaderCategoryFactory(max_balance=None),
    )  # fmt: skip


@pytest.fixture
def twin(vera, branch):
    return ReaderFactory(
        signs_in=True, card_number="B-2", full_name="Павлова В.", email="vera@example.org", phone="8 912 345-67-89",
        registered_on=date(2024, 5, 1), expires_on=date(2027, 5, 1), home_branch=branch, category=vera.category,
    )  # fmt: skip


def merge(vera, twin, staff, **choices):
    picked = dict.fromkeys(("email", "phone", "user", "expires_on", "registered_on"), twin.pk) | choices
    return merge_readers(survivor_id=vera.pk, merged_ids=[twin.pk], choices=picked, by=staff, now=NOW)


def charge(reader, amount, staff, **more):
    said = {"kind": Kind.MANUAL, "reason": "Копии", "branch_id": reader.home_branch_id, "by": staff, "now": NOW}
    return cashdesk.actions.charge(reader_id=reader.pk, amount=Decimal(amount), **(said | more))


def pay(reader, amount, staff, **more):
    said = {"method": Method.CASH, "branch_id": reader.home_branch_id, "by": staff, "now": NOW}
    return cashdesk.actions.pay(reader_id=reader.pk, amount=Decimal(amount), **(said | more))


def test_everything_goes_to_the_one_who_stays(vera, twin, staff):
    open_loan, past = LoanFactory(reader=twin), LoanFactory(reader=twin, returned_at=datetime(2026, 3, 9, tzinfo=UTC))
    block, letter = ReaderBlockFactory(reader=twin), LetterFactory(reader=twin)
    waiting = ReservationFactory(reader=twin)
    done = merge(vera, twin, staff)
    vera.refresh_from_db()
    twin.refresh_from_db()
    assert [loan.reader for loan in Loan.objects.filter(pk__in=[open_loan.pk, past.pk])] == [vera, vera]
    for row in (block, letter, waiting):
        row.refresh_from_db()
        assert row.reader == vera
    assert (vera.full_name, vera.email, vera.phone) == ("Павлова Вера", "vera@example.org", "8 912 345-67-89")
    assert (vera.folded_phone, vera.registered_on, vera.expires_on) == (
        "79123456789", date(2024, 5, 1), date(2027, 5, 1),
    )  # fmt: skip
    assert vera.user.email.startswith("user")
    assert (twin.merged_into, twin.user, twin.card_number) == (vera, None, f"merged-{twin.pk}")
    assert reader_by_scan("B-2") == reader_by_scan("A-1") == vera
    assert done.names == ["Павлова В. (B-2)"]
    assert AuditEntry.objects.get(action="readership.merge_readers").actor == staff


def test_what_is_owed_follows_and_the_books_balance(vera, twin, staff, django_assert_max_num_queries):
    charge(twin, "30.00", staff)
    charge(twin, "12.50", staff)
    pay(twin, "5.00", staff)
    merge(vera, twin, staff)
    assert (balance_of(vera.pk), balance_of(twin.pk)) == (Decimal("37.50"), Decimal("0.00"))
    halves = Entry.objects.filter(transfer_uid__isnull=False)
    assert sorted(halves.values_list("kind", "amount", "reader")) == sorted([
        ("transfer_credit", Decimal("25.00"), twin.pk), ("transfer_debit", Decimal("25.00"), vera.pk),
        ("transfer_credit", Decimal("12.50"), twin.pk), ("transfer_debit", Decimal("12.50"), vera.pk),
    ])  # fmt: skip
    pay(vera, "37.50", staff)
    assert balance_of(vera.pk) == 0


def test_money_to_ones_good_follows_and_pays_what_is_owed(vera, twin, staff):
    pay(twin, "50.00", staff, keeps_rest=True)
    charge(vera, "20.00", staff)
    merge(vera, twin, staff)
    assert (balance_of(vera.pk), balance_of(twin.pk)) == (Decimal("-30.00"), Decimal("0.00"))
    assert account_of(vera.pk).owed == 0


def test_a_debt_of_before_that_is_reversed_is_credited_to_the_one_who_stays(vera, twin, staff):
    old = charge(twin, "30.00", staff)
    merge(vera, twin, staff)
    cashdesk.actions.reverse(entry_uid=old.uid, reason="Ошибка", branch_id=old.branch_id, by=staff, now=LATER)
    assert (balance_of(vera.pk), balance_of(twin.pk)) == (Decimal("0.00"), Decimal("0.00"))
    half = Entry.objects.filter(reader=vera, kind=Kind.TRANSFER_DEBIT).get()
    with pytest.raises(Refused):
        cashdesk.actions.reverse(entry_uid=half.uid, reason="?", branch_id=old.branch_id, by=staff, now=LATER)


def test_of_two_reservations_of_one_book_the_furthest_stays(vera, twin, staff):
    book = BookFactory()
    late = ReservationFactory(reader=vera, book=book)
    early = ReservationFactory(reader=twin, book=book, order=late.order - 5)
    kept = CopyFactory(status="on_hold_shelf")
    ready = ReservationFactory(
        reader=twin, book=kept.book, copy=kept, state="ready", ready_at=NOW, pickup_until=date(2026, 3, 9)
    )
    waits = ReservationFactory(reader=vera, book=kept.book, order=1)
    done = merge(vera, twin, staff)
    states = dict(Reservation.objects.values_list("pk", "state"))
    assert states == {late.pk: "cancelled", early.pk: "waiting", ready.pk: "ready", waits.pk: "cancelled"}
    assert set(Reservation.objects.active().values_list("reader", flat=True)) == {vera.pk}
    assert not Notice.objects.exists()
    assert undo_merge(merge_id=done.pk, by=staff, now=LATER) == []
    assert dict(Reservation.objects.values_list("pk", "state")) == {
        late.pk: "waiting", early.pk: "waiting", ready.pk: "ready", waits.pk: "waiting",
    }  # fmt: skip
    orders = dict(Reservation.objects.values_list("pk", "order"))
    assert (orders[late.pk], orders[waits.pk]) == (late.order, 1)
    assert set(Reservation.objects.filter(reader=twin)) == {early, ready}


def test_a_merge_goes_back_as_it_came(vera, twin, staff):
    loan = LoanFactory(reader=twin)
    charge(twin, "30.00", staff)
    before = {reader.pk: Reader.objects.values().get(pk=reader.pk) for reader in (vera, twin)}
    done = merge(vera, twin, staff, full_name=twin.pk, card_number=twin.pk)
    assert Reader.objects.get(pk=vera.pk).card_number == "B-2"
    assert undo_merge(merge_id=done.pk, by=staff, now=LATER) == []
    assert {reader.pk: Reader.objects.values().get(pk=reader.pk) for reader in (vera, twin)} == before
    assert Loan.objects.get(pk=loan.pk).reader == twin
    assert (balance_of(vera.pk), balance_of(twin.pk)) == (Decimal("0.00"), Decimal("30.00"))
    assert reader_by_scan("B-2") == twin
    with pytest.raises(Invalid):
        undo_merge(merge_id=done.pk, by=staff, now=LATER)


def test_what_came_later_stays_and_is_told(vera, twin, staff):
    LoanFactory(reader=twin)
    charge(twin, "30.00", staff)
    done = merge(vera, twin, staff, card_number=twin.pk)
    pay(vera, "30.00", staff)
    later = LoanFactory(reader=vera)
    actions.update_reader(reader_id=vera.pk, changes={"phone": "1"}, by=staff, now=LATER)
    actions.replace_card(reader_id=vera.pk, card_number="C-3", by=staff, now=LATER)
    problems = undo_merge(merge_id=done.pk, by=staff, now=LATER)
    assert len(problems) == 3
    twin.refresh_from_db()
    assert twin.card_number.startswith("29")
    assert dead_card("B-2").reader == vera
    assert Loan.objects.get(pk=later.pk).reader == vera
    assert (balance_of(vera.pk), balance_of(twin.pk)) == (Decimal("-30.00"), Decimal("30.00"))


def test_a_debt_that_was_waived_since_keeps_the_merge(vera, twin, staff):
    charge(twin, "30.00", staff)
    done = merge(vera, twin, staff)
    half = Entry.objects.get(reader=vera, kind=Kind.TRANSFER_DEBIT)
    cashdesk.actions.waive(charge_uid=half.uid, reason="Прощено", by=staff, now=LATER)
    with pytest.raises(Refused) as refused:
        undo_merge(merge_id=done.pk, by=staff, now=LATER)
    assert [refusal.reason for refusal in refused.value.refusals] == ["transfer_is_settled"]
    assert Reader.objects.get(pk=twin.pk).merged_into == vera


def test_merges_on_merges_are_undone_from_the_last(vera, twin, staff):
    third = ReaderFactory(card_number="C-3", category=vera.category, home_branch=vera.home_branch)
    charge(third, "7.00", staff)
    first = merge_readers(survivor_id=twin.pk, merged_ids=[third.pk], choices={}, by=staff, now=NOW)
    second = merge(vera, twin, staff)
    assert reader_by_scan("C-3") == vera
    assert balance_of(vera.pk) == Decimal("7.00")
    with pytest.raises(Invalid):
        undo_merge(merge_id=first.pk, by=staff, now=LATER)
    assert undo_merge(merge_id=second.pk, by=staff, now=LATER) == []
    assert (balance_of(twin.pk), reader_by_scan("C-3")) == (Decimal("7.00"), twin)
    assert undo_merge(merge_id=first.pk, by=staff, now=LATER) == []
    assert (balance_of(third.pk), reader_by_scan("C-3")) == (Decimal("7.00"), third)


def test_sign_ins(vera, twin, staff):
    own = UserFactory()
    Reader.objects.filter(pk=vera.pk).update(user=own)
    done = merge(vera, twin, staff, user=vera.pk)
    twin.user.refresh_from_db()
    assert not twin.user.is_active
    assert Reader.objects.get(pk=vera.pk).user == own
    undo_merge(merge_id=done.pk, by=staff, now=LATER)
    twin.user.refresh_from_db()
    assert twin.user.is_active


def test_nothing_is_lent_to_who_was_merged_and_the_copy_of_before_comes_back(vera, twin, staff, branch):
    DefaultRuleFactory()
    loan = LoanFactory(reader=twin, copy__branch=branch)
    merge(vera, twin, staff)
    with pytest.raises(Refused) as refused:
        check_out(copy_id=CopyFactory(branch=branch).pk, reader_id=twin.pk, by=staff, branch_id=branch.pk, now=LATER)
    assert [refusal.reason for refusal in refused.value.refusals] == ["reader_unknown"]
    assert return_copy(copy_id=loan.copy_id, by=staff, branch_id=branch.pk, now=LATER).loan.reader == vera


def test_a_reader_sees_the_receipts_of_before(vera, twin, staff):
    charge(twin, "30.00", staff)
    receipt = pay(twin, "30.00", staff)
    user = twin.user
    merge(vera, twin, staff)
    assert receipt in entries_visible_to(user)
    assert receipt not in entries_visible_to(UserFactory())


def test_what_cannot_be_merged(vera, twin, staff):
    with pytest.raises(Invalid):
        merge_readers(survivor_id=vera.pk, merged_ids=[vera.pk], choices={}, by=staff, now=NOW)
    with pytest.raises(Invalid):
        merge_readers(survivor_id=vera.pk, merged_ids=[0], choices={}, by=staff, now=NOW)
    Reader.objects.filter(pk=twin.pk).update(registered_on=date(2026, 12, 1))
    with pytest.raises(Invalid):
        merge(vera, twin, staff, expires_on=vera.pk)
    assert not ReaderMerge.objects.exists()


def test_probable_duplicates_until_told_apart(staff, django_assert_num_queries):
    born = date(1990, 5, 1)
    one, two = (ReaderFactory(full_name="Иванов Пётр", birth_date=born, phone=p) for p in ("89123456789", "1"))
    three = ReaderFactory(phone="+7 912 345 67 89", email="A@b.org")
    four = ReaderFactory(email="a@B.org")
    with django_assert_num_queries(3):
        assert duplicates.probable_duplicates(duplicates.Likeness.NAME) == ([[one, two]], "")
    assert duplicates.probable_duplicates(duplicates.Likeness.PHONE) == ([[one, three]], "")
    assert duplicates.probable_duplicates(duplicates.Likeness.EMAIL) == ([[three, four]], "")
    tell_apart(reader_ids=[one.pk, two.pk], by=staff, now=NOW)
    tell_apart(reader_ids=[two.pk, one.pk], by=staff, now=NOW)
    assert duplicates.probable_duplicates(duplicates.Likeness.NAME) == ([], "")


def test_the_panel_merges_and_undoes(client, vera, twin):
    client.force_login(AdminFactory())
    page = client.get(reverse("admin:readership_merge"), {"id": [vera.pk, twin.pk]}).content.decode()
    assert "B-2" in page
    fields = {"id": [vera.pk, twin.pk], "survivor": vera.pk, "card_number": twin.pk, "merge": "1"}
    client.post(reverse("admin:readership_merge"), fields)
    done = ReaderMerge.objects.get()
    vera.refresh_from_db()
    assert (vera.card_number, vera.email) == ("B-2", "vera@example.org")
    assert client.get(reverse("admin:accounts_reader_change", args=[twin.pk]))["Location"].endswith(
        f"/{vera.pk}/change/"
    )
    client.post(reverse("admin:readership_undo_merge", args=[done.pk]))
    assert Reader.objects.get(pk=twin.pk).card_number == "B-2"


def test_the_api_merges_and_undoes(vera, twin, staff):
    api = APIClient()
    api.force_authenticate(staff)
    said = {"survivor": str(vera.uid), "merged": [str(twin.uid)], "choices": {"email": str(twin.uid)}}
    done = api.post("/api/v1/reader-merges/", said)
    assert (done.status_code, done.json()["merged"]) == (201, ["Павлова В. (B-2)"])
    assert api.get(f"/api/v1/readers/{twin.uid}/").status_code == 404
    undone = api.post(f"/api/v1/reader-merges/{done.json()['id']}/undo/")
    assert undone.json()["problems"] == []
    said["choices"] = {"email": str(ReaderFactory().uid)}
    assert api.post("/api/v1/reader-merges/", said).status_code == 400
