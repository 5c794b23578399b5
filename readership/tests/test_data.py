"""A reader's data: taken away as a file by the reader alone, and erased but for what the law keeps."""

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

import cashdesk.actions
from accounts import actions
from accounts.models import Consent, FormerCard, Reader, ReaderBlock
from accounts.tests.factories import PASSWORD, AdminFactory, LibrarianFactory, ReaderBlockFactory, ReaderFactory
from accounts.tokens import issue
from cashdesk.models import Entry, Kind, Method
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.errors import Refused
from library.core.integrity import checks
from library.core.models import AuditEntry
from notifications.models import Letter, Notice
from notifications.tests.factories import LetterFactory, NoticeFactory
from readership import data_files, erasure, rules
from readership.merges import merge_readers
from readership.models import DataFile, ErasureRequest, ReaderMerge
from reservations.models import Reservation
from reservations.tests.factories import ReservationFactory
from telegram.models import Chat
from webpush.models import Subscription

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
SECRETS = ("Павлова", "vera@example.org", "9123456789", "A-77", "Ленивая")
"""What tells who it was."""


@pytest.fixture
def staff():
    return AdminFactory()


@pytest.fixture
def vera(staff):
    """Somebody with one of everything, all of it settled."""
    vera = ReaderFactory(
        signs_in=True, full_name="=Павлова Вера", card_number="A-77", email="vera@example.org", phone="89123456789",
        postal_address="ул. Павлова, 7",
        birth_date=date(1990, 5, 1), note="Ленивая",
    )  # fmt: skip
    actions.set_consent(reader_id=vera.pk, kind=Consent.Kind.DATA, is_given=True, now=NOW)
    actions.replace_card(reader_id=vera.pk, card_number="A-78", by=staff, now=NOW)
    loan = LoanFactory(reader=vera, returned_at=datetime(2026, 3, 9, tzinfo=UTC))
    ReservationFactory(reader=vera, state="cancelled", ended_at=NOW, why="Павлова не пришла")
    ReaderBlockFactory(reader=vera)
    Chat.objects.create(user=vera.user, chat_id=501, linked_at=NOW)
    Subscription.objects.create(reader=vera, endpoint="https://push.example.org/vera", device="Firefox", since=NOW)
    NoticeFactory(reader=vera, letter=LetterFactory(reader=vera, address="vera@example.org"))
    money = {"reader_id": vera.pk, "amount": Decimal(30), "branch_id": loan.branch_id, "by": staff, "now": NOW}
    cashdesk.actions.charge(**money, kind=Kind.OVERDUE, loan_uid=loan.uid, overdue_days=3)
    cashdesk.actions.pay(**money, method=Method.CASH)
    return vera


