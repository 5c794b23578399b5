"""Where MARC21 says what: the whole mapping, for reading (`marc21`), writing (`marc21_writing`) and people.

Tags: MARC 21 Format for Bibliographic Data. Copies: `items`.
"""

from catalog.marc.rows import Row

PEOPLE = frozenset({"100", "700"})
BODIES = frozenset({"110", "111", "710", "711"})
SUBJECTS = ("600", "610", "611", "630", "647", "648", "650", "651", "653")

TAGS = {
    "title": ("245",),
    "subtitle": ("245",),
    "other_titles": ("130", "240", "246", "740"),
    "people": ("100", "110", "111", "700", "710", "711"),
    "isbns": ("020",),
    "year": ("260", "264"),
    "year_note": ("260", "264"),
    "place": ("260", "264"),
    "publisher": ("260", "264"),
    "language": ("041",),
    "edition": ("250",),
    "pages": ("300",),
    "series": ("490", "440", "830", "800", "810"),
    "series_number": ("490", "440", "830", "800", "810"),
    "call_number": ("084", "090"),
    "description": ("520",),
    "genres": ("655", "600", "650", "651"),
    "subjects": SUBJECTS,
}
"""The fields that hold what a field of BookData says."""
_IMPRINT = ("264", "260")
_SERIES = TAGS["series"]
PLACES = {
    "title": (("245",), "a", "np"),
    "subtitle": (("245",), "b", ""),
    "year": (_IMPRINT, "c", ""),
    "year_note": (_IMPRINT, "c", ""),
    "place": (_IMPRINT, "a", ""),
    "publisher": (_IMPRINT, "b", ""),
    "language": (("041",), "a", ""),
    "edition": (("250",), "a", ""),
    "pages": (("300",), "a", ""),
    "series": (_SERIES, "a", ""),
    "series_number": (_SERIES, "v", ""),
    "call_number": (("084", "090", "080", "082", "050"), "a", "b"),
    "description": (("520",), "a", "b"),
}
"""Where a text is edited: tags in the order of preference, subfield, subfields that may have to go with it."""

ROWS = (
    Row(
        "title",
        "245 $a $n $p, else 245 $k $f $g, 222, 240, 130",
        "245 10$aWar and peace.$nBook 1,$pPeace /",
        "War and peace. Book 1, Peace",
    ),
    Row(
        "subtitle",
        "245 $b before « = »",
        "245 10$aEugene Onegin :$ba novel in verse /$cAlexander Pushkin",
        "a novel in verse",
    ),
    Row(
        "volume",
        "773 $g of a record, other than of an article, that names its set in 773 $w",
        "773 08$tCollected works$gVol. 2$w(DLC)85001234",
        "Vol. 2",
    ),
    Row("other_titles", "246, 740 $a $b; 130, 240 $a; 245 $b after « = »; 880", "245 00$aPeace\n246 31$aМир", "Мир"),
    Row(
        "people",
        "100, 110, 111, 700, 710, 711 $a $b $c $d; roles $4, $e, else 245 $c",
        (
            "100 1#$aJoslin, Sesyle,$d1929-\n"
            "245 10$aWhat do you do, dear? /$cby S. Joslin ; pictures by M. Sendak\n"
            "700 1#$aSendak, Maurice."
        ),
        "Joslin, Sesyle (1929-): author; Sendak, Maurice: illustrator",
    ),
    Row("isbns", "020 $a", "020 ##$a5-02-013850-9 (в пер.)", "9785020138506"),
    Row("year", "264 _1 or 260 $c, else 008/07-10", "264 #1$aOxford :$bHeinemann,$c©1994.", "1994"),
    Row("year_note", "264 or 260 $c, 008/07-10, where unsure", "260 ##$c[1934?]", "[1934?]"),
    Row("place", "264 _1 or 260 $a", "264 #1$aOxford :$bHeinemann,$c1994.", "Oxford"),
    Row("publisher", "264 _1 or 260 $b", "264 #1$aOxford :$bHeinemann,$c1994.", "Heinemann"),
    Row("language", "008/35-37, else 041 $a $d", "041 1#$arus$heng", "rus"),
    Row("edition", "250 $a", "250 ##$a2nd ed.", "2nd ed."),
    Row("pages", "300 $a", "300 ##$axii, 273 p. :$bill. ;$c23 cm", "xii, 273 p."),
    Row("series", "490, 440, 830, 800, 810 $a", "490 1#$aLanguage and identity ;$vvolume 2", "Language and identity"),
    Row("series_number", "the same, $v", "490 1#$aLanguage and identity ;$vvolume 2", "volume 2"),
    Row(
        "call_number", "084 $a $b with $2 rubbk, else 090, 080, 082, 050 $a $b", "084 ##$a84(2Рос)6$2rubbk", "84(2Рос)6"
    ),
    Row(
        "description", "520 $a $b; of an article 773 $t $d $g", "520 ##$aA family in the wars.", "A family in the wars."
    ),
    Row("genres", "655 $a; 600, 650, 651 $v", "650 #0$aRussia$vFiction.\n655 #7$aNovels.$2lcgft", "Novels; Fiction"),
    Row(
        "subjects",
        "600-653 $a and the parts of names, $x $y $z",
        "650 #0$aPublic welfare$zCanada$xHistory.",
        "Public welfare — Canada — History",
    ),
    Row("material_type", "leader/06-07; 008/23, 007", "245 10$aTitle", "book"),
)
"""The same for people, with examples."""
