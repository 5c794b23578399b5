"""Files are cut into records whatever their state, and nothing is lost silently."""

import json
from io import BytesIO

import pymarc
import pytest

from catalog.marc import encodings
from catalog.marc.reading import BLANK, parse_iso2709, read, sound_record
from catalog.marc.record import Field, Record
from catalog.problems import Problem
from catalog.tests.data_for_tests import shared
from catalog.tests.marc_for_tests import iso, record

ONEGIN = record("001 1", "100 1#$aПушкин, А. С.", "245 10$aЕвгений Онегин")
HILL = record("001 2", "245 10$aHill")


def problems(reading):
    return [remark.problem for remark in reading.remarks]


def readings(data: bytes, encoding: str = "auto"):
    return list(read(BytesIO(data), encoding))


def test_records_are_read_with_their_numbers():
    first, second = readings(iso(ONEGIN) + iso(HILL))
    assert (first.number, second.number) == (1, 2)
    assert first.record == Record(first.record.leader, ONEGIN.fields)
    assert second.record.first("245", "a") == "Hill"


@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\x1a", b" \n\n ", b""])
def test_what_stands_between_records_does_not_matter(between):
    assert [r.record.control("001") for r in readings(between.join([iso(ONEGIN), iso(HILL), b""]))] == ["1", "2"]


def test_the_length_in_the_leader_is_not_believed():
    data = b"99999" + iso(ONEGIN)[5:] + b"00007" + iso(HILL)[5:]
    assert [r.record.control("001") for r in readings(data)] == ["1", "2"]


@pytest.mark.parametrize("base", [b"00000", b"99999", b"abcde"])
def test_the_base_address_is_not_believed(base):
    data = iso(ONEGIN)
    [reading] = readings(data[:12] + base + data[17:])
    assert reading.record.first("245", "a") == "Евгений Онегин"


def test_lengths_counted_in_letters_instead_of_bytes_are_mended():
    data = iso(ONEGIN)
    damaged = data.replace(b"245003200028", b"245001800014")
    assert damaged != data
    [reading] = readings(damaged)
    assert reading.record.first("245", "a") == "Евгений Онегин"
    assert problems(reading) == [Problem.DIRECTORY_REPAIRED]


def test_a_field_terminator_inside_a_field_is_harmless_while_the_directory_is_right():
    [reading] = readings(iso(record("001 1", "245 10$aHill\x1e side", "300 ##$a10 p.")))
    assert reading.record.first("245", "a") == "Hill side"
    assert reading.record.first("300", "a") == "10 p."
    assert reading.remarks == ()


def test_a_record_whose_fields_cannot_be_told_apart_is_refused_and_the_next_one_read():
    broken = iso(record("001 1", "245 10$aHill\x1e side")).replace(b"0010", b"0017", 1)
    refused, good = readings(broken + iso(HILL))
    assert refused.refusal.problem == Problem.BAD_DIRECTORY
    assert refused.refusal.data == {"entries": 2, "fields": 3}
    assert good.record.control("001") == "2"


def test_garbage_between_records_is_counted_and_refused():
    first, garbage, last = readings(iso(ONEGIN) + b"no record at all\x1d" + iso(HILL))
    assert garbage.refusal.problem == Problem.NOT_MARC
    assert (first.record.control("001"), garbage.number, last.record.control("001")) == ("1", 2, "2")


def test_a_file_that_breaks_off_says_so():
    whole = iso(HILL)
    first, cut = readings(iso(ONEGIN) + whole[:30])
    assert first.record is not None
    assert cut.refusal.problem == Problem.CUT_OFF
    assert cut.refusal.data == {"bytes": 30}


def test_an_empty_record_is_refused():
    [reading] = readings(b"00026nam a2200025   4500\x1e\x1d")
    assert reading.refusal.problem == Problem.NO_FIELDS


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r"])
def test_a_blank_leader_does_not_turn_cyrillic_into_mojibake(encoding):
    blank = Record("00000nam  2200000 i 4500", ONEGIN.fields)
    [reading] = readings(iso(blank, encoding))
    assert reading.record.first("100", "a") == "Пушкин, А. С."


