"""What nobody types: every form of cataloguing gets it, field by field, and answers without a failure of its own."""

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import AdminFactory
from catalog import batch_changes
from catalog.models import ImportRun
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory
from policies.tests.factories import BranchFactory, ItemTypeFactory
from stocktaking import actions as stocktakes

pytestmark = pytest.mark.django_db

NUMBERS = {"very long": "9" * 5000, "larger than a column": str(2**63)}
"""What is sent where a number is expected."""
TEXTS = {"control characters": "\0война\x1b\x85", "no day": "2026-02-31"}
"""What is sent where a text or a day is expected."""


class Cast:
    """One of everything that a form may be about."""

    def __init__(self):
        self.by, self.now = AdminFactory(), timezone.now()
        self.branch, self.item_type = BranchFactory(), ItemTypeFactory()
        self.copy = CopyFactory(branch=self.branch, item_type=self.item_type)
        self.books = [self.copy.book, BookFactory(title=self.copy.book.title, isbns=["9785170878895"])]
        self.authors = [AuthorFactory(name="Толстой, Лев"), AuthorFactory(name="Толстой, Л. Н.")]
        self.run = ImportRun.objects.create(file_name="books.mrc", started_at=self.now, state="finished")
        self.batch = batch_changes.draft(kind="book", target_ids=[self.books[0].pk], by=self.by, now=self.now)
        self.stocktake = stocktakes.start(branch=self.branch, by=self.by, now=self.now)


@pytest.fixture(scope="module")
def cast(standing):
    return Cast()


def ids(rows):
    return [row.pk for row in rows]


FORMS = {
    "search": lambda c: ("get", reverse("search"), {
        "q": "война", "page": "2", "sort": "year", "branch": "1", "genre": "1", "by": "1", "year_from": "1990",
        "year_to": "2000", "language": "rus", "material": "book", "decade": "1990", "publisher": "1", "series": "1",
    }),
    "suggestions": lambda c: ("get", reverse("suggestions"), {"q": "вой"}),
    "book": lambda c: ("get", reverse("book", args=[c.books[0].uid]), {"page": "1"}),
    "oai": lambda c: ("get", reverse("oai"), {
        "verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-01-01", "until": "2026-01-02",
        "set": "material:book", "resumptionToken": "x",
    }),
    "oai, one record": lambda c: ("get", reverse("oai"), {
        "verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:x:1",
    }),
    "sru": lambda c: ("get", reverse("sru"), {
        "operation": "searchRetrieve", "version": "1.2", "query": "dc.title=война", "startRecord": "1",
        "maximumRecords": "10", "recordSchema": "dc", "recordPacking": "xml", "resultSetTTL": "1", "sortKeys": "title",
        "scanClause": "dc.title=a", "stylesheet": "x", "recordXPath": "x",
    }),
    "atom": lambda c: ("get", reverse("new_titles"), {"page": "1", "language": "rus", "branch": "1"}),
    "isbn": lambda c: ("get", reverse("lookup_isbn"), {"isbn": "x", "book": "1"}),
    "other catalogues": lambda c: ("get", reverse("copy_catalogues"), {
        "title": "", "author": "", "isbn": "x", "any": "", "target": "1", "start": "1",
    }),
    "merge": lambda c: ("post", reverse("admin:catalog_merge_books"), {
        "id": ids(c.books), "survivor": c.books[0].pk, "title": c.books[0].pk, "parent": "1", "isbns": "1",
        "contributions": "1", "genres": "1",
    }),
    "merge, authors": lambda c: ("post", reverse("admin:catalog_merge_authors"), {
        "id": ids(c.authors), "survivor": c.authors[0].pk, "name": c.authors[0].pk,
    }),
    "merge, page": lambda c: ("get", reverse("admin:catalog_merge_books"), {"id": ids(c.books)}),
    "probable duplicates": lambda c: ("get", reverse("admin:catalog_merge_duplicates"), {"by": "isbn", "after": "1"}),
    "tell apart": lambda c: ("post", reverse("admin:catalog_merge_distinct"), {
        "id": ids(c.books), "by": "isbn", "after": "1",
    }),
    "batch change": lambda c: ("get", reverse("admin:catalog_batchchange_prepare", args=[c.batch.pk]), {
        "field": "title", "deed": "replace", "find": "а", "value": "б", "page": "1",
    }),
    "batch change, done": lambda c: ("post", reverse("admin:catalog_batchchange_prepare", args=[c.batch.pk]), {
        "field": "year", "deed": "set", "value": "1999",
    }),
    "labels": lambda c: ("post", reverse("admin:catalog_copy_labels"), {
        "kind": "spine", "stock": "l7160", "start": "1", "copies": c.copy.pk, "offset_x": "1", "offset_y": "1",
    }),
    "labels of a book": lambda c: ("post", reverse("admin:catalog_copy_labels"), {
        "kind": "qr", "stock": "l7160", "start": "1", "book": c.books[0].pk, "part": "0",
    }),
    "labels of an import": lambda c: ("get", reverse("admin:catalog_copy_labels"), {
        "run": c.run.pk, "book": c.books[0].pk, "first": "1", "last": "2",
    }),
    "labels of a range": lambda c: ("post", reverse("admin:catalog_copy_labels"), {
        "kind": "barcode", "stock": "l7160", "start": "1", "first": "1", "last": "3",
    }),
    "catalogue cards": lambda c: ("post", reverse("admin:catalog_book_cards"), {
        "kinds": "main", "stock": "a4-catalogue", "start": "1", "books": c.books[0].pk, "part": "0", "offset_x": "1",
    }),
    "catalogue cards of an import": lambda c: ("get", reverse("admin:catalog_book_cards"), {
        "run": c.run.pk, "books": c.books[0].pk,
    }),
    "cards": lambda c: ("post", reverse("admin:accounts_reader_cards"), {
        "readers": "1", "stock": "a4-cards", "start": "1", "offset_x": "1",
    }),
    "copies": lambda c: ("post", reverse("admin:catalog_book_add_copies", args=[c.books[0].pk]), {
        "count": "1", "branch": c.branch.pk, "item_type": c.item_type.pk, "first_number": "А-1",
        "first_barcode": "1", "price": "1", "acquired_on": "2026-01-01", "shelf_mark": "84",
    }),
    "withdrawal": lambda c: ("post", reverse("admin:catalog_copy_withdraw"), {
        "copies": c.copy.pk, "act_number": "1", "dated_on": "2026-01-01", "reason": "worn", "note": "x",
    }),
    "photos": lambda c: ("post", reverse("admin:catalog_copy_photos", args=[c.copy.pk]), {
        "id": "1", "deed": "first", "alt_text": "x",
    }),
    "stocktake": lambda c: ("post", reverse("admin:stocktaking_stocktake_add"), {
        "branch": c.branch.pk, "shelf_from": "84", "shelf_to": "85", "note": "x",
    }),
    "scan": lambda c: ("post", reverse("stocktake_scan", args=[c.stocktake.uid]), {"code": "1"}),
    "report": lambda c: ("get", reverse("stocktake_report", args=[c.stocktake.uid]), {
        "outcome": "missing", "page": "1",
    }),
    "correction": lambda c: ("post", reverse("stocktake_correct", args=[c.stocktake.uid]), {
        "outcome": "missing", "finding": "1", "page": "1",
    }),
    "undone correction": lambda c: ("post", reverse("stocktake_undo", args=[c.stocktake.uid]), {
        "outcome": "missing", "finding": "1", "page": "1",
    }),
    "list of books": lambda c: ("get", reverse("admin:catalog_book_changelist"), {
        "q": "а", "p": "1", "o": "1", "parent": "1", "id__in": "1", "material_type__exact": "book",
    }),
    "list of copies": lambda c: ("get", reverse("admin:catalog_copy_changelist"), {
        "q": "а", "p": "1", "branch__id__exact": "1", "status__exact": "lost",
    }),
    "new book": lambda c: ("post", reverse("admin:catalog_book_add"), {
        "title": "", "year": "1999", "parent": c.books[1].pk, "volume": "Т. 1", "series": "1", "publisher": "1",
        "language": "rus", "genres": "1", "contributions-TOTAL_FORMS": "0", "contributions-INITIAL_FORMS": "0",
        "isbns-TOTAL_FORMS": "0", "isbns-INITIAL_FORMS": "0", "copies-TOTAL_FORMS": "0", "copies-INITIAL_FORMS": "0",
    }),
}  # fmt: skip
"""Method, address and what is sent when nothing is odd."""


