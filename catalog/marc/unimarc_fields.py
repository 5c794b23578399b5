"""Where UNIMARC says what: the whole mapping, for reading (`unimarc`), writing (`unimarc_writing`) and people.

Tags: UNIMARC Manual (IFLA). RUSMARC differs as `rusmarc_fields` says. Copies: `items`.
"""

from catalog.marc.rows import Row

PEOPLE = frozenset({"700", "701", "702"})
BODIES = frozenset({"710", "711", "712"})
SUBJECTS = ("600", "601", "602", "604", "605", "606", "607", "610")

TAGS = {
    "title": ("200",),
    "subtitle": ("200",),
    "other_titles": ("454", "500", "510", "512", "517", "532"),
    "people": ("700", "701", "702", "710", "711", "712"),
    "isbns": ("010",),
    "year": ("210", "214"),
    "year_note": ("210", "214"),
    "place": ("210", "214"),
    "publisher": ("210", "214"),
    "language": ("101",),
    "edition": ("205",),
    "pages": ("215",),
    "series": ("225", "410"),
    "series_number": ("225", "410"),
    "call_number": ("686", "676", "675", "930"),
    "description": ("330",),
    "genres": ("608", "606"),
    "subjects": SUBJECTS,
}
"""The fields that hold what a field of BookData says."""
_IMPRINT = ("210", "214")
_SERIES = ("225", "410")
PLACES = {
    "title": (("200",), "a", "hi"),
    "subtitle": (("200",), "e", ""),
    "year": (_IMPRINT, "d", ""),
    "year_note": (_IMPRINT, "d", ""),
    "place": (_IMPRINT, "a", ""),
    "publisher": (_IMPRINT, "c", ""),
    "language": (("101",), "a", ""),
    "edition": (("205",), "a", ""),
    "pages": (("215",), "a", ""),
    "series": (_SERIES, "a", ""),
    "series_number": (_SERIES, "v", ""),
    "call_number": (("686", "676", "675", "930"), "a", ""),
    "description": (("330",), "a", ""),
}
"""Where a text is edited: tags in the order of preference, subfield, subfields that may have to go with it."""

ROWS = (
    Row(
        "title",
        "200 $a, $h, $i; before a part the title of the whole (461, 462); else 500 $a",
        "200 1#$aWar and peace$hBook 1$iPeace",
        "War and peace. Book 1, Peace",
    ),
    Row(
        "volume",
        "of a set in 461: 200 $a where it only says which part it is, else 461 $v",
        "200 1#$aEarly poems\n461 #0$12001#$aCollected works$vVol. 2",
        "Vol. 2",
    ),
    Row("subtitle", "200 $e", "200 1#$aEugene Onegin$ea novel in verse", "a novel in verse"),
    Row("other_titles", "200 $d; 500, 510, 512, 517, 532 $a; 454", "200 1#$aMir\n510 1#$aPeace", "Peace"),
    Row(
        "people",
        "700-702 $a $b $g $c $d, dates $f; 710-712 $a $b; roles $4, else 200 $f $g",
        ("200 1#$aFoundation\n700 #1$aAsimov$bI.$gIsaac$f1920-1992$4070\n702 #1$aScaglia$bCesare$4730"),
        "Asimov, Isaac (1920-1992): author; Scaglia, Cesare: translator",
    ),
    Row("isbns", "010 $a, $z", "010 ##$a2-07-036822-X", "9782070368228"),
    Row("year", "210 or 214 $d, else 100 $a/09-12", "210 ##$aParis$cGallimard$dDL 1996", "1996"),
    Row("year_note", "210 or 214 $d, 100 $a/09-12, where unsure", "210 ##$d[1934?]", "[1934?]"),
    Row("place", "210 or 214 $a", "210 ##$aParis$cGallimard$d1996", "Paris"),
    Row("publisher", "210 or 214 $c", "210 ##$aParis$cGallimard$d1996", "Gallimard"),
    Row("language", "101 $a", "101 1#$afre$ceng", "fre"),
    Row("edition", "205 $a", "205 ##$a2e éd.", "2e éd."),
    Row("pages", "215 $a", "215 ##$a413 p.$cill.$d22 cm", "413 p."),
    Row("series", "225 $a, else 410, 461", "225 2#$aFolio$v12", "Folio"),
    Row("series_number", "225 $v, else 410, 461 $v", "225 2#$aFolio$v12", "12"),
    Row("call_number", "995 $l, else 686, 676, 675, 930 $a", "676 ##$a843.914", "843.914"),
    Row("description", "330 $a; of an article 463, 461", "330 ##$aA family in the wars.", "A family in the wars."),
    Row("genres", "608 $a; 606 $j", "606 ##$aRussie$jRomans\n608 ##$aRoman", "Roman; Romans"),
    Row(
        "subjects",
        "600-610 $a $b and the parts of names, $x $y $z",
        "606 ##$aAide sociale$xHistoire$yCanada",
        "Aide sociale — Histoire — Canada",
    ),
    Row("material_type", "leader/06-07", "200 1#$aTitre", "book"),
)
"""The same for people, with examples."""
