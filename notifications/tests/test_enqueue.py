"""Writing notices: once per key, in the caller's transaction, one query."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from accounts.models import Reader
from notifications.actions import Draft, enqueue, enqueue_many
from notifications.letters import loan_line
from notifications.models import Event, Notice
from policies.models import Branch, ReaderCategory

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return Reader.objects.create(
        card_number="1001",
        full_name="Alice",
        email="alice@example.org",
        category=ReaderCategory.objects.create(code="adult", name="Adult"),
        home_branch=Branch.objects.create(code="main", name="Main"),
        registered_on=date(2026, 1, 1),
        expires_on=date(2027, 1, 1),
    )


def test_a_notice_costs_one_query_and_a_repeat_changes_nothing(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        notice = enqueue(key="welcome:1", event=Event.WELCOME, reader=alice, data={"n": 1}, now=NOW)
    assert notice.reader == alice
    enqueue(key="welcome:1", event=Event.WELCOME, reader=alice, data={"n": 2}, now=NOW)
    assert list(Notice.objects.values_list("key", "event", "data", "created_at")) == [
        ("welcome:1", "welcome", {"n": 1}, NOW)
    ]


def test_a_notice_dies_with_the_transaction_of_its_cause(alice):
    with transaction.atomic():
        enqueue(key="welcome:1", event=Event.WELCOME, reader=alice, data={}, now=NOW)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_many_notices_are_written_by_the_thousand(alice, django_assert_num_queries):
    drafts = [Draft(key=f"overdue:{n}", event=Event.OVERDUE, reader=alice, data={}, stage=7) for n in range(1500)]
    with django_assert_num_queries(2):
        assert enqueue_many(drafts, now=NOW) == 1500
    assert enqueue_many([*drafts, Draft(key="new", event=Event.OVERDUE, reader=alice, data={})], now=NOW) == 1501
    assert Notice.objects.count() == 1501
    assert Notice.objects.filter(stage=7).count() == 1500


def test_receipts_wait_two_minutes_for_the_rest_of_the_pile(alice):
    enqueue(key="r", event=Event.LOAN_RECEIPT, reader=alice, data={}, now=NOW)
    enqueue(key="o", event=Event.OVERDUE, reader=alice, data={}, now=NOW)
    assert Notice.objects.get(key="r").ready_at == datetime(2026, 11, 20, 9, 2, tzinfo=UTC)
    assert Notice.objects.get(key="o").ready_at == NOW


@pytest.mark.parametrize(
    ("due_at", "zone", "due_on", "due_time"),
    [
        (datetime(2026, 11, 20, 20, 59, 59, tzinfo=UTC), "Europe/Moscow", "2026-11-20", ""),
        (datetime(2026, 11, 20, 13, 59, 59, tzinfo=UTC), "Asia/Vladivostok", "2026-11-20", ""),
        (datetime(2026, 11, 20, 15, 30, tzinfo=UTC), "Asia/Vladivostok", "2026-11-21", "01:30"),
        (datetime(2026, 11, 20, 15, 30, tzinfo=UTC), "Europe/Moscow", "2026-11-20", "18:30"),
    ],
)
def test_due_days_are_those_of_the_branch(due_at, zone, due_on, due_time):
    line = loan_line(
        loan="u",
        title="Мать",
        inventory_number="17",
        branch="Main",
        due_at=due_at,
        zone=ZoneInfo(zone),
        authors="Горький",
    )
    assert (line["due_on"], line["due_time"], line["authors"]) == (due_on, due_time, "Горький")
