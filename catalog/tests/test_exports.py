"""Books out again: what came in goes out, with what was edited since."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pytest
from django.core.management import CommandError, call_command

from catalog.bookdata import DESCRIBING, BookData, CopyData, Person
from catalog.exports import Schema, iso2709, marcxml
from catalog.exports import marc_records as marc_records_out
from catalog.import_copies import CopyOptions
from catalog.import_reading import marc_records
from catalog.imports import import_books
from catalog.marc import marc21_writing, unimarc_writing, writing
from catalog.marc.mapping import understand
from catalog.marc.reading import read
from catalog.marc.record import Record
from catalog.models import Book, Contribution, Copy, MaterialType
from catalog.search import index_books
from catalog.tests.data_for_tests import shared
from catalog.tests.factories import BookFactory, CopyFactory, PublisherFactory, SubjectFactory
from catalog.tests.marc_for_tests import iso, record
from catalog.tests.test_imports import ONEGIN
from policies.tests.factories import BranchFactory, ItemTypeFactory

NOW = datetime(2026, 3, 16, 9, 30, tzinfo=UTC)
WHOLE = BookData(
    title="Евгений Онегин",
    subtitle="роман в стихах",
    other_titles=("Eugene Onegin",),
    people=(
        Person(name="Пушкин, Александр Сергеевич", dates="1799-1837"),
        Person(name="Самокиш, Н. С.", role=Contribution.Role.ILLUSTRATOR),
        Person(name="Академия наук", role=Contribution.Role.BODY),
    ),
    isbns=("9785020138506", "9785222000342"),
    year=1977,
    year_note="[1977?]",
    place="М.",
    publisher="Наука",
    language="rus",
    edition="2-е изд.",
    pages="320 с.",
    series="Библиотека поэта",
    series_number="т. 3",
    call_number="84(2Рос=Рус)1",
    description="О любви.\n\nИ о дуэли.",
    material_type=MaterialType.BOOK,
    genres=("Роман в стихах",),
    subjects=("Поэзия — Россия — 19 в.", "Дуэли"),
    copies=(
        CopyData(
            barcode="30001",
            inventory_number="1001",
            branch="main",
            item_type="book",
            shelf_mark="84 П91",
            price=Decimal("120.50"),
            acquired_on=date(2020, 5, 17),
            note="автограф",
        ),
    ),
)


def again(raw: bytes) -> Record:
    [reading] = read(BytesIO(raw))
    assert reading.remarks == ()
    return reading.record


@pytest.mark.parametrize("rules", [marc21_writing, unimarc_writing])
def test_what_is_written_is_read_back_as_it_was(rules):
    written = rules.record(WHOLE, number="1", agency="RU-TEST", entered=NOW, changed=NOW)
    assert understand(again(writing.iso2709(written))).book == WHOLE


@pytest.mark.parametrize("rules", [marc21_writing, unimarc_writing])
@pytest.mark.parametrize("material", [value for value in MaterialType.values if value != "other"])
def test_every_material_is_written(rules, material):
    book = BookData(title="Титул", material_type=material)
    written = rules.record(book, number="1", agency="", entered=NOW, changed=NOW)
    assert understand(written).book.material_type == material


def test_fixed_fields_of_marc21():
    written = marc21_writing.record(WHOLE, number="1", agency="RU-TEST", entered=NOW, changed=NOW)
    assert written.control("003") == "RU-TEST"
    assert written.control("005") == "20260316093000.0"
    assert written.control("008") == "260316s1977    xx                  rus d"
    assert written.leader == "00000nam a2200000 c 4500"


def test_general_data_of_rusmarc():
    written = unimarc_writing.record(WHOLE, number="1", agency="TEST", entered=NOW, changed=NOW)
    assert written.first("100", "a") == "20260316d1977    |||y0rusy50      ca"
    assert len(written.first("100", "a")) == 36
    assert written.first("010", "a") == "978-5-02-013850-6"
    assert [field.subfields[0] for field in written.all("801")] == [("a", "RU")]


def test_iso_2709_to_the_byte():
    raw = writing.iso2709(record("001 1", "245 10$aЁж"))
    assert raw == (
        b"00061nam a2200049 i 4500" + b"001000200000" + b"245000900002" + b"\x1e" + b"1\x1e" + b"10\x1fa"
        + "Ёж".encode() + b"\x1e\x1d"
    )  # fmt: skip


def test_iso_2709_says_what_it_cannot_hold():
    with pytest.raises(writing.TooLong) as refusal:
        writing.iso2709(record("245 10$a" + "x" * 9996))
    assert (refusal.value.tag, refusal.value.size) == ("245", 10001)
    with pytest.raises(writing.TooLong) as refusal:
        writing.iso2709(record(*["500 ##$a" + "x" * 9000 for _ in range(12)]))
    assert refusal.value.size > 99_999


def test_xml_escapes_and_drops_what_xml_forbids():
    text = "".join(writing.marcxml([record("001 <1>", '245 10$aA & "B"\x07')]))
    [reading] = read(BytesIO(text.encode()))
    assert reading.record.control("001") == "<1>"
    assert reading.record.first("245", "a") == 'A & "B"'


@pytest.mark.parametrize(
    ("name", "schema", "unimarc"),
    [
        ("ru/TEST1.ISO", "marcxchange-1-1.xsd", True),
        ("marc/encodings/testunimarc.dat", "marcxchange-1-1.xsd", True),
        ("marc/encodings/test_data.utf8.marc.xml", "MARC21slim.xsd", False),
        ("marc/encodings/hebrew880s.marc", "MARC21slim.xsd", False),
        ("marc/broken/cameleof.usmarc", "MARC21slim.xsd", False),
    ],
)
def test_xml_is_valid_by_its_schema(name, schema, unimarc):
    etree = pytest.importorskip("lxml.etree")
    rules = etree.XMLSchema(etree.parse(str(shared(f"schemas/{schema}"))))
    with shared(name).open("rb") as stream:
        records = [reading.record for reading in read(stream) if reading.record]
    rules.assertValid(etree.fromstring("".join(writing.marcxml(records, unimarc=unimarc)).encode()))


def put_in(*records):
    import_books(marc_records(BytesIO(b"".join(map(iso, records)))), file_name="x", by=None, copies=CopyOptions())


def taken_out(schema=Schema.MARC21):
    too_long = []
    raw = b"".join(iso2709(list(Book.objects.order_by("pk").values_list("pk", flat=True)), schema, too_long))
    assert too_long == []
    return [reading.record for reading in read(BytesIO(raw))]


@pytest.mark.django_db
def test_an_unchanged_record_goes_out_as_it_came_in():
    put_in(ONEGIN)
    [out] = taken_out()
    assert out.fields == ONEGIN.fields
    put_in(out)
    assert Book.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("ru/TEST1.ISO", Schema.RUSMARC),
        ("marc/encodings/test_data.utf8.marc.xml", Schema.MARC21),
        ("marc/encodings/hebrew880s.marc", Schema.MARC21),
    ],
)
def test_real_records_go_round(name, schema):
    """What was exported is known again as the same; `test_import_files` compares every record field by field."""
    BranchFactory()
    ItemTypeFactory()
    with shared(name).open("rb") as stream:
        run = import_books(marc_records(stream), file_name=name, by=None, copies=CopyOptions())
    with shared(name).open("rb") as stream:
        originals = {piece.record.digest() for piece in read(stream) if piece.record}
    out = taken_out(schema)
    assert len(out) == run.created
    assert {record.digest() for record in out} <= originals
    xml = "".join(marcxml(list(Book.objects.values_list("pk", flat=True)), schema)).encode()
    assert {piece.record.digest() for piece in read(BytesIO(xml))} == {record.digest() for record in out}
    back = b"".join(writing.iso2709(record) for record in out)
    again_ = import_books(marc_records(BytesIO(back)), file_name=name, by=None, copies=CopyOptions())
    assert (again_.read, again_.unchanged) == (run.created, run.created)


@pytest.mark.django_db
def test_edits_are_merged_into_the_source():
    put_in(
        record(
            "001 1",
            "003 LIB",
            "008 850221s1985    nyua   j      000 0 eng",
            "100 1#$aJoslin, Sesyle.",
            "245 14$aThe dear /$cby Sesyle Joslin.",
            "260 ##$aNew York :$bHarper,$c1985.",
            "500 ##$aA note nobody edits.",
            "650 #0$aEtiquette$vJuvenile literature.",
        )
    )
    book = Book.objects.get()
    book.title, book.year, book.publisher = "A letter", 1986, PublisherFactory(name="Row")
    book.save()
    book.subjects.set([SubjectFactory(name="Manners")])
    book.genres.clear()
    [out] = taken_out()
    assert [field for field in out.fields if field.tag == "245"] == list(
        record("245 12$aA letter /$cby Sesyle Joslin.").fields
    )
    assert out.control("008")[6:15] == "s1986    "
    assert list(out.all("260")) == list(record("260 ##$aNew York :$bRow,$c1986.").fields)
    assert list(out.all("650")) == list(record("650 #4$aManners").fields)
    assert [field.tag for field in out.fields] == ["001", "003", "008", "100", "245", "260", "500", "650"]
    assert out.first("500", "a") == "A note nobody edits."
    assert out.first("100", "a") == "Joslin, Sesyle."


@pytest.mark.django_db
def test_the_linked_script_and_unmapped_subfields_outlive_edits():
    """The title in Cyrillic is what the catalogue shows: it is edited there; the ISBN keeps its price and binding."""
    put_in(
        record(
            "001 2",
            "020 ##$a5020138509$q(hbk.) :$c$5",
            "100 1#$6880-01$aPushkin, A. S.,$d1799-1837,$eauthor.$0(LC)n79",
            "245 10$6880-02$aEvgenii Onegin :$broman /$cA. S. Pushkin.",
            "490 1#$aPoems ;$v3$x1234-5678",
            "610 20$aLyceum.$0(LC)n80",
            "650 #7$aPoetry.$2fast",
            "700 1#$6880-03$aSamokish, N. S.,$eillustrator.",
            "880 1#$6100-01/(N$aПушкин, А. С.,$d1799-1837",
            "880 10$6245-02/(N$aЕвгений Онегин :$bроман /$cА. С. Пушкин.",
            "880 1#$6700-03/(N$aСамокиш, Н. С.,$eхудож.",
        )
    )
    book = Book.objects.get()
    assert book.title == "Евгений Онегин"
    book.title, book.series_number = "Онегин", "4"
    book.save()
    book.isbns.update(value="9785222000342")
    book.subjects.add(SubjectFactory(name="Россия"))
    book.contributions.filter(role="illustrator").delete()
    [out] = taken_out()
    assert list(out.fields) == list(
        record(
            "001 2",
            "020 ##$a9785222000342$q(hbk.) :$c$5",
            "100 1#$6880-01$aPushkin, A. S.,$d1799-1837,$eauthor.$0(LC)n79",
            "245 10$6880-02$aEvgenii Onegin :$broman /$cA. S. Pushkin.",
            "490 1#$aPoems ;$v4$x1234-5678",
            "610 20$aLyceum.$0(LC)n80",
            "650 #7$aPoetry.$2fast",
            "650 #4$aРоссия",
            "880 1#$6100-01/(N$aПушкин, А. С.,$d1799-1837",
            "880 10$6245-02/(N$aОнегин :$bроман /$cА. С. Пушкин.",
        ).fields
    )


@pytest.mark.django_db
def test_people_in_another_order_keep_their_subfields():
    put_in(record("001 3", "100 1#$aIlf, I.,$eauthor.$0(LC)1", "245 10$aChairs", "700 1#$aPetrov, E.,$eauthor.$0(LC)2"))
    first, second = Book.objects.get().contributions.order_by("position")
    first.position, second.position = 1, 0
    first.save()
    second.save()
    [out] = taken_out()
    assert list(out.fields[1:]) == list(
        record("100 1#$aPetrov, E.,$eauthor.$0(LC)2", "245 10$aChairs", "700 1#$aIlf, I.,$eauthor.$0(LC)1").fields
    )


@pytest.mark.django_db
@pytest.mark.parametrize("schema", [*Schema])
@pytest.mark.parametrize("name", [name for name in DESCRIBING if name not in ("material_type", "isbns", "people")])
def test_any_single_edit_is_read_back(schema, name):
    lines = {
        Schema.MARC21: (*ONEGIN.fields, *record("490 0#$aСочинения$vт. 5").fields),
        Schema.RUSMARC: record(
            r"001 RU\LIB\bibl\1",
            "010 ##$a5-02-013850-9",
            "100 ##$a20071030d1998    |||y0rusy0179    ca",
            "200 1#$aЕвгений Онегин$eроман",
            "461 #0$12001 $aСочинения$vТ. 5",
            "700 #1$aПушкин$bА. С.$f1799-1837",
        ).fields,
    }[schema]
    leader = "00000nam a2200000 i 4500" if schema == Schema.MARC21 else "00000nam0 2200000 i 450 "
    put_in(Record(leader, tuple(lines)))
    values = {
        "year": 1901,
        "year_note": "[1977?]",
        "language": "ukr",
        "other_titles": "Иное",
        "publisher": PublisherFactory(name="Иное"),
        "series": None,
    }
    book = Book.objects.get()
    if name in ("genres", "subjects"):
        getattr(book, name).set([SubjectFactory(name="Иное")] if name == "subjects" else [])
    else:
        setattr(book, name, values.get(name, "Иное"))
    book.save()
    [out] = taken_out(schema)
    said = understand(out).book
    wanted = {"subjects": ("Иное",), "genres": (), "publisher": "Иное", "other_titles": ("Иное",), "series": ""}
    assert getattr(said, name) == wanted.get(name, values.get(name, "Иное"))
    assert said.people == (Person(name="Пушкин, А. С.", dates="1799-1837"),)
    assert said.isbns == ("9785020138506",)


@pytest.mark.django_db
def test_copies_go_out_in_the_fields_that_they_came_from():
    branch = BranchFactory(code="main")
    ItemTypeFactory(code="book")
    lines = ["952 ##$amain$bmain$eGift$i1$p30001$yBOOK", "952 ##$a?$cCART$i2$p30002$g10.00$x", "952 ##$amain$p30003"]
    put_in(Record(ONEGIN.leader, (*ONEGIN.fields, *record(*lines).fields)))
    assert list(taken_out()[0].all("952")) == list(record(*lines).fields)
    CopyFactory(
        book=Book.objects.get(), barcode="30009", inventory_number="9", branch=branch, shelf_mark="84", price=None,
        acquired_on=None, note="",
    )  # fmt: skip
    Copy.objects.filter(barcode="30001").update(status=Copy.Status.LOST, note="autograph")
    Copy.objects.filter(barcode="30002").update(price=Decimal("12.50"))
    Copy.objects.filter(barcode="30003").delete()
    [out] = taken_out()
    kind = Copy.objects.get(barcode="30009").item_type.code
    assert list(out.all("952")) == list(
        record(
            "952 ##$11$amain$bmain$eGift$i1$p30001$yBOOK$zautograph",
            "952 ##$a?$cCART$i2$p30002$g12.50$x",
            f"952 ##$amain$i9$o84$p30009$y{kind}",
        ).fields
    )


@pytest.mark.django_db
def test_copies_that_were_not_entered_stay_in_the_record():
    BookFactory(title="Другая")
    BranchFactory(code="main")
    ItemTypeFactory(code="book")
    CopyFactory(book=Book.objects.get(), barcode="30002", inventory_number="30002")
    lines = ["952 ##$amain$p30001", "952 ##$amain$p30002"]
    put_in(Record(ONEGIN.leader, (*ONEGIN.fields, *record(*lines).fields)))
    assert Copy.objects.count() == 2
    assert list(taken_out()[1].all("952")) == list(record(*lines).fields)


@pytest.mark.django_db
def test_a_field_of_rusmarc_with_several_copies():
    BranchFactory(code="main")
    ItemTypeFactory(code="book")
    line = "899 ##$aБиблиотека$bАбонемент$j84$p101$p102$xinv"
    leader = "00000nam0 2200000 i 450 "
    put_in(Record(leader, record(r"001 RU\LIB\1", "010 ##$dр. 165.00", "200 1#$aТитул", line).fields))
    assert list(Copy.objects.values_list("barcode", "price")) == [
        ("101", Decimal("165.00")),
        ("102", Decimal("165.00")),
    ]
    [out] = taken_out(Schema.RUSMARC)
    assert list(out.all("899")) == list(record(line).fields)
    Copy.objects.filter(barcode="102").delete()
    [out] = taken_out(Schema.RUSMARC)
    assert list(out.all("899")) == list(record("899 ##$aБиблиотека$bАбонемент$j84$p101$xinv").fields)


@pytest.mark.django_db
def test_a_book_entered_by_hand_is_known_again(settings):
    settings.LIBRARY_AGENCY = "77000012"
    book = BookFactory(title="Каштанка", authors=["Чехов, А. П."], isbns=["9785020138506"])
    for schema in Schema:
        [out] = taken_out(schema)
        assert str(book.uid) in out.control("001")
        put_in(out)
        assert Book.objects.count() == 1
    assert Book.objects.get().title == "Каштанка"


@pytest.mark.django_db
def test_a_rusmarc_record_goes_out_as_marc21_from_what_is_known():
    put_in(Record("00000nam0 2200000 i 450 ", record(r"001 RU\LIB\1", "200 1#$aТитул$eподзаголовок").fields))
    [out] = taken_out(Schema.MARC21)
    assert (out.first("245", "a"), out.first("245", "b")) == ("Титул", "подзаголовок")


@pytest.mark.django_db
def test_a_volume_goes_out_with_its_set():
    whole = BookFactory(title="Задачи и этюды")
    part = BookFactory(title="Задачи и этюды", volume="Вып. 13", parent=whole)
    own = BookFactory(title="Конармия", volume="Т. 2", parent=whole)
    for book, title in ((part, "Вып. 13"), (own, "Конармия")):
        ((_book, sent),) = marc_records_out([book.pk], Schema.RUSMARC)
        assert sent.first("200", "a") == title
        read_again = understand(sent).book
        assert (read_again.title, read_again.volume) == (book.title, book.volume)


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow_with_the_books(django_assert_max_num_queries):
    for number in range(30):
        CopyFactory(book=BookFactory(title=f"Книга {number}", authors=["Чехов, А. П."], genres=["рассказ"]))
    with django_assert_max_num_queries(12):
        assert len(taken_out()) == 30


# --- The command ---------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_command_writes_what_a_search_finds(tmp_path, capsys):
    books = [BookFactory(title="Каштанка"), BookFactory(title="Палата № 6")]
    index_books([book.pk for book in books])
    path = tmp_path / "out.mrc"
    call_command("export_marc", query="каштанка", output=path)
    assert [piece.record.first("245", "a") for piece in read(BytesIO(path.read_bytes()))] == ["Каштанка"]
    call_command("export_marc", ids=[str(books[1].uid)], format="marcxml", schema="rusmarc", output=path)
    text = path.read_text()
    assert "marcxchange" in text
    assert "Палата № 6" in text
    call_command("export_marc", all=True, output=path)
    assert len(list(read(BytesIO(path.read_bytes())))) == 2


@pytest.mark.django_db
def test_the_command_names_books_that_iso_2709_cannot_hold(tmp_path, capsys):
    BookFactory(title="Толстая", description="д" * 6000)
    BookFactory(title="Тонкая")
    path = tmp_path / "out.mrc"
    with pytest.raises(CommandError):
        call_command("export_marc", all=True, output=path)
    assert "Толстая" in capsys.readouterr().err
    assert len(list(read(BytesIO(path.read_bytes())))) == 1
    call_command("export_marc", all=True, format="marcxml", output=path)
    assert len(list(read(BytesIO(path.read_bytes())))) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("ids", [["0"], ["nonsense"], ["00000000-0000-4000-8000-000000000000"]])
def test_the_command_refuses_unknown_ids(tmp_path, ids):
    with pytest.raises(CommandError):
        call_command("export_marc", ids=ids, output=tmp_path / "x")