def test_the_operator_has_the_last_word_on_the_encoding():
    [reading] = readings(iso(ONEGIN, "cp1251"), "cp866")
    assert reading.record.first("245", "a") == "Евгений Онегин".encode("cp1251").decode("cp866")


def test_a_damaged_subfield_code_is_repaired_and_remarked_upon():
    data = iso(record("001 1", "245 10$aHill")).replace(b"\x1faHill", "\x1fáHill".encode())
    [reading] = readings(data)
    assert reading.record.first("245", "a") == "Hill"
    assert Problem.SUBFIELD_CODE_REPAIRED in problems(reading)


def test_undecodable_bytes_are_counted():
    [reading] = readings(iso(ONEGIN)[:-8] + b"\xff" + iso(ONEGIN)[-7:])
    assert reading.remarks[-1].problem == Problem.UNREADABLE_BYTES
    assert reading.remarks[-1].data == {"count": 2}


def test_nul_never_reaches_the_database():
    [reading] = readings(iso(record("001 1", "245 10$aHi\x00ll")))
    assert reading.record.first("245", "a") == "Hill"
    assert problems(reading) == [Problem.ODD_CHARACTERS]


XML = """<?xml version="1.0" encoding="UTF-8"?>
<collection xmlns="http://www.loc.gov/MARC21/slim">%s</collection>"""
RECORD = """<record><leader>00000nam a2200000 i 4500</leader><controlfield tag="001">%s</controlfield>
<datafield tag="245" ind1="1" ind2="0"><subfield code="a">%s</subfield></datafield></record>"""


def test_marcxml_is_read():
    [reading] = readings((XML % (RECORD % ("1", "Евгений Онегин &amp; Ленский"))).encode())
    assert reading.record.leader == "00000nam a2200000 i 4500"
    assert reading.record.fields == (
        Field("001", data="1"),
        Field("245", indicators="10", subfields=(("a", "Евгений Онегин & Ленский"),)),
    )


@pytest.mark.parametrize(
    "broken",
    [
        RECORD % ("2", "a & b"),
        RECORD % ("2", "&undefined;"),
        (RECORD % ("2", "x")).replace("</subfield>", ""),
        (RECORD % ("2", "x")).replace("</record>", ""),
        (RECORD % ("2", "x\x07")),
        "<record/>",
    ],
)
def test_broken_xml_costs_one_record_only(broken):
    data = (XML % (RECORD % ("1", "A") + broken + RECORD % ("3", "C"))).encode()
    first, second, third = readings(data)
    assert (first.record.control("001"), third.record.control("001")) == ("1", "3")
    assert second.refusal.problem in (Problem.BAD_XML, Problem.NO_FIELDS)


def test_xml_with_prefixes_and_marcxchange():
    prefixed = (
        '<m:collection xmlns:m="info:lc/xmlns/marcxchange-v1"><m:record format="UNIMARC">'
        '<m:controlfield tag="001">1</m:controlfield></m:record></m:collection>'
    )
    assert readings(prefixed.encode())[0].record.control("001") == "1"


def test_a_bare_record_and_the_envelopes_of_oai_pmh():
    envelope = (
        '<OAI-PMH xmlns:m="http://www.loc.gov/MARC21/slim"><ListRecords><record><header><identifier>x</identifier>'
        '</header><metadata><m:record><m:controlfield tag="001">1</m:controlfield></m:record></metadata></record>'
        "</ListRecords></OAI-PMH>"
    )
    assert [r.record.control("001") for r in readings(envelope.encode())] == ["1"]
    assert readings((RECORD % ("7", "A")).encode())[0].record.control("001") == "7"


def test_xml_in_other_encodings():
    text = (XML % (RECORD % ("1", "Евгений Онегин"))).replace("UTF-8", "windows-1251")
    assert readings(text.encode("cp1251"))[0].record.first("245", "a") == "Евгений Онегин"
    utf16 = (XML % (RECORD % ("1", "Евгений Онегин"))).replace("UTF-8", "UTF-16")
    assert readings(utf16.encode("utf-16"))[0].record.first("245", "a") == "Евгений Онегин"


