"""What lending costs: fines at return and renewal, loss and finding, the debt limit. Amounts are written by hand."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cashdesk.actions import charge, pay, reverse
from cashdesk.models import Entry, Kind, Method
from cashdesk.queries import balance_of
from circulation.actions import check_out, declare_lost, renew, return_copy
from circulation.losses import declare_overdue_lost
from circulation.models import Loan
from circulation.queries import loan_states
from circulation.rules import (
    Reason,
    overdue_charge,
    overdue_days,
    replacement_charge,
    replacement_to_cancel,
    suspension_until,
)
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry
from policies.calendar import Calendar, ClosedRange, Stretch
from policies.models import ReaderCategory
from policies.terms import Terms

ONE = Decimal("1.00")
MOSCOW, OMSK = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Omsk")


# --- The tables of rules: no database ------------------------------------------------------------------------------


def day(text):
    return date.fromisoformat(text)


ALWAYS = Calendar(zone=MOSCOW)
WEEKDAYS = Calendar(
    zone=MOSCOW,
    week=tuple(Stretch(weekday, datetime.min.time(), datetime.max.time()) for weekday in range(5)),
    closed=(ClosedRange(date(2012, 1, 1), date(2012, 1, 8), repeats_yearly=True),),
)
NEVER = Calendar(zone=OMSK, closed=(ClosedRange(date(2000, 1, 1), date(2099, 12, 31)),))

WEEKLY = {"fine_amount": ONE, "fine_period_days": 7, "fine_cap": Decimal(10)}
THRESHOLD = {"fine_amount": ONE, "grace_is_charged": True}
LATENESS = [
    # due, back, calendar, terms, price -> days, amount
    # 1.00 a day, ten days late; brought to the book drop five days ago; before it was due
    ("2012-11-01", "2012-11-11", ALWAYS, {"fine_amount": ONE}, None, 10, "10.00"),
    ("2012-11-01", "2012-11-06", ALWAYS, {"fine_amount": ONE}, None, 5, "5.00"),
    ("2012-11-01", "2012-10-31", ALWAYS, {"fine_amount": ONE}, None, 0, "0.00"),
    ("2012-11-01", "2012-11-01", ALWAYS, {"fine_amount": ONE}, None, 0, "0.00"),
    # a day, a week or a month begun costs the fine, at most 10.00
    ("2018-01-01", "2018-01-06", ALWAYS, {"fine_amount": ONE, "fine_cap": Decimal(10)}, None, 5, "5.00"),
    ("2018-01-01", "2018-01-16", ALWAYS, {"fine_amount": ONE, "fine_cap": Decimal(10)}, None, 15, "10.00"),
    ("2018-01-01", "2018-02-05", ALWAYS, WEEKLY, None, 35, "5.00"),
    ("2018-01-01", "2018-04-16", ALWAYS, WEEKLY, None, 105, "10.00"),
    ("2018-01-01", "2018-01-02", ALWAYS, {"fine_amount": ONE, "fine_period_days": 31}, None, 1, "1.00"),
    ("2018-01-01", "2018-02-02", ALWAYS, {"fine_amount": ONE, "fine_period_days": 31}, None, 32, "2.00"),
    # grace as a threshold (all is charged beyond it) and as a gift (what is beyond it is charged)
    ("2018-01-01", "2018-01-11", ALWAYS, THRESHOLD | {"grace_days": 5}, None, 10, "10.00"),
    ("2018-01-01", "2018-01-11", ALWAYS, THRESHOLD | {"grace_days": 12}, None, 10, "0.00"),
    ("2018-01-01", "2018-01-11", ALWAYS, {"fine_amount": ONE, "grace_days": 5}, None, 10, "5.00"),
    ("2018-01-01", "2018-01-11", ALWAYS, {"fine_amount": ONE, "grace_days": 10}, None, 10, "0.00"),
    # weekends and the New Year do not count, or do
    ("2026-12-30", "2027-01-11", WEEKDAYS, {"fine_amount": ONE}, None, 2, "2.00"),
    ("2026-12-30", "2027-01-11", WEEKDAYS, {"fine_amount": ONE, "fine_counts_closed_days": True}, None, 12, "12.00"),
    ("2026-03-06", "2026-03-09", WEEKDAYS, {"fine_amount": ONE}, None, 1, "1.00"),
    # over 29 February, and over a February without it
    ("2028-02-28", "2028-03-01", ALWAYS, {"fine_amount": ONE}, None, 2, "2.00"),
    ("2027-02-28", "2027-03-01", ALWAYS, {"fine_amount": ONE}, None, 1, "1.00"),
    # over the change to summer time a day is a day
    ("2026-03-28", "2026-03-30", Calendar(zone=ZoneInfo("Europe/Berlin")), {"fine_amount": ONE}, None, 2, "2.00"),
    # a library that never opens fines nobody, unless closed days count
    ("2026-03-01", "2026-03-11", NEVER, {"fine_amount": ONE}, None, 0, "0.00"),
    ("2026-03-01", "2026-03-11", NEVER, {"fine_amount": ONE, "fine_counts_closed_days": True}, None, 10, "10.00"),
    # never more than the copy cost, unless that is no limit; a copy without a price has none
    ("2026-03-01", "2026-03-31", ALWAYS, {"fine_amount": ONE}, "12.50", 30, "12.50"),
    ("2026-03-01", "2026-03-31", ALWAYS, {"fine_amount": ONE, "cap_at_copy_price": False}, "12.50", 30, "30.00"),
    ("2026-03-01", "2026-03-31", ALWAYS, {"fine_amount": ONE, "fine_cap": Decimal(10)}, "12.50", 30, "10.00"),
    ("2026-03-01", "2026-03-31", ALWAYS, {"fine_amount": ONE}, None, 30, "30.00"),
    ("2026-03-01", "2026-03-04", ALWAYS, {"fine_amount": Decimal("0.10")}, None, 3, "0.30"),
    ("2026-03-01", "2026-03-04", ALWAYS, {}, None, 3, "0.00"),
]  # fmt: skip

SUSPENSIONS = [
    # five days late until 6 November 2012, a Tuesday: last day of suspension
    ("2012-11-01", "2012-11-06", ALWAYS, {"suspension_days_per_day": 2}, "2012-11-16"),
    ("2012-11-01", "2012-11-06", ALWAYS, {"suspension_days_per_day": 1}, "2012-11-11"),
    ("2012-11-01", "2012-11-06", ALWAYS, {"suspension_days_per_day": 2, "max_suspension_days": 7}, "2012-11-13"),
    ("2012-11-01", "2012-11-06", ALWAYS, {"suspension_days_per_day": 2, "grace_days": 1}, "2012-11-14"),
    ("2012-11-01", "2012-11-06", ALWAYS, {"suspension_days_per_day": 2, "grace_days": 5}, None),
    # one of the five late days was a closed one
    ("2012-11-01", "2012-11-06", Calendar(zone=MOSCOW, closed=(ClosedRange(date(2012, 11, 4), date(2012, 11, 4)),)),
     {"suspension_days_per_day": 2}, "2012-11-14"),
    ("2012-11-01", "2012-11-01", ALWAYS, {"suspension_days_per_day": 2}, None),
    ("2012-11-01", "2012-11-06", ALWAYS, {}, None),
    ("2012-11-01", "2012-11-06", ALWAYS, {"suspension_days_per_day": 2, "max_suspension_days": 0}, None),
    ("2028-02-20", "2028-02-25", ALWAYS, {"suspension_days_per_day": 1}, "2028-03-01"),
    ("2026-12-20", "2026-12-30", ALWAYS, {"suspension_days_per_day": 1}, "2027-01-09"),
]  # fmt: skip


def test_what_lateness_costs():
    for due, back, calendar, terms, price, days, amount in LATENESS:
        terms = Terms(**terms)
        found = overdue_days(due_on=day(due), until=day(back), terms=terms, calendar=calendar)
        cost = overdue_charge(found, terms=terms, copy_price=price and Decimal(price))
        assert (found, str(cost)) == (days, amount), (due, back, terms)


def test_how_long_lateness_suspends():
    for due, back, calendar, terms, expected in SUSPENSIONS:
        terms = Terms(**terms)
        days = overdue_days(due_on=day(due), until=day(back), terms=terms, calendar=calendar)
        found = suspension_until(days, terms=terms, returned_on=day(back))
        assert found == (expected and day(expected)), (due, back, terms)


def test_caps_are_for_the_whole_loan():
    terms = Terms(fine_amount=ONE, fine_cap=Decimal(10))
    for days, price, before, expected in (
        (8, None, "0.00", "8.00"),
        (8, None, "4.00", "6.00"),
        (8, None, "10.00", "0.00"),
        (8, "5.00", "4.00", "1.00"),
        (8, "3.00", "4.00", "0.00"),
    ):
        cost = overdue_charge(days, terms=terms, copy_price=price and Decimal(price), charged_before=Decimal(before))
        assert str(cost) == expected


def test_what_a_lost_copy_costs():
    for terms, price, expected in (
        ({}, "450.00", "450.00"),
        ({}, None, "0.00"),
        ({"replacement_amount": Decimal("300.00")}, None, "300.00"),
        ({"replacement_amount": Decimal("300.00")}, "450.00", "450.00"),
        ({"replacement_fee": "set_amount", "replacement_amount": Decimal("300.00")}, "450.00", "300.00"),
        ({"replacement_fee": "set_amount"}, "450.00", "0.00"),
    ):
        assert str(replacement_charge(terms=Terms(**terms), copy_price=price and Decimal(price))) == expected


def test_what_is_cancelled_when_a_lost_copy_is_found():
    terms, paid = Terms(refund_within_days=90), [(date(2026, 1, 1), Decimal("200.00"))]
    for left, found_on, expected in (
        ("0.00", "2026-01-01", "200.00"),
        ("0.00", "2026-04-01", "200.00"),  # 90 days after the payment
        ("0.00", "2026-04-02", "0.00"),
        ("250.00", "2026-04-02", "250.00"),  # what was never paid is never kept
        ("250.00", "2026-03-01", "450.00"),
    ):
        found = replacement_to_cancel(left=Decimal(left), paid=paid, found_on=day(found_on), terms=terms)
        assert str(found) == expected
    twice = [*paid, (date(2026, 3, 1), Decimal("50.00"))]
    late = replacement_to_cancel(left=Decimal(0), paid=twice, found_on=day("2026-05-01"), terms=terms)
    assert str(late) == "50.00"


# --- The actions ---------------------------------------------------------------------------------------------------

TERMS = Terms(
    fine_amount=Decimal("5.00"), cap_at_copy_price=False, processing_fee=Decimal("50.00"), refund_within_days=30
)
LATE = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
"""Five days after 15 March, when the loans are due."""


@pytest.fixture
def loan(copy, vera):
    """Lent to Vera on 1 March, due on the 15th, 5.00 a day; the copy cost 450.00."""
    copy.price = Decimal("450.00")
    copy.save(update_fields=["price"])
    return LoanFactory(copy=copy, reader=vera, terms=TERMS.as_json())


@pytest.fixture
def take_back(copy, anna, centre):
    """A function: return the copy at the main desk."""

    def act(**changes):
        return return_copy(**{"copy_id": copy.pk, "by": anna, "branch_id": centre.pk, "now": LATE} | changes)

    return act


def told(outcome):
    return [(happened.what.value, dict(happened.data)) for happened in outcome.happenings]


def ledger():
    """Kind and effect of every entry, in order."""
    return [(entry.kind, str(entry.effect)) for entry in Entry.objects.order_by("pk")]


def test_a_late_return_charges_once(loan, take_back, copy, anna):
    assert told(take_back()) == [("fine_charged", {"amount": 25})]
    entry = Entry.objects.get()
    assert (entry.kind, entry.amount, entry.overdue_days, entry.by) == ("overdue", 25, 5, anna)
    assert (entry.copy, entry.loan_uid, entry.branch) == (copy, loan.uid, copy.branch)
    assert AuditEntry.objects.get(action="circulation.return").detail["fine"] == "25.00"
    take_back()
    assert len(ledger()) == 1


def test_the_fine_follows_the_true_day(loan, take_back):
    assert told(take_back(returned_at=LATE - timedelta(days=3))) == [("fine_charged", {"amount": 10})]


def test_a_return_in_time_costs_nothing(loan, take_back):
    assert told(take_back(now=NOW)) == []
    assert ledger() == []


def test_the_estimate_is_what_the_return_charges(loan, take_back, vera):
    (state,) = loan_states(Loan.objects.in_full(), now=LATE)
    take_back()
    assert state.charge_so_far == balance_of(vera.pk) == 25


def test_a_renewal_settles_the_fine_and_lateness_begins_anew(loan, take_back, vera):
    outcome = renew(loan_id=loan.pk, by=vera.user, now=LATE)
    assert (outcome.fine, outcome.loan.due_at.date()) == (25, date(2026, 3, 29))
    assert told(take_back(now=datetime(2026, 4, 1, 9, 0, tzinfo=UTC))) == [("fine_charged", {"amount": 15})]
    assert ledger() == [("overdue", "25.00"), ("overdue", "15.00")]


def test_a_cap_holds_over_a_renewal(copy, vera, take_back):
    capped = Terms(fine_amount=Decimal("5.00"), fine_cap=Decimal("30.00"), cap_at_copy_price=False)
    loan = LoanFactory(copy=copy, reader=vera, terms=capped.as_json())
    renew(loan_id=loan.pk, by=None, now=LATE)
    (state,) = loan_states(Loan.objects.in_full(), now=datetime(2026, 4, 8, 9, 0, tzinfo=UTC))
    assert state.charge_so_far == 5
    take_back(now=datetime(2026, 4, 8, 9, 0, tzinfo=UTC))
    assert ledger() == [("overdue", "25.00"), ("overdue", "5.00")]
    assert Entry.objects.order_by("pk").first().job == "circulation"


def test_a_renewal_that_would_end_in_the_past_is_refused(loan, vera):
    with pytest.raises(Refused) as error:
        renew(loan_id=loan.pk, by=vera.user, now=datetime(2026, 3, 30, 9, 0, tzinfo=UTC))
    assert [refusal.reason for refusal in error.value.refusals] == [Reason.RENEWAL_WOULD_NOT_EXTEND]
    assert ledger() == []


def test_a_lost_copy_is_charged_and_found(loan, take_back, copy, vera, boris, centre):
    outcome = declare_lost(loan_id=loan.pk, by=boris, now=LATE, note="Читатель потерял")
    assert (outcome.charges.fine, outcome.charges.replacement, outcome.charges.processing) == (25, 450, 50)
    loan.refresh_from_db()
    copy.refresh_from_db()
    assert (loan.lost_at, loan.returned_at, copy.status) == (LATE, None, "lost")
    assert AuditEntry.objects.get(action="circulation.declare_lost").detail == {
        "charged": "525.00",
        "note": "Читатель потерял",
    }
    (state,) = loan_states(Loan.objects.in_full(), now=LATE + timedelta(days=40))
    assert state.charge_so_far == 0
    with pytest.raises(Refused, match="copy_lost"):
        declare_lost(loan_id=loan.pk, by=boris, now=LATE)

    found = take_back(now=LATE + timedelta(days=10))
    assert told(found) == [("was_lost", {"cancelled": 450})]
    copy.refresh_from_db()
    assert (copy.status, balance_of(vera.pk)) == ("available", 75)
    assert ledger()[-1] == ("charge_reversal", "-450.00")


@pytest.mark.parametrize(
    ("days_after_payment", "cancelled", "balance"), [(30, 450, -375), (31, 250, 25)], ids=["in time", "too late"]
)
def test_what_was_paid_for_a_found_copy(loan, take_back, boris, vera, centre, days_after_payment, cancelled, balance):
    """The fine (25), then 200 of the replacement are paid; of what was paid lately the rest becomes credit."""
    declare_lost(loan_id=loan.pk, by=boris, now=LATE)
    replacement = Entry.objects.get(kind="replacement")
    common = {"reader_id": vera.pk, "branch_id": centre.pk, "by": boris, "method": Method.CASH}
    pay(**common, amount=Decimal(200), charges=[replacement.uid], now=LATE)
    later = LATE + timedelta(days=days_after_payment)
    if days_after_payment == 30:
        pay(**common, amount=Decimal(250), charges=[replacement.uid], now=later)
    assert told(take_back(now=later)) == [("was_lost", {"cancelled": cancelled})]
    assert balance_of(vera.pk) == (75 - 450 if balance < 0 else 75)


def test_a_copy_that_came_back_before_it_was_lost(loan, take_back, boris, vera):
    declare_lost(loan_id=loan.pk, by=boris, now=LATE)
    outcome = take_back(now=LATE + timedelta(days=1), returned_at=LATE - timedelta(days=3))
    assert told(outcome) == [("was_lost", {"cancelled": 450}), ("fine_charged", {"amount": 10})]
    assert balance_of(vera.pk) == 60


def test_the_daily_check_declares_lost_what_is_overdue_too_long(loan, new_copy, vera, copy):
    """Of three loans due on 15 March one is lost after 60 days, one after 90 and one never by itself."""
    for days in (90, 0):
        LoanFactory(copy=new_copy(), reader=vera, terms=Terms(lost_after_days=days).as_json())
    for now, lost in (
        (datetime(2026, 5, 14, 20, 59, 58, tzinfo=UTC), 0),
        (datetime(2026, 5, 14, 20, 59, 59, tzinfo=UTC), 1),
        (datetime(2026, 5, 15, 9, 0, tzinfo=UTC), 0),
    ):
        assert declare_overdue_lost(now=now, dry_run=True) == lost
        assert declare_overdue_lost(now=now) == lost
    copy.refresh_from_db()
    assert copy.status == "lost"
    assert {entry.job for entry in Entry.objects.all()} == {"circulation"}
    assert ledger() == [("overdue", "300.00"), ("replacement", "450.00"), ("processing", "50.00")]


def test_a_returned_loan_is_not_lost(loan, take_back, boris):
    take_back()
    with pytest.raises(Refused, match="not_on_loan"):
        declare_lost(loan_id=loan.pk, by=boris, now=LATE)


def test_the_debt_limit_stops_borrowing_until_it_is_paid(copy, vera, anna, boris, centre):
    ReaderCategory.objects.update(max_balance=Decimal("100.00"))
    till = {"reader_id": vera.pk, "branch_id": centre.pk, "by": anna, "now": NOW}
    charge(**till, kind=Kind.MANUAL, amount=Decimal("100.01"), reason="Копии")
    lending = {"copy_id": copy.pk, "reader_id": vera.pk, "branch_id": centre.pk, "now": NOW}
    debt = {"overrides": {Reason.DEBT_LIMIT}, "note": "Заплатит завтра"}
    for by, how in ((anna, {}), (anna, debt)):
        with pytest.raises(Refused) as error:
            check_out(**lending, by=by, **how)
        (refusal,) = error.value.refusals
        assert (refusal.reason, dict(refusal.data)) == (
            Reason.DEBT_LIMIT,
            {"owed": Decimal("100.01"), "limit": Decimal("100.00")},
        )
    with pytest.raises(Invalid):
        check_out(**lending, by=boris, overrides={Reason.DEBT_LIMIT})
    loan = check_out(**lending, by=boris, **debt).loan
    with pytest.raises(Refused, match="debt_limit"):
        renew(loan_id=loan.pk, by=vera.user, now=NOW)
    pay(**till, amount=Decimal("0.01"), method=Method.CARD)
    assert renew(loan_id=loan.pk, by=vera.user, now=NOW).loan.renewals == 1


def test_a_fine_forgiven_is_not_charged_again(loan, take_back, boris, vera, centre):
    renew(loan_id=loan.pk, by=None, now=LATE)
    fine = Entry.objects.get()
    reverse(entry_uid=fine.uid, reason="Ошибка", branch_id=centre.pk, by=boris, now=LATE)
    take_back(now=LATE)
    assert balance_of(vera.pk) == 0


def queries_of(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    locks = [sql.split('OF "')[1].split('"')[0] for sql in statements if 'FOR NO KEY UPDATE OF "' in sql]
    assert locks[:3] == ["catalog_book", "catalog_copy", "accounts_reader"]
    return len(statements)


def test_the_debt_limit_takes_one_query_more(copy, vera, anna, centre):
    ReaderCategory.objects.update(max_balance=Decimal("100.00"))
    lending = {"copy_id": copy.pk, "reader_id": vera.pk, "branch_id": centre.pk, "now": NOW, "by": anna}
    assert queries_of(lambda: check_out(**lending)) == 12


def test_charging_takes_few_queries(loan, take_back, new_copy, vera, boris):
    other = LoanFactory(copy=new_copy(price=Decimal(100)), reader=vera, terms=TERMS.as_json())
    assert queries_of(lambda: declare_lost(loan_id=other.pk, by=boris, now=LATE)) == 29
    assert queries_of(take_back) == 15
