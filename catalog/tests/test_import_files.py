"""Every shared file of real records goes in; counts were verified by splitting the files independently.

For ISO 2709 the records are what stands between the terminators 0x1D, for XML the <record> elements, for CSV the rows;
the numbers of copies are the barcodes counted in the raw fields.
"""

import re
from decimal import Decimal
from io import BytesIO
from itertools import islice, zip_longest

import pytest

from catalog import tables
from catalog.exports import Schema
from catalog.exports import marc_records as marc_records_out
from catalog.import_copies import CopyOptions
from catalog.import_reading import marc_records
from catalog.imports import import_books
from catalog.marc import writing
from catalog.marc.reading import read
from catalog.models import Book, Copy, SourceRecord
from catalog.problems import Problem
from catalog.tests.data_for_tests import shared
from catalog.volumes import volumes_of
from policies.tests.factories import BranchFactory, ItemTypeFactory

pytestmark = pytest.mark.django_db

FILES = [
    # file, (read, created, updated, unchanged, rejected, copies) the first time
    ("marc/marc21_utf8.mrc", (5062, 5061, 0, 0, 1, 1352)),
    ("marc/unimarc_utf8.mrc", (723, 723, 0, 0, 0, 1681)),
    ("ru/stav6.mrc", (1197, 1197, 0, 0, 0, 3330)),
    ("ru/TEST1.ISO", (81, 81, 0, 0, 0, 92)),
    ("marc/encodings/1251.dat", (6, 6, 0, 0, 0, 0)),
    ("marc/encodings/245_no_ab.marc", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/batch.xml", (2, 2, 0, 0, 0, 0)),
    ("marc/encodings/cp866_unimarc.marc", (1, 0, 0, 0, 1, 0)),
    ("marc/encodings/date_with_u.marc", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/diacritic.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/emptyish_record.marc", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/hebrew880s.marc", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/marc8.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/marc8_accented_chars.marc", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/multi_isbn.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/one.xml", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/random_tag_order.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/test_data.utf8.marc.xml", (30, 30, 0, 0, 0, 0)),
    ("marc/encodings/testunimarc.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/encodings/utf8_without_leader_flag.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/broken/000-line-seperated.mrc", (20, 20, 0, 0, 0, 0)),
    ("marc/broken/bad_marc8_escape.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/broken/bad_records.mrc", (8, 1, 0, 6, 1, 0)),
    ("marc/broken/bad_subfield_code.dat", (1, 1, 0, 0, 0, 0)),
    ("marc/broken/bad_tag.xml", (1, 1, 0, 0, 0, 0)),
    ("marc/broken/badldr.usmarc", (7, 6, 0, 0, 1, 6)),
    ("marc/broken/cameleof.usmarc", (10, 10, 0, 0, 0, 0)),
    ("marc/broken/cp866_multirecord.marc", (2, 0, 0, 0, 2, 0)),
    ("marc/broken/marc_with_bad_utf8.utf8.marc", (1, 1, 0, 0, 0, 0)),
    ("marc/broken/three-records-second-bad.xml", (3, 1, 0, 1, 1, 0)),
    ("marc/broken/utf8_invalid.mrc", (1, 1, 0, 0, 0, 0)),
    ("books/books.csv", (14172, 14172, 0, 0, 0, 0)),
    ("ru/sibgmu_name_book.csv", (3442, 1059, 0, 58, 2325, 0)),
]


AGAIN = 400
"""How many records of a file are imported a second time."""


def import_shared(name, *, most=None):
    """Import a shared file, or its first records, into a library with one branch; the run, the remarks by record."""
    path = shared(name)
    remarks = {}

    def note(run, results):
        for result in results:
            if result.remarks:
                remarks[result.number] = result.remarks

    with path.open("rb") as stream:
        arrivals = tables.books(tables.read(stream, name)) if name.endswith(".csv") else marc_records(stream)
        run = import_books(islice(arrivals, most), file_name=path.name, by=None, copies=CopyOptions(), on_batch=note)
    return run, remarks


def counts(run):
    return (run.read, run.created, run.updated, run.unchanged, run.rejected, run.copies_created)


@pytest.fixture
def library():
    """One branch and one item type."""
    BranchFactory()
    ItemTypeFactory()


def names(book):
    return [(part.author.name, part.author.dates, part.role) for part in book.contributions.select_related("author")]


def isbns(book):
    return [isbn.value for isbn in book.isbns.all()]


def check_stavropol_in_cp866_with_its_copies(remarks):
    book = Book.objects.get(source__key=r"RU\OEL_MUBIS\liberkoi\0050092")
    assert (book.title, book.subtitle) == (
        "Цесаревич Алексей",
        '"Почему я не могу быть таким, как другие дети..."',
    )
    assert names(book) == [("Хереш, Э.", "", "author")]
    assert isbns(book) == ["9785222000342"]
    assert (book.year, book.place, book.publisher.name, book.pages) == (1998, "Ростов-н/Д", "Феникс", "413 с.")
    assert (book.series.name, book.language) == ("Исторические силуэты", "rus")
    assert [subject.name for subject in book.subjects.all()] == ["История России"]
    copy = book.copies.get()
    assert (copy.barcode, copy.inventory_number) == ("0130819001", "130819001-1 фил")
    assert (copy.shelf_mark, copy.price) == ("63.3(2)535 Х39", Decimal("50.00"))
    two = Book.objects.get(source__key=r"RU\OEL_MUBIS\liberkoi\0050199")
    assert two.title == "Особые полномочия"
    assert [copy.barcode for copy in two.copies.all()] == ["0039015001", "0039015002"]
    assert {copy.shelf_mark for copy in two.copies.all()} == {"66.61(2)8 Б26"}
    helper = Book.objects.get(source__key=r"RU\OEL_MUBIS\liberkoi\0051651")
    assert names(helper) == [("Тюняев, А. А.", "", "author"), ("Волошина, Е.", "", "other")]


def test_stavropol_branches_are_made_when_asked(library):
    with shared("ru/stav6.mrc").open("rb") as stream:
        import_books(marc_records(stream), file_name="stav6", by=None, copies=CopyOptions(creates_branches=True))
    copy = Copy.objects.get(barcode="0130819001")
    assert copy.branch.name == "Ставропольская ЦБС , 1 фил"
    nowhere = Copy.objects.exclude(branch__name__startswith="Ставропольская ЦБС")
    assert [copy.barcode for copy in nowhere] == ["0131450015"]
    assert Copy.objects.get(barcode="0001642005").branch.name == "Ставропольская ЦБС , 13 фил"


def check_national_library_of_russia_in_cp1251_with_linked_fields(remarks):
    part = Book.objects.get(source__key=r"RU\NLR\bibl\3415")
    assert (part.title, part.volume, part.series.name) == ("Задачи и этюды", "Вып. 13", "Задачи и этюды")
    assert (part.year, part.pages, isbns(part)) == (1997, "80 с.", ["9785744300432"])
    assert not part.copies.exists()
    whole = Book.objects.get(source__key=r"RU\NLR\bibl\5996")
    assert (whole.title, whole.subtitle, whole.year) == ("Задачи и этюды", "Сб.", 1997)
    assert names(whole) == [("Барсуков, В. Н.", "", "editor")]
    assert part.parent == whole
    assert [volume.volume for volume in volumes_of(whole)][:3] == ["Вып. 9", "Вып. 13", "Вып. 14"]
    assert Book.objects.exclude(parent=None).count() == 39
    assert [genre.name for genre in whole.genres.all()] == ["Сборники"]
    names_of_names = Book.objects.get(source__key=r"RU\NLR\bibl\344872")
    assert names_of_names.title == "Имя, характер, судьба"
    assert [copy.barcode for copy in names_of_names.copies.all()] == ["384603", "384604"]
    assert names_of_names.call_number == "88.37"
    gold = Book.objects.get(source__key=r"RU\NLR\bibl\340009")
    assert gold.other_titles == "Natalka gold lode deposit"
    assert names(gold)[0] == ("Гончаров, Владислав Иванович", "", "author")


def check_marc21_of_other_libraries(remarks):
    austen = Book.objects.get(source__key="UkOxU:UkOxUb11450910")
    assert (austen.title, names(austen)) == ("Pride and prejudice", [("Austen, Jane", "1775-1817", "author")])
    assert (austen.year, austen.place, austen.publisher.name) == (1994, "Oxford", "Heinemann Educational")
    assert (isbns(austen), austen.copies.get().barcode) == (["9780435126070"], "502812628")
    assert remarks[91][-1].problem == Problem.NO_TITLE
    assert remarks[4645][0].problem == Problem.DIRECTORY_REPAIRED
    joslin = Book.objects.get(source__key="991227840000541")
    assert (joslin.title, joslin.year) == ("What do you do, dear?", 1985)
    assert names(joslin) == [("Joslin, Sesyle", "", "author"), ("Sendak, Maurice", "", "illustrator")]
    shared_numbers = [
        number
        for number, noted in remarks.items()
        if any(remark.problem == Problem.SHARED_CONTROL_NUMBER for remark in noted)
    ]
    assert len(shared_numbers) == 98
    assert Book.objects.filter(source__key="366832").count() == 43


def test_cp1251_behind_a_blank_leader(library):
    import_shared("marc/encodings/1251.dat")
    book = Book.objects.get(source__key="RU-RKP:ru03-000001RKP")
    assert book.title == "Основы гидравлического расчета инженерных сетей"
    assert names(book) == [("Ильина, Татьяна Николаевна", "", "author")]
    assert (book.year, book.place, book.call_number) == (2005, "М.", "38.1я73")
    assert isbns(book) == ["9785930933420"]


@pytest.mark.parametrize(
    ("name", "title", "people"),
    [
        ("marc8.dat", "Escape from loneliness", [("Tournier, Paul", "", "author")]),
        ("utf8_without_leader_flag.dat", "Escape from loneliness", [("Tournier, Paul", "", "author")]),
        ("marc8_accented_chars.marc", 'Histoire du "nouveau théâtre."', [("Serreau, Geneviève", "", "author")]),
        ("245_no_ab.marc", "Papers", [("Longcope, Warfield T.", "1877-1953", "author")]),
        ("multi_isbn.dat", "The town scold", [("Johnson, Judith Emlyn", "", "author")]),
        ("hebrew880s.marc", 'Anarkhizm be-"Tsiyon"', [("Ratsabi, Shalom", "", "author")]),
        ("random_tag_order.dat", "Blonde on blonde", [("Dylan, Bob", "1941-", "artist")]),
        ("one.xml", "The Texas ranger", None),
    ],
)
def test_single_records(library, name, title, people):
    import_shared(f"marc/encodings/{name}")
    book = Book.objects.get()
    assert book.title == title
    if people is not None:
        assert names(book) == people


def test_an_original_title_out_of_marc8(library):
    import_shared("marc/encodings/marc8.dat")
    assert Book.objects.get().other_titles.split("\n") == ["De la solitude à la communauté"]


def test_several_isbns_with_qualifiers(library):
    import_shared("marc/encodings/multi_isbn.dat")
    assert isbns(Book.objects.get()) == ["9780914378280", "9780914378297", "9780914378266"]


def test_an_unsure_year(library):
    import_shared("marc/encodings/date_with_u.marc")
    book = Book.objects.get()
    assert (book.title, book.year, book.year_note) == ("The educational circular", None, "184-")
    assert (book.material_type, book.sort_title) == ("journal", "educational circular")


def test_hebrew_beside_its_romanisation(library):
    import_shared("marc/encodings/hebrew880s.marc")
    book = Book.objects.get()
    assert book.subtitle == "ben Marṭin Buber le-Aharon Daṿid Gordon"
    assert "אנרכיזם ב״ציון״ : בין מרטין בובר לאהרן דוד גורדון" in book.other_titles.split("\n")
    assert (book.place, book.year) == ("Tel Aviv", 2011)


def test_an_italian_unimarc_record(library):
    import_shared("marc/encodings/testunimarc.dat")
    book = Book.objects.get()
    assert (book.title, book.year, book.publisher.name) == ("L'altra faccia della spirale", 1996, "A. Mondadori")
    assert book.other_titles == "Second foundation"
    assert names(book) == [
        ("Asimov, Isaac", "", "author"),
        ("Fruttero, Carlo", "", "foreword"),
        ("Lucentini, Franco", "", "foreword"),
        ("Scaglia, Cesare", "", "translator"),
    ]
    assert (book.series.name, book.series_number) == ("Bestsellers", "641")


def test_broken_files_say_what_is_wrong(library):
    _, remarks = import_shared("marc/broken/bad_records.mrc")
    assert remarks[7][0].problem == Problem.NO_FIELDS
    assert Book.objects.get().title == "The pragmatic programmer"
    _, remarks = import_shared("marc/broken/badldr.usmarc")
    assert remarks[7][0].problem == Problem.CUT_OFF
    _, remarks = import_shared("marc/broken/three-records-second-bad.xml")
    assert remarks[2][0].problem == Problem.BAD_XML
    _, remarks = import_shared("marc/broken/cp866_multirecord.marc")
    assert [noted[-1].problem for noted in remarks.values()] == [Problem.UNKNOWN_FORMAT] * 2
    _, remarks = import_shared("marc/broken/bad_subfield_code.dat")
    assert Problem.SUBFIELD_CODE_REPAIRED in [remark.problem for remark in remarks[1]]
    assert Book.objects.filter(title="ActivePerl with ASP and ADO").exists()


def test_a_record_whose_directory_counts_letters(library):
    import_shared("marc/broken/marc_with_bad_utf8.utf8.marc")
    book = Book.objects.get()
    assert (book.title, book.year) == ("Ten years at NIH", 1996)
    assert ("Grady, Patricia Anne", "1943-", "author") in names(book)


def test_follett_copies_with_their_price(library):
    import_shared("marc/broken/badldr.usmarc")
    copy = Copy.objects.get(barcode="13397032480")
    assert (copy.book.title, copy.price, copy.shelf_mark) == ("Flying leathernecks", Decimal("9.95"), "VID 990 FLY")


def check_goodreads_table(remarks):
    games = Book.objects.get(isbns__value="9780439023481")
    assert (games.title, games.series.name, games.series_number) == ("The Hunger Games", "The Hunger Games", "1")
    assert (games.year, games.language, names(games)) == (2008, "eng", [("Collins, Suzanne", "", "author")])
    potter = Book.objects.get(isbns__value="9780439554930")
    assert names(potter) == [("Rowling, J. K.", "", "author"), ("GrandPré, Mary", "", "author")]
    mended = Book.objects.get(isbns__value="9781517165734")
    assert "Nouvelle Calédonie" in mended.title
    assert sum(any(r.problem == Problem.TEXT_REPAIRED for r in noted) for noted in remarks.values()) == 61


def check_descriptions_of_a_medical_university(remarks):
    book = Book.objects.get(source__key="table:616-056/Б866-172488")
    assert book.title == "Клиническая генетика"
    assert names(book) == [
        ("Бочков, Николай Павлович", "", "author"),
        ("Иванов, В. И.", "", "other"),
        ("Пузырев, В. П.", "", "other"),
    ]
    assert (book.year, book.pages, book.call_number) == (2004, "480 с.", "616-056/Б866")
    assert remarks[8][0].problem == Problem.NO_TITLE


CHECKS = {
    "ru/stav6.mrc": check_stavropol_in_cp866_with_its_copies,
    "ru/TEST1.ISO": check_national_library_of_russia_in_cp1251_with_linked_fields,
    "marc/marc21_utf8.mrc": check_marc21_of_other_libraries,
    "books/books.csv": check_goodreads_table,
    "ru/sibgmu_name_book.csv": check_descriptions_of_a_medical_university,
}
"""What was read in the files by eye, and must be found in the catalogue."""


def check_goes_out_as_it_came_in(name):
    """Every record that was accepted, exported in both containers, is the same field by field, in the same order."""
    with shared(name).open("rb") as stream:
        came = {piece.record.digest(): piece.record.fields for piece in read(stream) if piece.record}
    for schema, formats in ((Schema.MARC21, ["marc21"]), (Schema.RUSMARC, ["unimarc", "rusmarc"])):
        ids = list(Book.objects.filter(source__format__in=formats).values_list("pk", flat=True))
        if not ids:
            continue
        sources = dict(SourceRecord.objects.values_list("book", "digest"))
        pairs = [(record, came[sources[book.pk]]) for book, record in marc_records_out(ids, schema)]
        assert len(pairs) == len(ids)
        assert first_different((record.fields, fields) for record, fields in pairs) == []
        records = [record for record, _fields in pairs]
        iso = b"".join(map(writing.iso2709, records))
        again = [piece.record.fields for piece in read(BytesIO(iso))]
        assert first_different(zip_longest(again, (record.fields for record in records))) == []
        document = "".join(writing.marcxml(records, unimarc=schema == Schema.RUSMARC)).encode()
        again = (piece.record.fields for piece in read(BytesIO(document)))
        pairs = zip_longest(again, (record.fields for record in records), fillvalue=())
        assert first_different((ours, without_controls(came)) for ours, came in pairs if ours != came) == []


def first_different(pairs):
    """The first five records that differ, field by field: two whole files are too long to compare in a message."""
    different = ((out or (), came or ()) for out, came in pairs if out != came)
    return [
        [(ours, theirs) for ours, theirs in zip_longest(out, came) if ours != theirs]
        for out, came in islice(different, 5)
    ]


def without_controls(fields):
    """XML has no characters for what stands in a few damaged records; where places count, spaces stand for them."""
    return tuple(
        field._replace(
            data=CONTROLS.sub(" ", field.data),
            indicators=CONTROLS.sub(" ", field.indicators),
            subfields=tuple((code, CONTROLS.sub("", value)) for code, value in field.subfields),
        )
        for field in fields
    )


CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@pytest.mark.parametrize(("name", "expected"), FILES, ids=[name for name, _ in FILES])
def test_every_file_goes_in_and_a_second_time_changes_nothing(library, name, expected):
    run, remarks = import_shared(name)
    assert counts(run) == expected
    assert (Book.objects.count(), Copy.objects.count()) == (expected[1], expected[5])
    CHECKS.get(name, lambda remarks: None)(remarks)
    if not name.endswith(".csv"):
        check_goes_out_as_it_came_in(name)
    again, _ = import_shared(name, most=AGAIN)
    assert (again.read, again.created, again.updated, again.copies_created) == (min(expected[0], AGAIN), 0, 0, 0)
    assert again.unchanged + again.rejected == again.read
    assert again.rejected <= expected[4]
