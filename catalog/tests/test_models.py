"""What the database itself keeps true about books and copies."""

import pytest
from django.db import IntegrityError

from catalog.models import Author, Book, Copy
from catalog.tests.factories import AuthorFactory, BookFactory

pytestmark = pytest.mark.django_db


def test_book_factory_makes_people_in_order_and_shares_them():
    AuthorFactory(name="Ильф, Илья")
    book = BookFactory(
        title="Двенадцать стульев", authors=["Ильф, Илья", "Петров, Евгений"], isbns=["9785040955145"], genres=["роман"]
    )
    assert [c.author.name for c in book.contributions.all()] == ["Ильф, Илья", "Петров, Евгений"]
    assert Author.objects.count() == 2
    assert [isbn.value for isbn in book.isbns.all()] == ["9785040955145"]
    assert [genre.name for genre in book.genres.all()] == ["роман"]


def test_sort_title_follows_the_title_even_with_update_fields():
    book = BookFactory(title="Ёлка")
    book.title = "Новый год"
    book.save(update_fields=["title"])
    assert Book.objects.get().sort_title == "новый год"


@pytest.mark.parametrize("values", [{"title": ""}, {"year": 2201}, {"material_type": "cake"}])
def test_the_database_refuses_a_nonsensical_book(values):
    with pytest.raises(IntegrityError):
        BookFactory(**values)


def test_copy_says_its_inventory_number():
    assert str(Copy(inventory_number="А-17")) == "А-17"


@pytest.mark.parametrize(
    ("title", "language", "filed"),
    [
        ("The Hobbit", "eng", "hobbit"),
        ("The Hobbit", "", "the hobbit"),
        ("Ёлка", "rus", "елка"),
        ("L'étranger", "fre", "etranger"),
        ("A", "eng", "a"),
        ("Thebes", "eng", "thebes"),
    ],
)
def test_titles_are_filed_without_their_leading_article(title, language, filed):
    assert BookFactory(title=title, language=language).sort_title == filed
