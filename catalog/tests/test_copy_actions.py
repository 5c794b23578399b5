"""Copies by the dozen: blocks of numbers, withdrawing by act, restoring."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest
from django.db import connection

from accounts.tests.factories import LibrarianFactory
from catalog.actions import set_copy_status
from catalog.copy_actions import add_copies, restore_copies, withdraw_copies
from catalog.copy_numbers import CopyNumber, consecutive, next_block, take
from catalog.models import Copy, Withdrawal, WithdrawalAct
from catalog.queries import SearchQuery, search_books
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.tests.factories import LoanFactory
from library.core.errors import Busy, Invalid
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ItemTypeFactory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return LibrarianFactory(full_name="Анна")


@pytest.fixture
def counter():
    """The counter stands at 40."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('catalog_copy_number', 40)")


def alike():
    return {"branch": BranchFactory(), "item_type": ItemTypeFactory()}


def added(book, numbers, anna, *, is_from_counter=True, fields=None):
    fields = fields or alike()
    return add_copies(
        book_id=book.pk, numbers=numbers, is_from_counter=is_from_counter, fields=fields, by=anna, now=NOW
    )


def withdrawn(copies, anna, **changes):
    given = {"act_number": "17", "dated_on": date(2026, 3, 1), "reason": "worn_out", "by": anna, "now": NOW}
    return withdraw_copies(copy_ids=[copy.pk for copy in copies], **given | changes)


@pytest.mark.parametrize(
    ("first", "last"),
    [("ИНВ-098", "ИНВ-100"), ("8", "10"), ("2024/09-б", "2024/11-б"), ("A99", "A101"), ("ИНВ", None)],
)
def test_numbers_count_up_in_their_last_digits(first, last):
    numbers = consecutive(first, 3)
    assert (numbers[0], numbers[-1]) == (first, last) if last else numbers == []


def test_a_block_is_entered_with_the_librarys_own_numbers_and_found_at_once(anna, counter):
    book = BookFactory(title="Пикник на обочине", call_number="84 С87")
    copies = added(book, next_block(3), anna)
    assert [copy.inventory_number for copy in copies] == ["0000041", "0000042", "0000043"]
    assert copies[0].barcode == "2000000000411"
    assert {copy.shelf_mark for copy in copies} == {"84 С87"}
    assert list(search_books(SearchQuery(text="0000042")).book_ids) == [book.pk]
    assert take(1)[0].inventory_number == "0000044"
    entry = AuditEntry.objects.get(action="catalog.add_copies")
    assert entry.detail == {"book": str(book.uid), "count": 3, "first": "0000041", "last": "0000043"}
    assert AuditEntry.objects.filter(action="catalog.create_copy").count() == 3


def test_a_block_stays_whole_behind_numbers_that_copies_have(counter):
    CopyFactory(inventory_number="0000042")
    assert [number.inventory_number for number in next_block(2)] == ["0000043", "0000044"]
    assert [number.inventory_number for number in next_block(1)] == ["0000041"]


def test_numbers_of_other_copies_and_numbers_taken_meanwhile_are_refused_and_nothing_is_entered(anna, counter):
    book, there = BookFactory(), CopyFactory(inventory_number="ИНВ-7")
    with pytest.raises(Invalid) as refused:
        added(book, [CopyNumber("ИНВ-6", "B6"), CopyNumber("ИНВ-7", "B7")], anna, is_from_counter=False)
    assert "ИНВ-7" in str(refused.value)
    block = next_block(2)
    take(1)
    with pytest.raises(Invalid):
        added(book, block, anna)
    assert list(Copy.objects.all()) == [there]
    assert next_block(1)[0].inventory_number == "0000042", "a refused block costs no numbers"


@pytest.mark.django_db(transaction=True)
def test_librarians_who_enter_the_same_block_at_once_never_share_a_number(anna):
    books, fields = BookFactory.create_batch(6), alike()
    numbers = next_block(20)
    start = Barrier(len(books))

    def enter(book):
        try:
            start.wait(20)
            return len(added(book, numbers, anna, fields=fields))
        except (Invalid, Busy):
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(len(books)) as pool:
        outcomes = sorted(pool.map(enter, books))
    assert outcomes == [0, 0, 0, 0, 0, 20]
    assert Copy.objects.count() == 20


def test_copies_are_withdrawn_by_an_act_that_grows(anna):
    worn, lost = CopyFactory(), CopyFactory(status="lost")
    act = withdrawn([worn], anna)
    assert withdrawn([lost], anna, reason="lost", note="Наводнение") == act
    assert set(Copy.objects.values_list("status", flat=True)) == {"withdrawn"}
    lines = act.withdrawals.order_by("pk").values_list("copy", "reason", "note", "former_status")
    assert list(lines) == [(worn.pk, "worn_out", "", "available"), (lost.pk, "lost", "Наводнение", "lost")]
    entry = AuditEntry.objects.get(action="catalog.withdraw_copy", subject_id=worn.pk)
    assert entry.detail == {"act": "17", "dated_on": "2026-03-01", "reason": "worn_out", "from": "available"}


@pytest.mark.parametrize(
    ("status", "changes", "words"),
    [
        ("loaned", {}, "ИНВ-1"),
        ("withdrawn", {}, "ИНВ-1"),
        ("available", {"reason": "other"}, "note"),
    ],
)
def test_what_cannot_be_withdrawn_is_named_and_all_stays_as_it_was(anna, status, changes, words):
    copies = [CopyFactory(inventory_number="ИНВ-1", status=status), CopyFactory()]
    with pytest.raises(Invalid) as refused:
        withdrawn(copies, anna, **changes)
    assert words in str(refused.value)
    assert [copy.status for copy in Copy.objects.order_by("pk")] == [status, "available"]
    assert not WithdrawalAct.objects.exists()


def test_a_restored_copy_stands_as_before_and_the_act_remembers_it(anna):
    damaged, old = CopyFactory(status="damaged"), CopyFactory(status="withdrawn")
    withdrawn([damaged], anna)
    with pytest.raises(Invalid):
        set_copy_status(copy_id=damaged.pk, status=Copy.Status.AVAILABLE, by=anna, now=NOW)
    ids = [damaged.pk, old.pk, CopyFactory(status="loaned").pk]
    assert restore_copies(copy_ids=ids, by=anna, now=NOW) == 2
    assert [copy.status for copy in Copy.objects.order_by("pk")] == ["damaged", "available", "loaned"]
    line = Withdrawal.objects.get()
    assert (line.restored_at, line.restored_by) == (NOW, anna)
    withdrawn([damaged], anna, act_number="18")
    assert Withdrawal.objects.filter(restored_at=None).get().act.number == "18"


def test_a_lost_copy_whose_loan_is_open_is_found_at_the_desk_only(anna):
    loan = LoanFactory(lost_at=NOW)
    copy = loan.copy
    Copy.objects.filter(pk=copy.pk).update(status="lost")
    with pytest.raises(Invalid):
        set_copy_status(copy_id=copy.pk, status=Copy.Status.AVAILABLE, by=anna, now=NOW)
    loan.refresh_from_db()
    assert (Copy.objects.get(pk=copy.pk).status, loan.returned_at) == ("lost", None)
