"""Citations of a book: GOST R 7.0.5-2008 and APA (7th edition) as text, RIS and BibTeX as files for reference managers.

Pure functions of `Cited`. Names come as indexes have them («Толстой, Лев Николаевич»); a name without a comma is a
body or a single name and stays as it is.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Who had a part: the name of the index, and a value of `Contribution.Role`."""

    name: str
    role: str = "author"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """What citations are made of; everything but the title may be empty."""

    title: str
    subtitle: str = ""
    people: Sequence[Person] = ()
    """In the order of the title page."""
    material: str = "book"
    """A value of `MaterialType`."""
    place: str = ""
    publisher: str = ""
    year: int | None = None
    year_note: str = ""
    """The year as printed, when it is no plain number."""
    edition: str = ""
    pages: str = ""
    """As printed: «320 с. : ил. ; 20 см»."""
    series: str = ""
    series_number: str = ""
    isbns: Sequence[str] = ()
    language: str = ""
    """A code of ISO 639-2/B."""
    volume: str = ""
    """The designation of a volume or issue: «Т. 4», «2024, № 3»."""
    whole: str = ""
    """Of a volume or issue, the title of the set or journal that it is a part of."""
    host: str = ""
    """Of an article, what it appeared in: «Вопросы философии. — 1992. — № 10. — С. 76-86»."""
    url: str = ""

    @property
    def authors(self) -> list[str]:
        """Names of authors and composers."""
        return self.named("author", "composer")

    @property
    def is_cyrillic(self) -> bool:
        """Whether the words around it are Russian rather than English."""
        return bool(re.search("[А-Яа-яЁё]", self.title))

    @property
    def number(self) -> str:
        """The volume's designation without the year of publication: «2024, № 3» of 2024 -> «№ 3»."""
        return self.volume.strip().removeprefix("" if self.year is None else str(self.year)).lstrip(",.;: ")

    @property
    def own_title(self) -> str:
        """The title with subtitle of a volume that is not called as its whole; «» for every other book."""
        is_other = bool(self.whole) and bare(self.title).casefold() != bare(self.whole).casefold()
        return _with_subtitle(self, " : ") if is_other else ""

    def named(self, *roles: str) -> list[str]:
        """Names of those with one of these roles, each once."""
        return list(dict.fromkeys(person.name for person in self.people if person.role in roles))


# --- Names ---------------------------------------------------------------------------------------------------------

