"""What letters a record is written in: detected, because leaders lie; the operator may say it instead.

Valid UTF-8 is UTF-8, whatever the leader claims. Otherwise runs of high bytes mean Cyrillic, where the code page that
gives the most Russian text wins; lone high bytes before letters mean MARC-8, the rest Western Latin.
"""

import codecs
import re
from collections.abc import Iterable
from itertools import islice

from pymarc.marc8 import MARC8ToUnicode

AUTO = "auto"
MARC8 = "marc-8"
UTF8 = "utf-8"
WESTERN = "cp1252"
CYRILLIC = ("cp1251", "cp866", "koi8-r", "iso8859-5")
CHOICES = (AUTO, UTF8, MARC8, *CYRILLIC, WESTERN)
"""What `--encoding` and the upload form offer."""

SAMPLE = 200
"""Records looked at to guess the encoding of a file."""

_HIGH = re.compile(rb"[\x80-\xff]+")
_ESCAPE = re.compile(rb"\x1b[(),$-][0-9A-Z!1]")
_BAD_ESCAPE = re.compile(rb"\x1b(?![(),$-]|[a-z]?$|s|g|b|p)")
_DIACRITIC = re.compile(rb"[\xe0-\xfe]")
_DIACRITIC_ON_LETTER = re.compile(rb"[\xe0-\xfe]{1,2}[A-Za-z]")
_COMMON = frozenset("оеаинтсрвл")
_WRONG_CASE = re.compile(r"[а-яё][А-ЯЁ]")


def known(name: str) -> str:
    """The encoding's name as we write it; raises LookupError when nobody knows it."""
    plain = name.strip().lower().replace("_", "-")
    if plain in (AUTO, MARC8, "marc8"):
        return MARC8 if plain == "marc8" else plain
    return UTF8 if codecs.lookup(plain).name == UTF8 else plain


def guess(records: Iterable[bytes]) -> str:
    """The encoding of a file, from its first `SAMPLE` records."""
    foreign = [record for record in islice(records, SAMPLE) if is_foreign(record)]
    other = [record for record in foreign if not is_utf8(record)]
    if len(other) * 2 <= len(foreign):
        return UTF8
    return guess_single_byte(b" ".join(other))


def is_foreign(record: bytes) -> bool:
    """Whether it depends on the encoding how the record reads."""
    return not record.isascii() or bool(_ESCAPE.search(record))


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are valid UTF-8 (and no MARC-8 with escapes, which is ASCII)."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return not _ESCAPE.search(data)


def guess_single_byte(data: bytes) -> str:
    """The encoding of bytes that are not UTF-8."""
    if _ESCAPE.search(data):
        return MARC8
    runs = _HIGH.findall(data)
    if sum(len(run) for run in runs if len(run) > 1) * 2 > sum(map(len, runs)):
        sample = b" ".join(runs)
        return max(CYRILLIC, key=lambda codec: _russianness(sample.decode(codec, "replace")))
    if len(_DIACRITIC_ON_LETTER.findall(data)) >= 0.9 * max(1, len(_DIACRITIC.findall(data))):
        return MARC8
    return WESTERN


def _russianness(text: str) -> int:
    """How much the text looks like Russian: common letters for it, odd signs and inverted case against it."""
    score = 0
    for letter in text:
        if letter in _COMMON:
            score += 2
        elif "а" <= letter <= "я":
            score += 1
        elif not ("А" <= letter <= "Я" or letter in "ёЁ№«» "):
            score -= 2
    return score - 3 * len(_WRONG_CASE.findall(text))


def choose(record: bytes, file_encoding: str) -> str:
    """The encoding of one record of a file guessed to be in `file_encoding`."""
    if record.isascii():
        return MARC8 if _ESCAPE.search(record) else UTF8
    if file_encoding != UTF8 and record[9:10] != b"a":
        return file_encoding
    if is_utf8(record) or _is_damaged_utf8(record):
        return UTF8
    return guess_single_byte(record) if file_encoding == UTF8 else file_encoding


def _is_damaged_utf8(record: bytes) -> bool:
    """Whether the bytes are UTF-8 but for a few: fewer bad ones than good letters beyond ASCII."""
    text = record.decode(UTF8, "replace")
    bad = text.count("\ufffd")
    return bad < sum(character > "\x7f" for character in text) - bad


def decode(data: bytes, encoding: str) -> str:
    """The text, with its separators 0x1E and 0x1F; bytes that mean nothing become U+FFFD.

    MARC-8 is read subfield by subfield, since its escapes end there.
    """
    if encoding != MARC8:
        return data.decode(encoding, "replace")
    return "\x1e".join("\x1f".join(map(_marc8, field.split(b"\x1f"))) for field in data.split(b"\x1e"))


def _marc8(data: bytes) -> str:
    if data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")
    try:
        text: str = MARC8ToUnicode(quiet=True).translate(data)  # type: ignore[no-untyped-call]  # pymarc half-typed
    except (IndexError, TypeError, ValueError):
        return data.decode("ascii", "replace")
    return text + "\ufffd" * len(_BAD_ESCAPE.findall(data))
