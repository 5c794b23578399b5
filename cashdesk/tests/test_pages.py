"""Money on pages: a reader's own, the panel's deeds with errors at their fields, receipts, lists and tables."""

import re
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from cashdesk import queries
from cashdesk.models import Entry, Kind
from catalog.tests.factories import CopyFactory

pytestmark = pytest.mark.django_db


def words(response):
    """What a reader of the page sees, in one line."""
    return re.sub(r"\s+", " ", strip_tags(response.content.decode().replace("<", " <")))


@pytest.fixture
def panel(client, boris):
    """Boris on the panel, in English."""
    client.force_login(boris)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def as_vera(client, vera):
    """Vera, in English."""
    client.force_login(vera.user)
    client.cookies["django_language"] = "en"
    return client


def send(client, name, uid, **data):
    """Send a deed's form."""
    return client.post(reverse(name, args=[uid]), {"uid": uuid4(), **data})


def errors(response):
    """Field to its messages; the page stayed."""
    assert response.status_code == 200
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}


def test_a_reader_sees_what_is_owed_and_why(as_vera, till):
    copy = CopyFactory(book__title="Война и мир")
    till.charge("25", kind=Kind.OVERDUE, overdue_days=5, copy_id=copy.pk, reason="")
    till.charge("150", reason="Новый билет")
    till.pay("30")
    page = words(as_vera.get(reverse("my_charges")))
    assert "You owe the library ₽145.00." in page
    assert "Fine, 5 days late Война и мир" in page
    assert "Новый билет" in page
    assert "−₽30.00" in page
    assert "Борис" not in page


def test_nobody_sees_anothers_money(as_vera, till, gleb, vera):
    till.charge("777", reader_id=gleb.pk)
    anothers = till.pay("777", reader_id=gleb.pk)
    assert "777" not in words(as_vera.get(reverse("my_charges")))
    assert as_vera.get(reverse("receipt", args=[anothers.uid])).status_code == 404
    for name in ("reader_money", "take_payment", "add_charge", "give_refund"):
        for reader in (gleb, vera):
            assert as_vera.get(reverse(name, args=[reader.uid])).status_code == 403
    for name in ("waive_charge", "reverse_entry"):
        assert as_vera.post(reverse(name, args=[anothers.uid])).status_code == 403


def test_a_librarian_charges_and_is_paid_but_gives_nothing_away(client, anna, till, centre):
    client.force_login(anna)
    charge = till.charge("10")
    for name, uid, status in (
        ("take_payment", till.reader.uid, 200),
        ("add_charge", till.reader.uid, 200),
        ("give_refund", till.reader.uid, 403),
        ("waive_charge", charge.uid, 403),
        ("reverse_entry", charge.uid, 403),
    ):
        assert client.get(reverse(name, args=[uid])).status_code == status


def test_the_ledger_of_a_reader_in_few_queries(panel, till, vera, django_assert_max_num_queries):
    for amount in range(1, 31):
        till.charge(str(amount))
    till.pay("100")
    with django_assert_max_num_queries(14):
        page = words(panel.get(reverse("reader_money", args=[vera.uid])))
    assert "₽365.00 owed" in page
    assert "centre-2026-000001" in page


def test_a_payment_is_taken_once_however_often_it_is_sent(panel, till, vera, centre):
    till.charge("100")
    two, uid = till.charge("1234.50"), uuid4()
    data = {"uid": uid, "amount": "1 234,50", "method": "card", "branch": centre.pk, "charges": [two.uid]}
    for _ in range(2):
        response = panel.post(reverse("take_payment", args=[vera.uid]), data)
        assert response.url == reverse("reader_money", args=[vera.uid])
    assert str(Entry.objects.get(uid=uid).amount) == "1234.50"
    assert queries.balance_of(vera.pk) == 100


