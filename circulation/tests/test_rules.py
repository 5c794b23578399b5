"""The rules as tables of cases: facts and, by hand, what they come to."""

from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from accounts.rules import Block
from circulation.models import Loan
from circulation.rules import (
    CheckoutFacts,
    ClaimFacts,
    CopyFacts,
    Happening,
    KeptFor,
    LoanLimit,
    OpenLoan,
    ReaderFacts,
    Reason,
    RenewalFacts,
    ReturnFacts,
    checkout_refusals,
    days_beyond_grace,
    overdue_charge,
    overdue_days,
    renewal_refusals,
    repair_refusals,
    return_happenings,
    suspension_until,
)
from policies.calendar import Calendar, ClosedRange, Stretch
from policies.terms import Terms

MOSCOW = ZoneInfo("Europe/Moscow")
TODAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=MOSCOW)
DUE = datetime(2026, 3, 16, 23, 59, 59, tzinfo=MOSCOW)
LATER = datetime(2026, 3, 30, 23, 59, 59, tzinfo=MOSCOW)

READER = ReaderFacts(card_expires_on=date(2026, 12, 31), age=30)
COPY = CopyFacts(status="available")
GOOD = CheckoutFacts(today=TODAY, reader=READER, copy=COPY, terms=Terms(), due_at=DUE)
RENEWABLE = RenewalFacts(
    now=NOW,
    today=TODAY,
    reader=READER,
    terms=Terms(),
    is_open=True,
    is_copy_lost=False,
    renewals=0,
    due_on=date(2026, 3, 16),
    due_at=DUE,
    new_due_at=LATER,
    is_overdue_renewable=True,
)

BLOCK = Block(is_suspension=False, reason="Порча книги", until=None)
SUSPENSION = Block(is_suspension=True, reason="INV-1", until=date(2026, 3, 9))
RULE_LIMIT = LoanLimit(kind="rule", count=3, limit=3)


def reader(**changes):
    return {"reader": replace(READER, **changes)}


def copy(**changes):
    return {"copy": replace(COPY, **changes)}


def told(refusals):
    """Codes, data and the permission's codename of refusals."""
    return [(r.reason.value, dict(r.data), r.override and r.override.split(".")[1]) for r in refusals]


def test_a_good_reader_borrows_a_good_copy():
    assert checkout_refusals(GOOD) == ()


