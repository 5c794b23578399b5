"""Texts of records made tidy."""

from decimal import Decimal

import pytest

from catalog import cleaning, isbd, languages, names
from catalog.bookdata import Person
from catalog.marc import roles
from catalog.models import Contribution

Role = Contribution.Role


@pytest.mark.parametrize(
    ("given", "tidied"),
    [
        ("  Война   и\nмир ", "Война и мир"),
        ("\x98The \x9cHobbit", "The Hobbit"),
        ("\x88Der \x89Tod", "Der Tod"),
        ("abc\u202edef\u200f", "abcdef"),
        ("й".replace("й", "и\u0306"), "й"),
        ("کتاب\u200cها", "کتاب\u200cها"),
    ],
)
def test_tidy(given, tidied):
    assert cleaning.tidy(given) == tidied


@pytest.mark.parametrize(
    ("text", "odd"), [("a\x07b", True), ("\x88Der \x89Tod", False), ("שלום\u200f", False), ("a", False)]
)
def test_only_damage_is_worth_a_remark(text, odd):
    assert cleaning.has_odd_signs(text) is odd


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("Fallen hearts :", "Fallen hearts"),
        ("Папка /", "Папка"),
        ("Papers.", "Papers"),
        ("Hunt, Andrew,", "Hunt, Andrew"),
        ("Rowling, J. K.", "Rowling, J. K."),
        ("Ратнер, В. Н.", "Ратнер, В. Н."),
        ("NetLibrary, Inc.", "NetLibrary, Inc."),
        ("2-е изд., испр. и доп.", "2-е изд., испр. и доп."),
        ("To be continued...", "To be continued..."),
        ("[Tel Aviv] :", "Tel Aviv"),
        ("[Tel Aviv :", "Tel Aviv"),
        ("[1],15 с.", "[1],15 с."),
        ("Вып. 13.", "Вып. 13"),
        ("1st ed.", "1st ed."),
        ("Edition 1.", "Edition 1"),
    ],
)
def test_isbd_punctuation_goes(given, bare):
    assert cleaning.without_isbd(given) == bare


@pytest.mark.parametrize(
    ("printed", "coded", "expected"),
    [
        ("1998.", "1998", (1998, "")),
        ("c2011.", "2011", (2011, "")),
        ("[1977]", "1977", (1977, "")),
        ("cop. 1996", "", (1996, "")),
        ("℗2009.", "2009", (2009, "")),
        ("[1934?]", "1934", (1934, "[1934?]")),
        ("[1966?]", "", (1966, "[1966?]")),
        ("[1985?] c1961.", "1985", (1985, "[1985?] c1961")),
        ("1998-2003", "1998", (1998, "1998-2003")),
        ("2006 [1949]", "1949", (1949, "2006 [1949]")),
        ("5771 [2011]", "2011", (2011, "5771 [2011]")),
        ("", "19uu", (None, "19--")),
        ("", "184u", (None, "184-")),
        ("", "19  ", (None, "19--")),
        ("[19--]", "19uu", (None, "19--")),
        ("", "2012", (2012, "")),
        ("", "uuuu", (None, "")),
        ("", "", (None, "")),
        ("[б. г.]", "", (None, "")),
        ("1997", "    ", (1997, "")),
    ],
)
def test_years(printed, coded, expected):
    assert cleaning.year(printed, coded) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("р. 165.00", (Decimal("165.00"), "RUB")),
        ("28 р. 13 к.", (Decimal("28.00"), "RUB")),
        ("245,96 руб.", (Decimal("245.96"), "RUB")),
        ("$9.95", (Decimal("9.95"), "USD")),
        ("9.95", (Decimal("9.95"), "")),
        ("1 200 ₽", (Decimal("1200.00"), "RUB")),
        ("25-50", (Decimal("25.50"), "")),
        ("бесплатно", (None, "")),
    ],
)
def test_prices(text, expected):
    assert cleaning.price(text) == expected


def test_text_read_in_the_wrong_encoding_is_mended():
    assert cleaning.mended("Carnet de voyage Nouvelle CalÃ©donie") == "Carnet de voyage Nouvelle Calédonie"
    assert cleaning.mended("Ã la carte") == "Ã la carte"
    assert cleaning.mended("Война и мир") == "Война и мир"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("rus", "rus"),
        ("RU", "rus"),
        ("en-US", "eng"),
        ("deu", "ger"),
        ("русский", "rus"),
        ("engund", "eng"),
        ("und", ""),
        ("|||", ""),
        ("   ", ""),
        ("zxx", ""),
        ("scr", "hrv"),
        ("klingonese", "kli"),
    ],
)
def test_languages(given, code):
    assert languages.code(given) == code


