"""What came back long ago is parted from its reader, wherever it is told; figures and the ledger stay."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

import cashdesk.actions
import reservations.actions
from accounts.models import Consent, ReaderBlock
from accounts.tests.factories import LibrarianFactory, ReaderBlockFactory, ReaderFactory
from cashdesk.models import Entry, Kind, Method
from catalog.tests.factories import CopyFactory
from circulation.actions import check_out, renew, return_copy
from circulation.models import AgeGroup, Loan
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry, IdempotencyKey
from notifications.bundling import bundle
from notifications.models import Letter, Notice
from policies.tests.factories import BranchFactory, DefaultRuleFactory
from readership.forgetting import Forgotten, choose_history, forget_history_of, forget_old_history
from readership.merges import merge_readers, undo_merge
from reservations.models import Reservation
from reservations.tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db
LENT = datetime(2024, 3, 1, 12, tzinfo=UTC)
BACK = datetime(2024, 3, 10, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keeps_for_two_years(settings):
    settings.HISTORY_DAYS = 730


@pytest.fixture
def vera():
    return ReaderFactory(signs_in=True, full_name="Павлова Вера", birth_date=date(1990, 5, 1))


def past(reader, **more):
    return LoanFactory(reader=reader, checked_out_at=LENT, returned_at=BACK, **more)


@pytest.mark.parametrize(
    ("age", "group"),
    [(None, ""), (0, "0-14"), (14, "0-14"), (15, "15-35"), (35, "15-35"), (36, "36-59"), (59, "36-59"), (60, "60+")],
)
def test_age_groups(age, group):
    assert AgeGroup.of(age) == group


def test_only_what_is_old_enough_and_figures_stay(vera):
    old, open_loan = past(vera), LoanFactory(reader=vera, checked_out_at=LENT)
    young = LoanFactory(reader=vera, checked_out_at=LENT, returned_at=NOW - timedelta(days=729))
    gone = ReservationFactory(reader=vera, state="cancelled", ended_at=BACK, why="Вера передумала")
    assert forget_old_history(now=NOW, dry_run=True) == Forgotten(loans=1, reservations=1)
    assert forget_old_history(now=NOW) == Forgotten(loans=1, reservations=1)
    assert forget_old_history(now=NOW) == Forgotten()
    old.refresh_from_db()
    assert (old.reader_id, old.reader_category, old.reader_branch, old.age_group) == (
        None, vera.category, vera.home_branch, "15-35",
    )  # fmt: skip
    assert set(Loan.objects.filter(reader=vera)) == {open_loan, young}
    gone.refresh_from_db()
    assert (gone.reader_id, gone.why) == (None, "")


def test_a_library_may_keep_everything(vera, settings):
    settings.HISTORY_DAYS = 0
    past(vera)
    assert forget_old_history(now=NOW) == Forgotten()


def test_who_keeps_the_history_keeps_it_until_no_longer(vera):
    past(vera)
    choose_history(reader_id=vera.pk, is_kept=True, by=vera.user, now=NOW)
    assert forget_old_history(now=NOW) == Forgotten()
    choose_history(reader_id=vera.pk, is_kept=False, by=vera.user, now=NOW)
    assert [consent.kind for consent in Consent.objects.exclude(withdrawn_at=None)] == ["history"]
    assert forget_old_history(now=NOW).loans == 1


def test_a_debt_keeps_its_loan_until_it_is_paid(vera):
    loan, staff = past(vera), LibrarianFactory()
    money = {"reader_id": vera.pk, "amount": Decimal(30), "branch_id": loan.branch_id, "by": staff, "now": NOW}
    cashdesk.actions.charge(**money, kind=Kind.OVERDUE, loan_uid=loan.uid, copy_id=loan.copy_id, overdue_days=3)
    assert forget_old_history(now=NOW) == Forgotten(owed_for=1)
    cashdesk.actions.pay(**money, method=Method.CASH)
    assert forget_old_history(now=NOW) == Forgotten(loans=1)
    assert Entry.objects.filter(reader=vera, loan_uid=loan.uid).count() == 1


def test_nothing_tells_of_it_any_more(settings):
    """A loan lent in spite of a block, renewed by the reader, late; a reservation; all their letters."""
    rule = DefaultRuleFactory(suspension_days_per_day=1, max_suspension_days=30)
    branch, staff = BranchFactory(), LibrarianFactory(role="admin")
    staff.is_superuser = True
    vera = ReaderFactory(signs_in=True, full_name="Павлова Вера", email="vera@example.org")
    assert rule
    ReaderBlockFactory(reader=vera, reason="Пролила чай")
    copy = CopyFactory(branch=branch, book__title="Тайна")
    loan = check_out(
        copy_id=copy.pk, reader_id=vera.pk, by=staff, branch_id=branch.pk, now=LENT, overrides={"reader_blocked"},
        note="Вера обещала",
    ).loan  # fmt: skip
    ReaderBlock.objects.update(lifted_at=LENT)
    renew(loan_id=loan.pk, by=vera.user, now=LENT + timedelta(days=2))
    return_copy(copy_id=copy.pk, by=staff, branch_id=branch.pk, now=LENT + timedelta(days=40))
    held = ReservationFactory(reader=vera, book=copy.book)
    reservations.actions.cancel(reservation_id=held.pk, by=staff, now=LENT + timedelta(days=41), why="Вера не придёт")
    bundle(now=LENT + timedelta(days=42))
    assert Letter.objects.filter(reader=vera).count() == 3
    assert ReaderBlock.objects.filter(reason__contains="Тайна").exists()
    assert forget_old_history(now=NOW + timedelta(days=60)) == Forgotten(loans=1, reservations=1)
    told = AuditEntry.objects.filter(subject_type__in=["circulation.loan", "reservations.reservation"])
    assert {entry.action for entry in told} >= {"circulation.check_out", "circulation.renew", "reservations.cancel"}
    assert "Вера" not in "".join(f"{entry.subject_name} {entry.detail}" for entry in told)
    assert not told.filter(actor=vera.user).exists()
    assert not told.filter(detail__icontains="Пролила").exists()
    assert "Тайна" not in "".join(str(entry.detail) for entry in AuditEntry.objects.all())
    assert not ReaderBlock.objects.filter(reason__contains="Тайна").exists()
    assert not Notice.objects.filter(reader=vera).exists()
    assert not Letter.objects.filter(reader=vera).exists()


def test_an_undone_merge_does_not_bring_it_back(vera):
    twin, staff = ReaderFactory(), LibrarianFactory()
    loan = past(twin)
    merge = merge_readers(survivor_id=vera.pk, merged_ids=[twin.pk], choices={}, by=staff, now=NOW)
    forget_old_history(now=NOW)
    assert undo_merge(merge_id=merge.pk, by=staff, now=NOW) == []
    assert Loan.objects.get(pk=loan.pk).reader_id is None


def test_batches_ask_as_much_for_many_as_for_few(vera, django_assert_max_num_queries):
    for _number in range(6):
        past(vera)
    with django_assert_max_num_queries(30):
        assert forget_old_history(now=NOW).loans == 6


def test_a_reader_forgets_now_and_nobody_elses(vera, client):
    other = past(ReaderFactory())
    LoanFactory(reader=vera, returned_at=datetime(2026, 3, 9, tzinfo=UTC))
    Reservation.objects.all().delete()
    IdempotencyKey.objects.create(user=vera.user, key="k", method="POST", path="/", body_digest="", created_at=NOW)
    client.force_login(vera.user)
    page = client.get(reverse("my_history")).content.decode()
    assert "730" in page
    client.post(reverse("choose_my_history"), {"keep": "yes"})
    client.post(reverse("forget_my_history"))
    assert list(Loan.objects.exclude(reader=None)) == [other]
    assert not IdempotencyKey.objects.exists()
    assert AuditEntry.objects.filter(action="readership.forget_history", actor=vera.user).exists()


def test_the_api_says_and_does_the_same(vera):
    past(vera)
    api = APIClient()
    api.force_authenticate(vera.user)
    assert api.get("/api/v1/auth/me/history/").json() == {"keeps_history": False, "days": 730}
    assert api.patch("/api/v1/auth/me/history/", {"keeps_history": True}).json()["keeps_history"] is True
    assert api.post("/api/v1/auth/me/history/forget/").json() == {"loans": 1, "reservations": 0, "owed_for": 0}
    assert api.get("/api/v1/loans/").json()["count"] == 0


def test_forgotten_loans_are_shown_to_staff_without_a_name(vera, client):
    loan = past(vera)
    forget_history_of(reader_id=vera.pk, by=None, now=NOW)
    staff = LibrarianFactory()
    client.force_login(staff)
    assert client.get(reverse("admin:circulation_loan_changelist")).status_code == 200
    assert client.get(reverse("admin:circulation_loan_change", args=[loan.pk])).status_code == 200
    api = APIClient()
    api.force_authenticate(staff)
    assert api.get(f"/api/v1/loans/{loan.uid}/").json()["reader"] is None
    refused = api.post(f"/api/v1/loans/{loan.uid}/renew/", {})
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "not_on_loan")


def test_the_command(vera):
    past(vera)
    said = StringIO()
    call_command("forget_history", "--dry-run", stdout=said)
    assert Loan.objects.filter(reader=vera).exists()
    call_command("forget_history", "--days", "100", stdout=said)
    assert not Loan.objects.filter(reader=vera).exists()
    assert said.getvalue().count("1") == 2
