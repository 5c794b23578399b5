"""The cast of the cash desk's tests: Anna takes money, Boris runs the library, Vera and Gleb owe."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.tests.factories import AdminFactory, LibrarianFactory, ReaderFactory, UserFactory
from cashdesk import actions
from cashdesk.models import Kind, Method
from policies.tests.factories import BranchFactory

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Monday 2 March 2026, noon in Moscow."""


def roubles(text):
    """An amount, exactly."""
    return Decimal(text)


@pytest.fixture
def centre(db):
    """The main branch, in Moscow."""
    return BranchFactory(code="centre", name="Центр")


@pytest.fixture
def north(db):
    """Another branch."""
    return BranchFactory(code="north", name="Север")


@pytest.fixture
def anna(db):
    """A librarian."""
    return LibrarianFactory(full_name="Анна Библиотекарь", email="anna@example.org")


@pytest.fixture
def boris(db):
    """An administrator."""
    return AdminFactory(full_name="Борис Директор", email="boris@example.org")


@pytest.fixture
def vera(centre):
    """A reader who signs in."""
    user = UserFactory(email="vera@example.org", full_name="Вера Читатель")
    return ReaderFactory(full_name="Вера Читатель", card_number="R000001", home_branch=centre, user=user)


@pytest.fixture
def gleb(centre):
    """Another reader who signs in."""
    user = UserFactory(email="gleb@example.org", full_name="Глеб Сосед")
    return ReaderFactory(full_name="Глеб Сосед", card_number="R000002", home_branch=centre, user=user)


class Till:
    """The actions with the usual people and places, each a minute after the one before."""

    def __init__(self, reader, by, branch):
        self.reader, self.by, self.branch, self.now = reader, by, branch, NOW

    def _act(self, act, usual, changes):
        self.now += timedelta(minutes=1)
        return act(**({"by": self.by, "now": self.now} | usual | changes))

    def charge(self, amount, **changes):
        """Make the reader owe, for something by hand unless told otherwise."""
        usual = {
            "reader_id": self.reader.pk,
            "kind": Kind.MANUAL,
            "amount": roubles(amount),
            "branch_id": self.branch.pk,
            "reason": "Копии",
        }
        return self._act(actions.charge, usual, changes)

    def pay(self, amount, **changes):
        """Take cash."""
        usual = {
            "reader_id": self.reader.pk,
            "amount": roubles(amount),
            "method": Method.CASH,
            "branch_id": self.branch.pk,
        }
        return self._act(actions.pay, usual, changes)

    def waive(self, entry, amount=None, **changes):
        """Forgive."""
        usual = {"charge_uid": entry.uid, "amount": amount and roubles(amount), "reason": "Болел"}
        return self._act(actions.waive, usual, changes)

    def refund(self, amount, **changes):
        """Give cash back."""
        usual = {
            "reader_id": self.reader.pk,
            "amount": roubles(amount),
            "method": Method.CASH,
            "reason": "По заявлению",
            "branch_id": self.branch.pk,
        }
        return self._act(actions.refund, usual, changes)

    def reverse(self, entry, **changes):
        """Undo."""
        usual = {"entry_uid": entry.uid, "reason": "Ошибка", "branch_id": self.branch.pk}
        return self._act(actions.reverse, usual, changes)


@pytest.fixture
def till(vera, boris, centre):
    """Boris at the main desk, with Vera before him."""
    return Till(vera, boris, centre)
