"""The panel's uploads with their preview, and the exports of its lists."""

from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory
from catalog import import_runs
from catalog.import_runs import work
from catalog.marc.reading import read
from catalog.models import Book, Copy, ImportRun
from catalog.tests.factories import BookFactory, CopyFactory
from catalog.tests.marc_for_tests import iso, record
from catalog.tests.test_imports import ONEGIN
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db

UPLOAD = reverse("admin:catalog_book_import")
COPY_UPLOAD = reverse("admin:catalog_copy_import")
COPY_CONFIRM = reverse("admin:catalog_copy_process_import")
BOOKS = reverse("admin:catalog_book_changelist")
COPIES = reverse("admin:catalog_copy_changelist")


@pytest.fixture
def librarian(english):
    user = LibrarianFactory(language="en")
    english.force_login(user)
    return user


def sent(name, content, **choices):
    """What the browser sends with the first form."""
    return {
        "import_file": SimpleUploadedFile(name, content),
        "has_copies": "on",
        "encoding": "auto",
        "format": "auto",
        **choices,
    }


def confirmed(page):
    """What the browser sends from the preview of a table of copies."""
    form = page.context["confirm_form"]
    return {field.name: field.value() for field in form if field.value() not in (None, False)}


@pytest.fixture
def uploaded(english, librarian):
    """Upload a file of books; the page with what would change."""

    def upload(name, content, **choices):
        return english.post(UPLOAD, sent(name, content, **choices), follow=True)

    return upload


@pytest.fixture
def started(english):
    """Press the button of the page with what would change, and let a worker do it; the page of the import."""

    def start(page, **choices):
        run = page.context["run"]
        form = {"has_copies": "on", **run.options, **choices}
        english.post(reverse("admin:catalog_importrun_start", args=[run.pk]), form)
        work()
        return english.get(reverse("admin:catalog_importrun_change", args=[run.pk]))

    return start


def test_a_marc_file_is_checked_then_imported(librarian, uploaded, started):
    page = uploaded("records.mrc", iso(ONEGIN) + iso(record("001 2", "003 2005")))
    assert page.context["counts"] == [
        ("Records read", 2),
        ("New books", 1),
        ("Changed books", 0),
        ("Unchanged books", 0),
        ("Rejected records", 1),
        ("With remarks", 0),
        ("New copies", 0),
    ]
    text = page.content.decode()
    assert "Nothing is saved yet" in text
    assert "Евгений Онегин" in text
    assert "neither in 245 (MARC21) nor in 200 (UNIMARC)" in text
    assert not Book.objects.exists()
    assert ImportRun.objects.get().state == "uploaded"

    page = started(page)
    run = ImportRun.objects.get()
    assert (run.state, run.started_by, run.file_name) == ("finished", librarian, "records.mrc")
    assert (run.created, run.rejected, run.upload.name) == (1, 1, "")
    assert Book.objects.get().title == "Евгений Онегин"
    assert AuditEntry.objects.get(action="catalog.import_books").actor == librarian
    assert ("New books", 1) in page.context["counts"]
    assert "neither in 245" in page.content.decode()


@pytest.mark.parametrize(
    ("choice", "branches", "remark"),
    [
        ("", ["main"], "its copies stand in the branch that was chosen"),
        ("create", ["Attic"], ""),
        ("refuse", [], "Nobody knows the branch “Attic”; this copy was not made."),
    ],
)
def test_what_becomes_of_copies_in_a_branch_that_nobody_knows(uploaded, started, choice, branches, remark):
    BranchFactory(code="main", name="main")
    ItemTypeFactory()
    page = uploaded("a.mrc", iso(record(*LINES, "952 ##$aAttic$p1$01")), unknown_branches=choice)
    page = started(page)
    assert list(Copy.objects.values_list("branch__name", "status")) == [(name, "withdrawn") for name in branches]
    assert remark in page.text
    assert ("Branches that nobody knows" in page.context["choices"]) == bool(choice)


LINES = ("001 1", "245 10$aHill")


def test_what_would_change_is_shown_field_by_field(uploaded, started):
    book = BookFactory(title="Каштанка", authors=["Чехов, А. П."], year=1977)
    page = uploaded("books.csv", f"uid,title,year\n{book.uid},Каштанка,1987\n".encode())
    [change] = page.context["preview"]
    assert change["changes"] == [("year", "1977", "1987")]
    assert "<del>1977</del>" in page.content.decode()
    assert "<ins>1987</ins>" in page.content.decode()
    started(page)
    book.refresh_from_db()
    assert book.year == 1987


