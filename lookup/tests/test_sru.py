"""Questions in CQL, answers taken apart."""

import pytest

from lookup import sru
from lookup.tests.sru_for_tests import UNIMARC, diagnostic, marc21, objections, response
from lookup.trouble import Trouble, Unavailable

DUBLIN = {"title": "dc.title", "author": "dc.creator", "isbn": "bath.isbn"}
BNF = {"title": "bib.title all", "isbn": "bib.isbn adj"}


@pytest.mark.parametrize(
    ("indexes", "wanted", "expected"),
    [
        (DUBLIN, {"title": "war peace"}, 'dc.title="war" and dc.title="peace"'),
        (DUBLIN, {"author": "Camus", "isbn": "9782070368228"}, 'dc.creator="Camus" and bath.isbn="9782070368228"'),
        (BNF, {"title": "la peste"}, 'bib.title all "la peste"'),
        ({"title": "pica.tit ="}, {"title": "бесы"}, 'pica.tit="бесы"'),
        (DUBLIN, {"title": 'say "no" or\\and'}, r'dc.title="say" and dc.title="\"no\"" and dc.title="or\\and"'),
        (BNF, {"title": "x", "author": "Camus"}, None),
        (DUBLIN, {"title": "  "}, None),
    ],
)
def test_questions(indexes, wanted, expected):
    assert sru.cql(indexes, wanted) == expected


def test_records_in_every_wrapping():
    for packing in ("xml", "string"):
        answered = sru.read(response(marc21("1", "Zen", "Cai"), UNIMARC, total=57, packing=packing).encode())
        assert answered.total == 57
        assert [b"Zen" in record for record in answered.records] == [True, False]
        assert "L'étranger" in answered.records[1].decode()


def test_diagnostics_beside_and_instead_of_records():
    answered = sru.read(
        response(
            marc21("1", "Zen", "Cai"),
            diagnostic(67),
            diagnostics=objections(diagnostic(61, "startRecord", "Out of range")),
        ).encode()
    )
    assert len(answered.records) == 1
    assert answered.diagnostics == [sru.Diagnostic(61, "startRecord", "Out of range"), sru.Diagnostic(67, "", "")]


def test_nothing_found():
    assert sru.read(response().encode()) == sru.Answered(0, [], [])


def test_what_is_no_answer():
    for content in (
        b"<html><body>Bad gateway</body></html>",
        b"not xml",
        b"",
        b"<searchRetrieveResponse><numberOfRecords>1</number",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><searchRetrieveResponse>&b;</searchRetrieveResponse>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><searchRetrieveResponse>&f;</searchRetrieveResponse>',
    ):
        with pytest.raises(Unavailable) as failure:
            sru.read(content)
        assert failure.value.trouble == Trouble.UNREADABLE, content
