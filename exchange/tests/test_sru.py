"""The SRU server: what is found by which index, and how answers look."""

import shutil
import subprocess

import pytest
from lxml import etree

from catalog.models import Book
from catalog.search import index_books
from catalog.tests.factories import BookFactory, PublisherFactory

SRU = "{http://www.loc.gov/zing/srw/}"
DIAGNOSTIC = "{http://www.loc.gov/zing/srw/diagnostic/}"


def make_books():
    """Five books, indexed."""
    BookFactory(title="Война и мир", authors=["Толстой, Лев Николаевич"], year=1869, isbns=["9785170878895"])
    BookFactory(
        title="Мир и война в Европе", year=1990, subjects=["Дипломатия"], publisher=PublisherFactory(name="Наука")
    )
    BookFactory(title="Дипломатия для начинающих", year=2005)
    BookFactory(title="The war of the worlds", authors=["Wells, H. G."], year=1898, language="eng")
    BookFactory(title="Без года", year=None, material_type="map")
    index_books(Book.objects.values_list("pk", flat=True))


@pytest.fixture
def books(db):
    make_books()


@pytest.fixture
def ask(client):
    """A searchRetrieve request; gives the root of the answer."""

    def ask(query, **parameters):
        parameters = {"version": "1.2", "operation": "searchRetrieve", "query": query, **parameters}
        response = client.get("/sru", parameters)
        assert response.status_code == 200
        return etree.fromstring(response.content)

    return ask


def titles(answer):
    return [one.text for one in answer.iter("{http://purl.org/dc/elements/1.1/}title")]


def number(answer):
    return answer.findtext(f".//{DIAGNOSTIC}uri").removeprefix("info:srw/diagnostic/1/")


WAR, EUROPE, GUIDE, WORLDS, MAP = (
    *("Война и мир", "Мир и война в Европе", "Дипломатия для начинающих"),
    *("The war of the worlds", "Без года"),
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("войны", {WAR, EUROPE}),
        ('"война и мир"', {WAR}),
        ('dc.title all "мир война"', {WAR, EUROPE}),
        ('dc.title any "мир worlds"', {WAR, EUROPE, WORLDS}),
        ('dc.title exact "война и мир"', {WAR}),
        ("dc.title=дипломат*", {GUIDE}),
        ("bath.author=толстого", {WAR}),
        ('dc.creator == "Wells, H. G."', {WORLDS}),
        ("dc.subject=дипломатии", {EUROPE}),
        ("dc.publisher=наука", {EUROPE}),
        ("bath.isbn=5-17-087889-3", {WAR}),
        ("dc.date<1900", {WAR, WORLDS}),
        ('dc.date within "1898 1990"', {EUROPE, WORLDS}),
        ("dc.date<>1869", {EUROPE, GUIDE, WORLDS}),
        ("dc.language=eng or dc.type=map", {WORLDS, MAP}),
        ("война not dc.creator=толстой", {EUROPE}),
        ("(война or war) and dc.date<=1898", {WAR, WORLDS}),
        ("cql.allRecords=1 not dc.date>0", {MAP}),
        ("война and -мир", {WAR, EUROPE}),
    ],
)
def test_what_is_found(books, ask, query, expected):
    answer = ask(query, recordSchema="dc")
    assert set(titles(answer)) == expected
    assert answer.findtext(f"{SRU}numberOfRecords") == str(len(expected))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"query": "title near x"}, "19"),
        ({"query": "dc.coverage=x"}, "16"),
        ({"query": "marc.245=x"}, "15"),
        ({"query": "dc.title<x"}, "22"),
        ({"query": "dc.date=long-ago"}, "36"),
        ({"query": "dc.title=во*"}, "29"),
        ({"query": 'dc.title="война и мир*"'}, "33"),
        ({"query": "x", "startRecord": "2"}, "61"),
        ({"query": "x", "startRecord": "0"}, "6"),
        ({"query": "x", "recordSchema": "mods"}, "66"),
        ({"query": "x", "recordPacking": "zip"}, "71"),
        ({"query": "x", "sortKeys": "colour"}, "80"),
        ({"query": "x", "colour": "red"}, "8"),
        ({"query": "x", "version": "2.0"}, "5"),
        ({"operation": "searchRetrieve"}, "7"),
        ({"operation": "scan"}, "4"),
    ],
)
def test_what_is_refused(client, parameters, code):
    answer = etree.fromstring(client.get("/sru", parameters).content)
    assert number(answer) == code