CHECK_OUT = [
    ({"reader": None}, ("reader_unknown", {}, None)),
    (
        reader(card_expires_on=date(2026, 3, 1)),
        ("card_expired", {"expired_on": date(2026, 3, 1)}, "override_card_expired"),
    ),
    (reader(is_card_lost=True), ("card_lost", {}, None)),
    (reader(blocks=(BLOCK,)), ("reader_blocked", {"until": None, "why": "Порча книги"}, "override_reader_blocked")),
    (
        reader(blocks=(SUSPENSION,)),
        ("reader_suspended", {"until": date(2026, 3, 9), "why": "INV-1"}, "override_reader_suspended"),
    ),
    (
        reader(owed=Decimal("150.01"), max_owed=Decimal("150.00")),
        ("debt_limit", {"owed": Decimal("150.01"), "limit": Decimal("150.00")}, "override_debt_limit"),
    ),
    (
        reader(overdue_loans=3, max_overdue_loans=2),
        ("overdue_limit", {"overdue": 3, "limit": 2}, "override_overdue_limit"),
    ),
    (
        {**reader(age=17), "terms": Terms(minimum_age=18)},
        ("age_restricted", {"minimum_age": 18, "age": 17}, "override_age_restricted"),
    ),
    (
        {**reader(age=None), "terms": Terms(minimum_age=18)},
        ("age_restricted", {"minimum_age": 18, "age": None}, "override_age_restricted"),
    ),
    ({"copy": None}, ("copy_unknown", {}, None)),
    (copy(status="withdrawn"), ("copy_withdrawn", {}, None)),
    (copy(status="lost"), ("copy_lost", {}, "override_copy_lost")),
    (copy(status="damaged"), ("copy_damaged", {}, "override_copy_damaged")),
    (copy(status="on_order"), ("copy_on_order", {}, None)),
    ({"terms": Terms(loanable=False)}, ("not_for_loan", {}, "override_not_for_loan")),
    (copy(is_reference_only=True), ("in_library_use_only", {}, None)),
    (
        {"open_loan": OpenLoan(is_readers=True, due_at=DUE)},
        ("already_loaned_to_reader", {"due_at": DUE}, None),
    ),
    (
        {"open_loan": OpenLoan(is_readers=False, due_at=DUE)},
        ("loaned_to_another", {"due_at": DUE}, "override_loaned_to_another"),
    ),
    (
        {"limits": (RULE_LIMIT,)},
        (
            "loan_limit",
            {"kind": "rule", "count": 3, "limit": 3, "category": None, "item_type": None, "branch": None},
            "override_loan_limit",
        ),
    ),
    (
        {"limits": (LoanLimit(kind="category", count=11, limit=10, category="Взрослый"),)},
        (
            "loan_limit",
            {"kind": "category", "count": 11, "limit": 10, "category": "Взрослый", "item_type": None, "branch": None},
            "override_loan_limit",
        ),
    ),
    (
        {"claims": ClaimFacts(is_kept=True, kept_until=date(2026, 3, 9))},
        ("kept_for_another", {"until": date(2026, 3, 9)}, "override_kept_for_another"),
    ),
    ({"claims": ClaimFacts(is_needed=True)}, ("reserved_by_another", {}, "override_reserved_by_another")),
    ({"claims": ClaimFacts(on_its_way_to="Север")}, ("in_transit", {"branch": "Север"}, "override_in_transit")),
    ({"same_book_due_at": DUE}, ("same_book_on_loan", {"due_at": DUE}, "override_same_book_on_loan")),
]


@pytest.mark.parametrize(("changes", "expected"), CHECK_OUT, ids=[case[1][0] for case in CHECK_OUT])
def test_each_reason_against_a_check_out(changes, expected):
    assert told(checkout_refusals(replace(GOOD, **changes))) == [expected]


@pytest.mark.parametrize(
    "changes",
    [
        reader(card_expires_on=TODAY),
        reader(overdue_loans=2, max_overdue_loans=2),
        reader(overdue_loans=9, max_overdue_loans=None),
        {**reader(age=18), "terms": Terms(minimum_age=18)},
        reader(age=None),
        {"limits": (LoanLimit(kind="rule", count=2, limit=3),)},
    ],
    ids=["last day of the card", "overdue at limit", "no overdue limit", "just of age", "no age asked", "one more"],
)
def test_what_is_still_allowed(changes):
    assert checkout_refusals(replace(GOOD, **changes)) == ()


def test_all_reasons_come_at_once_in_the_documented_order():
    facts = CheckoutFacts(
        today=TODAY,
        reader=ReaderFacts(
            card_expires_on=date(2026, 1, 31),
            is_card_lost=True,
            age=10,
            blocks=(SUSPENSION, BLOCK),
            owed=Decimal(1),
            max_owed=Decimal(0),
            overdue_loans=1,
            max_overdue_loans=0,
        ),
        copy=CopyFacts(status="lost", is_reference_only=True),
        terms=Terms(loanable=False, minimum_age=18),
        due_at=DUE,
        open_loan=OpenLoan(is_readers=False, due_at=DUE),
        limits=(RULE_LIMIT, LoanLimit(kind="category", count=3, limit=2, category="Взрослый")),
        claims=ClaimFacts(is_kept=True, is_needed=True, on_its_way_to="Север"),
        same_book_due_at=DUE,
    )
    assert [refusal.reason for refusal in checkout_refusals(facts)] == [
        "card_expired",
        "card_lost",
        "reader_blocked",
        "reader_suspended",
        "debt_limit",
        "overdue_limit",
        "age_restricted",
        "copy_lost",
        "not_for_loan",
        "in_library_use_only",
        "loaned_to_another",
        "loan_limit",
        "loan_limit",
        "kept_for_another",
        "reserved_by_another",
        "in_transit",
        "same_book_on_loan",
    ]


