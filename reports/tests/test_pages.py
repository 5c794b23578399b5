"""The frame: a page of a report with filters, sorting and paging, its files, its print view, who may see what."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from openpyxl import load_workbook
from rest_framework.test import APIClient

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from catalog.tests.factories import CopyFactory
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory, ReaderCategoryFactory
from reports import tables

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(settings, client):
    """A librarian, signed in, who reads English."""
    settings.LANGUAGE_CODE = "en"
    anna = LibrarianFactory()
    client.force_login(anna)
    return anna


@pytest.fixture
def loans():
    """Two open loans of long ago: one of a title that looks like a formula, one at another branch."""
    centre, north = BranchFactory(code="centre", name="Centre"), BranchFactory(code="north", name="North")
    adult = ReaderCategoryFactory(code="adult", name="Adults")
    vera = ReaderFactory(full_name="Vera", phone="+7 912 345-67-89", category=adult)
    long_ago = datetime(2024, 3, 1, 12, tzinfo=UTC)
    return [
        LoanFactory(reader=vera, copy=copy, checked_out_at=long_ago)
        for copy in (
            CopyFactory(book__title="=SUM(A1:A9)", branch=centre, inventory_number="INV-1"),
            CopyFactory(book__title="Hamlet", branch=north, inventory_number="INV-2"),
        )
    ]


def titles(response):
    return [cell.text for line in response.context["lines"] for cell in line if cell.column.key == "title"]


def test_the_page_filters_sorts_and_asks_few_queries(anna, loans, client, django_assert_max_num_queries):
    client.get(reverse("report", args=["on-loan"]))
    with django_assert_max_num_queries(15):
        response = client.get(reverse("report", args=["on-loan"]), {"sort": "-title"})
    assert titles(response) == ["Hamlet", "=SUM(A1:A9)"]
    assert 'aria-sort="descending"' in response.text
    assert titles(client.get(reverse("report", args=["on-loan"]), {"branch": "north"})) == ["Hamlet"]
    for nowhere in ("nowhere", "\0"):
        wrong = client.get(reverse("report", args=["on-loan"]), {"branch": nowhere})
        assert "branch" in wrong.context["form"].errors
        assert "lines" not in wrong.context


def test_who_may_not_see_readers_sees_no_persons(anna, loans, client):
    group = anna.groups.get()
    group.permissions.remove(group.permissions.get(codename="view_reader"))
    page = client.get(reverse("report", args=["overdue"])).text
    assert "Hamlet" in page
    assert "Vera" not in page
    assert "345-67-89" not in page
    file = client.get(reverse("report_file", args=["overdue"]), {"format": "csv"}).getvalue().decode()
    assert "Hamlet" in file
    assert "Vera" not in file


def test_csv_is_safe_and_audited(anna, loans, client):
    response = client.get(reverse("report_file", args=["overdue"]), {"format": "csv", "branch": "centre"})
    head, row = csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig")))
    told = dict(zip(head, row, strict=True))
    assert (told["Title"], told["Reader"], told["Due"]) == ("'=SUM(A1:A9)", "Vera", "2024-03-15")
    assert told["Phone"] == "'+7 912 345-67-89"
    entry = AuditEntry.objects.get(action="reports.export")
    assert (entry.actor, entry.detail["rows"]) == (anna, 1)
    assert entry.detail["filters"] == {"Branch": "Centre"}


def test_xlsx_opens(anna, loans, client):
    response = client.get(reverse("report_file", args=["on-loan"]), {"format": "xlsx", "sort": "inventory_number"})
    sheet = load_workbook(io.BytesIO(response.getvalue())).active
    head, *rows = sheet.iter_rows(values_only=True)
    assert head[:2] == ("Inventory number", "Title")
    assert [row[:2] for row in rows] == [("INV-1", "=SUM(A1:A9)"), ("INV-2", "Hamlet")]
    assert sheet["B2"].data_type == "s"  # a text, no formula
    assert rows[0][head.index("Due")] == datetime.fromisoformat("2024-03-15 23:59:59")


def test_what_is_too_long_or_too_slow_is_said(anna, loans, client, settings, monkeypatch):
    monkeypatch.setitem(__import__("reports.files").files.MOST_ROWS, "csv", 1)
    response = client.get(reverse("report_file", args=["on-loan"]), {"format": "csv"}, follow=True)
    assert "more than 1 rows" in response.text
    settings.REPORT_SECONDS = 0.001
    monkeypatch.setattr("reports.queries_now.OPEN_LOANS", "SELECT pg_sleep(1)::text AS due_at, 1 AS due, 1 AS id")
    assert "This takes too long to count" in client.get(reverse("report", args=["on-loan"])).text


def test_print_view_has_all_and_says_what_it_was_asked_for(anna, loans, client):
    page = client.get(reverse("report_print", args=["on-loan"]), {"branch": "centre"}).text
    assert "<dt>Branch</dt><dd>Centre</dd>" in page
    assert "=SUM(A1:A9)" in page
    assert "Hamlet" not in page
    assert AuditEntry.objects.get(action="reports.export").detail["format"] == "print"


def test_the_api_has_the_same(anna, loans):
    api = APIClient()
    api.force_authenticate(anna)
    known = {report["key"]: report for report in api.get("/api/v1/reports/").json()}
    assert known["on-loan"]["filters"] == ["branch", "category", "item_type"]
    answer = api.get("/api/v1/reports/on-loan/", {"sort": "-title", "page_size": 1}).json()
    assert (answer["count"], len(answer["results"])) == (2, 1)
    assert answer["results"][0]["title"] == "Hamlet"
    assert answer["results"][0]["due_at"] == "2024-03-15T23:59:59"
    assert api.get("/api/v1/reports/on-loan/", {"branch": "nowhere"}).json()["errors"][0]["field"] == "branch"
    assert api.get("/api/v1/reports/on-loan/", {"sort": "nothing"}).status_code == 400
    assert api.get("/api/v1/reports/on-loan/", {"page": 9}).status_code == 404
    assert api.get("/api/v1/reports/nothing/").status_code == 404


def test_lists_are_counted_to_a_limit(anna, loans, client, monkeypatch):
    monkeypatch.setattr(tables, "COUNTED_TO", 1)
    response = client.get(reverse("report", args=["on-loan"]))
    assert "More than 1 rows" in response.text
