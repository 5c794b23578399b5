"""What covers what, and what is refused: tables, no database. The expected values are written by hand."""

from decimal import Decimal

from cashdesk.rules import (
    Account,
    Cover,
    Open,
    Reason,
    payment_refusals,
    refund_refusals,
    releases,
    reversal_refusals,
    settle,
    waiver_refusals,
)


def opened(*amounts, first=1):
    return [Open(number, Decimal(amount)) for number, amount in enumerate(amounts, first)]


SETTLED = [
    ([], ["1.00"], []),
    (["4.00"], [], []),
    # debits 1, 2 and 3, a credit of 4: the oldest first, 2.00 of the third stay open
    (["4.00"], ["1.00", "2.00", "3.00"], [(1, 11, "1.00"), (1, 12, "2.00"), (1, 13, "1.00")]),
    (["6.00"], ["1.00", "2.00", "3.00"], [(1, 11, "1.00"), (1, 12, "2.00"), (1, 13, "3.00")]),
    (["7.00"], ["1.00", "2.00"], [(1, 11, "1.00"), (1, 12, "2.00")]),
    (["0.01"], ["100.00"], [(1, 11, "0.01")]),
    (["1.00", "1.00"], ["1.50"], [(1, 11, "1.00"), (2, 11, "0.50")]),
    (["1.00", "1.00"], ["1.50", "0.40"], [(1, 11, "1.00"), (2, 11, "0.50"), (2, 12, "0.40")]),
]


def test_the_oldest_money_covers_the_oldest_debt():
    for credits, debits, expected in SETTLED:
        shares = settle(opened(*credits), opened(*debits, first=11))
        assert [(share.credit_id, share.debit_id, str(share.amount)) for share in shares] == expected


def test_an_account_adds_up():
    account = Account(debits=tuple(opened("1.10", "2.20")), credits=tuple(opened("0.30", first=11)))
    assert (account.owed, account.credit) == (Decimal("3.30"), Decimal("0.30"))
    assert (Account().owed, Account().credit) == (Decimal("0.00"), Decimal("0.00"))


RELEASED = [
    ("0.00", []),
    ("30.00", [(3, "-30.00")]),
    ("50.00", [(3, "-50.00")]),
    ("60.00", [(3, "-50.00"), (1, "-10.00")]),
    ("90.00", [(3, "-50.00"), (1, "-40.00")]),
]


def test_what_was_paid_last_is_set_free_first_and_a_waiver_never():
    covers = [
        Cover(3, 9, Decimal("50.00"), False),
        Cover(2, 9, Decimal("10.00"), True),
        Cover(1, 9, Decimal("40.00"), False),
    ]
    for amount, expected in RELEASED:
        assert [(share.credit_id, str(share.amount)) for share in releases(Decimal(amount), covers)] == expected


def owed(amount, debt, *, keeps_rest=False):
    return payment_refusals(amount=Decimal(amount), owed=Decimal(debt), keeps_rest=keeps_rest)


AMOUNTS = [
    (owed("5", "5"), []),
    (owed("5", "0"), [("nothing_owed", "0.00")]),
    (owed("5", "4.99"), [("more_than_owed", "4.99")]),
    (owed("5", "0", keeps_rest=True), []),
    (waiver_refusals(amount=Decimal(5), left=Decimal(5)), []),
    (waiver_refusals(amount=Decimal(5), left=Decimal(0)), [("nothing_owed", "0.00")]),
    (waiver_refusals(amount=Decimal(5), left=Decimal(3)), [("more_than_owed", "3")]),
    (refund_refusals(amount=Decimal(5), credit=Decimal(5)), []),
    (refund_refusals(amount=Decimal(5), credit=Decimal(0)), [("no_credit", "0.00")]),
    (refund_refusals(amount=Decimal(5), credit=Decimal("4.50")), [("more_than_credit", "4.50")]),
]


def test_amounts_refused():
    for refusals, expected in AMOUNTS:
        assert [(refusal.reason.value, str(refusal.data["amount"])) for refusal in refusals] == expected


def test_reversals_refused():
    facts = {"is_reversal": False, "is_reversed": False, "is_waiver_of_reversed": False, "reversible": Decimal(10)}
    for changes, expected in (
        ({}, []),
        ({"is_reversal": True}, ["not_reversible"]),
        ({"is_reversed": True}, ["already_reversed"]),
        ({"is_waiver_of_reversed": True}, ["charge_is_reversed"]),
        ({"reversible": Decimal(0)}, ["nothing_owed"]),
    ):
        assert [refusal.reason.value for refusal in reversal_refusals(**facts | changes)] == expected


def test_every_reason_is_met_above():
    assert {reason.value for reason in Reason} == {
        "nothing_owed", "more_than_owed", "no_credit", "more_than_credit",
        "already_reversed", "not_reversible", "charge_is_reversed",
        "transfer_is_settled",  # of no rule: readership.tests.test_merges
    }  # fmt: skip