_SUFFIX = re.compile(r"(?:Jr|Sr|мл|ст)\.?|[IVX]+")


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the index taken apart; `given` and `suffix` may be empty."""

    surname: str
    given: str = ""
    suffix: str = ""

    @property
    def initials(self) -> str:
        """«Лев Николаевич» -> «Л. Н.», «Жан-Жак» -> «Ж.-Ж.»; what is abbreviated already and particles stay."""
        spaced = re.sub(r"\.(?=[^\s.,-])", ". ", self.given)
        return " ".join("-".join(map(_initial, word.split("-"))) for word in spaced.split())

    def surname_first(self, separator: str) -> str:
        """«Толстой Л. Н.», «Tolstoy, L., Jr.»: `separator` stands between the parts."""
        return separator.join(filter(None, (self.surname, self.initials, self.suffix)))

    @property
    def initials_first(self) -> str:
        """«Л. Н. Толстой»."""
        return " ".join(filter(None, (self.initials, self.surname, self.suffix)))


def _initial(word: str) -> str:
    return word if word.endswith(".") or word.islower() or not word else f"{word[0]}."


def name_of(text: str) -> Name:
    """The parts of a name: titles («граф»), dates and full forms in brackets are left out."""
    surname, *rest = (part.strip() for part in re.sub(r"\s*\([^)]*\)", "", text).split(","))
    suffix = next((part for part in rest[1:] if _SUFFIX.fullmatch(part)), "")
    return Name(surname, rest[0] if rest else "", suffix)


# --- Shared parts --------------------------------------------------------------------------------------------------

_ENDS = ".!?…"


def _sentences(parts: Iterable[str]) -> str:
    """The parts that are not empty, each ended by a full stop unless it ends with a sign of its own."""
    kept = [part.strip() for part in parts if part.strip()]
    return " ".join(part if part[-1] in _ENDS else f"{part}." for part in kept)


def bare(text: str) -> str:
    """The text without the signs that a record leaves at its end."""
    return text.strip().rstrip(".,:;/ ")


def _with_subtitle(cited: Cited, colon: str) -> str:
    return colon.join(filter(None, (cited.title.strip(), cited.subtitle.strip())))


def _host_parts(cited: Cited) -> list[str]:
    """What an article appeared in, in parts: title, year, number, pages."""
    return [bare(part) for part in re.split(r"\.?\s+[—–-]\s+", cited.host) if bare(part)]


def _found(parts: Iterable[str], pattern: str) -> str:
    """What follows a word like «№» or «С.» in one of the parts, else «»."""
    matches = (re.match(rf"(?:{pattern})\s*(.+)", part, re.IGNORECASE) for part in parts)
    return next((match[1] for match in matches if match), "")


_VOLUME = r"т\.|том|vol\.?|v\."
_NUMBER = r"№|вып\.|no\.?|iss\.?|nr\.?"
_PAGES = r"с\.|стр\.|pp?\.|s\."
_PART = re.compile(
    rf"(?:{_VOLUME}|часть|ч\.|книга|кн\.|part|pt\.|book|bd\.)\s*(\d+(?:[-–/]\d+)?|[IVXLC]+)", re.IGNORECASE
)


def _volume_and_issue(cited: Cited) -> tuple[str, str]:
    """What reference managers want: «Т. 4» -> («4», «»), «2024, № 3» -> («», «3»); other designations as they are."""
    if volume := _PART.fullmatch(cited.number):
        return volume[1], ""
    if issue := _found([cited.number], _NUMBER):
        return "", issue
    return cited.number, ""


def dashed(text: str) -> str:
    """Ranges with the dash of printers: «76-86» -> «76–86»."""
    return re.sub(r"(?<=\d)\s*[-—]\s*(?=\d)", "–", text)


# --- GOST R 7.0.5-2008 ---------------------------------------------------------------------------------------------

MOST_IN_HEADING = 3
"""GOST R 7.0.5-2008, 4.10: a heading names up to three authors, more stand behind the title."""
_PLACES = {
    "москва": "М.",
    "санкт-петербург": "СПб.",
    "ленинград": "Л.",
    "петроград": "Пг.",
    "нижний новгород": "Н. Новгород",
    "ростов-на-дону": "Ростов н/Д.",
}
"""Places that references shorten (GOST 7.80, GOST R 7.0.12)."""
_MEDIA = {
    "music": "Ноты",
    "map": "Карты",
    "audio": "Звукозапись",
    "video": "Видеозапись",
    "image": "Изоматериал",
    "electronic": "Электронный ресурс",
    "manuscript": "Рукопись",
    "game": "Предмет",
}
"""General material designations (GOST 7.1-2003, appendix); text needs none."""
_HELPERS = {"editor": ("ред.", "ed."), "compiler": ("сост.", "comp."), "translator": ("пер.", "transl.")}


def gost(cited: Cited) -> str:
    """The reference of GOST R 7.0.5-2008: «Толстой Л. Н. Война и мир : роман. М. : АСТ, 2014. 1300 с.»."""
    authors = [name_of(name) for name in cited.authors]
    in_heading = authors if len(authors) <= MOST_IN_HEADING else []
    heading = ", ".join(name.surname_first(" ") for name in in_heading)
    name, more = (cited.whole, "") if cited.own_title else (cited.title, cited.subtitle)
    medium = f" [{_MEDIA[cited.material]}]" if cited.material in _MEDIA else ""
    title = " : ".join(filter(None, (f"{name.strip()}{medium}", more.strip())))
    statement = _gost_statement(cited, [] if in_heading else authors)
    described = f"{bare(title)} / {statement}" if statement else title
    if cited.material == "article" and (host := _host_parts(cited)):
        if cited.year is not None and not any(str(cited.year) in part for part in host[1:]):
            host.insert(1, str(cited.year))
        return _sentences([heading, f"{bare(described)} // {dashed(_sentences(host))}"])
    volume = " : ".join(filter(None, (bare(cited.number), cited.own_title)))
    imprint = _gost_imprint(cited)
    return _sentences([heading, described, cited.edition, imprint, volume, _extent(cited), _gost_series(cited)])


def _gost_statement(cited: Cited, authors: Sequence[Name]) -> str:
    """What stands behind the slash: authors that are in no heading, bodies, editors, compilers, translators."""
    others = " [и др.]" if cited.is_cyrillic else " [et al.]"
    parts = [authors[0].initials_first + (others if len(authors) > 1 else "")] if authors else []
    if bodies := cited.named("body"):
        parts.append(", ".join(bodies[:MOST_IN_HEADING]))
    for role, words in _HELPERS.items():
        if names := [name_of(name).initials_first for name in cited.named(role)]:
            shown = names if len(names) <= MOST_IN_HEADING else [names[0] + others]
            parts.append(f"{words[0] if cited.is_cyrillic else words[1]} {', '.join(shown)}")
    return " ; ".join(parts)


def _gost_imprint(cited: Cited) -> str:
    place = _PLACES.get(bare(cited.place).casefold(), cited.place.strip(" ,:;"))
    published = " : ".join(filter(None, (place, bare(cited.publisher))))
    return ", ".join(filter(None, (published, year_of(cited))))


def year_of(cited: Cited) -> str:
    """The year as printed, else as a number."""
    return cited.year_note.strip() or ("" if cited.year is None else str(cited.year))


def _extent(cited: Cited) -> str:
    """«320 с. : ил. ; 20 см» -> «320 с.»."""
    extent = re.split(r"\s*[:;+]", cited.pages, maxsplit=1)[0].strip()
    if extent.isdigit():
        return f"{extent} {'с.' if cited.is_cyrillic else 'p.'}"
    return extent


def _gost_series(cited: Cited) -> str:
    if not cited.series:
        return ""
    return f"({' ; '.join(filter(None, (bare(cited.series), bare(cited.series_number))))})"


# --- APA -----------------------------------------------------------------------------------------------------------

MOST_IN_APA = 20
"""Publication Manual of the APA, 7th edition, 9.8: up to twenty authors are named."""
_APA_MEDIA = {
    "music": "Sheet music",
    "map": "Map",
    "audio": "Audio recording",
    "video": "Film",
    "image": "Image",
    "manuscript": "Manuscript",
    "game": "Game",
}


def apa(cited: Cited) -> str:
    """The reference of APA's 7th edition: «Tolstoy, L. N. (1922). War and peace (L. Maude, Trans.). Oxford.»."""
    date = f"({cited.year if cited.year is not None else year_of(cited) or 'n.d.'})"
    makers, helpers = cited.authors or cited.named("body"), cited.named("editor")
    by = _apa_list([name_of(name).surname_first(", ") for name in makers])
    if not makers and helpers:
        by = f"{_apa_list([name_of(name).surname_first(', ') for name in helpers])} ({_counted('Ed.', helpers)})"
        helpers = []
    title = _with_subtitle(cited, ": ")
    if cited.own_title:
        title = f"{bare(cited.whole)}: {_sentences([cited.number, title])}".rstrip(".")
    notes = [
        f"{_apa_list([name_of(name).initials_first for name in names], last=' & ')}, {word}"
        for names, word in ((helpers, _counted("Ed.", helpers)), (cited.named("translator"), "Trans."))
        if names
    ]
    notes += filter(None, (cited.edition.strip(), "" if cited.own_title else cited.number))
    if notes:
        title += f" ({'; '.join(notes)})"
    if medium := _APA_MEDIA.get(cited.material):
        title += f" [{medium}]"
    source = cited.publisher
    if cited.material == "article" and (host := _host_parts(cited)):
        source = _apa_host(host)
    if not by:
        return _sentences([title, date, source])
    return _sentences([by, date, title, source])


