"""The form 6-НК of a made-up March, every line counted by hand; visits written down on the page and over the API."""

import io
from datetime import UTC, date, datetime

import pytest
from django.urls import reverse
from openpyxl import load_workbook
from rest_framework.test import APIClient

from accounts.tests.factories import LibrarianFactory, ReaderFactory
from catalog.copy_actions import withdraw_copies
from catalog.holdings import WithdrawalReason
from catalog.tests.factories import CopyFactory
from circulation.models import Reading
from circulation.tests.factories import LoanFactory
from library.core import audit
from policies.tests.factories import BranchFactory
from reports.form6nk import SECTIONS, filled_in
from reports.models import Visits
from reports.visits import count_visits

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 20, 9, tzinfo=UTC)
MARCH = {"since": date(2026, 3, 1), "until": date(2026, 3, 31)}


def at(day, month=3):
    return datetime(2026, month, day, 9, tzinfo=UTC)


@pytest.fixture
def anna(settings, client):
    settings.LANGUAGE_CODE = "en"
    anna = LibrarianFactory()
    client.force_login(anna)
    return anna


@pytest.fixture
def march(anna):
    """Five copies and four readers of two branches."""
    town, far = BranchFactory(code="town", name="A town"), BranchFactory(code="far", name="B far")
    old = {"registered_on": date(2025, 1, 1), "expires_on": date(2027, 1, 1)}
    child = ReaderFactory(birth_date=date(2015, 1, 1), home_branch=town, **old)
    youth = ReaderFactory(birth_date=date(2000, 1, 1), home_branch=town, **(old | {"registered_on": date(2026, 3, 5)}))
    grown = ReaderFactory(birth_date=date(1970, 1, 1), home_branch=far, **old)
    ReaderFactory(birth_date=date(1970, 1, 1), home_branch=far, **old)  # did nothing in March
    renewed = ReaderFactory(birth_date=None, home_branch=far, **old)
    audit.record(action="accounts.renew_card", subject=renewed, by=None, now=at(7))

    novel = CopyFactory(branch=town, book__language="rus", acquired_on=date(2020, 1, 1))
    disc = CopyFactory(
        branch=town, book__language="eng", book__material_type="electronic", acquired_on=date(2026, 3, 9)
    )
    map_ = CopyFactory(branch=far, book__language="", book__material_type="map", acquired_on=None)
    worn = CopyFactory(branch=far, book__language="rus", acquired_on=date(2019, 1, 1))
    later = CopyFactory(branch=far, book__language="rus", acquired_on=date(2019, 1, 1))
    CopyFactory(branch=far, acquired_on=date(2026, 4, 2))
    for copy, day in ((worn, date(2026, 3, 20)), (later, date(2026, 4, 10))):
        withdraw_copies(
            copy_ids=[copy.pk],
            act_number=str(copy.pk),
            dated_on=day,
            reason=WithdrawalReason.WORN_OUT,
            by=anna,
            now=NOW,
        )
    loan = LoanFactory(copy=novel, reader=child, checked_out_at=at(2), returned_at=at(4))
    audit.record(action="circulation.renew", subject=loan, by=None, now=at(3))
    LoanFactory(copy=novel, reader=youth, checked_out_at=at(6), returned_at=at(8))
    LoanFactory(copy=disc, reader=child, checked_out_at=at(10), returned_at=at(12))
    LoanFactory(copy=map_, reader=grown, checked_out_at=at(31), returned_at=at(2, 4))
    LoanFactory(copy=novel, reader=grown, checked_out_at=at(1, 4), returned_at=at(2, 4))
    Reading.objects.create(copy=novel, branch=town, at=at(11))
    written = {"by": anna, "now": NOW}
    count_visits(branch_id=town.pk, day=date(2026, 3, 2), visits=40, children=15, events=1, event_visits=12, **written)
    count_visits(branch_id=town.pk, day=date(2026, 3, 3), visits=30, remote=7, **written)
    count_visits(branch_id=town.pk, day=date(2026, 4, 1), visits=99, **written)
    return town, far


