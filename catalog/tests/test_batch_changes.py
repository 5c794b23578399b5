"""Many records are changed at once: previewed, written down, undone."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.tests.factories import LibrarianFactory
from catalog import batch_changes
from catalog.models import BatchChange, BatchRow, Book, Copy
from catalog.queries import SearchQuery, search_books
from catalog.search import index_books
from catalog.tests.factories import BookFactory, CopyFactory
from library.core.errors import Invalid
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def anna():
    return LibrarianFactory(language="en")


def changed(kind, rows, by, *, field, deed, value="", find=""):
    batch = batch_changes.draft(kind=kind, target_ids=[row.pk for row in rows], by=by, now=NOW)
    said = {"field": field, "deed": deed, "value": value, "find": find}
    batch_changes.start(batch_id=batch.pk, **said, by=by, now=NOW)
    assert batch_changes.work(batch_id=batch.pk, now=NOW)
    batch.refresh_from_db()
    return batch


def undone(batch, by):
    batch_changes.start_undoing(batch_id=batch.pk, by=by, now=NOW)
    assert batch_changes.work(batch_id=batch.pk, now=NOW)


@pytest.mark.parametrize(
    ("field", "deed", "value", "find", "before", "after"),
    [
        ("language", "set", "eng", "", ["rus", "rus", "eng"], ["eng", "eng", "eng"]),
        ("call_number", "clear", "", "", ["84", "", "85"], ["", "", ""]),
        ("title", "replace", "Ленинград", "Петроград", ["Петроград", "Москва", "О Петрограде"],
         ["Ленинград", "Москва", "О Ленинграде"]),
    ],
)  # fmt: skip
def test_a_field_is_changed_and_changed_back(anna, field, deed, value, find, before, after):
    books = [BookFactory(**{field: text}) for text in before]
    batch = changed("book", books, anna, field=field, deed=deed, value=value, find=find)
    assert list(Book.objects.order_by("pk").values_list(field, flat=True)) == after
    assert (batch.state, batch.changed, batch.refused) == ("done", 2, 0)
    assert AuditEntry.objects.get(action="catalog.start_batch_change").subject_id == batch.pk
    undone(batch, anna)
    assert list(Book.objects.order_by("pk").values_list(field, flat=True)) == before


def test_a_genre_is_added_found_and_taken_away_again(anna):
    one, two = BookFactory(genres=["роман"]), BookFactory()
    batch = changed("book", [one, two], anna, field="genres", deed="add", value="Классика")
    assert sorted(genre.name for genre in one.genres.all()) == ["Классика", "роман"]
    assert set(search_books(SearchQuery(text="классика")).book_ids) == {one.pk, two.pk}
    undone(batch, anna)
    assert [genre.name for genre in one.genres.all()] == ["роман"]
    assert search_books(SearchQuery(text="классика")).total == 0


def test_what_was_changed_since_stays_and_what_cannot_be_is_said(anna):
    north, south = BranchFactory(), BranchFactory()
    copies = [CopyFactory(branch=north) for _ in range(3)]
    batch = changed("copy", copies, anna, field="branch", deed="set", value=str(south.pk))
    assert Copy.objects.filter(branch=south).count() == 3
    Copy.objects.filter(pk=copies[0].pk).update(branch=BranchFactory())
    Copy.objects.filter(pk=copies[1].pk).delete()
    undone(batch, anna)
    assert list(Copy.objects.filter(branch=north)) == [copies[2]]
    assert [bool(row.problem) for row in BatchRow.objects.order_by("object_id")] == [True, True, False]
    with pytest.raises(Invalid):
        batch_changes.start_undoing(batch_id=batch.pk, by=anna, now=NOW)


def test_a_text_that_no_longer_fits_is_left(anna):
    book = BookFactory(call_number="9" * 100)
    batch = changed("book", [book], anna, field="call_number", deed="replace", find="9", value="99")
    book.refresh_from_db()
    assert (batch.changed, batch.refused, book.call_number) == (0, 1, "9" * 100)


def test_it_goes_on_where_it_was_interrupted(anna, monkeypatch):
    monkeypatch.setattr(batch_changes, "AT_ONCE", 2)
    books = [BookFactory(language="rus") for _ in range(5)]
    batch = batch_changes.draft(kind="book", target_ids=[book.pk for book in books], by=anna, now=NOW)
    said = {"field": "language", "deed": "set", "value": "eng", "find": ""}
    batch_changes.start(batch_id=batch.pk, **said, by=anna, now=NOW)
    assert not batch_changes.work(batch_id=batch.pk, now=NOW, most=2)
    assert Book.objects.filter(language="eng").count() == 2
    assert batch_changes.work(batch_id=batch.pk, now=NOW)
    assert Book.objects.filter(language="eng").count() == 5
    assert BatchRow.objects.count() == 5


@pytest.mark.parametrize(
    "said",
    [
        {"field": "title", "deed": "clear"},
        {"field": "language", "deed": "set", "value": "x" * 9},
        {"field": "title", "deed": "replace", "value": "x"},
        {"field": "uid", "deed": "set", "value": "1"},
    ],
)
def test_what_makes_no_sense_is_refused(anna, said):
    batch = batch_changes.draft(kind="book", target_ids=[BookFactory().pk], by=anna, now=NOW)
    with pytest.raises(Invalid):
        batch_changes.start(batch_id=batch.pk, **{"value": "", "find": "", **said}, by=anna, now=NOW)
    assert BatchChange.objects.get().state == "draft"


def test_all_found_books_are_changed_on_the_panel(english, anna, django_assert_max_num_queries):
    books = [BookFactory(title=f"Поиск {number}", language="rus") for number in range(60)]
    BookFactory(title="Другая", language="rus")
    index_books([book.pk for book in books])
    english.force_login(anna)
    chosen = {"action": "change_many", "_selected_action": [books[0].pk], "select_across": "1", "index": 0}
    answer = english.post(reverse("admin:catalog_book_changelist") + "?q=поиск", chosen)
    batch = BatchChange.objects.get()
    assert len(batch.target_ids) == 60
    said = {"field": "language", "deed": "set", "value": "eng", "find": ""}
    with django_assert_max_num_queries(12):
        page = english.get(answer["Location"], said)
    assert (page.context["page"].paginator.count, len(page.context["rows"])) == (60, 60)
    assert not Book.objects.filter(language="eng").exists()
    done = english.post(answer["Location"], said)
    assert Book.objects.filter(language="eng").count() == 60
    assert english.get(done["Location"]).context["summary"] == "60 records changed"
    english.post(reverse("admin:catalog_batchchange_undo", args=[batch.pk]))
    assert not Book.objects.filter(language="eng").exists()
