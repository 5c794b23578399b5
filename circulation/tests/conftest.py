"""The cast of the tests, and what is lent to them."""

import pytest

from accounts.tests.cast import NOW, adult, anna, boris, centre, gleb, north, rule, vera
from catalog.tests.factories import BookFactory, CopyFactory
from policies.tests.factories import ItemTypeFactory


@pytest.fixture
def book_type(rule):
    """The item type of ordinary books."""
    return ItemTypeFactory(code="book", name="Книга")


@pytest.fixture
def copy(centre, book_type):
    """A copy of «Война и мир» on the shelf of the main branch."""
    book = BookFactory(title="Война и мир", authors=["Толстой, Лев"])
    return CopyFactory(book=book, branch=centre, item_type=book_type, inventory_number="INV-1", barcode="4600000001")


@pytest.fixture
def new_copy(centre, book_type):
    """A function: another copy, of another book unless given."""

    def make(**fields):
        return CopyFactory(**{"branch": centre, "item_type": book_type, **fields})

    return make
