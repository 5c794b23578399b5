"""Many at once, with real commits: card numbers stay unique, one administrator stays."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from django.db import connection

from accounts import actions
from accounts.models import Reader, Role, User
from accounts.tests.factories import AdminFactory
from library.core.errors import Invalid, Refused
from policies.tests.factories import BranchFactory, ReaderCategoryFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def at_once(deeds):
    """Run the callables in threads that start together; returns results or the exceptions of ours."""
    barrier = Barrier(len(deeds))

    def run(deed):
        barrier.wait(timeout=20)
        try:
            return deed()
        except (Invalid, Refused) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_desks_never_give_out_one_number_twice():
    ReaderCategoryFactory(is_default=True)
    BranchFactory()
    readers = at_once([lambda: actions.register_reader(full_name="Кто", by=None, now=NOW) for _ in range(12)])
    assert len({reader.card_number for reader in readers}) == 12


def test_one_card_number_typed_at_two_desks():
    ReaderCategoryFactory(is_default=True)
    BranchFactory()
    results = at_once(
        [lambda: actions.register_reader(full_name="Кто", card_number="A-1", by=None, now=NOW) for _ in range(6)]
    )
    assert sum(isinstance(result, Invalid) for result in results) == 5
    assert Reader.objects.count() == 1


def test_two_administrators_cannot_demote_each_other():
    first, second = AdminFactory(), AdminFactory()
    results = at_once(
        [
            lambda: actions.set_role(user_id=first.pk, role=Role.READER, by=second, now=NOW),
            lambda: actions.deactivate(user_id=second.pk, by=first, now=NOW),
        ]
    )
    assert sum(isinstance(result, Refused) for result in results) == 1
    assert User.objects.filter(role=Role.ADMIN, is_active=True).count() == 1
