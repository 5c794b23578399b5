"""Pages of the catalogue: what they show, to whom, and at what cost."""

from datetime import UTC, date, datetime, time
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from accounts.tests.factories import ReaderFactory
from catalog.models import Contribution, Copy
from catalog.search import index_books
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory, PublisherFactory, SeriesFactory
from circulation.models import Loan
from policies.tests.factories import BranchFactory, ClosedDayFactory, OpeningHoursFactory

pytestmark = pytest.mark.django_db

MARCH_2 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday, noon in Moscow."""


@pytest.fixture
def north():
    return BranchFactory(code="north", name="Северный филиал", address="ул. Полярная, 7")


@pytest.fixture
def war(north):
    book = BookFactory(
        title="Война и мир",
        subtitle="роман в четырёх томах",
        year=1869,
        place="Москва",
        publisher=PublisherFactory(name="АСТ"),
        series=SeriesFactory(name="Классика"),
        series_number="12",
        authors=["Толстой, Лев Николаевич"],
        isbns=["9785170878895"],
        genres=["роман"],
        subjects=["Отечественная война"],
        description="О мире.",
    )
    Contribution.objects.create(
        book=book, author=AuthorFactory(name="Шмаринов, Дементий"), role="illustrator", position=1
    )
    CopyFactory(book=book, branch=north, shelf_mark="84(2) Т53", inventory_number="ИНВ-1")
    index_books([book.pk])
    return book


def lend(copy, due_at):
    """An open loan of the copy by «Тайный, Читатель»."""
    Copy.objects.filter(pk=copy.pk).update(status=Copy.Status.LOANED)
    return Loan.objects.create(
        copy=copy,
        reader=ReaderFactory(full_name="Тайный Читатель", card_number="SECRET-1"),
        branch=copy.branch,
        checked_out_at=MARCH_2,
        due_at=due_at,
        terms={},
    )


def test_the_front_page_shows_new_books_and_open_branches(english, war, north):
    OpeningHoursFactory(branch=north, weekday=0, opens_at=time(10), closes_at=time(19))
    with time_machine.travel(MARCH_2, tick=False):
        page = english.get("/").content.decode()
    assert "Война и мир" in page
    assert "Северный филиал" in page
    assert "Open until 19:00" in page
    assert "Роман" in page


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 3, 2, 6, 0, tzinfo=UTC), "opens at 10:00"),
        (datetime(2026, 3, 2, 17, 0, tzinfo=UTC), "opens: Monday, 16 March, 10:00"),
        (datetime(2026, 3, 9, 9, 0, tzinfo=UTC), "opens: Monday, 16 March, 10:00"),
    ],
)
def test_a_closed_branch_says_when_it_opens(english, north, at, words):
    OpeningHoursFactory(branch=north, weekday=0, opens_at=time(10), closes_at=time(19))
    ClosedDayFactory(branch=north, starts_on=date(2026, 3, 9))
    with time_machine.travel(at, tick=False):
        page = english.get("/").content.decode()
    assert "Closed now" in page
    assert words in " ".join(page.split())


def test_the_front_page_of_an_empty_library(english):
    assert "The shelves are still empty" in english.get("/").content.decode()


def test_results_show_where_the_book_is(english, war):
    page = english.get("/search/", {"q": "войны мира"}).content.decode()
    assert "1 book" in page
    assert f"/books/{war.uid}/" in page
    assert "Лев Николаевич Толстой" in page
    assert "1 of 1 on the shelf" in page
    assert "Северный филиал" in page


def test_the_address_is_the_state(english, war, north):
    page = english.get("/search/", {"q": "война", "branch": north.pk, "language": "rus"}).content.decode()
    assert f'href="/search/?q=%D0%B2%D0%BE%D0%B9%D0%BD%D0%B0&amp;branch={north.pk}"' in page
    assert f'<input type="hidden" name="branch" value="{north.pk}" form="search-form">' in page
    assert "Remove all filters" in page


def test_empty_parameters_leave_the_address(english, war):
    response = english.get("/search/?q=%D0%BC%D0%B8%D1%80&title=&author=+&sort=title")
    assert response.status_code == 302
    assert response["Location"] == "/search/?q=%D0%BC%D0%B8%D1%80&sort=title"
    usual = english.get("/search/?q=%D0%BC%D0%B8%D1%80&sort=relevance")
    assert usual["Location"] == "/search/?q=%D0%BC%D0%B8%D1%80"


def test_typing_finds_beginnings_and_keeps_the_address(english, war):
    headers = {"HX-Request": "true", "HX-Trigger-Name": "q"}
    response = english.get("/search/?q=%D0%B2%D0%BE%D0%B9%D0%BD&title=", headers=headers)
    assert "Война и мир" in response.content.decode()
    assert response["HX-Replace-Url"] == "/search/?q=%D0%B2%D0%BE%D0%B9%D0%BD"


def test_a_wrong_isbn_and_year_are_told_at_their_fields(english, war):
    page = english.get("/search/", {"q": "война", "isbn": "123", "year_from": "давно"}).content.decode()
    assert "“123” is not an ISBN" in page
    assert "Enter a whole number." in page
    assert "Война и мир" in page


def test_nothing_found_helps(english, war):
    assert "Check the spelling" in english.get("/search/", {"q": "абракадабра"}).content.decode()
    page = english.get("/search/", {"q": "война", "language": "eng"}).content.decode()
    assert "Search without filters" in page


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=%FF%FE",
        "q=" + "x" * 5000,
        "q=%22%27%3B--",
        "page=-1",
        "page=99999999999999999999",
        "page=abc",
        "genre=abc&branch=-5&decade=99999999999999999999&language=%00",
        "sort=drop+table",
        "available=%00",
        "year_from=99999&year_to=-99999",
    ],
)
def test_strange_addresses_are_answered(client, war, query):
    assert client.get(f"/search/?{query}", follow=True).status_code == 200


def test_beyond_the_last_page_is_the_last_page(client, war):
    assert client.get("/search/?q=война&page=7")["Location"].endswith("&page=1")
    assert client.get(reverse("author", args=[war.authors.first().pk]) + "?page=7").status_code == 302


def test_the_book_page_tells_everything(english, war):
    page = english.get(reverse("book", args=[war.uid])).content.decode()
    for text in (
        "Война и мир",
        "роман в четырёх томах",
        "1869",
        "Москва",
        "АСТ",
        "Классика",
        "978-5-17-087889-5",
        "Russian",
        "Illustrator:",
        "Дементий Шмаринов",
        "84(2) Т53",
        "ИНВ-1",
        "On the shelf",
        "ул. Полярная, 7",
        "О мире.",
        f"/search/?subject={war.subjects.first().pk}",
        f'rel="canonical" href="http://127.0.0.1:8000/books/{war.uid}/"',
    ):
        assert text in page, text
    assert "/admin/" not in page


def test_a_loaned_copy_shows_when_it_is_due_and_never_who_has_it(english, war, north):
    lend(war.copies.get(), datetime(2026, 3, 16, 20, 59, 59, tzinfo=UTC))
    hourly = CopyFactory(book=war, branch=north)
    lend_until = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
    Copy.objects.filter(pk=hourly.pk).update(status=Copy.Status.LOANED)
    Loan.objects.create(
        copy=hourly, reader=Loan.objects.get().reader, branch=north, checked_out_at=MARCH_2, due_at=lend_until, terms={}
    )
    page = " ".join(english.get(reverse("book", args=[war.uid])).content.decode().split())
    assert "due back 16 March 2026<" in page
    assert "due back 2 March 2026, 18:30" in page
    assert "None on the shelf now" in page
    for secret in ("Тайный", "Читатель", "SECRET-1"):
        assert secret not in page


def test_lost_and_withdrawn_copies_are_not_shown(english, war, north):
    CopyFactory(book=war, branch=north, status=Copy.Status.LOST, inventory_number="ИНВ-ПРОПАЛ")
    CopyFactory(book=war, branch=north, status=Copy.Status.WITHDRAWN, inventory_number="ИНВ-СПИСАН")
    page = english.get(reverse("book", args=[war.uid])).content.decode()
    assert "ИНВ-ПРОПАЛ" not in page
    assert "ИНВ-СПИСАН" not in page
    assert "1 of 1 on the shelf" in page


def test_a_copy_for_the_reading_room_is_not_on_the_shelf_to_take(english, war):
    war.copies.update(is_reference_only=True)
    page = english.get(reverse("book", args=[war.uid])).content.decode()
    assert "To read in the library" in page
    assert "on the shelf" not in page


def test_the_author_page_lists_books(english, war):
    author = war.authors.get(name__startswith="Толстой")
    page = english.get(reverse("author", args=[author.pk])).content.decode()
    assert "Лев Николаевич Толстой" in page
    assert f"/books/{war.uid}/" in page


def test_what_is_not_there_is_not_found(client):
    assert client.get(reverse("book", args=[uuid4()])).status_code == 404
    assert client.get(reverse("author", args=[10**9])).status_code == 404
    assert client.get(reverse("cover", args=[uuid4()])).status_code == 404


@pytest.mark.parametrize(
    ("address", "queries"),
    [("/", 6), ("/search/?q=книга", 3), ("/search/?q=книга&language=rus", 4), ("/search/", 3)],
)
def test_the_number_of_statements_does_not_grow_with_books(client, django_assert_num_queries, address, queries):
    branch = BranchFactory()
    for count in (6, 15):
        for number in range(count):
            book = BookFactory(title=f"Книга {number}", authors=[f"Автор {number}", f"Второй {number}"])
            CopyFactory(book=book, branch=branch)
            index_books([book.pk])
        client.get("/")
        with django_assert_num_queries(queries):
            assert client.get(address).status_code == 200


def test_the_book_page_takes_a_fixed_number_of_statements(client, war, north, django_assert_num_queries):
    reader = ReaderFactory()
    for count in (1, 5):
        for _ in range(count):
            copy = CopyFactory(book=war, branch=north, status=Copy.Status.LOANED)
            due_at = datetime(2026, 3, 16, 20, 59, 59, tzinfo=UTC)
            Loan.objects.create(copy=copy, reader=reader, branch=north, checked_out_at=MARCH_2, due_at=due_at, terms={})
            index_books([BookFactory(authors=["Толстой, Лев Николаевич"], subjects=["Проза", "Мир"]).pk])
        with django_assert_num_queries(5):
            client.get(reverse("book", args=[war.uid]))


def test_filters_show_counts_and_choices_are_links_both_ways(english, war, north):
    index_books([BookFactory(title="Война", authors=["Толстой, Лев Николаевич"], year=1904, language="eng").pk])
    page = " ".join(english.get("/search/", {"q": "война"}).content.decode().split())
    author, subject = war.authors.get(name__startswith="Толстой"), war.subjects.get()
    typed = "/search/?q=%D0%B2%D0%BE%D0%B9%D0%BD%D0%B0"
    assert f'href="{typed}&amp;by={author.pk}"' in page
    assert 'Лев Николаевич Толстой</span><span class="facet__count">2</span>' in page
    assert f'href="{typed}&amp;subject={subject.pk}"' in page
    assert f'href="{typed}&amp;language=eng"' in page

    both = english.get(f"{typed}&language=eng&language=rus&by={author.pk}").content.decode()
    assert f'href="{typed}&amp;language=rus&amp;by={author.pk}" aria-current="true"' in both
    assert f'href="{typed}&amp;language=eng&amp;language=rus" rel="nofollow">Лев Николаевич Толстой<' in both
    assert "2 books" in both


def test_years_are_typed_among_the_filters(english, war):
    page = english.get("/search/", {"q": "война", "year_from": 1860}).content.decode()
    assert '<input id="id_year_from" type="number" name="year_from" value="1860"' in page
    assert "1 book" in page
    nothing = english.get("/search/", {"q": "война", "year_from": 1990}).content.decode()
    assert '<input type="hidden" name="year_from" value="1990" form="search-form">' in nothing


def test_nothing_found_has_no_empty_filters(english, war):
    assert 'id="filters"' not in english.get("/search/", {"q": "абракадабра"}).content.decode()


@pytest.mark.parametrize(
    ("asked", "canonical", "is_listed"),
    [
        ("", "/search/", True),
        ("?sort=title&language=rus", "/search/?language=rus", True),
        ("?branch=1&language=rus", "/search/?branch=1&amp;language=rus", False),
        ("?language=rus&language=eng", "/search/?language=rus&amp;language=eng", False),
        ("?language=rus&q=a&page=1", "/search/?q=a&amp;language=rus", False),
    ],
)
def test_results_have_one_canonical_address(client, war, asked, canonical, is_listed):
    page = client.get(f"/search/{asked}").content.decode()
    assert f'<link rel="canonical" href="http://127.0.0.1:8000{canonical}">' in page
    assert ('<meta name="robots" content="noindex">' not in page) == is_listed


def test_suggestions_lead_to_books_authors_and_subjects(english, war, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        response = english.get("/suggestions/", {"q": "вой"})
    page = response.content.decode()
    assert f'data-url="/books/{war.uid}/"' in page
    assert f'data-url="/search/?subject={war.subjects.get().pk}"' in page
    assert 'data-says="2 suggestions"' in page
    assert response["Cache-Control"] == "private, max-age=60"
    author = english.get("/suggestions/", {"q": "толст"}).content.decode()
    assert f'data-url="/authors/{war.authors.get(name__startswith="Толстой").pk}/"' in author
    assert "Лев Николаевич Толстой" in author
    for strange in ("", "а", "\0", "x" * 5000, "<script>"):
        assert 'role="option"' not in english.get("/suggestions/", {"q": strange}).content.decode()


def test_suggestions_are_limited(client, monkeypatch):
    monkeypatch.setattr("catalog.search_views.SuggestionsLimit.calls", 2)
    monkeypatch.setattr("library.core.api.time.time", lambda: 1_800_000_000)
    cache.clear()
    answers = [client.get("/suggestions/?q=аб") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"] == "61"
