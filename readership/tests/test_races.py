"""Merging beside other people's work, with real commits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, connections

from accounts.models import Reader
from accounts.tests.factories import LibrarianFactory, ReaderFactory
from catalog.tests.factories import CopyFactory
from circulation.actions import check_out
from circulation.models import Loan
from library.core.errors import Invalid, LibraryError, Refused
from policies.tests.factories import BranchFactory, DefaultRuleFactory
from readership.merges import merge_readers

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def at_once(*deeds):
    """What each came to, done at the same time: its answer or its error."""

    def tried(deed):
        try:
            return deed()
        except LibraryError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(tried, deeds))


def test_two_merges_of_the_same_two_make_one():
    one, two, staff = ReaderFactory(), ReaderFactory(), LibrarianFactory()
    done = at_once(
        lambda: merge_readers(survivor_id=one.pk, merged_ids=[two.pk], choices={}, by=staff, now=NOW),
        lambda: merge_readers(survivor_id=two.pk, merged_ids=[one.pk], choices={}, by=staff, now=NOW),
    )
    assert sorted(type(outcome).__name__ for outcome in done) == ["Invalid", "ReaderMerge"]
    assert Reader.objects.current().filter(pk__in=[one.pk, two.pk]).count() == 1
    connection.close()


def test_a_copy_lent_meanwhile_goes_with_its_reader_or_not_at_all():
    DefaultRuleFactory()
    branch, staff = BranchFactory(), LibrarianFactory()
    for _time in range(5):
        stays, goes, copy = ReaderFactory(), ReaderFactory(), CopyFactory(branch=branch)
        lent, merged = at_once(
            lambda: check_out(copy_id=copy.pk, reader_id=goes.pk, by=staff, branch_id=branch.pk, now=NOW),  # noqa: B023
            lambda: merge_readers(survivor_id=stays.pk, merged_ids=[goes.pk], choices={}, by=staff, now=NOW),  # noqa: B023
        )
        assert not isinstance(merged, Refused | Invalid)
        assert not Loan.objects.filter(reader__merged_into__isnull=False).exists()
        if isinstance(lent, Refused):
            assert not Loan.objects.filter(copy=copy).exists()
    connection.close()
