"""Imports into the database: what is made, what is left, what is said."""

import threading
from datetime import UTC, datetime
from io import BytesIO

import pytest
from django.db import connection

from catalog import import_reading, imports
from catalog.import_copies import CopyOptions
from catalog.import_reading import marc_records, read_ahead
from catalog.imports import Outcome, go_on, import_books
from catalog.marc.record import Record
from catalog.models import Author, Book, Copy, Genre, ImportRun, Publisher, SourceRecord
from catalog.problems import Problem, Remark
from catalog.tests.factories import BookFactory, CopyFactory
from catalog.tests.marc_for_tests import iso, record
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 16, 9, 0, tzinfo=UTC)

ONEGIN = record(
    "001 1",
    "003 LIB",
    "020 ##$a5-02-013850-9",
    "041 ##$arus",
    "100 1#$aПушкин, А. С.,$d1799-1837",
    "245 10$aЕвгений Онегин :$bроман",
    "260 ##$aМ. :$bНаука,$c1977",
    "650 #4$aПоэзия",
    "655 #7$aРоман в стихах",
)


def changed(base, *lines, without=()):
    """The record without some tags and with other fields."""
    kept = [field for field in base.fields if field.tag not in without]
    return Record(base.leader, tuple(kept) + record(*lines).fields)


def run(*records, options=None, **kwargs):
    """Import records; the run and the results by number."""
    results = {}
    done = import_books(
        marc_records(BytesIO(b"".join(map(iso, records)))),
        file_name="records.mrc",
        by=None,
        copies=options or CopyOptions(),
        on_batch=lambda run, batch: results.update({result.number: result for result in batch}),
        clock=lambda: NOW,
        **kwargs,
    )
    return done, results


def counts(done):
    return (done.read, done.created, done.updated, done.unchanged, done.rejected)


def test_a_book_comes_in_with_all_that_belongs_to_it():
    done, results = run(ONEGIN)
    assert counts(done) == (1, 1, 0, 0, 0)
    book = Book.objects.get()
    assert results[1].book_id == book.pk
    assert (book.title, book.subtitle, book.year, book.place) == ("Евгений Онегин", "роман", 1977, "М.")
    assert (book.language, book.publisher.name, book.sort_title) == ("rus", "Наука", "евгений онегин")
    [contribution] = book.contributions.all()
    assert (contribution.author.name, contribution.author.dates, contribution.role) == (
        "Пушкин, А. С.",
        "1799-1837",
        "author",
    )
    assert [isbn.value for isbn in book.isbns.all()] == ["9785020138506"]
    assert [genre.name for genre in book.genres.all()] == ["Роман в стихах"]
    assert [subject.name for subject in book.subjects.all()] == ["Поэзия"]
    assert (book.created_at, book.updated_at) == (NOW, NOW)


def test_the_source_record_is_kept_whole():
    run(ONEGIN)
    source = SourceRecord.objects.get()
    assert (source.format, source.key, source.imported_at) == ("marc21", "LIB:1", NOW)
    assert Record.from_json(source.content).fields == ONEGIN.fields
    assert source.run == ImportRun.objects.get()


def test_the_book_is_found_at_once():
    run(ONEGIN)
    assert Book.objects.filter(search_entry__words="онегин").count() == 1
    assert Book.objects.get().search_entry.sort_author == "пушкин а с"


def test_the_import_is_written_down():
    done, _ = run(ONEGIN, record("001 2"), options=CopyOptions())
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_type, entry.subject_id) == (
        "catalog.import_books",
        "catalog.importrun",
        done.pk,
    )
    assert entry.detail == {
        "read": 2, "created": 1, "updated": 0, "unchanged": 0, "rejected": 1, "copies_created": 0
    }  # fmt: skip
    [remark] = done.remarks.all()
    assert (remark.record, remark.problem, remark.data, remark.is_refusal) == (2, "unknown_format", {}, True)
    assert bytes(remark.raw) + b"\x1d" == iso(record("001 2"))
    assert (done.state, done.finished_at) == ("finished", NOW)


def test_the_same_file_twice_creates_nothing_new():
    run(ONEGIN)
    before = list(Book.objects.values())
    done, _ = run(ONEGIN)
    assert counts(done) == (1, 0, 0, 1, 0)
    assert list(Book.objects.values()) == before
    assert (Author.objects.count(), SourceRecord.objects.count()) == (1, 1)


def test_the_same_record_in_another_encoding_is_the_same():
    run(ONEGIN)
    other = import_books(
        marc_records(BytesIO(iso(Record("00000nam  2200000 i 4500", ONEGIN.fields), "cp1251"))),
        file_name="x",
        by=None,
        copies=CopyOptions(),
    )
    assert counts(other) == (1, 0, 0, 1, 0)


