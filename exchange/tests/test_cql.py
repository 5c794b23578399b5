"""The language of SRU queries: what is read how, and what is refused with which number."""

import pytest

from exchange.cql import Clause, Diagnostic, Pair, Query, SortKey, parse

WAR = Clause("cql.serverchoice", "=", "война")
PEACE = Clause("cql.serverchoice", "=", "мир")
YEAR = Clause("dc.date", "<", "1900")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("война", Query(WAR)),
        ("война and мир", Query(Pair("and", WAR, PEACE))),
        ("война OR мир NOT dc.date<1900", Query(Pair("not", Pair("or", WAR, PEACE), YEAR))),
        ("война or (мир and dc.date < 1900)", Query(Pair("or", WAR, Pair("and", PEACE, YEAR)))),
        ('DC.Title ANY "война мир"', Query(Clause("dc.title", "any", "война мир"))),
        (r'dc.title == "Он сказал: \"да\"\*"', Query(Clause("dc.title", "==", 'Он сказал: "да"*'))),
        ("dc.creator=толст*", Query(Clause("dc.creator", "=", "толст", is_truncated=True))),
        ("all", Query(Clause("cql.serverchoice", "=", "all"))),
        ("война sortBy dc.date/sort.descending dc.title", Query(WAR, (SortKey("dc.date", True), SortKey("dc.title")))),
    ],
)
def test_what_is_understood(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 10),
        ("война and", 10),
        ("(война", 13),
        ("война)", 10),
        ('"война', 10),
        ("война мир", 10),
        ("dc.title =", 10),
        ('dc.title = ""', 27),
        ("dc.title near мир", 19),
        ("dc.title =/stem мир", 20),
        ("война and/rel.x мир", 46),
        ("война prox мир", 39),
        ("вой?а", 28),
        ("*ойна", 28),
        ("^война", 31),
        ('> dc = "info:x" война', 48),
        ("война sortBy dc.title/sort.locale", 82),
        ("а" * 1001, 12),
        ("(" * 17 + "а" + ")" * 17, 13),
        (" and ".join(["а"] * 17), 38),
    ],
)
def test_what_is_refused(text, number):
    with pytest.raises(Diagnostic) as refused:
        parse(text)
    assert refused.value.number == number
