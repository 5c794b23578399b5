"""Bibliographic descriptions in the areas of ISBD, as GOST R 7.0.100-2018 prescribes them for catalogues.

Pure functions of `Cited`. Unlike a reference (`catalog.citations`) a description says all that the record says and
shortens nothing; it begins with the title, and the heading stands apart.
"""

import re
from collections.abc import Iterable, Sequence

from catalog.citations import Cited, bare, dashed, name_of, year_of

MOST_IN_HEADING = 3
"""GOST R 7.0.100-2018 and GOST 7.80-2000: a book of four authors or more is entered under its title."""
MOST_NAMED = 4
"""Authors that a statement of responsibility names; of more, the first three."""
MOST_ISBNS = 3
_HELPERS = {
    "compiler": ("сост.", "compiled by"),
    "editor": ("ред.", "edited by"),
    "translator": ("пер.", "translated by"),
    "foreword": ("авт. предисл.", "foreword by"),
    "illustrator": ("худож.", "illustrated by"),
    "artist": ("худож.", "art by"),
    "narrator": ("текст читает", "read by"),
}
"""Words before names in the nominative, shortened by GOST R 7.0.12-2011: «ил.» and «предисл.» want the genitive."""
_PERFORMED = ("исполн.", "performed by")
"""What an artist did for a recording or film."""
_ADDED = ("body", "editor", "compiler", "translator")
"""Roles that a catalogue has cards for, besides authors."""
_TEXT = ("Текст : непосредственный", "Text : unmediated")
_CONTENT = {
    "book": _TEXT,
    "journal": _TEXT,
    "article": _TEXT,
    "manuscript": _TEXT,
    "music": ("Музыка (знаковая) : непосредственная", "Music (notated) : unmediated"),
    "map": ("Изображение (картографическое) : непосредственное", "Image (cartographic) : unmediated"),
    "video": ("Изображение (движущееся) : видео", "Image (moving) : video"),
    "image": ("Изображение (неподвижное) : непосредственное", "Image (still) : unmediated"),
    "electronic": ("Текст : электронный", "Text : electronic"),
    "game": ("Предмет : непосредственный", "Object : unmediated"),
}
_SOUND = {
    True: ("Музыка (исполнительская) : аудио", "Music (performed) : audio"),
    False: ("Устная речь : аудио", "Spoken word : audio"),
}
"""Whether an audio recording has a composer."""


def heading(cited: Cited) -> str:
    """The name that the book is entered under, «Толстой, Лев Николаевич»; «» when that is its title."""
    authors = cited.authors
    return bare(authors[0]) if 1 <= len(authors) <= MOST_IN_HEADING else ""


def added_names(cited: Cited) -> list[str]:
    """The other names that a catalogue has cards under: further authors, bodies, editors, compilers, translators."""
    authors = cited.authors if len(cited.authors) <= MOST_NAMED else cited.authors[:3]
    names = dict.fromkeys(bare(name) for name in [*authors, *cited.named(*_ADDED)])
    names.pop(heading(cited), None)
    return list(names)


def description(cited: Cited) -> str:
    """Title and responsibility, edition, imprint, extent, series, ISBN, content, each area after a full stop and dash.

    An article is described up to the medium, and what it appeared in follows two slashes.
    """
    statement = _statement(cited)
    title = f"{_title(cited)} / {statement}" if statement else _title(cited)
    if cited.material == "article" and cited.host:
        host = re.sub(r"\s+[—-]\s+", " – ", dashed(cited.host).strip())
        return f"{_areas([title, _content(cited)]).rstrip('.')} // {_areas([host])}"
    isbns = [f"ISBN {value}" for value in cited.isbns[:MOST_ISBNS]]
    return _areas([title, cited.edition, _imprint(cited), _extent(cited), _series(cited), *isbns, _content(cited)])


def _areas(parts: Iterable[str]) -> str:
    kept = [_one_line(part) for part in parts if part.strip()]
    return " – ".join(part if part.endswith((".", "…")) else f"{part}." for part in kept)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _title(cited: Cited) -> str:
    whole = bare(cited.whole) if cited.own_title else ""
    title = bare(cited.own_title or " : ".join(filter(None, (bare(cited.title), cited.subtitle.strip()))))
    volume = bare(cited.volume)
    if whole:
        return f"{whole}. " + ", ".join(filter(None, (volume, title)))
    return ". ".join(filter(None, (title, volume)))


def _statement(cited: Cited) -> str:
    """Who made it, as behind the slash: authors, bodies, then everybody else by what they did."""
    language = 0 if cited.is_cyrillic else 1
    parts = []
    if authors := [name_of(name).initials_first for name in cited.authors]:
        parts.append(_list(authors, language))
    if bodies := cited.named("body"):
        parts.append(_list([bare(name) for name in bodies], language))
    helped: dict[str, list[str]] = {}
    for role, words in _HELPERS.items():
        is_performer = role == "artist" and cited.material in ("audio", "video")
        word = (_PERFORMED if is_performer else words)[language]
        names = [name_of(name).initials_first for name in cited.named(role)]
        helped[word] = list(dict.fromkeys([*helped.get(word, ()), *names]))
    parts += [f"{word} {_list(names, language)}" for word, names in helped.items() if names]
    return " ; ".join(parts)


def _list(names: Sequence[str], language: int) -> str:
    if len(names) > MOST_NAMED:
        return ", ".join(names[:3]) + (" [и др.]", " [et al.]")[language]
    return ", ".join(names)


def _imprint(cited: Cited) -> str:
    published = " : ".join(filter(None, (cited.place.strip(" ,:;"), bare(cited.publisher))))
    return ", ".join(filter(None, (published, year_of(cited))))


def _extent(cited: Cited) -> str:
    extent = cited.pages.strip()
    return f"{extent} {'с.' if cited.is_cyrillic else 'p.'}" if extent.isdigit() else extent


def _series(cited: Cited) -> str:
    parts = filter(None, (bare(cited.series), bare(cited.series_number)))
    return f"({' ; '.join(parts)})" if cited.series.strip() else ""


def _content(cited: Cited) -> str:
    if cited.material == "audio":
        words = _SOUND[bool(cited.named("composer"))]
    else:
        words = _CONTENT.get(cited.material, ("", ""))
    return words[0 if cited.is_cyrillic else 1]
