"""Loans on the panel: seen, found, renewed and taken back; never added, edited or deleted."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from library.core.models import AuditEntry
from policies.terms import Terms

LIST = "admin:circulation_loan_changelist"


@pytest.fixture
def panel(client, anna, centre):
    """Anna on the panel, in English."""
    client.force_login(anna)
    client.cookies["django_language"] = "en"
    return client


def lent(title, days_ago=1, **fields):
    at = timezone.now() - timedelta(days=days_ago)
    return LoanFactory(copy__book__title=title, checked_out_at=at, **fields)


def words(response):
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def three(vera, gleb):
    """An open loan, an overdue one and a returned one."""
    return (
        lent("Открытая", reader=vera),
        lent("Просроченная", reader=gleb, days_ago=20),
        lent("Возвращённая", reader=gleb, days_ago=5, returned_at=timezone.now()),
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"Открытая", "Просроченная", "Возвращённая"}),
        ({"state": "open"}, {"Открытая", "Просроченная"}),
        ({"state": "overdue"}, {"Просроченная"}),
        ({"state": "returned"}, {"Возвращённая"}),
        ({"q": "R000001"}, {"Открытая"}),
        ({"q": "глеб"}, {"Просроченная", "Возвращённая"}),
        ({"q": "открытая вера"}, {"Открытая"}),
        ({"q": "нет такого"}, set()),
        ({"q": "—"}, set()),
    ],
)
def test_the_list_is_filtered_and_searched(query, expected, panel, three):
    page = words(panel.get(reverse(LIST), query))
    assert {title for title in ("Открытая", "Просроченная", "Возвращённая") if title in page} == expected


def test_a_scanned_copy_finds_its_loans(panel, three):
    page = words(panel.get(reverse(LIST), {"q": three[0].copy.barcode.lower()}))
    assert "Открытая" in page
    assert "Просроченная" not in page


def test_the_list_takes_as_many_queries_for_many_loans(panel, vera, django_assert_num_queries):
    lent("Первая", reader=vera)
    panel.get(reverse(LIST))
    with CaptureQueriesContext(connection) as few:
        panel.get(reverse(LIST))
    for n in range(10):
        lent(f"Том {n}")
    with django_assert_num_queries(len(few)):
        panel.get(reverse(LIST))
    assert len(few) <= 12


def test_a_loan_tells_its_story(panel, anna, vera, three):
    loan = three[1]
    Loan.objects.filter(pk=loan.pk).update(terms=Terms(fine_amount="5.00", cap_at_copy_price=False).as_json())
    AuditEntry.objects.create(
        at=timezone.now(),
        actor=anna,
        action="circulation.check_out",
        subject_type="circulation.loan",
        subject_id=loan.pk,
        subject_name=str(loan),
        detail={"note": "Паспорт показан"},
    )
    page = words(panel.get(reverse("admin:circulation_loan_change", args=[loan.pk])))
    assert "lent, Анна Библиотекарь — Паспорт показан" in page
    assert "6 days late, ₽30.00" in page
    assert reverse("desk_reader", args=[loan.reader.uid]) in page


def test_nothing_is_added_edited_or_deleted(client, boris, centre, three):
    client.force_login(boris)
    loan = three[0]
    assert client.get(reverse("admin:circulation_loan_add")).status_code == 403
    assert client.get(reverse("admin:circulation_loan_delete", args=[loan.pk])).status_code == 403
    assert client.post(reverse("admin:circulation_loan_change", args=[loan.pk]), {"renewals": 9}).status_code == 403
    page = words(client.get(reverse(LIST)))
    assert "delete_selected" not in page


def act(client, action, *loans):
    data = {"action": action, "_selected_action": [loan.pk for loan in loans]}
    return words(client.post(reverse(LIST), data, follow=True))


def test_chosen_loans_are_renewed_and_the_others_say_why(panel, anna, three):
    Loan.objects.filter(pk=three[1].pk).update(renewals=2)
    page = act(panel, "renew", *three)
    assert "1 loan is renewed." in page
    assert "Renewed 2 times already, of 2 allowed." in page
    assert "This loan is over: the copy has come back." in page
    three[0].refresh_from_db()
    assert three[0].renewals == 1
    assert AuditEntry.objects.get(action="circulation.renew").actor == anna


def test_chosen_copies_are_taken_back(panel, anna, three):
    page = act(panel, "take_back", *three)
    assert "2 copies are taken back." in page
    assert not Loan.objects.open().exists()
    assert AuditEntry.objects.filter(action="circulation.return", actor=anna).count() == 2


def test_without_the_permissions_there_are_no_buttons(client, anna, three):
    anna.groups.clear()
    anna.user_permissions.add(*permissions("view_loan"))
    client.force_login(anna)
    page = words(client.get(reverse(LIST)))
    assert "take_back" not in page
    act(client, "take_back", *three)
    assert Loan.objects.open().count() == 2


def permissions(*codenames):
    return Permission.objects.filter(codename__in=codenames)


def test_readers_do_not_see_the_panel(client, vera, three):
    client.force_login(vera.user)
    assert client.get(reverse(LIST)).status_code in (302, 403)
