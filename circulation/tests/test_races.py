"""Many desks at once, with real commits: limits hold, nothing is lent twice, nobody waits for ever."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from catalog.models import Copy
from catalog.tests.factories import CopyFactory
from circulation.actions import check_out, renew, return_copy
from circulation.models import Loan
from circulation.rules import Reason
from circulation.tests.conftest import NOW
from circulation.tests.factories import LoanFactory
from library.core.errors import Busy, Refused
from library.core.models import AuditEntry
from notifications.models import Notice
from reservations.models import Transfer
from tests.concurrency import PATIENCE, THREADS, at_once, deadlocks, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


def lending(copy, reader, branch, by, **more):
    return lambda: check_out(copy_id=copy.pk, reader_id=reader.pk, by=by, branch_id=branch.pk, now=NOW, **more)


def test_one_copy_for_thirty_two_desks(copy, vera, gleb, anna, centre):
    outcomes = at_once(*(lending(copy, reader, centre, anna) for reader in [vera, gleb] * (THREADS // 2)))
    loan = Loan.objects.get()
    codes = Counter(outcome for outcome in outcomes if isinstance(outcome, tuple | str))
    assert codes.total() == THREADS - 1
    assert set(codes) <= {("loaned_to_another",), ("already_loaned_to_reader",), "busy"}
    assert codes["busy"] < THREADS / 2
    assert Copy.objects.get().status == "loaned"
    assert AuditEntry.objects.filter(action="circulation.check_out").count() == 1
    assert Notice.objects.get().key == f"loan_receipt:{loan.uid}"


def test_the_last_permitted_loan_for_thirty_two_desks(vera, anna, centre, book_type):
    LoanFactory.create_batch(2, reader=vera)
    copies = CopyFactory.create_batch(THREADS, branch=centre, item_type=book_type)
    outcomes = at_once(*(lending(copy, vera, centre, anna) for copy in copies))
    codes = Counter(outcome for outcome in outcomes if isinstance(outcome, tuple | str))
    assert Loan.objects.open().filter(reader=vera).count() == 3
    assert codes.total() == THREADS - 1
    assert set(codes) <= {("loan_limit",), "busy"}
    assert codes["busy"] < THREADS / 2
    assert Copy.objects.filter(status="loaned").count() == 3


def test_a_loan_is_returned_once_by_thirty_two_desks(copy, vera, anna, centre):
    LoanFactory(copy=copy, reader=vera)
    outcomes = at_once(*[lambda: return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=NOW)] * THREADS)
    assert sum(outcome != "busy" and outcome.loan is not None for outcome in outcomes) == 1
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["circulation.return"]


def test_the_last_renewal_for_thirty_two_clicks(copy, vera, centre):
    loan = LoanFactory(copy=copy, reader=vera, renewals=1)
    outcomes = at_once(*[lambda: renew(loan_id=loan.pk, by=vera.user, now=NOW)] * THREADS)
    loan.refresh_from_db()
    assert loan.renewals == 2
    assert outcomes.count(("renewal_limit",)) > THREADS / 2
    assert AuditEntry.objects.filter(action="circulation.renew").count() == 1


def test_a_mixed_day_at_the_desks_without_deadlock(vera, gleb, boris, centre, book_type, copy):
    """240 operations on four books by eight desks; who takes a copy over locks two readers, in whatever order met.

    Many more, of all kinds: tests/test_mixed_day.py.
    """
    copies = [copy, *CopyFactory.create_batch(3, branch=centre, item_type=book_type)]
    before = deadlocks()
    take_over = {"overrides": {Reason.LOANED_TO_ANOTHER}, "note": "Передают друг другу"}

    def day(seed):
        choose = random.Random(seed)
        tally = Counter()
        for _ in range(30):
            on, reader = choose.choice(copies), choose.choice([vera, gleb])
            deed = choose.choice(["lend", "take over", "return", "renew"])
            try:
                if deed == "return":
                    return_copy(copy_id=on.pk, by=boris, branch_id=centre.pk, now=NOW)
                elif deed == "renew":
                    loan = Loan.objects.filter(copy=on).order_by("-pk").first()
                    renew(loan_id=loan.pk if loan else 0, by=boris, now=NOW)
                else:
                    lending(on, reader, centre, boris, **(take_over if deed == "take over" else {}))()
                tally[deed] += 1
            except Refused:
                tally["refused"] += 1
            except Busy:
                tally["busy"] += 1
        return tally

    tally = sum(at_once(*[lambda seed=seed: day(seed) for seed in range(8)]), Counter())
    assert tally.total() == 240
    assert min(tally[deed] for deed in ("lend", "take over", "return", "renew")) > 0
    assert deadlocks() == before

    assert {on.pk for on in copies if on.pk in Loan.objects.open().values_list("copy", flat=True)} == set(
        Copy.objects.filter(status="loaned").values_list("pk", flat=True)
    )
    for reader in (vera, gleb):
        assert most_at_once(reader) <= 3
    deeds = Counter(AuditEntry.objects.values_list("action", flat=True))
    assert deeds["circulation.check_out"] == tally["lend"] + tally["take over"] == Loan.objects.count()
    assert deeds["circulation.renew"] == tally["renew"]


def most_at_once(reader):
    """The most loans the reader ever had at once, by the order of the audit's entries."""
    held = most = 0
    loans = set(Loan.objects.filter(reader=reader).values_list("pk", flat=True))
    for action, loan in AuditEntry.objects.order_by("pk").values_list("action", "subject_id"):
        if loan in loans and action in ("circulation.check_out", "circulation.return"):
            held += 1 if action == "circulation.check_out" else -1
            most = max(most, held)
    return most


