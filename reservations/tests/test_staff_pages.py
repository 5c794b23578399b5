"""The pages of staff: scans say where a copy goes, lists show it, the queue is worked with, slips are printed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reservations.models import Reservation, Transfer
from reservations.staffed import BRANCH_KEY
from reservations.tests.factories import ReservationFactory


@pytest.fixture
def staff(client, anna, centre):
    """Anna's browser at the main branch."""
    client.force_login(anna)
    session = client.session
    session[BRANCH_KEY] = centre.pk
    session.save()
    return client


def scan(staff, mode, code):
    return staff.post("/admin/reserved/scan/", {"mode": mode, "code": code}, headers={"HX-Request": "true"})


def test_from_the_pick_list_to_the_slip(staff, copy, vera, centre):
    mine = ReservationFactory(book=copy.book, reader=vera, pickup_branch=centre)
    assert "INV-1" in staff.get("/admin/reserved/").content.decode()
    ticked = scan(staff, "pick", copy.barcode).content.decode()
    assert 'data-tone="good"' in ticked
    assert "Вера Читатель (R000001)" in ticked
    assert f"/admin/reserved/reservations/{mine.uid}/slip/" in ticked
    assert 'data-tone="bad"' in scan(staff, "pick", "no-such").content.decode()
    shelf = staff.get("/admin/reserved/shelf/").content.decode()
    assert "Вера Читатель" in shelf
    slip = staff.get(f"/admin/reserved/reservations/{mine.uid}/slip/", {"paper": "a4"}).content.decode()
    assert "paper--a4" in slip
    assert "…0001" in slip
    assert "R000001" not in slip
    desk = staff.get(f"/admin/desk/reader/{vera.uid}/").content.decode()
    assert 'id="ready-title"' in desk
    staff.post(f"/admin/reserved/release/{copy.uid}/", {"status": "lost", "why": "Нет на полке"})
    mine.refresh_from_db()
    copy.refresh_from_db()
    assert (mine.state, copy.status) == ("waiting", "lost")


def test_a_way_is_unpacked_by_its_scan(staff, copy, darya, north, anna, centre):
    mine = ReservationFactory(book=copy.book, reader=darya, pickup_branch=north)
    sent = scan(staff, "arrive", copy.barcode).content.decode()
    transfer = Transfer.objects.get()
    assert f"/admin/reserved/transfers/{transfer.uid}/slip/" in sent
    assert "Север" in staff.get(f"/admin/reserved/transfers/{transfer.uid}/slip/").content.decode()
    session = staff.session
    session[BRANCH_KEY] = north.pk
    session.save()
    assert "INV-1" in staff.get("/admin/reserved/transfers/").content.decode()
    scan(staff, "arrive", copy.barcode)
    mine.refresh_from_db()
    assert mine.state == "ready"
    assert staff.post("/admin/reserved/scan/", {"mode": "arrive", "code": copy.barcode}).status_code == 302


def test_the_queue_of_a_book(staff, copy, vera, gleb, centre):
    first = ReservationFactory(book=copy.book, reader=vera, pickup_branch=centre)
    queue = f"/admin/reserved/queue/{copy.book.uid}/"
    staff.post(f"{queue}reserve/", {"card": "r000002", "branch": centre.pk})
    second = Reservation.objects.get(reader=gleb)
    again = staff.post(f"{queue}reserve/", {"card": "R000002", "branch": centre.pk})
    assert again.status_code == 200
    assert Reservation.objects.count() == 2
    staff.post(f"/admin/reserved/reservations/{second.uid}/move/", {"place": 1, "why": "Экзамен"})
    staff.post(f"/admin/reserved/reservations/{first.uid}/move/", {"place": 1, "why": ""})
    page = staff.get(queue).content.decode()
    assert page.index("Глеб Сосед") < page.index("Вера Читатель")
    staff.post(f"/admin/reserved/reservations/{first.uid}/cancel/", {"why": "По телефону"})
    first.refresh_from_db()
    assert (first.state, first.why) == ("cancelled", "По телефону")
    for address in ("", f"{first.pk}/change/", "?q=вера", "?q=R000002"):
        assert staff.get(f"/admin/reservations/reservation/{address}").status_code == 200
    assert staff.get("/admin/reservations/transfer/?q=война").status_code == 200


def test_queries_of_the_lists_do_not_grow(staff, new_copy, vera, centre, django_assert_max_num_queries):
    def rows(count):
        for _n in range(count):
            book = new_copy().book
            ReservationFactory(book=book, reader=vera, pickup_branch=centre)
            ReservationFactory(
                copy=new_copy(book=book, status="on_hold_shelf"),
                book=book,
                slot=2,
                reader=vera,
                pickup_branch=centre,
                state="ready",
                ready_at=timezone.now(),
                pickup_until=timezone.localdate(),
            )

    addresses = ("/admin/reserved/", "/admin/reserved/shelf/", "/admin/reserved/transfers/")
    rows(2)
    few = {}
    for address in addresses:
        with CaptureQueriesContext(connection) as queries:
            staff.get(address)
        few[address] = len(queries)
    rows(6)
    for address in addresses:
        with django_assert_max_num_queries(few[address]):
            staff.get(address)
