"""The catalogue through the API: anybody reads, staff describe, nothing private leaks."""

import json
from datetime import date

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts.tests.factories import AdminFactory, LibrarianFactory, UserFactory
from catalog.models import Author, Book, Copy, Publisher
from catalog.search import index_books
from catalog.tests.factories import BookFactory, CopyFactory
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db
V1 = "/api/v1/"


@pytest.fixture
def anyone():
    cache.clear()
    return APIClient(headers={"accept-language": "en"})


def client(user):
    api = APIClient(headers={"accept-language": "en"})
    api.force_authenticate(user)
    return api


@pytest.fixture
def reader():
    return client(UserFactory())


@pytest.fixture
def librarian():
    return client(LibrarianFactory())


@pytest.fixture
def admin():
    return client(AdminFactory())


def problem(response, status, code):
    said = json.loads(response.content)
    assert (response.status_code, said["code"]) == (status, code), said
    return said


def titles(response):
    assert response.status_code == 200, response.content
    return [book["title"] for book in response.json()["results"]]


@pytest.fixture
def shelf():
    """Three books, indexed; two copies of the first in two branches, one of them out."""
    centre, north = BranchFactory(code="centre", name="Центр"), BranchFactory(code="north", name="Север")
    war = BookFactory(
        title="Война и мир",
        authors=["Толстой, Лев Николаевич"],
        year=1869,
        genres=["роман"],
        isbns=["9785389049352"],
    )
    dogs = BookFactory(title="Собачье сердце", authors=["Булгаков, Михаил"], year=1925, genres=["повесть"])
    hobbit = BookFactory(title="The Hobbit", authors=["Tolkien, J. R. R."], year=1937, language="eng")
    CopyFactory(book=war, branch=centre, barcode="B-1001", inventory_number="INV-1", price=250, note="подарок")
    CopyFactory(book=war, branch=north, barcode="B-1002", inventory_number="INV-2", status="loaned")
    CopyFactory(book=dogs, branch=north, inventory_number="INV-3", status="loaned")
    CopyFactory(book=hobbit, branch=north, inventory_number="INV-4", status="lost")
    index_books([war.pk, dogs.pk, hobbit.pk])
    return {"war": war, "dogs": dogs, "hobbit": hobbit}


# --- books ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=войны", ["Война и мир"]),
        ("q=978-5-389-04935-2", ["Война и мир"]),
        ("isbn=9785389049352", ["Война и мир"]),
        ("q=чайка", []),
        ("title=hobbit", ["The Hobbit"]),
        ("author=булгаков", ["Собачье сердце"]),
        ("year=1869", ["Война и мир"]),
        ("year_from=1900&ordering=year", ["The Hobbit", "Собачье сердце"]),
        ("year_to=1925&ordering=title", ["Война и мир", "Собачье сердце"]),
        ("genre=Роман", ["Война и мир"]),
        ("genre=nothing", []),
        ("language=eng", ["The Hobbit"]),
        ("branch=north&ordering=title", ["Война и мир", "Собачье сердце"]),
        ("branch=centre", ["Война и мир"]),
        ("available=true", ["Война и мир"]),
        ("branch=north&available=true", []),
        ("ordering=author", ["The Hobbit", "Собачье сердце", "Война и мир"]),
    ],
)
def test_searching(anyone, shelf, query, found):
    response = anyone.get(f"{V1}books/?{query}")
    assert titles(response) == found
    assert response.json()["count"] == len(found)


def test_a_book_in_a_list(anyone, shelf):
    book = anyone.get(f"{V1}books/?q=война").json()["results"][0]
    author = Author.objects.get(name="Толстой, Лев Николаевич")
    assert book == {
        "uid": str(shelf["war"].uid),
        "title": "Война и мир",
        "subtitle": "",
        "volume": "",
        "contributions": [{"author": author.pk, "name": "Толстой, Лев Николаевич", "dates": "", "role": "author"}],
        "year": 1869,
        "year_note": "",
        "place": "",
        "publisher": None,
        "language": "rus",
        "material_type": "book",
        "isbns": ["9785389049352"],
        "cover": None,
        "copies": {"total": 2, "available": 1},
    }


