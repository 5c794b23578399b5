"""Saved searches and the word of new books."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict

from accounts.tests.factories import ReaderFactory, UserFactory
from catalog.models import Book
from catalog.tests.factories import BookFactory
from library.core.errors import Invalid
from notifications import saved_searches
from notifications.models import Notice, SavedSearch
from notifications.saved_searches import save_search, tell_of_new_books

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return ReaderFactory(user=UserFactory(email="alice@example.org"), email="alice@example.org", language="en")


def add_book(title, *, at, **changes):
    book = BookFactory(title=title, **changes)
    Book.objects.filter(pk=book.pk).update(created_at=at)
    return book


def test_new_books_of_a_search_are_told_once_and_in_one_notice(alice, monkeypatch):
    monkeypatch.setattr(saved_searches, "MOST_TOLD", 2)
    add_book("Каренина, что была до того", at=NOW - timedelta(days=1))
    search = save_search(reader=alice, params=QueryDict("q=каренина&page=3&sort=title"), now=NOW)
    assert (search.name, search.address) == ("каренина", QueryDict("q=каренина").urlencode())
    assert save_search(reader=alice, params=QueryDict("q=каренина"), now=NOW) == search
    assert tell_of_new_books(now=NOW + timedelta(hours=1)) == 0
    for hour in (2, 3, 4):
        add_book(f"Анна Каренина {hour}", at=NOW + timedelta(hours=hour))
    add_book("Идиот", at=NOW + timedelta(hours=4))
    assert tell_of_new_books(now=NOW + timedelta(days=1)) == 1
    assert tell_of_new_books(now=NOW + timedelta(days=2)) == 0
    data = Notice.objects.get().data
    assert data["search"] == "каренина"
    assert [book["title"] for book in data["books"]] == ["Анна Каренина 4", "Анна Каренина 3"]
    assert data["more"] == 1


def test_a_search_that_finds_nothing_by_itself_tells_nothing_of_what_was_meant_perhaps(alice):
    save_search(reader=alice, params=QueryDict("q=карринина"), now=NOW)
    add_book("Анна Каренина", at=NOW + timedelta(hours=1))
    assert tell_of_new_books(now=NOW + timedelta(days=1)) == 0


def test_a_reader_keeps_renames_and_deletes_searches_on_pages(client, alice, monkeypatch):
    client.force_login(alice.user)
    BookFactory(title="Анна Каренина")
    assert 'name="search" value="q=' in client.get("/search/", {"q": "каренина"}).content.decode()
    client.post("/my/searches/save/", {"search": "q=каренина"})
    search = alice.saved_searches.get()
    assert "каренина" in client.get("/my/searches/").content.decode()
    client.post(f"/my/searches/{search.uid}/rename/", {"name": "  Анна  и другие "})
    search.refresh_from_db()
    assert search.name == "Анна и другие"
    stranger = SavedSearch.objects.create(reader=ReaderFactory(), name="x", address="", created_at=NOW, seen_until=NOW)
    assert client.post(f"/my/searches/{stranger.uid}/rename/", {"name": "mine"}).status_code == 404
    client.post(f"/my/searches/{stranger.uid}/delete/")
    client.post(f"/my/searches/{search.uid}/delete/")
    assert list(SavedSearch.objects.all()) == [stranger]
    monkeypatch.setattr(saved_searches, "MOST_SAVED", 0)
    with pytest.raises(Invalid):
        save_search(reader=alice, params=QueryDict("q=1"), now=NOW)