def test_errors_stand_at_their_fields_and_nothing_is_written(panel, till, vera, centre):
    charge = till.charge("10")
    desk = {"method": "cash", "branch": centre.pk}
    before = Entry.objects.count()
    assert errors(send(panel, "take_payment", vera.uid, amount="10.01", **desk)) == {
        "amount": ["This is more than is owed: ₽10.00."]
    }
    assert list(errors(send(panel, "take_payment", vera.uid, amount="-1", **desk))) == ["amount"]
    assert list(errors(send(panel, "take_payment", vera.uid, amount="много", **desk))) == ["amount"]
    assert list(errors(send(panel, "add_charge", vera.uid, amount="0", kind="manual", branch=centre.pk))) == [
        "amount",
        "reason",
    ]
    assert list(errors(send(panel, "waive_charge", charge.uid, amount="11", reason="Болел"))) == ["amount"]
    assert errors(send(panel, "give_refund", vera.uid, amount="1", reason="По заявлению", **desk)) == {
        "amount": ["There is no credit to give back. Reverse the charge or payment first."]
    }
    assert list(errors(send(panel, "reverse_entry", charge.uid, branch=centre.pk))) == ["reason"]
    assert Entry.objects.count() == before


def test_every_deed_has_its_page(panel, till, vera, centre):
    desk = {"branch": centre.pk}
    send(panel, "add_charge", vera.uid, amount="80", kind="manual", reason="Копии", **desk)
    charge = Entry.objects.get()
    send(panel, "waive_charge", charge.uid, amount="30", reason="Болел")
    send(panel, "take_payment", vera.uid, amount="50", method="cash", **desk)
    page = send(panel, "reverse_entry", charge.uid, reason="Ошибка", **desk)
    assert page.url == reverse("reader_money", args=[vera.uid])
    send(panel, "give_refund", vera.uid, amount="50", method="cash", reason="По заявлению", **desk)
    assert [entry.kind for entry in Entry.objects.order_by("pk")] == [
        "manual", "waiver", "payment", "charge_reversal", "refund",
    ]  # fmt: skip
    assert queries.balance_of(vera.pk) == 0
    again = send(panel, "reverse_entry", charge.uid, reason="Ошибка", **desk)
    assert errors(again) == {"__all__": ["This was reversed already."]}


def test_a_deed_leads_back_within_the_library_only(panel, till, vera, centre):
    till.charge("10")
    for target, expected in (("/admin/desk/", "/admin/desk/"), ("https://example.org/", None)):
        response = send(
            panel, "take_payment", vera.uid, amount="1", method="cash", branch=centre.pk, next=target
        )  # fmt: skip
        assert response.url == (expected or reverse("reader_money", args=[vera.uid]))


def test_a_receipt_says_what_was_paid_then(as_vera, till):
    till.charge("60", reason="Распечатка")
    till.charge("150", reason="Новый билет")
    payment = till.pay("100")
    till.pay("110")
    page = words(as_vera.get(reverse("receipt", args=[payment.uid]), {"paper": "roll"}))
    assert "Receipt centre-2026-000001" in page
    assert "Распечатка ₽60.00 Новый билет ₽40.00" in page
    assert "Received ₽100.00" in page
    as_vera.cookies["django_language"] = "ru"
    assert "100,00 ₽" in words(as_vera.get(reverse("receipt", args=[payment.uid])))
    charge = Entry.objects.filter(kind="manual").first()
    assert as_vera.get(reverse("receipt", args=[charge.uid])).status_code == 404


def test_lists_are_searched_and_taken_away_as_a_table(panel, till, vera, gleb):
    till.charge("10", reason="=1+1")
    till.charge("20", reader_id=gleb.pk)
    receipt = till.pay("10").receipt
    charges, payments = reverse("admin:cashdesk_charge_changelist"), reverse("admin:cashdesk_payment_changelist")
    assert "Глеб Сосед" not in words(panel.get(charges, {"q": vera.card_number}))
    assert "Глеб Сосед" not in words(panel.get(charges, {"state": "settled"}))
    assert "1 result" in words(panel.get(payments, {"q": receipt}))
    chosen = list(Entry.objects.values_list("pk", flat=True))
    response = panel.post(charges, {"action": "export", "_selected_action": chosen})
    table = response.getvalue().decode("utf-8-sig").splitlines()
    assert len(table) == 3
    assert "R000001,10.00,10.00,0.00,'=1+1,Центр" in table[1]
