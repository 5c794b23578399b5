"""What the fields of MARC21, UNIMARC and RUSMARC mean for a book."""

from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings

from catalog.bookdata import DESCRIBING, CopyData, Person
from catalog.marc.mapping import Understood, detected_format, understand
from catalog.marc.mapping_page import TABLES, page
from catalog.marc.rows import said
from catalog.models import Contribution, Copy, MaterialType
from catalog.problems import Problem, Remark
from catalog.tests.marc_for_tests import record

Role = Contribution.Role
FIXED = "008 850221c19851961nyua   j      000 0 eng"


def book(*lines, leader="00000nam a2200000 i 4500"):
    understood = understand(record(*lines, leader=leader))
    assert isinstance(understood, Understood), understood
    return understood.book


def test_a_whole_marc21_record():
    described = book(
        "001 991227840000541",
        FIXED,
        "020 ##$a0201093871 :$c$9.95",
        "020 ##$a0060230754 (lib. bdg.) :$c$9.89",
        "082 0#$a395/.122$219",
        "100 1#$aJoslin, Sesyle.",
        "245 10$aWhat do you do, dear? /$cby Sesyle Joslin ; pictures by Maurice Sendak.",
        "250 ##$a2nd ed.",
        "260 ##$aNew York :$bHarper & Row,$c[1985?] c1961.",
        "300 ##$a[46] p. :$bcol. ill. ;$c23 x 18 cm.",
        "490 1#$aA Harper Trophy Book ;$v7",
        "520 ##$aMore advice on proper behavior in a variety of social situations.",
        "650 #0$aEtiquette for children and teenagers.",
        "650 #1$aEtiquette$zUnited States$vJuvenile literature.",
        "655 #7$aPicture books.$2lcgft",
        "700 1#$aSendak, Maurice,$d1928-2012.",
    )
    assert described.title == "What do you do, dear?"
    assert described.subtitle == ""
    assert described.people == (
        Person(name="Joslin, Sesyle", role=Role.AUTHOR),
        Person(name="Sendak, Maurice", dates="1928-2012", role=Role.ILLUSTRATOR),
    )
    assert described.isbns == ("9780201093872", "9780060230753")
    assert (described.year, described.year_note) == (1985, "[1985?] c1961")
    assert (described.place, described.publisher) == ("New York", "Harper & Row")
    assert (described.edition, described.pages, described.language) == ("2nd ed.", "[46] p.", "eng")
    assert (described.series, described.series_number) == ("A Harper Trophy Book", "7")
    assert described.call_number == "395/.122"
    assert described.description == "More advice on proper behavior in a variety of social situations."
    assert described.subjects == ("Etiquette for children and teenagers", "Etiquette — United States")
    assert described.genres == ("Picture books", "Juvenile literature")
    assert described.material_type == MaterialType.BOOK


@pytest.mark.parametrize(
    ("field", "person"),
    [
        ("100 0#$aНиколай$bII,$cимператор", Person(name="Николай II, император", role=Role.AUTHOR)),
        ("700 1#$aKing, Martin Luther,$cJr.,$d1929-1968,$eauthor.",
         Person(name="King, Martin Luther, Jr", dates="1929-1968", role=Role.AUTHOR)),
        ("700 1#$aМаршак, С. Я.$4trl", Person(name="Маршак, С. Я.", role=Role.TRANSLATOR)),
        ("700 1#$aSomebody, Else$eformer owner.", Person(name="Somebody, Else", role=Role.OTHER)),
        ("110 1#$aUnited States.$bCongress.$bHouse.", Person(name="United States. Congress. House", role=Role.BODY)),
        ("710 2#$aCEDA,$eissuing body.", Person(name="CEDA", role=Role.BODY)),
        ("111 2#$aPerl Conference 4.0$d(2000 :$cMonterey, Calif.)",
         Person(name="Perl Conference 4.0 (2000 : Monterey, Calif.)", role=Role.BODY)),
    ],
)  # fmt: skip
def test_people_and_bodies_of_marc21(field, person):
    assert book("245 10$aTitle", field).people == (person,)


def test_one_person_with_two_roles():
    described = book("245 10$aTitle", "100 1#$aFoo, Bar,$eauthor,$eillustrator.")
    assert [person.role for person in described.people] == [Role.AUTHOR, Role.ILLUSTRATOR]


