"""The panel's reader pages with what circulation adds to them: the books at home."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import LibrarianFactory, ReaderBlockFactory, ReaderFactory
from circulation.tests.factories import LoanFactory

pytestmark = pytest.mark.django_db

READERS = reverse("admin:accounts_reader_changelist")


@pytest.fixture(autouse=True)
def _librarian(client):
    client.force_login(LibrarianFactory())


def page_of(reader):
    return reverse("admin:accounts_reader_change", args=[reader.pk])


def late_loan():
    return LoanFactory(checked_out_at=datetime(2026, 1, 1, tzinfo=UTC), due_at=datetime(2026, 1, 15, tzinfo=UTC))


def test_list_tells_who_has_books_and_who_is_late(client):
    late = late_loan().reader
    ReaderFactory()
    for query in ({"loans": "open"}, {"loans": "overdue"}):
        assert list(client.get(READERS, query).context["cl"].result_list) == [late]


def test_page_shows_the_books_at_home(client):
    loan = late_loan()
    text = client.get(page_of(loan.reader)).text
    assert loan.copy.inventory_number in text
    assert "stamp--late" in text


def test_page_asks_a_bounded_number_of_questions(client, django_assert_max_num_queries):
    reader = ReaderFactory()
    LoanFactory.create_batch(4, reader=reader)
    ReaderBlockFactory.create_batch(3, reader=reader)
    with django_assert_max_num_queries(20):
        client.get(page_of(reader))


def test_front_page_counts_the_loans_of_the_day(client):
    late_loan()
    due_today = timezone.make_aware(datetime.combine(timezone.localdate(), time(23, 59, 59)))
    LoanFactory(due_at=due_today)
    LoanFactory(due_at=due_today + timedelta(days=1))
    LoanFactory(returned_at=datetime(2026, 3, 2, 12, tzinfo=UTC))
    figures = {
        figure.url.partition("state=")[2]: (figure.value, figure.url)
        for figure in client.get(reverse("admin:index")).context["figures"]
    }
    assert {state: value for state, (value, _url) in figures.items() if state} == {
        "open": 3,
        "today": 1,
        "overdue": 1,
        "claimed": 0,
    }
    for state in ("open", "today", "overdue"):
        value, url = figures[state]
        assert client.get(url).context["cl"].result_count == value


def test_figures_need_the_permission(client, django_user_model):
    user = django_user_model.objects.get()
    user.groups.get().permissions.clear()
    assert client.get(reverse("admin:index")).context["figures"] == []
