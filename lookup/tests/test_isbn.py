"""An ISBN looked up: on the panel, by the API, remembered, and with a cover."""

import json
from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import translation
from PIL import Image
from rest_framework.test import APIClient

from accounts.tests.factories import LibrarianFactory
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory
from lookup.isbn_lookup import look_up
from lookup.limits import LookupLimit
from lookup.tests.recorded import GOOGLE, LIMITED, NO_VOLUMES, OPEN_LIBRARY, ZEN, ZEN_VOLUMES, jpeg, open_library, zen

pytestmark = pytest.mark.django_db
PANEL = reverse("lookup_isbn")


@pytest.fixture
def librarian(client):
    user = LibrarianFactory(language="en")
    client.force_login(user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    with translation.override("en"):
        yield user


def asked(client, isbn=ZEN, **more):
    return client.get(PANEL, {"isbn": isbn, **more})


def test_every_field_says_who_says_so(client, librarian, world):
    zen(world)
    AuthorFactory(name="Bruya, Brian")
    answer = asked(client, "0-385-47257-9").json()
    assert answer["isbn"] == "978-0-385-47257-9"
    assert (answer["message"], answer["tone"]) == ("Found in: Open Library, Google Books.", "good")
    fields = answer["fields"]
    assert fields["title"] == [{"source": "Open Library", "text": "Zen speaks"}]
    assert [value["source"] for value in fields["description"]] == ["Google Books", "Open Library"]
    people = fields["people"][0]["things"]
    assert [(person["name"], person["role"], person["is_new"]) for person in people] == [
        ("Cai, Zhizhong", "author", True),
        ("Bruya, Brian", "translator", False),
        ("Chung, Tsai Chih", "illustrator", True),
    ]
    assert people[0]["key"] == "new:Cai, Zhizhong"
    assert answer["cover"] == {"url": f"/admin/isbn/{ZEN}/cover/", "source": "Open Library"}
    assert answer["owned"] == []


def test_the_book_that_is_there_already(client, librarian, world):
    zen(world)
    book = BookFactory(title="Дзэн говорит", isbns=[ZEN])
    CopyFactory(book=book)
    [owned] = asked(client).json()["owned"]
    assert owned == {
        "title": "Дзэн говорит",
        "copies": "1 copy",
        "url": f"/admin/catalog/book/{book.pk}/change/",
        "add_copy_url": f"/admin/catalog/copy/add/?book={book.pk}",
    }
    assert asked(client, book=book.pk).json()["owned"] == []


def test_answers_are_remembered_and_so_is_that_there_is_none(client, librarian, world, settings):
    world.says(OPEN_LIBRARY, "{}")
    world.says(GOOGLE, json.dumps(ZEN_VOLUMES))
    assert asked(client).json()["message"] == "Found in: Google Books."
    count = len(world.asked)
    assert asked(client).json()["message"] == "Found in: Google Books."
    assert len(world.asked) == count == 3


def test_nobody_knows_it(client, librarian, world):
    world.says(OPEN_LIBRARY, "{}")
    world.says(GOOGLE, NO_VOLUMES)
    answer = asked(client).json()
    assert answer["message"].startswith("Nobody knows the ISBN 978-0-385-47257-9.")
    assert (answer["tone"], answer["fields"], answer["cover"]) == ("warn", {}, None)


def test_no_isbn(client, librarian, world):
    answer = asked(client, "978-0-385-47257-8")
    assert answer.status_code == 400
    assert answer.json()["message"] == "“978-0-385-47257-8” is not an ISBN. Check the digits."
    assert world.asked == []


def test_offline(client, librarian, world):
    world.server.shutdown()
    world.server.server_close()
    answer = asked(client).json()
    assert answer["tone"] == "bad"
    assert "Open Library cannot be reached." in answer["message"]
    assert "Describe the book by hand, or try again later." in answer["message"]


def test_one_limited_the_other_answers_and_is_asked_alone_next_time(client, librarian, world):
    zen(world)
    world.answers[GOOGLE] = [(429, "application/json", LIMITED.encode(), {"Retry-After": "86400"})]
    answer = asked(client).json()
    assert answer["message"] == (
        "Found in: Open Library. Google Books answers no more questions for now. Try again later."
    )
    assert (answer["tone"], answer["fields"]["title"][0]["text"]) == ("warn", "Zen speaks")
    world.asked.clear()
    world.answers[GOOGLE] = []
    world.says(GOOGLE, json.dumps(ZEN_VOLUMES))
    assert asked(client).json()["tone"] == "good"
    assert world.paths() == [GOOGLE]


def test_nonsense_for_an_answer(client, librarian, world):
    world.says(OPEN_LIBRARY, "<html>Please sign in to the Wi-Fi</html>", kind="text/html")
    world.says(GOOGLE, "[" * 100_000)
    message = asked(client).json()["message"]
    assert "The answer of Open Library cannot be understood." in message
    assert "The answer of Google Books cannot be understood." in message


def test_no_more_than_so_many_questions_a_minute(client, librarian, world, settings, monkeypatch):
    monkeypatch.setattr(LookupLimit, "seconds", 10**10)  # no minute ends in the middle of the test
    settings.LOOKUP_PER_MINUTE = 2
    world.says(OPEN_LIBRARY, "{}")
    world.says(GOOGLE, NO_VOLUMES)
    assert [asked(client).status_code for _ in range(3)] == [200, 200, 429]
    assert asked(client).json()["tone"] == "warn"


def test_the_key_goes_to_google_alone(world, settings):
    settings.GOOGLE_BOOKS_KEY = "secret"
    zen(world)
    look_up(ZEN)
    assert [query.get("key") for path, query, _headers in world.asked if path == OPEN_LIBRARY] == [None, None]
    assert [query["key"] for path, query, _headers in world.asked if path == GOOGLE] == ["secret"]


def test_the_cover_is_drawn_anew(client, librarian, world):
    zen(world)
    answer = client.get(reverse("lookup_cover", args=[ZEN]))
    assert answer["Content-Type"] == "image/webp"
    with Image.open(BytesIO(answer.content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (300, 450))


@pytest.mark.parametrize("content", [b"GIF89a tiny", jpeg(1, 1), b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_cover(client, librarian, world, content):
    zen(world)
    world.answers["/b/id/240726-L.jpg"] = [(200, "image/jpeg", content, {})]
    assert client.get(reverse("lookup_cover", args=[ZEN])).status_code in (404, 502)


def test_a_cover_from_a_host_that_is_not_allowed(client, librarian, world, settings):
    zen(world)
    settings.LOOKUP_COVER_HOSTS = ["covers.openlibrary.org"]
    assert client.get(reverse("lookup_cover", args=[ZEN])).status_code == 502
    assert world.paths().count("/b/id/240726-L.jpg") == 0


def test_by_the_api(librarian, world):
    world.says(OPEN_LIBRARY, open_library(ZEN, None, None))
    world.says(GOOGLE, json.dumps(ZEN_VOLUMES))
    book = BookFactory(title="Zen", isbns=[ZEN])
    caller = APIClient()
    caller.force_authenticate(librarian)
    found = caller.get(f"/api/v1/isbn/{ZEN}/").json()
    assert (found["isbn"], found["is_found"]) == (ZEN, True)
    assert found["fields_found"]["title"] == [{"source": "google_books", "value": "Zen Speaks"}]
    assert found["fields_found"]["people"][0]["people"] == [{"name": "Cai, Zhizhong", "role": "author"}]
    assert found["owned"] == [{"uid": str(book.uid), "title": "Zen", "copies": 0}]
    assert [(source["source"], source["state"]) for source in found["sources"]] == [
        ("google_books", "found"),
        ("open_library", "unknown"),
    ]
    refused = caller.get("/api/v1/isbn/12345/")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "isbn"
