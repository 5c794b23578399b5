"""The cast of the tests at the cash desk: Anna takes money, Boris may forgive it, Vera and Gleb owe."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.tests.cast import NOW, adult, anna, boris, centre, gleb, north, rule, vera
from cashdesk import actions
from cashdesk.models import Kind, Method


def roubles(text):
    """An amount, exactly."""
    return Decimal(text)


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
