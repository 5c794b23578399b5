"""The OAI-PMH provider: what harvesters are told, and when."""

import gzip
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import connection, transaction
from lxml import etree
from sickle import Sickle
from sickle.oaiexceptions import NoRecordsMatch

from catalog.actions import update_author, update_book
from catalog.models import Author, Book, Copy
from catalog.search import index_books
from catalog.tests.data_for_tests import shared
from catalog.tests.factories import BookFactory, CopyFactory, PublisherFactory, SeriesFactory, SubjectFactory
from exchange import harvest, oai
from exchange.models import PublishedRecord
from policies.models import Branch
from policies.tests.factories import BranchFactory

OAI = "{http://www.openarchives.org/OAI/2.0/}"
DUBLIN = "{http://purl.org/dc/elements/1.1/}"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD = datetime(2020, 1, 1, tzinfo=UTC)
SIMPLE_DC = """<schema targetNamespace="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2001/XMLSchema">
  {}</schema>""".format(
    "".join(
        f'<element name="{name}" type="string"/>'
        for name in [
            "title",
            "creator",
            "subject",
            "description",
            "publisher",
            "contributor",
            "date",
            "type",
            "format",
            "identifier",
            "source",
            "language",
            "relation",
            "coverage",
            "rights",
        ]
    )
)


@pytest.fixture
def ask(client):
    """Ask the provider; gives the root of the answer."""

    def ask(verb, **arguments):
        arguments = {name.rstrip("_"): value for name, value in arguments.items()}
        response = client.get("/oai", {"verb": verb, **arguments})
        assert response.status_code == 200
        return etree.fromstring(response.content)

    return ask


def error(answer):
    return answer.find(f"{OAI}error").get("code")


def texts(answer, name):
    return [found.text for found in answer.iter(name)]


def stamp(book, when=OLD):
    PublishedRecord.objects.filter(uid=book.uid).update(changed_at=when)


def is_restamped(book):
    return PublishedRecord.objects.get(uid=book.uid).changed_at > OLD


# --- What is said --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_identify(ask, settings, an_hour_later):
    settings.LIBRARY_NAME = "Библиотека <имени> Горького"
    settings.LIBRARY_URL = "https://library.example.org"
    settings.DEFAULT_FROM_EMAIL = "desk@library.example.org"
    stamp(BookFactory(), datetime(2024, 5, 1, 10, 30, 15, tzinfo=UTC))
    answer = ask("Identify")
    said = {element.tag.removeprefix(OAI): element.text for element in answer.find(f"{OAI}Identify")}
    assert said["repositoryName"] == "Библиотека <имени> Горького"
    assert said["baseURL"] == "https://library.example.org/oai"
    assert said["adminEmail"] == "desk@library.example.org"
    assert said["earliestDatestamp"] == "2024-05-01T10:30:15Z"
    assert said["deletedRecord"] == "persistent"
    assert said["granularity"] == "YYYY-MM-DDThh:mm:ssZ"
    assert texts(answer, "{http://www.openarchives.org/OAI/2.0/oai-identifier}repositoryIdentifier") == [
        "library.example.org"
    ]


