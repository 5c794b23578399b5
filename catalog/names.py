"""Names of people as indexes have them: «Лев Николаевич Толстой» and «Толстой Л.Н.» as «Толстой, …»."""

import re

_INITIALS = re.compile(r"(?:[A-ZА-ЯЁ][a-zа-яё]?\.[\s-]?)+[A-ZА-ЯЁ]?\.?$")
_PATRONYMIC = re.compile(r"(?:вич|ьич|вна|чна|шна|оглы|кызы)$")
_RUSSIAN_SURNAME = re.compile(
    r"(?:[оеё]в|[оеё]ва|[иы]н|[иы]на|ский|ская|цкий|цкая|ой|ко|ук|юк|ян|ич|швили|дзе|ых|их|ман|берг)$"
)
_CYRILLIC = re.compile("[А-Яа-яЁё]")
_PARTICLES = frozenset(
    ["de", "del", "della", "der", "di", "du", "la", "le", "van", "von", "den", "ten", "da", "dos", "das", "al", "el"]
)
_PARTICLES |= {"bin", "ibn", "фон", "ван", "де", "дер"}
_SUFFIXES = re.compile(r",?\s+(Jr\.?|Sr\.?|I{1,3}|IV|V|PhD|Ph\.D\.|M\.?D\.?)$")
_BODY = re.compile(
    r"\b(?:society|institute|university|press|inc|ltd|llc|group|association|staff|editors?|magazine|company|council|"
    r"committee|foundation|museum|department|ministry|office|books|publishing|publications|&|and|the|of|team|school|"
    r"институт|университет|академия|общество|министерство|комитет|музей|библиотека|центр|издательство|редакция)\b",
    re.IGNORECASE,
)


def split(text: str) -> list[str]:
    """The names in a cell: between semicolons, bars or lines, else between commas that divide whole names.

    «Толстой, Лев» is one name (a lone word before the comma), «J.K. Rowling, Mary GrandPré» are two.
    """
    if parts := [part.strip(" ,") for part in re.split(r"[;|\n]", text) if part.strip(" ,")]:
        if len(parts) > 1:
            return parts
        commas = [part.strip() for part in parts[0].split(",") if part.strip()]
        if len(commas) > 1 and " " in commas[0] and not _SUFFIXES.fullmatch(f" {commas[1]}"):
            return commas
    return parts


def inverted(name: str) -> str:
    """The name with its surname first and a comma after it; names of bodies and single words as they are."""
    name = re.sub(r"\s+", " ", name).strip(" ,;")
    if "," in name or " " not in name or _BODY.search(name):
        return name
    suffix = ""
    if match := _SUFFIXES.search(name):
        name, suffix = name[: match.start()], f", {match[1]}"
    name = re.sub(r"(?<=\.)(?=[A-ZА-ЯЁ])", " ", name)
    words = name.split(" ")
    if len(words) == 1:
        return name + suffix
    return _arranged(words) + suffix


def _arranged(words: list[str]) -> str:
    """The words of a personal name, arranged."""
    initials = [bool(_INITIALS.fullmatch(word)) for word in words]
    if not initials[0] and all(initials[1:]):
        return f"{words[0]}, {' '.join(words[1:])}"
    if _CYRILLIC.search(words[0]) and not initials[0]:
        is_surname_first = not (
            (len(words) == 3 and _PATRONYMIC.search(words[1]))
            or (len(words) == 2 and _RUSSIAN_SURNAME.search(words[1]) and not _RUSSIAN_SURNAME.search(words[0]))
        )
        if is_surname_first:
            return f"{words[0]}, {' '.join(words[1:])}"
    start = len(words) - 1
    while start > 1 and words[start - 1].lower() in _PARTICLES:
        start -= 1
    return f"{' '.join(words[start:])}, {' '.join(words[:start])}"