def test_a_record_that_stands_twice_in_a_file_is_taken_once():
    done, results = run(ONEGIN, record("001 2", "245 10$aHill"), ONEGIN)
    assert counts(done) == (3, 2, 0, 1, 0)
    assert results[3].remarks == [Remark(Problem.SAME_RECORD_IN_FILE, {"record": 1})]


def test_twins_in_different_batches_are_taken_once(monkeypatch):
    monkeypatch.setattr(import_reading, "BATCH", 1)
    done, results = run(ONEGIN, ONEGIN)
    assert counts(done) == (2, 1, 0, 1, 0)
    assert results[2].remarks == [Remark(Problem.SAME_RECORD_IN_FILE, {"record": 1})]


def test_a_newer_version_changes_what_it_changed():
    run(ONEGIN)
    newer = changed(ONEGIN, "260 ##$aСПб. :$bАзбука,$c1999", "650 #4$aКлассика", without=("260", "650"))
    done, _ = run(newer)
    assert counts(done) == (1, 0, 1, 0, 0)
    book = Book.objects.get()
    assert (book.year, book.place, book.publisher.name) == (1999, "СПб.", "Азбука")
    assert [subject.name for subject in book.subjects.all()] == ["Классика"]
    assert [genre.name for genre in book.genres.all()] == ["Роман в стихах"]
    assert Record.from_json(SourceRecord.objects.get().content).fields == newer.fields
    assert counts(run(newer)[0]) == (1, 0, 0, 1, 0)


def test_what_a_librarian_edited_stays_and_is_reported():
    run(ONEGIN)
    Book.objects.update(subtitle="роман в стихах", year=1978)
    _done, results = run(changed(ONEGIN, "260 ##$aСПб. :$bНаука,$c1999", without=("260",)))
    book = Book.objects.get()
    assert (book.subtitle, book.year, book.place) == ("роман в стихах", 1978, "СПб.")
    assert results[1].remarks == [Remark(Problem.EDITS_KEPT, {"fields": ["year"]})]


def test_an_isbn_added_by_hand_survives_an_update():
    run(ONEGIN)
    Book.objects.get().isbns.create(value="9785222000342", position=1)
    run(changed(ONEGIN, "300 ##$a320 с."))
    book = Book.objects.get()
    assert book.pages == "320 с."
    assert [isbn.value for isbn in book.isbns.all()] == ["9785020138506", "9785222000342"]


def test_different_records_that_share_a_control_number_stand_side_by_side():
    hill = record("001 1", "003 LIB", "245 10$aHill")
    done, results = run(ONEGIN, hill)
    assert counts(done) == (2, 2, 0, 0, 0)
    assert results[2].remarks == [Remark(Problem.SHARED_CONTROL_NUMBER, {"key": "LIB:1"})]
    assert set(Book.objects.values_list("title", flat=True)) == {"Евгений Онегин", "Hill"}
    assert counts(run(ONEGIN, hill)[0]) == (2, 0, 0, 2, 0)


def test_newer_versions_of_records_that_share_a_number_find_their_own_books():
    hill = record("001 1", "003 LIB", "245 10$aHill")
    run(ONEGIN, hill)
    ids = dict(Book.objects.values_list("title", "pk"))
    done, _ = run(changed(hill, "300 ##$a10 p."), changed(ONEGIN, "300 ##$a320 с."))
    assert counts(done) == (2, 0, 2, 0, 0)
    assert dict(Book.objects.values_list("pages", "pk")) == {"10 p.": ids["Hill"], "320 с.": ids["Евгений Онегин"]}


def test_two_versions_in_one_file_do_not_overwrite_each_other():
    done, results = run(ONEGIN, changed(ONEGIN, "300 ##$a320 с."))
    assert counts(done) == (2, 2, 0, 0, 0)
    assert results[2].remarks == [Remark(Problem.SHARED_CONTROL_NUMBER, {"key": "LIB:1"})]


def test_a_number_without_agency_is_trusted_only_for_the_same_title_and_year():
    anonymous = changed(ONEGIN, without=("003",))
    run(anonymous)
    done, _ = run(changed(anonymous, "300 ##$a320 с."))
    assert counts(done) == (1, 0, 1, 0, 0)
    done, results = run(changed(anonymous, "260 ##$c1950", without=("260", "020")))
    assert counts(done) == (1, 1, 0, 0, 0)
    assert results[1].remarks == [Remark(Problem.SHARED_CONTROL_NUMBER, {"key": "1"})]


