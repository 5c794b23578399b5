"""Each action locks what becomes scarce before it writes anything, in the documented order."""

import inspect
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from catalog.models import Copy
from circulation import actions, claims, closings, damage, renewals, undoing
from circulation.models import Loan
from circulation.rules import Reason
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from circulation.undo_rules import Step
from circulation.undoing import undo
from policies.terms import Terms
from policies.tests.factories import ClosedDayFactory
from reservations.tests.factories import ReservationFactory
from tests.concurrency import assert_locks_precede_writes

pytestmark = pytest.mark.django_db

COSTLY = Terms(suspension_days_per_day=2).as_json() | {"fine_amount": "5.00", "processing_fee": "10.00"}
LATE = NOW + timedelta(days=90)
OVERRIDING = {"overrides": set(Reason), "note": "Передают друг другу"}


@pytest.fixture
def world(copy, new_copy, vera, gleb, boris, centre, north):
    """A copy, its two readers, and whoever is at the desk."""
    return SimpleNamespace(
        copy=copy,
        new_copy=new_copy,
        vera=vera,
        gleb=gleb,
        boris=boris,
        north=north,
        desk={"by": boris, "branch_id": centre.pk},
    )


def awaited(world, **fields):
    return ReservationFactory(
        book=world.copy.book, reader=world.gleb, pickup_branch_id=world.desk["branch_id"], **fields
    )


def lent(world, **fields):
    return LoanFactory(copy=world.copy, reader=world.vera, terms=COSTLY, **fields).pk


def check_out_what_another_waits_for(world):
    awaited(world)
    return lambda: actions.check_out(
        copy_id=world.copy.pk, reader_id=world.vera.pk, now=NOW, **world.desk, **OVERRIDING
    )


def check_out_what_another_has(world):
    lent(world)
    return lambda: actions.check_out(
        copy_id=world.copy.pk, reader_id=world.gleb.pk, now=LATE, **world.desk, **OVERRIDING
    )


def check_out_another_copy_than_the_one_kept(world):
    Copy.objects.filter(pk=world.copy.pk).update(status="on_hold_shelf")
    awaited(world, state="ready", copy=world.copy, ready_at=NOW, pickup_until=NOW.date())
    other = world.new_copy(book=world.copy.book)
    return lambda: actions.check_out(copy_id=other.pk, reader_id=world.gleb.pk, now=NOW, **world.desk)


def renew_late(world):
    loan = lent(world)
    return lambda: actions.renew(loan_id=loan, by=world.boris, now=NOW + timedelta(days=20))


def declare_lost(world):
    loan = lent(world)
    return lambda: actions.declare_lost(loan_id=loan, by=world.boris, now=LATE)


def return_copy_late_and_awaited(world):
    lent(world)
    awaited(world)
    return lambda: actions.return_copy(copy_id=world.copy.pk, now=LATE, **world.desk)


def return_copy_that_was_lost(world):
    actions.declare_lost(loan_id=lent(world), by=world.boris, now=LATE)
    return lambda: actions.return_copy(copy_id=world.copy.pk, now=LATE + timedelta(days=1), **world.desk)


def return_copy_that_was_not_out_elsewhere(world):
    return lambda: actions.return_copy(copy_id=world.copy.pk, by=world.boris, branch_id=world.north.pk, now=NOW)


def claim_returned(world):
    loan = lent(world)
    return lambda: claims.claim_returned(loan_id=loan, by=world.boris, now=LATE)


def find_what_was_claimed(world):
    loan = lent(world)
    actions.declare_lost(loan_id=loan, by=world.boris, now=LATE)
    claims.claim_returned(loan_id=loan, by=world.boris, now=LATE + timedelta(days=1))
    return lambda: actions.return_copy(copy_id=world.copy.pk, now=LATE + timedelta(days=2), **world.desk)


def damage_of_what_is_out(world):
    loan = lent(world)
    return lambda: damage.record_damage(
        copy_id=world.copy.pk, note="Порвана", amount=Decimal("5.00"), loan_id=loan, now=LATE, **world.desk
    )


def repair_what_another_waits_for(world):
    Copy.objects.filter(pk=world.copy.pk).update(status="damaged")
    awaited(world)
    return lambda: damage.repair(copy_id=world.copy.pk, now=NOW, **world.desk)


def renew_automatically(world):
    lent(world)
    Loan.objects.update(terms=COSTLY | {"auto_renew": True})
    return lambda: renewals.renew_automatically(now=NOW + timedelta(days=20))


def close_days(world):
    lent(world)
    on = date(2026, 3, 15)
    ClosedDayFactory(starts_on=on)
    made = closings.close(branch_id=None, starts_on=on, ends_on=on, by=world.boris, now=NOW)
    return lambda: closings.work(closing_id=made.pk, now=NOW)


def undo_a_check_out_that_collected(world):
    Copy.objects.filter(pk=world.copy.pk).update(status="on_hold_shelf")
    awaited(world, state="ready", copy=world.copy, ready_at=NOW, pickup_until=NOW.date())
    made = actions.check_out(copy_id=world.copy.pk, reader_id=world.gleb.pk, now=NOW, **world.desk)
    return lambda: undo(loan_id=made.loan.pk, step=Step.CHECK_OUT, now=NOW, **world.desk)


def undo_a_late_renewal(world):
    loan, late = lent(world), NOW + timedelta(days=20)
    actions.renew(loan_id=loan, by=world.boris, now=late)
    return lambda: undo(loan_id=loan, step=Step.RENEW, now=late, **world.desk)


def undo_a_late_return_of_what_is_awaited(world):
    loan = lent(world)
    awaited(world)
    actions.return_copy(copy_id=world.copy.pk, now=LATE, **world.desk)
    return lambda: undo(loan_id=loan, step=Step.RETURN, now=LATE, **world.desk)


ACTS = (
    check_out_what_another_waits_for,
    check_out_what_another_has,
    check_out_another_copy_than_the_one_kept,
    renew_late,
    declare_lost,
    return_copy_late_and_awaited,
    return_copy_that_was_lost,
    return_copy_that_was_not_out_elsewhere,
    claim_returned,
    find_what_was_claimed,
    damage_of_what_is_out,
    repair_what_another_waits_for,
    renew_automatically,
    close_days,
    undo_a_check_out_that_collected,
    undo_a_late_renewal,
    undo_a_late_return_of_what_is_awaited,
)
READING = {"preview_check_out"}


@pytest.mark.parametrize("prepare", ACTS)
def test_locks_precede_writes(world, prepare):
    assert_locks_precede_writes(prepare(world))


def test_every_action_is_tried_above():
    """A new action of these modules takes its place in ACTS, its name first."""
    named = [
        (name, act)
        for module in (actions, undoing)
        for name, act in inspect.getmembers(module, inspect.isfunction)
        if act.__module__ == module.__name__ and name[0] != "_"
    ]
    writing = {name for name, _act in named} - READING
    assert {name for name in writing if not any(act.__name__.startswith(name) for act in ACTS)} == set()
