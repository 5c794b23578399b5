"""The panel's pages about many copies: adding a block, labels, acts."""

from datetime import date
from decimal import Decimal

import pypdfium2
import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from catalog import labels
from catalog.copy_numbers import take
from catalog.models import Copy, ImportedBook, ImportRun, WithdrawalAct
from catalog.tests.factories import BookFactory, CopyFactory
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db

COPIES = reverse("admin:catalog_copy_changelist")
LABELS = reverse("admin:catalog_copy_labels")
WITHDRAW = reverse("admin:catalog_copy_withdraw")
CARDS = reverse("admin:accounts_reader_cards")
PAPER = {"kind": "barcode", "stock": "l7160", "start": 1}


@pytest.fixture
def librarian(english):
    user = LibrarianFactory(language="en")
    english.force_login(user)
    return user


def text_of(response):
    """The PDF's pages as text."""
    assert response["Content-Type"] == "application/pdf"
    document = pypdfium2.PdfDocument(response.content)
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return pages


def test_numbers_are_shown_before_copies_are_entered_and_then_lead_to_their_labels(english, librarian):
    book = BookFactory(title="Пикник на обочине")
    url = reverse("admin:catalog_book_add_copies", args=[book.pk])
    sent = {
        "count": 3,
        "first_number": "ИНВ-099",
        "branch": BranchFactory().pk,
        "item_type": ItemTypeFactory().pk,
        "price": "350.50",
    }
    page = english.post(url, sent)
    assert "3 copies will be entered" in page.content.decode()
    assert not Copy.objects.exists()
    seen = page.context["seen"]
    take(1)
    again = english.post(url, sent | {"confirm": seen})
    assert "These are the next ones." in again.content.decode()
    assert not Copy.objects.exists()
    response = english.post(url, sent | {"confirm": again.context["seen"]}, follow=True)
    assert "3 copies are entered: ИНВ-099 – ИНВ-101." in response.content.decode()
    assert list(book.copies.values_list("inventory_number", "price")) == [
        (number, Decimal("350.50")) for number in ("ИНВ-099", "ИНВ-100", "ИНВ-101")
    ]
    assert response.redirect_chain[0][0] == f"{LABELS}?first=%D0%98%D0%9D%D0%92-099&last=%D0%98%D0%9D%D0%92-101"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"count": 501}, "less than or equal to 500"),
        ({"first_number": "без цифр"}, "There are no digits in it to count up."),
        ({"branch": ""}, "This field is required."),
    ],
)
def test_a_block_that_makes_no_sense_is_refused_at_its_field(english, librarian, changes, words):
    sent = {"count": 3, "branch": BranchFactory().pk, "item_type": ItemTypeFactory().pk} | changes
    response = english.post(reverse("admin:catalog_book_add_copies", args=[BookFactory().pk]), sent)
    assert words in response.content.decode()
    assert not Copy.objects.exists()


def test_labels_of_a_range_of_a_book_and_of_chosen_copies(english, librarian):
    book = BookFactory(title="Война и мир")
    copies = [CopyFactory(book=book, inventory_number=f"ИНВ-{n}", shelf_mark="84 Т53") for n in (9, 10, 11)]
    (page,) = text_of(english.post(LABELS, PAPER | {"first": "ИНВ-9", "last": "ИНВ-10"}))
    assert "ИНВ-9" in page
    assert "ИНВ-11" not in page
    (page,) = text_of(english.post(LABELS, PAPER | {"book": book.pk, "kind": "spine"}))
    assert page.count("Т53") == 3
    chosen = english.post(COPIES, {"action": "print_labels", "_selected_action": [copies[2].pk]})
    assert "For 1 chosen copy." in chosen.content.decode()
    value = chosen.context["form"]["copies"].value()
    pages = text_of(english.post(LABELS, PAPER | {"copies": value, "stock": "roll-58x40"}))
    assert len(pages) == 1
    assert "ИНВ-11" in pages[0]
    assert english.get(LABELS).context["form"]["stock"].value() == "roll-58x40", "the paper is remembered"