def test_a_title_corrected_by_a_letter_is_an_update():
    run(ONEGIN)
    done, _ = run(changed(ONEGIN, "245 10$aЕвгений Онѣгин", without=("245", "020")))
    assert counts(done) == (1, 0, 1, 0, 0)


def test_names_are_shared_whatever_their_spelling():
    Publisher.objects.create(name="НАУКА")
    Genre.objects.create(name="роман в стихах")
    run(ONEGIN, changed(ONEGIN, "001 2", "245 10$aПолтава", without=("001", "245", "020")))
    assert Publisher.objects.get().name == "НАУКА"
    assert Genre.objects.count() == Author.objects.count() == 1


def test_a_person_named_twice_in_one_role_counts_once():
    run(changed(ONEGIN, "700 1#$aПУШКИН, А. С.$d1799-1837$eavtor$4aut"))
    assert Book.objects.get().contributions.count() == 1


def test_names_of_signs_alone_are_names():
    run(changed(ONEGIN, "700 1#$a???$4aut", "700 1#$a***$4edt"))
    assert set(Author.objects.values_list("name", flat=True)) == {"Пушкин, А. С.", "???", "***"}


def test_long_texts_are_cut_with_a_remark():
    _done, results = run(record("001 1", f"245 10$a{'д' * 1200}", f"650 #4$a{'т' * 400}", f"250 ##$a{'и' * 301}"))
    book = Book.objects.get()
    assert book.title == "д" * 999 + "…"
    assert len(book.edition) == 300
    assert book.subjects.get().name == "т" * 299 + "…"
    assert [remark.data["field"] for remark in results[1].remarks] == ["title", "edition", "subjects"]


def test_one_record_that_the_database_refuses_costs_no_other(monkeypatch):
    real = imports.create_books

    def refusing(arrivals, **kwargs):
        from django.db import DataError

        if any(incoming.number == 2 for incoming, _ in arrivals):
            raise DataError("value out of range")
        return real(arrivals, **kwargs)

    monkeypatch.setattr(imports, "create_books", refusing)
    records = [record(f"001 {number}", f"245 10$aBook {number}") for number in range(1, 6)]
    done, results = run(*records)
    assert counts(done) == (5, 4, 0, 0, 1)
    assert results[2].outcome == Outcome.REJECTED
    assert results[2].remarks == [Remark(Problem.DATABASE_REFUSED, {"detail": "value out of range"})]
    assert Book.objects.count() == 4


def test_every_record_is_accounted_for_in_the_database():
    done, _ = run(ONEGIN, record("001 2"), ONEGIN, record("001 3", "245 10$aHill"))
    assert counts(done) == (4, 2, 0, 1, 1)
    assert ImportRun.objects.get().read == 4


def test_a_trial_leaves_nothing():
    done, results = run(ONEGIN, is_trial=True)
    assert counts(done) == (1, 1, 0, 0, 0)
    assert results[1].after.title == "Евгений Онегин"
    assert not Book.objects.exists()
    assert not ImportRun.objects.exists()
    assert not AuditEntry.objects.exists()


def test_an_interrupted_import_keeps_its_batches_and_goes_on(monkeypatch):
    monkeypatch.setattr(import_reading, "BATCH", 2)
    records = [record(f"001 {number}", f"245 10$aBook {number}") for number in range(1, 6)]

    def broken_off():
        for arrival in marc_records(BytesIO(b"".join(map(iso, records)))):
            if arrival.number == 4:
                raise KeyboardInterrupt
            yield arrival

    with pytest.raises(KeyboardInterrupt):
        import_books(broken_off(), file_name="x", by=None, copies=CopyOptions())
    assert Book.objects.count() == 2
    interrupted = ImportRun.objects.get()
    assert (interrupted.read, interrupted.created, interrupted.finished_at) == (2, 2, None)
    done, _ = run(*records)
    assert counts(done) == (5, 3, 0, 2, 0)


