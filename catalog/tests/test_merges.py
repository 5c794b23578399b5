"""Duplicates are found, merged whole, and put asunder again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO
from threading import Barrier

import pytest
from django.db import connection
from django.urls import reverse

from accounts.tests.factories import LibrarianFactory
from catalog.author_merges import merge_authors, undo_author_merge
from catalog.book_merges import merge_books, undo_book_merge
from catalog.duplicates import Description, Likeness, candidates, probable_duplicates, tell_apart
from catalog.import_copies import CopyOptions
from catalog.import_reading import marc_records
from catalog.imports import import_books
from catalog.models import Author, AuthorName, Book, Copy, ImportedBook, ImportRun, Merge, SourceRecord
from catalog.queries import SearchQuery, search_books
from catalog.search import index_books
from catalog.tests.factories import AuthorFactory, BookFactory, CopyFactory
from catalog.tests.marc_for_tests import iso, record
from circulation.tests.factories import LoanFactory
from library.core.errors import Busy, Invalid
from library.core.models import AuditEntry

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def anna():
    return LibrarianFactory(language="en")


def pair():
    one = BookFactory(
        title="Война и мир", year=1869, authors=["Толстой, Лев"], isbns=["9785389049352"], genres=["роман"]
    )
    two = BookFactory(
        title="Война и мир: роман", year=1869, authors=["Толстой, Л. Н."], isbns=["9785170878895"], subjects=["война"]
    )
    index_books([one.pk, two.pk])
    return one, two


def merged(one, two, by, **more):
    given = {"survivor_id": one.pk, "merged_ids": [two.pk], "choices": {}, "parts": {}, "by": by, "now": NOW, **more}
    return merge_books(**given)


def found(text):
    return set(search_books(SearchQuery(text=text)).book_ids)


def snapshot(book):
    book = Book.objects.get(pk=book.pk)
    return (
        book.uid, book.title, book.year, book.created_at,
        [(part.pk, part.author.name, part.role) for part in book.contributions.all()],
        [(row.pk, row.value) for row in book.isbns.all()],
        sorted(genre.name for genre in book.genres.all()),
        sorted(subject.name for subject in book.subjects.all()),
        sorted(copy.inventory_number for copy in book.copies.all()),
    )  # fmt: skip


# --- Finding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "likeness"),
    [
        (Description(title="Другое заглавие", isbns=["9785389049352"]), Likeness.ISBN),
        (Description(title="ВОЙНА И МИР", year=1869, names=["Толстой, Лев Николаевич"]), Likeness.TITLE),
        (Description(title="Война и мир: роман", year=1869), Likeness.TITLE),
        (Description(title="Война и мир", names=["Толстой, Лев"]), Likeness.TITLE),
        (Description(title="Война и мир", year=1936, names=["Толстой, Лев"]), None),
        (Description(title="Война и мир", year=1869, names=["Иванов, Иван"]), None),
        (Description(title="Война и мир", volume="Т. 2", year=1869, names=["Толстой, Лев"]), None),
    ],
)
def test_candidates(wanted, likeness):
    book = BookFactory(title="Война и мир", year=1869, authors=["Толстой, Лев"], isbns=["9785389049352"])
    BookFactory(title="Анна Каренина", year=1878, authors=["Толстой, Лев"])
    assert [(one.pk, why) for one, why in candidates(wanted)] == ([(book.pk, likeness)] if likeness else [])


def test_the_catalogue_is_looked_through_and_what_was_told_apart_is_left_out(anna):
    books = [BookFactory(title="Пётр Первый", year=1945, authors=["Толстой, Алексей"]) for _ in range(3)]
    BookFactory(title="Пётр Первый", year=1980, authors=["Толстой, Алексей"])
    assert probable_duplicates(Likeness.TITLE) == ([books], "")
    tell_apart(book_ids=[books[0].pk, books[1].pk, books[2].pk], by=anna, now=NOW)
    assert probable_duplicates(Likeness.TITLE) == ([], "")


def test_what_an_import_may_have_brought_twice(english, anna):
    old, new = (BookFactory(title="Пётр Первый", year=1945, isbns=["9785389049352"]) for _ in range(2))
    for _ in range(2):
        BookFactory(title="Мать", year=1906, isbns=["9785170878895"])
    run = ImportRun.objects.create(file_name="новинки.mrc", started_at=NOW)
    ImportedBook.objects.create(run=run, book=new, at=NOW)
    other = ImportRun.objects.create(file_name="старое.mrc", started_at=NOW)
    for likeness in Likeness:
        assert probable_duplicates(likeness, run_id=run.pk) == ([[old, new]], "")
        assert probable_duplicates(likeness, run_id=other.pk) == ([], "")
    english.force_login(anna)
    page = english.get(reverse("admin:catalog_merge_duplicates"), {"run": run.pk}).content.decode()
    assert "новинки.mrc" in page
    assert "Пётр Первый" in page
    assert "Мать" not in page
    sent = {"id": [old.pk, new.pk], "by": "title", "run": run.pk}
    assert english.post(reverse("admin:catalog_merge_distinct"), sent)["Location"].endswith(f"?by=title&run={run.pk}")
    assert probable_duplicates(Likeness.TITLE, run_id=run.pk) == ([], "")


def test_a_book_is_not_entered_twice_unawares(english, anna):
    book = BookFactory(title="Пикник на обочине", year=1972, isbns=["9785170878895"])
    english.force_login(anna)
    names = ("contributions", "isbns", "copies")
    empty = {f"{name}-{part}_FORMS": 0 for name in names for part in ("TOTAL", "INITIAL")}
    sent = {"title": "Пикник", "material_type": "book", **empty}
    sent |= {"isbns-TOTAL_FORMS": 1, "isbns-0-value": "978-5-17-087889-5", "isbns-0-position": 0}
    page = english.post(reverse("admin:catalog_book_add"), sent).content.decode()
    assert reverse("admin:catalog_book_change", args=[book.pk]) in page
    assert Book.objects.count() == 1
    assert english.post(reverse("admin:catalog_book_add"), sent | {"save_anyway": str(book.pk)}).status_code == 302
    assert Book.objects.count() == 2
    assert probable_duplicates(Likeness.ISBN) == ([], "")


# --- Merging books -------------------------------------------------------------------------------------------------


def test_a_record_whose_book_was_merged_away_does_not_bring_it_back(anna):
    zen, other = (record(f"001 {key}", "003 NSK", "245 10$aДзен") for key in ("one", "two"))

    def imported():
        return import_books(
            marc_records(BytesIO(iso(zen) + iso(other))), file_name="zen.mrc", by=anna, copies=CopyOptions()
        )

    assert imported().created == 2
    one, two = Book.objects.order_by("pk")
    done = merged(one, two, anna)
    again = imported()
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    assert Book.objects.get() == one
    undo_book_merge(merge_id=done.pk, by=anna, now=NOW)
    assert imported().unchanged == 2
    assert Book.objects.count() == 2


def test_a_newer_version_of_a_record_whose_book_was_merged_away_is_told_where_it_went(anna):
    """Also when the book that stays comes in the same file, or was entered by hand and took the record over."""
    one, two = record("001 one", "003 NSK", "245 10$aДзен"), record("001 two", "003 NSK", "245 10$aДзэн")
    newer = record("001 two", "003 NSK", "245 10$aДзэн :$bвведение")
    revised = record("001 one", "003 NSK", "245 10$aДзен :$bоснова")

    def imported(*records):
        file = BytesIO(b"".join(map(iso, records)))
        run = import_books(marc_records(file), file_name="zen.mrc", by=anna, copies=CopyOptions())
        return run.created, run.updated, run.unchanged, [(note.problem, note.data) for note in run.remarks.all()]

    imported(one, two)
    stays, goes = Book.objects.order_by("pk")
    done = merged(stays, goes, anna)
    told = ("merged_into", {"title": "Дзен"})
    assert imported(newer) == imported(newer) == (0, 0, 1, [told])
    assert imported(two, newer, revised) == (0, 1, 2, [told])
    assert [book.subtitle for book in Book.objects.all()] == ["основа"]
    undo_book_merge(merge_id=done.pk, by=anna, now=NOW)
    assert imported(newer) == (0, 1, 0, [])
    assert list(Book.objects.order_by("pk").values_list("subtitle", flat=True)) == ["основа", "введение"]
    by_hand = BookFactory(title="Совсем другое заглавие")
    merged(by_hand, goes, anna)
    assert imported(two) == (0, 0, 1, [("merged_into", {"title": by_hand.title})])
    own = record(f"001 {goes.uid}", "245 10$aДзэн")
    assert imported(own) == (0, 0, 1, [("merged_into", {"title": by_hand.title})])


def test_everything_moves_to_the_book_that_stays(anna, client):
    one, two = pair()
    loan = LoanFactory(copy=CopyFactory(book=two))
    volume = BookFactory(title="Том первый", parent=two)
    source = SourceRecord.objects.create(book=two, format="marc21", digest="a" * 64, content={}, imported_at=NOW)
    uid = two.uid
    merge = merged(one, two, anna, choices={"title": two.pk})
    one.refresh_from_db()
    loan.copy.refresh_from_db()
    volume.refresh_from_db()
    source.refresh_from_db()
    assert one.title == "Война и мир: роман"
    assert (loan.copy.book_id, volume.parent_id, source.book_id) == (one.pk, one.pk, one.pk)
    assert [row.value for row in one.isbns.all()] == ["9785389049352", "9785170878895"]
    assert [part.author.name for part in one.contributions.all()] == ["Толстой, Лев", "Толстой, Л. Н."]
    assert [topic.name for topic in (*one.genres.all(), *one.subjects.all())] == ["роман", "война"]
    assert not Book.objects.filter(pk=two.pk).exists()
    assert found("9785170878895") == {one.pk}
    for old, new in (("/books/{}/", "/books/{}/"), ("/api/v1/books/{}/", "/api/v1/books/{}/")):
        response = client.get(old.format(uid))
        assert (response.status_code, response["Location"]) == (301, new.format(one.uid))
    entry = AuditEntry.objects.get(action="catalog.merge_books")
    assert (entry.subject_id, entry.detail["merge"]) == (one.pk, merge.pk)


def test_parts_may_be_left_out(anna):
    one, two = pair()
    people = [one.contributions.get().pk]
    merged(one, two, anna, parts={"contributions": people, "isbns": [two.isbns.get().pk], "genres": [], "subjects": []})
    assert [part.author.name for part in one.contributions.all()] == ["Толстой, Лев"]
    assert [row.value for row in one.isbns.all()] == ["9785170878895"]
    assert not one.genres.exists()


def test_undoing_brings_everything_back(anna, client):
    one, two = pair()
    CopyFactory(book=one, inventory_number="1")
    CopyFactory(book=two, inventory_number="2")
    before = snapshot(one), snapshot(two)
    merge = merged(one, two, anna, choices={"title": two.pk}, parts={"genres": []})
    assert undo_book_merge(merge_id=merge.pk, by=anna, now=NOW) == []
    assert (snapshot(one), snapshot(two)) == before
    assert found("9785170878895") == {two.pk}
    assert client.get(reverse("book", args=[two.uid])).status_code == 200
    with pytest.raises(Invalid):
        undo_book_merge(merge_id=merge.pk, by=anna, now=NOW)


def test_undoing_leaves_what_was_changed_since_and_says_so(anna):
    one, two = pair()
    copy = CopyFactory(book=two)
    merge = merged(one, two, anna, choices={"title": two.pk})
    Book.objects.filter(pk=one.pk).update(title="Война и мир. Юбилейное издание")
    Copy.objects.filter(pk=copy.pk).delete()
    problems = undo_book_merge(merge_id=merge.pk, by=anna, now=NOW)
    assert len(problems) == 2
    one.refresh_from_db()
    assert one.title == "Война и мир. Юбилейное издание"
    assert Book.objects.filter(pk=two.pk).exists()


def test_merges_of_merges_are_undone_from_the_last(anna, client):
    one, two = pair()
    three = BookFactory(title="Война и мир")
    first = merged(one, two, anna)
    second = merged(three, one, anna)
    assert client.get(reverse("book", args=[two.uid]))["Location"] == reverse("book", args=[three.uid])
    with pytest.raises(Invalid):
        undo_book_merge(merge_id=first.pk, by=anna, now=NOW)
    assert undo_book_merge(merge_id=second.pk, by=anna, now=NOW) == []
    assert client.get(reverse("book", args=[two.uid]))["Location"] == reverse("book", args=[one.uid])
    assert undo_book_merge(merge_id=first.pk, by=anna, now=NOW) == []


def test_a_volume_is_not_merged_with_its_set(anna):
    whole = BookFactory()
    volume = BookFactory(parent=whole)
    with pytest.raises(Invalid):
        merged(whole, volume, anna)
    with pytest.raises(Invalid):
        merged(whole, whole, anna)
    assert (Book.objects.count(), Merge.objects.count()) == (2, 0)


@pytest.mark.django_db(transaction=True)
def test_two_merges_at_once_lose_nothing():
    one, two = pair()
    CopyFactory(book=one)
    CopyFactory(book=two)
    anna, start = LibrarianFactory(), Barrier(2)

    def merging(first, second):
        try:
            connection.ensure_connection()
            start.wait(10)
            merged(first, second, anna)
        except (Invalid, Busy):
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        deeds = [pool.submit(merging, one, two), pool.submit(merging, two, one)]
        assert sorted(deed.result(30) for deed in deeds) == [False, True]
    assert Book.objects.get().copies.count() == 2


def test_the_merge_page(english, anna, django_assert_max_num_queries):
    one, two = pair()
    english.force_login(anna)
    address = reverse("admin:catalog_merge_books")
    with django_assert_max_num_queries(16):
        page = english.get(address, {"id": [one.pk, two.pk]})
    assert [line.name for line in page.context["choice"].lines()] == [
        "title", "contributions", "isbns", "genres", "subjects",
    ]  # fmt: skip
    sent = {"id": [one.pk, two.pk], "survivor": two.pk, "title": one.pk, "merge": "1"}
    sent |= {"isbns": [one.isbns.get().pk, two.isbns.get().pk]}
    answer = english.post(address, sent)
    merge = Merge.objects.get()
    assert answer["Location"] == reverse("admin:catalog_merge_change", args=[merge.pk])
    left = Book.objects.get()
    assert (left.pk, left.title, left.isbns.count(), left.contributions.count()) == (two.pk, "Война и мир", 2, 0)
    assert english.get(answer["Location"]).status_code == 200
    assert english.get(reverse("admin:catalog_merge_duplicates")).status_code == 200
    english.post(reverse("admin:catalog_merge_undo", args=[merge.pk]))
    assert Book.objects.count() == 2


# --- Authors -------------------------------------------------------------------------------------------------------


def test_authors_become_one_found_by_every_name_and_two_again(anna, client):
    leo, lev = AuthorFactory(name="Tolstoy, Leo"), AuthorFactory(name="Толстой, Лев")
    english, russian, both = BookFactory(authors=[leo]), BookFactory(authors=[lev]), BookFactory(authors=[lev, leo])
    index_books([english.pk, russian.pk, both.pk])
    merge = merge_authors(survivor_id=lev.pk, merged_ids=[leo.pk], choices={}, by=anna, now=NOW)
    assert found("tolstoy leo") == found("толстой") == {english.pk, russian.pk, both.pk}
    assert [part.author_id for part in both.contributions.all()] == [lev.pk]
    assert [variant.name for variant in lev.variants.all()] == ["Tolstoy, Leo"]
    assert client.get(reverse("author", args=[leo.pk]))["Location"] == reverse("author", args=[lev.pk])
    assert undo_author_merge(merge_id=merge.pk, by=anna, now=NOW) == []
    assert [part.author_id for part in both.contributions.all()] == [lev.pk, leo.pk]
    assert not AuthorName.objects.exists()
    assert client.get(reverse("author", args=[leo.pk])).status_code == 200


def test_authors_take_name_and_dates_of_either(anna):
    one, two = AuthorFactory(name="Чехов, А. П."), AuthorFactory(name="Чехов, Антон Павлович", dates="1860-1904")
    choices = {"name": two.pk, "dates": two.pk}
    merge_authors(survivor_id=one.pk, merged_ids=[two.pk], choices=choices, by=anna, now=NOW)
    left = Author.objects.get()
    assert (left.pk, left.name, left.dates) == (one.pk, "Чехов, Антон Павлович", "1860-1904")
    assert [variant.name for variant in left.variants.all()] == ["Чехов, А. П."]


def test_a_variant_entered_on_the_panel_finds_the_books(english, anna):
    author = AuthorFactory(name="Кристи, Агата")
    book = BookFactory(authors=[author])
    english.force_login(anna)
    sent = {"name": author.name, "dates": "", "variants-TOTAL_FORMS": 1, "variants-INITIAL_FORMS": 0}
    sent |= {"variants-0-name": "Christie, Agatha", "variants-0-author": author.pk}
    assert english.post(reverse("admin:catalog_author_change", args=[author.pk]), sent).status_code == 302
    assert found("agatha christie") == {book.pk}
