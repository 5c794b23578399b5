"""A branch with three shelves, and a librarian with a scanner."""

from datetime import UTC, datetime
from itertools import count

import pytest
from django.utils import translation

from accounts.tests.factories import LibrarianFactory
from catalog.tests.factories import CopyFactory
from policies.tests.factories import BranchFactory
from stocktaking.actions import record_scans, start

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


@pytest.fixture
def anna():
    return LibrarianFactory(full_name="Анна", language="en")


@pytest.fixture
def centre():
    return BranchFactory(name="Центральная", code="centre")


@pytest.fixture
def shelf(centre):
    """Copies А, Б, В, Г by their letter, one behind another."""
    return {
        letter: CopyFactory(branch=centre, shelf_mark=f"84 {letter}", inventory_number=f"ИНВ-{letter}", barcode=f"B{n}")
        for n, letter in enumerate("АБВГ")
    }


@pytest.fixture
def stocktake(centre, shelf, anna):
    return start(branch=centre, by=anna, now=NOW)


@pytest.fixture
def scan(stocktake, anna):
    """`scan("B1", "B2")`: outcomes of codes scanned one call each, a minute apart."""
    minutes = count(1)

    def scanning(*codes, by=anna, **more):
        said = []
        for code in codes:
            now = NOW.replace(hour=10, minute=next(minutes))
            said += record_scans(stocktake_id=stocktake.pk, codes=[code], by=by, now=now, **more)
        return [one.finding.outcome for one in said]

    return scanning
