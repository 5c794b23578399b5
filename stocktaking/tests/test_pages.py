"""The doors of stocktakes: the panel's pages and the API."""

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from catalog.models import Copy
from catalog.tests.factories import CopyFactory
from stocktaking.models import Finding, Stocktake

pytestmark = pytest.mark.django_db
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def at(stocktake):
    """Address by name."""
    return lambda name: reverse(name, args=[stocktake.uid])


@pytest.fixture
def desk(client, anna):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(anna)
    return client


def test_a_stocktake_is_started_on_the_panel_and_leads_to_scanning(desk, centre, shelf):
    url = reverse("admin:stocktaking_stocktake_add")
    page = desk.post(url, {"branch": centre.pk, "shelf_from": "85", "shelf_to": "84", "note": ""})
    assert "The last shelf mark comes before the first." in page.content.decode()
    response = desk.post(url, {"branch": centre.pk, "shelf_from": "", "shelf_to": "", "note": "Ежегодный"}, follow=True)
    stocktake = Stocktake.objects.get()
    assert response.redirect_chain[-1][0] == reverse("stocktake", args=[stocktake.uid])
    assert stocktake.findings.count() == 4
    assert "Ready to count" in response.content.decode()


def test_a_scan_is_told_at_once_and_kept(desk, at, shelf):
    page = desk.post(at("stocktake_scan"), {"code": "B0"}, **HTMX).content.decode()
    assert 'data-tone="good"' in page
    assert "<html" not in page
    again = desk.post(at("stocktake_scan"), {"code": "b0"}, **HTMX).content.decode()
    assert "Counted already." in again
    unknown = desk.post(at("stocktake_scan"), {"code": "<b>1</b>"}, follow=True).content.decode()
    assert "Nobody knows this number." in unknown
    assert "<b>1</b>" not in unknown
    assert shelf["А"].book.title in desk.get(at("stocktake")).content.decode()
    desk.post(at("stocktake_scan"), {"new_shelf": "1"})
    assert "A new shelf" in desk.get(at("stocktake")).content.decode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("\ufeffB0\r\nИНВ-Б;Книга;1\r\n\r\nnope\r\n".encode(), "3 numbers are counted. in its place: 2."),
        ("ИНВ-А\nИНВ-Б\n".encode("cp1251"), "2 numbers are counted."),
        (b"\n \n", "There are no numbers in this file."),
        (b"B0\n" * 5001, "Send 5000 numbers at most at once."),
        (b"%PDF\0", "This is no text file."),
    ],
)
def test_a_file_of_a_hand_scanner(desk, at, content, words):
    sent = {"numbers": SimpleUploadedFile("scans.txt", content)}
    assert words in desk.post(at("stocktake_upload"), sent, follow=True).content.decode()


def test_the_report_puts_right_by_one_click_and_takes_back(desk, at, shelf):
    desk.post(at("stocktake_scan"), {"code": "B0"})
    page = desk.get(at("stocktake_report")).content.decode()
    assert "Mark all as lost (3)" in page
    finding = Finding.objects.get(copy=shelf["Б"])
    desk.post(at("stocktake_correct"), {"outcome": "missing", "finding": finding.pk})
    page = desk.post(at("stocktake_correct"), {"outcome": "missing"}, follow=True).content.decode()
    assert "2 copies are put right." in page
    assert Copy.objects.filter(status="lost").count() == 3
    desk.post(at("stocktake_undo"), {"outcome": "missing", "finding": finding.pk})
    assert Copy.objects.get(pk=shelf["Б"].pk).status == "available"
    page = desk.post(at("stocktake_close"), follow=True).content.decode()
    assert "The stocktake is closed." in page
    assert desk.get(at("stocktake"))["Location"] == at("stocktake_report")


def test_lists_ask_as_much_for_many_as_for_few(desk, at, stocktake, centre):
    def asked(name):
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(at(name)).status_code == 200
        return len(queries)

    pages = ("stocktake_report", "stocktake_protocol")
    few = [asked(name) for name in pages]
    for copy in CopyFactory.create_batch(60, branch=centre):
        Finding.objects.create(stocktake=stocktake, copy=copy, is_expected=True)
    assert [asked(name) for name in pages] == few
    assert max(few) < 20


def test_the_table_and_the_protocol_have_everything(desk, at, shelf):
    shelf["Г"].book.title = "=HYPERLINK(1)"
    shelf["Г"].book.save()
    desk.post(at("stocktake_scan"), {"code": "B0"})
    rows = b"".join(desk.get(at("stocktake_export")).streaming_content).decode("utf-8-sig").splitlines()
    assert len(rows) == 5
    assert rows[1].startswith("in its place,ИНВ-А,B0,84 А,")
    assert ",'=HYPERLINK(1)," in rows[4]
    page = desk.get(at("stocktake_protocol")).content.decode()
    assert "ИНВ-Г" in page
    assert "ИНВ-А" not in page, "what is in its place is only counted"


def test_who_may_only_look_sees_the_report_and_cannot_change_anything(desk, at, anna):
    anna.groups.clear()
    anna.user_permissions.add(Permission.objects.get(codename="view_stocktake"))
    assert desk.get(at("stocktake"))["Location"] == at("stocktake_report")
    assert "Mark all as lost" not in desk.get(at("stocktake_report")).content.decode()
    for name in ("stocktake_scan", "stocktake_upload", "stocktake_correct", "stocktake_undo", "stocktake_close"):
        assert desk.post(at(name)).status_code == 403


def test_a_hand_scanner_counts_over_the_api(stocktake, shelf, anna):
    client = APIClient()
    client.force_authenticate(anna)
    url = reverse("api:stocktake-scans", args=[stocktake.uid])
    scans = client.post(url, {"codes": ["B0", "B0", "?"]}, format="json").json()["scans"]
    assert [(scan["outcome"], scan["is_repeated"]) for scan in scans] == [
        ("found", False), ("found", True), ("unknown", False),
    ]  # fmt: skip
    assert scans[0]["copy"] == str(shelf["А"].uid)
    shown = client.get(reverse("api:stocktake", args=[stocktake.uid])).json()
    assert (shown["branch"], shown["counts"]["found"], shown["counts"]["missing"]) == ("centre", 1, 3)
    listed = client.get(reverse("api:stocktakes"), {"is_open": "true"}).json()
    assert [one["uid"] for one in listed["results"]] == [str(stocktake.uid)]
    stocktake.closed_at = stocktake.started_at
    stocktake.save()
    assert client.post(url, {"codes": ["B1"]}, format="json").status_code == 400
