"""Where RUSMARC says what: as UNIMARC does (`unimarc_fields`), but for these.

Tags: the Russian version of UNIMARC kept by the National Library of Russia; 910 is IRBIS's. Copies: `items`.
"""

from catalog.marc import unimarc_fields
from catalog.marc.rows import Row

TAGS = unimarc_fields.TAGS
PLACES = unimarc_fields.PLACES
OWN = (
    Row(
        "title",
        "200 $a $h $i; before a part, told by 200 1_=0 or «Вып. 13», the title in 461 $1, 462 $1",
        "200 1#$aВып. 13\n461 #0$12001#$aЗадачи и этюды$vВып. 13",
        "Задачи и этюды",
    ),
    Row(
        "volume",
        "of a set in 461: 200 $a where it only says which part it is, else 461 $v",
        "200 1#$aВып. 13\n461 #0$12001#$aЗадачи и этюды$vВып. 13",
        "Вып. 13",
    ),
    Row(
        "people",
        "700-702 $a $b $g $c $d, dates $f; roles $4, else 200 $f $g",
        ("200 1#$aМиссия Акорны$fЭ. Маккефри ; пер. Е. Волошина\n700 #1$aМаккефри$bЭ.\n702 #1$aВолошина$bЕ."),
        "Маккефри, Э.: author; Волошина, Е.: translator",
    ),
    Row(
        "isbns",
        "010 $a, $z; $d is the price of copies without their own",
        "010 ##$a5-222-00034-6$dр. 50.00",
        "9785222000342",
    ),
    Row(
        "series",
        "225 $a, else 410, 461 with embedded $1 200",
        "461 #0$12001#$aЗадачи и этюды$vВып. 13",
        "Задачи и этюды",
    ),
    Row(
        "call_number",
        "995 $l, else 686 $a with $2 rubbk (ББК), 686, 676, 675 (УДК), 930 $a",
        "675 ##$a330.1\n686 ##$a88.37$2rubbk",
        "88.37",
    ),
    Row("genres", "608 $a; 606 $j", "606 ##$aСоциализм$jСборники$2nlr-sh", "Сборники"),
)
"""What differs."""
ROWS = tuple({row.what: row for row in (*unimarc_fields.ROWS, *OWN)}.values())
"""The whole table for people, with examples."""
