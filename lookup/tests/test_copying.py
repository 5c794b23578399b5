"""Copy cataloguing on the panel: searched, looked at, taken over."""

from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from accounts.tests.factories import AdminFactory, LibrarianFactory
from catalog.models import Book, SourceRecord
from catalog.queries import SearchQuery, search_books
from catalog.tests.factories import BookFactory
from library.core.models import AuditEntry
from lookup.models import Target
from lookup.tests.sru_for_tests import UNIMARC, diagnostic, marc21, objections, response

pytestmark = pytest.mark.django_db
SEARCH = reverse("copy_catalogues")
ZEN = marc21("93005405", "Zen speaks", "Cai, Zhizhong", isbn="0385472579 :")


@pytest.fixture
def librarian(client):
    user = LibrarianFactory(language="en")
    client.force_login(user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield user


@pytest.fixture
def congress(world, settings):
    settings.LOOKUP_PRIVATE_ADDRESSES = True
    return Target.objects.create(name="Congress", url=f"{world.url}/loc", format="marc21", position=1)


@pytest.fixture
def france(world, congress):
    return Target.objects.create(
        name="France",
        url=f"{world.url}/bnf",
        version="1.2",
        record_schema="unimarcxchange",
        title_index="bib.title all",
        author_index="",
        isbn_index="bib.isbn all",
        any_index="",
        position=2,
    )


def search(client, **params):
    return client.get(SEARCH, params)


def titles(page):
    return [(row["found"].book.title, row["found"].target) for row in page.context["rows"]]


def first(page):
    return reverse("copy_record", args=[page.context["rows"][0]["found"].key])


def test_several_catalogues_at_once(client, librarian, world, congress, france):
    world.says("/loc", response(ZEN, marc21("2", "Zen again", "Cai"), total=12), kind="text/xml")
    world.says("/bnf", response(UNIMARC, version="1.2"), kind="text/xml")
    page = search(client, title="zen speaks")
    assert titles(page) == [("Zen speaks", "Congress"), ("L'étranger", "France"), ("Zen again", "Congress")]
    queries = {path: query for path, query, _headers in world.asked}
    assert queries["/loc"] == {
        "version": "1.1",
        "operation": "searchRetrieve",
        "query": 'dc.title="zen" and dc.title="speaks"',
        "startRecord": "1",
        "maximumRecords": "10",
        "recordSchema": "marcxml",
        "recordPacking": "xml",
    }
    assert queries["/bnf"]["query"] == 'bib.title all "zen speaks"'
    assert queries["/bnf"]["version"] == "1.2"
    assert "12 records" in page.content.decode()


def test_pages(client, librarian, world, congress):
    world.says("/loc", response(ZEN, total=12), kind="text/xml")
    page = search(client, title="zen", page="2")
    assert world.asked[0][1]["startRecord"] == "11"
    assert "Page 2 of 2" in page.content.decode()


def test_one_that_fails_does_not_silence_the_others(client, librarian, world, congress, france, settings):
    settings.LOOKUP_ATTEMPTS = 1
    world.says("/loc", "oops", status=500)
    world.says("/bnf", response(UNIMARC), kind="text/xml")
    page = search(client, title="zen")
    assert titles(page) == [("L'étranger", "France")]
    assert "Congress answered with an error (500)." in page.content.decode()


def test_diagnostics_in_words(client, librarian, world, congress):
    world.says(
        "/loc", response(diagnostics=objections(diagnostic(16, "dc.title", "Unsupported index"))), kind="text/xml"
    )
    page = search(client, title="zen").content.decode()
    assert "It does not know the index that was asked." in page
    assert "(Unsupported index, dc.title)" in page


def test_a_catalogue_without_the_index_is_not_asked(client, librarian, world, congress, france):
    world.says("/loc", response(ZEN), kind="text/xml")
    page = search(client, author="cai").content.decode()
    assert "It cannot be searched by one of these fields." in page
    assert world.paths() == ["/loc"]


def test_the_form_says_what_is_wrong(client, librarian, world, congress):
    assert "is not an ISBN" in search(client, isbn="123").content.decode()
    assert "Give a title, an author, an ISBN or any words." in search(client, title=" ").content.decode()
    assert world.asked == []


def test_a_private_address_is_not_asked(client, librarian, world, congress, settings):
    settings.LOOKUP_PRIVATE_ADDRESSES = False
    assert "leads to an address that may not be asked: 127.0.0.1." in search(client, title="zen").content.decode()
    assert world.asked == []


def test_taken_over_with_its_source(client, librarian, world, congress):
    world.says("/loc", response(ZEN), kind="text/xml")
    record = first(search(client, isbn="0-385-47257-9"))
    assert world.asked[0][1]["query"] == 'bath.isbn="9780385472579"'
    page = client.get(record).content.decode()
    assert "$a Zen Buddhism." in page
    assert not Book.objects.exists()
    client.post(record)
    book = Book.objects.get()
    assert (book.title, book.year, str(book.publisher), book.place) == ("Zen speaks", 1994, "Anchor Books", "New York")
    assert [str(part.author) for part in book.contributions.all()] == ["Cai, Zhizhong"]
    assert [number.value for number in book.isbns.all()] == ["9780385472579"]
    source = SourceRecord.objects.get()
    assert (source.format, source.content["fields"][0]) == ("marc21", {"001": "93005405"})
    assert list(search_books(SearchQuery(text="zen speaks")).book_ids) == [book.pk]
    entry = AuditEntry.objects.get(action="catalog.import_books")
    assert (entry.actor, entry.subject_name, entry.detail["created"]) == (librarian, "Congress", 1)

    again = search(client, title="zen")
    assert again.context["rows"][0]["owned"] == book
    assert "this record" in again.content.decode()
    client.post(record)
    assert Book.objects.count() == 1


def test_a_newer_version_updates_its_book(client, librarian, world, congress):
    world.says("/loc", response(ZEN), kind="text/xml")
    client.post(first(search(client, title="zen")))
    world.answers["/loc"] = []
    world.says("/loc", response(ZEN.replace("Anchor Books", "Doubleday")), kind="text/xml")
    page = search(client, title="zen")
    assert "another version" in page.content.decode()
    client.post(first(page), {"into": Book.objects.get().pk})
    assert str(Book.objects.get().publisher) == "Doubleday"


def test_into_a_book_entered_by_hand(client, librarian, world, congress):
    book = BookFactory(title="Zen", isbns=["9780385472579"], language="eng", year=1994)
    Book.objects.filter(pk=book.pk).update(description="Our own words.")
    world.says("/loc", response(ZEN), kind="text/xml")
    page = search(client, title="zen")
    assert "same ISBN" in page.content.decode()
    record = first(page)
    assert "<del>Zen</del> <ins>Zen speaks</ins>" in client.get(record).content.decode()
    client.post(record, {"into": book.pk})
    book = Book.objects.get()
    assert (book.title, book.description) == ("Zen speaks", "Our own words.")
    assert book.source.format == "marc21"


def test_into_a_book_that_has_nothing_to_do_with_it(client, librarian, world, congress):
    other = BookFactory(title="Бесы")
    world.says("/loc", response(ZEN), kind="text/xml")
    client.post(first(search(client, title="zen")), {"into": other.pk})
    assert sorted(Book.objects.values_list("title", flat=True)) == ["Zen speaks", "Бесы"]


def test_a_record_that_is_not_kept_any_longer(client, librarian, world, congress):
    world.says("/loc", response(ZEN), kind="text/xml")
    record = first(search(client, title="zen"))
    cache.clear()
    answer = client.post(record, follow=True)
    assert "This record is not kept any longer. Search for it again." in answer.content.decode()
    assert not Book.objects.exists()


def test_the_number_of_queries_does_not_grow(client, librarian, world, congress):
    world.says("/loc", response(ZEN), kind="text/xml")
    world.says("/loc", response(*(marc21(str(n), f"Book {n}", "Cai") for n in range(10))), kind="text/xml")
    assert len(search(client, title="zen").context["rows"]) == 1
    with CaptureQueriesContext(connection) as queries:
        page = search(client, title="zen")
    assert len(page.context["rows"]) == 10
    assert len(queries) <= 14


def test_only_administrators_enter_addresses_and_none_of_a_private_network(client, world):
    form = {
        "name": "Inside",
        "url": "http://127.0.0.1:9200/sru",
        "version": "1.1",
        "record_schema": "marcxml",
        "format": "auto",
        "title_index": "dc.title",
        "position": "0",
        "is_enabled": "on",
    }
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    add = reverse("admin:lookup_target_add")
    client.force_login(LibrarianFactory(language="en"))
    assert client.post(add, form).status_code == 403
    client.force_login(AdminFactory(language="en"))
    assert "This address lies in a private network" in client.post(add, form).content.decode()
    assert "Enter a valid URL." in client.post(add, form | {"url": "file:///etc/passwd"}).content.decode()
    wrong = client.post(add, form | {"url": "http://93.184.215.14/sru", "title_index": 'dc.title="'})
    assert "Give the name of an index" in wrong.content.decode()
    assert client.post(add, form | {"url": "http://93.184.215.14/sru"}).status_code == 302
    assert Target.objects.get().name == "Inside"
    assert AuditEntry.objects.filter(action="lookup.create_target").count() == 1


def test_a_new_library_can_copy_from_four_catalogues():
    call_command("setup_library", stdout=StringIO())
    assert [target.name for target in Target.objects.all()] == [
        "Library of Congress",
        "Deutsche Nationalbibliothek",
        "Bibliothèque nationale de France",
        "K10plus",
    ]
    Target.objects.first().delete()
    call_command("setup_library", stdout=StringIO())
    assert Target.objects.count() == 3
