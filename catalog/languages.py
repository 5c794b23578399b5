"""Codes of languages: whatever a record or table says, as three letters of ISO 639-2/B."""

_TWO_LETTERS = (
    "aa:aar ab:abk af:afr am:amh ar:ara as:asm av:ava az:aze ba:bak be:bel bg:bul bn:ben bo:tib bs:bos ca:cat ce:che "
    "cs:cze cu:chu cv:chv cy:wel da:dan de:ger el:gre en:eng eo:epo es:spa et:est eu:baq fa:per fi:fin fo:fao fr:fre "
    "fy:fry ga:gle gd:gla gl:glg gu:guj he:heb hi:hin hr:hrv hu:hun hy:arm id:ind is:ice it:ita ja:jpn jv:jav ka:geo "
    "kk:kaz kl:kal km:khm kn:kan ko:kor ku:kur kv:kom ky:kir la:lat lb:ltz lo:lao lt:lit lv:lav mg:mlg mi:mao mk:mac "
    "ml:mal mn:mon mr:mar ms:may mt:mlt my:bur nb:nob ne:nep nl:dut nn:nno no:nor oc:oci os:oss pa:pan pl:pol ps:pus "
    "pt:por qu:que ro:rum ru:rus sa:san sd:snd sh:hbs si:sin sk:slo sl:slv so:som sq:alb sr:srp su:sun sv:swe sw:swa "
    "ta:tam te:tel tg:tgk th:tha tk:tuk tl:tgl tr:tur tt:tat ug:uig uk:ukr ur:urd uz:uzb vi:vie yi:yid zh:chi zu:zul"
)
_FROM_TWO = dict(pair.split(":") for pair in _TWO_LETTERS.split())
_TO_TWO = {three: two for two, three in _FROM_TWO.items()}
_THREE_LETTERS = (
    "bod:tib ces:cze cym:wel deu:ger ell:gre eus:baq fas:per fra:fre hye:arm isl:ice kat:geo mkd:mac mri:mao msa:may "
    "mya:bur nld:dut ron:rum slk:slo sqi:alb zho:chi scc:srp scr:hrv mol:rum gae:gla iri:gle esp:epo eth:gez fri:fry "
    "gag:glg kus:kos lan:oci lap:smi mla:mlg max:glv sao:smo snh:sin sho:sna sso:sot swz:ssw taj:tgk tag:tgl tar:tat "
    "tsw:tsn cam:khm gua:grn far:fao gal:orm"
)
_FROM_THREE = dict(pair.split(":") for pair in _THREE_LETTERS.split())
"""Terminological and obsolete codes as bibliographic ones."""
_NO_LANGUAGE = frozenset({"und", "zxx", "mis"})
_BY_NAME = {
    "русский": "rus",
    "английский": "eng",
    "немецкий": "ger",
    "французский": "fre",
    "испанский": "spa",
    "итальянский": "ita",
    "украинский": "ukr",
    "белорусский": "bel",
    "татарский": "tat",
    "башкирский": "bak",
    "казахский": "kaz",
    "латинский": "lat",
    "китайский": "chi",
    "russian": "rus",
    "english": "eng",
    "german": "ger",
    "french": "fre",
    "spanish": "spa",
    "italian": "ita",
    "chinese": "chi",
    "japanese": "jpn",
    "latin": "lat",
}


def code(text: str) -> str:
    """The code of a language given as «en-US», «ru», «deu», «RUS» or «русский»; «» when it says none."""
    plain = text.strip().lower().replace("_", "-")
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    plain = plain.partition("-")[0]
    if len(plain) == 2:
        return _FROM_TWO.get(plain, "")
    if len(plain) < 3 or not (plain.isascii() and plain.isalpha()):
        return ""
    return "" if plain[:3] in _NO_LANGUAGE else _FROM_THREE.get(plain[:3], plain[:3])


def two_letters(code: str) -> str:
    """The code in two letters of ISO 639-1, «rus» -> «ru»; «» for a language that has none."""
    return _TO_TWO.get(code, "")
