"""Tables of books: whatever their columns, encodings and delimiters are."""

from datetime import date
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest

from catalog import tables
from catalog.bookdata import CopyData, Person
from catalog.import_copies import CopyOptions
from catalog.imports import import_books
from catalog.models import Book, Copy
from catalog.problems import Problem, Remark
from catalog.resources import BOOK_COLUMNS, BookResource, escaped
from catalog.tests.factories import BookFactory
from library.core.errors import Invalid
from policies.tests.factories import BranchFactory, ItemTypeFactory


def rows(text, encoding="utf-8", name="books.csv"):
    return list(tables.books(tables.read(BytesIO(text.encode(encoding)), name)))


def workbook(*lines):
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    stream = BytesIO()
    book.save(stream)
    stream.seek(0)
    return stream


RUSSIAN = "Инв. №;Автор;Заглавие;Год;Цена;ББК\n1001;Пушкин А.С.;Евгений Онегин;1977;120,50;84(2)1\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "cp866", "utf-16"])
def test_russian_tables_are_read_in_every_usual_encoding(encoding):
    [row] = rows(RUSSIAN, encoding)
    assert row.number == 2
    assert row.book.title == "Евгений Онегин"
    assert row.book.people == (Person(name="Пушкин, А. С."),)
    assert (row.book.year, row.book.call_number) == (1977, "84(2)1")
    assert row.book.copies == (CopyData(inventory_number="1001", shelf_mark="84(2)1", price=Decimal("120.50")),)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_from_the_header(delimiter):
    [row] = rows(f'title{delimiter}author\n"A{delimiter} B"{delimiter}Suzanne Collins\n')
    assert row.book.title == ("A B" if delimiter == "\t" else f"A{delimiter} B")
    assert row.book.people[0].name == "Collins, Suzanne"


def test_workbooks_are_read_as_people_see_them():
    stream = workbook(
        ["Название", "ISBN", "Год", "Дата поступления", "Инвентарный номер", "Цена"],
        ["Каштанка", 9785020138506.0, 1977, date(2020, 5, 17), 1001, None],
        [None, None, None, None, None, None],
    )
    [row] = tables.books(tables.read(stream, "books.xlsx"))
    assert (row.book.isbns, row.book.year) == (("9785020138506",), 1977)
    assert row.book.copies == (CopyData(inventory_number="1001", acquired_on=date(2020, 5, 17)),)


def test_series_stand_in_brackets_on_book_sites():
    [row] = rows('title,author\n"The Hunger Games (The Hunger Games, #1)",Suzanne Collins\n')
    assert (row.book.title, row.book.series, row.book.series_number) == ("The Hunger Games", "The Hunger Games", "1")


def test_people_in_their_own_columns():
    [row] = rows("title;author;translator;editor\nA;Homer;Н. И. Гнедич;Иванов И.И., Петров П.П.\n")
    assert row.book.people == (
        Person(name="Homer"),
        Person(name="Иванов, И. И.", role="editor"),
        Person(name="Петров, П. П.", role="editor"),
        Person(name="Гнедич, Н. И.", role="translator"),
    )


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("isbn=123", Remark(Problem.BAD_ISBN, {"value": "123"})),
        ("year=давно", Remark(Problem.BAD_YEAR, {"value": "давно"})),
        ("price=дорого", Remark(Problem.BAD_PRICE, {"value": "дорого"})),
        ("acquired=вчера", Remark(Problem.BAD_DATE, {"value": "вчера"})),
        ("author=Andrï¿½ CalÃ©", Remark(Problem.TEXT_REPAIRED)),
        ("author=A\x07B", Remark(Problem.ODD_CHARACTERS)),
    ],
)
def test_what_cannot_be_understood_is_left_out_with_a_remark(cells, problem):
    name, _, value = cells.partition("=")
    [row] = rows(f"title,{name}\nA,{value}\n")
    assert row.refusal is None
    assert problem in row.remarks


def test_a_row_without_title_is_refused_with_its_number():
    first, second = rows("title,author\n,Nobody\nA,Somebody\n")
    assert (first.number, first.refusal) == (2, Remark(Problem.NO_TITLE))
    assert (second.number, second.book.title) == (3, "A")


@pytest.mark.parametrize(
    ("text", "name"),
    [("colour,size\nred,1\n", "x.csv"), ("", "x.csv"), ("\n\n", "x.csv"), ("PK", "x.xlsx"), ("x", "x.xls")],
)
def test_what_is_no_table_of_books_is_refused_as_a_whole(text, name):
    with pytest.raises(Invalid):
        rows(text, name=name)


def test_a_workbook_that_unpacks_to_gigabytes_is_refused(monkeypatch):
    monkeypatch.setattr(tables, "LARGEST_WORKBOOK", 100)
    with pytest.raises(Invalid):
        list(tables.read(workbook(["title"], ["A"]), "x.xlsx"))


