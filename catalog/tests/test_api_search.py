"""Search and suggestions for programs."""

import pytest

from catalog.search import index_books
from catalog.tests.factories import BookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def books():
    made = [
        BookFactory(title="Война и мир", authors=["Толстой, Лев Николаевич"], subjects=["Война"], year=1869),
        BookFactory(title="Анна Каренина", authors=["Толстой, Лев Николаевич"], year=1877),
    ]
    index_books(book.pk for book in made)
    return made


def test_facets_and_corrections(client, books):
    answer = client.get("/api/v1/books/", {"q": "njkcnjq", "facets": "true"}).json()
    assert (answer["count"], answer["corrected"], answer["suggestion"]) == (2, "толстой", "")
    author = answer["facets"]["author"][0]
    assert (author["name"], author["count"]) == ("Толстой, Лев Николаевич", 2)
    subject = answer["facets"]["subject"][0]["value"]
    narrowed = client.get("/api/v1/books/", {"subject_id": subject, "author_id": author["value"]}).json()
    assert [book["title"] for book in narrowed["results"]] == ["Война и мир"]
    assert narrowed["facets"] == {}
    assert client.get("/api/v1/books/", {"subject_id": "x"}).status_code == 400


def test_suggestions(client, books):
    answer = client.get("/api/v1/suggestions/", {"q": "толст"})
    assert [(one["kind"], one["text"]) for one in answer.json()] == [("author", "Толстой, Лев Николаевич")]
    assert client.get("/api/v1/suggestions/", {"q": "анна"}).json()[0]["key"] == str(books[1].uid)
    assert client.get("/api/v1/suggestions/").status_code == 400