def test_unknown_reader_and_copy_are_told_together():
    facts = CheckoutFacts(today=TODAY, reader=None, copy=None)
    assert [refusal.reason for refusal in checkout_refusals(facts)] == ["reader_unknown", "copy_unknown"]


def test_a_copy_the_reader_has_already_makes_no_new_loan_so_limits_say_nothing():
    facts = replace(GOOD, open_loan=OpenLoan(is_readers=True, due_at=DUE), limits=(RULE_LIMIT,), same_book_due_at=DUE)
    assert [refusal.reason for refusal in checkout_refusals(facts)] == ["already_loaned_to_reader"]


def test_a_good_loan_is_renewed():
    assert renewal_refusals(RENEWABLE) == ()


LATE = {"now": datetime(2026, 3, 17, 0, 0, tzinfo=MOSCOW), "today": date(2026, 3, 17)}
RENEWAL = [
    ({"is_open": False, "renewals": 9}, ("not_on_loan", {}, None)),
    ({"renewals": 2}, ("renewal_limit", {"renewals": 2, "limit": 2}, "override_renewal_limit")),
    (
        {"terms": Terms(renew_not_before_days=3)},
        ("too_soon", {"opens_on": date(2026, 3, 13)}, "override_too_soon"),
    ),
    ({"is_awaited": True}, ("book_is_awaited", {}, None)),
    ({"is_copy_lost": True}, ("copy_lost", {}, None)),
    ({"is_claimed_returned": True}, ("claimed_returned", {}, None)),
    ({**LATE, "is_overdue_renewable": False}, ("loan_overdue_renewal", {"due_at": DUE}, None)),
    (
        reader(card_expires_on=date(2026, 3, 1)),
        ("card_expired", {"expired_on": date(2026, 3, 1)}, "override_card_expired"),
    ),
    (reader(is_card_lost=True), ("card_lost", {}, None)),
    (reader(blocks=(BLOCK,)), ("reader_blocked", {"until": None, "why": "Порча книги"}, "override_reader_blocked")),
    (
        reader(overdue_loans=1, max_overdue_loans=0),
        ("overdue_limit", {"overdue": 1, "limit": 0}, "override_overdue_limit"),
    ),
    ({"new_due_at": DUE}, ("renewal_would_not_extend", {"due_at": DUE, "new_due_at": DUE}, None)),
]


@pytest.mark.parametrize(("changes", "expected"), RENEWAL, ids=[case[1][0] for case in RENEWAL])
def test_each_reason_against_a_renewal(changes, expected):
    assert told(renewal_refusals(replace(RENEWABLE, **changes))) == [expected]


@pytest.mark.parametrize(
    "changes",
    [
        {"renewals": 1},
        {"terms": Terms(renew_not_before_days=3), "today": date(2026, 3, 13)},
        {**LATE, "is_overdue_renewable": True},
        {"terms": Terms(minimum_age=18), **reader(age=10)},
    ],
    ids=["one renewal left", "renewal opens today", "overdue allowed", "age is not asked again"],
)
def test_what_may_still_be_renewed(changes):
    assert renewal_refusals(replace(RENEWABLE, **changes)) == ()


def test_a_loan_is_in_time_until_its_last_instant():
    assert renewal_refusals(replace(RENEWABLE, now=DUE, is_overdue_renewable=False)) == ()