def test_labels_of_an_import_in_as_many_files_as_they_need(english, librarian, monkeypatch):
    monkeypatch.setattr(labels, "MOST_LABELS", 2)
    volume = BookFactory(title="Рыбы", volume="Т. 4", parent=BookFactory(title="Жизнь животных"))
    copies = [CopyFactory(book=volume, inventory_number=f"ИНВ-{n}", shelf_mark=f"28.6{n}") for n in (1, 2, 3, 4)]
    run = ImportRun.objects.create(file_name="books.mrc", started_at=timezone.now())
    ImportedBook.objects.create(run=run, book=volume, at=run.started_at, copies=[copy.pk for copy in copies[:3]])
    form = english.get(LABELS, {"run": run.pk}).context["form"]
    assert [label for _start, label in form.fields["part"].choices] == ["1–2", "3–3"]
    sent = PAPER | {"run": run.pk, "kind": "spine"}
    (page,) = text_of(english.post(LABELS, sent | {"part": 0}))
    assert [number in page for number in ("28.61", "28.62", "28.63")] == [True, True, False]
    assert page.count("Т. 4") == 2, "the volume stands below the shelf mark"
    copies[2].shelf_mark = "28.6 т. 4"
    copies[2].save(update_fields=["shelf_mark"])
    (page,) = text_of(english.post(LABELS, sent | {"part": 2}))
    assert page.lower().count("т. 4") == 1, "but not a second time"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"first": "ИНВ-9", "last": "КН-10"}, "The two numbers may differ in their last digits only."),
        ({"first": "1", "last": "9999999"}, "Print 2000 labels at most at once."),
        ({"first": "НЕТ-1"}, "There are no such copies."),
        ({"first": "1", "start": 22}, "A sheet of this paper has 21 labels."),
        ({"first": "1", "stock": "roll-30x20"}, "These labels are too small for a barcode."),
        ({"first": ""}, "Type the first inventory number."),
    ],
)
def test_labels_that_cannot_be_printed_are_explained(english, librarian, changes, words):
    assert words in english.post(LABELS, PAPER | changes).content.decode()


def test_cards_of_chosen_readers(english, librarian):
    vera = ReaderFactory(full_name="Вера Лопухова", card_number="R000777")
    chosen = english.post(
        reverse("admin:accounts_reader_changelist"), {"action": "print_cards", "_selected_action": [vera.pk]}
    )
    readers = chosen.context["form"]["readers"].value()
    (page,) = text_of(english.post(CARDS, {"readers": readers, "stock": "a4-cards", "start": 3}))
    assert "Вера Лопухова" in page
    assert "R000777" in page
    assert (
        "Choose the readers" in english.post(CARDS, {"readers": "x", "stock": "a4-cards", "start": 1}).content.decode()
    )


def test_copies_are_withdrawn_by_an_act_to_print_and_restored_from_it(english, librarian):
    book = BookFactory(title="Атлас <b>", year=1978)
    copies = [CopyFactory(book=book, inventory_number=f"ИНВ-{n}", price=Decimal("12.50")) for n in (1, 2)]
    page = english.post(COPIES, {"action": "withdraw", "_selected_action": [copy.pk for copy in copies]})
    sent = {
        "copies": page.context["form"]["copies"].value(),
        "act_number": "12/26",
        "dated_on": "2026-03-01",
        "reason": "outdated",
    }
    Copy.objects.filter(pk=copies[0].pk).update(status="loaned")
    assert "On loan, take them back first: ИНВ-1." in english.post(WITHDRAW, sent).content.decode()
    Copy.objects.filter(pk=copies[0].pk).update(status="available")
    shown = english.post(WITHDRAW, sent, follow=True).content.decode()
    act = WithdrawalAct.objects.get(number="12/26", dated_on=date(2026, 3, 1))
    for words in ("2 copies are withdrawn by act 12/26.", "Атлас &lt;b&gt;", "outdated in content", "25.00"):
        assert words in shown
    restore = reverse("admin:catalog_withdrawalact_restore", args=[act.pk])
    shown = english.post(restore, {"copy": copies[0].pk}, follow=True).content.decode()
    assert "1 copy is restored." in shown
    assert [copy.status for copy in book.copies.order_by("inventory_number")] == ["available", "withdrawn"]
    assert "12/26" in english.get(reverse("admin:catalog_withdrawalact_changelist")).content.decode()