def test_an_import_that_goes_on_counts_no_record_twice_and_knows_whose_books_are_taken(monkeypatch):
    monkeypatch.setattr(import_reading, "BATCH", 2)
    run(record("001 1", "003 LIB", "245 10$aHill"))
    file = [
        record("001 1", "003 LIB", "245 10$aHill"),
        record("001 2", "245 10$aDale"),
        record("001 1", "003 LIB", "245 10$aHill", "260 ##$c1977"),
        record("001 3"),
        record("001 4", "245 10$aWood"),
    ]
    data = b"".join(map(iso, file))

    def stop(run, results):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_books(marc_records(BytesIO(data)), file_name="x", by=None, copies=CopyOptions(), on_batch=stop)
    interrupted = ImportRun.objects.get(file_name="x")
    assert (interrupted.state, counts(interrupted), interrupted.reached) == ("running", (2, 1, 0, 1, 0), 2)
    go_on(interrupted, read_ahead(marc_records(BytesIO(data))), copies=CopyOptions())
    interrupted.refresh_from_db()
    assert (interrupted.state, counts(interrupted), interrupted.reached) == ("finished", (5, 3, 0, 1, 1), 5)
    assert list(Book.objects.order_by("pk").values_list("title", "year")) == [
        ("Hill", None), ("Dale", None), ("Hill", 1977), ("Wood", None)
    ]  # fmt: skip
    [shared] = interrupted.remarks.filter(is_refusal=False)
    assert (shared.record, shared.problem) == (3, "shared_control_number")


def test_a_name_that_is_deleted_while_the_import_knows_it_is_made_again(monkeypatch):
    monkeypatch.setattr(import_reading, "BATCH", 1)
    records = [record(f"001 {number}", f"245 10$aBook {number}", "655 #7$aNovel") for number in (1, 2, 3)]

    def delete_it(run, results):
        if run.read == 1:
            Book.objects.all().delete()
            Genre.objects.all().delete()

    arrivals = marc_records(BytesIO(b"".join(map(iso, records))))
    done = import_books(arrivals, file_name="x", by=None, copies=CopyOptions(), on_batch=delete_it)
    assert counts(done) == (3, 3, 0, 0, 0)
    assert [genre.books.count() for genre in Genre.objects.all()] == [2]


def test_the_number_of_queries_does_not_grow_with_the_batch(django_assert_max_num_queries):
    records = [
        changed(
            ONEGIN, f"001 {number}", f"245 10$aBook {number}", "952 ##$p" + str(number), without=("001", "245", "020")
        )
        for number in range(200)
    ]
    BranchFactory()
    ItemTypeFactory()
    with django_assert_max_num_queries(60):
        run(*records)
    assert Copy.objects.count() == 200


# --- Copies --------------------------------------------------------------------------------------------------------
def with_items(*items, number="1"):
    return changed(ONEGIN, f"001 {number}", *items, without=("001",))


def test_copies_come_in_with_their_book():
    branch, item_type = BranchFactory(code="main"), ItemTypeFactory(code="bk")
    done, results = run(with_items("952 ##$amain$i1001$o84 П91$p30001$yBK$g120"))
    copy = Copy.objects.get()
    assert (copy.barcode, copy.inventory_number, copy.shelf_mark, copy.price) == ("30001", "1001", "84 П91", 120)
    assert (copy.branch, copy.item_type, copy.status) == (branch, item_type, "available")
    assert (done.copies_created, results[1].copies_created, results[1].remarks) == (1, 1, [])


def test_a_missing_inventory_number_is_the_barcode_and_a_missing_barcode_is_generated():
    BranchFactory()
    ItemTypeFactory()
    run(with_items("952 ##$p30001", "952 ##$i1002"))
    assert Copy.objects.get(barcode="30001").inventory_number == "30001"
    generated = Copy.objects.get(inventory_number="1002").barcode
    assert len(generated) == 13
    assert generated.startswith("2")


def test_generated_numbers_are_never_those_of_another_copy():
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('catalog_copy_number', 41)")
    CopyFactory(inventory_number="0000042", barcode="x")
    CopyFactory(inventory_number="y", barcode="2000000000435")
    from catalog.copy_numbers import take

    assert [number.inventory_number for number in take(2)] == ["0000044", "0000045"]
    assert take(1)[0].barcode == "2000000000466"


def test_a_barcode_of_another_book_is_reported_and_the_rest_goes_in():
    CopyFactory(barcode="ABC1", inventory_number="7")
    ItemTypeFactory()
    BranchFactory(code="main")
    _done, results = run(with_items("952 ##$amain$pabc1", "952 ##$amain$i7$pnew", "952 ##$amain$p30002"))
    assert results[1].remarks == [
        Remark(Problem.BARCODE_TAKEN, {"number": "abc1"}),
        Remark(Problem.INVENTORY_NUMBER_TAKEN, {"number": "7"}),
    ]
    assert [copy.barcode for copy in Book.objects.get(title="Евгений Онегин").copies.all()] == ["30002"]


def test_two_records_of_a_file_with_one_barcode():
    BranchFactory()
    ItemTypeFactory()
    hill = record("001 2", "245 10$aHill", "952 ##$p30001")
    done, results = run(with_items("952 ##$p30001"), hill)
    assert (done.created, done.copies_created) == (2, 1)
    assert results[2].remarks == [Remark(Problem.BARCODE_TAKEN, {"number": "30001"})]


