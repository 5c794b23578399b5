"""The cast of the tests: Anna is a librarian, Boris runs the library, Vera and Gleb are readers."""

from datetime import UTC, date, datetime

import pytest

from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderFactory, UserFactory
from policies.tests.factories import BranchFactory, DefaultRuleFactory, ReaderCategoryFactory

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Monday 2 March 2026, noon in Moscow."""


@pytest.fixture
def rule(db):
    """The default rule: 14 days, 3 loans, 2 renewals."""
    return DefaultRuleFactory()


@pytest.fixture
def centre(rule):
    """The main branch, open every day, in Moscow."""
    return BranchFactory(code="centre", name="Центр")


@pytest.fixture
def north(rule):
    """Another branch."""
    return BranchFactory(code="north", name="Север")


@pytest.fixture
def adult(rule):
    """A category without limits of its own."""
    return ReaderCategoryFactory(code="adult", name="Взрослый")


@pytest.fixture
def anna(db):
    """A librarian."""
    return LibrarianFactory(full_name="Анна Библиотекарь", email="anna@example.org")


@pytest.fixture
def boris(db):
    """An administrator."""
    return AdminFactory(full_name="Борис Директор", email="boris@example.org")


@pytest.fixture
def vera(adult, centre):
    """A reader who signs in."""
    return ReaderFactory(
        full_name="Вера Читатель",
        card_number="R000001",
        email="vera@example.org",
        birth_date=date(1990, 5, 1),
        category=adult,
        home_branch=centre,
        user=UserFactory(email="vera@example.org", full_name="Вера Читатель"),
    )


@pytest.fixture
def gleb(adult, centre):
    """Another reader who signs in."""
    return ReaderFactory(
        full_name="Глеб Сосед",
        card_number="R000002",
        email="gleb@example.org",
        category=adult,
        home_branch=centre,
        user=UserFactory(email="gleb@example.org", full_name="Глеб Сосед"),
    )