def test_a_book_with_its_branches(anyone, shelf):
    book = anyone.get(f"{V1}books/{shelf['war'].uid}/").json()
    assert book["genres"] == ["роман"]
    assert book["copies"] == {"total": 2, "available": 1}
    assert book["branches"] == [
        {"branch": "north", "name": "Север", "total": 1, "available": 0},
        {"branch": "centre", "name": "Центр", "total": 1, "available": 1},
    ]
    problem(anyone.get(f"{V1}books/00000000-0000-0000-0000-000000000000/"), 404, "not_found")
    problem(anyone.get(f"{V1}books/1/"), 404, "not_found")


@pytest.mark.parametrize(
    "query", ["year=abc", "branch=moon", "ordering=price", "page=0", "page_size=1000", "available=2"]
)
def test_nonsense_in_a_search_is_named(anyone, shelf, query):
    said = problem(anyone.get(f"{V1}books/?{query}"), 400, "invalid")
    assert said["errors"][0]["field"] == query.partition("=")[0]


def test_pages_of_a_search(anyone):
    books = [BookFactory(title=f"Том {n}") for n in range(1, 6)]
    index_books([book.pk for book in books])
    first = anyone.get(f"{V1}books/?q=том&ordering=title&page_size=2").json()
    assert (first["count"], first["count_is_exact"], first["previous"]) == (5, True, None)
    second = anyone.get(first["next"])
    assert titles(second) == ["Том 3", "Том 4"]
    last = anyone.get(second.json()["next"]).json()
    assert (last["next"], [book["title"] for book in last["results"]]) == (None, ["Том 5"])
    problem(anyone.get(f"{V1}books/?q=том&page_size=2&page=4"), 404, "not_found")


def test_queries_do_not_grow_with_the_list(anyone, django_assert_max_num_queries, django_assert_num_queries):
    def shelve(count):
        for _ in range(count):
            book = BookFactory(authors=["А", "Б"], isbns=["9785389049352"], genres=["роман"])
            CopyFactory(book=book)

    shelve(2)
    with django_assert_max_num_queries(6) as few:
        anyone.get(f"{V1}books/?ordering=title")
    shelve(10)
    with django_assert_num_queries(len(few)):
        assert anyone.get(f"{V1}books/?ordering=title").json()["count"] == 12
    with django_assert_num_queries(1):
        assert anyone.get(f"{V1}copies/").json()["count"] == 12
    with django_assert_num_queries(1):
        assert anyone.get(f"{V1}authors/").json()["count"] == 2


NEW = {
    "title": "Мастер и Маргарита",
    "contributions": [
        {"name": "Булгаков, Михаил Афанасьевич", "dates": "1891-1940"},
        {"name": "Вулис, Абрам", "role": "foreword"},
    ],
    "year": 1967,
    "publisher": "Художественная литература",
    "language": "rus",
    "series": "Библиотека",
    "genres": ["роман", "Роман", "фантастика"],
    "isbns": ["5-280-00030-2", "978-5-280-00030-8"],
}


def test_describing_a_book(anyone, librarian):
    Publisher.objects.create(name="Художественная Литература")
    response = librarian.post(f"{V1}books/", NEW)
    assert response.status_code == 201, response.content
    said = response.json()
    assert [(part["name"], part["role"]) for part in said["contributions"]] == [
        ("Булгаков, Михаил Афанасьевич", "author"),
        ("Вулис, Абрам", "foreword"),
    ]
    assert said["publisher"] == "Художественная Литература"
    assert said["genres"] == ["роман", "фантастика"]
    assert said["isbns"] == ["9785280000308"]
    assert titles(anyone.get(f"{V1}books/?q=маргарита булгаков")) == ["Мастер и Маргарита"]
    assert AuditEntry.objects.get().action == "catalog.create_book"


