"""A reader's own pages: own loans only, renewed or told why not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import ReaderBlockFactory, UserFactory
from circulation.models import Loan
from circulation.tests.factories import LoanFactory
from policies.terms import Terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_vera(client, vera):
    """Vera, signed in, in English."""
    client.force_login(vera.user)
    client.cookies["django_language"] = "en"
    return client


def lent(reader, title="Книга", days_ago=1, **fields):
    """A loan of so many days ago by the clock on the wall."""
    at = timezone.now() - timedelta(days=days_ago)
    return LoanFactory(reader=reader, checked_out_at=at, copy__book__title=title, **fields)


def words(response):
    return response.content.decode()


@pytest.mark.parametrize("name", ["my_loans", "my_history"])
def test_strangers_sign_in_first(name, client):
    response = client.get(reverse(name))
    assert response.url == f"{reverse('account_login')}?next={reverse(name)}"


def test_strangers_renew_nothing(client, vera):
    loan = lent(vera)
    assert client.post(reverse("renew_mine"), {"loan": loan.uid}).status_code == 302
    loan.refresh_from_db()
    assert loan.renewals == 0


def test_only_own_loans_are_seen(as_vera, vera, gleb):
    lent(vera, "Моя книга")
    lent(gleb, "Чужая книга")
    lent(gleb, "Чужая прочитанная", returned_at=timezone.now())
    page = words(as_vera.get(reverse("my_loans"))) + words(as_vera.get(reverse("my_history")))
    assert "Моя книга" in page
    assert "Чужая" not in page
    assert "Глеб" not in page


def test_only_own_loans_are_renewed(as_vera, gleb):
    his = lent(gleb)
    assert as_vera.post(reverse("renew_mine"), {"loan": his.uid}).status_code == 404
    as_vera.post(reverse("renew_mine"))
    his.refresh_from_db()
    assert his.renewals == 0


def test_one_loan_is_renewed(as_vera, vera):
    first, second = lent(vera, "Первая"), lent(vera, "Вторая")
    page = words(as_vera.post(reverse("renew_mine"), {"loan": first.uid}, follow=True))
    assert dict(Loan.objects.values_list("pk", "renewals")) == {first.pk: 1, second.pk: 0}
    assert "“Первая” is yours until" in page
    assert "Вторая” is" not in page


def test_all_are_renewed_and_what_is_not_says_why(as_vera, vera):
    good, spent = lent(vera, "Первая"), lent(vera, "Вторая", renewals=2)
    page = words(as_vera.post(reverse("renew_mine"), follow=True))
    assert dict(Loan.objects.values_list("pk", "renewals")) == {good.pk: 1, spent.pk: 2}
    assert "“Первая” is yours until" in page
    assert "“Вторая” was not renewed. Renewed 2 times already, of 2 allowed." in page


def test_why_not_is_told_before_the_click(as_vera, vera):
    lent(vera)
    ReaderBlockFactory(reader=vera, reason="Порча книги", starts_on=timezone.localdate())
    page = words(as_vera.get(reverse("my_loans")))
    assert "Cannot be renewed now." in page
    assert "The card is blocked: Порча книги" in page
    assert 'name="loan"' not in page


def test_due_dates_are_told_in_words(as_vera, vera):
    lent(vera, "Свежая")
    lent(vera, "Скоро", days_ago=13)
    lent(vera, "Поздно", days_ago=20)
    page = words(as_vera.get(reverse("my_loans")))
    assert page.index("Поздно") < page.index("Скоро") < page.index("Свежая")
    assert "6 days late" in page
    assert "due tomorrow" in page
    assert "due in 13 days" in page


def test_the_fine_so_far_is_told(as_vera, vera):
    terms = Terms(fine_amount="5.00", cap_at_copy_price=False).as_json()
    lent(vera, days_ago=20, terms=terms)
    assert "If you bring it back or renew it today, the fine is ₽30.00." in words(as_vera.get(reverse("my_loans")))


def test_a_due_date_is_of_the_branchs_clock(as_vera, vera, centre):
    centre.time_zone = "Asia/Vladivostok"
    centre.save(update_fields=["time_zone"])
    at = datetime(2026, 3, 16, 13, 59, 59, tzinfo=UTC)
    LoanFactory(reader=vera, copy__branch=centre, due_at=at)
    assert "16 March 2026</span>" in words(as_vera.get(reverse("my_loans")))


def test_history_shows_what_came_back_by_pages(as_vera, vera, new_copy):
    start = datetime(2025, 1, 1, 12, tzinfo=UTC)
    for n in range(26):
        at = start + timedelta(days=n)
        LoanFactory(reader=vera, copy__book__title=f"Том {n:02}", checked_out_at=at, returned_at=at + timedelta(days=1))
    first, second = (words(as_vera.get(reverse("my_history"), {"page": page})) for page in (1, 2))
    assert "26 loans brought back." in first
    assert "Том 25" in first
    assert "Lent on 26 January 2025, brought back on 27 January 2025" in first
    assert "Том 00" not in first
    assert "Том 00" in second


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "9" * 30])
def test_impossible_pages_show_a_possible_one(page, as_vera, vera):
    lent(vera, returned_at=timezone.now())
    assert as_vera.get(reverse("my_history"), {"page": page}).status_code == 200


@pytest.mark.parametrize("name", ["my_loans", "my_history"])
def test_a_user_without_a_card_is_told_where_to_get_one(name, client):
    client.force_login(UserFactory())
    client.cookies["django_language"] = "en"
    assert "You have no library card" in words(client.get(reverse(name)))


def test_a_user_without_a_card_renews_nothing(client):
    client.force_login(UserFactory())
    assert client.post(reverse("renew_mine")).status_code == 404


def test_nonsense_is_not_found(as_vera):
    assert as_vera.post(reverse("renew_mine"), {"loan": "nonsense"}).status_code == 404
    assert as_vera.get(reverse("renew_mine")).status_code == 405


@pytest.mark.parametrize(("name", "returned"), [("my_loans", False), ("my_history", True)])
def test_queries_do_not_grow_with_the_loans(name, returned, as_vera, vera, centre, django_assert_num_queries):
    fields = {"copy__branch": centre} | ({"returned_at": timezone.now()} if returned else {})
    lent(vera, **fields)
    as_vera.get(reverse(name))
    with CaptureQueriesContext(connection) as few:
        as_vera.get(reverse(name))
    for _ in range(10):
        lent(vera, **fields)
    with django_assert_num_queries(len(few)):
        as_vera.get(reverse(name))
