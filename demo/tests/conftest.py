"""One demo library for all tests of a module: loading it takes seconds."""

from datetime import date

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from demo.actions import load


@pytest.fixture(scope="module")
def demo_library(django_db_setup, django_db_blocker):
    """The demo library of 21 November 2026, nobody with a password yet; gives the queries that it took."""
    with django_db_blocker.unblock(), transaction.atomic():
        with CaptureQueriesContext(connection) as captured:
            assert load(today=date(2026, 11, 21), language="ru")
        yield captured
        transaction.set_rollback(True)