@pytest.mark.parametrize("name", FORMS)
def test_odd_input_is_answered(client, cast, name, settings):
    settings.EXCHANGE_CALLS_PER_MINUTE = settings.LOOKUP_PER_MINUTE = 10_000
    client.force_login(cast.by)
    method, address, sent = FORMS[name](cast)
    failures = []
    for field, usual in sent.items():
        if field.endswith("_FORMS"):
            continue
        for odd, value in (NUMBERS if str(usual).isdigit() or isinstance(usual, list) else TEXTS).items():
            try:
                status = getattr(client, method)(address, sent | {field: value}).status_code
            except Exception as error:  # noqa: BLE001 # told of below, with all the others
                failures.append((field, odd, f"{type(error).__name__}: {error}"[:200]))
            else:
                failures += [(field, odd, status)] if status >= 500 else []
    assert failures == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe\xfd" * 100,
        b"1\n" * 6000,
        b"x" * (600 * 1024),
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
    ],
    ids=["empty", "NUL", "no text", "too many", "too large", "XML"],
)
def test_odd_files_are_answered(client, cast, content):
    client.force_login(cast.by)
    places = {
        reverse("stocktake_upload", args=[cast.stocktake.uid]): {"numbers": "numbers.txt"},
        reverse("admin:catalog_copy_photos", args=[cast.copy.pk]): {"photo": "photo.jpg"},
        reverse("admin:catalog_book_import"): {"file": "books.mrc"},
        reverse("admin:catalog_copy_import"): {"import_file": "copies.csv"},
    }
    told = {}
    for address, files in places.items():
        sent = {field: SimpleUploadedFile(file, content) for field, file in files.items()}
        told[address] = client.post(address, {"alt_text": "x", "format": "0", **sent}).status_code
    assert max(told.values()) < 500
    assert not cast.copy.photos.exists()


def test_every_list_of_the_panel_has_pages():
    """Nobody waits for a list of a hundred thousand rows."""
    for model, panel in admin.site._registry.items():
        assert panel.list_per_page <= 100, model
        assert panel.list_max_show_all <= 500, model