@pytest.mark.django_db
def test_a_record_in_dublin_core(ask, settings):
    settings.LIBRARY_URL = "https://library.example.org"
    book = BookFactory(
        title="Война & мир\x0b",
        subtitle="роман",
        authors=["Толстой, Лев Николаевич"],
        isbns=["9785170878895"],
        subjects=["Война 1812 года"],
        genres=["роман-эпопея"],
        year=1869,
        pages="1300 с.",
    )
    answer = ask("GetRecord", identifier=f"oai:library.example.org:{book.uid}", metadataPrefix="oai_dc")
    said = [(element.tag.removeprefix(DUBLIN), element.text) for element in answer.find(f".//{OAI}metadata")[0]]
    assert said == [
        ("title", "Война & мир : роман"),
        ("creator", "Толстой, Лев Николаевич"),
        ("subject", "Война 1812 года"),
        ("date", "1869"),
        ("type", "Text"),
        ("type", "роман-эпопея"),
        ("format", "1300 с."),
        ("identifier", f"https://library.example.org/books/{book.uid}/"),
        ("identifier", "urn:isbn:9785170878895"),
        ("language", "rus"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("prefix", "schema"), [("oai_dc", "oai_dc.xsd"), ("marcxml", "MARC21slim.xsd")])
def test_records_are_valid_by_their_schemas(ask, prefix, schema, an_hour_later):
    path = shared(f"schemas/{schema}")
    BookFactory(title="Война и мир", authors=["Толстой, Лев"], isbns=["9785170878895"], subjects=["История — Россия"])
    BookFactory(title="It", language="", year=None, year_note="19--")
    an_hour_later()

    class DublinCoreFromHere(etree.Resolver):
        def resolve(self, url, public_id, context):
            return self.resolve_string(SIMPLE_DC, context) if "simpledc" in url else None

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(DublinCoreFromHere())
    rules = etree.XMLSchema(etree.parse(path, parser))
    found = ask("ListRecords", metadataPrefix=prefix).findall(f".//{OAI}metadata")
    assert len(found) == 2
    for one in found:
        rules.assertValid(one[0])


@pytest.mark.django_db
def test_copies_stay_at_home(ask, settings):
    settings.LIBRARY_URL = "https://library.example.org"
    copy = CopyFactory(price=350, note="подарок Иванова", inventory_number="ИНВ-77")
    for prefix in ("marcxml", "rusmarc", "oai_dc"):
        answer = ask("GetRecord", identifier=f"oai:library.example.org:{copy.book.uid}", metadataPrefix=prefix)
        said = etree.tostring(answer, encoding="unicode")
        assert copy.book.title in said
        assert "Иванова" not in said
        assert "ИНВ-77" not in said


@pytest.mark.django_db
def test_sets(ask, an_hour_later):
    east = BranchFactory(code="east", name="Восточный филиал")
    here = CopyFactory(branch=east, book__title="Есть").book
    gone = CopyFactory(branch=east, book__title="Списана", status=Copy.Status.WITHDRAWN).book
    english = BookFactory(title="Abroad", language="eng", material_type="map")
    an_hour_later()
    answer = ask("ListSets")
    assert set(texts(answer, f"{OAI}setSpec")) == {
        *("material", "language", "branch"),
        *("material:book", "material:map", "language:rus", "language:eng", "branch:east"),
    }
    assert "Восточный филиал" in texts(answer, f"{OAI}setName")

    def books_of(name):
        found = texts(ask("ListIdentifiers", metadataPrefix="oai_dc", set=name), f"{OAI}identifier")
        return {one.rpartition(":")[2] for one in found}

    assert books_of("branch:east") == books_of("branch") == {str(here.uid)}
    assert books_of("language:eng") == books_of("material:map") == {str(english.uid)}
    assert books_of("material") == {str(here.uid), str(gone.uid), str(english.uid)}
    assert error(ask("ListIdentifiers", metadataPrefix="oai_dc", set="branch:west")) == "noRecordsMatch"


@pytest.mark.django_db
def test_who_leaves_a_set_is_deleted_from_it_and_from_it_alone(ask, an_hour_later):
    copy = CopyFactory(branch=BranchFactory(code="east"))
    copy.branch = BranchFactory(code="west")
    copy.save(update_fields=["branch"])
    an_hour_later()

    def headers(name):
        return [
            one.get("status") for one in ask("ListIdentifiers", metadataPrefix="oai_dc", set=name).iter(f"{OAI}header")
        ]

    assert headers("branch:east") == ["deleted"]
    assert headers("branch:west") == [None]
    assert headers("material:book") == [None]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=Nonsense", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&set=a", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&resumptionToken=x", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=yesterday", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01&until=2026-01-02T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-02&until=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=%00", "badArgument"),
        ("verb=ListRecords&metadataPrefix=mods", "cannotDisseminateFormat"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=made-up", "badResumptionToken"),
        ("verb=ListSets&resumptionToken=made-up", "badResumptionToken"),
        ("verb=ListSets", "noSetHierarchy"),
        ("verb=GetRecord&identifier=%01&metadataPrefix=oai_dc", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=oai:library.invalid:7", "idDoesNotExist"),
    ],
)
def test_errors(client, query, code):
    answer = etree.fromstring(client.get(f"/oai?{query}").content)
    assert error(answer) == code
    has_arguments = bool(answer.find(f"{OAI}request").attrib)
    assert has_arguments == (code not in ("badVerb", "badArgument"))


@pytest.mark.django_db
def test_by_post_compressed_and_no_more_often_than_allowed(client, settings):
    response = client.post("/oai", {"verb": "Identify"}, headers={"accept-encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert b"<Identify>" in gzip.decompress(response.content)
    settings.EXCHANGE_CALLS_PER_MINUTE = 1
    response = client.get("/oai?verb=Identify")
    assert response.status_code == 503
    assert 1 <= int(response["Retry-After"]) <= 60


# --- In parts ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_list_in_parts_loses_nothing(ask, an_hour_later, monkeypatch):
    monkeypatch.setattr(oai, "HEADERS", 2)
    books = BookFactory.create_batch(5)
    an_hour_later()
    first = ask("ListIdentifiers", metadataPrefix="oai_dc")
    token = first.find(f".//{OAI}resumptionToken")
    assert (token.get("completeListSize"), token.get("cursor")) == ("5", "0")
    assert token.get("expirationDate") > "2026"
    found = texts(first, f"{OAI}identifier")
    books[0].title = "Изменена, пока читали"
    books[0].save(update_fields=["title"])
    PublishedRecord.objects.filter(uid=books[0].uid).update(changed_at=datetime.now(UTC).replace(year=2025))
    cursors = []
    while token is not None and token.text:
        part = ask("ListIdentifiers", resumptionToken=token.text)
        found += texts(part, f"{OAI}identifier")
        token = part.find(f".//{OAI}resumptionToken")
        cursors.append(token.get("cursor"))
    assert set(found) == {f"oai:{oai.namespace()}:{book.uid}" for book in books}
    assert cursors == ["2", "4"]
    assert (
        error(ask("ListRecords", resumptionToken=first.find(f".//{OAI}resumptionToken").text)) == "badResumptionToken"
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("prefix", "statements"), [("oai_dc", 8), ("marcxml", 11)])
def test_statements_of_a_page(client, an_hour_later, django_assert_num_queries, prefix, statements):
    BookFactory.create_batch(3, authors=["Толстой, Лев"], subjects=["Война"])
    CopyFactory.create_batch(2)
    an_hour_later()
    with django_assert_num_queries(statements):
        client.get(f"/oai?verb=ListRecords&metadataPrefix={prefix}")


# --- What changes a datestamp, and what does not -------------------------------------------------------------------

CHANGES = {
    "title": lambda book: update_book(book_id=book.pk, fields={"title": "Другое"}, by=None, now=NOW),
    "without the action": lambda book: Book.objects.filter(pk=book.pk).update(year=1999),
    "contributions": lambda book: update_book(
        book_id=book.pk, fields={"contributions": [{"name": "Гоголь, Николай"}]}, by=None, now=NOW
    ),
    "an author's name": lambda book: update_author(
        author_id=Author.objects.get().pk, fields={"name": "Толстой, Л. Н."}, by=None, now=NOW
    ),
    "a subject": lambda book: book.subjects.add(SubjectFactory(name="Новая тема")),
    "a genre taken away": lambda book: book.genres.clear(),
    "an ISBN": lambda book: book.isbns.create(value="9785170878895"),
    "the first copy in a branch": lambda book: CopyFactory(book=book, branch=BranchFactory(code="new")),
    "its last copy": lambda book: Copy.objects.filter(book=book).update(status=Copy.Status.LOST),
    "a branch's code": lambda book: Branch.objects.filter(copies__book=book).update(code="renamed"),
}
NO_CHANGES = {
    "a loan": lambda book: Copy.objects.filter(book=book).update(status=Copy.Status.LOANED),
    "a note on a copy": lambda book: Copy.objects.filter(book=book).update(note="Обложка порвана"),
    "another copy in the branch": lambda book: CopyFactory(book=book, branch=book.copies.get().branch),
    "the search index": lambda book: index_books([book.pk]),
    "the same again": lambda book: book.save(),
}


@pytest.fixture
def old_book(db):
    """A book of which everything is told, unchanged since 2020."""
    book = BookFactory(authors=["Толстой, Лев"], subjects=["Война"], genres=["роман"])
    CopyFactory(book=book, branch=BranchFactory(code="east"))
    stamp(book)
    return book


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_the_datestamp(old_book, change):
    CHANGES[change](old_book)
    assert is_restamped(old_book)


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_does_not(old_book, change):
    NO_CHANGES[change](old_book)
    assert not is_restamped(old_book)


@pytest.mark.django_db
def test_a_book_leaves_a_tombstone_and_may_come_back(ask, an_hour_later):
    book = BookFactory(title="Вернётся")
    uid = book.uid
    Book.objects.filter(pk=book.pk).delete()
    an_hour_later()
    name = f"oai:{oai.namespace()}:{uid}"
    assert (
        ask("GetRecord", identifier=name, metadataPrefix="marcxml").find(f".//{OAI}header").get("status") == "deleted"
    )
    assert error(ask("ListMetadataFormats", identifier=name)) == "noMetadataFormats"
    assert texts(ask("ListRecords", metadataPrefix="oai_dc", set="material:book"), f"{OAI}identifier") == [name]
    BookFactory(title="Вернулась", uid=uid)
    assert texts(ask("GetRecord", identifier=name, metadataPrefix="oai_dc"), f"{DUBLIN}title") == ["Вернулась"]
    assert error(ask("GetRecord", identifier=f"oai:{oai.namespace()}:{uuid4()}", metadataPrefix="oai_dc")) == (
        "idDoesNotExist"
    )


@pytest.mark.django_db
def test_from_and_until_include_their_ends(ask):
    early, late = BookFactory(), BookFactory()
    stamp(early, datetime(2025, 1, 31, 23, 59, 59, tzinfo=UTC))
    stamp(late, datetime(2025, 2, 1, tzinfo=UTC))

    def found(**limits):
        return [
            one[-36:] for one in texts(ask("ListIdentifiers", metadataPrefix="oai_dc", **limits), f"{OAI}identifier")
        ]

    assert found(until="2025-01-31") == [str(early.uid)]
    assert found(from_="2025-02-01T00:00:00Z") == [str(late.uid)]
    assert found(from_="2025-01-31T23:59:59Z", until="2025-02-01T00:00:00Z") == [str(early.uid), str(late.uid)]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_listed_beyond_an_unfinished_change(an_hour_later):
    """A change that began before and is committed after another one is not overtaken by it."""
    slow = connection.copy()
    try:
        with slow.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT exchange_stamp()")
            (begun,) = cursor.fetchone()
            with transaction.atomic():
                BookFactory()
            assert harvest.horizon() <= begun
            cursor.execute("COMMIT")
        assert harvest.horizon() >= begun
    finally:
        slow.close()


@pytest.mark.django_db(transaction=True)
def test_a_stock_harvester_takes_everything_and_then_the_changes(live_server, settings, an_hour_later, monkeypatch):
    monkeypatch.setattr(oai, "RECORDS", 3)
    settings.LIBRARY_URL = live_server.url
    books = BookFactory.create_batch(7, authors=["Толстой, Лев"])
    an_hour_later()
    harvester = Sickle(f"{live_server.url}/oai", timeout=10)
    assert harvester.Identify().deletedRecord == "persistent"
    everything = {
        record.header.identifier: record.metadata["title"][0]
        for record in harvester.ListRecords(metadataPrefix="oai_dc")
    }
    assert everything == {oai.identifier(book.uid): book.title for book in books}

    since = datetime.now(UTC)
    PublishedRecord.objects.update(changed_at=OLD)
    gone, changed = books[0].uid, books[1]
    books[0].delete()
    update_book(book_id=changed.pk, fields={"title": "Новое заглавие"}, by=None, now=NOW)
    an_hour_later()
    later = f"{since.replace(hour=0, minute=0):%Y-01-01}"
    marc = harvester.ListRecords(**{"metadataPrefix": "marcxml", "from": later})
    assert {record.header.identifier: record.deleted or "Новое заглавие" in record.raw for record in marc} == {
        oai.identifier(gone): True,
        oai.identifier(changed.uid): True,
    }
    with pytest.raises(NoRecordsMatch):
        harvester.ListRecords(**{"metadataPrefix": "oai_dc", "from": "2999-01-01"})


# --- Volumes -------------------------------------------------------------------------------------------------------

NOT_TOLD = {
    *("id", "uid", "sort_title", "volume_key", "cover", "created_at", "updated_at"),
}
"""Columns of a book that no record speaks of, or that never change."""


def test_every_column_that_is_told_changes_the_datestamp(old_book):
    other = {
        "year": 1812,
        "language": "eng",
        "material_type": "map",
        "parent": BookFactory(),
        "publisher": PublisherFactory(),
        "series": SeriesFactory(),
    }
    told = [field.name for field in Book._meta.fields if field.name not in NOT_TOLD]
    untouched = []
    for name in told:
        stamp(old_book)
        Book.objects.filter(pk=old_book.pk).update(**{name: other.get(name, "Иначе")})
        untouched += [] if is_restamped(old_book) else [name]
    assert {"title", "volume", "parent"} <= set(told)
    assert untouched == []


@pytest.mark.django_db
def test_a_volume_tells_its_set_and_changes_with_its_title(ask):
    whole = BookFactory(title="Жизнь животных")
    fish = BookFactory(title="Рыбы", volume="Т. 4", parent=whole)
    stamp(fish)
    update_book(book_id=whole.pk, fields={"title": "Мир животных"}, by=None, now=NOW)
    assert is_restamped(fish)
    answer = ask("GetRecord", identifier=f"oai:{oai.namespace()}:{fish.uid}", metadataPrefix="oai_dc")
    assert (texts(answer, f"{DUBLIN}title"), texts(answer, f"{DUBLIN}relation")) == (["Рыбы. Т. 4"], ["Мир животных"])
    answer = ask("GetRecord", identifier=f"oai:{oai.namespace()}:{fish.uid}", metadataPrefix="marcxml")
    assert answer.xpath("//*[@tag='773']/*/text()") == ["Мир животных", "Т. 4"]
