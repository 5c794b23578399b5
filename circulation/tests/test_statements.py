"""How many statements each action sends: the figures of docs/circulation.md, BEGIN and COMMIT left out."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from circulation import actions, claims, damage
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from circulation.undo_rules import Step
from circulation.undoing import undo
from policies.models import LendingRule
from policies.terms import Terms
from reservations.tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

LATE = NOW + timedelta(days=20)
FINED = Terms(suspension_days_per_day=1).as_json() | {"fine_amount": "2.00"}
DOCUMENTED = dict(
    re.findall(r"^\| ([^|]+?) \| (\d+) \|", (Path(__file__).parents[2] / "docs" / "circulation.md").read_text(), re.M)
)


@pytest.fixture
def desk(anna, centre):
    return {"by": anna, "branch_id": centre.pk}


@pytest.fixture
def acts(copy, new_copy, vera, gleb, anna, centre, desk):
    """By their names in the documents: what prepares an action and returns it."""

    def lend(of=copy, **more):
        return actions.check_out(copy_id=of.pk, reader_id=vera.pk, now=NOW, **desk, **more).loan

    def lent(**fields):
        return LoanFactory(copy=copy, reader=vera, branch=centre, **fields)

    def awaited():
        return ReservationFactory(book=copy.book, reader=gleb, pickup_branch=centre)

    def check_out():
        lend(new_copy())
        return lend

    def check_out_after_a_change():
        check_out()
        LendingRule.objects.update(max_renewals=1)
        return lend

    def check_out_with_a_limit():
        vera.category.max_balance = 10
        vera.category.save()
        check_out()
        return lend

    def renew():
        loan = lent()
        return lambda: actions.renew(loan_id=loan.pk, by=anna, now=NOW)

    def give_back(now=NOW, **fields):
        lent(**fields)
        return lambda: actions.return_copy(copy_id=copy.pk, now=now, **desk)

    def give_back_awaited():
        awaited()
        return give_back()

    def scan_again():
        return lambda: actions.return_copy(copy_id=copy.pk, now=NOW, **desk)

    def lose():
        loan = lent(terms=FINED)
        return lambda: actions.declare_lost(loan_id=loan.pk, by=anna, now=LATE)

    def claim():
        loan = lent()
        return lambda: claims.claim_returned(loan_id=loan.pk, by=anna, now=NOW)

    def damaged():
        return lambda: damage.record_damage(copy_id=copy.pk, note="Порвана", now=NOW, **desk)

    def undo_of(step):
        def prepare():
            loan = lend()
            if step is Step.RENEW:
                actions.renew(loan_id=loan.pk, by=anna, now=NOW + timedelta(days=1))
            elif step is Step.RETURN:
                actions.return_copy(copy_id=copy.pk, now=NOW, **desk)
            return lambda: undo(loan_id=loan.pk, step=step, now=NOW + timedelta(days=1), **desk)

        return prepare

    return {
        "check out": check_out,
        "… after a change of the rules or calendars": check_out_after_a_change,
        "… where the category limits the debt": check_out_with_a_limit,
        "renew": renew,
        "return": give_back,
        "… late, with a fine and a suspension": lambda: give_back(LATE, terms=FINED),
        "… of what another reader waits for": give_back_awaited,
        "… of what was not on loan": scan_again,
        "declare lost": lose,
        "claim returned": claim,
        "record damage": damaged,
        "undo a check-out": undo_of(Step.CHECK_OUT),
        "undo a renewal": undo_of(Step.RENEW),
        "undo a return": undo_of(Step.RETURN),
    }


NAMES = (
    "check out", "… after a change of the rules or calendars", "… where the category limits the debt", "renew",
    "return", "… late, with a fine and a suspension", "… of what another reader waits for", "… of what was not on loan",
    "declare lost", "claim returned", "record damage", "undo a check-out", "undo a renewal", "undo a return",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_action_sends_as_many_statements_as_documented(acts, name):
    act = acts[name]()
    with CaptureQueriesContext(connection) as captured:
        act()
    sent = [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]
    assert len(sent) == int(DOCUMENTED[name])