def test_years_before_christ():
    [row] = rows("title,year\nΙλιάς,-750\n")
    assert row.book.year == -750


def test_formulas_are_never_run_by_a_spreadsheet():
    assert escaped("=1+1") == "'=1+1"
    assert escaped("@SUM(A1)") == "'@SUM(A1)"
    assert escaped("+cmd|x") == "'+cmd|x"
    assert escaped("-750") == "-750"
    assert escaped("-100 градусов") == "'-100 градусов"
    assert escaped(None) == ""
    for text in ("=1+1", "-750", "'tis", "-100 градусов", "plain"):
        assert tables.unescaped(escaped(text)) == text


# --- Into the database ---------------------------------------------------------------------------------------------
def run(text, **kwargs):
    results = {}
    done = import_books(
        tables.books(tables.read(BytesIO(text.encode()), "books.csv")),
        file_name="books.csv",
        by=None,
        copies=CopyOptions(**kwargs),
        on_batch=lambda run, batch: results.update({result.number: result for result in batch}),
    )
    return done, results


def counts(done):
    return (done.read, done.created, done.updated, done.unchanged, done.rejected, done.copies_created)


@pytest.fixture
def library():
    BranchFactory(code="main")
    ItemTypeFactory()


@pytest.mark.django_db
def test_a_row_for_each_copy_makes_one_book(library):
    text = (
        "title,author,isbn,inventory number\n"
        "Каштанка,Чехов А.П.,9785020138506,1\n"
        "Каштанка,Чехов А.П.,9785020138506,2\n"
        "Каштанка.,Чехов А. П.,9785020138506,3\n"
    )
    done, _ = run(text)
    assert (Book.objects.count(), Copy.objects.count()) == (1, 3)
    assert counts(done) == (3, 1, 2, 0, 0, 3)
    assert counts(run(text)[0]) == (3, 0, 0, 3, 0, 0)


@pytest.mark.django_db
def test_counted_copies_are_made_once(library):
    text = "title,copies\nКаштанка,3\n"
    assert counts(run(text)[0]) == (1, 1, 0, 0, 0, 3)
    assert counts(run(text)[0]) == (1, 0, 0, 1, 0, 0)
    assert counts(run("title,copies\nКаштанка,5\n")[0]) == (1, 0, 1, 0, 0, 2)


@pytest.mark.django_db
def test_columns_that_a_table_has_not_are_left_alone():
    run("id,title,publisher,year\n7,Каштанка,Наука,1977\n")
    Book.objects.update(place="М.", pages="32 с.")
    done, _ = run("id,title,year\n7,Каштанка,1978\n")
    assert counts(done) == (1, 0, 1, 0, 0, 0)
    book = Book.objects.get()
    assert (book.year, book.publisher.name, book.place, book.pages) == (1978, "Наука", "М.", "32 с.")


@pytest.mark.django_db
def test_an_exported_table_edited_and_imported_again():
    book = BookFactory(
        title="=Каштанка",
        authors=["Чехов, А. П."],
        isbns=["9785020138506"],
        genres=["рассказ; повесть", "сказка"],
        subjects=["собаки"],
        description="Про собаку.\nИ гуся.",
        year=None,
        year_note="188-",
    )
    table = BookResource().export(Book.objects.all())
    assert table.headers == list(BOOK_COLUMNS)
    text = table.export("csv")
    assert "'=Каштанка" in text
    from csv import reader
    from io import StringIO

    lines = [[tables.unescaped(cell) for cell in row] for row in reader(StringIO(text))]

    def again():
        return import_books(tables.books(lines), file_name="x.csv", by=None, copies=CopyOptions())

    assert counts(again()) == (1, 0, 0, 1, 0, 0)
    lines[1][lines[0].index("title")] = "Каштанка"
    lines[1][lines[0].index("people")] = "Чехов, Антон Павлович [1860-1904] (author); Гнедич, Н. И. (translator)"
    assert counts(again()) == (1, 0, 1, 0, 0, 0)
    book.refresh_from_db()
    assert (book.title, book.year_note, book.description) == ("Каштанка", "188-", "Про собаку.\nИ гуся.")
    assert [(part.author.name, part.author.dates, part.role) for part in book.contributions.all()] == [
        ("Чехов, Антон Павлович", "1860-1904", "author"),
        ("Гнедич, Н. И.", "", "translator"),
    ]
    assert {genre.name for genre in book.genres.all()} == {"рассказ; повесть", "сказка"}


@pytest.mark.django_db
def test_a_row_of_an_unknown_book_is_refused():
    done, results = run("uid,title\n00000000-0000-4000-8000-000000000000,A\nnonsense,B\n")
    assert counts(done) == (2, 0, 0, 0, 2, 0)
    assert results[2].remarks[-1].problem == Problem.UNKNOWN_BOOK
    assert results[3].remarks[-1].problem == Problem.UNKNOWN_BOOK
