"""Sets, journals and their parts: natural order, one level, found by both titles."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory
from catalog import volumes
from catalog.actions import create_book, update_book
from catalog.linked_data import cited
from catalog.models import Book
from catalog.queries import SearchQuery, search_books
from catalog.search import index_books
from catalog.tests.factories import BookFactory, CopyFactory, SeriesFactory
from catalog.tests.test_sharing import linked_data
from catalog.titles import volume_key
from catalog.volumes import volumes_of
from library.core.errors import Busy, Invalid

pytestmark = pytest.mark.django_db


def found(text):
    return set(search_books(SearchQuery(text=text)).book_ids)


@pytest.mark.parametrize(
    "in_order",
    [
        ["Т. 1", "Т. 2", "Т. 10"],
        ["Том II", "Том IX", "Том X", "Том XIV", "Том XL"],
        ["2023, № 12", "2024, № 3", "2024, № 3-4", "2024, № 11"],
        ["Vol. 2, pt. 1", "Vol. 2, pt. 2", "Vol. 11, pt. 1"],
    ],
)
def test_designations_stand_in_natural_order(in_order):
    assert sorted({*in_order}, key=volume_key) == in_order


def test_a_volume_is_found_by_its_own_title_and_that_of_its_set():
    whole = BookFactory(title="Жизнь животных")
    fish = create_book(
        fields={"title": "Рыбы", "parent": whole, "volume": "Т. 4"}, by=LibrarianFactory(), now=timezone.now()
    )
    assert str(fish) == "Рыбы. Т. 4"
    assert fish.pk in found("жизнь животных рыбы")
    update_book(book_id=whole.pk, fields={"title": "Мир фауны"}, by=LibrarianFactory(), now=timezone.now())
    assert fish.pk in found("мир фауны")
    assert fish.pk not in found("жизнь животных")


def test_a_set_has_one_level_and_no_circles():
    whole, volume, other = BookFactory(), BookFactory(), BookFactory()
    by, now = LibrarianFactory(), timezone.now()
    update_book(book_id=volume.pk, fields={"parent": whole, "volume": "Т. 1"}, by=by, now=now)
    for book, parent in ((whole, volume), (whole, whole), (whole, other), (other, volume)):
        with pytest.raises(Invalid) as refusal:
            update_book(book_id=book.pk, fields={"parent": parent}, by=by, now=now)
        assert list(refusal.value.errors) == ["parent"]
    assert list(Book.objects.filter(parent__isnull=False)) == [volume]


@pytest.mark.django_db(transaction=True)
def test_two_books_do_not_become_volumes_of_each_other():
    one, two = BookFactory(), BookFactory()
    by, start = LibrarianFactory(), Barrier(2)

    def put(book, parent):
        try:
            connection.ensure_connection()
            start.wait(10)
            update_book(book_id=book.pk, fields={"parent": parent}, by=by, now=timezone.now())
        except (Invalid, Busy):
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = [deed.result(30) for deed in (pool.submit(put, one, two), pool.submit(put, two, one))]
    assert sorted(done) == [False, True]
    assert Book.objects.filter(parent__isnull=False).count() == 1


def test_the_page_of_a_set_lists_its_volumes_and_a_volume_names_its_set(client, django_assert_max_num_queries):
    whole = BookFactory(title="История Рима")
    for number in (10, 2, 1):
        BookFactory(title="История Рима", parent=whole, volume=f"Т. {number}")
    with django_assert_max_num_queries(16):
        page = client.get(reverse("book", args=[whole.uid]))
    told = linked_data(page.content.decode())
    assert [(part["volumeNumber"], part["@type"]) for part in told["hasPart"]][:2] == [
        ("Т. 1", ["Book", "PublicationVolume"]),
        ("Т. 2", ["Book", "PublicationVolume"]),
    ]
    assert [volume.volume for volume in page.context["volumes"]] == ["Т. 1", "Т. 2", "Т. 10"]
    part = client.get(reverse("book", args=[volumes_of(whole)[1].uid])).content.decode()
    assert "История Рима. Т. 2" in part
    assert linked_data(part)["volumeNumber"] == "Т. 2"
    assert linked_data(part)["isPartOf"]["url"].endswith(reverse("book", args=[whole.uid]))
    assert reverse("book", args=[whole.uid]) in part


def test_the_page_of_an_issue_shows_those_around_it(client, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(volumes, "NEIGHBOURS", 2)
    journal = BookFactory(title="Наука и жизнь", material_type="journal")
    issues = {n: BookFactory(title="Наука и жизнь", parent=journal, volume=f"2024, № {n}") for n in range(1, 9)}
    CopyFactory(book=issues[6])
    with django_assert_max_num_queries(18):
        page = client.get(reverse("book", args=[issues[5].uid]))
    shown = [(issue.volume, available.on_shelf) for issue, available in page.context["parts"]]
    assert shown == [("2024, № 3", 0), ("2024, № 4", 0), ("2024, № 5", 0), ("2024, № 6", 1), ("2024, № 7", 0)]
    page = client.get(reverse("book", args=[journal.uid])).content.decode()
    assert "1 из 1 на полке" in page
    assert "нет ни одного экземпляра" not in page, "they are the issues'"


def test_a_set_that_its_volume_names_as_a_series_too_is_told_once(client):
    """UNIMARC's 461 and MARC21's 773 stand beside a series of the same name."""
    whole = BookFactory(title="Жизнь животных")
    fields = {"parent": whole, "volume": "Т. 4", "series_number": "4"}
    fish = BookFactory(title="Рыбы", series=SeriesFactory(name="Жизнь Животных."), **fields)
    page = client.get(reverse("book", args=[fish.uid])).content.decode()
    assert "Жизнь Животных." not in page
    assert linked_data(page)["isPartOf"]["name"] == "Жизнь животных"
    assert (cited(fish).series, cited(fish).series_number) == ("", "")
    birds = BookFactory(title="Птицы", series=SeriesFactory(name="Атлас природы"), **fields)
    assert "Атлас природы" in client.get(reverse("book", args=[birds.uid])).content.decode()
    assert cited(birds).series == "Атлас природы"


def test_the_api_tells_parts_and_wholes(client):
    cache.clear()
    whole = BookFactory(title="Наука и жизнь")
    issue = BookFactory(title="Наука и жизнь", parent=whole, volume="2024, № 3")
    shown = client.get(f"/api/v1/books/{issue.uid}/").json()
    assert (shown["parent"], shown["volume"]) == (str(whole.uid), "2024, № 3")
    listed = client.get(f"/api/v1/books/{whole.uid}/volumes/").json()
    assert [row["volume"] for row in listed["results"]] == ["2024, № 3"]


def test_the_panel_refuses_a_volume_of_a_volume_beside_the_field(english):
    whole = BookFactory(title="Собрание сочинений")
    volume = BookFactory(parent=whole, volume="Т. 1")
    index_books([whole.pk])
    english.force_login(LibrarianFactory(language="en"))
    page = english.get(reverse("admin:catalog_book_add"), {"parent": whole.pk})
    assert page.context["adminform"].form.initial["title"] == "Собрание сочинений"
    empty = {
        f"{name}-{part}_FORMS": 0 for name in ("contributions", "isbns", "copies") for part in ("TOTAL", "INITIAL")
    }
    sent = {"title": "Повести", "material_type": "book", "parent": volume.pk, **empty}
    refused = english.post(reverse("admin:catalog_book_add"), sent)
    assert "parent" in refused.context["adminform"].form.errors
    assert not Book.objects.filter(title="Повести").exists()
    assert english.post(reverse("admin:catalog_book_add"), {**sent, "parent": whole.pk}).status_code == 302
