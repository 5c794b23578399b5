"""The ledger: every effect, every refusal, what the database itself refuses, and how many queries each action takes."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cashdesk import queries
from cashdesk.models import Allocation, Charge, Entry, Kind, Method, Payment, ReceiptCounter
from cashdesk.tests.conftest import NOW
from library.core.errors import Invalid, Refused
from library.core.models import AuditEntry

pytestmark = pytest.mark.django_db


def left(*entries):
    """What is left of each, as text."""
    found = {entry.pk: entry.left for entry in Entry.objects.with_left()}
    return [str(found[entry.pk]) for entry in entries]


def balance(reader):
    return str(queries.balance_of(reader.pk))


def refused(act, *args, **changes):
    """The codes of a refusal, which wrote nothing."""
    before = (Entry.objects.count(), Allocation.objects.count(), AuditEntry.objects.count(), list(counters()))
    with pytest.raises(Refused) as error:
        act(*args, **changes)
    assert (Entry.objects.count(), Allocation.objects.count(), AuditEntry.objects.count(), list(counters())) == before
    return [refusal.reason.value for refusal in error.value.refusals]


def invalid(act, *args, **changes):
    """The fields that make no sense."""
    with pytest.raises(Invalid) as error:
        act(*args, **changes)
    return list(error.value.errors)


def counters():
    return ReceiptCounter.objects.order_by("pk").values_list("branch__code", "year", "last")


# --- What is written -----------------------------------------------------------------------------------------------


def test_a_charge_is_owed_and_audited(till, vera, boris, centre):
    entry = till.charge("150.50", reason=" Потерян билет ")
    assert (entry.reader, entry.by, entry.branch, entry.reason) == (vera, boris, centre, "Потерян билет")
    assert balance(vera) == "150.50"
    audit = AuditEntry.objects.get()
    assert (audit.action, audit.actor, audit.subject_id) == ("cashdesk.charge", boris, entry.pk)
    assert (audit.detail["amount"], audit.detail["reason"]) == ("150.50", "Потерян билет")


def test_a_job_may_charge_and_says_its_name(till):
    entry = till.charge("10", kind=Kind.OVERDUE, by=None, job="circulation", reason="")
    assert (entry.by, entry.job) == (None, "circulation")


def test_a_payment_covers_the_oldest_debts_and_the_rest_stays_owed(till, vera):
    one, two, three = (till.charge(amount) for amount in ("1.00", "2.00", "3.00"))
    till.pay("4.00")
    assert left(one, two, three) == ["0.00", "0.00", "2.00"]
    assert balance(vera) == "2.00"


def test_chosen_charges_are_paid_whatever_their_age(till, vera):
    one, two = till.charge("100"), till.charge("40")
    till.pay("30", charges=[two.uid])
    assert left(one, two) == ["100.00", "10.00"]
    assert refused(till.pay, "10.01", charges=[two.uid]) == ["more_than_owed"]
    assert invalid(till.pay, "1", charges=[uuid4()]) == ["charges"]


def test_nobody_pays_for_another_readers_charge(till, gleb):
    anothers = till.charge("10", reader_id=gleb.pk)
    till.charge("10")
    assert invalid(till.pay, "10", charges=[anothers.uid]) == ["charges"]


def test_more_than_is_owed_is_taken_only_to_be_kept_as_credit(till, vera):
    till.charge("10")
    assert refused(till.pay, "10.01") == ["more_than_owed"]
    till.pay("15", keeps_rest=True)
    assert balance(vera) == "-5.00"
    later = till.charge("8")
    assert (left(later), balance(vera)) == (["3.00"], "3.00")


def test_a_waiver_forgives_all_or_a_part(till, vera):
    entry = till.charge("10")
    till.waive(entry, "4")
    assert (left(entry), balance(vera)) == (["6.00"], "6.00")
    assert refused(till.waive, entry, "6.01") == ["more_than_owed"]
    till.waive(entry)
    assert (left(entry), balance(vera)) == (["0.00"], "0.00")
    assert refused(till.waive, entry) == ["nothing_owed"]


def test_a_paid_charge_reversed_becomes_credit_that_pays_other_debts_or_is_given_back(till, vera):
    paid, other = till.charge("100"), till.charge("30")
    till.pay("100", charges=[paid.uid])
    till.reverse(paid)
    assert (left(paid, other), balance(vera)) == (["0.00", "0.00"], "-70.00")
    assert refused(till.refund, "70.01") == ["more_than_credit"]
    till.refund("70")
    assert balance(vera) == "0.00"
    assert refused(till.refund, "1") == ["no_credit"]


def test_what_was_waived_is_no_money_when_the_charge_is_reversed(till, vera):
    entry = till.charge("100")
    waiver = till.waive(entry, "60")
    till.pay("40")
    reversal = till.reverse(entry)
    assert (str(reversal.amount), balance(vera)) == ("40.00", "-40.00")
    assert refused(till.reverse, waiver) == ["charge_is_reversed"]


def test_a_part_of_a_charge_is_reversed_the_unpaid_first(till, vera):
    entry = till.charge("100")
    till.pay("30")
    till.reverse(entry, amount=Decimal(80))
    assert (left(entry), balance(vera)) == (["0.00"], "-10.00")


def test_a_payment_reversed_is_owed_again_with_a_receipt_of_its_own(till, vera):
    one, two = till.charge("10"), till.charge("20")
    payment = till.pay("25")
    reversal = till.reverse(payment)
    assert (left(one, two), balance(vera)) == (["10.00", "20.00"], "30.00")
    assert (payment.receipt, reversal.receipt) == ("centre-2026-000001", "centre-2026-000002")
    assert reversal.method == "cash"


def test_a_waiver_and_a_refund_are_reversed_too(till, vera):
    entry = till.charge("10")
    till.reverse(till.waive(entry))
    assert (left(entry), balance(vera)) == (["10.00"], "10.00")
    till.pay("30", keeps_rest=True)
    given = till.refund("20")
    till.reverse(given)
    assert balance(vera) == "-20.00"


def test_a_payment_reversed_after_its_credit_was_given_back_is_owed(till, vera):
    payment = till.pay("50", keeps_rest=True)
    till.refund("50")
    till.reverse(payment)
    assert balance(vera) == "50.00"
    assert [str(debit.left) for debit in queries.account_of(vera.pk).debits] == ["50.00"]


def test_what_is_reversed_once_stays_so(till):
    entry = till.charge("10")
    reversal = till.reverse(entry)
    assert refused(till.reverse, entry) == ["already_reversed"]
    assert refused(till.reverse, reversal) == ["not_reversible"]


def test_the_same_uid_acts_once(till, vera):
    till.charge("100")
    uid = uuid4()
    assert till.pay("40", uid=uid) == till.pay("40", uid=uid)
    assert balance(vera) == "60.00"
    assert list(counters()) == [("centre", 2026, 1)]


def test_what_makes_no_sense_is_said_at_its_field(till):
    entry = till.charge("10")
    for amount in ("0", "-1", "0.001", "100000000"):
        assert invalid(till.pay, amount) == ["amount"]
    assert invalid(till.charge, "0", reason=" ") == ["amount", "reason"]
    assert invalid(till.waive, entry, reason="") == ["reason"]
    assert invalid(till.refund, "1", reason="") == ["reason"]
    assert invalid(till.reverse, entry, reason="") == ["reason"]
    assert invalid(till.charge, "1", kind=Kind.PAYMENT) == ["kind"]


def test_receipts_are_numbered_by_branch_and_by_the_year_on_its_clock(till, north):
    till.charge("100")
    new_year = datetime(2026, 12, 31, 22, 0, tzinfo=UTC)
    receipts = [
        till.pay("1").receipt,
        till.pay("1", branch_id=north.pk).receipt,
        till.pay("1").receipt,
        till.pay("1", now=new_year).receipt,
    ]
    assert receipts == ["centre-2026-000001", "north-2026-000001", "centre-2026-000002", "centre-2027-000001"]


def test_a_number_that_is_not_used_is_not_used_up(till):
    till.charge("10")
    with transaction.atomic():
        till.pay("5")
        transaction.set_rollback(True)
    assert till.pay("5").receipt == "centre-2026-000001"


# --- What the database refuses -------------------------------------------------------------------------------------


def test_nothing_is_changed_or_deleted(till):
    till.charge("10")
    till.pay("10")
    for rows, change in (
        (Entry.objects.all(), {"reason": "Иначе"}),
        (Allocation.objects.all(), {"amount": 5}),
        (ReceiptCounter.objects.all(), {"last": 5}),
    ):
        with pytest.raises(IntegrityError, match=r"only added to|no gaps"), transaction.atomic():
            rows.update(**change)
        with pytest.raises(IntegrityError, match=r"only added to|no gaps"), transaction.atomic():
            rows._raw_delete("default")


def entry_like(entry, **changes):
    """An entry written past the actions."""
    values = {
        name: getattr(entry, name) for name in ("reader", "kind", "amount", "reason", "branch", "by", "at", "method")
    }
    return Entry.objects.create(**values | changes)


IMPOSSIBLE = [
    ({"amount": 0}, "amount_is_more_than_nothing"),
    ({"amount": -1}, "amount_is_more_than_nothing"),
    ({"by": None}, "entry_has_one_author"),
    ({"job": "circulation"}, "entry_has_one_author"),
    ({"reason": ""}, "entry_says_why_where_it_must"),
    ({"kind": "gift"}, "kind_of_entry_is_known"),
    ({"kind": "charge_reversal"}, "reversal_names_what_it_reverses"),
    ({"method": "cash"}, "money_has_method_and_receipt"),
    ({"method": "cash", "receipt_year": 2026, "receipt_number": 9}, "money_has_method_and_receipt"),
    ({"kind": "payment"}, "no_money_without_method"),
]


def test_entries_that_cannot_be(till):
    entry = till.charge("10")
    for changes, constraint in IMPOSSIBLE:
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            entry_like(entry, **changes)


def test_a_loan_is_replaced_once(till):
    loan = uuid4()
    till.charge("10", kind=Kind.REPLACEMENT, loan_uid=loan)
    with pytest.raises(IntegrityError, match="one_replacement_per_loan"), transaction.atomic():
        till.charge("10", kind=Kind.REPLACEMENT, loan_uid=loan)


def at_commit(written):
    """What the triggers that wait for the commit say of something."""
    connection.check_constraints()
    with transaction.atomic():
        written()
        with pytest.raises(IntegrityError) as error:
            connection.check_constraints()
        transaction.set_rollback(True)
    return str(error.value)


def test_allocations_never_exceed_either_side(till, gleb):
    entry, waived = till.charge("10"), till.charge("5")
    waiver, payment = till.waive(waived, "5"), till.pay("4")
    anothers = till.charge("10", reader_id=gleb.pk)

    def allot(credit, debit, amount):
        return lambda: Allocation.objects.create(credit=credit, debit=debit, amount=amount, cause=credit)

    assert "covers more than it is worth" in at_commit(allot(payment, entry, Decimal("0.01")))
    free = till.pay("20", keeps_rest=True)
    assert "covered by more than it is" in at_commit(allot(free, entry, Decimal("0.01")))
    assert "takes back more" in at_commit(allot(waiver, entry, Decimal("-1.00")))
    assert "the other way round" in at_commit(allot(entry, waived, Decimal("1.00")))
    assert "another reader" in at_commit(allot(free, anothers, Decimal("1.00")))


def test_a_reversal_is_the_opposite_of_what_it_reverses(till):
    entry = till.charge("10")
    reversal = {"kind": "charge_reversal", "reverses": entry}
    assert "does not reverse" in at_commit(lambda: entry_like(entry, **reversal, amount=11))
    assert "does not reverse" in at_commit(lambda: entry_like(entry, **reversal | {"kind": "payment_reversal"}))


# --- Queries -------------------------------------------------------------------------------------------------------


def test_who_sees_what(till, vera, gleb, anna):
    mine, anothers = till.charge("10"), till.charge("20", reader_id=gleb.pk)
    assert set(queries.entries_visible_to(anna)) == {mine, anothers}
    assert set(queries.entries_visible_to(vera.user)) == {mine}


def test_the_ledger_has_a_running_balance(till, vera):
    till.charge("10")
    till.pay("4")
    till.charge("1.50")
    assert [str(entry.balance) for entry in queries.ledger_of(vera.pk)] == ["7.50", "6.00", "10.00"]


def test_charges_and_payments_are_two_views_of_one_ledger(till):
    charge = till.charge("10")
    payment, reversal = till.pay("10"), till.reverse(charge)
    assert [entry.pk for entry in Charge.objects.all()] == [charge.pk]
    assert {entry.pk for entry in Payment.objects.all()} == {payment.pk, reversal.pk}


def test_every_action_takes_few_queries(till):
    taken = {}

    def count(name, act, *args, **changes):
        with CaptureQueriesContext(connection) as captured:
            entry = act(*args, **changes)
        statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
        locks = [n for n, sql in enumerate(statements) if 'FOR NO KEY UPDATE OF "accounts_reader"' in sql]
        writes = [n for n, sql in enumerate(statements) if sql.lstrip().startswith("INSERT")]
        assert len(locks) == 1
        assert locks[0] < writes[0]
        taken[name] = len(statements)
        return entry

    entry = count("charge", till.charge, "10")
    for _ in range(5):
        till.charge("10")
    payment = count("pay", till.pay, "55")
    waived = till.charge("10")
    count("waive", till.waive, waived)
    count("reverse a charge", till.reverse, entry)
    count("reverse a payment", till.reverse, payment)
    till.pay("100", keeps_rest=True, method=Method.CARD)
    count("refund", till.refund, "20")
    assert taken == {
        "charge": 6,
        "pay": 8,
        "waive": 7,
        "refund": 8,
        "reverse a charge": 10,
        "reverse a payment": 10,
    }
    assert till.now > NOW