@pytest.mark.parametrize(
    ("cell", "people"),
    [
        ("Suzanne Collins", ["Collins, Suzanne"]),
        ("J.K. Rowling, Mary GrandPré", ["Rowling, J. K.", "GrandPré, Mary"]),
        ("Толстой, Лев Николаевич", ["Толстой, Лев Николаевич"]),
        ("Толстой Лев Николаевич", ["Толстой, Лев Николаевич"]),
        ("Лев Николаевич Толстой", ["Толстой, Лев Николаевич"]),
        ("Толстой Л.Н.", ["Толстой, Л. Н."]),
        ("Л. Н. Толстой", ["Толстой, Л. Н."]),
        ("Ильф И., Петров Е.", ["Ильф, И.", "Петров, Е."]),
        ("Ильф, Илья; Петров, Евгений", ["Ильф, Илья", "Петров, Евгений"]),
        ("Виктор Пелевин", ["Пелевин, Виктор"]),
        ("Пелевин Виктор", ["Пелевин, Виктор"]),
        ("Ludwig van Beethoven", ["van Beethoven, Ludwig"]),
        ("Bill Martin Jr., Eric Carle", ["Martin, Bill, Jr.", "Carle, Eric"]),
        ("Martin Luther King, Jr.", ["Martin Luther King, Jr."]),
        ("DeLorme", ["DeLorme"]),
        ("National Geographic Society", ["National Geographic Society"]),
        ("", []),
    ],
)
def test_names_in_tables(cell, people):
    assert [names.inverted(name) for name in names.split(cell)] == people


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("editor.", Role.EDITOR),
        ("под ред.", Role.EDITOR),
        ("edited by", Role.EDITOR),
        ("пер. с англ.", Role.TRANSLATOR),
        ("pictures by", Role.ILLUSTRATOR),
        ("ил.", Role.ILLUSTRATOR),
        ("сост.", Role.COMPILER),
        ("composed by", Role.COMPOSER),
        ("writer of foreword", Role.FOREWORD),
        ("Verfasser", Role.AUTHOR),
        ("former owner", None),
    ],
)
def test_roles_in_words(text, role):
    assert roles.of_word(text) == role


def test_roles_in_codes():
    assert roles.of_code("trl") == roles.of_code("730") == Role.TRANSLATOR
    assert roles.of_code("http://id.loc.gov/vocabulary/relators/ill") == Role.ILLUSTRATOR
    assert roles.of_code("xyz") is None


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Joslin, Sesyle", Role.AUTHOR),
        ("Sendak, Maurice", Role.ILLUSTRATOR),
        ("Логвинов, С. В.", Role.EDITOR),
        ("Дибривная, А. А.", None),
        ("Жданкина, Анна", None),
    ],
)
def test_roles_in_statements_of_responsibility(name, role):
    statement = "by Sesyle Joslin ; pictures by Maurice Sendak ; под ред. С. В. Логвинова ; рец.: А. А. Жданкина"
    assert roles.in_statement(name, statement) == role


def test_a_short_description_is_taken_apart():
    book = isbd.parse(
        "Бочков, Николай Павлович. Клиническая генетика [Текст] : учебник для студентов вузов / Н. П. Бочков, 2004. "
        "- 480 с."
    )
    assert (book.title, book.subtitle) == ("Клиническая генетика", "учебник для студентов вузов")
    assert (book.year, book.pages) == (2004, "480 с.")
    assert book.people == (Person(name="Бочков, Николай Павлович"),)


def test_a_description_without_heading_takes_its_people_from_the_statement():
    book = isbd.parse(
        "Частный курс гистологии [Текст] : в 2 частях. Часть 1 / Л. Р. Мустафина [и др.] ; под ред. С. В. Логвинова, "
        "2020. - 220 с."
    )
    assert (book.title, book.subtitle, book.year) == ("Частный курс гистологии", "в 2 частях. Часть 1", 2020)
    assert book.people == (
        Person(name="Мустафина, Л. Р."),
        Person(name="Логвинова, С. В.", role=Role.EDITOR),
    )


def test_what_is_no_description_stays_a_title():
    assert isbd.parse("(Посещение)").title == "(Посещение)"