def dump():
    """All text of the database, but for the tables of the catalogue."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname ~ '^(accounts|account|core|circulation|reservations|cashdesk|notifications|readership"
            "|telegram|webpush)_'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        rows = [f"SELECT row_to_json(t)::text FROM {name} t" for name in tables]  # noqa: S608 # names of tables
        cursor.execute(" UNION ALL ".join(rows))
        return "\n".join(text for (text,) in cursor.fetchall())


def ask(reader):
    file = data_files.ask_for_data(reader_id=reader.pk, by=reader.user, now=timezone.now())
    assert data_files.make_all(now=timezone.now()) == 1
    return file


def test_the_file_holds_everything_and_no_name_of_staff(vera, staff):
    archive = zipfile.ZipFile(io.BytesIO(data_files.zipped(vera, now=NOW)))
    data = json.loads(archive.read("data.json"))
    assert {name: len(rows) for name, rows in data.items() if name != "made_at"} == {
        "profile": 1, "cards": 2, "loans": 1, "reservations": 1, "charges": 1, "payments": 1, "blocks": 1,
        "letters": 2, "letter_preferences": 0, "saved_searches": 0, "telegram": 1, "browsers": 1, "consents": 1,
        "wishes": 0, "audit": 1,
    }  # fmt: skip
    assert data["audit"][0]["by"] == "staff"
    assert staff.full_name not in archive.read("data.json").decode()
    assert set(archive.namelist()) == {
        "README.txt",
        "data.json",
        *(f"{name}.csv" for name in data if name != "made_at"),
    }
    table = list(csv.DictReader(io.StringIO(archive.read("profile.csv").decode("utf-8-sig"))))
    assert table[0]["full_name"] == "'=Павлова Вера"
    assert [row["amount"] for row in data["charges"]] == ["30.00"]


def test_a_file_is_made_once_and_goes_in_time(vera, settings):
    file = ask(vera)
    again = data_files.ask_for_data(reader_id=vera.pk, by=vera.user, now=timezone.now())
    assert again == file
    assert not data_files.make(file_id=file.pk, now=timezone.now())
    later = timezone.now() + timedelta(days=settings.READER_DATA_DAYS, minutes=1)
    assert not data_files.files_visible_to(vera.user, now=later).exists()
    data_files.make_all(now=later)
    assert not DataFile.objects.exists()


def test_a_worker_that_was_killed_is_followed_by_another(vera):
    file = data_files.ask_for_data(reader_id=vera.pk, by=vera.user, now=NOW)
    DataFile.objects.update(claimed_at=NOW)
    assert not data_files.make(file_id=file.pk, now=NOW + timedelta(minutes=9))
    assert data_files.make(file_id=file.pk, now=NOW + timedelta(minutes=11))


def test_nobody_else_gets_the_file(vera, client):
    file = ask(vera)
    other, librarian = ReaderFactory(signs_in=True).user, LibrarianFactory()
    address, api = reverse("fetch_data", args=[file.uid]), APIClient()
    for user in (other, librarian):
        client.force_login(user)
        api.force_authenticate(user)
        assert client.get(address).status_code == 404
        assert api.get(f"/api/v1/data-files/{file.uid}/").status_code == 404
        assert api.get("/api/v1/data-files/").json()["count"] == 0
    for user in (vera.user, AdminFactory()):
        client.force_login(user)
        api.force_authenticate(user)
        over_api = api.get(f"/api/v1/data-files/{file.uid}/", headers={"Accept": "application/zip"})
        for answer in (client.get(address), over_api):
            assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
            assert answer["Cache-Control"] == "no-store"
    assert AuditEntry.objects.filter(action="readership.fetch_data").count() == 4


def test_the_page_of_ones_data(vera, client):
    client.force_login(vera.user)
    assert reverse("ask_to_be_erased") in client.get(reverse("my_data")).content.decode()
    client.post(reverse("ask_for_my_data"))
    file = DataFile.objects.get()
    assert file.state == "ready"
    assert str(file.uid) in client.get(reverse("my_data")).content.decode()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"is_gone": True, "open_loans": 1}, ["reader_gone"]),
        ({"open_loans": 1}, ["loans_open"]),
        ({"balance": Decimal("0.01")}, ["money_owed"]),
        ({"balance": Decimal("-0.01")}, ["credit_left"]),
        ({"set_aside": 1}, ["reservation_ready"]),
        ({"is_staff": True}, ["works_here"]),
        ({"open_loans": 2, "balance": Decimal(5)}, ["loans_open", "money_owed"]),
    ],
)
def test_what_stands_against_erasing(facts, expected):
    clean = {"is_gone": False, "open_loans": 0, "balance": Decimal(0), "set_aside": 0, "is_staff": False}
    found = rules.erasure_refusals(rules.ErasureFacts(**(clean | facts)))
    assert [str(refusal.reason) for refusal in found] == expected


def test_after_erasing_nothing_tells_who_it_was(vera, staff):
    twin = ReaderFactory(full_name="Павлова В.", email="vera@example.org")
    LoanFactory(reader=twin, returned_at=NOW)
    merge_readers(survivor_id=vera.pk, merged_ids=[twin.pk], choices={}, by=staff, now=NOW)
    waiting, user, ledger = ReservationFactory(reader=vera), vera.user, Entry.objects.count()
    data_files.ask_for_data(reader_id=vera.pk, by=vera.user, now=NOW)
    issue(user)
    assert all(secret in dump() for secret in SECRETS)
    erasure.erase(reader_id=vera.pk, by=staff, now=NOW)
    told = dump()
    assert [secret for secret in (*SECRETS, user.email) if secret in told] == []
    vera.refresh_from_db()
    user.refresh_from_db()
    assert (vera.full_name, vera.user, vera.erased_at) == ("—", None, NOW)
    assert (user.is_active, user.has_usable_password(), user.full_name) == (False, False, "")
    assert Entry.objects.count() == ledger
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    assert Loan.objects.count() == 2
    for model in (Loan, Reservation):
        assert not model.objects.exclude(reader=None).exists()
    for model in (ReaderBlock, Notice, Letter, FormerCard, Consent, DataFile):
        assert not model.objects.exists()
    assert ReaderMerge.objects.get().record == {}
    broken = [check.code for check in checks() if check.code != "constraints_are_there"]
    call_command("check_integrity", "--only", *broken)


def test_refused_and_nothing_written(vera, staff):
    LoanFactory(reader=vera)
    before = dump()
    with pytest.raises(Refused) as refused:
        erasure.erase(reader_id=vera.pk, by=staff, now=NOW)
    assert [refusal.reason for refusal in refused.value.refusals] == ["loans_open"]
    assert dump() == before


def test_a_wish_waits_for_staff(vera, staff, client):
    client.force_login(vera.user)
    client.post(reverse("ask_to_be_erased"), {"password": "wrong"})
    assert not ErasureRequest.objects.exists()
    client.post(reverse("ask_to_be_erased"), {"password": PASSWORD})
    client.post(reverse("ask_to_be_erased"), {"password": PASSWORD})
    assert [wish.state for wish in ErasureRequest.objects.all()] == ["waiting"]
    client.post(reverse("stay"))
    client.post(reverse("ask_to_be_erased"), {"password": PASSWORD})
    client.force_login(staff)
    page = reverse("admin:readership_data", args=[vera.pk])
    client.post(reverse("admin:readership_decline", args=[vera.pk]), {"why": "Книга в ремонте"})
    client.force_login(vera.user)
    assert "Книга в ремонте" in client.get(reverse("my_data")).content.decode()
    client.post(reverse("ask_to_be_erased"), {"password": PASSWORD})
    client.force_login(staff)
    assert client.get(page).status_code == 200
    client.post(reverse("admin:readership_erase", args=[vera.pk]), {"card_number": "A-77"})
    assert Reader.objects.get(pk=vera.pk).erased_at is None
    client.post(reverse("admin:readership_erase", args=[vera.pk]), {"card_number": "a-78"})
    assert Reader.objects.get(pk=vera.pk).erased_at is not None
    assert sorted(ErasureRequest.objects.values_list("state", flat=True)) == ["declined", "done", "withdrawn"]
    assert client.get(page).status_code == 404
    assert client.get(reverse("admin:readership_erasurerequest_changelist")).status_code == 200


def test_at_once_where_the_library_says_so(vera, client, settings):
    settings.READER_ERASURE = "at_once"
    client.force_login(vera.user)
    client.post(reverse("ask_to_be_erased"), {"password": PASSWORD})
    assert Reader.objects.get(pk=vera.pk).erased_at is not None
    assert client.get(reverse("my_data")).status_code == 302


def test_over_the_api(vera, staff):
    api = APIClient()
    api.force_authenticate(vera.user)
    made = api.post("/api/v1/data-files/")
    assert (made.status_code, made.json()["state"]) == (201, "ready")
    assert api.post("/api/v1/auth/me/erasure/", {"password": "wrong"}).status_code == 400
    assert api.post("/api/v1/auth/me/erasure/", {"password": PASSWORD}).json()["state"] == "waiting"
    assert api.delete("/api/v1/auth/me/erasure/").status_code == 204
    loan = LoanFactory(reader=vera)
    refused = api.post("/api/v1/auth/me/erasure/", {"password": PASSWORD}).json()
    assert [reason["code"] for reason in refused["reasons"]] == ["loans_open"]
    api.force_authenticate(staff)
    assert api.post(f"/api/v1/readers/{vera.uid}/erase/").status_code == 409
    Loan.objects.filter(pk=loan.pk).update(returned_at=NOW, return_branch=loan.branch)
    assert api.post(f"/api/v1/readers/{vera.uid}/data-files/").status_code == 201
    assert api.post(f"/api/v1/readers/{vera.uid}/erase/").status_code == 204
    assert api.get(f"/api/v1/readers/{vera.uid}/").status_code == 404


def test_the_commands(vera, tmp_path):
    target, said = tmp_path / "vera.zip", StringIO()
    call_command("reader_data", "A-78", "--to", str(target), stdout=said)
    assert "data.json" in zipfile.ZipFile(target).namelist()
    assert target.stat().st_mode & 0o077 == 0
    call_command("erase_reader", "A-78", "--dry-run", stdout=said)
    LoanFactory(reader=vera)
    with pytest.raises(CommandError):
        call_command("erase_reader", "A-78", stdout=said)
    Loan.objects.filter(returned_at=None).delete()
    call_command("erase_reader", "A-78", stdout=said)
    with pytest.raises(CommandError):
        call_command("erase_reader", "A-78", stdout=said)
