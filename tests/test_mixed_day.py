"""A whole day of a library at once: every action on the same few books, readers and tills; no deadlock, all adds up.

    MIXED_OPERATIONS=5000 pytest tests/test_mixed_day.py

does as many as one likes.
"""

import itertools
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from accounts.tests.factories import AdminFactory, ReaderFactory
from cashdesk.actions import charge, pay, refund, reverse, waive
from cashdesk.models import CHARGES, Entry, Kind, Method
from catalog.models import Copy
from catalog.tests.factories import BookFactory, CopyFactory
from circulation.actions import check_out, declare_lost, renew, return_copy
from circulation.models import Loan
from circulation.rules import Reason
from library.core.errors import Busy, Refused
from library.core.integrity import findings
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, DefaultRuleFactory
from reservations.actions import arrive, cancel, capture, expire_uncollected, move, pick, release, reserve, suspend
from reservations.models import Reservation
from tests.concurrency import THREADS, at_once, deadlocks

pytestmark = pytest.mark.django_db(transaction=True)

OPERATIONS = int(os.environ.get("MIXED_OPERATIONS", "640"))
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Library:
    """Four books of two copies each, six readers, two branches, and somebody who may do everything."""

    def __init__(self):
        DefaultRuleFactory(fine_amount=Decimal(3), reservation_fee=Decimal(1), max_renewals=1000)
        self.branches = BranchFactory.create_batch(2)
        self.by = AdminFactory()
        self.hours = itertools.count()
        self.readers = ReaderFactory.create_batch(6, home_branch=self.branches[0])
        books = BookFactory.create_batch(4)
        self.copies = [
            CopyFactory(book=book, branch=branch, price=Decimal(100)) for book in books for branch in self.branches
        ]

    def deeds(self, choose):
        """Name of each deed and what does it to whatever `choose` meets; it may find nothing to do it to."""
        copy, reader, branch = choose.choice(self.copies), choose.choice(self.readers), choose.choice(self.branches)
        now = NOW + next(self.hours) * timedelta(hours=1)
        at_desk = {"by": self.by, "branch_id": branch.pk, "now": now}
        by_hand = {"by": self.by, "now": now}
        amount, note = Decimal(choose.randrange(1, 9)), "Смешанный день"
        cash = {"reader_id": reader.pk, "amount": amount, "method": Method.CASH, **at_desk}
        loan = partial(self.one_of, Loan.objects.open(), choose)
        waiting = partial(self.one_of, Reservation.objects.active(), choose)
        entry = partial(self.one_of, Entry.objects.filter(reader=reader), choose)
        owed = partial(self.one_of, Entry.objects.filter(reader=reader, kind__in=CHARGES), choose)
        until = now.date() + timedelta(days=9)
        return {
            "check_out": lambda: check_out(copy_id=copy.pk, reader_id=reader.pk, **at_desk),
            "override": lambda: check_out(
                copy_id=copy.pk, reader_id=reader.pk, overrides=set(Reason), note=note, **at_desk
            ),
            "renew": lambda: renew(loan_id=loan().pk, **by_hand),
            "return": lambda: return_copy(copy_id=copy.pk, **at_desk),
            "declare_lost": lambda: declare_lost(loan_id=loan().pk, **by_hand),
            "reserve": lambda: reserve(
                book_id=copy.book_id, reader_id=reader.pk, pickup_branch_id=branch.pk, **by_hand
            ),
            "cancel": lambda: cancel(reservation_id=waiting().pk, why=note, **by_hand),
            "suspend": lambda: suspend(reservation_id=waiting().pk, until=until, **by_hand),
            "move": lambda: move(reservation_id=waiting().pk, place=1, why=note, **by_hand),
            "capture": lambda: capture(copy_id=copy.pk, **at_desk),
            "pick": lambda: pick(copy_id=copy.pk, **at_desk),
            "arrive": lambda: arrive(copy_id=copy.pk, **at_desk),
            "release": lambda: release(copy_id=copy.pk, status=Copy.Status.DAMAGED, why=note, **by_hand),
            "expire": lambda: expire_uncollected(now=now),
            "charge": lambda: charge(reader_id=reader.pk, kind=Kind.MANUAL, amount=amount, reason=note, **at_desk),
            "pay": lambda: pay(keeps_rest=True, **cash),
            "refund": lambda: refund(reason=note, **cash),
            "waive": lambda: waive(charge_uid=owed().uid, reason=note, **by_hand),
            "reverse": lambda: reverse(entry_uid=entry().uid, reason=note, **at_desk),
        }

    def one_of(self, rows, choose):
        """Any of the rows that are there now; LookupError if there is none."""
        return choose.choice(list(rows.order_by("pk"))[-20:])

    def day(self, seed, count):
        """So many deeds one after another: how often each was done, refused, or busy."""
        choose, tally = random.Random(seed), Counter()
        for _n in range(count):
            deeds = self.deeds(choose)
            name = choose.choice(list(deeds))
            try:
                deeds[name]()
                tally[name] += 1
            except (Refused, LookupError):
                tally["refused"] += 1
            except Busy:
                tally["busy"] += 1
        return tally


def test_everything_at_once():
    library, before = Library(), deadlocks()
    days = [partial(library.day, seed, OPERATIONS // THREADS) for seed in range(THREADS)]
    tally = sum(at_once(*days, patience=60 + OPERATIONS / 5), Counter())
    assert tally.total() == OPERATIONS // THREADS * THREADS
    assert tally["busy"] < tally.total() / 10
    assert {"check_out", "return", "reserve", "pay"} <= set(tally), tally
    assert deadlocks() == before
    assert findings() == []
    done = Counter(AuditEntry.objects.values_list("action", flat=True))
    assert done["circulation.check_out"] == tally["check_out"] + tally["override"] == Loan.objects.count()
    assert done["circulation.renew"] == tally["renew"]
    print(f"\n{dict(tally)}")  # noqa: T201 # with -s: what was done
