"""Short bibliographic descriptions, as card catalogues and spreadsheets have them, taken apart.

«Бочков, Николай Павлович. Клиническая генетика [Текст] : учебник / Н. П. Бочков, 2004. - 480 с.» (GOST 7.1, 7.80).
"""

import re

from catalog.bookdata import BookData, Person
from catalog.cleaning import without_isbd
from catalog.marc import roles
from catalog.models import Contribution
from library.core.text import fold

_MEDIUM = re.compile(r"\s*\[(?:текст|электронный ресурс|видеозапись|звукозапись|ноты|карты|изоматериал)[^\]]*\]", re.I)
_TAIL = re.compile(r",\s*\[?(\d{4})\]?\s*\.\s*[-–—]\s*([^.]*\d[^.]*\.?)\s*$")
_YEAR_ONLY = re.compile(r",\s*\[?(\d{4})\]?\s*\.?\s*$")
_HEADING = re.compile(
    r"(?P<surname>[A-ZА-ЯЁ][\w’'-]+), (?P<rest>(?:[A-ZА-ЯЁ]\.\s?){1,3}|[A-ZА-ЯЁ][^.,\[:/]{1,60}\.)\s+"
    r"(?=[\"«\[A-ZА-ЯЁ0-9])"
)
_AND_OTHERS = re.compile(r"\[\s*(?:и др|et al)[^\]]*\]", re.I)


def parse(text: str) -> BookData:
    """The book of a description; what cannot be taken apart stays in the title."""
    year, pages = None, ""
    text = _MEDIUM.sub("", text.strip())
    if match := _TAIL.search(text) or _YEAR_ONLY.search(text):
        year = int(match[1])
        pages = match[2].strip() if match.re is _TAIL else ""
        text = text[: match.start()]
    description, _, statement = text.partition(" / ")
    people: list[Person] = []
    heading = _HEADING.match(description)
    if heading and (not statement or _stem(heading["surname"]) in fold(statement)):
        people.append(Person(name=f"{heading['surname']}, {heading['rest'].rstrip(' .')}".replace(" .", ".")))
        if re.fullmatch(r"(?:[A-ZА-ЯЁ]\.\s?)+", heading["rest"]):
            people[0] = Person(name=f"{heading['surname']}, {heading['rest'].strip()}")
        description = description[heading.end() :]
    title, _, subtitle = description.partition(" : ")
    for person in _responsible(statement):
        if not any(_stem(person.name) == _stem(known.name) for known in people):
            people.append(person)
    return BookData(
        title=without_isbd(title), subtitle=without_isbd(subtitle), people=tuple(people), year=year, pages=pages
    )


def _responsible(statement: str) -> list[Person]:
    """The people of a statement of responsibility, with the roles its parts name."""
    people = []
    for position, part in enumerate(_AND_OTHERS.sub("", statement).split(";")):
        role = roles.of_word(part) or (Contribution.Role.AUTHOR if position == 0 else Contribution.Role.OTHER)
        for given in part.rpartition(":")[2].split(","):
            match = re.search(r"((?:[A-ZА-ЯЁ]\.\s?){1,3})\s*([A-ZА-ЯЁ][\w’'-]+)\s*$", given.strip())
            if match:
                people.append(Person(name=f"{match[2]}, {match[1].strip()}", role=role))
    return people


def _stem(name: str) -> str:
    """What of a surname stays the same in every case: «Логвинов» in «под ред. С. В. Логвинова»."""
    return fold(name.partition(",")[0])[:6]
