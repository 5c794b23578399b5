"""Built reports: columns, filters, groups and sums as counted by hand; nothing of a request gets into the statement."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from openpyxl import load_workbook

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from catalog.tests.factories import CopyFactory
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from policies.tests.factories import BranchFactory
from reports.builder import subjects
from reports.builder.models import BuiltReport

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
    """Two Russian loans in town, of 300 and 500; one English at the far branch, and one that was undone."""
    town, far = BranchFactory(code="town", name="Town"), BranchFactory(code="far", name="Far")
    vera = ReaderFactory(full_name="Vera", birth_date=None)
    day = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for price, branch, language, title in (
        (300, town, "rus", "100% cotton"),
        (500, town, "rus", "1000 and one night"),
        (900, far, "eng", "Hamlet"),
        (900, far, "eng", "A slip"),
    ):
        copy = CopyFactory(branch=branch, price=Decimal(price), book__language=language, book__title=title)
        LoanFactory(copy=copy, reader=vera, checked_out_at=day, returned_at=day + timedelta(days=5))
    Loan.objects.filter(copy__book__title="A slip").update(undone_at=day)


def built(client, subject="loans", **said):
    return client.get(reverse("build_report", args=[subject]), {"lent_on_from": "2026-01-01", **said})


def shown(response):
    return [[cell.text for cell in line] for line in response.context["lines"]]


def test_rows_are_chosen_narrowed_and_sorted(anna, loans, client, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        response = built(client, columns=["title", "branch", "price"], sort="price")
    rows = [line[:2] for line in shown(response)]
    assert rows == [["Town", "100% cotton"], ["Town", "1000 and one night"], ["Far", "Hamlet"]]
    assert shown(built(client, columns=["title"], title_contains="100%")) == [["100% cotton"]]
    assert shown(built(client, columns=["title"], branch_is="far")) == [["Hamlet"]]
    assert shown(built(client, columns=["title"], price_from="400", price_to="600")) == [["1000 and one night"]]
    assert "lines" in built(client, columns=["title"], lent_on_from="2026-03-02").context
    assert shown(built(client, columns=["title"], lent_on_from="2026-03-02")) == []


def test_groups_are_counted_added_up_and_averaged(anna, loans, client):
    response = built(client, columns=["branch"], figures=["count", "sum_price", "average_price", "average_days_out"])
    rows = next([cell.column.key for cell in line] for line in response.context["lines"])
    assert rows == ["branch", "count", "sum_price", "average_price", "average_days_out"]
    told = [[text.replace("\xa0", " ") for text in line] for line in shown(response)]
    assert [line[:2] for line in told] == [["Town", "2"], ["Far", "1"]]
    assert [line[2].split(".")[0].lstrip("₽") for line in told] == ["800", "900"]
    assert [line[3].split(".")[0].lstrip("₽") for line in told] == ["400", "900"]
    assert [line[4] for line in told] == ["5.0", "5.0"]
    assert response.context["drawing"]
    assert shown(built(client, figures=["count"])) == [["3"]]


@pytest.mark.parametrize(
    "said",
    [
        {"columns": ["title", "pg_sleep(9)"]},
        {"figures": ["sum_title"]},
        {"columns": ["title"], "branch_is": "'; DROP TABLE x"},
        {"columns": ["title"], "price_from": "1 OR 1=1"},
        {"columns": ["title"], "lent_on_from": "0001-01-01"},
        {"sort": "title"},
    ],
    ids=["column", "figure", "choice", "number", "day", "nothing"],
)
def test_what_is_not_declared_is_refused_where_it_stands(anna, loans, client, said):
    response = built(client, **said)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert "lines" not in response.context


def test_an_unknown_sort_is_passed_over(anna, loans, client):
    assert len(shown(built(client, columns=["title"], sort="title; DROP"))) == 3


@pytest.mark.parametrize("subject", list(subjects.SUBJECTS))
def test_every_column_and_figure_of_every_subject_can_be_asked_for(anna, loans, client, subject):
    anna.user_permissions.set(Permission.objects.all())
    parts = subjects.SUBJECTS[subject].parts
    for start in range(0, len(parts), 12):
        keys = [part.key for part in parts[start : start + 12]]
        assert not client.get(reverse("build_report", args=[subject]), {"columns": keys}).context["form"].errors
        figures = [f"{how}_{part.key}" for part in parts if part.is_summable for how in ("sum", "average")]
        response = client.get(reverse("build_report", args=[subject]), {"columns": keys, "figures": figures})
        assert response.context["lines"] is not None


def test_who_may_not_see_readers_or_money_cannot_build_with_them(anna, loans, client):
    anna.groups.clear()
    for permission in ("view_reports", "build_reports"):
        anna.user_permissions.add(Permission.objects.get(codename=permission))
    assert built(client, columns=["reader"]).context["form"].errors
    assert "card_number_contains" not in built(client, columns=["title"]).context["form"].fields
    assert built(client, subject="charges", columns=["amount"]).status_code == 404
    assert client.get(reverse("built_file", args=["charges"]), {"format": "csv"}).status_code == 404


def test_it_is_taken_away_saved_shared_and_deleted_by_its_owner(anna, loans, client):
    query = "?columns=title&columns=price&lent_on_from=2026-01-01&branch_is=town&sort=-price"
    response = client.get(reverse("built_file", args=["loans"]) + query + "&format=xlsx")
    sheet = load_workbook(io.BytesIO(response.getvalue())).active
    assert [[cell.value for cell in row] for row in sheet.rows] == [
        ["Book title", "Price"],
        ["1000 and one night", 500],
        ["100% cotton", 300],
    ]
    assert AuditEntry.objects.get(action="reports.export").detail["rows"] == 2

    client.post(reverse("keep_built", args=["loans"]) + query, {"name": " Dear books ", "is_shared": "on"})
    saved = BuiltReport.objects.get()
    assert (saved.name, saved.owner, saved.is_shared) == ("Dear books", anna, True)
    opened = client.get(reverse("built_report", args=[saved.uid]), follow=True)
    assert [line[0] for line in shown(opened)] == ["1000 and one night", "100% cotton"]
    client.post(reverse("keep_built", args=["loans"]) + query, {"name": ""})
    assert BuiltReport.objects.count() == 1

    client.force_login(LibrarianFactory())
    assert "Dear books" in client.get(reverse("built_reports")).text
    assert client.post(reverse("delete_built_report", args=[saved.uid])).status_code == 404
    client.force_login(anna)
    client.post(reverse("delete_built_report", args=[saved.uid]))
    assert not BuiltReport.objects.exists()


def test_a_statement_that_takes_too_long_is_told_so(anna, loans, client, settings, monkeypatch):
    settings.REPORT_SECONDS = 0.05
    slow = subjects.Part(key="title", title="Title", sql="pg_sleep(2)::text", has_filter=False)
    monkeypatch.setitem(subjects.SUBJECTS, "loans", replace(subjects.LOANS, parts=(*subjects.LOANS.parts[:1], slow)))
    response = built(client, columns=["title"])
    assert response.context["is_too_slow"]
    assert "This takes too long to count" in response.text
