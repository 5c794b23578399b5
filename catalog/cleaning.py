"""Texts of records and tables made tidy: signs nobody should see, ISBD punctuation, years, prices, damaged letters."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ue000-\uf8ff]"
)
"""Controls, non-sorting marks, zero-width spaces, bidirectional marks, private use. The joiners of Persian stay."""
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x7f-\x87\x8a-\x97\x99-\x9b\x9d-\x9f\ue000-\uf8ff]")
"""Those of them that nobody meant: neither separators of records nor non-sorting marks (U+0088, 89, 98, 9C)."""
_SPACES = re.compile(r"\s+")
_MOJIBAKE = re.compile(r"[ÃÂÐÑâ][\u0080-\u00bf\u0152-\u0178\u02c6\u02dc\u2013-\u203a\u20ac\u2122]")
_TAIL_SIGNS = " /:;,=+"
"""What ISBD puts after a text; `tidy` leaves no other space than the plain one."""
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.,\[-])(?:[^\W\d]{1,2}|[A-ZА-ЯЁ][a-zа-яё]{0,2}|inc|ltd|corp|bros|dept|univ|etc|vol|изд|ред|сост|пер|доп|др)\.$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:1[0-9]{3}|20[0-9]{2})(?!\d)")
_PLAIN_YEAR = re.compile(r"[\[(<]?\s*(?:cop\.?|сор\.?|печ\.?|[cсpрC©℗])?\s*([0-9]{4})\s*[\])>]?\.?")
_PRICE = re.compile(r"([0-9][0-9 \u00a0]*)(?:[.,-]([0-9]{1,2}))?(?![0-9])")
CURRENCIES = {
    "RUB": ("р", "руб", "rub", "₽", "rur"),
    "USD": ("$", "usd", "us$"),
    "EUR": ("€", "eur"),
    "GBP": ("£", "gbp"),
}
"""How prices name their currency, lower case, without full stops."""


def tidy(text: str) -> str:
    """One line of NFC text without invisible signs, runs of space as one."""
    if text.isprintable() and "  " not in text and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return text.strip()
    return unicodedata.normalize("NFC", _SPACES.sub(" ", _INVISIBLE.sub("", text))).strip()


def has_odd_signs(text: str) -> bool:
    """Whether there are signs in the text that come from damage: worth a remark when `tidy` takes them out."""
    return not text.isprintable() and bool(_ODD.search(text))


def mended(text: str) -> str:
    """UTF-8 that was once read as Western Latin, read rightly: «CalÃ©donie» -> «Calédonie»; else the text itself."""
    if not _MOJIBAKE.search(text):
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


@lru_cache(8192)
def without_isbd(text: str) -> str:
    """Tidy text without the punctuation that ISBD puts after it: «Fallen hearts :» -> «Fallen hearts»."""
    text, before = tidy(text).rstrip(_TAIL_SIGNS), ""
    if text[-1:].isalnum() and "[" not in text and "]" not in text:
        return text
    while text != before:
        before = text
        if text.endswith(".") and not text.endswith("..") and not _ABBREVIATION.search(text):
            text = text[:-1].rstrip(_TAIL_SIGNS)
        if "[" in text or "]" in text:
            is_whole = text.startswith("[") and text.find("]") == len(text) - 1
            if is_whole or text.count("[") != text.count("]"):
                text = text.replace("[", "").replace("]", "").rstrip(_TAIL_SIGNS).strip()
    return text


def year(printed: str, coded: str = "") -> tuple[int | None, str]:
    """The year to sort by and, when unsure, what stands in the book.

    `printed` is free text, `coded` four characters where anything but a digit is unknown. A year known only to its
    decade or century stays None: («», «184u») -> (None, «184-»); («[1934?]», «1934») -> (1934, «[1934?]»).
    """
    printed = tidy(printed).rstrip(_TAIL_SIGNS)
    known = int(coded) if coded.isascii() and coded.isdigit() and 1 <= int(coded) <= 2200 else None
    if plain := _PLAIN_YEAR.fullmatch(printed):
        if 1 <= int(plain[1]) <= 2200:
            return int(plain[1]), ""
    elif found := [int(number) for number in _YEAR.findall(printed)]:
        return known if known in found else found[0], printed.rstrip(".")[:60]
    if known is not None:
        return known, ""
    if re.fullmatch(r"[0-9]{1,3}[ u?|#-]{1,3}", coded):
        return None, re.sub(r"[^0-9]", "-", coded)
    return None, printed[:60] if any(map(str.isdigit, printed)) else ""


def price(text: str) -> tuple[Decimal | None, str]:
    """Amount and currency («» when not named): «р. 165.00» -> (165.00, RUB); (None, «») when it is no price."""
    if not text:
        return None, ""
    if (match := _PRICE.search(text)) is None:
        return None, ""
    digits = re.sub(r"[ \u00a0]", "", match[1])
    try:
        amount = Decimal(f"{digits}.{match[2] or 0}").quantize(Decimal("0.01"))
    except InvalidOperation:
        return None, ""
    around = text[: match.start()] + text[match.end() :]
    signs = {sign.lower() for sign in re.findall(r"[^\W\d_]+|[$€£₽]", around)}
    named = [currency for currency, names in CURRENCIES.items() if signs & set(names)]
    return amount, named[0] if named else ""


def unique(texts: list[str]) -> tuple[str, ...]:
    """The texts without blanks and repetitions, in order; case does not make a difference."""
    kept: dict[str, str] = {}
    for text in texts:
        if text:
            kept.setdefault(text.casefold(), text)
    return tuple(kept.values())
