"""Letters are told from bytes, whatever the leader says."""

from io import BytesIO

import pytest

from catalog.marc import encodings
from catalog.marc.samples import samples
from catalog.tests.data_for_tests import shared
from catalog.tests.marc_for_tests import iso, record

RUSSIAN = "Основы гидравлического расчета инженерных сетей. Ильина, Татьяна Николаевна. Москва, 2005"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866", "koi8-r", "iso8859-5"])
def test_russian_is_recognised_in_every_usual_encoding(encoding):
    record = b"00100nam  2200049   4500" + RUSSIAN.encode(encoding)
    assert encodings.guess([record]) == encoding
    assert encodings.decode(RUSSIAN.encode(encoding), encoding) == RUSSIAN


def test_short_russian_words_are_recognised():
    assert encodings.guess_single_byte("М., Питер".encode("cp1251")) == "cp1251"
    assert encodings.guess_single_byte("М., Питер".encode("cp866")) == "cp866"


def test_marc8_diacritics_stand_before_their_letter():
    data = b"Serreau, Genevi\xe1eve. nouveau th\xe2e\xe3atre"
    assert encodings.guess_single_byte(data) == "marc-8"
    assert encodings.decode(data, "marc-8") == "Serreau, Geneviève. nouveau théâtre"


def test_marc8_keeps_the_separators():
    assert encodings.decode(b"a\x1fbth\xe2e\x1ecd", "marc-8") == "a\x1fbthé\x1ecd"


def test_marc8_cyrillic_behind_an_escape():
    data = b"\x1b(NLIR\x1b(B, 1999"
    assert encodings.choose(b"x" * 24 + data, "utf-8") == "marc-8"
    assert encodings.decode(data, "marc-8") == "лир, 1999"


def test_western_latin_is_not_taken_for_marc8():
    assert encodings.guess_single_byte("Société linnéenne, Bordeaux, Café; Señor, Año".encode("cp1252")) == "cp1252"


def test_a_few_bad_bytes_do_not_make_utf8_something_else():
    record = b"00100nam a2200049   4500" + ("Écrivains français, café créole".encode()) + b" \xe9"
    assert encodings.choose(record, "utf-8") == "utf-8"


def test_one_utf8_record_in_a_file_of_cp1251_is_read_as_such_only_when_it_says_so():
    utf8 = "рад".encode()
    assert encodings.choose(b"00100nam a2200049   4500" + utf8, "cp1251") == "utf-8"
    assert encodings.choose(b"00100nam  2200049   4500" + utf8, "cp1251") == "cp1251"


@pytest.mark.parametrize(
    ("given", "name"), [("UTF8", "utf-8"), ("marc8", "marc-8"), ("MARC-8", "marc-8"), ("CP1251", "cp1251")]
)
def test_names_of_encodings_are_understood_as_people_write_them(given, name):
    assert encodings.known(given) == name


def test_an_unknown_encoding_is_an_error():
    with pytest.raises(LookupError):
        encodings.known("klingon")


@pytest.mark.parametrize(
    ("name", "found", "first"),
    [
        ("ru/stav6.mrc", "cp866", "Артистка"),
        ("ru/TEST1.ISO", "cp1251", "Вып. 13."),
        ("marc/encodings/marc8.dat", "marc-8", "De la solitude à la communauté"),
        ("marc/encodings/utf8_without_leader_flag.dat", "utf-8", "De la solitude à la communauté"),
    ],
)
def test_the_first_records_are_shown_in_every_encoding(name, found, first):
    with shared(name).open("rb") as stream:
        detected, *others = samples(stream)
    assert (detected.choice, detected.encoding, detected.unreadable) == ("auto", found, 0)
    assert detected.lines[0].startswith(first)
    assert found not in [sample.encoding for sample in others]
    assert not any(sample.lines == detected.lines for sample in others)


def test_there_is_nothing_to_choose_where_all_letters_are_ascii_or_in_xml():
    assert samples(BytesIO(iso(record("001 1", "245 10$aHill")))) == []
    with shared("marc/encodings/one.xml").open("rb") as stream:
        assert samples(stream) == []
