"""A reader's own pages, without JavaScript: reserve, wait, suspend, cancel; and nobody sees another's."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from circulation.tests.factories import LoanFactory
from reservations.models import Reservation
from reservations.tests.factories import ReservationFactory


@pytest.fixture
def as_vera(client, vera):
    """Vera's browser."""
    client.force_login(vera.user)
    return client


@pytest.fixture
def out(copy, gleb):
    """The copy is with Gleb for ten days more."""
    now = timezone.now()
    LoanFactory(copy=copy, reader=gleb, checked_out_at=now, due_at=now + timedelta(days=10))
    return copy.book


def test_a_stranger_is_asked_to_sign_in(client, out):
    page = client.get(f"/books/{out.uid}/").content.decode()
    assert f"/accounts/login/?next=/books/{out.uid}/" in page
    assert 'name="branch"' not in page


def test_from_the_page_of_a_book_to_the_end(as_vera, vera, out, north):
    page = as_vera.get(f"/books/{out.uid}/").content.decode()
    assert page.count('name="branch"') == 2
    assert 'value="centre" required checked' in page
    done = as_vera.post("/my/reservations/place/", {"book": out.uid, "branch": "north"}, follow=True)
    mine = Reservation.objects.get()
    assert (mine.reader, mine.pickup_branch, mine.placed_by) == (vera, north, vera.user)
    assert done.redirect_chain == [("/my/reservations/", 302)]
    assert "Место 1 из 1" in done.content.decode() or "Place 1 of 1" in done.content.decode()
    assert 'name="branch"' not in as_vera.get(f"/books/{out.uid}/").content.decode()

    again = as_vera.post("/my/reservations/place/", {"book": out.uid, "branch": "north"})
    assert again["Location"] == f"/books/{out.uid}/"
    assert Reservation.objects.count() == 1

    until = timezone.localdate() + timedelta(days=5)
    as_vera.post(f"/my/reservations/{mine.uid}/suspend/", {"until": until.isoformat()})
    mine.refresh_from_db()
    assert mine.suspended_until == until
    as_vera.post(f"/my/reservations/{mine.uid}/suspend/", {"until": "nonsense"})
    as_vera.post(f"/my/reservations/{mine.uid}/resume/")
    as_vera.post(f"/my/reservations/{mine.uid}/cancel/")
    mine.refresh_from_db()
    assert (mine.suspended_until, mine.state, mine.ended_by) == (None, "cancelled", vera.user)


def test_nobody_works_with_anothers(as_vera, gleb, out):
    his = ReservationFactory(reader=gleb, book=out)
    for deed in ("cancel", "suspend", "resume"):
        assert as_vera.post(f"/my/reservations/{his.uid}/{deed}/", {"until": date(2099, 1, 1)}).status_code == 404
    for url in ("/my/reservations/", f"/books/{out.uid}/"):
        page = as_vera.get(url).content.decode()
        assert gleb.full_name not in page
        assert gleb.card_number not in page


def test_queries_do_not_grow_with_the_reservations(as_vera, vera, centre, django_assert_max_num_queries, new_copy):
    for _n in range(5):
        ReservationFactory(reader=vera, book=new_copy().book, pickup_branch=centre)
    with django_assert_max_num_queries(13):
        as_vera.get("/my/reservations/")