def test_an_update_adds_new_copies_and_leaves_the_old_alone():
    BranchFactory()
    ItemTypeFactory()
    run(with_items("952 ##$p30001"))
    Copy.objects.update(shelf_mark="changed by hand", status=Copy.Status.DAMAGED)
    done, _ = run(with_items("952 ##$p30001", "952 ##$p30002"))
    assert (done.updated, done.copies_created) == (1, 1)
    old = Copy.objects.get(barcode="30001")
    assert (old.shelf_mark, old.status) == ("changed by hand", "damaged")


def test_unknown_branches_are_reported_and_their_copies_not_made():
    BranchFactory()
    BranchFactory()
    ItemTypeFactory()
    done, results = run(with_items("952 ##$aNOWHERE$p1", "952 ##$p2"))
    assert results[1].remarks == [Remark(Problem.UNKNOWN_BRANCH, {"branch": "NOWHERE"}), Remark(Problem.NO_BRANCH)]
    assert (done.created, done.copies_created) == (1, 0)


def test_the_chosen_branch_takes_copies_of_unknown_ones_and_says_so_once():
    branch = BranchFactory()
    BranchFactory()
    ItemTypeFactory()
    _done, results = run(
        with_items("952 ##$aNOWHERE$p1", "952 ##$p2"),
        record("001 2", "245 10$aHill", "952 ##$aNOWHERE$p3"),
        options=CopyOptions(branch=branch),
    )
    assert results[1].remarks == [Remark(Problem.BRANCH_REPLACED, {"branch": "NOWHERE"})]
    assert results[2].remarks == []
    assert branch.copies.count() == 3


def test_branches_are_known_by_code_by_name_and_by_the_operators_map():
    one, two, three = BranchFactory(code="one"), BranchFactory(name="2 филиал"), BranchFactory(code="three")
    ItemTypeFactory()
    run(
        with_items("952 ##$aONE$p1", "952 ##$a2 ФИЛИАЛ$p2", "952 ##$aЦБС, 3 фил$p3"),
        options=CopyOptions(branch_codes={"ЦБС, 3 фил": "three"}),
    )
    assert [branch.copies.count() for branch in (one, two, three)] == [1, 1, 1]


def test_unknown_branches_are_made_when_asked():
    BranchFactory()
    BranchFactory()
    ItemTypeFactory()
    run(with_items("952 ##$aДетский отдел$p1", "952 ##$aMAIN$p2"), options=CopyOptions(creates_branches=True))
    assert {copy.branch.name for copy in Copy.objects.all()} == {"Детский отдел", "MAIN"}


def test_books_without_copies_in_their_record_get_as_many_as_asked_once():
    BranchFactory()
    ItemTypeFactory()
    options = CopyOptions(copies_per_book=2)
    lined = changed(ONEGIN, "084 ##$a84(2)$2rubbk")
    done, _ = run(lined, options=options)
    assert done.copies_created == 2
    assert {copy.shelf_mark for copy in Copy.objects.all()} == {"84(2)"}
    assert run(lined, options=options)[0].copies_created == 0


def test_copies_are_passed_over_when_not_wanted():
    done, results = run(with_items("952 ##$p1"), options=CopyOptions(is_wanted=False))
    assert (done.created, done.copies_created, results[1].remarks) == (1, 0, [])


def test_the_copies_numbers_find_the_book():
    BranchFactory()
    ItemTypeFactory()
    run(with_items("952 ##$p30001"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_searchentry WHERE words @@ '30001'::tsquery")
        assert cursor.fetchone() == (1,)


def test_unlent_and_edited_books_keep_their_id():
    book = BookFactory()
    run(ONEGIN)
    assert Book.objects.filter(pk=book.pk).exists()


# --- Several at once -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_concurrent_imports_of_one_file_do_not_double():
    records = [
        record(f"001 {number}", f"100 1#$aAuthor {number % 7}", f"245 10$aBook {number}", f"260 ##$bHouse {number % 3}")
        for number in range(60)
    ]
    data = b"".join(map(iso, records))
    runs, errors = [], []

    def work():
        try:
            runs.append(import_books(marc_records(BytesIO(data)), file_name="x", by=None, copies=CopyOptions()))
        except Exception as error:  # noqa: BLE001 - whatever happens in a thread must fail the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert Book.objects.count() == SourceRecord.objects.count() == 60
    assert (Author.objects.count(), Publisher.objects.count()) == (7, 3)
    assert sum(run.created for run in runs) == 60
    assert sum(run.unchanged for run in runs) == 180