def test_the_operator_chooses_the_encoding_by_what_is_shown(english, uploaded, started):
    data = iso(record("001 1", "245 10$aКаштанка", leader="00000nam  2200000 i 4500"), "cp866")
    wrong = uploaded("x.mrc", data, encoding="cp1251")
    found, *others = wrong.context["letters"]
    assert (found.encoding, found.lines) == ("cp866", ["Каштанка"])
    assert "cp1251" in [other.encoding for other in others]
    assert 'name="encoding" value="cp1251" form="import-choices" checked' in wrong.text
    assert wrong.text.count('name="encoding"') == 1 + len(others)
    assert [book["title"] for book in wrong.context["preview"]] != ["Каштанка"]
    start = reverse("admin:catalog_importrun_start", args=[wrong.context["run"].pk])
    right = english.post(start, {"again": "", "encoding": "cp866", "format": "auto"}, follow=True)
    assert [book["title"] for book in right.context["preview"]] == ["Каштанка"]
    started(right)
    assert Book.objects.get().title == "Каштанка"
    assert ImportRun.objects.get().options["encoding"] == "cp866"
    assert "import-letters" not in uploaded("books.csv", "title\nХамелеон\n".encode()).text


def test_copies_go_where_the_operator_says(uploaded, started):
    BranchFactory()
    branch = BranchFactory()
    item_type = ItemTypeFactory()
    ItemTypeFactory()
    data = iso(record("001 1", "245 10$aКаштанка", "952 ##$aNOWHERE$p30001")) + iso(record("001 2", "245 10$aПалата"))
    page = uploaded("x.mrc", data, branch=branch.code, item_type=item_type.code, copies=2)
    assert ("New copies", 3) in page.context["counts"]
    started(page)
    assert [(copy.branch, copy.item_type) for copy in Copy.objects.all()] == [(branch, item_type)] * 3


def test_copies_are_left_out_when_unticked(english, librarian, started):
    BranchFactory()
    ItemTypeFactory()
    form = sent("x.mrc", iso(record("001 1", "245 10$aКаштанка", "952 ##$p30001")))
    del form["has_copies"]
    page = english.post(UPLOAD, form, follow=True)
    assert page.context["run"].options["no_copies"] is True
    started(page, has_copies="")
    assert (Book.objects.count(), Copy.objects.count()) == (1, 0)


def test_a_workbook_with_empty_cells_goes_in(uploaded, started):
    workbook = openpyxl.Workbook()
    workbook.active.append(["Заглавие", "Автор", "Издательство", "Год"])
    workbook.active.append(["Каштанка", None, None, None])
    stream = BytesIO()
    workbook.save(stream)
    started(uploaded("books.xlsx", stream.getvalue()))
    book = Book.objects.get()
    assert (book.title, book.place, book.publisher, book.year) == ("Каштанка", "", None, None)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv", b"colour;size\nred;1\n", "No column is called"),
        ("x.xlsx", b"PK nonsense", "This is not an Excel workbook"),
        ("x.csv", b"\n\n", "The table is empty."),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(uploaded, started, name, content, words):
    page = uploaded(name, content)
    assert words in page.content.decode()
    assert "Import now" not in page.content.decode()
    page = started(page)
    assert page.context["run"].state == "failed"
    assert words in page.content.decode()
    assert "Try again" in page.content.decode()


def test_of_a_long_file_the_beginning_is_shown(uploaded, monkeypatch):
    monkeypatch.setattr(import_runs, "PREVIEWED", 2)
    page = uploaded("x.mrc", b"".join(iso(record(f"001 {number}", f"245 10$aBook {number}")) for number in range(3)))
    assert page.context["counts"][0] == ("Records read", 2)
    assert "These are the first 2 records of the file." in page.content.decode()


def test_a_file_that_is_too_large_is_refused(english, librarian, settings):
    settings.IMPORT_MAX_BYTES = 10
    page = english.post(UPLOAD, sent("x.mrc", iso(ONEGIN)))
    assert "The file is larger than 10" in page.content.decode()
    assert not ImportRun.objects.exists()