@pytest.mark.parametrize(
    ("field", "title", "subtitle", "others"),
    [
        ("245 14$aThe town scold /$cby J.", "The town scold", "", ()),
        ("245 00$aBook.$nPart 2,$pThe end :$ba tale", "Book. Part 2, The end", "a tale", ()),
        ("245 10$kPapers.", "Papers", "", ()),
        ("245 10$aЗолото =$bGold /$cX", "Золото", "", ("Gold",)),
        ("245 10$aЗолото :$bсб. = Gold : coll.", "Золото", "сб.", ("Gold : coll",)),
    ],
)
def test_titles_of_marc21(field, title, subtitle, others):
    described = book(field)
    assert (described.title, described.subtitle, described.other_titles) == (title, subtitle, others)


def test_varying_titles_are_kept_once_each():
    described = book("245 10$aDune", "246 3#$aDüne", "246 3#$aDune", "240 10$aDune.$lGerman")
    assert described.other_titles == ("Düne",)


def test_cyrillic_twins_take_the_place_of_romanised_fields():
    described = book(
        "100 1#$6880-01$aTolstoĭ, Lev,$d1828-1910.",
        "245 10$6880-02$aVoĭna i mir /$cL. Tolstoĭ.",
        "880 1#$6100-01/(N$aТолстой, Лев,$d1828-1910.",
        "880 10$6245-02/(N$aВойна и мир /$cЛ. Толстой.",
    )
    assert described.title == "Война и мир"
    assert described.other_titles == ("Voĭna i mir",)
    assert described.people == (Person(name="Толстой, Лев", dates="1828-1910"),)


def test_titles_in_other_scripts_are_found_beside_the_romanised():
    described = book("245 10$6880-02$aAnarkhizm", "880 10$6245-02/(2/r$aאנרכיזם :$bבין מרטין")
    assert described.title == "Anarkhizm"
    assert described.other_titles == ("אנרכיזם : בין מרטין",)


@pytest.mark.parametrize(
    ("leader", "fields", "material"),
    [
        ("00000nam a2200000", (), MaterialType.BOOK),
        ("00000nas a2200000", (), MaterialType.JOURNAL),
        ("00000naa a2200000", (), MaterialType.ARTICLE),
        ("00000ncm a2200000", (), MaterialType.MUSIC),
        ("00000nem a2200000", (), MaterialType.MAP),
        ("00000njm a2200000", (), MaterialType.AUDIO),
        ("00000ngm a2200000", (), MaterialType.VIDEO),
        ("00000nkm a2200000", (), MaterialType.IMAGE),
        ("00000nrm a2200000", (), MaterialType.GAME),
        ("00000ntm a2200000", (), MaterialType.MANUSCRIPT),
        ("00000nam a2200000", ("007 cr cn|",), MaterialType.ELECTRONIC),
        ("00000nam a2200000", ("008 041013s2004    ne a    ob    001 0 eng d",), MaterialType.ELECTRONIC),
    ],
)
def test_materials_of_marc21(leader, fields, material):
    assert book("245 10$aTitle", *fields, leader=f"{leader} i 4500").material_type == material


def test_items_of_koha():
    described = book(
        "245 10$aTitle",
        "952 ##$aMAIN$bMAIN$d2020-05-17$g350.00$i1001$o84 Т53$p30000001$yBK$zcover torn",
        "952 ##$aMAIN$p30000002$41",
        "952 ##$aMAIN$p30000003$71",
        "952 ##$aANL",
    )
    assert described.copies == (
        CopyData(
            barcode="30000001",
            inventory_number="1001",
            branch="MAIN",
            item_type="BK",
            shelf_mark="84 Т53",
            price=Decimal("350.00"),
            acquired_on=date(2020, 5, 17),
            note="cover torn",
        ),
        CopyData(barcode="30000002", branch="MAIN", status=Copy.Status.DAMAGED),
        CopyData(barcode="30000003", branch="MAIN", is_reference_only=True),
    )


def test_items_of_sirsi_and_follett():
    described = book(
        "245 10$aTitle",
        "949 ##$aDC 165 S4$wLC$i30007006084783$rY$tBOOKS$lDESM$mDESMARAIS",
        "852 ##$935$aAdult Non Fiction$bMFF$hB Macl$iMAC$p13397032217",
        "852 ##$aMiU$bBUHR$h842 S4817hi",
    )
    assert described.copies == (
        CopyData(barcode="30007006084783", branch="DESMARAIS", item_type="BOOKS", shelf_mark="DC 165 S4"),
        CopyData(barcode="13397032217", branch="MFF", shelf_mark="B Macl MAC", price=Decimal("35.00")),
    )


GENERAL = "100 ##$a20071030d2007    |||y0rusy0179    ca"


