"""Loans that renew themselves: when they are tried, what the reader is told, and that all of it happens once."""

from datetime import UTC, datetime, timedelta

import pytest

from circulation.claims import claim_returned
from circulation.models import Loan
from circulation.queries import loan_states
from circulation.renewals import renew_automatically
from circulation.tests.factories import LoanFactory
from notifications.models import Notice
from policies.terms import Terms
from reservations.actions import reserve

pytestmark = pytest.mark.django_db

THREE_BEFORE = Terms(auto_renew=True, renew_not_before_days=3, max_renewals=1).as_json()
"""Of a loan of 1 March, due on the 15th: tried from the 12th on."""


def morning(day):
    return datetime(2026, 3, 1, 6, tzinfo=UTC) + timedelta(days=day - 1)


def tried(day):
    summary = renew_automatically(now=morning(day))
    return summary.renewed, summary.refused


def told():
    return list(Notice.objects.order_by("pk").values_list("event", flat=True))


@pytest.fixture
def loan(copy, vera, centre):
    return LoanFactory(copy=copy, reader=vera, branch=centre, terms=THREE_BEFORE)


def test_it_is_renewed_on_the_first_day_and_the_reader_told_once(loan):
    assert tried(11) == (0, 0)
    assert tried(12) == (1, 0)
    assert tried(12) == (0, 0)
    loan.refresh_from_db()
    assert (loan.renewals, loan.due_at) == (1, datetime(2026, 3, 29, 20, 59, 59, tzinfo=UTC))
    assert told() == ["auto_renewal"]
    assert Notice.objects.get().data["due_on"] == "2026-03-29"


def test_a_refusal_is_told_once_with_its_reason_and_tried_again_every_day(loan, gleb, centre, anna, new_copy):
    waiting = reserve(
        book_id=loan.copy.book_id, reader_id=gleb.pk, pickup_branch_id=centre.pk, by=anna, now=morning(10)
    ).reservation
    assert (tried(12), tried(12), tried(13)) == ((0, 1), (0, 0), (0, 1))
    assert told() == ["auto_renewal_refused"]
    assert Notice.objects.get().data["why"] == "Эту книгу ждёт другой читатель."

    waiting.delete()
    assert tried(14) == (1, 0)
    assert told() == ["auto_renewal_refused", "auto_renewal"]


def test_when_it_may_be_renewed_no_more_that_is_told_and_it_is_left_alone(loan):
    assert [tried(day) for day in (12, 26, 27, 28)] == [(1, 0), (0, 1), (0, 0), (0, 0)]
    assert told() == ["auto_renewal", "auto_renewal_refused"]


def test_without_a_day_on_which_renewal_opens_it_is_tried_on_the_due_day(copy, vera, centre):
    LoanFactory(copy=copy, reader=vera, branch=centre, terms=Terms(auto_renew=True).as_json())
    assert (tried(14), tried(15)) == ((0, 0), (1, 0))


def test_what_is_claimed_returned_lost_or_not_to_be_renewed_is_not_tried(loan, new_copy, vera, anna, centre):
    LoanFactory(copy=new_copy(), reader=vera, branch=centre)
    claim_returned(loan_id=loan.pk, by=anna, now=morning(5))
    assert tried(12) == (0, 0)
    loan.claimed_returned_at, loan.lost_at = None, morning(5)
    loan.save()
    assert tried(12) == (0, 0)


def test_a_dry_run_writes_nothing_and_the_reader_sees_the_day(loan):
    assert renew_automatically(now=morning(12), dry_run=True).renewed == 1
    loan.refresh_from_db()
    assert (loan.renewals, loan.auto_renewal_on, told()) == (0, None, [])
    (state,) = loan_states(Loan.objects.in_full(), now=morning(5))
    assert f"{state.renews_on}" == "2026-03-12"