def _counted(word: str, names: Sequence[str]) -> str:
    return word if len(names) == 1 else word.replace(".", "s.")


def _apa_list(names: Sequence[str], *, last: str = ", & ") -> str:
    if len(names) > MOST_IN_APA:
        return f"{', '.join(names[: MOST_IN_APA - 1])}, . . . {names[-1]}"
    return last.join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def _apa_host(parts: Sequence[str]) -> str:
    volume, number, pages = (_found(parts[1:], words) for words in (_VOLUME, _NUMBER, _PAGES))
    issue = volume + (f"({number})" if number else "")
    return ", ".join(filter(None, (parts[0], issue, dashed(pages))))


# --- RIS -----------------------------------------------------------------------------------------------------------

_RIS_TYPES = {
    "book": "BOOK",
    "journal": "JFULL",
    "article": "JOUR",
    "music": "MUSIC",
    "map": "MAP",
    "audio": "SOUND",
    "video": "VIDEO",
    "image": "ART",
    "electronic": "EBOOK",
    "manuscript": "MANSCPT",
}


def ris(cited: Cited) -> str:
    """A record of the RIS format (Research Information Systems), lines ended by CR LF."""
    host = _host_parts(cited) if cited.material == "article" else []
    extent = re.search(r"\d+", _extent(cited))
    pages = dashed(_found(host[1:], _PAGES)).split("–") if host else []
    volume, issue = _volume_and_issue(cited)
    own = cited.whole if cited.own_title else ""
    lines: list[tuple[str, str]] = [("TY", _RIS_TYPES.get(cited.material, "GEN"))]
    lines += [("AU", _plain(name)) for name in cited.authors + cited.named("body")]
    lines += [("ED", _plain(name)) for name in cited.named("editor", "compiler")]
    lines += [("A4", _plain(name)) for name in cited.named("translator")]
    lines += [
        ("TI", _with_subtitle(cited, ": ")),
        ("T2", host[0] if host else own or cited.series),
        ("T3", cited.series if own else ""),
        ("PY", "" if cited.year is None else str(cited.year)),
        ("ET", cited.edition),
        ("CY", cited.place),
        ("PB", cited.publisher),
        ("VL", _found(host[1:], _VOLUME) if host else volume or ("" if cited.volume else cited.series_number)),
        ("IS", _found(host[1:], _NUMBER) if host else issue),
        ("SP", pages[0] if pages else (extent[0] if extent and not host else "")),
        ("EP", pages[1] if len(pages) > 1 else ""),
        ("LA", cited.language),
        *(("SN", isbn) for isbn in cited.isbns),
        ("UR", cited.url),
    ]
    text = "".join(f"{tag}  - {_one_line(value)}\r\n" for tag, value in lines if value.strip())
    return f"{text}ER  - \r\n"


