"""The cast is that of the circulation tests: Anna lends, Boris runs the library, Vera and Gleb borrow; Darya too."""

import pytest

from accounts.tests.factories import ReaderFactory, UserFactory
from circulation.tests.conftest import (
    NOW,
    adult,
    anna,
    book_type,
    boris,
    centre,
    copy,
    gleb,
    new_copy,
    north,
    rule,
    vera,
)
from reservations.actions import reserve


@pytest.fixture
def darya(adult, north):
    """A third reader, of the other branch."""
    return ReaderFactory(
        full_name="Дарья Третья",
        card_number="R000003",
        email="darya@example.org",
        category=adult,
        home_branch=north,
        user=UserFactory(email="darya@example.org", full_name="Дарья Третья"),
    )


@pytest.fixture
def place(copy, centre, anna):
    """A function: reserve the book of `copy` for a reader, by Anna at the main branch unless told otherwise."""

    def make(reader, **changes):
        usual = {"book_id": copy.book_id, "pickup_branch_id": centre.pk, "by": anna, "now": NOW}
        return reserve(reader_id=reader.pk, **(usual | changes)).reservation

    return make