def test_the_page_tells_how_far_the_import_is_and_then_stops_asking(english, librarian):
    now = timezone.now()
    run = ImportRun.objects.create(
        file_name="x.mrc",
        state="running",
        upload="imports/x",
        started_at=now,
        resumed_at=now - timedelta(seconds=10),
        heard_of_at=now,
        read_before=1000,
        read=3000,
        created=3000,
        size=90_000,
        position=30_000,
    )
    address = reverse("admin:catalog_importrun_change", args=[run.pk])
    page = english.get(address).content.decode()
    assert '<progress id="import-progress" max="100" value="33">' in page
    assert "200 records per second" in page
    assert "about 30 s left" in page
    assert f'hx-get="{address}?said=running30"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    part = english.get(f"{address}?said=running30", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "import-said" not in part
    ImportRun.objects.update(state="finished", finished_at=now)
    part = english.get(f"{address}?said=running30", headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in part
    assert '<p id="import-said" hx-swap-oob="innerHTML">finished' in part


def test_remarks_and_rejected_records_are_taken_away(english, librarian, uploaded, started):
    bad = iso(record("001 2", "003 =2005"))
    data = iso(record("001 1", "020 ##$a123", "245 10$aHill")) + bad + b"nonsense\x1d"
    run = started(uploaded("x.mrc", data)).context["run"]
    table = b"".join(english.get(reverse("admin:catalog_importrun_remarks", args=[run.pk])).streaming_content)
    lines = table.decode("utf-8-sig").splitlines()
    assert lines[0] == "record,outcome,code,remark"
    assert lines[1] == "1,imported,bad_isbn,“123” is no valid ISBN and was left out."
    assert [line.split(",")[:3] for line in lines[2:]] == [
        ["2", "rejected", "unknown_format"], ["3", "rejected", "not_marc"]
    ]  # fmt: skip
    answer = english.get(reverse("admin:catalog_importrun_rejected", args=[run.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="import-{run.pk}-rejected.mrc"'
    assert b"".join(answer.streaming_content) == bad + b"nonsense\x1d"


def test_rejected_xml_records_come_back_in_an_envelope(english, uploaded, started):
    data = b'<collection xmlns="http://www.loc.gov/MARC21/slim"><record><leader>00000nam</lead></record></collection>'
    run = started(uploaded("x.xml", data)).context["run"]
    answer = english.get(reverse("admin:catalog_importrun_rejected", args=[run.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="import-{run.pk}-rejected.xml"'
    pieces = list(read(BytesIO(b"".join(answer.streaming_content))))
    assert [piece.refusal.problem for piece in pieces] == ["bad_xml"]


def test_importing_and_exporting_are_rights_of_their_own(english, librarian):
    group = Group.objects.get(name="librarian")
    group.permissions.remove(*group.permissions.filter(codename__in=["import_book", "export_book", "import_copy"]))
    book = BookFactory()
    assert english.get(UPLOAD).status_code == 403
    assert english.post(UPLOAD, sent("x.mrc", iso(ONEGIN))).status_code == 403
    run = ImportRun.objects.create(file_name="x", state="waiting", upload="x", started_at=timezone.now())
    for deed in ("start", "stop"):
        assert english.post(reverse(f"admin:catalog_importrun_{deed}", args=[run.pk])).status_code == 403
    assert english.get(COPY_UPLOAD).status_code == 403
    english.post(BOOKS, {"action": "export_marc21", "_selected_action": [book.pk]})
    page = english.get(BOOKS)
    assert UPLOAD not in page.content.decode()
    assert "export_marc21" not in page.content.decode()


def test_the_list_leads_to_the_upload(english, librarian):
    assert UPLOAD in english.get(BOOKS).content.decode()
    assert COPY_UPLOAD in english.get(COPIES).content.decode()


def test_nobody_imports_without_signing_in(english):
    assert english.post(UPLOAD, sent("x.mrc", iso(ONEGIN))).status_code == 302
    assert not Book.objects.exists()


def test_no_inline_script_or_style_on_the_pages(english, librarian):
    for page in (english.get(UPLOAD), english.post(UPLOAD, sent("x.mrc", iso(ONEGIN)), follow=True)):
        main = page.content.decode().partition('id="content-main"')[2]
        assert "style=" not in main
        assert "onclick" not in main
        assert "<script" not in main.partition("</main>")[0]


# --- Exports -------------------------------------------------------------------------------------------------------
def test_selected_books_leave_as_marc(english, librarian):
    books = [BookFactory(title="Каштанка"), BookFactory(title="Палата № 6")]
    BookFactory(title="Другая")
    form = {"_selected_action": [book.pk for book in books]}
    answer = english.post(BOOKS, {"action": "export_marc21", **form})
    assert answer["Content-Disposition"] == 'attachment; filename="books-marc21.mrc"'
    titles = [piece.record.first("245", "a") for piece in read(BytesIO(answer.content))]
    assert titles == ["Каштанка", "Палата № 6"]
    xml = english.post(BOOKS, {"action": "export_marc21_xml", **form})
    assert len(list(read(BytesIO(b"".join(xml.streaming_content))))) == 2
    rusmarc = english.post(BOOKS, {"action": "export_rusmarc", **form})
    assert [piece.record.first("200", "a") for piece in read(BytesIO(rusmarc.content))] == titles


def test_records_too_long_for_iso_2709_are_named(english, librarian):
    book = BookFactory(title="Толстая", description="д" * 6000)
    answer = english.post(BOOKS, {"action": "export_marc21", "_selected_action": [book.pk]})
    [message] = get_messages(answer.wsgi_request)
    assert str(message) == ("1 record is longer than ISO 2709 allows (99,999 bytes): Толстая. Export it as XML.")


def test_selected_books_leave_as_tables(english, librarian):
    book = BookFactory(title="=Каштанка", authors=["Чехов, А. П."])
    answer = english.post(BOOKS, {"action": "export_csv", "_selected_action": [book.pk]})
    text = answer.content.decode("utf-8-sig")
    assert "'=Каштанка" in text
    assert "Чехов, А. П. (author)" in text
    workbook = english.post(BOOKS, {"action": "export_xlsx", "_selected_action": [book.pk]})
    sheet = openpyxl.load_workbook(BytesIO(workbook.content)).active
    assert sheet["B2"].value == "'=Каштанка"


# --- Copies --------------------------------------------------------------------------------------------------------
def sent_copies(content):
    """What the browser sends with the form for copies."""
    return {"import_file": SimpleUploadedFile("copies.csv", content), "format": "0", "resource": "0"}


@pytest.fixture
def book():
    return BookFactory(title="Каштанка", isbns=["9785020138506"], call_number="84 Ч56")


def test_a_table_of_copies_is_previewed_then_entered(english, librarian, book):
    branch, item_type = BranchFactory(code="main", name="Главный"), ItemTypeFactory(code="book")
    old = CopyFactory(book=book, inventory_number="1", barcode="b1", branch=branch, item_type=item_type)
    table = (
        "Инв. №;Штрихкод;ISBN;Филиал;Тип экземпляра;Цена;Дата поступления;Статус\n"
        "1;b1;978-5-02-013850-6;main;book;120,50;17.05.2020;lost\n"
        "2;;5-02-013850-9;ГЛАВНЫЙ;book;;;\n"
    )
    page = english.post(COPY_UPLOAD, sent_copies(table.encode("cp1251")))
    assert page.context["counts"] == [("Rows", 2), ("New copies", 1), ("Changed copies", 1), ("Unchanged copies", 0)]
    changed, new = page.context["preview"]
    assert (changed["number"], changed["outcome"]) == (2, "updated")
    assert changed["changes"] == [("price", "", "120.50"), ("acquired", "", "2020-05-17")]
    assert (new["number"], new["outcome"]) == (3, "created")
    assert ("branch", "", "main") in new["changes"]
    assert Copy.objects.count() == 1
    english.post(COPY_CONFIRM, confirmed(page))
    old.refresh_from_db()
    assert (str(old.price), str(old.acquired_on), old.status) == ("120.50", "2020-05-17", "available")
    new = Copy.objects.get(inventory_number="2")
    assert (new.book, new.branch, new.shelf_mark) == (book, branch, "84 Ч56")
    assert len(new.barcode) == 13
    assert {entry.action for entry in AuditEntry.objects.filter(actor=librarian)} >= {
        "catalog.create_copy",
        "catalog.update_copy",
    }
    book.refresh_from_db()
    assert new.barcode in str(book.search_entry.words)


def test_every_wrong_row_is_told_and_nothing_is_entered(english, librarian, book):
    BranchFactory(code="main")
    ItemTypeFactory(code="book")
    other = CopyFactory(inventory_number="77", barcode="b77")
    table = (
        "inventory number,barcode,book,branch,item type,price\n"
        f"1,b1,{book.uid},nowhere,book,\n"
        f"2,b2,9780000000002,main,book,\n"
        f"3,b3,{book.uid},main,book,dear\n"
        f"4,B77,{book.uid},main,book,\n"
        f"77,b77,{book.uid},main,book,\n"
        f"5,b5,{book.uid},main,book,\n"
    )
    page = english.post(COPY_UPLOAD, sent_copies(table.encode()))
    text = page.content.decode()
    assert "Row 2, branch: “nowhere” is unknown." in text
    assert "Row 3, book: No book has this id or ISBN." in text
    assert "Row 4, price: “dear” is no price." in text
    assert "There is a copy with this barcode already." in text
    assert "Row 6, book: This inventory number belongs to a copy of another book." in text
    assert page.context.get("confirm_form") is None
    assert list(Copy.objects.all()) == [other]


def test_exported_copies_may_be_imported_again(english, librarian, book):
    copy = CopyFactory(book=book, shelf_mark="=1+1", note="")
    answer = english.post(COPIES, {"action": "export_csv", "_selected_action": [copy.pk]})
    page = english.post(COPY_UPLOAD, sent_copies(answer.content))
    assert [row.import_type for row in page.context["result"].rows] == ["skip"]


def test_a_table_of_copies_without_their_numbers_is_refused(english, librarian):
    page = english.post(COPY_UPLOAD, sent_copies(b"title\nA\n"))
    assert "No column is called “inventory number”" in page.content.decode()