def test_all_reasons_against_a_renewal_in_the_documented_order():
    facts = replace(
        RENEWABLE,
        terms=Terms(max_renewals=0, renew_not_before_days=3),
        is_copy_lost=True,
        now=LATE["now"],
        is_overdue_renewable=False,
        reader=ReaderFacts(
            card_expires_on=date(2026, 1, 31),
            is_card_lost=True,
            blocks=(SUSPENSION, BLOCK),
            owed=Decimal(1),
            max_owed=Decimal(0),
            overdue_loans=1,
            max_overdue_loans=0,
        ),
        new_due_at=DUE,
    )
    assert [refusal.reason for refusal in renewal_refusals(facts)] == [
        "renewal_limit",
        "too_soon",
        "copy_lost",
        "loan_overdue_renewal",
        "card_expired",
        "card_lost",
        "reader_blocked",
        "reader_suspended",
        "debt_limit",
        "overdue_limit",
        "renewal_would_not_extend",
    ]


def test_every_overridable_reason_has_its_permission_and_no_other():
    asked = {case[1][2] for case in CHECK_OUT + RENEWAL} - {None}
    offered = {codename for codename, _ in Loan._meta.permissions if codename.startswith("override_")}
    assert asked == offered


def test_every_reason_is_tried_above():
    tried = {case[1][0] for case in CHECK_OUT + RENEWAL} | {refusal.reason.value for refusal in repair_refusals("lost")}
    assert tried == {reason.value for reason in Reason}
    assert repair_refusals("damaged") == ()


RETURNED = ReturnFacts(was_on_loan=True, copy_status="loaned", home_branch="Центр", is_at_home=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"was_on_loan": False, "last_returned_at": NOW}, [("not_on_loan", {"returned_at": NOW, "counted": False})]),
        (
            {"was_on_loan": False, "is_reading_counted": True},
            [("not_on_loan", {"returned_at": None, "counted": True})],
        ),
        (
            {"claimed_at": NOW, "was_claim_right": False},
            [("claimed_returned_resolved", {"claimed_at": NOW, "was_right": False})],
        ),
        ({"is_at_home": False}, [("wrong_branch", {"branch": "Центр"})]),
        ({"copy_status": "lost"}, [("was_lost", {"cancelled": Decimal("0.00")})]),
        ({"fine": Decimal("30.00")}, [("fine_charged", {"amount": Decimal("30.00")})]),
        ({"copy_status": "withdrawn"}, [("withdrawn", {})]),
        (
            {"kept_for": KeptFor(reader="Глеб Сосед", card="R000002", branch="Север", until=None)},
            [("kept_for", {"reader": "Глеб Сосед", "card": "R000002", "branch": "Север", "until": None})],
        ),
        ({"suspended_until": date(2026, 4, 1)}, [("suspended_until", {"until": date(2026, 4, 1)})]),
        (
            {"was_on_loan": False, "is_at_home": False, "copy_status": "lost"},
            [
                ("not_on_loan", {"returned_at": None, "counted": False}),
                ("wrong_branch", {"branch": "Центр"}),
                ("was_lost", {"cancelled": Decimal("0.00")}),
            ],
        ),
    ],
)
def test_what_a_return_tells(changes, expected):
    happened = return_happenings(replace(RETURNED, **changes))
    assert [(one.what.value, dict(one.data)) for one in happened] == expected


def test_every_happening_is_told_above():
    assert [what.value for what in Happening] == [
        "not_on_loan",
        "wrong_branch",
        "was_lost",
        "claimed_returned_resolved",
        "withdrawn",
        "kept_for",
        "fine_charged",
        "suspended_until",
    ]


# Monday to Saturday, closed from 8 to 9 March 2026 (Sunday and Monday).
WEEK = Calendar(
    zone=MOSCOW,
    week=tuple(Stretch(weekday, time(10), time(20)) for weekday in range(6)),
    closed=(ClosedRange(date(2026, 3, 8), date(2026, 3, 9)),),
)


