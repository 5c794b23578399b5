"""Cards: told that they expire, extended by the reader, lost and replaced; an old number opens nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

import cashdesk.actions
from accounts import actions
from accounts.models import Consent, FormerCard
from accounts.queries import dead_card, reader_by_scan
from accounts.rules import Block, ReaderFacts
from accounts.tests.factories import LibrarianFactory, ReaderFactory
from cashdesk.models import Kind
from circulation.tests.factories import LoanFactory
from library.core.errors import Invalid, Refused
from notifications.bundling import bundle
from notifications.cards import remind_of_cards
from notifications.models import Letter, Notice
from notifications.rendering import render
from policies.tests.factories import BranchFactory, ReaderCategoryFactory
from readership.cards import renew_own_card
from readership.rules import RenewalFacts, own_renewal_refusals

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def vera():
    return ReaderFactory(
        signs_in=True,
        card_number="A-1",
        expires_on=date(2026, 3, 20),
        category=ReaderCategoryFactory(card_months=12, self_renewal_days=30, maximum_age=None),
    )


def reasons(**changes):
    reader = {"card_expires_on": date(2026, 3, 20), "is_card_lost": False, "age": 30}
    reader |= {name: changes.pop(name) for name in list(changes) if name in ReaderFacts.__dataclass_fields__}
    facts = {"today": date(2026, 3, 2), "window_days": 30, "maximum_age": None, "reader": ReaderFacts(**reader)}
    return [str(refusal.reason) for refusal in own_renewal_refusals(RenewalFacts(**(facts | changes)))]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"window_days": None}, ["renewal_at_desk"]),
        ({"today": date(2026, 2, 17)}, ["renewal_too_early"]),
        ({"today": date(2026, 2, 18)}, []),
        ({"today": date(2026, 4, 19)}, []),
        ({"today": date(2026, 4, 20)}, ["expired_too_long"]),
        ({"is_card_lost": True}, ["card_lost"]),
        ({"blocks": (Block(is_suspension=False, reason="x", until=None),)}, ["reader_blocked"]),
        ({"owed": Decimal("0.01")}, ["debt_limit"]),
        ({"overdue_loans": 1}, ["overdue_limit"]),
        ({"maximum_age": 13, "age": 14}, ["category_outgrown"]),
        ({"maximum_age": 13, "age": 13}, []),
        (
            {"window_days": None, "owed": Decimal(5), "overdue_loans": 2},
            ["renewal_at_desk", "debt_limit", "overdue_limit"],
        ),
    ],
)
def test_what_speaks_against_extending_ones_own_card(changes, expected):
    assert reasons(**changes) == expected


def test_a_reader_extends_the_card_from_its_last_day_once(vera, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        renewed = renew_own_card(reader_id=vera.pk, by=vera.user, now=NOW)
    assert renewed.expires_on == date(2027, 3, 20)
    with pytest.raises(Refused) as refused:
        renew_own_card(reader_id=vera.pk, by=vera.user, now=NOW)
    assert [refusal.reason for refusal in refused.value.refusals] == ["renewal_too_early"]


def test_debt_and_an_overdue_book_keep_the_card_as_it_is(vera, client):
    LoanFactory(reader=vera, checked_out_at=datetime(2026, 1, 1, 9, tzinfo=UTC))
    cashdesk.actions.charge(
        reader_id=vera.pk, kind=Kind.MANUAL, amount=Decimal(10), reason="Копии", branch_id=vera.home_branch_id,
        by=LibrarianFactory(), now=NOW,
    )  # fmt: skip
    with pytest.raises(Refused):
        renew_own_card(reader_id=vera.pk, by=vera.user, now=NOW)
    vera.refresh_from_db()
    assert vera.expires_on == date(2026, 3, 20)


def test_the_page_of_the_card_extends_it(vera, client):
    client.force_login(vera.user)
    type(vera).objects.filter(pk=vera.pk).update(expires_on=actions.timezone.localdate())
    assert reverse("renew_my_card") in client.get(reverse("profile")).content.decode()
    client.post(reverse("renew_my_card"))
    vera.refresh_from_db()
    assert vera.expires_on.year == actions.timezone.localdate().year + 1
    assert reverse("renew_my_card") not in client.get(reverse("profile")).content.decode()


def test_a_card_that_expires_is_told_of_once(vera):
    ReaderFactory(expires_on=date(2026, 4, 2))
    ReaderFactory(expires_on=date(2026, 3, 1))
    ReaderFactory(expires_on=date(2026, 3, 10), email="")
    ReaderFactory(expires_on=date(2026, 3, 10), is_card_lost=True)
    assert remind_of_cards(today=date(2026, 3, 2), now=NOW) == 2
    assert remind_of_cards(today=date(2026, 3, 3), now=NOW) == 1
    assert remind_of_cards(today=date(2026, 3, 3), now=NOW) == 0
    notice = Notice.objects.get(reader=vera)
    assert notice.key == f"card_expiring:{vera.uid}:2026-03-20"
    bundle(now=NOW)
    letter = render(Letter.objects.get(reader=vera))
    assert "A-1" in letter.text
    assert "/accounts/" in letter.text


def test_a_library_that_tells_nobody(vera, settings):
    settings.CARD_NOTICE_DAYS = 0
    assert remind_of_cards(today=date(2026, 3, 2), now=NOW) == 0


def test_the_number_of_a_lost_card_is_dead_and_nobody_elses(vera):
    by = LibrarianFactory()
    actions.report_card_lost(reader_id=vera.pk, by=by, now=NOW)
    actions.replace_card(reader_id=vera.pk, card_number="A-2", by=by, now=NOW)
    actions.replace_card(reader_id=vera.pk, card_number="A-3", by=by, now=NOW)
    assert list(vera.former_cards.values_list("number", "state")) == [("A-2", "replaced"), ("A-1", "lost")]
    assert reader_by_scan("a-3") == vera
    assert reader_by_scan("A-1") is None
    assert dead_card("a-1").reader == vera
    for number in ("a-1", "A-3"):
        with pytest.raises(Invalid):
            actions.replace_card(reader_id=vera.pk, card_number=number, by=by, now=NOW)
    with pytest.raises(Invalid):
        actions.register_reader(
            full_name="Х", card_number="a-2", by=by, now=NOW, category=vera.category, home_branch=vera.home_branch
        )


def test_the_desk_and_the_api_refuse_a_card_that_was_replaced(vera, client):
    by = LibrarianFactory()
    actions.replace_card(reader_id=vera.pk, card_number="A-2", by=by, now=NOW)
    branch = BranchFactory(code="centre")
    client.force_login(by)
    client.post(reverse("desk_branch"), {"branch": branch.pk})
    page = client.post(reverse("desk_scan"), {"code": "A-1"}, follow=True).content.decode()
    assert "2 марта 2026" in page.lower()
    assert vera.full_name in page
    api = APIClient()
    api.force_authenticate(by)
    answer = api.post("/api/v1/loans/", {"reader": "A-1", "copy": "no-copy", "branch": "centre"})
    assert answer.status_code == 409
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["card_lost"]


def test_consent_is_kept_with_its_days(vera):
    for is_given in (True, True, False, False, True):
        actions.set_consent(reader_id=vera.pk, kind=Consent.Kind.HISTORY, is_given=is_given, now=NOW)
    assert list(vera.consents.values_list("withdrawn_at", flat=True)) == [NOW, None]
    assert FormerCard.objects.count() == 0