def _plain(name: str) -> str:
    """Surname, given names, suffix: as RIS and BibTeX take them."""
    parts = name_of(name)
    return ", ".join(filter(None, (parts.surname, parts.given, parts.suffix)))


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- BibTeX --------------------------------------------------------------------------------------------------------

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "{}&%$#_"},
}
_LATIN = {
    **dict(zip("абвгдеёзийклмнопрстуфыэ", "abvgdeeziiklmnoprstufye", strict=True)),
    **{"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "iu", "я": "ia"},
}
"""Letters of keys, as in passports."""


def bibtex(cited: Cited) -> str:
    """An entry of BibTeX in UTF-8; its key is surname and year in Latin letters: tolstoi1869."""
    host = _host_parts(cited) if cited.material == "article" else []
    kind = "article" if host else "book" if cited.material in ("book", "journal", "electronic") else "misc"
    volume, issue = _volume_and_issue(cited)
    fields: list[tuple[str, str]] = [
        ("author", _bibtex_names(cited.authors + cited.named("body"))),
        ("editor", _bibtex_names(cited.named("editor", "compiler"))),
        ("translator", _bibtex_names(cited.named("translator"))),
        ("title", _escaped(_with_subtitle(cited, ": "))),
        ("journal", _escaped(host[0]) if host else ""),
        ("year", "" if cited.year is None else str(cited.year)),
        ("edition", _escaped(cited.edition)),
        ("address", _escaped(cited.place)),
        ("publisher", _escaped(cited.publisher)),
        ("series", _escaped(cited.whole if cited.own_title else cited.series)),
        ("volume", _escaped(_found(host[1:], _VOLUME) if host else volume)),
        ("number", _escaped(_found(host[1:], _NUMBER) if host else issue or ("" if volume else cited.series_number))),
        ("pages", dashed(_found(host[1:], _PAGES)).replace("–", "--")),
        ("isbn", cited.isbns[0] if cited.isbns else ""),
        ("language", cited.language),
        ("url", cited.url),
    ]
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields if value)
    return f"@{kind}{{{file_name(cited)},\n{body}}}\n"


def _bibtex_names(names: Iterable[str]) -> str:
    shown = []
    for text in names:
        name = name_of(text)
        parts = map(_escaped, filter(None, (name.surname, name.suffix, name.given)))
        shown.append(", ".join(parts) if name.given else f"{{{_escaped(name.surname)}}}")
    return " and ".join(shown)


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(sign, sign) for sign in _one_line(text))


def file_name(cited: Cited) -> str:
    """A short name in Latin letters, for keys and files: surname and year, tolstoi1869."""
    first = next(iter(cited.authors or cited.named("editor", "compiler", "body")), cited.title)
    surname = "".join(_LATIN.get(letter, letter) for letter in name_of(first).surname.lower())
    letters = re.sub(r"[^a-z]", "", surname)[:20] or "book"
    return letters + ("" if cited.year is None else str(abs(cited.year)))


TEXTS: dict[str, Callable[[Cited], str]] = {"gost": gost, "apa": apa}
"""Citations to read and copy."""
FILES: dict[str, tuple[Callable[[Cited], str], str]] = {
    "ris": (ris, "application/x-research-info-systems"),
    "bib": (bibtex, "application/x-bibtex"),
}
"""Citations to download: how they are made and their media type, by the ending of the file's name."""
