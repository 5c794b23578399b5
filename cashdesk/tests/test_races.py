"""Many tills at once, with real commits: no debt is paid or forgiven twice, no receipt number is lost or doubled."""

from decimal import Decimal

import psycopg
import pytest
from django.db import connection

from cashdesk import queries
from cashdesk.actions import charge, pay, refund, reverse, waive
from cashdesk.models import Entry, Kind, Method
from cashdesk.tests.conftest import NOW, Till
from library.core.errors import Busy
from tests.concurrency import THREADS, at_once, deadlocks, told

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_last_debt_is_paid_or_waived_once(till, vera, boris, centre):
    entry = till.charge("100")

    def paying():
        return pay(
            reader_id=vera.pk, amount=Decimal(100), method=Method.CASH, branch_id=centre.pk, by=boris, now=NOW
        )  # fmt: skip

    def waiving():
        return waive(charge_uid=entry.uid, reason="Болел", by=boris, now=NOW)

    outcomes = told(at_once(*[paying, waiving] * (THREADS // 2)))
    assert outcomes["done"] == 1
    assert outcomes[("nothing_owed",)] + outcomes["busy"] == THREADS - 1
    assert queries.balance_of(vera.pk) == 0
    assert Entry.objects.count() == 2


def test_a_mixed_day_at_the_tills_adds_up(vera, gleb, boris, centre, north):
    """Six tills do everything with two readers at two branches; the ledger and the receipts are whole afterwards."""
    before = deadlocks()

    def day(number):
        reader, branch = (vera, gleb)[number % 2], (centre, north)[number // 2 % 2]
        common = {"by": boris, "now": NOW, "branch_id": branch.pk}

        def act():
            for step in range(6):
                amount = Decimal(10 + number + step)
                owed = charge(reader_id=reader.pk, kind=Kind.MANUAL, amount=amount, reason="Копии", **common)
                paid = pay(reader_id=reader.pk, amount=amount, method=Method.CASH, keeps_rest=True, **common)
                if step % 3 == 1:
                    reverse(entry_uid=owed.uid, reason="Ошибка", **common)
                if step % 3 == 2:
                    reverse(entry_uid=paid.uid, reason="Ошибка", **common)
            return True

        return act

    outcomes = at_once(*[day(number) for number in range(6)])
    assert outcomes == [True] * 6
    assert deadlocks() == before
    for reader in (vera, gleb):
        account = queries.account_of(reader.pk)
        assert queries.balance_of(reader.pk) == account.owed - account.credit
        assert not (account.owed and account.credit)
    for branch in (centre, north):
        numbers = Entry.objects.filter(branch=branch).exclude(method="").values_list("receipt_number", flat=True)
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_credit_is_given_back_once(till, vera, boris, centre):
    till.pay("50", keeps_rest=True)

    def giving():
        return refund(
            reader_id=vera.pk, amount=Decimal(50), method=Method.CASH, reason="По заявлению", branch_id=centre.pk,
            by=boris, now=NOW,
        )  # fmt: skip

    outcomes = told(at_once(*[giving] * THREADS))
    assert outcomes["done"] == 1
    assert queries.balance_of(vera.pk) == 0


def test_who_waits_too_long_is_told_busy_and_has_written_nothing(vera, boris, centre):
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": False}) as other:
        other.execute("SELECT 1 FROM accounts_reader WHERE id = %s FOR UPDATE", [vera.pk])
        connection.cursor().execute("SET lock_timeout = 50")
        with pytest.raises(Busy):
            Till(vera, boris, centre).charge("10")
    connection.cursor().execute("RESET lock_timeout")
    assert not Entry.objects.exists()
