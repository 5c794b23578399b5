"""One line of a mapping table: which fields of a record say one thing about a book."""

from typing import NamedTuple

from catalog.bookdata import BookData, Person


class Row(NamedTuple):
    """What stands where, with an example that the tests read."""

    what: str
    """A field of BookData."""
    where: str
    """Fields and subfields in the order of preference."""
    example: str
    """Fields of a record, a line each: «245 10$aTitle»; # is a blank indicator."""
    said: str
    """What the catalogue says then; several values between semicolons."""


def said(book: BookData, what: str) -> str:
    """What the book says for the field `what`, as in `Row.said`."""
    value = getattr(book, what)
    if isinstance(value, tuple):
        return "; ".join(_person(each) if isinstance(each, Person) else str(each) for each in value)
    return "" if value is None else str(value)


def _person(person: Person) -> str:
    dates = f" ({person.dates})" if person.dates else ""
    return f"{person.name}{dates}: {person.role}"
