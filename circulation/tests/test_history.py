"""Past loans from a table: what is written, what is refused, and that a repeat changes nothing."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Reader
from catalog.models import Copy
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.history import Defaults, Flaw, Tally, import_loans, read_rows
from circulation.models import Loan
from library.core.models import AuditEntry
from policies.models import Branch, ItemType, ReaderCategory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 11, 9, tzinfo=UTC)
TABLE = """Читательский билет,Шифр,Дата выдачи,Дата возврата
E0040,611/П752,2021-09-01,2021-09-20
e0040,611/П752,2021-10-01,
E0041,611/П752,2021-09-05,
E0042,INV-7,2021-09-02,2021-09-03
,611/П752,2021-09-01,
E0043,,2021-09-01,
E0043,611/П752,yesterday,
E0043,611/П752,2021-09-09,2021-09-01
E0043,611/П752,2999-03-11,
E0043,611/П752,2026-03-10,
E0043,no such thing,2021-09-01,
"""


@pytest.fixture
def defaults() -> Defaults:
    call_command("setup_library", "--branch", "central", "Центральная", "Europe/Moscow", verbosity=0)
    BookFactory(call_number="611/П752")
    CopyFactory(inventory_number="INV-7")
    return Defaults(
        branch=Branch.objects.get(code="central"),
        category=ReaderCategory.objects.get(is_default=True),
        item_type=ItemType.objects.order_by("pk").first(),
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "loans.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def run(table: Path, defaults: Defaults) -> Tally:
    tally = Tally()
    rows = list(read_rows(table, tally, date(2026, 3, 11)))
    import_loans(rows, tally=tally, defaults=defaults, by=None, now=NOW)
    return tally


def test_loans_readers_and_copies_are_written(table, defaults):
    tally = run(table, defaults)
    assert (tally.read, tally.created, tally.unchanged, len(tally.rejected)) == (11, 4, 0, 7)
    assert tally.rejected == [
        (6, Flaw.NO_CARD),
        (7, Flaw.NO_ITEM),
        (8, Flaw.BAD_DATE),
        (9, Flaw.BAD_DATE),
        (10, Flaw.NOT_OVER),
        (11, Flaw.NOT_OVER),
        (12, Flaw.UNKNOWN_ITEM),
    ]
    reader = Reader.objects.get(card_number="E0040")
    assert (reader.full_name, reader.registered_on) == ("E0040", date(2021, 9, 1))
    lent = [loan.checked_out_at.date() for loan in reader.loans.order_by("checked_out_at")]
    assert lent == [date(2021, 9, 1), date(2021, 10, 1)]
    assert AuditEntry.objects.get(action="circulation.import_loans").detail["created"] == 4


def test_a_copy_out_on_the_day_is_not_lent_twice(table, defaults):
    tally = run(table, defaults)
    copies = Copy.objects.filter(book__call_number="611/П752")
    assert tally.copies_created == copies.count() == 2
    assert sorted(copy.loans.count() for copy in copies) == [1, 2]
    assert set(copies.values_list("status", flat=True)) == {Copy.Status.AVAILABLE}


def test_an_unknown_return_is_the_due_day(table, defaults):
    run(table, defaults)
    loan = Loan.objects.get(reader__card_number="E0041")
    assert loan.returned_at == loan.due_at == datetime(2021, 9, 19, 20, 59, 59, tzinfo=UTC)


def test_the_same_file_twice_writes_nothing_new(table, defaults):
    run(table, defaults)
    again = run(table, defaults)
    assert (again.created, again.unchanged, again.readers_created, again.copies_created) == (0, 4, 0, 0)
    assert Loan.objects.count() == 4


def test_a_key_of_the_table_of_books_stands_for_the_book(defaults, tmp_path):
    books = tmp_path / "books.csv"
    books.write_text("id_book,Заглавие\n616.85/А502-243129,Эпилепсия\n", encoding="utf-8")
    call_command("import_books", books, verbosity=0)
    loans = tmp_path / "loans.csv"
    loans.write_text("id,id_book,date\nE0040,616.85/А502-243129,2021-09-01\n", encoding="utf-8")
    assert run(loans, defaults).created == 1
    assert Loan.objects.get().copy.book.title == "Эпилепсия"


def test_the_command_reports(table, defaults, tmp_path):
    report = tmp_path / "report.csv"
    call_command("import_loans", table, "--branch", "central", "--report", report)
    assert Loan.objects.filter(reader__card_number="E0041").count() == 1
    assert report.read_text(encoding="utf-8").splitlines()[1].startswith("6,no_card,")


def test_a_table_without_its_columns_is_refused_whole(defaults, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(CommandError, match="card, item, lent"):
        call_command("import_loans", path)


def test_years_of_a_real_library(defaults):
    """24,374 loans of a medical university; its books are there by call number only."""
    path = Path("../shared/data/ru/sibgmu_circulation.csv")
    if not path.exists():
        pytest.skip("the real records are not beside this project")
    BookFactory(call_number="611/П752-272564")
    tally = run(path, defaults)
    assert (tally.read, tally.created, tally.unchanged, len(tally.rejected)) == (24374, 510, 0, 23864)
