"""What the full-text index of a book holds and when it is written."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from catalog.models import Book, Contribution, Isbn, SearchEntry
from catalog.search import index_books
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory, PublisherFactory, SeriesFactory
from policies.models import Branch, ItemType

pytestmark = pytest.mark.django_db


def lexemes(book: Book) -> dict[str, str]:
    """Lexeme to its weights in the stored vector, «» for the unweighted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lexeme, array_to_string(weights, '') FROM catalog_searchentry, unnest(words) WHERE book_id = %s",
            [book.pk],
        )
        return {lexeme: "".join(sorted(set(weights or ""))) for lexeme, weights in cursor.fetchall()}


def test_every_part_of_a_book_is_indexed_with_its_weight():
    book = BookFactory(
        title="Ёлки и Привиде\u0301ния",
        subtitle="Рассказы о зиме",
        other_titles="Ghosts\nFir trees",
        call_number="84(2Рос=Рус)6 Т53",
        year=1934,
        publisher=PublisherFactory(name="Детгиз"),
        series=SeriesFactory(name="Круглый год"),
        description="Running through snow",
        authors=["Толстой, Лев Николаевич"],
        isbns=["9785699000005"],
        genres=["Рассказы"],
        subjects=["Новогодние праздники"],
    )
    Contribution.objects.create(
        book=book, author=AuthorFactory(name="Маршак, Самуил"), role=Contribution.Role.TRANSLATOR, position=1
    )
    CopyFactory(
        book=book,
        inventory_number="ИНВ 00-123",
        barcode="LIB-77",
        branch=Branch.objects.create(code="main", name="Центральная"),
        item_type=ItemType.objects.create(code="book", name="Книга"),
    )

    index_books([book.pk])

    found = lexemes(book)
    weights = {
        "елк": "A",
        "елки": "A",
        "ghost": "A",
        "trees": "A",
        "84(2рос=рус)6т53": "",
        "привидения": "A",
        "толст": None,
        "~tolstoi": "B",
        "толстой": "B",
        "л": "B",
        "маршак": "B",
        "зим": "C",
        "кругл": "C",
        "рассказ": "C",
        "новогодн": "C",
        "s:новогодн": "C",
        "p:детгиз": "C",
        "@d1930": "",
        "@mbook": "",
        "детгиз": "C",
        "run": "D",
        "snow": "D",
        "9785699000005": "",
        "инв00-123": "",
        "lib-77": "",
        "1934": "",
    }
    assert {word: found.get(word) for word in weights} == weights
    assert book.search_entry.sort_author == "толстой лев николаевич"


def test_what_facets_count_follows_the_copies():
    book = BookFactory(year=-44, language="lat", authors=["Caesar"], genres=["Memoirs"], subjects=["Gaul", "War"])
    index_books([book.pk])
    copy = CopyFactory(book=book)
    genre, author = book.genres.get().pk, book.authors.get().pk
    gaul, war = sorted(book.subjects.values_list("pk", flat=True))

    def counted() -> set[str]:
        return set(SearchEntry.objects.get(book=book).facet_values.split())

    things = {"=book/-50/lat", f"g{genre}", f"s{gaul}", f"s{war}", f"a{author}"}
    assert counted() == things | {f"+{copy.branch_id}/{copy.branch_id}"}
    copy.status = "loaned"
    copy.save(update_fields=["status"])
    assert counted() == things | {f"+{copy.branch_id}/"}


def test_a_book_without_an_author_is_filed_under_its_title():
    book = BookFactory(title="Слово о полку Игореве")
    index_books([book.pk])
    assert book.search_entry.sort_author == "слово о полку игореве"


def test_a_thousand_books_take_a_handful_of_statements():
    books = Book.objects.bulk_create(Book(title=f"Том {n}", sort_title=f"том {n}") for n in range(1001))
    with CaptureQueriesContext(connection) as queries:
        index_books(book.pk for book in books)
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 7
    assert not Book.objects.filter(search_entry=None).exists()


def test_what_is_right_already_is_not_written_again():
    book = BookFactory(title="Война и мир")

    def row_version() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid FROM catalog_searchentry WHERE book_id = %s", [book.pk])
            return cursor.fetchone()[0]

    index_books([book.pk])
    indexed = row_version()
    index_books([book.pk])
    assert row_version() == indexed
    Isbn.objects.create(book=book, value="9785699000005")
    index_books([book.pk])
    assert row_version() != indexed


def test_unknown_and_repeated_numbers_are_no_error():
    book = BookFactory()
    index_books([book.pk, book.pk, 10**12])
    index_books([])
    assert "книг" in lexemes(book)


def test_the_whole_index_is_rebuilt_by_command(capsys):
    books = Book.objects.bulk_create(Book(title=f"Том {n}", sort_title=f"том {n}") for n in range(1001))
    with translation.override("en"):
        call_command("rebuild_search", verbosity=0)
    assert not Book.objects.filter(search_entry=None).exists()
    assert capsys.readouterr().out == "1001 books are indexed.\n"
    assert "том" in lexemes(books[-1])