def test_correcting_a_book_replaces_only_what_is_sent(anyone, librarian):
    uid = librarian.post(f"{V1}books/", NEW).json()["uid"]
    changed = librarian.patch(
        f"{V1}books/{uid}/", {"title": "Мастер", "contributions": [{"name": "Аноним"}], "series": None}
    ).json()
    assert (changed["title"], changed["series"], changed["year"]) == ("Мастер", None, 1967)
    assert [part["name"] for part in changed["contributions"]] == ["Аноним"]
    assert changed["isbns"] == ["9785280000308"]
    assert titles(anyone.get(f"{V1}books/?q=аноним")) == ["Мастер"]
    assert titles(anyone.get(f"{V1}books/?q=булгаков")) == []
    assert AuditEntry.objects.get(action="catalog.update_book").detail == {
        "changed": ["contributions", "series", "title"]
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "!!!"}, "title"),
        ({"title": None}, "title"),
        ({"year": 3000}, "year"),
        ({"isbns": ["978-5-280-00030-9"]}, "isbns.0"),
        ({"contributions": [{"name": "А"}, {"role": "author"}]}, "contributions.1.name"),
        ({"contributions": [{"name": "А", "role": "king"}]}, "contributions.0.role"),
        ({"genres": ["ﷺ" * 300]}, "genres.0"),
        ({"genres": ["x"] * 101}, "genres"),
        ({"material_type": "ship"}, "material_type"),
        ({"title": "а" * 1001}, "title"),
    ],
)
def test_a_bad_description_names_the_field_and_writes_nothing(librarian, change, field):
    said = problem(librarian.post(f"{V1}books/", NEW | change), 400, "invalid")
    assert {error["field"] for error in said["errors"]} == {field}
    assert not Book.objects.exists()
    assert not Author.objects.exists()


def test_a_contribution_has_a_name_also_in_a_correction(librarian, shelf):
    response = librarian.patch(f"{V1}books/{shelf['war'].uid}/", {"contributions": [{"role": "author"}]})
    assert problem(response, 400, "invalid")["errors"][0]["field"] == "contributions.0.name"
    assert shelf["war"].contributions.count() == 1


def test_deleting_a_book(librarian, admin, shelf):
    empty = BookFactory(authors=["А"])
    problem(librarian.delete(f"{V1}books/{empty.uid}/"), 403, "permission_denied")
    assert admin.delete(f"{V1}books/{empty.uid}/").status_code == 204
    assert not Book.objects.filter(pk=empty.pk).exists()
    problem(admin.delete(f"{V1}books/{shelf['war'].uid}/"), 409, "in_use")
    assert Book.objects.filter(pk=shelf["war"].pk).exists()


@pytest.mark.parametrize("path", ["books/", "copies/", "authors/"])
def test_only_staff_write(anyone, reader, path):
    problem(anyone.post(f"{V1}{path}", {}), 401, "not_authenticated")
    problem(reader.post(f"{V1}{path}", {}), 403, "permission_denied")


# --- copies --------------------------------------------------------------------------------------------------------
def test_what_strangers_and_readers_see_of_a_copy(anyone, reader, librarian, shelf):
    copy = Copy.objects.get(inventory_number="INV-1")
    seen = {
        "uid": str(copy.uid),
        "book": str(shelf["war"].uid),
        "title": "Война и мир",
        "inventory_number": "INV-1",
        "branch": "centre",
        "item_type": copy.item_type.code,
        "shelf_mark": "",
        "status": "available",
        "is_reference_only": False,
    }
    private = {"barcode": "B-1001", "price": "250.00", "acquired_on": None, "note": "подарок"}
    path = f"{V1}copies/{copy.uid}/"
    assert anyone.get(path).json() == reader.get(path).json() == seen | dict.fromkeys(private)
    assert librarian.get(path).json() == seen | private


def test_lost_copies_are_shown_to_staff_only(anyone, librarian, shelf):
    lost = Copy.objects.get(inventory_number="INV-4")
    assert anyone.get(f"{V1}copies/").json()["count"] == 3
    problem(anyone.get(f"{V1}copies/{lost.uid}/"), 404, "not_found")
    assert librarian.get(f"{V1}copies/?status=lost").json()["results"][0]["inventory_number"] == "INV-4"


def test_filtering_copies(anyone, shelf):
    def numbers(query):
        return [copy["inventory_number"] for copy in anyone.get(f"{V1}copies/?{query}").json()["results"]]

    assert numbers(f"book={shelf['war'].uid}") == ["INV-1", "INV-2"]
    assert numbers("branch=north") == ["INV-2", "INV-3"]
    assert numbers("status=available") == ["INV-1"]
    assert numbers("ordering=-inventory_number") == ["INV-3", "INV-2", "INV-1"]
    assert numbers("inventory_number=INV-3") == ["INV-3"]
    problem(anyone.get(f"{V1}copies/?book=1"), 400, "invalid")


@pytest.fixture
def copy_data():
    book = BookFactory(title="Новая", call_number="84 Н72")
    BranchFactory(code="centre")
    ItemTypeFactory(code="book")
    return {
        "book": str(book.uid),
        "inventory_number": "N-1",
        "barcode": "B-1",
        "branch": "centre",
        "item_type": "book",
        "price": "100.50",
        "acquired_on": "2026-03-02",
    }