def test_parts_order_and_packing(books, ask):
    first = ask("dc.date>0", recordSchema="dc", maximumRecords="2", sortKeys="date,,1")
    assert titles(first) == [WAR, WORLDS]
    assert first.findtext(f"{SRU}nextRecordPosition") == "3"
    rest = ask("dc.date>0 sortBy dc.date", recordSchema="dc", startRecord="3")
    assert titles(rest) == [EUROPE, GUIDE]
    assert [one.text for one in rest.iter(f"{SRU}recordPosition")] == ["3", "4"]
    assert rest.find(f"{SRU}nextRecordPosition") is None
    packed = ask("bath.isbn=9785170878895", recordPacking="string").findtext(f".//{SRU}recordData")
    assert etree.fromstring(packed).tag == "{http://www.loc.gov/MARC21/slim}record"
    counted = ask("dc.date>0", maximumRecords="0")
    assert counted.findtext(f"{SRU}numberOfRecords") == "4"
    assert counted.find(f"{SRU}records") is None


@pytest.mark.django_db
def test_it_explains_itself(client, settings):
    settings.LIBRARY_URL = "https://library.example.org"
    response = client.get("/sru")
    assert response["Cache-Control"] == "public, max-age=60"
    said = etree.fromstring(response.content).find(".//{http://explain.z3950.org/dtd/2.0/}explain")
    assert said.findtext(".//{*}host") == "library.example.org"
    assert said.findtext(".//{*}port") == "443"
    assert {one.get("name") for one in said.iter("{*}schema")} == {"marcxml", "dc", "rusmarc"}


def test_statements_of_a_page(books, client, django_assert_num_queries):
    """Three for the time limit, one to count, one to find, nine for the records."""
    with django_assert_num_queries(14):
        client.get("/sru?operation=searchRetrieve&version=1.2&query=война or war")


@pytest.mark.django_db(transaction=True)
def test_a_stock_client_finds_and_shows(live_server):
    if not shutil.which("yaz-client"):
        pytest.skip("yaz-client is not installed")
    make_books()
    wishes = ["find dc.title=война", "find dc.creator=толстой", "show 1", "find dc.colour=x", "quit"]
    commands = "\n".join([f"open {live_server.url}/sru", "sru get 1.2", *wishes, ""])
    said = subprocess.run(["yaz-client"], input=commands, capture_output=True, text=True, timeout=30).stdout
    assert "Number of hits: 2" in said
    assert '<subfield code="a">Война и мир</subfield>' in said
    assert "Unsupported index" in said


# --- Feeds ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_new_titles_and_the_address_bar(client, settings, django_assert_num_queries):
    settings.LIBRARY_URL = "https://library.example.org"
    book = BookFactory(title="Новинка", authors=["Толстой, Лев"])
    with django_assert_num_queries(3):
        feed = etree.fromstring(client.get("/new.atom").content)
    assert feed.findtext("{*}entry/{*}title") == "Толстой, Лев. Новинка"
    assert feed.find("{*}entry/{*}link").get("href") == f"https://library.example.org/books/{book.uid}/"
    description = etree.fromstring(client.get("/opensearch.xml").content)
    assert description.find("{*}Url").get("template") == "https://library.example.org/search/?q={searchTerms}"
    page = client.get("/").content.decode()
    assert 'href="/opensearch.xml"' in page
    assert 'href="/new.atom"' in page
