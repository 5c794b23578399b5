"""Names that are entered together with the book: saved with it, found again, and never left behind."""

import pytest
from django.urls import reverse

from accounts.tests.factories import LibrarianFactory
from catalog.models import Author, Book, Publisher, Subject
from catalog.tests.factories import PublisherFactory
from catalog.tests.test_admin import entered

pytestmark = pytest.mark.django_db
ADD = reverse("admin:catalog_book_add")
NEW = {
    "title": "Zen speaks",
    "publisher": "new:Anchor Books",
    "subjects": ["new:Zen Buddhism", "new:zen  buddhism"],
    "contributions-TOTAL_FORMS": "2",
    "contributions-0-author": "new:Cai, Zhizhong",
    "contributions-0-role": "author",
    "contributions-0-position": "0",
    "contributions-1-author": "new:Bruya, Brian",
    "contributions-1-role": "translator",
    "contributions-1-position": "1",
}


@pytest.fixture(autouse=True)
def _librarian(english):
    english.force_login(LibrarianFactory(language="en"))


def test_saved_with_the_book(client):
    assert client.post(ADD, entered(**NEW)).status_code == 302
    book = Book.objects.get()
    assert str(book.publisher) == "Anchor Books"
    assert [(part.author.name, part.role) for part in book.contributions.all()] == [
        ("Cai, Zhizhong", "author"),
        ("Bruya, Brian", "translator"),
    ]
    assert [subject.name for subject in book.subjects.all()] == ["Zen Buddhism"]


def test_a_name_that_is_there_is_taken(client):
    known = PublisherFactory(name="ANCHOR books")
    client.post(ADD, entered(**NEW))
    assert Book.objects.get().publisher == known


def test_a_form_with_errors_shows_them_again_and_leaves_nothing_behind(client):
    page = client.post(ADD, entered(**NEW | {"title": "", "year": "5000"})).content.decode()
    assert '<option value="new:Anchor Books" selected>Anchor Books</option>' in page
    assert '<option value="new:Cai, Zhizhong" selected>Cai, Zhizhong</option>' in page
    assert [model.objects.count() for model in (Publisher, Author, Subject)] == [0, 0, 0]


def test_no_name(client):
    page = client.post(ADD, entered(**NEW | {"publisher": "new: "})).content.decode()
    assert "This is no name: give letters or digits." in page
    assert not Book.objects.exists()