def test_a_whole_rusmarc_record_with_its_copies():
    described = book(
        r"001 RU\OEL_MUBIS\liberkoi\0050092",
        "010 ##$a5-222-00034-6$dр. 50.00",
        "100 ##$a20071030d1998    |||y0rusy0179    ca",
        "101 0#$arus",
        '200 1#$aЦесаревич Алексей$e"Почему я не могу быть таким..."$fХереш Э.$gпер. с нем. И. Ивановой',
        "205 ##$a2-е изд.",
        "210 ##$aРостов-н/Д.$cФеникс$d1998",
        "215 ##$a413 с.$cил.",
        "225 1#$aИсторические силуэты$vвып. 3",
        "606 0#$aРоссия$xИстория$z1917$jБиографии",
        "610 0#$aИстория России$aРомановы",
        "686 ##$a63.3(2)535$2rubbk",
        "700 #1$aХереш$bЭ.$gЭлизабет$f1945-",
        "702 #1$aИванова$bИ.",
        "995 ##$aЦБС, 1 фил$bКнига$j2007-103/1$l63.3(2)535 Х39$f0130819001$k130819001-1 фил",
        leader="00000nam0 2200205 i 450 ",
    )
    assert described.title == "Цесаревич Алексей"
    assert described.subtitle == '"Почему я не могу быть таким..."'
    assert described.people == (
        Person(name="Хереш, Элизабет", dates="1945-", role=Role.AUTHOR),
        Person(name="Иванова, И.", role=Role.TRANSLATOR),
    )
    assert described.isbns == ("9785222000342",)
    assert (described.year, described.place, described.publisher) == (1998, "Ростов-н/Д", "Феникс")
    assert (described.edition, described.pages, described.language) == ("2-е изд.", "413 с.", "rus")
    assert (described.series, described.series_number) == ("Исторические силуэты", "вып. 3")
    assert described.genres == ("Биографии",)
    assert described.subjects == ("Россия — История — 1917", "История России", "Романовы")
    assert described.call_number == "63.3(2)535 Х39"
    assert described.copies == (
        CopyData(
            barcode="0130819001",
            inventory_number="130819001-1 фил",
            branch="ЦБС, 1 фил",
            item_type="Книга",
            shelf_mark="63.3(2)535 Х39",
            price=Decimal("50.00"),
        ),
    )


@pytest.mark.parametrize(
    ("lines", "title", "volume", "series", "number"),
    [
        (
            ("200 0#$aВып. 13.", r"461 #0$1001RU\NLR\bibl\5996$12001 $aЗадачи и этюды$vВып. 13"),
            "Задачи и этюды",
            "Вып. 13",
            "Задачи и этюды",
            "Вып. 13",
        ),
        (
            ("200 1#$aКонармия", "461 #0$12001 $aСобрание сочинений$vТ. 2"),
            "Конармия",
            "Т. 2",
            "Собрание сочинений",
            "Т. 2",
        ),
        (
            ("200 1#$aКн. 2", "461 #0$tДетская энциклопедия$v2"),
            "Детская энциклопедия",
            "Кн. 2",
            "Детская энциклопедия",
            "2",
        ),
        (("200 1#$aТитул$hЧ. 1$iНачало",), "Титул. Ч. 1, Начало", "", "", ""),
        (("200 1#$aРассказы$aПовести",), "Рассказы ; Повести", "", "", ""),
    ],
)
def test_parts_are_named_after_their_whole(lines, title, volume, series, number):
    described = book(GENERAL, *lines)
    assert (described.title, described.volume) == (title, volume)
    assert (described.series, described.series_number) == (series, number)


def test_titles_of_originals_and_parallel_titles_are_found():
    described = book(
        "101 1#$aita",
        "200 1#$aL'altra faccia della spirale$dThe other side",
        "454 #0$1001X$12001 $aSecond foundation.$1700 1$aAsimov",
        leader="00000nam0 2200721 i 450 ",
    )
    assert described.other_titles == ("The other side", "Second foundation")


def test_non_sorting_marks_are_left_out():
    assert book("200 1#$a\x88The \x89Hobbit").title == "The Hobbit"
    assert book("245 04$a\x98The \x9cHobbit").title == "The Hobbit"


def test_an_article_names_its_journal():
    described = book(
        "200 1#$aО времени",
        "463 #0$12001 $aВопросы философии$1210 ##$d2003$1215 ##$aС. 3-10$12000 $v№ 5",
        leader="00000naa2 2200721 i 450 ",
    )
    assert described.material_type == MaterialType.ARTICLE
    assert described.description == "// Вопросы философии. — 2003. — № 5. — С. 3-10"


