"""Each action locks the reader before it writes anything into the ledger."""

import inspect

import pytest

from cashdesk import actions
from tests.concurrency import assert_locks_precede_writes

pytestmark = pytest.mark.django_db


def charge(till):
    till.pay("5", keeps_rest=True)
    return lambda: till.charge("10")


def pay(till):
    till.charge("10")
    return lambda: till.pay("10")


def waive(till):
    owed = till.charge("10")
    return lambda: till.waive(owed)


def refund(till):
    till.pay("10", keeps_rest=True)
    return lambda: till.refund("10")


def reverse(till):
    owed = till.charge("10")
    till.pay("10")
    return lambda: till.reverse(owed)


ACTS = (charge, pay, waive, refund, reverse)


@pytest.mark.parametrize("prepare", ACTS)
def test_locks_precede_writes(till, prepare):
    assert_locks_precede_writes(prepare(till))


def test_every_action_is_tried_above():
    """A new action of the module takes its place in ACTS, its name first, unless its caller locks."""
    named = inspect.getmembers(actions, inspect.isfunction)
    own = {name: act.__doc__ for name, act in named if act.__module__ == actions.__name__ and name[0] != "_"}
    writing = {name for name, told in own.items() if not told.startswith("Under the caller's locks")}
    assert {name for name in writing if not any(act.__name__.startswith(name) for act in ACTS)} == set()
