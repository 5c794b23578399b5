"""Each action locks the book of the queue before it writes anything, and copy and reader after it."""

import inspect
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from catalog.models import Copy
from policies.models import LendingRule
from reservations import actions
from reservations.tests.conftest import NOW
from reservations.tests.factories import ReservationFactory
from tests.concurrency import assert_locks_precede_writes

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(copy, vera, gleb, darya, boris, centre, north):
    """A copy and two who wait for it, the first of them at the other branch."""
    return SimpleNamespace(
        copy=copy,
        darya=darya,
        centre=centre,
        north=north,
        common={"by": boris, "now": NOW},
        first=ReservationFactory(book=copy.book, reader=vera, pickup_branch=north),
        second=ReservationFactory(book=copy.book, reader=gleb, pickup_branch=north),
    )


def ready(world):
    """The first can collect the copy at the other branch."""
    Copy.objects.filter(pk=world.copy.pk).update(status="on_hold_shelf")
    world.first.state, world.first.copy = "ready", world.copy
    world.first.ready_at, world.first.pickup_until = NOW, NOW.date()
    world.first.save()
    return world.first


def reserve_for_a_fee(world):
    LendingRule.objects.update(reservation_fee=Decimal(10))
    return lambda: actions.reserve(
        book_id=world.copy.book_id, reader_id=world.darya.pk, pickup_branch_id=world.centre.pk, **world.common
    )


def cancel_what_is_ready(world):
    pk = ready(world).pk
    return lambda: actions.cancel(reservation_id=pk, why="Передумал", **world.common)


def suspend(world):
    until = NOW.date() + timedelta(days=5)
    return lambda: actions.suspend(reservation_id=world.first.pk, until=until, **world.common)


def resume(world):
    suspend(world)()
    return lambda: actions.resume(reservation_id=world.first.pk, **world.common)


def move(world):
    return lambda: actions.move(reservation_id=world.second.pk, place=1, why="Экзамен", **world.common)


def capture_for_another_branch(world):
    return lambda: actions.capture(copy_id=world.copy.pk, branch_id=world.centre.pk, **world.common)


def pick(world):
    return lambda: actions.pick(copy_id=world.copy.pk, branch_id=world.north.pk, **world.common)


def arrive(world):
    capture_for_another_branch(world)()
    return lambda: actions.arrive(copy_id=world.copy.pk, branch_id=world.north.pk, **world.common)


def release(world):
    ready(world)
    return lambda: actions.release(copy_id=world.copy.pk, status=Copy.Status.LOST, why="Нет на полке", **world.common)


def expire_uncollected(world):
    ready(world)
    return lambda: actions.expire_uncollected(now=NOW + timedelta(days=9))


ACTS = (
    reserve_for_a_fee,
    cancel_what_is_ready,
    suspend,
    resume,
    move,
    capture_for_another_branch,
    pick,
    arrive,
    release,
    expire_uncollected,
)
UNDER_LOCKS = {"tell", "place_copy", "clear_shelf", "lend_claimed"}
"""Parts of the actions of circulation, tried there."""


@pytest.mark.parametrize("prepare", ACTS)
def test_locks_precede_writes(world, prepare):
    assert_locks_precede_writes(prepare(world))


def test_every_action_is_tried_above():
    """A new action of the module takes its place in ACTS, its name first."""
    named = inspect.getmembers(actions, inspect.isfunction)
    writing = {name for name, act in named if act.__module__ == actions.__name__ and name[0] != "_"} - UNDER_LOCKS
    assert {name for name in writing if not any(act.__name__.startswith(name) for act in ACTS)} == set()