def test_entering_a_copy(anyone, librarian, copy_data):
    response = librarian.post(f"{V1}copies/", copy_data)
    assert response.status_code == 201, response.content
    copy = Copy.objects.get()
    assert response.json() == copy_data | {
        "uid": str(copy.uid),
        "title": "Новая",
        "shelf_mark": "84 Н72",
        "status": "available",
        "is_reference_only": False,
        "note": "",
    }
    assert copy.acquired_on == date(2026, 3, 2)
    assert titles(anyone.get(f"{V1}books/?q=b-1")) == ["Новая"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inventory_number": "TAKEN"}, "inventory_number"),
        ({"barcode": "taken"}, "barcode"),
        ({"barcode": None}, "barcode"),
        ({"price": "-1"}, "price"),
        ({"branch": "moon"}, "branch"),
        ({"book": "00000000-0000-0000-0000-000000000000"}, "book"),
    ],
)
def test_a_bad_copy_names_the_field(librarian, copy_data, change, field):
    CopyFactory(inventory_number="TAKEN", barcode="TAKEN")
    said = problem(librarian.post(f"{V1}copies/", copy_data | change), 400, "invalid")
    assert {error["field"] for error in said["errors"]} == {field}
    assert Copy.objects.count() == 1


def test_correcting_a_copy_does_not_touch_its_status(anyone, librarian, copy_data):
    uid = librarian.post(f"{V1}copies/", copy_data).json()["uid"]
    changed = librarian.patch(f"{V1}copies/{uid}/", {"barcode": "B-2", "status": "lost", "note": "без обложки"}).json()
    assert (changed["barcode"], changed["status"], changed["note"]) == ("B-2", "available", "без обложки")
    assert titles(anyone.get(f"{V1}books/?q=b-2")) == ["Новая"]
    assert titles(anyone.get(f"{V1}books/?q=b-1")) == []
    other = BookFactory()
    problem(librarian.patch(f"{V1}copies/{uid}/", {"book": str(other.uid)}), 400, "invalid")


# --- authors -------------------------------------------------------------------------------------------------------
def test_authors(anyone, librarian, admin, shelf):
    found = anyone.get(f"{V1}authors/?q=ТОЛСТОЙ лев").json()["results"]
    assert [author["name"] for author in found] == ["Толстой, Лев Николаевич"]
    path = f"{V1}authors/{found[0]['id']}/"
    renamed = librarian.patch(path, {"name": "Tolstoy, Leo", "dates": "1828-1910"})
    assert renamed.json() == {"id": found[0]["id"], "name": "Tolstoy, Leo", "dates": "1828-1910"}
    assert titles(anyone.get(f"{V1}books/?author=tolstoy")) == ["Война и мир"]
    problem(admin.delete(path), 409, "in_use")
    made = librarian.post(f"{V1}authors/", {"name": "Никто"})
    assert made.status_code == 201
    assert problem(librarian.post(f"{V1}authors/", {"name": "НИКТО!"}), 400, "invalid")["errors"][0]["field"] == "name"
    assert admin.delete(f"{V1}authors/{made.json()['id']}/").status_code == 204
    problem(anyone.get(f"{V1}authors/{made.json()['id']}/"), 404, "not_found")
    problem(anyone.get(f"{V1}authors/{10**40}/"), 404, "not_found")


# --- what others are named by --------------------------------------------------------------------------------------
def test_codes(anyone, reader, librarian, shelf):
    branches = anyone.get(f"{V1}branches/").json()["results"]
    assert [(branch["code"], branch["name"]) for branch in branches] == [("north", "Север"), ("centre", "Центр")]
    for path in ("item-types/", "reader-categories/"):
        problem(anyone.get(f"{V1}{path}"), 401, "not_authenticated")
        problem(reader.get(f"{V1}{path}"), 403, "permission_denied")
        assert librarian.get(f"{V1}{path}").status_code == 200


@pytest.mark.parametrize("code", ["a\0b", 7, None, ["centre"], {}])
def test_any_value_for_a_code_is_refused_by_its_field(librarian, copy_data, code):
    for field in ("branch", "book"):
        said = problem(librarian.post(f"{V1}copies/", copy_data | {field: code}), 400, "invalid")
        assert [error["field"] for error in said["errors"]] == [field]