BY_HAND = {
    "acquired": (1, 1, 0),
    "acquired.printed": (0, 0, 0),
    "acquired.electronic": (1, 1, 0),
    "acquired.russian": (0, 0, 0),
    "acquired.other_language": (1, 1, 0),
    "withdrawn": (1, 0, 1),
    "withdrawn.worn_out": (1, 0, 1),
    "withdrawn.lost": (0, 0, 0),
    "at_end": (4, 2, 2),
    "at_end.printed": (3, 1, 2),
    "at_end.electronic": (1, 1, 0),
    "at_end.russian": (2, 1, 1),
    "at_end.other_language": (1, 1, 0),
    "at_end.no_language": (1, 0, 1),
    "readers": (4, 2, 2),
    "readers.children": (1, 1, 0),
    "readers.youth": (1, 1, 0),
    "readers.new": (1, 1, 0),
    "visits": (70, 70, 0),
    "visits.services": (58, 58, 0),
    "visits.events": (12, 12, 0),
    "visits.children": (15, 15, 0),
    "events": (1, 1, 0),
    "remote": (7, 7, 0),
    "issued": (6, 5, 1),
    "issued.lent": (4, 3, 1),
    "issued.renewed": (1, 1, 0),
    "issued.read": (1, 1, 0),
    "issued.children": (3, 3, 0),
    "issued.youth": (1, 1, 0),
    "issued.printed": (5, 4, 1),
    "issued.electronic": (1, 1, 0),
    "issued.russian": (4, 4, 0),
    "issued.other_language": (1, 1, 0),
    "issued.no_language": (1, 0, 1),
}
"""Altogether, town, far."""


def test_every_line_is_as_counted_by_hand(march, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        form = filled_in(**MARCH, now=NOW)
    assert [branch.name for branch in form.branches] == ["A town", "B far"]
    found = {line.key: tuple(values) for section in SECTIONS for line, values in form.rows(section)}
    assert {key: found[key] for key in BY_HAND} == BY_HAND
    assert not any(any(values) for key, values in found.items() if key not in BY_HAND)


def test_the_page_and_the_workbook_show_it(march, client):
    said = {"since": "2026-03-01", "until": "2026-03-31"}
    page = client.get(reverse("form6nk"), said)
    assert "Form 6-НК" in page.text
    assert len(page.context["sections"]) == 4
    book = load_workbook(io.BytesIO(client.get(reverse("form6nk"), said | {"format": "xlsx"}).getvalue()))
    assert book.sheetnames == ["Stock", "Readers", "Visits", "Documents issued"]
    rows = [[cell.value for cell in row] for row in book["Visits"].rows]
    assert rows[0][0] == "Form 6-НК · Visits · 01.03.2026 – 31.03.2026"
    assert rows[1] == ["Line", "Altogether", "A town", "B far"]
    assert rows[2] == ["Visits, as staff counted them", 70, 70, 0]
    assert client.get(reverse("form6nk"), {"since": "2026-03-01", "until": "2025-03-01"}).context["form"].errors
    assert client.get(reverse("form6nk")).context["form"].data["since"].endswith("-01-01")


def test_visits_are_written_down_corrected_and_refused(march, client, anna, time_machine):
    time_machine.move_to(NOW, tick=False)
    said = {"branch": "town", "day": "2026-04-20", "visits": "20", "children": "3"}
    assert client.post(reverse("visits"), said).status_code == 302
    assert client.post(reverse("visits"), said | {"visits": "25"}).status_code == 302
    assert Visits.objects.get(day=date(2026, 4, 20)).visits == 25
    for wrong in ({"children": "26"}, {"day": "2026-04-22"}, {"visits": "-1"}, {"day": "2020-01-01"}):
        assert client.post(reverse("visits"), said | {"visits": "25"} | wrong).context["form"].errors
    assert (
        client.get(reverse("visits"), {"branch": "town", "day": "2026-04-20"}).context["form"]["visits"].value() == 25
    )

    api = APIClient()
    api.force_authenticate(anna)
    day = {"branch": "far", "day": "2026-04-19", "visits": 9}
    for _time in range(2):
        answer = api.post("/api/v1/visits/", day, format="json")
        assert (answer.status_code, answer.json()["visits"], answer.json()["remote"]) == (200, 9, 0)
    assert Visits.objects.filter(branch__code="far").count() == 1
    assert api.post("/api/v1/visits/", day | {"event_visits": 10}, format="json").status_code == 400
