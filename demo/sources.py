"""The demo library's tables, read into plain values (`demo/data/README.md` explains the columns)."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Title:
    """One line of books.tsv."""

    language: str
    """Three letters, ISO 639-2/B."""
    material: str
    class_mark: str
    year: int
    title: str
    people: tuple[tuple[str, str], ...]
    """(name, role) in the order of the title page."""
    genres: tuple[str, ...]
    subjects: tuple[str, ...]
    publisher: str
    place: str
    isbn: str
    """13 digits, or nothing."""
    pages: str
    series: str
    series_number: str
    description: str

    @property
    def call_number(self) -> str:
        """Class and the first three letters of what the book is filed under: «84(2=411.2)5 ПУШ»."""
        heading = self.people[0][0] if self.people else self.title
        letters = "".join(filter(str.isalnum, heading))[:3].upper()
        return f"{self.class_mark} {letters}".strip()

    @property
    def item_type(self) -> str:
        """The code of the item type that its copies have."""
        by_material = {"journal": "journal", "video": "disc", "game": "game"}
        return by_material.get(self.material, "textbook" if "учебник" in self.genres else "book")


@dataclass(frozen=True, slots=True)
class Person:
    """One line of readers.tsv."""

    name: str
    language: str
    category: str
    branch: str
    age: int
    birthday: str
    """Month and day, 02-29."""
    contact: str
    """What the library knows of them: email, phone, parent (the parent's e-mail and phone), none."""
    story: str

    def born_on(self, today: date) -> date:
        """The birth date that makes them `age` years old on `today`; of 29 February, in a leap year."""
        month, day = map(int, self.birthday.split("-"))
        year = today.year - self.age - ((month, day) > (today.month, today.day))
        while (month, day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
            year -= 1
        return date(year, month, day)


def titles() -> list[Title]:
    """Every book of the demo library, in the order of the file."""
    return [
        Title(
            language=row["language"],
            material=row["material"],
            class_mark=row["class"],
            year=int(row["year"]),
            title=row["title"],
            people=tuple(_with_role(person) for person in _split(row["people"])),
            genres=tuple(_split(row["genres"])),
            subjects=tuple(_split(row["subjects"])),
            publisher=row["publisher"],
            place=row["place"],
            isbn=row["isbn"],
            pages=row["pages"],
            series=row["series"],
            series_number=row["series_number"],
            description=row["description"],
        )
        for row in _rows("books.tsv")
    ]


def people() -> list[Person]:
    """Every reader of the demo library, in the order of the file."""
    return [
        Person(
            name=row["name"],
            language=row["language"],
            category=row["category"],
            branch=row["branch"],
            age=int(row["age"]),
            birthday=row["birthday"],
            contact=row["contact"],
            story=row["story"],
        )
        for row in _rows("readers.tsv")
    ]


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as table:
        yield from csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)


def _split(cell: str) -> list[str]:
    return [part for part in cell.split("; ") if part]


def _with_role(person: str) -> tuple[str, str]:
    name, _equals, role = person.partition("=")
    return name, role or "author"
