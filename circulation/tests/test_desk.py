"""The desk over HTTP: who may, what each scan comes to, without JavaScript and with htmx."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from catalog.models import Copy
from circulation import desk
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from policies.models import Branch
from policies.terms import Terms

PAGES = ["desk", "desk_return", "desk_branch"]
POSTS = ["desk_scan", "desk_lend", "desk_renew", "desk_return", "desk_branch"]


@pytest.fixture
def at_desk(client, anna, centre):
    """Anna at the main desk, in English."""
    anna.language = "en"
    anna.save(update_fields=["language"])
    client.force_login(anna)
    client.cookies["django_language"] = "en"
    return client


def lent(**fields):
    """A loan made yesterday, by the clock on the wall: the desk lends now."""
    return LoanFactory(checked_out_at=timezone.now() - timedelta(days=1), **fields)


def scan(client, code, reader=None, **headers):
    data = {"code": code, "reader": reader.uid if reader else ""}
    return client.post(reverse("desk_scan"), data, follow=not headers, headers=headers)


def words(response):
    """The text of the page, entities and all."""
    return response.content.decode()


# --- Who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_strangers_sign_in_first(name, client, centre):
    response = client.get(reverse(name))
    assert (response.status_code, response.url.split("?")[0]) == (302, reverse("account_login"))


@pytest.mark.parametrize("name", POSTS)
def test_readers_are_turned_away(name, client, vera):
    client.force_login(vera.user)
    assert client.post(reverse(name)).status_code == 403


def test_staff_without_the_permission_are_turned_away(client, anna, centre):
    anna.groups.clear()
    client.force_login(anna)
    assert client.get(reverse("desk")).status_code == 403


def test_a_session_that_ended_sends_htmx_to_the_sign_in(client, centre):
    response = client.post(reverse("desk_scan"), {"code": "1"}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"].startswith(reverse("account_login"))


def test_scans_need_their_csrf_token(anna, centre, vera):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(anna)
    assert strict.post(reverse("desk_scan"), {"code": vera.card_number}).status_code == 403


# --- Where ---------------------------------------------------------------------------------------------------------


def test_the_only_branch_is_not_asked_for(at_desk, centre):
    assert "Центр" in words(at_desk.get(reverse("desk")))


def test_the_branch_is_asked_for_once(at_desk, centre, north, vera, copy):
    response = at_desk.get(reverse("desk"))
    assert response.url == reverse("desk_branch")
    at_desk.post(reverse("desk_branch"), {"branch": north.pk})
    assert "Север" in words(at_desk.get(reverse("desk")))
    scan(at_desk, copy.barcode, vera)
    assert Loan.objects.get().branch == north


def test_without_branches_the_desk_says_what_to_do(at_desk):
    Branch.objects.all().delete()
    assert "There is no branch yet" in words(at_desk.get(reverse("desk"), follow=True))


# --- Lending -------------------------------------------------------------------------------------------------------


def test_a_card_begins_the_service(at_desk, vera, gleb, copy):
    lent(copy=copy, reader=vera)
    response = scan(at_desk, "r000001")
    assert response.redirect_chain == [(reverse("desk_reader", args=[vera.uid]), 302)]
    page = words(response)
    assert "Вера Читатель" in page
    assert "Война и мир" in page
    assert f'<input type="hidden" name="reader" value="{vera.uid}" form="scan">' in page


def test_a_copy_is_lent_to_the_reader_being_served(at_desk, anna, vera, copy, centre):
    response = scan(at_desk, copy.barcode, vera)
    loan = Loan.objects.get()
    assert (loan.copy, loan.reader, loan.branch, loan.checked_out_by) == (copy, vera, centre, anna)
    assert 'data-tone="good"' in words(response)


def test_scanning_twice_is_harmless_and_offers_renewal(at_desk, vera, copy):
    scan(at_desk, copy.barcode, vera)
    page = words(scan(at_desk, copy.barcode, vera))
    assert Loan.objects.count() == 1
    assert 'data-tone="info"' in page
    assert "The reader has this copy already" in page
    assert f'name="loan" value="{Loan.objects.get().uid}"' in page


def test_every_reason_is_told_in_plain_words(at_desk, vera, copy):
    vera.is_card_lost = True
    vera.save(update_fields=["is_card_lost"])
    copy.is_reference_only = True
    copy.save(update_fields=["is_reference_only"])
    page = words(scan(at_desk, copy.barcode, vera))
    assert "This card was reported lost." in page
    assert "This copy is for use in the library only." in page
    assert not Loan.objects.exists()
    assert "Lend anyway" not in page


def test_another_card_begins_the_next_service_with_a_new_slip(at_desk, vera, gleb, copy):
    scan(at_desk, copy.barcode, vera)
    response = scan(at_desk, gleb.card_number, vera)
    assert response.redirect_chain == [(reverse("desk_reader", args=[gleb.uid]), 302)]
    assert "data-tone" not in words(response)


def test_a_copy_without_a_card_is_not_lent(at_desk, copy):
    page = words(scan(at_desk, copy.barcode))
    assert "Scan the reader&#x27;s card first." in page
    assert not Loan.objects.exists()


def test_a_name_finds_readers(at_desk, vera, gleb):
    page = words(scan(at_desk, "читатель вера"))
    assert reverse("desk_reader", args=[vera.uid]) in page
    assert "Глеб" not in page


def test_what_is_unknown_is_said(at_desk, vera):
    assert "There is no reader with this card." in words(scan(at_desk, "no-such"))
    assert "There is no copy with this barcode or inventory number." in words(scan(at_desk, "no-such", vera))


@pytest.mark.parametrize("code", ["", "x" * 65, "\x00"])
def test_nonsense_changes_nothing(code, at_desk, vera):
    assert scan(at_desk, code, vera).status_code == 200
    assert not AuditEntry.objects.exists()


def test_codes_are_shown_as_text(at_desk, vera):
    page = words(scan(at_desk, "<script>alert(1)</script>", vera))
    assert escape("<script>alert(1)</script>") in page
    assert "<script>alert(1)" not in page


# --- Overrides -----------------------------------------------------------------------------------------------------


def override(client, reader, copy, *reasons, note="Паспорт показан"):
    data = {"reader": reader.uid, "copy": copy.uid, "reasons": reasons, "note": note}
    return client.post(reverse("desk_lend"), data, follow=True)


def test_a_mild_reason_is_overridden_with_a_note(at_desk, vera, copy):
    vera.registered_on, vera.expires_on = date(2020, 1, 1), date(2021, 1, 1)
    vera.save(update_fields=["registered_on", "expires_on"])
    page = words(scan(at_desk, copy.barcode, vera))
    assert '<input type="checkbox" name="reasons" value="card_expired" checked>' in page
    assert "Lend anyway" in page
    page = words(override(at_desk, vera, copy, "card_expired"))
    assert 'data-tone="good"' in page
    assert "Lend anyway" not in page
    assert AuditEntry.objects.get().detail["note"] == "Паспорт показан"


def test_without_a_note_nothing_is_overridden(at_desk, vera, copy):
    copy.status = "damaged"
    copy.save(update_fields=["status"])
    page = words(override(at_desk, vera, copy, "copy_damaged", note=""))
    assert "Say in a note why the rule does not count this time." in page
    assert not Loan.objects.exists()


def test_what_a_librarian_may_not_override_is_not_offered(at_desk, vera, copy):
    LoanFactory.create_batch(3, reader=vera, copy__branch=copy.branch)
    page = words(scan(at_desk, copy.barcode, vera))
    assert "The limit of loans is reached: 3 of 3." in page
    assert "Lend anyway" not in page
    page = words(override(at_desk, vera, copy, "loan_limit"))
    assert "The limit of loans is reached: 3 of 3." in page
    assert Loan.objects.count() == 3


def test_an_administrator_lends_beyond_the_limit(client, boris, vera, copy, centre):
    client.force_login(boris)
    LoanFactory.create_batch(3, reader=vera, copy__branch=centre)
    session = client.session
    session["desk_branch"] = centre.pk
    session.save()
    override(client, vera, copy, "loan_limit")
    assert Loan.objects.filter(copy=copy).exists()


def test_a_copy_of_another_reader_says_whose_it_is_and_passes_on(at_desk, vera, gleb, copy):
    lent(copy=copy, reader=gleb)
    page = words(scan(at_desk, copy.barcode, vera))
    assert reverse("desk_reader", args=[gleb.uid]) in page
    page = words(override(at_desk, vera, copy, "loaned_to_another"))
    assert "Taken back from Глеб Сосед first." in page
    assert Loan.objects.open().get().reader == vera


@pytest.mark.parametrize("reasons", [[], ["no_such_reason"]])
def test_an_override_must_name_its_reasons(reasons, at_desk, vera, copy):
    override(at_desk, vera, copy, *reasons)
    assert not Loan.objects.exists()


# --- Renewal -------------------------------------------------------------------------------------------------------


def test_one_loan_is_renewed(at_desk, vera, new_copy):
    first, second = lent(copy=new_copy(), reader=vera), lent(copy=new_copy(), reader=vera)
    at_desk.post(reverse("desk_renew"), {"reader": vera.uid, "loan": first.uid})
    assert dict(Loan.objects.values_list("pk", "renewals")) == {first.pk: 1, second.pk: 0}


def test_everything_is_renewed_and_what_is_not_says_why(at_desk, vera, new_copy):
    good, spent = lent(copy=new_copy(), reader=vera), lent(copy=new_copy(), reader=vera, renewals=2)
    page = words(at_desk.post(reverse("desk_renew"), {"reader": vera.uid}, follow=True))
    assert "Renewed 2 times already, of 2 allowed." in page
    assert dict(Loan.objects.values_list("pk", "renewals")) == {good.pk: 1, spent.pk: 2}


def test_the_loan_of_another_reader_is_not_renewed_by_this_form(at_desk, vera, gleb):
    his = lent(reader=gleb)
    at_desk.post(reverse("desk_renew"), {"reader": vera.uid, "loan": his.uid})
    his.refresh_from_db()
    assert his.renewals == 0


# --- Returning -----------------------------------------------------------------------------------------------------


def take_back(client, code, **data):
    return client.post(reverse("desk_return"), {"code": code, **data}, follow=True)


def test_copies_come_back_without_a_card(at_desk, anna, vera, copy, centre):
    loan = lent(copy=copy, reader=vera)
    page = words(take_back(at_desk, copy.inventory_number))
    loan.refresh_from_db()
    assert (loan.returned_by, loan.return_branch) == (anna, centre)
    assert 'data-tone="good"' in page
    assert "Вера Читатель" in page


def test_a_return_says_everything(at_desk, copy, north, centre):
    session = at_desk.session
    session["desk_branch"] = north.pk
    session.save()
    Copy.objects.update(status="lost")
    page = words(take_back(at_desk, copy.barcode))
    assert "It was not on loan." in page
    assert "It belongs to Центр: send it there." in page
    assert "It was recorded as lost and is found now." in page


def test_an_unknown_copy_does_not_come_back(at_desk, centre):
    assert "There is no copy with this barcode or inventory number." in words(take_back(at_desk, "no-such"))


def test_a_book_drop_day_is_kept_for_the_next_scans(at_desk, vera, copy):
    loan = LoanFactory(copy=copy, reader=vera, checked_out_at=timezone.now() - timedelta(days=10))
    yesterday = timezone.localdate() - timedelta(days=1)
    response = take_back(at_desk, copy.barcode, returned_on=yesterday.isoformat())
    loan.refresh_from_db()
    assert timezone.localdate(loan.returned_at) == yesterday
    assert f'value="{yesterday.isoformat()}"' in words(response)


def test_a_day_to_come_is_refused(at_desk, vera, copy):
    lent(copy=copy, reader=vera)
    tomorrow = timezone.localdate() + timedelta(days=1)
    page = words(take_back(at_desk, copy.barcode, returned_on=tomorrow.isoformat()))
    assert "A copy cannot come back in the future." in page
    assert Loan.objects.open().exists()


# --- htmx ----------------------------------------------------------------------------------------------------------


def test_htmx_gets_the_part_that_changed(at_desk, vera, copy):
    response = scan(at_desk, copy.barcode, vera, **{"HX-Request": "true"})
    page = words(response)
    assert response.status_code == 200
    assert "<html" not in page
    assert 'id="desk-said" hx-swap-oob="innerHTML"' in page
    assert response["HX-Replace-Url"] == reverse("desk_reader", args=[vera.uid])


def test_a_scan_is_answered_by_few_queries(at_desk, vera, copy, new_copy, django_assert_max_num_queries):
    for _ in range(2):
        lent(copy=new_copy(), reader=vera)
    with django_assert_max_num_queries(37):
        scan(at_desk, copy.barcode, vera, **{"HX-Request": "true"})
    assert Loan.objects.filter(copy=copy).exists()


def test_queries_do_not_grow_with_the_loans(at_desk, vera, new_copy, django_assert_num_queries):
    lent(copy=new_copy(), reader=vera)
    address = reverse("desk_reader", args=[vera.uid])
    at_desk.get(address)
    with CaptureQueriesContext(connection) as few:
        at_desk.get(address)
    for _ in range(20):
        lent(copy=new_copy(), reader=vera)
    with django_assert_num_queries(len(few)):
        at_desk.get(address)


def test_the_slip_is_bounded(at_desk, vera, monkeypatch):
    assert desk.LINES_KEPT == 60
    monkeypatch.setattr(desk, "LINES_KEPT", 6)
    for n in range(9):
        scan(at_desk, f"no-such-{n}", vera, **{"HX-Request": "true"})
    lines = at_desk.session["desk_slip"]["lines"]
    assert len(lines) == 6
    assert lines[0]["title"] == "no-such-8"


def test_a_copy_is_declared_lost_at_the_desk(at_desk, vera, copy):
    loan = lent(
        copy=copy, reader=vera, terms=Terms(replacement_amount=Decimal(300), processing_fee=Decimal(50)).as_json()
    )
    address = reverse("desk_lost", args=[loan.uid])
    assert address in words(at_desk.get(reverse("desk_reader", args=[vera.uid])))
    assert "₽350.00" in words(at_desk.get(address))
    page = at_desk.post(address, {"note": "В поезде"}, follow=True)
    assert "is declared lost; ₽350.00 is charged." in words(page)
    assert address not in words(page)
    assert "This copy is recorded as lost." in words(at_desk.post(address))
    assert AuditEntry.objects.get(action="circulation.declare_lost").detail["note"] == "В поезде"
