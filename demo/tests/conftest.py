"""One demo library for all tests of this directory: loading it takes seconds."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Reader
from catalog.models import Book, Copy
from circulation.models import Loan
from demo.actions import load

DAY = "--today=2026-11-21"


def load_demo(*arguments):
    out = StringIO()
    call_command("load_demo", DAY, *arguments, stdout=out)
    return out.getvalue()


def fingerprint():
    """Everything that one can see, but for numbers that a sequence gave."""
    loans = Loan.objects.order_by("checked_out_at", "copy__inventory_number")
    return [
        list(rows)
        for rows in (
            Book.objects.order_by("pk").values_list("title", "year", "created_at", "call_number"),
            Copy.objects.order_by("pk").values_list("inventory_number", "barcode", "branch__code", "status", "price"),
            Reader.objects.order_by("pk").values_list(
                "full_name", "birth_date", "expires_on", "email", "registered_on"
            ),
            loans.values_list(
                "copy__barcode", "reader__full_name", "checked_out_at", "due_at", "returned_at", "renewals", "terms"
            ),
        )
    ]


@pytest.fixture(scope="package")
def demo_library(django_db_setup, django_db_blocker):
    """The demo library of 21 November 2026, nobody with a password yet; gives the queries that it took."""
    with django_db_blocker.unblock(), transaction.atomic():
        with CaptureQueriesContext(connection) as captured:
            assert load(today=date(2026, 11, 21), language="ru")
        yield captured
        transaction.set_rollback(True)
