"""Undoing an import: everything is as it was, unless something was built on it."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone, translation

from accounts.tests.factories import LibrarianFactory
from catalog import actions, import_undo
from catalog.import_copies import CopyOptions
from catalog.import_reading import marc_records
from catalog.import_runs import work
from catalog.import_undo import Obstacle, extent, request_undo, undo
from catalog.imports import import_books
from catalog.models import Author, Book, Copy, Genre, ImportedBook, ImportRun, Publisher, Series, SourceRecord, Subject
from catalog.queries import SearchQuery, search_books
from catalog.stored import read_books
from catalog.tests.factories import BookFactory
from catalog.tests.marc_for_tests import iso, record
from circulation.tests.factories import LoanFactory
from library.core.errors import Refused
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db
HILL = record(
    "001 1",
    "003 LIB",
    "100 1#$aHill, Anna",
    "245 10$aHill",
    "260 ##$aM.$bHouse$c1977",
    "490 0#$aRow",
    "650 #4$aHeights",
)
NEWER = record(
    "001 1", "003 LIB", "100 1#$aHill, Bob", "245 10$aHill", "260 ##$aM.$bOther$c1977", "655 #7$aNovel", "952 ##$p9"
)
DALE = record("001 2", "003 LIB", "100 1#$aHill, Anna", "245 10$aDale", "655 #7$aNovel", "952 ##$p7", "952 ##$p8")
THINGS = (Book, Author, Genre, Subject, Publisher, Series, Copy)


@pytest.fixture(autouse=True)
def shelves():
    BranchFactory()
    ItemTypeFactory()


def imported(*records):
    now = timezone.now() - timedelta(minutes=1)
    return import_books(
        marc_records(BytesIO(b"".join(map(iso, records)))),
        file_name="x.mrc",
        by=None,
        copies=CopyOptions(),
        clock=lambda: now,
    )


def undone(run):
    request_undo(run_id=run.pk, by=None, now=timezone.now())
    run.refresh_from_db()
    undo(run)
    run.refresh_from_db()
    return run


def in_the_way(run):
    return [(title, reason) for _pk, title, reason in extent(run).obstacles]


def everything():
    books = read_books(list(Book.objects.values_list("pk", flat=True)))
    return books, list(SourceRecord.objects.values_list("book", "digest", "run")), list(map(_names, THINGS))


def _names(model):
    return sorted(map(str, model.objects.all()))


def test_what_it_made_is_removed_and_what_it_changed_is_as_before(monkeypatch):
    monkeypatch.setattr(import_undo, "BATCH", 1)
    imported(HILL)
    before = everything()
    run = imported(NEWER, DALE)
    assert (run.updated, run.created, run.copies_created) == (1, 1, 3)
    whole = extent(run)
    assert (whole.removed, whole.restored, whole.copies, whole.obstacles) == (1, 1, 3, [])
    assert undone(run).state == "undone"
    assert (run.undone, run.to_undo) == (2, 2)
    assert everything() == before
    assert Book.objects.filter(search_entry__words="anna").count() == 1
    assert not Book.objects.filter(search_entry__words="bob").exists()
    assert AuditEntry.objects.filter(action="catalog.undo_import").count() == 1
    again = imported(NEWER, DALE)
    assert (again.updated, again.created) == (1, 1)


SET = record("001 10", "003 LIB", "245 10$aWorks")
VOLUME = record("001 11", "003 LIB", "245 10$aEarly poems", "773 08$tWorks$gVol. 1$w(LIB)10")


@pytest.mark.parametrize("arrivals", [[(SET, VOLUME)], [(VOLUME, SET)], [(VOLUME,), (SET,)], [(SET,), (VOLUME,)]])
def test_volumes_find_their_set_and_let_go_of_it(arrivals):
    runs = [imported(*records) for records in arrivals]
    volume, whole = Book.objects.get(title="Early poems"), Book.objects.get(title="Works")
    assert (volume.parent, volume.volume, whole.parent) == (whole, "Vol. 1", None)
    assert search_books(SearchQuery(text="works vol 1")).book_ids == (volume.pk,)
    run_of_set = runs[-1] if arrivals[-1][-1] is SET else runs[0]
    undone(run_of_set)
    assert list(Book.objects.values_list("title", "parent")) == ([] if len(runs) == 1 else [("Early poems", None)])


def test_a_volume_entered_by_hand_keeps_its_set():
    run = imported(SET)
    BookFactory(title="Letters", parent=Book.objects.get())
    assert in_the_way(run) == [("Works", Obstacle.HAS_VOLUMES)]


def test_a_set_that_several_records_could_be_is_not_guessed():
    imported(SET, record("001 10", "003 LIB", "245 10$aSomething else entirely"), VOLUME)
    assert not Book.objects.exclude(parent=None).exists()


def test_names_that_were_there_or_are_used_elsewhere_stay():
    Genre.objects.create(name="Novel")
    run = imported(DALE)
    imported(HILL)
    undone(run)
    assert _names(Genre) == ["Novel"]
    assert _names(Author) == ["Hill, Anna"]


def test_nothing_is_undone_twice_nor_while_it_is_under_way():
    run = undone(imported(HILL))
    with pytest.raises(Refused):
        request_undo(run_id=run.pk, by=None, now=timezone.now())
    ImportRun.objects.filter(pk=imported(HILL).pk).update(state="running")
    with pytest.raises(Refused) as refused:
        request_undo(run_id=ImportRun.objects.get(state="running").pk, by=None, now=timezone.now())
    assert [refusal.reason for refusal in refused.value.refusals] == [Obstacle.NOT_UNDOABLE]
    assert Book.objects.count() == 1


def lend(book):
    LoanFactory(copy=book.copies.first())


def add_copy(book):
    copy = Copy.objects.get(barcode="7")
    fields = {"inventory_number": "N", "barcode": "N", "branch": copy.branch, "item_type": copy.item_type}
    actions.create_copy(book_id=book.pk, fields=fields, by=None, now=timezone.now())


def edit_book(book):
    actions.update_book(book_id=book.pk, fields={"year": 1980}, by=None, now=timezone.now())


def edit_copy(book):
    actions.update_copy(copy_id=book.copies.first().pk, fields={"note": "torn"}, by=None, now=timezone.now())


def import_again(book):
    imported(record("001 2", "003 LIB", "245 10$aDale", "260 ##$c1988"))


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (lend, Obstacle.USED),
        (add_copy, Obstacle.COPY_ADDED),
        (edit_book, Obstacle.CHANGED),
        (edit_copy, Obstacle.CHANGED),
        (import_again, Obstacle.IMPORTED_AGAIN),
    ],
)
def test_what_something_was_built_on_is_named_and_nothing_is_undone(deed, reason):
    run = imported(HILL, DALE)
    ImportedBook.objects.update(at=timezone.now() - timedelta(seconds=30))
    deed(Book.objects.get(title="Dale"))
    assert in_the_way(run) == [("Dale", reason)]
    with pytest.raises(Refused) as refused:
        request_undo(run_id=run.pk, by=None, now=timezone.now())
    assert [refusal.reason for refusal in refused.value.refusals] == [reason]
    run.refresh_from_db()
    assert run.state == "finished"
    assert Book.objects.count() == 2


def test_what_was_lent_after_the_request_stays():
    run = imported(HILL, DALE)
    request_undo(run_id=run.pk, by=None, now=timezone.now())
    lend(Book.objects.get(title="Dale"))
    work()
    run.refresh_from_db()
    assert (run.state, run.undone, run.to_undo) == ("finished", 1, 2)
    assert run.failure == "1 book was used or changed while the import was being undone; it stays."
    assert _names(Book) == ["Dale"]


def test_the_button_leads_to_the_undoing(english):
    english.force_login(LibrarianFactory(language="en"))
    run = imported(HILL, DALE)
    change, page = (reverse(f"admin:catalog_importrun_{name}", args=[run.pk]) for name in ("change", "undo"))
    assert page in english.get(change).content.decode()
    assert english.get(page).context["counts"] == [
        ("Books removed", 2), ("Copies removed", 2), ("Books brought back to what they were", 0)
    ]  # fmt: skip
    assert english.post(page).url == change
    assert "0 of 2 books are as they were." in english.get(change).content.decode()
    work()
    assert "Everything is as it was before the import." in english.get(change).content.decode()
    assert not Book.objects.exists()


def test_a_refusal_is_shown_on_the_page(english):
    english.force_login(LibrarianFactory(language="en"))
    run = imported(DALE)
    lend(Book.objects.get())
    page = reverse("admin:catalog_importrun_undo", args=[run.pk])
    answer = english.post(page, follow=True).content.decode()
    assert "“Dale” was lent or reserved." in answer
    assert "Undo the import<" not in answer
    assert Book.objects.count() == 1


def test_the_command(capsys):
    run = imported(HILL, DALE)
    with translation.override("en"):
        call_command("undo_import", run.pk, dry_run=True)
    assert "Books removed: 2. Copies removed: 2. Books brought back: 0." in capsys.readouterr().out
    assert Book.objects.count() == 2
    call_command("undo_import", run.pk)
    call_command("undo_import", run.pk)
    assert not Book.objects.exists()
    kept = imported(DALE)
    lend(Book.objects.get())
    with pytest.raises(CommandError):
        call_command("undo_import", kept.pk)