def test_who_waits_too_long_is_told_busy_and_has_written_nothing(copy, vera, anna, centre):
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": False}) as other:
        other.execute("SELECT 1 FROM catalog_copy WHERE id = %s FOR UPDATE", [copy.pk])
        with pytest.raises(Busy):
            lending(copy, vera, centre, anna)()
    assert not Loan.objects.exists()
    assert not AuditEntry.objects.exists()
    assert lending(copy, vera, centre, anna)().loan.pk


def test_the_victim_of_a_deadlock_is_told_busy(copy, vera, anna, centre):
    """Somebody outside locks the copy first and the book second, the wrong way round."""
    with (
        psycopg.connect(**connection.get_connection_params() | {"autocommit": False}) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("SET deadlock_timeout = '1min'")  # or it may be the one who is sent away
        other.execute("SELECT 1 FROM catalog_copy WHERE id = %s FOR UPDATE", [copy.pk])
        victim = pool.submit(at_once, lending(copy, vera, centre, anna))
        until_somebody_waits()
        other.execute("SELECT 1 FROM catalog_book WHERE id = %s FOR UPDATE", [copy.book_id])
        assert victim.result(PATIENCE) == ["busy"]
    assert not Loan.objects.exists()


def test_a_desk_whose_clock_is_a_moment_behind_gets_its_return(copy, vera, gleb, anna, boris, centre, north):
    """The instant is taken before the locks are had, so that what waited for them may seem to come first."""
    earlier = NOW - timedelta(milliseconds=200)
    lending(copy, vera, centre, anna)()
    over = check_out(
        copy_id=copy.pk, reader_id=gleb.pk, by=boris, branch_id=centre.pk, now=earlier,
        overrides={Reason.LOANED_TO_ANOTHER}, note="Передали",
    )  # fmt: skip
    assert over.returned.loan.returned_at == NOW
    assert return_copy(copy_id=copy.pk, by=anna, branch_id=north.pk, now=NOW).placement.transfer.sent_at == NOW
    again = return_copy(copy_id=copy.pk, by=anna, branch_id=centre.pk, now=earlier)
    assert again.placement.transfer is None
    assert Transfer.objects.get().arrived_at == NOW
