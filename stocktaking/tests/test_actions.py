"""Starting, scanning, putting right, undoing, closing: every effect, and that a refusal writes nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import LibrarianFactory
from catalog.copy_actions import withdraw_copies
from catalog.models import Copy
from catalog.tests.factories import CopyFactory
from circulation.tests.factories import LoanFactory
from library.core.errors import Busy, Invalid
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory
from stocktaking.actions import close, correct, record_scans, start, undo
from stocktaking.models import Finding, Outcome, Stocktake
from stocktaking.queries import counts_of, findings_of
from stocktaking.tests.conftest import NOW

pytestmark = pytest.mark.django_db


def counted(stocktake):
    """Outcome -> number, without what is not there."""
    return {name: count for name, count in counts_of(stocktake).items() if count and not name.startswith("open_")}


def corrected(stocktake, outcome, anna, ids=None):
    return correct(stocktake_id=stocktake.pk, outcome=outcome, finding_ids=ids, by=anna, now=NOW + timedelta(days=1))


def taken_back(finding, anna):
    return undo(stocktake_id=finding.stocktake_id, finding_id=finding.pk, by=anna, now=NOW + timedelta(days=1))


def test_a_stretch_of_shelves_expects_what_stands_there_or_is_on_loan(centre, shelf, anna):
    LoanFactory(copy=shelf["Б"])
    CopyFactory(branch=centre, shelf_mark="84 Б", status="withdrawn")
    CopyFactory(branch=BranchFactory(), shelf_mark="84 Б")
    CopyFactory(branch=centre, shelf_mark="85 А")
    stocktake = start(branch=centre, shelf_from="84 Б", shelf_to="84", by=anna, now=NOW)
    expected = stocktake.findings.filter(is_expected=True).values_list("copy__inventory_number", flat=True)
    assert sorted(expected) == ["ИНВ-Б", "ИНВ-В", "ИНВ-Г"]
    assert counted(stocktake) == {"missing": 2, "on_loan": 1}
    assert AuditEntry.objects.get(action="stocktaking.start").detail == {"expected": 3}
    with pytest.raises(Invalid):
        start(branch=centre, shelf_from="85", shelf_to="84", by=anna, now=NOW)


def test_every_kind_of_scan(stocktake, scan, shelf, centre):
    CopyFactory(branch=BranchFactory(), barcode="OTHER", shelf_mark="84 Д")
    CopyFactory(branch=centre, barcode="LOST", status="lost")
    CopyFactory(branch=centre, barcode="GONE", status="withdrawn")
    CopyFactory(branch=centre, barcode="NEW", shelf_mark="84 Е")
    LoanFactory(copy=shelf["Г"])
    assert scan("b0", "ИНВ-Б", "OTHER", "NEW", "LOST", "GONE", "B3", "no-such") == [
        "found", "found", "other_branch", "found", "found_lost", "found_withdrawn", "found_on_loan", "unknown",
    ]  # fmt: skip
    assert counted(stocktake) == {
        "found": 3,
        "missing": 1,
        "other_branch": 1,
        "found_lost": 1,
        "found_withdrawn": 1,
        "found_on_loan": 1,
        "unknown": 1,
    }


def test_a_copy_between_its_neighbours_is_found_and_a_stray_is_told_at_once(stocktake, scan, shelf):
    assert scan("B0", "B3", "B1", "B2") == ["found", "found", "found", "found"]
    strays = findings_of(stocktake).filter(result=Outcome.OUT_OF_PLACE)
    assert [finding.copy.inventory_number for finding in strays] == ["ИНВ-Г"]


def test_a_new_shelf_and_another_librarian_compare_with_nothing(stocktake, scan):
    assert scan("B3") == ["found"]
    assert scan("B1", is_new_shelf=True) == ["found"]
    assert scan("B0", by=LibrarianFactory()) == ["found"]
    assert scan("ИНВ-В") == ["found"]


def test_a_double_scan_changes_nothing(stocktake, scan, anna):
    scan("B0", "no-such")
    before = list(Finding.objects.order_by("pk").values())
    later = NOW + timedelta(days=3)
    said = record_scans(stocktake_id=stocktake.pk, codes=["b0", "no-such", "B0"], by=anna, now=later)
    assert [one.is_repeated for one in said] == [True, True, True]
    assert list(Finding.objects.order_by("pk").values()) == before


def test_a_file_is_counted_in_a_bounded_number_of_statements(stocktake, anna, centre):
    CopyFactory.create_batch(60, branch=centre, shelf_mark="84 Ж")
    codes = list(Copy.objects.order_by("shelf_mark").values_list("barcode", flat=True))

    def statements(codes):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            record_scans(stocktake_id=stocktake.pk, codes=codes, by=anna, now=NOW)
        return len(asked)

    few = statements(["", " B0 ", "zzz-1"])
    assert statements([*codes, "zzz-2"]) <= few + 1
    assert counted(stocktake) == {"found": 64, "unknown": 2}
    with pytest.raises(Invalid):
        statements(["B0"] * 5001)


@pytest.mark.django_db(transaction=True)
def test_many_librarians_scan_the_same_shelf_at_once(stocktake, shelf):
    people = LibrarianFactory.create_batch(6)
    begin = Barrier(len(people))
    codes = ["B0", "B1", "B2", "B3", "no-such"]

    def walk(by):
        try:
            begin.wait(20)
            return [record_scans(stocktake_id=stocktake.pk, codes=[code], by=by, now=NOW)[0] for code in codes]
        except Busy:
            return []
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        said = [one for scans in pool.map(walk, people) for one in scans]
    assert sum(not one.is_repeated for one in said) == 5
    assert Finding.objects.count() == 5
    assert set(Finding.objects.values_list("outcome", flat=True)) == {"found", "unknown"}


def test_missing_copies_are_marked_lost_and_taken_back(stocktake, scan, shelf, anna):
    scan("B0", "B1", "B2")
    assert corrected(stocktake, Outcome.MISSING, anna) == 1
    assert Copy.objects.get(pk=shelf["Г"].pk).status == "lost"
    assert counted(stocktake)["missing"] == 1, "it stays a finding"
    entry = AuditEntry.objects.get(action="stocktaking.correct")
    assert entry.detail == {"outcome": "missing", "correction": "marked_lost", "count": 1}
    finding = Finding.objects.get(copy=shelf["Г"])
    taken_back(finding, anna)
    assert Copy.objects.get(pk=shelf["Г"].pk).status == "available"
    assert counts_of(stocktake)["open_missing"] == 1
    with pytest.raises(Finding.DoesNotExist):
        taken_back(finding, anna)


def test_a_copy_of_another_branch_is_moved_here_and_back(stocktake, scan, centre, anna):
    north = BranchFactory()
    copy = CopyFactory(branch=north, barcode="OTHER")
    scan("OTHER")
    assert corrected(stocktake, Outcome.OTHER_BRANCH, anna) == 1
    assert Copy.objects.get(pk=copy.pk).branch == centre
    taken_back(Finding.objects.get(copy=copy), anna)
    assert Copy.objects.get(pk=copy.pk).branch == north


def test_a_withdrawn_copy_that_turned_up_is_restored_and_withdrawn_again(stocktake, scan, anna):
    copy = CopyFactory(barcode="GONE")
    given = {"act_number": "7", "dated_on": date(2026, 2, 1), "reason": "outdated"}
    withdraw_copies(copy_ids=[copy.pk], by=anna, now=NOW, **given)
    scan("GONE")
    assert corrected(stocktake, Outcome.FOUND_WITHDRAWN, anna) == 1
    assert Copy.objects.get(pk=copy.pk).status == "available"
    taken_back(Finding.objects.get(copy=copy), anna)
    assert Copy.objects.get(pk=copy.pk).status == "withdrawn"
    assert copy.withdrawals.get(restored_at=None).act.number == "7"


def test_what_has_changed_since_is_left_alone(stocktake, scan, shelf, anna):
    lost = CopyFactory(barcode="LOST", status="lost")
    scan("LOST")
    Copy.objects.filter(pk=lost.pk).update(status="damaged")
    assert corrected(stocktake, Outcome.FOUND_LOST, anna) == 0
    assert corrected(stocktake, Outcome.MISSING, anna, [Finding.objects.get(copy=shelf["А"]).pk]) == 1
    LoanFactory(copy=shelf["А"])
    with pytest.raises(Invalid):
        taken_back(Finding.objects.get(copy=shelf["А"]), anna)
    with pytest.raises(Invalid):
        corrected(stocktake, Outcome.FOUND_ON_LOAN, anna)
    assert Copy.objects.get(pk=lost.pk).status == "damaged"


def test_a_closed_stocktake_stays_as_it_was_found(stocktake, scan, shelf, anna):
    LoanFactory(copy=shelf["Г"])
    scan("B0", "B1")
    close(stocktake_id=stocktake.pk, by=anna, now=NOW + timedelta(days=2))
    found = {"found": 2, "missing": 1, "on_loan": 1}
    assert counted(stocktake) == found
    Copy.objects.filter(pk=shelf["В"].pk).update(status="withdrawn")
    assert counted(stocktake) == found
    with pytest.raises(Invalid):
        scan("B2")
    with pytest.raises(Invalid):
        close(stocktake_id=stocktake.pk, by=anna, now=NOW + timedelta(days=3))
    assert Stocktake.objects.get().closed_by == anna