def test_locations_without_a_number_are_no_copies():
    described = book(GENERAL, "200 1#$aТитул", "899 ##$aNLR$j97-4/119", "899 ##$aNLR$j2002-6/1328$p377445")
    assert described.copies == (
        CopyData(barcode="377445", inventory_number="377445", branch="NLR", shelf_mark="2002-6/1328"),
    )


def test_items_of_irbis():
    described = book(GENERAL, "200 1#$aТитул", "910 ##$a0$b12345$c20150301$dЧЗ$e250,50$h9000001")
    assert described.copies == (
        CopyData(
            barcode="9000001",
            inventory_number="12345",
            branch="ЧЗ",
            price=Decimal("250.50"),
            acquired_on=date(2015, 3, 1),
        ),
    )


def test_a_price_in_another_currency_is_no_price_here(settings):
    settings.LIBRARY_CURRENCY = "RUB"
    described = book(GENERAL, "200 1#$aТитул", "010 ##$a5-222-00034-6$d$9.95", "899 ##$aX$p1")
    assert described.copies[0].price is None


@pytest.mark.parametrize(
    ("lines", "format"),
    [
        (("245 10$aTitle",), "marc21"),
        (("200 1#$aTitle", "801 #0$aFR$bBNF"), "unimarc"),
        (("200 1#$aTitle", "801 #0$aRU$bNLR"), "rusmarc"),
        ((r"001 RU\NLR\bibl\1", "200 1#$aTitle"), "rusmarc"),
        (("200 1#$aTitle", "245 ##$aSupplement", GENERAL), "unimarc"),
        (("200 1#$alocal", "245 10$aTitle"), "marc21"),
        (("001 Никитенко", "003 2005"), "auto"),
    ],
)
def test_the_format_is_seen_from_the_record(lines, format):
    assert detected_format(record(*lines)) == format


def test_records_without_any_title_field_are_refused_unless_the_format_is_named():
    nothing = record("001 Никитенко", "003 2005")
    assert understand(nothing) == Remark(Problem.UNKNOWN_FORMAT)
    assert understand(nothing, "marc21") == Remark(Problem.NO_TITLE)


def test_authority_records_are_refused():
    authority = record("100 1#$aПушкин", "245 ##$ax", leader="00000nz  a2200000 i 4500")
    assert understand(authority) == Remark(Problem.NOT_BIBLIOGRAPHIC)


def test_a_book_without_title_gets_a_bracketed_one_while_anything_tells_it_apart():
    russian = understand(record("100 1#$aПушкин, А. С.", "245 10$c/", "041 ##$arus"))
    assert russian.book.title == "[Без заглавия]"
    assert russian.remarks == (Remark(Problem.TITLE_DEVISED, {"title": "[Без заглавия]"}),)
    english = understand(record("260 ##$bPenguin", FIXED, "245 10$h[map]"))
    assert english.book.title == "[Untitled]"


def test_keys_hold_the_agency_where_it_is_known():
    def key(*lines):
        understood = understand(record(*lines))
        return understood.key, understood.is_key_trusted

    assert key("001 123", "003 DLC", "245 10$aT") == ("DLC:123", True)
    assert key("001 123", "245 10$aT") == ("123", False)
    assert key("245 10$aT") == ("", False)
    assert key(r"001 RU\NLR\bibl\1", "200 1#$aT") == (r"RU\NLR\bibl\1", True)
    assert key("001 77", "200 1#$aT", "801 #0$aFR$bBNF") == ("BNF:77", True)


def test_false_isbns_are_remarked_upon():
    understood = understand(record("020 ##$a8901452100503", "245 10$aT"))
    assert understood.book.isbns == ()
    assert understood.remarks == (Remark(Problem.BAD_ISBN, {"value": "8901452100503"}),)


@pytest.mark.parametrize("format", TABLES)
def test_the_mapping_tables_say_what_is_read(format):
    """Every example, with a title where it has none, is read as the table says; no field of a book is missing."""
    for row in TABLES[format]:
        lines = row.example.splitlines()
        title = "245" if format == "marc21" else "200"
        if not any(line.startswith(title) for line in lines):
            lines.append(f"{title} 1#$aTitle")
        assert said(understand(record(*lines), format).book, row.what) == row.said, row
    assert {row.what for row in TABLES[format]} == {*DESCRIBING, "volume"}


def test_the_page_of_the_mapping_is_as_the_mapping_is():
    """Written by `manage.py show_marc_mapping > docs/marc-mapping.md`."""
    assert (settings.BASE_DIR / "docs" / "marc-mapping.md").read_text() == page()