def test_entities_that_grow_are_never_expanded():
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + (
        XML.partition("?>")[2] % (RECORD % ("1", "&b;"))
    )
    [reading] = readings(bomb.encode())
    assert reading.refusal.problem == Problem.BAD_XML


def test_a_file_is_cut_the_same_wherever_its_chunks_end(monkeypatch):
    monkeypatch.setattr("catalog.marc.reading.CHUNK", 7)
    assert [r.record.control("001") for r in readings(iso(ONEGIN) + b"\n" + iso(HILL))] == ["1", "2"]
    data = (XML % (RECORD % ("1", "A") + RECORD % ("2", "B"))).encode()
    monkeypatch.setattr("catalog.marc.reading.CHUNK", 150)
    assert [r.record.control("001") for r in readings(data)] == ["1", "2"]


def test_a_piece_larger_than_any_record_is_refused(monkeypatch):
    monkeypatch.setattr("catalog.marc.reading.LONGEST", 100)
    monkeypatch.setattr("catalog.marc.reading.CHUNK", 200)
    [reading] = readings(b"x" * 150)
    assert reading.refusal.problem == Problem.TOO_LARGE


def test_a_record_survives_json():
    [reading] = readings(iso(ONEGIN))
    stored = json.loads(reading.record.as_json())
    assert Record.from_json(stored) == reading.record
    assert Record.from_json(stored).digest() == reading.record.digest()


def test_the_digest_is_the_same_in_any_encoding_and_container():
    blank = Record("00000nam  2200000 i 4500", ONEGIN.fields)
    digests = {
        readings(iso(ONEGIN))[0].record.digest(),
        readings(iso(blank, "cp1251"))[0].record.digest(),
        readings(b"\n" + iso(ONEGIN).replace(iso(ONEGIN)[:5], b"00000"))[0].record.digest(),
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("name", "encoding", "count"),
    [
        ("marc/marc21_utf8.mrc", "utf-8", 4982),
        ("marc/unimarc_utf8.mrc", "utf-8", 121),
        ("ru/stav6.mrc", "cp866", 8),
        ("ru/TEST1.ISO", "cp1251", 3),
    ],
)
def test_sound_records_are_read_quickly_and_no_other_than_with_care(name, encoding, count):
    """`count` of the file's records have neither odd letters nor anything to mend; pymarc reads these as we do."""
    pieces = [piece.strip(BLANK) for piece in shared(name).read_bytes().split(b"\x1d")]
    sound = {piece: found for piece in pieces if (found := sound_record(piece, encoding))}
    assert len(sound) == count
    for piece, found in sound.items():
        careful = parse_iso2709(piece, encoding)
        assert (careful.record, careful.remarks) == (found, ())
        assert careful.record.digest() == found.digest()
        theirs = pymarc.Record(piece + b"\x1d", file_encoding=encoding, force_utf8=encoding == encodings.UTF8)
        assert [as_pymarc(field) for field in found.fields] == [
            (field.tag, field.data or "", list(field.indicators or "  "), [tuple(pair) for pair in field.subfields])
            for field in theirs.fields
        ]


def as_pymarc(field):
    if not field.subfields and field.tag >= "010":  # a field with nothing but its indicators
        return (field.tag, "", list(field.data), [])
    return (field.tag, field.data, list(field.indicators), list(field.subfields))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b"Hill", b"Hi\xffl"),
        lambda data: data.replace(b"Hill", b"Hi\x1el"),
        lambda data: data.replace(b"Hill", b"\x1b(Bi"),
        lambda data: data.replace(b"\x1faHill", b"\x1faHil\x1f"),
        lambda data: data.replace(b"\x1faHill", b"\x1f\xc3\xa1Hil"),
        lambda data: data.replace(b"10\x1fa", b"1\x1fa0"),
        lambda data: data.replace(b"245000", b"245001"),
        lambda data: data.replace(b"Hill\x1e", b"Hill "),
    ],
)
def test_whatever_is_odd_is_looked_at_with_care(spoil):
    data = iso(HILL).rstrip(b"\x1d")
    assert sound_record(data, "utf-8")
    assert spoil(data) != data
    assert sound_record(spoil(data), "utf-8") is None