@pytest.mark.parametrize(
    ("due_on", "until", "counts_closed", "expected"),
    [
        (date(2026, 3, 2), date(2026, 3, 2), False, 0),
        (date(2026, 3, 2), date(2026, 2, 20), False, 0),
        (date(2026, 3, 2), date(2026, 2, 20), True, 0),
        (date(2026, 3, 2), date(2026, 3, 3), False, 1),
        (date(2026, 3, 7), date(2026, 3, 9), False, 0),
        (date(2026, 3, 7), date(2026, 3, 10), False, 1),
        (date(2026, 3, 7), date(2026, 3, 10), True, 3),
        (date(2026, 3, 2), date(2026, 3, 16), False, 11),
        (date(2026, 3, 2), date(2026, 3, 16), True, 14),
    ],
)
def test_overdue_days(due_on, until, counts_closed, expected):
    terms = Terms(fine_counts_closed_days=counts_closed)
    assert overdue_days(due_on=due_on, until=until, terms=terms, calendar=WEEK) == expected


@pytest.mark.parametrize(
    ("days", "grace", "is_charged", "expected"),
    [(0, 0, False, 0), (5, 0, False, 5), (5, 5, False, 0), (5, 5, True, 0), (5, 3, False, 2), (5, 3, True, 5)],
)
def test_grace(days, grace, is_charged, expected):
    assert days_beyond_grace(days, terms=Terms(grace_days=grace, grace_is_charged=is_charged)) == expected


@pytest.mark.parametrize(
    ("days", "terms", "price", "expected"),
    [
        (10, Terms(), None, "0.00"),
        (10, Terms(fine_amount=Decimal("1.00")), None, "10.00"),
        (5, Terms(fine_amount=Decimal("1.00")), None, "5.00"),
        (0, Terms(fine_amount=Decimal("1.00")), None, "0.00"),
        (1, Terms(fine_amount=Decimal("0.10")), None, "0.10"),
        (3, Terms(fine_amount=Decimal("0.10")), None, "0.30"),
        (1, Terms(fine_amount=Decimal("5.00"), fine_period_days=7), None, "5.00"),
        (7, Terms(fine_amount=Decimal("5.00"), fine_period_days=7), None, "5.00"),
        (8, Terms(fine_amount=Decimal("5.00"), fine_period_days=7), None, "10.00"),
        (15, Terms(fine_amount=Decimal("1.00"), fine_cap=Decimal("10.00")), None, "10.00"),
        (15, Terms(fine_amount=Decimal("1.00"), fine_cap=Decimal("10.00")), Decimal("7.50"), "7.50"),
        (15, Terms(fine_amount=Decimal("1.00")), Decimal("7.50"), "7.50"),
        (15, Terms(fine_amount=Decimal("1.00"), cap_at_copy_price=False), Decimal("7.50"), "15.00"),
        (5, Terms(fine_amount=Decimal("2.00"), grace_days=3), None, "4.00"),
        (5, Terms(fine_amount=Decimal("2.00"), grace_days=3, grace_is_charged=True), None, "10.00"),
        (3, Terms(fine_amount=Decimal("2.00"), grace_days=3), None, "0.00"),
    ],
)
def test_overdue_charge(days, terms, price, expected):
    assert str(overdue_charge(days, terms=terms, copy_price=price)) == expected


@pytest.mark.parametrize(
    ("days", "terms", "expected"),
    [
        (5, Terms(), None),
        (5, Terms(suspension_days_per_day=2), date(2026, 3, 12)),
        (0, Terms(suspension_days_per_day=2), None),
        (5, Terms(suspension_days_per_day=2, max_suspension_days=7), date(2026, 3, 9)),
        (5, Terms(suspension_days_per_day=2, grace_days=5), None),
        (5, Terms(suspension_days_per_day=2, grace_days=4), date(2026, 3, 4)),
        (5, Terms(suspension_days_per_day=2, max_suspension_days=0), None),
    ],
)
def test_suspension(days, terms, expected):
    assert suspension_until(days, terms=terms, returned_on=date(2026, 3, 2)) == expected
